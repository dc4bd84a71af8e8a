//! One shard's work, without actors or threads: calls come in, steps wait for their sync, committed
//! ones are applied in order, answers go out.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::account::{Account, Action, Effect};
use crate::catalog::Catalog;
use crate::customer::CustomerVerdict;
use crate::engine::call::{Group, Proposal};
use crate::engine::entry::{Entry, EntryBody};
use crate::engine::imaging::Imaging;
use crate::engine::names::Names;
use crate::engine::reply::{EngineError, Reply, Said};
use crate::engine::reply_port::{Answered, ReplyPort};
use crate::engine::sequencer::{Answers, Read, ReadWhat, Sequencer, Step, StepBody, Writes};
use crate::engine::shard::{Effects, Shard, TOUCHED_ENTRIES_MAX};
use crate::id::{CustomerNumber, MeterNumber, Seq};
use crate::metrics::{Answer, CommandKind, CommandTally};
use crate::time::Timestamp;
use crate::units::Balance;

/// Steps that are applied before sockets are served again. Unsliced batches cost 15 to 20 % of the
/// throughput.
pub const SLICE_STEPS: usize = 512;

/// A caller's group that is not answered yet.
#[derive(Debug)]
struct Unanswered {
    port: ReplyPort,
    ticket: u64,
    calls: usize,
    replies: Vec<Reply>,
}

/// Whether a group follows something of its caller that is still under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Its reads wait for what was asked before.
    Behind,
    /// Nothing is under way, so reads are answered at once: what is applied is durable.
    First,
}

/// What is left to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// More steps can be taken now.
    More,
    /// Nothing can be done before the next commit.
    Waiting,
}

/// A timer that a customer wants: the next expiry or effective time of an account, or the end of a
/// period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Due {
    /// When.
    pub at: Timestamp,
    /// The customer.
    pub customer: CustomerNumber,
    /// What is due.
    pub what: DueWhat,
}

/// What a timer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DueWhat {
    /// A grant on this meter expires or takes effect.
    Account(MeterNumber),
    /// A period of a subscription ends.
    TurnOver,
}

impl Due {
    /// What is proposed when the time has come.
    #[must_use]
    pub const fn proposal(self) -> Proposal {
        let Self { customer, what, .. } = self;
        match what {
            DueWhat::Account(meter) => Proposal::Advance { customer, meter },
            DueWhat::TurnOver => Proposal::TurnOver(customer),
        }
    }
}

/// What a shard works with, between its doors and its journal.
pub struct ShardCore {
    /// The state.
    pub shard: Shard,
    /// Gives calls their order.
    pub sequencer: Sequencer,
    /// The snapshot under way.
    pub imaging: Option<Imaging>,
    /// Counts answers until they are added to the metrics.
    pub tally: CommandTally,
    /// Units that left accounts otherwise than by use, and timers; for the actor to hand on.
    pub effects: Effects,
    /// When periods end that begun since they were taken.
    turnovers: Vec<Due>,
    /// The last position applied, for others to see. Whoever was answered sees it no lower than what
    /// the answer is about.
    pub published: Arc<AtomicU64>,
    steps: VecDeque<Step>,
    unanswered: VecDeque<Unanswered>,
    committed: Seq,
    failed: bool,
}

impl ShardCore {
    /// A recovered shard whose whole journal is applied.
    #[must_use]
    pub fn new(shard: Shard, sequencer: Sequencer) -> Self {
        let committed = shard.applied;
        Self {
            shard,
            sequencer,
            imaging: None,
            tally: CommandTally::default(),
            effects: Effects::new(),
            turnovers: Vec::new(),
            published: Arc::new(AtomicU64::new(committed.0)),
            steps: VecDeque::new(),
            unanswered: VecDeque::new(),
            committed,
            failed: false,
        }
    }

    /// Takes a group in; `port` hears the answers under `ticket`.
    pub fn submit(
        &mut self,
        mut group: Group,
        place: Place,
        writes: Writes,
        port: ReplyPort,
        ticket: u64,
    ) {
        let calls = group.calls.len();
        let refusal = if self.failed {
            Some(EngineError::Stopping)
        } else if self.sequencer.has_room(self.steps.len()) {
            None
        } else {
            Some(EngineError::Busy)
        };
        let mut unanswered = Unanswered { port, ticket, calls, replies: Vec::with_capacity(calls) };
        if let Some(error) = refusal {
            // The caller's earlier groups are answered first: it takes its place behind them.
            self.steps.extend((0..calls).map(|_| Step {
                body: StepBody::Say(Reply::Error(error)),
                answers: Answers::Caller,
            }));
            self.unanswered.push_back(unanswered);
            return;
        }
        let overdue = self.sequencer.overdue(&self.shard).is_some();
        let reads = group.calls.iter().all(|call| call.body.is_read());
        if place == Place::First && reads && !overdue {
            let mut steps = VecDeque::with_capacity(calls);
            self.sequencer.sequence(&mut group, writes, &self.shard, &mut steps);
            unanswered.replies.extend(steps.into_iter().map(|step| match step.body {
                StepBody::Read(read) => self.read(&read),
                StepBody::Say(reply) => reply,
                StepBody::Apply(_) => Reply::Error(EngineError::Stopping),
            }));
            unanswered.port.send(Answered { ticket, replies: unanswered.replies });
            return;
        }
        self.sequencer.sequence(&mut group, writes, &self.shard, &mut self.steps);
        self.unanswered.push_back(unanswered);
    }

