//! The shard actor: the mailbox of one shard, on its own arbiter. It hands what comes in to the
//! [`ShardCore`] and keeps it going; the decisions are there and below.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use actix::{Actor, Addr, Context, Handler, Message, MessageResult, Recipient};
use arc_swap::ArcSwap;
use tokio::sync::oneshot;
use tokio::task::yield_now;

use crate::account::{Effect, GrantEnd};
use crate::catalog::Catalog;
use crate::engine::call::{Group, Proposal};
use crate::engine::imaging::{Imaging, Pace, SnapshotTaker};
use crate::engine::journal_thread::JournalState;
use crate::engine::reply_port::ReplyPort;
use crate::engine::roll::{CallRoll, RollSlice};
use crate::engine::scheduler_actor::Timers;
use crate::engine::sequencer::Writes;
use crate::engine::shard_core::{Place, Progress, ShardCore};
use crate::id::{Seq, ShardNumber};
use crate::metrics::{ShardMetrics, UnitsEnd};

/// Groups that wait in the mailbox of a shard; more are answered "busy".
pub const SHARD_MAILBOX_MAX: usize = 16_384;

/// A caller's group.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Submit {
    /// The calls.
    pub group: Group,
    /// Whether something of this caller is still under way here.
    pub place: Place,
    /// Who hears the answers.
    pub port: ReplyPort,
    /// What the caller calls the group.
    pub ticket: u64,
}

/// What the engine asks of itself. `done` hears of it once it is committed and applied.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Propose {
    /// In this order.
    pub proposals: Vec<Proposal>,
    /// Hears that all of them are applied.
    pub done: Option<oneshot::Sender<()>>,
}

/// The journal got this far.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Committed(pub Seq);

/// The journal writes no more.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct JournalFailed;

/// Take a snapshot, unless one is under way or nothing changed since the last.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct TakeSnapshot {
    /// What it leaves room for.
    pub pace: Pace,
    /// Hears the position of the newest snapshot once it counts, or why there is none.
    pub done: oneshot::Sender<Result<Seq, String>>,
}

/// Take in no more, answer everything, then say how far the journal is applied.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Drain {
    /// Hears the last position applied.
    pub done: oneshot::Sender<Seq>,
}

/// What a shard actor works with.
pub struct ShardActor {
    number: ShardNumber,
    core: Rc<RefCell<ShardCore>>,
    driving: Rc<RefCell<Driving>>,
    shared: Rc<ShardShared>,
}

/// What a shard actor shares with others.
pub struct ShardShared {
    /// The catalog in force.
    pub catalog: Arc<ArcSwap<Catalog>>,
    /// What it shares with its journal thread.
    pub journal: Arc<JournalState>,
    /// What it counts.
    pub metrics: ShardMetrics,
    /// Where timers go.
    pub timers: Timers,
    /// Makes images.
    pub snapshots: SnapshotTaker,
}

/// Whether a task applies steps, and who waits until they are applied.
#[derive(Debug, Default)]
struct Driving {
    applying: bool,
    imaging: bool,
    waiting: Vec<(Seq, oneshot::Sender<()>)>,
    draining: Vec<oneshot::Sender<Seq>>,
}

impl ShardActor {
    /// The actor of a recovered shard.
    #[must_use]
    pub fn new(number: ShardNumber, core: ShardCore, shared: ShardShared) -> Self {
        Self {
            number,
            core: Rc::new(RefCell::new(core)),
            driving: Rc::default(),
            shared: Rc::new(shared),
        }
    }

    fn writes(&self) -> Writes {
        if self.shared.journal.is_disk_full() { Writes::DiskFull } else { Writes::Taken }
    }

    /// Takes a slice at once; what is left goes on between other work of this arbiter.
    fn drive(&self) {
        if self.driving.borrow().applying {
            return;
        }
        if self.slice() == Progress::Waiting {
            return;
        }
        self.driving.borrow_mut().applying = true;
        let this = self.clone();
        actix::spawn(async move {
            loop {
                yield_now().await;
                if this.slice() == Progress::Waiting {
                    break;
                }
            }
            this.driving.borrow_mut().applying = false;
        });
    }

