//! The scheduler actor: knows what falls due when, and proposes it to the shards as commands.
//!
//! It decides nothing. What it proposes is journaled and applied like any other command, and a shard
//! drops a proposal that was overtaken. It keeps nothing on disk: at start every shard tells it the
//! timers of its accounts.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Addr, AsyncContext, Context, Handler, Message, SpawnHandle};
use tokio::sync::oneshot;

use crate::engine::call::Proposal;
use crate::engine::shard_actor::{Propose, ShardHandle};
use crate::engine::shard_core::Due;
use crate::id::ShardNumber;
use crate::time::{Clock, Timestamp};

/// Proposals that go to a shard in one message, so that a flood of expiries leaves room for others.
const PROPOSALS_AT_ONCE_MAX: usize = 1_000;

/// Longest sleep, so that a system clock that was set forward is noticed.
const SLEEP_MAX: Duration = Duration::from_secs(1);

/// Where shards set timers.
#[derive(Debug, Clone)]
pub struct Timers {
    scheduler: Addr<SchedulerActor>,
}

impl Timers {
    /// Sets timers for accounts of `shard`.
    pub fn set(&self, shard: ShardNumber, due: Vec<Due>) {
        if !due.is_empty() {
            send(&self.scheduler, SetTimers { shard, due });
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "one message a slice of at most 512 commands, and the actor only inserts"
)]
fn send(scheduler: &Addr<SchedulerActor>, message: SetTimers) {
    scheduler.do_send(message);
}

#[derive(Debug, Message)]
#[rtype(result = "()")]
struct SetTimers {
    shard: ShardNumber,
    due: Vec<Due>,
}

/// The shards that can be proposed to.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Begin {
    /// By number.
    pub shards: Vec<ShardHandle>,
}

/// The clock was moved by hand: propose what fell due, and say when all of it is applied.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct ClockMoved {
    /// Hears that everything due is applied.
    pub done: oneshot::Sender<()>,
}

/// Knows what falls due when.
pub struct SchedulerActor {
    clock: Arc<dyn Clock>,
    shards: Vec<ShardHandle>,
    timers: BTreeSet<(Timestamp, ShardNumber, Due)>,
    sleeping: Option<SpawnHandle>,
}

impl SchedulerActor {
    /// A scheduler without timers.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, shards: Vec::new(), timers: BTreeSet::new(), sleeping: None }
    }

    /// The way to it.
    #[must_use]
    pub const fn timers(scheduler: Addr<Self>) -> Timers {
        Timers { scheduler }
    }

    /// Takes the timers that are due, at most so many of each shard that one message holds them.
    fn take_due(&mut self) -> Vec<(ShardHandle, Vec<Proposal>)> {
        let now = self.clock.now();
        let mut due: Vec<Vec<Proposal>> = self.shards.iter().map(|_| Vec::new()).collect();
        while let Some(&(at, shard, timer)) = self.timers.first() {
            let Some(proposals) = due.get_mut(usize::from(shard.0)) else { break };
            if at > now || proposals.len() >= PROPOSALS_AT_ONCE_MAX {
                break;
            }
            self.timers.pop_first();
            proposals.push(timer.proposal());
        }
        self.shards
            .iter()
            .cloned()
            .zip(due)
            .filter(|(_, proposals)| !proposals.is_empty())
            .collect()
    }

    fn is_due(&self) -> bool {
        let now = self.clock.now();
        !self.shards.is_empty() && self.timers.first().is_some_and(|(at, _, _)| *at <= now)
    }

    /// Proposes what is due, waits until it is applied, and goes on with what is left.
    fn propose(&mut self, context: &mut Context<Self>, done: Option<oneshot::Sender<()>>) {
        let due = self.take_due();
        let waits: Vec<_> = due
            .into_iter()
            .map(|(shard, proposals)| async move {
                let (heard, applied) = oneshot::channel();
                if shard.propose(Propose { proposals, done: Some(heard) }).await.is_ok() {
                    // A shard that fails meanwhile ends the server; there is nothing to add here.
                    let _ = applied.await;
                }
            })
            .collect();
        let all = async move {
            for wait in waits {
                wait.await;
            }
        };
        let applied = actix::fut::wrap_future::<_, Self>(all);
        context.spawn(actix::fut::ActorFutureExt::map(applied, move |(), actor, context| {
            if actor.is_due() {
                actor.propose(context, done);
            } else {
                let _ = done.map(|done| done.send(()));
                actor.sleep(context);
            }
        }));
    }

    /// Sleeps until the next timer.
    fn sleep(&mut self, context: &mut Context<Self>) {
        if let Some(sleeping) = self.sleeping.take() {
            context.cancel_future(sleeping);
        }
        let Some(&(at, _, _)) = self.timers.first() else { return };
        let microseconds = u64::try_from(at.since(self.clock.now())).unwrap_or(0);
        let pause = Duration::from_micros(microseconds).min(SLEEP_MAX);
        self.sleeping = Some(context.run_later(pause, |actor, context| {
            actor.sleeping = None;
            if actor.is_due() {
                actor.propose(context, None);
            } else {
                actor.sleep(context);
            }
        }));
    }
}

impl Actor for SchedulerActor {
    type Context = Context<Self>;
}

impl Handler<SetTimers> for SchedulerActor {
    type Result = ();

    fn handle(&mut self, message: SetTimers, context: &mut Context<Self>) {
        let first = self.timers.first().map(|(at, _, _)| *at);
        self.timers.extend(message.due.into_iter().map(|due| (due.at, message.shard, due)));
        if self.timers.first().map(|(at, _, _)| *at) != first {
            self.sleep(context);
        }
    }
}

impl Handler<Begin> for SchedulerActor {
    type Result = ();

    fn handle(&mut self, message: Begin, context: &mut Context<Self>) {
        self.shards = message.shards;
        self.sleep(context);
    }
}

impl Handler<ClockMoved> for SchedulerActor {
    type Result = ();

    fn handle(&mut self, message: ClockMoved, context: &mut Context<Self>) {
        self.propose(context, Some(message.done));
    }
}
