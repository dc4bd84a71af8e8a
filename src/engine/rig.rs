//! A shard for tests: no sockets, no threads, no actors; the journal in memory, the clock by hand.
//!
//! Calls are lines of text, and so are their answers:
//!
//! - `grant anna tokens 100 [key=k] [priority=1] [expires=+5] [from=+2]`
//! - `use anna tokens 3`, `debit anna tokens 3 [key=k]`, `void anna tokens k [key=k2]`
//! - `turnover anna tokens`, which clears what no grant covers
//! - `event anna tokens=5 [kind=x] [id=e1]`, which is called `call`
//! - `balance anna tokens`, `grants anna tokens`, `state anna`
//!
//! Times are seconds from now. Nothing is committed and nothing applied until the test says so,
//! except by [`Rig::ask`].

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use rust_decimal::Decimal;
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::account::{Account, Action, Settlement, Turnover};
use crate::catalog::{Catalog, CatalogEdit, NewMeter};
use crate::customer::CreditOn;
use crate::engine::call::{Call, CallBody, GrantCall, Group, Proposal};
use crate::engine::customer_meter::Moments;
use crate::engine::directory::Directory;
use crate::engine::open_batch::OpenBatch;
use crate::engine::put;
use crate::engine::recovery::{self, RecoveryTerms, Unwatched};
use crate::engine::reply::Reply;
use crate::engine::reply_port::{Answered, ReplyPort};
use crate::engine::sequencer::{Sequencer, SequencerStart, Writes};
use crate::engine::shard::Shard;
use crate::engine::shard_core::{Due, Place, Progress, ShardCore};
use crate::event::Event;
use crate::grant::Rollover;
use crate::id::{
    CatalogVersion, CustomerId, CustomerNumber, KeyHash, KeySpace, MeterId, MeterNumber,
    OrganizationId, OrganizationNumber, Seq, ShardNumber, SubscriptionId,
};
use crate::journal::memory::{MemoryDisk, MemoryJournal, Unsynced};
use crate::journal::sled::Options;
use crate::journal::{Journal, JournalError, JournalId, Records};
use crate::keys::{Remembered, WINDOW_MICROSECONDS};
use crate::metadata::Metadata;
use crate::meter::{Aggregation, Filter, MeterUnit};
use crate::span::Span;
use crate::time::{Clock, ManualClock, Timestamp};
use crate::units::{Balance, Units};

pub(super) mod script;

pub(super) const ACME: OrganizationNumber = OrganizationNumber(0);
pub(super) const JOURNAL: JournalId = JournalId(0x5eed);
pub(super) const SHARD: ShardNumber = ShardNumber(0);
pub(super) const SECOND: i64 = 1_000_000;
pub(super) const SEED: u64 = 0xfeed;
const START: i64 = 1_800_000_000 * SECOND;