    /// Takes in what the engine asks of itself.
    pub fn propose(&mut self, proposal: Proposal, catalog: &Arc<Catalog>) {
        if self.failed || !self.is_needed(proposal) {
            return;
        }
        // These records are a few bytes, so they always fit.
        let _ = self.sequencer.propose(proposal, catalog, &self.shard, &mut self.steps);
    }

    /// A timer may have been overtaken by a command.
    fn is_needed(&mut self, proposal: Proposal) -> bool {
        match proposal {
            Proposal::Advance { customer, meter } => {
                let now = self.sequencer.now();
                let account = self.shard.account(customer, meter);
                let Some(due) = account.and_then(Account::next_due) else { return false };
                if due > now {
                    // A command came first and did it. A timer that fired sets the next one.
                    self.effects.push((customer, meter, Effect::DueAt(due)));
                }
                due <= now
            }
            // The sequencer looks whether it still is; what is in step already stays as it is.
            Proposal::TurnOver(_) | Proposal::SyncBenefits { .. } | Proposal::Catalog(_) => true,
        }
    }

    /// Every record up to and with `seq` is durable.
    pub fn committed(&mut self, seq: Seq) {
        self.committed = self.committed.max(seq);
    }

    /// The last record that is durable.
    #[must_use]
    pub const fn committed_seq(&self) -> Seq {
        self.committed
    }

    /// Nothing more becomes durable: whoever waits is told so, and so is everybody later.
    pub fn fail(&mut self) {
        self.failed = true;
        self.steps.clear();
        for mut group in self.unanswered.drain(..) {
            group.replies.resize(group.calls, Reply::Error(EngineError::Stopping));
            group.port.send(Answered { ticket: group.ticket, replies: group.replies });
        }
    }

