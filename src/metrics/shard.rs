//! Metrics of one shard: its commands, journal, snapshots, recovery and contents.

use std::borrow::Cow;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use crate::id::Seq;
use crate::id::ShardNumber;

use super::Answer;
use super::CommandKind;
use super::Labels;
use super::UnitsEnd;
use super::registered;

/// A gauge of seconds.
type SecondsGauge = Gauge<f64, AtomicU64>;

/// A counter of units, rounded to a double: a figure to look at, never a balance.
type UnitsCounter = Counter<f64, AtomicU64>;

/// Upper bounds of batch sizes, in commands.
const BATCH_COMMANDS: [f64; 9] =
    [1.0, 4.0, 16.0, 64.0, 256.0, 1_024.0, 4_096.0, 16_384.0, 65_536.0];

/// Upper bounds of commits, in seconds: from a fast disk's sync to one that stalls.
const COMMIT_SECONDS: [f64; 12] =
    [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.1, 0.5, 2.0];

/// Upper bounds of snapshots, in seconds.
const SNAPSHOT_SECONDS: [f64; 8] = [0.01, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0];

/// Answers of a batch, counted without touching shared memory.
#[derive(Debug, Clone, Default)]
pub struct CommandTally {
    counts: [[u64; Answer::ALL.len()]; CommandKind::ALL.len()],
}

impl CommandTally {
    /// Counts one answer.
    pub fn count(&mut self, kind: CommandKind, answer: Answer) {
        let place = self.counts.get_mut(kind.place());
        if let Some(count) = place.and_then(|counts| counts.get_mut(answer.place())) {
            *count = count.saturating_add(1);
        }
    }
}

/// Handles of one shard.
#[derive(Debug, Clone)]
pub struct ShardMetrics {
    commands: Vec<Vec<Counter>>,
    units_ended: Vec<UnitsCounter>,
    /// Commands that wait for their batch to be committed and applied.
    pub in_flight: Gauge,
    batch_commands: Histogram,
    /// Journal commits: each is one flush and one sync.
    pub commits: Counter,
    commit_seconds: Histogram,
    /// Bytes of frames that were given to the journal.
    pub journal_bytes: Counter,
    committed_seq: Gauge,
    /// Snapshots that were written and verified.
    pub snapshots: Counter,
    /// Snapshots that failed; the ones before stay.
    pub snapshots_failed: Counter,
    snapshot_seconds: Histogram,
    snapshot_seq: Gauge,
    recovery_seconds: SecondsGauge,
    recovery_records: Gauge,
    /// Customers of this shard.
    pub customers: Gauge,
    /// Customer meters of this shard.
    pub accounts: Gauge,
    /// Idempotency keys that this shard remembers.
    pub remembered_keys: Gauge,
}

impl ShardMetrics {
    /// Adds the answers of a batch and empties the tally.
    pub fn add_commands(&self, tally: &mut CommandTally) {
        for (counters, counts) in self.commands.iter().zip(&mut tally.counts) {
            for (counter, count) in counters.iter().zip(counts) {
                if *count > 0 {
                    counter.inc_by(std::mem::take(count));
                }
            }
        }
    }

    /// Notes one journal commit: its size, how long it took and where the journal is now.
    pub fn observe_commit(&self, commands: u32, bytes: u64, took: Duration, committed: Seq) {
        self.commits.inc();
        self.batch_commands.observe(f64::from(commands));
        self.journal_bytes.inc_by(bytes);
        self.commit_seconds.observe(took.as_secs_f64());
        self.committed_seq.set(committed.0.cast_signed());
    }

    /// Notes one snapshot that counts.
    pub fn observe_snapshot(&self, took: Duration, seq: Seq) {
        self.snapshots.inc();
        self.snapshot_seconds.observe(took.as_secs_f64());
        self.snapshot_seq.set(seq.0.cast_signed());
    }

    /// Notes how the shard was recovered at start: from a snapshot at `snapshot` and `records` of
    /// the journal behind it.
    pub fn observe_recovery(&self, took: Duration, snapshot: Seq, records: u64) {
        self.recovery_seconds.set(took.as_secs_f64());
        self.recovery_records.set(records.cast_signed());
        self.snapshot_seq.set(snapshot.0.cast_signed());
    }

    /// Adds units that ended without being used.
    pub fn add_units_ended(&self, end: UnitsEnd, units: Decimal) {
        // A negative amount would end the process inside the counter's contract; it has no meaning.
        let amount = units.to_f64().filter(|amount| *amount >= 0.0);
        if let (Some(counter), Some(amount)) = (self.units_ended.get(end.place()), amount) {
            counter.inc_by(amount);
        }
    }
}

type HistogramFamily = Family<Labels, Histogram, fn() -> Histogram>;