    fn slice(&self) -> Progress {
        let mut core = self.core.borrow_mut();
        let progress = core.slice();
        if core.has_effects() {
            self.perform(&mut core);
        }
        let applied = core.shard.applied;
        core.published.store(applied.0, Ordering::Release);
        let mut driving = self.driving.borrow_mut();
        if !driving.waiting.is_empty() {
            for (_, done) in driving.waiting.extract_if(.., |(seq, _)| *seq <= applied) {
                let _ = done.send(());
            }
        }
        if !driving.draining.is_empty() && core.pending() == 0 {
            for done in driving.draining.drain(..) {
                let _ = done.send(applied);
            }
        }
        if progress == Progress::Waiting {
            self.shared.metrics.add_commands(&mut core.tally);
            self.measure(&core);
        }
        progress
    }

    fn measure(&self, core: &ShardCore) {
        let gauge = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let metrics = &self.shared.metrics;
        metrics.in_flight.set(gauge(core.pending()));
        metrics.customers.set(gauge(core.shard.customers_len()));
        metrics.accounts.set(gauge(core.shard.meters_len()));
        metrics.remembered_keys.set(gauge(core.shard.keys.len()));
    }

    fn perform(&self, core: &mut ShardCore) {
        self.shared.timers.set(self.number, core.take_due());
        for (_, _, effect) in core.effects.drain(..) {
            match effect {
                Effect::GrantEnded { end, amount, drawn, .. } => {
                    if let Some(end) = units_end(end) {
                        self.shared.metrics.add_units_ended(end, amount - drawn);
                    }
                }
                Effect::Overage { .. } | Effect::Carried { .. } | Effect::DueAt(_) => {}
            }
        }
    }

    /// Images the state in steps between other work of this arbiter.
    fn image(&self) {
        if std::mem::replace(&mut self.driving.borrow_mut().imaging, true) {
            return;
        }
        let this = self.clone();
        actix::spawn(async move {
            loop {
                yield_now().await;
                let pause = this.core.borrow_mut().image();
                let Some(pause) = pause else { break };
                if !pause.is_zero() {
                    tokio::time::sleep(pause).await;
                }
            }
            this.driving.borrow_mut().imaging = false;
        });
    }
}

impl Clone for ShardActor {
    fn clone(&self) -> Self {
        Self {
            number: self.number,
            core: Rc::clone(&self.core),
            driving: Rc::clone(&self.driving),
            shared: Rc::clone(&self.shared),
        }
    }
}

const fn units_end(end: GrantEnd) -> Option<UnitsEnd> {
    match end {
        GrantEnd::Expired => Some(UnitsEnd::Expired),
        GrantEnd::Voided => Some(UnitsEnd::Voided),
        GrantEnd::Revoked => Some(UnitsEnd::Revoked),
        GrantEnd::TurnedOver => Some(UnitsEnd::TurnedOver),
        GrantEnd::Spent => None,
    }
}

impl Actor for ShardActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        context.set_mailbox_capacity(SHARD_MAILBOX_MAX);
        let core = self.core.borrow();
        self.shared.timers.set(self.number, core.all_due().collect());
        self.measure(&core);
    }
}

impl Handler<Submit> for ShardActor {
    type Result = ();

    fn handle(&mut self, message: Submit, _: &mut Context<Self>) {
        let Submit { group, place, port, ticket } = message;
        let writes = self.writes();
        self.core.borrow_mut().submit(group, place, writes, port, ticket);
        // Answers that wait for nothing go out now.
        self.drive();
    }
}

impl Handler<Propose> for ShardActor {
    type Result = ();

    fn handle(&mut self, message: Propose, _: &mut Context<Self>) {
        let catalog = self.shared.catalog.load_full();
        let mut core = self.core.borrow_mut();
        for proposal in message.proposals {
            core.propose(proposal, &catalog);
        }
        let last = core.sequencer.last();
        drop(core);
        if let Some(done) = message.done {
            self.driving.borrow_mut().waiting.push((last, done));
        }
        self.drive();
    }
}