    /// How many steps wait.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.steps.len()
    }

    /// Takes up to [`SLICE_STEPS`] steps.
    pub fn slice(&mut self) -> Progress {
        let mut left = SLICE_STEPS;
        while left > 0 {
            let chunk = left.min(TOUCHED_ENTRIES_MAX);
            self.touch_ahead(chunk);
            for _ in 0..chunk {
                if self.step() == Progress::Waiting {
                    return Progress::Waiting;
                }
            }
            left = left.saturating_sub(chunk);
        }
        Progress::More
    }

    /// Brings what the next steps will need into the cache.
    fn touch_ahead(&self, steps: usize) {
        let entries = self.steps.iter().take(steps).filter_map(|step| match &step.body {
            StepBody::Apply(entry) => Some(entry),
            StepBody::Read(_) | StepBody::Say(_) => None,
        });
        std::hint::black_box(self.shard.touch(entries));
    }

    fn step(&mut self) -> Progress {
        let ready = match self.steps.front().map(|step| &step.body) {
            Some(StepBody::Apply(_)) => self.shard.applied < self.committed,
            Some(StepBody::Read(_) | StepBody::Say(_)) => true,
            None => false,
        };
        if !ready {
            return Progress::Waiting;
        }
        let Some(step) = self.steps.pop_front() else { return Progress::Waiting };
        let reply = match step.body {
            StepBody::Apply(entry) => self.apply(&entry),
            StepBody::Read(read) => self.read(&read),
            StepBody::Say(reply) => reply,
        };
        if step.answers == Answers::Caller {
            self.answer(reply);
        }
        Progress::More
    }

    fn apply(&mut self, entry: &Entry) -> Reply {
        if let (Some(imaging), Some(customer)) = (&mut self.imaging, entry.customer()) {
            imaging.before_change(&self.shard, customer);
        }
        let reply = match &entry.body {
            EntryBody::Profile(profile) => {
                let number = profile.customer;
                let before = self.shard.customer(number).map(Names::of).unwrap_or_default();
                let reply = self.shard.apply(entry, &mut self.effects);
                let asked = Names::asked(&profile.command);
                self.sequencer.settle_names(&self.shard, number, before, asked);
                reply
            }
            EntryBody::Purchase(purchase) => {
                let reply = self.shard.apply(entry, &mut self.effects);
                self.sequencer.note_purchases(&mut self.shard);
                let customer = purchase.customer;
                let at = self.shard.next_turnover_of(customer);
                let due = at.map(|at| Due { at, customer, what: DueWhat::TurnOver });
                self.turnovers.extend(due);
                reply
            }
            EntryBody::Customer(_)
            | EntryBody::Command { .. }
            | EntryBody::Event(_)
            | EntryBody::Catalog(_) => self.shard.apply(entry, &mut self.effects),
        };
        if let Some(answer) = answer_of(&reply) {
            self.tally.count(kind_of(entry), answer);
        }
        reply
    }

    fn read(&self, read: &Read) -> Reply {
        match (read.what, read.customer) {
            (ReadWhat::Balance(meter), Some(customer)) => {
                Reply::Balance(self.shard.balance(customer, meter, read.time).0)
            }
            (ReadWhat::Balance(_), None) => Reply::Balance(Balance::default().0),
            (ReadWhat::Grants(meter), customer) => Reply::Grants(
                customer
                    .map(|customer| self.shard.grants(customer, meter, read.time))
                    .unwrap_or_default()
                    .into(),
            ),
            (ReadWhat::State, customer) => Reply::State(
                customer
                    .map(|customer| self.shard.state(customer, read.time))
                    .unwrap_or_default()
                    .into(),
            ),
        }
    }

    fn answer(&mut self, reply: Reply) {
        let Some(oldest) = self.unanswered.front_mut() else { return };
        oldest.replies.push(reply);
        if oldest.replies.len() == oldest.calls
            && let Some(done) = self.unanswered.pop_front()
        {
            self.published.store(self.shard.applied.0, Ordering::Release);
            done.port.send(Answered { ticket: done.ticket, replies: done.replies });
        }
    }

    /// Images some more of the snapshot under way, and says how long to leave the arbiter to
    /// others. `None` when nothing is left to do.
    pub fn image(&mut self) -> Option<Duration> {
        let imaging = self.imaging.as_mut()?;
        let pause = imaging.step(&mut self.shard);
        if pause.is_none() {
            self.imaging = None;
        }
        pause
    }

    /// Takes the timers out of the effects so far; what is left is for the metrics.
    pub fn take_due(&mut self) -> Vec<Due> {
        let accounts = self
            .effects
            .extract_if(.., |(_, _, effect)| matches!(effect, Effect::DueAt(_)))
            .filter_map(|(customer, meter, effect)| match effect {
                Effect::DueAt(at) => Some(Due { at, customer, what: DueWhat::Account(meter) }),
                Effect::GrantEnded { .. } | Effect::Carried { .. } | Effect::Overage { .. } => None,
            });
        let turnovers = std::mem::take(&mut self.turnovers);
        accounts.chain(turnovers).collect()
    }

    /// Whether timers wait to be taken.
    #[must_use]
    pub const fn has_effects(&self) -> bool {
        !self.effects.is_empty() || !self.turnovers.is_empty()
    }

    /// All timers, for a scheduler that starts anew.
    pub fn all_due(&self) -> impl Iterator<Item = Due> {
        let customers = u32::try_from(self.shard.customers_len()).unwrap_or(u32::MAX);
        let accounts = (0..customers).map(CustomerNumber).flat_map(move |customer| {
            self.shard.accounts(customer).filter_map(move |(meter, account)| {
                account.next_due().map(|at| Due { at, customer, what: DueWhat::Account(meter) })
            })
        });
        let turnovers = self.shard.turnovers();
        let turnovers =
            turnovers.map(|(at, customer)| Due { at, customer, what: DueWhat::TurnOver });
        accounts.chain(turnovers)
    }
}

const fn kind_of(entry: &Entry) -> CommandKind {
    match &entry.body {
        EntryBody::Event(_) => CommandKind::Event,
        EntryBody::Command { action, .. } => match action {
            Action::Use(_) => CommandKind::Use,
            Action::Debit(_) => CommandKind::Debit,
            Action::Grant(_) => CommandKind::Grant,
            Action::Void(_) => CommandKind::Void,
            Action::Revoke(_) => CommandKind::Revoke,
            Action::Reset(_) => CommandKind::Reset,
            Action::Turnover(_) => CommandKind::Turnover,
            Action::Advance => CommandKind::Advance,
        },
        EntryBody::Purchase(_) => CommandKind::Purchase,
        EntryBody::Customer(_) | EntryBody::Profile(_) | EntryBody::Catalog(_) => {
            CommandKind::Directory
        }
    }
}

fn answer_of(reply: &Reply) -> Option<Answer> {
    match reply {
        Reply::Verdict { said: Said::Applied, .. }
        | Reply::Ingested { inserted: 1.., .. }
        | Reply::Purchase(CustomerVerdict::Applied)
        | Reply::Done => Some(Answer::Applied),
        Reply::Verdict { said: Said::Refused, .. }
        | Reply::Purchase(CustomerVerdict::Refused(_)) => Some(Answer::Refused),
        Reply::Verdict { said: Said::Duplicate, .. } | Reply::Ingested { .. } => {
            Some(Answer::Duplicate)
        }
        Reply::Verdict { said: Said::DuplicateRefused, .. } => Some(Answer::DuplicateRefused),
        Reply::Balance(_) | Reply::Grants(_) | Reply::State(_) | Reply::Error(_) => None,
    }
}

#[cfg(test)]
mod tests;