/// The meters of every rig, by number. Events called `call` feed all of them.
pub(super) const METERS: [(&str, &str); 4] = [
    ("calls", r#"{"func":"count"}"#),
    ("tokens", r#"{"func":"sum","property":"tokens"}"#),
    ("peak", r#"{"func":"max","property":"tokens"}"#),
    ("kinds", r#"{"func":"unique","property":"kind"}"#),
];

/// A shard, its journal and its caller.
pub(super) struct Rig {
    pub(super) core: ShardCore,
    pub(super) clock: Arc<ManualClock>,
    pub(super) disk: MemoryDisk,
    /// Written to, never synced: it can be cut anywhere.
    pub(super) mirror: MemoryDisk,
    catalog: Arc<Catalog>,
    journal: MemoryJournal,
    mirrored: MemoryJournal,
    open: OpenBatch,
    port: mpsc::UnboundedSender<Answered>,
    inbox: mpsc::UnboundedReceiver<Answered>,
    timers: BTreeSet<Due>,
    tickets: u64,
    /// Every key that was ever sent, by customer.
    keys: BTreeSet<SentKey>,
}

/// A key, who sent it, and in which space.
type SentKey = (String, KeySpace, String);

/// Who a customer is, and its accounts with their moments.
type KnownCustomer =
    (CustomerId, OrganizationNumber, Box<str>, Timestamp, Vec<(MeterNumber, Account, Moments)>);

/// All that a shard knows.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct State {
    applied: Seq,
    time: Timestamp,
    catalog: CatalogVersion,
    customers: Vec<KnownCustomer>,
    keys: Vec<(SentKey, Option<Remembered>)>,
}

pub(super) fn catalog() -> Arc<Catalog> {
    let acme = CatalogEdit::Organization(OrganizationId(Uuid::nil()), "acme".to_owned());
    let meters = METERS.into_iter().zip(1..).map(|((name, aggregation), id)| {
        CatalogEdit::Meter(Box::new(NewMeter {
            id: MeterId(Uuid::from_u128(id)),
            organization: ACME,
            name: name.into(),
            filter: Filter::named("call"),
            aggregation: Aggregation::parse(aggregation).unwrap(),
            unit: MeterUnit::Scalar,
            metadata: Metadata::default(),
        }))
    });
    let edits = [acme].into_iter().chain(meters);
    Arc::new(edits.fold(Catalog::new(), |catalog, edit| {
        let change = catalog.resolve(edit, Timestamp::EPOCH).unwrap().unwrap();
        catalog.with(&change).unwrap()
    }))
}

fn meter(name: &str) -> MeterNumber {
    let place = METERS.iter().position(|(own, _)| *own == name);
    MeterNumber(u32::try_from(place.unwrap_or_else(|| panic!("no meter {name}"))).unwrap())
}

impl State {
    /// Whether nothing but the last position and its time is different.
    pub(super) fn differs_in_position_alone(&self, other: &Self) -> bool {
        let Self { applied, time, .. } = *self;
        Self { applied, time, ..other.clone() }.same_as(self)
    }

    /// Whether it is the same, where keys that were sent later are not known in either.
    pub(super) fn same_as(&self, other: &Self) -> bool {
        let known = |state: &Self| {
            let mut state = state.clone();
            state.keys.retain(|(_, remembered)| remembered.is_some());
            state
        };
        known(self) == known(other)
    }
}

/// Recovers what `disk` holds behind `shard`, which a snapshot made or nobody.
pub(super) fn replayed(disk: &MemoryDisk, mut shard: Shard, directory: &Directory) -> Shard {
    let (mut journal, _) = MemoryJournal::open(disk).unwrap();
    recovery::replay(&mut journal, SHARD, &mut shard, &terms(directory)).unwrap();
    shard
}

pub(super) fn terms(directory: &Directory) -> RecoveryTerms<'_> {
    RecoveryTerms {
        seed: SEED,
        key_window: WINDOW_MICROSECONDS,
        journal: Options::default(),
        directory,
        progress: &Unwatched,
    }
}

impl Rig {
    pub(super) fn new() -> Self {
        Self::with_steps_pending_max(100_000)
    }

    pub(super) fn with_steps_pending_max(most: usize) -> Self {
        Self::on(MemoryDisk::new(JOURNAL), BTreeSet::new(), most)
    }

    /// What a restart makes of `disk`.
    fn on(disk: MemoryDisk, keys: BTreeSet<SentKey>, steps_pending_max: usize) -> Self {
        let directory = Arc::new(Directory::new(SEED));
        let shard = replayed(&disk, Shard::new(WINDOW_MICROSECONDS), &directory);
        let clock = Arc::new(ManualClock::new(
            shard.time.max(Timestamp::from_microseconds(START).unwrap()),
        ));
        let (mut journal, _) = MemoryJournal::open(&disk).unwrap();
        journal.acquire().unwrap();
        let mirror = disk.copy();
        let (mut mirrored, _) = MemoryJournal::open(&mirror).unwrap();
        mirrored.acquire().unwrap();
        let open = OpenBatch::new(shard.applied, shard.time);
        let catalog = catalog();
        let sequencer = Sequencer::new(SequencerStart {
            shard: SHARD,
            seed: SEED,
            directory,
            clock: Arc::<ManualClock>::clone(&clock),
            catalog: Arc::clone(&catalog),
            open: open.clone(),
            next_customer: CustomerNumber(u32::try_from(shard.customers_len()).unwrap()),
            time: shard.time,
            steps_pending_max,
            credit_on: CreditOn::Cycle,
        });
        let core = ShardCore::new(shard, sequencer);
        let (port, inbox) = mpsc::unbounded_channel();
        let timers = core.all_due().collect();
        Self {
            core,
            clock,
            disk,
            mirror,
            catalog,
            journal,
            mirrored,
            open,
            port,
            inbox,
            timers,
            tickets: 0,
            keys,
        }
    }

    /// Pulls the plug, and starts again on what reached the disk.
    pub(super) fn restarted(self, unsynced: Unsynced) -> Self {
        let Self { disk, journal, keys, .. } = self;
        drop(journal);
        disk.crash(unsynced);
        Self::on(disk, keys, 100_000)
    }

    /// A second engine on a copy of `disk`.
    pub(super) fn beside(&self, disk: &MemoryDisk) -> Self {
        Self::on(disk.copy(), self.keys.clone(), 100_000)
    }

    /// Hands in lines as one group, and says what the answers will be called.
    pub(super) fn submit(&mut self, lines: &[&str], place: Place) -> u64 {
        let mut text = Vec::new();
        let calls = lines.iter().map(|line| self.parse(line, &mut text)).collect();
        let group = Group { organization: ACME, text: text.into(), calls };
        self.tickets += 1;
        let port = ReplyPort::Session(self.port.clone());
        self.core.submit(group, place, Writes::Taken, port, self.tickets);
        self.note_keys(lines);
        self.tickets
    }

    /// Makes durable what was sequenced, as the journal thread does.
    pub(super) fn commit(&mut self) -> Result<(), JournalError> {
        let frames = self.open.take(Vec::new(), Some(Duration::ZERO)).unwrap();
        let committed = frames.iter().try_for_each(|frame| {
            let records = Records {
                first: frame.first,
                last: frame.last,
                base_time: frame.base_time,
                bytes: &frame.bytes,
            };
            self.mirrored.submit(records).unwrap();
            self.journal.submit(records).map(drop)
        });
        match committed.and_then(|()| self.journal.commit()) {
            Ok(seq) => self.core.committed(seq),
            Err(error) => {
                self.core.fail();
                return Err(error);
            }
        }
        Ok(())
    }

    /// Applies all that is committed.
    pub(super) fn apply(&mut self) {
        while self.core.slice() == Progress::More {}
        self.timers.extend(self.core.take_due());
        self.core.effects.clear();
    }

    /// What was answered since the last time, in that order.
    pub(super) fn answers(&mut self) -> Vec<(u64, Vec<String>)> {
        let mut heard = Vec::new();
        while let Ok(Answered { ticket, replies }) = self.inbox.try_recv() {
            heard.push((ticket, replies.iter().map(show).collect()));
        }
        heard
    }

    /// Hands in one line by itself, and sees it through.
    pub(super) fn ask(&mut self, line: &str) -> String {
        let ticket = self.submit(&[line], Place::First);
        self.commit().unwrap();
        self.apply();
        let mut answers = self.answers();
        let (answered, mut replies) = answers.pop().unwrap();
        assert_eq!((answered, replies.len(), answers.len()), (ticket, 1, 0), "{line}");
        replies.pop().unwrap()
    }

    /// Asks lines of the shape `call -> answer`.
    pub(super) fn check(&mut self, ledger: &str) {
        for line in ledger.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (call, expected) = line.split_once("->").unwrap();
            assert_eq!(self.ask(call.trim()), expected.trim(), "{line}");
        }
    }

    pub(super) fn sleep(&mut self, seconds: i64) {
        self.clock.advance_to(self.clock.now().saturating_add(seconds * SECOND));
    }

    /// Proposes what is due, as the scheduler does. Returns how many proposals there were.
    pub(super) fn fire_timers(&mut self) -> usize {
        let now = self.clock.now();
        let due: Vec<Due> = self.timers.iter().filter(|due| due.at <= now).copied().collect();
        for due in &due {
            self.timers.remove(due);
            self.core.propose(due.proposal(), &self.catalog);
        }
        due.len()
    }

    pub(super) fn propose_catalog(&mut self) {
        self.core.propose(Proposal::Catalog(self.catalog.version), &self.catalog);
    }

    /// Loses the timers after that second.
    pub(super) fn forget_timers_after(&mut self, second: i64) {
        let last = Timestamp::from_microseconds(START + second * SECOND).unwrap();
        self.timers.retain(|due| due.at <= last);
    }

    /// The timers that are set.
    pub(super) fn timers(&self) -> Vec<i64> {
        self.timers.iter().map(|due| (due.at.microseconds() - START) / SECOND).collect()
    }

    pub(super) fn state(&self) -> State {
        self.state_of(&self.core.shard)
    }

    /// All that `shard` knows of what this rig asked.
    pub(super) fn state_of(&self, shard: &Shard) -> State {
        let customers = (0..u32::try_from(shard.customers_len()).unwrap()).map(CustomerNumber);
        State {
            applied: shard.applied,
            time: shard.time,
            catalog: shard.catalog,
            customers: customers
                .map(|number| {
                    let customer = shard.customer(number).unwrap();
                    let meters = shard.customer_meters(number);
                    (
                        customer.id,
                        customer.organization,
                        customer.external_id.clone(),
                        customer.created_at,
                        meters
                            .map(|(meter, m)| (meter, m.account().clone(), m.moments()))
                            .collect(),
                    )
                })
                .collect(),
            keys: self.keys.iter().map(|sent| (sent.clone(), remembered(shard, sent))).collect(),
        }
    }

    fn note_keys(&mut self, lines: &[&str]) {
        for line in lines {
            let mut words = line.split_whitespace().skip(1);
            let customer = words.next().unwrap().to_owned();
            for word in words {
                if let Some(key) = word.strip_prefix("key=") {
                    self.keys.insert((customer.clone(), KeySpace::Command, key.to_owned()));
                } else if let Some(id) = word.strip_prefix("id=") {
                    self.keys.insert((customer.clone(), KeySpace::Event, id.to_owned()));
                }
            }
        }
    }

    fn parse(&self, line: &str, text: &mut Vec<u8>) -> Call {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [verb, customer, rest @ ..] = words.as_slice() else { panic!("no call: {line}") };
        let option = |label: &str| rest.iter().find_map(|word| word.strip_prefix(label));
        if *verb == "event" {
            let json = event_json(customer, rest);
            let event = Event::parse(json.as_bytes(), self.clock.now()).unwrap();
            return Call::event(event, put(text, &json));
        }
        let customer = put(text, customer);
        let key = option("key=").map_or(Span::default(), |key| put(text, key));
        let units = || Units::parse(rest[1].as_bytes()).unwrap();
        let time = |label| {
            let seconds: Option<i64> = option(label).map(|text| text.parse().unwrap());
            seconds.map(|seconds| self.clock.now().saturating_add(seconds * SECOND))
        };
        if *verb == "state" {
            return Call { customer, key, body: CallBody::State };
        }
        let meter = meter(rest[0]);
        let body = match *verb {
            "use" => CallBody::Use { meter, units: units(), at: None },
            "debit" => CallBody::Debit { meter, units: units() },
            "grant" => {
                let terms = Box::new(GrantCall {
                    units: units(),
                    priority: option("priority=").map_or(0, |text| text.parse().unwrap()),
                    effective_at: time("from="),
                    expires_at: time("expires="),
                });
                CallBody::Grant { meter, terms }
            }
            "void" => CallBody::Void { meter, grant_key: put(text, rest[1]) },
            "turnover" => CallBody::Account { meter, action: turnover(self.clock.now()) },
            "balance" => CallBody::Balance(meter),
            "grants" => CallBody::Grants(meter),
            _ => panic!("no call: {line}"),
        };
        Call { customer, key, body }
    }
}

fn remembered(shard: &Shard, (customer, space, key): &SentKey) -> Option<Remembered> {
    let numbers = (0..u32::try_from(shard.customers_len()).unwrap()).map(CustomerNumber);
    let named =
        |number: &CustomerNumber| *shard.customer(*number).unwrap().external_id == **customer;
    let number = numbers.into_iter().find(named)?;
    shard.keys.find(KeyHash::of(SEED, number, *space, key.as_bytes()))
}

fn turnover(at: Timestamp) -> Action {
    Action::Turnover(Box::new(Turnover {
        subscription: SubscriptionId(Uuid::nil()),
        at,
        settlement: Settlement::Cleared,
        rollover: Rollover::Ends,
        credits: Vec::new(),
    }))
}

fn event_json(customer: &str, words: &[&str]) -> String {
    let option = |label| words.iter().find_map(|word| word.strip_prefix(label));
    let id = option("id=").map_or(String::new(), |id: &str| format!(r#","external_id":"{id}""#));
    let tokens = option("tokens=").map(|tokens| format!(r#""tokens":{tokens}"#));
    let kind = option("kind=").map(|kind| format!(r#""kind":"{kind}""#));
    let metadata: Vec<String> = tokens.into_iter().chain(kind).collect();
    let metadata = metadata.join(",");
    format!(
        r#"{{"name":"call","external_customer_id":"{customer}"{id},"metadata":{{{metadata}}}}}"#
    )
}

fn show(reply: &Reply) -> String {
    let text = |number: &Decimal| Balance(*number).to_string();
    match reply {
        Reply::Verdict { said, balance } => format!("{} {}", said.word(), text(balance)),
        Reply::Balance(balance) => text(balance),
        Reply::Grants(grants) => {
            let one = |grant: &crate::engine::reply::GrantView| {
                format!("{}/{}", text(&grant.drawn), text(&grant.amount))
            };
            grants.iter().map(one).collect::<Vec<_>>().join(" ")
        }
        Reply::State(meters) => {
            let one = |state: &crate::engine::reply::MeterState| {
                let name = METERS[usize::try_from(state.meter.0).unwrap()].0;
                format!("{name}={}-{}", text(&state.credited), text(&state.consumed))
            };
            meters.iter().map(one).collect::<Vec<_>>().join(" ")
        }
        Reply::Ingested { inserted, duplicates } => format!("new={inserted} known={duplicates}"),
        Reply::Purchase(verdict) => format!("{verdict:?}"),
        Reply::Done => "done".to_owned(),
        Reply::Error(error) => error.to_string(),
    }
}
