//! One customer on one meter, as a hosted actor: one account and its handlers, no opinions.

use actix::dev::{MessageResponse, OneshotSender};
use actix::{Actor, Handler, Message};

use crate::account::{Account, AccountError, Action, Outcome, Verdict};
use crate::engine::hosted::HostedContext;
use crate::time::Timestamp;

/// Holds the live balance of one customer on one meter. Lives in its shard's arena.
///
/// Two cache lines and never three: without the alignment it would lie across three of them half the
/// time. The moments fill what the alignment leaves.
#[derive(Debug)]
#[repr(align(64))]
pub struct CustomerMeter {
    account: Account,
    moments: Moments,
}

/// When a customer meter moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moments {
    /// For the first time.
    pub first: Timestamp,
    /// For the last time.
    pub last: Timestamp,
}

impl Moments {
    /// One that moved at `time` and not since.
    #[must_use]
    pub const fn once(time: Timestamp) -> Self {
        Self { first: time, last: time }
    }
}

impl CustomerMeter {
    /// The actor of an account that moved at these moments.
    #[must_use]
    pub const fn recovered(account: Account, moments: Moments) -> Self {
        Self { account, moments }
    }

    /// When it moved.
    #[must_use]
    pub const fn moments(&self) -> Moments {
        self.moments
    }

    /// The account, for reads.
    #[must_use]
    pub const fn account(&self) -> &Account {
        &self.account
    }
}

impl Actor for CustomerMeter {
    type Context = HostedContext;
}

/// A committed command, in journal order.
#[derive(Debug)]
pub struct Apply<'a> {
    /// What to do.
    pub action: &'a Action,
    /// When it was sequenced.
    pub time: Timestamp,
}

impl Message for Apply<'_> {
    type Result = Result<Outcome, AccountError>;
}

impl Handler<Apply<'_>> for CustomerMeter {
    type Result = Applied;

    fn handle(&mut self, message: Apply<'_>, _: &mut HostedContext) -> Applied {
        let applied = self.account.apply(message.action, message.time);
        if matches!(&applied, Ok(outcome) if outcome.verdict == Verdict::Applied) {
            self.moments.last = message.time;
        }
        Applied(applied)
    }
}

/// The account in the state that a command to all the customer's purchases left it in.
#[derive(Debug)]
pub struct Replace {
    /// The account.
    pub account: Account,
    /// When that command was sequenced.
    pub time: Timestamp,
}

impl Message for Replace {
    type Result = ();
}

impl Handler<Replace> for CustomerMeter {
    type Result = ();

    fn handle(&mut self, message: Replace, _: &mut HostedContext) {
        self.account = message.account;
        self.moments.last = message.time;
    }
}

/// The answer to [`Apply`]: what the account said.
#[derive(Debug)]
pub struct Applied(pub Result<Outcome, AccountError>);

impl<A, M> MessageResponse<A, M> for Applied
where
    A: Actor,
    M: Message<Result = Result<Outcome, AccountError>>,
{
    fn handle(self, _: &mut A::Context, sender: Option<OneshotSender<M::Result>>) {
        if let Some(sender) = sender {
            // The asker may have gone; the command is applied all the same.
            let _ = sender.send(self.0);
        }
    }
}