/// The families from which each shard takes its handles.
pub(super) struct Families {
    commands: Family<Labels, Counter>,
    units_ended: Family<Labels, UnitsCounter>,
    in_flight: Family<Labels, Gauge>,
    batch_commands: HistogramFamily,
    commits: Family<Labels, Counter>,
    commit_seconds: HistogramFamily,
    journal_bytes: Family<Labels, Counter>,
    committed_seq: Family<Labels, Gauge>,
    snapshots: Family<Labels, Counter>,
    snapshots_failed: Family<Labels, Counter>,
    snapshot_seconds: HistogramFamily,
    snapshot_seq: Family<Labels, Gauge>,
    recovery_seconds: Family<Labels, SecondsGauge>,
    recovery_records: Family<Labels, Gauge>,
    customers: Family<Labels, Gauge>,
    accounts: Family<Labels, Gauge>,
    remembered_keys: Family<Labels, Gauge>,
}

impl Families {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let histogram =
            |registry: &mut Registry, name: &str, what: &str, new: fn() -> Histogram| {
                let family: HistogramFamily = Family::new_with_constructor(new);
                registry.register(name, what, family.clone());
                family
            };
        let r = registry;
        Self {
            commands: registered(r, "commands", "Sequenced commands, by kind and answer"),
            units_ended: registered(r, "units_ended", "Units that ended unused, by how"),
            in_flight: registered(r, "in_flight_commands", "Commands not yet answered"),
            batch_commands: histogram(r, "batch_commands", "Commands of a journal commit", || {
                Histogram::new(BATCH_COMMANDS)
            }),
            commits: registered(r, "journal_commits", "Journal commits, each with one sync"),
            commit_seconds: histogram(r, "journal_commit_seconds", "Time of a commit", || {
                Histogram::new(COMMIT_SECONDS)
            }),
            journal_bytes: registered(r, "journal_bytes", "Bytes given to the journal"),
            committed_seq: registered(r, "journal_committed_seq", "Last durable position"),
            snapshots: registered(r, "snapshots", "Snapshots written and verified"),
            snapshots_failed: registered(r, "snapshots_failed", "Snapshots that failed"),
            snapshot_seconds: histogram(r, "snapshot_seconds", "Time of a snapshot", || {
                Histogram::new(SNAPSHOT_SECONDS)
            }),
            snapshot_seq: registered(r, "snapshot_seq", "Position of the newest snapshot"),
            recovery_seconds: registered(r, "recovery_seconds", "Time of the last recovery"),
            recovery_records: registered(r, "recovery_records", "Records replayed at start"),
            customers: registered(r, "customers", "Customers"),
            accounts: registered(r, "accounts", "Customer meters"),
            remembered_keys: registered(r, "remembered_keys", "Idempotency keys remembered"),
        }
    }

    pub(super) fn of_shard(&self, number: ShardNumber) -> ShardMetrics {
        let shard: Labels = vec![("shard", Cow::Owned(number.to_string()))];
        let with = |more: &[(&'static str, &'static str)]| -> Labels {
            let more = more.iter().map(|(label, value)| (*label, Cow::Borrowed(*value)));
            shard.iter().cloned().chain(more).collect()
        };
        let answers = |kind: &CommandKind| {
            let counter = |answer: &Answer| {
                let labels = with(&[("kind", kind.text()), ("answer", answer.text())]);
                self.commands.get_or_create_owned(&labels)
            };
            Answer::ALL.iter().map(counter).collect()
        };
        let ended =
            |end: &UnitsEnd| self.units_ended.get_or_create_owned(&with(&[("how", end.text())]));
        ShardMetrics {
            commands: CommandKind::ALL.iter().map(answers).collect(),
            units_ended: UnitsEnd::ALL.iter().map(ended).collect(),
            in_flight: self.in_flight.get_or_create_owned(&shard),
            batch_commands: self.batch_commands.get_or_create_owned(&shard),
            commits: self.commits.get_or_create_owned(&shard),
            commit_seconds: self.commit_seconds.get_or_create_owned(&shard),
            journal_bytes: self.journal_bytes.get_or_create_owned(&shard),
            committed_seq: self.committed_seq.get_or_create_owned(&shard),
            snapshots: self.snapshots.get_or_create_owned(&shard),
            snapshots_failed: self.snapshots_failed.get_or_create_owned(&shard),
            snapshot_seconds: self.snapshot_seconds.get_or_create_owned(&shard),
            snapshot_seq: self.snapshot_seq.get_or_create_owned(&shard),
            recovery_seconds: self.recovery_seconds.get_or_create_owned(&shard),
            recovery_records: self.recovery_records.get_or_create_owned(&shard),
            customers: self.customers.get_or_create_owned(&shard),
            accounts: self.accounts.get_or_create_owned(&shard),
            remembered_keys: self.remembered_keys.get_or_create_owned(&shard),
        }
    }
}