impl Handler<Committed> for ShardActor {
    type Result = ();

    fn handle(&mut self, Committed(seq): Committed, _: &mut Context<Self>) {
        self.core.borrow_mut().committed(seq);
        self.drive();
    }
}

impl Handler<JournalFailed> for ShardActor {
    type Result = ();

    fn handle(&mut self, _: JournalFailed, _: &mut Context<Self>) {
        self.core.borrow_mut().fail();
        self.driving.borrow_mut().waiting.clear();
        self.driving.borrow_mut().draining.clear();
    }
}

impl Handler<TakeSnapshot> for ShardActor {
    type Result = ();

    fn handle(&mut self, message: TakeSnapshot, _: &mut Context<Self>) {
        let mut core = self.core.borrow_mut();
        let ShardCore { shard, imaging, .. } = &mut *core;
        if let Some(under_way) = imaging {
            under_way.also_tell(message.done);
            return;
        }
        match Imaging::begin(
            shard,
            &self.shared.snapshots,
            &self.shared.journal,
            message.pace,
            message.done,
        ) {
            Some(begun) => *imaging = Some(begun),
            None => return,
        }
        drop(core);
        self.image();
    }
}

impl Handler<CallRoll> for ShardActor {
    type Result = MessageResult<CallRoll>;

    fn handle(&mut self, call: CallRoll, _: &mut Context<Self>) -> Self::Result {
        let mut core = self.core.borrow_mut();
        let now = core.sequencer.now();
        MessageResult(call.of(&core.shard, now))
    }
}

impl Handler<Drain> for ShardActor {
    type Result = ();

    fn handle(&mut self, message: Drain, _: &mut Context<Self>) {
        self.driving.borrow_mut().draining.push(message.done);
        self.drive();
    }
}

/// The way to a shard.
#[derive(Debug, Clone)]
pub struct ShardHandle {
    addr: Addr<ShardActor>,
    applied: Arc<AtomicU64>,
}

impl ShardHandle {
    /// The way to the shard with this address.
    #[must_use]
    pub const fn new(addr: Addr<ShardActor>, applied: Arc<AtomicU64>) -> Self {
        Self { addr, applied }
    }

    /// The last position that is applied, or one shortly before; never before one whose answer was
    /// heard.
    #[must_use]
    pub fn applied(&self) -> Seq {
        Seq(self.applied.load(Ordering::Acquire))
    }

    /// Hands a group in.
    ///
    /// # Errors
    /// Gives it back when the mailbox is full or the shard is gone.
    pub fn submit(&self, submit: Submit) -> Result<(), Submit> {
        self.addr.try_send(submit).map_err(actix::prelude::SendError::into_inner)
    }

    /// Hands in what the engine asks of itself; waits for room.
    ///
    /// # Errors
    /// The shard is gone.
    pub async fn propose(&self, propose: Propose) -> Result<(), actix::MailboxError> {
        self.addr.send(propose).await
    }

    /// Asks for a snapshot.
    ///
    /// # Errors
    /// The shard is gone.
    pub async fn take_snapshot(&self, message: TakeSnapshot) -> Result<(), actix::MailboxError> {
        self.addr.send(message).await
    }

    /// Reads customers; waits for room.
    ///
    /// # Errors
    /// The shard is gone.
    pub async fn call_roll(&self, call: CallRoll) -> Result<RollSlice, actix::MailboxError> {
        self.addr.send(call).await
    }

    /// Asks to be told when everything is answered.
    ///
    /// # Errors
    /// The shard is gone.
    pub async fn drain(&self, message: Drain) -> Result<(), actix::MailboxError> {
        self.addr.send(message).await
    }

    /// Where the journal thread reports.
    #[must_use]
    pub fn recipients(&self) -> (Recipient<Committed>, Recipient<JournalFailed>) {
        (self.addr.clone().recipient(), self.addr.clone().recipient())
    }
}
