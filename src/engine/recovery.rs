//! Recovery: the newest whole snapshot, then the journal behind it, make a shard.

use std::path::Path;

use crate::encoding::{Malformed, Reader};
use crate::engine::directory::{CustomerPlace, Directory};
use crate::engine::entry::{Entry, EntryBody, NewCustomer, ProfileEntry};
use crate::engine::imaging::{ImagedCustomer, read_customer};
use crate::engine::names::Names;
use crate::engine::offline::{journal_dir, snapshots_dir};
use crate::engine::sequencer::turnovers::enter_purchase;
use crate::engine::shard::{Effects, Shard, TOUCHED_ENTRIES_MAX};
use crate::id::{CatalogVersion, CustomerNumber, Epoch, Seq, ShardNumber};
use crate::journal::record::{each_record, read_record};
use crate::journal::sled::{Options, SledJournal};
use crate::journal::{Journal, JournalError, JournalId, Opened, ReplayStop};
use crate::snapshot::{BlockKind, SnapshotError, SnapshotReader, SnapshotStore, Totals};

/// Records between two reports of progress.
const REPORT_RECORDS: u64 = 100_000;

/// Who watches a recovery. Called from several threads, one a shard.
pub trait RecoveryProgress: Send + Sync {
    /// `shard` begins, with this many records to replay behind its snapshot.
    fn begin(&self, shard: ShardNumber, snapshot: Seq, records: u64);
    /// `shard` has replayed this many records.
    fn replayed(&self, shard: ShardNumber, records: u64);
    /// `shard` is done.
    fn done(&self, shard: ShardNumber, records: u64);
}

/// Nobody watches.
#[derive(Debug, Clone, Copy)]
pub struct Unwatched;

impl RecoveryProgress for Unwatched {
    fn begin(&self, _: ShardNumber, _: Seq, _: u64) {}
    fn replayed(&self, _: ShardNumber, _: u64) {}
    fn done(&self, _: ShardNumber, _: u64) {}
}

/// Why a shard cannot be recovered.
#[derive(Debug, thiserror::Error)]
pub enum RecoveryError {
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The snapshots.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// A snapshot is whole, but does not belong here or makes no sense.
    #[error("snapshot {file} at record {seq}: {what}", file = file.display())]
    Foreign {
        /// Which file.
        file: std::path::PathBuf,
        /// The position it stands at.
        seq: Seq,
        /// What is wrong.
        what: &'static str,
    },
}

impl RecoveryError {
    /// Whether what is stored is not what was written.
    #[must_use]
    pub const fn is_damage(&self) -> bool {
        match self {
            Self::Journal(error) => is_journal_damage(error),
            Self::Snapshot(error) => matches!(error, SnapshotError::Damaged { .. }),
            Self::Foreign { .. } => true,
        }
    }
}

/// Whether a journal is not what was written, or lacks what must be there.
#[must_use]
pub const fn is_journal_damage(error: &JournalError) -> bool {
    matches!(
        error,
        JournalError::Damaged { .. }
            | JournalError::Absent(_)
            | JournalError::Trimmed { .. }
            | JournalError::Behind { .. }
    )
}

/// A shard as it was when its last committed record was applied.
pub struct Recovered {
    /// Which one.
    pub number: ShardNumber,
    /// The state.
    pub shard: Shard,
    /// The journal, not acquired yet.
    pub journal: Box<dyn Journal>,
    /// The journal's name.
    pub journal_id: JournalId,
    /// Its snapshots.
    pub store: SnapshotStore,
    /// Position of the snapshot it began with; zero when there was none.
    pub snapshot: Seq,
    /// Records replayed behind it.
    pub replayed: u64,
    /// The greatest epoch so far.
    pub epoch: Epoch,
}

/// What every shard of a directory is recovered with.
pub struct RecoveryTerms<'a> {
    /// The directory's secret seed of key hashes.
    pub seed: u64,
    /// How long keys are remembered, in microseconds.
    pub key_window: i64,
    /// How journals are opened.
    pub journal: Options,
    /// Where customers are entered.
    pub directory: &'a Directory,
    /// Who watches.
    pub progress: &'a dyn RecoveryProgress,
}

/// Recovers the shard in `dir`.
///
/// # Errors
/// What is stored is damaged, or cannot be read.
pub fn recover_shard(
    dir: &Path,
    number: ShardNumber,
    terms: &RecoveryTerms<'_>,
) -> Result<Recovered, RecoveryError> {
    let (mut journal, opened) = SledJournal::open(&journal_dir(dir), terms.journal)?;
    let store = SnapshotStore::open(&snapshots_dir(dir))?;
    let newest = store.newest_valid()?;
    // Damaged snapshots are passed over only while the journal reaches back to where an older state
    // continues; with none left, it has to reach back to the first record.
    let mut shard = Shard::new(terms.key_window);
    if let Some(reader) = newest.snapshot {
        load(reader, number, &opened, &mut shard, terms)?;
    }
    let snapshot = shard.applied;
    let to_replay = opened.last.0.saturating_sub(snapshot.0);
    terms.progress.begin(number, snapshot, to_replay);
    let replayed = replay(&mut journal, number, &mut shard, terms)?;
    terms.progress.done(number, replayed);
    Ok(Recovered {
        number,
        shard,
        journal: Box::new(journal),
        journal_id: opened.id,
        store,
        snapshot,
        replayed,
        epoch: opened.epoch,
    })
}

pub(super) fn load(
    mut reader: SnapshotReader,
    number: ShardNumber,
    opened: &Opened,
    shard: &mut Shard,
    terms: &RecoveryTerms<'_>,
) -> Result<(), RecoveryError> {
    let summary = reader.summary().clone();
    let header = summary.header;
    let foreign =
        |what| RecoveryError::Foreign { file: summary.file.clone(), seq: header.seq, what };
    if header.journal_id.as_u128() != opened.id.0 {
        return Err(foreign("it belongs to another journal"));
    }
    if header.shard != number {
        return Err(foreign("it belongs to another shard"));
    }
    let mut totals = Totals::default();
    let mut customers: Vec<ImagedCustomer> = Vec::new();
    while let Some((kind, bytes)) = reader.next_block()? {
        match kind {
            BlockKind::CUSTOMERS => {
                let read = read_customers(bytes, &mut customers);
                read.map_err(|malformed| foreign(malformed.0))?;
            }
            BlockKind::KEYS => {
                let restored = shard.keys.restore(bytes);
                let restored = restored.map_err(|malformed| foreign(malformed.0))?;
                totals.keys = totals.keys.saturating_add(restored.keys);
            }
            BlockKind::CATALOG => {
                let version = Reader::new(bytes).varint();
                shard.catalog = CatalogVersion(version.map_err(|error| foreign(error.0))?);
            }
            BlockKind(_) => return Err(foreign("it holds blocks of an unknown kind")),
        }
    }
    // Customers that changed while they were imaged stand ahead of their turn.
    customers.sort_unstable_by_key(|imaged| imaged.customer.number);
    for (place, imaged) in customers.into_iter().enumerate() {
        let ImagedCustomer { customer, profile, purchases, first_event_at, meters } = imaged;
        if usize::try_from(customer.number.0).ok() != Some(place) {
            return Err(foreign("a customer is missing"));
        }
        totals.customers = totals.customers.saturating_add(1);
        for (_, actor) in &meters {
            let standing = actor.account().standing_at(header.time);
            totals.accounts = totals.accounts.saturating_add(1);
            totals.credited.add(standing.credited);
            totals.consumed.add(standing.consumed);
        }
        shard
            .recover_customer(&customer, profile, purchases, first_event_at, meters)
            .map_err(|_| foreign("too many customers"))?;
        enter_recovered(terms.directory, number, shard, customer.number).map_err(foreign)?;
    }
    if totals != summary.totals {
        return Err(foreign("its contents do not add up to what its footer says"));
    }
    shard.applied = header.seq;
    shard.time = header.time;
    Ok(())
}

fn read_customers(bytes: &[u8], customers: &mut Vec<ImagedCustomer>) -> Result<(), Malformed> {
    let mut reader = Reader::new(bytes);
    while !reader.is_empty() {
        customers.push(read_customer(&mut reader)?);
    }
    Ok(())
}

/// Enters a customer of a snapshot under the names that it holds: those of a deleted one may be
/// another's by now.
fn enter_recovered(
    directory: &Directory,
    shard_number: ShardNumber,
    shard: &Shard,
    number: CustomerNumber,
) -> Result<(), &'static str> {
    let Some(customer) = shard.customer(number) else { return Err("a customer is missing") };
    let place = CustomerPlace { shard: shard_number, number };
    let names = Names::of(customer);
    let entered = directory.enter(customer.organization, customer.id, "", place)
        && names.take(directory, customer.organization, place).is_ok();
    if let (Some(external_id), true) = (&names.external_id, customer.profile.is_some()) {
        Names::count_stray(directory, customer.id, external_id);
    }
    if let Some(purchases) = &customer.purchases {
        let subscriptions = purchases.subscriptions().iter().map(|subscription| subscription.id.0);
        for id in subscriptions.chain(purchases.orders().map(|order| order.id.0)) {
            directory.enter_purchase(id, place);
        }
    }
    if entered { Ok(()) } else { Err("two customers have the same name") }
}

fn enter(
    directory: &Directory,
    shard: ShardNumber,
    customer: &NewCustomer,
) -> Result<(), &'static str> {
    let place = CustomerPlace { shard, number: customer.number };
    let entered = directory.enter(customer.organization, customer.id, &customer.external_id, place);
    if entered { Ok(()) } else { Err("two customers have the same name") }
}

pub(super) fn replay(
    journal: &mut dyn Journal,
    number: ShardNumber,
    shard: &mut Shard,
    terms: &RecoveryTerms<'_>,
) -> Result<u64, JournalError> {
    let imaged = shard.applied;
    let mut replay = Replay {
        number,
        shard,
        terms,
        ahead: Vec::with_capacity(TOUCHED_ENTRIES_MAX),
        effects: Effects::new(),
        replayed: 0,
    };
    journal.replay(imaged.next(), &mut |batch| {
        each_record(batch, |seq, time, reader| {
            let (_, record) = read_record(reader)?;
            if seq <= imaged {
                return Ok(());
            }
            replay.ahead.push(Entry::of(record, time, terms.seed));
            if replay.ahead.len() == TOUCHED_ENTRIES_MAX { replay.apply_ahead() } else { Ok(()) }
        })?;
        replay.apply_ahead().map_err(|error| ReplayStop::Malformed(error.0))
    })?;
    Ok(replay.replayed)
}

/// A replay under way.
struct Replay<'a> {
    number: ShardNumber,
    shard: &'a mut Shard,
    terms: &'a RecoveryTerms<'a>,
    /// Read, but not applied yet.
    ahead: Vec<Entry>,
    /// What effects ask of others was done, or is asked anew: timers are set from the accounts.
    effects: Effects,
    replayed: u64,
}

impl Replay<'_> {
    /// Applies what was read, after a look at everything that this will need: the loads overlap.
    fn apply_ahead(&mut self) -> Result<(), Malformed> {
        std::hint::black_box(self.shard.touch(self.ahead.iter()));
        let mut ahead = std::mem::take(&mut self.ahead);
        for entry in ahead.drain(..) {
            self.apply(&entry)?;
        }
        self.ahead = ahead;
        Ok(())
    }

    fn apply(&mut self, entry: &Entry) -> Result<(), Malformed> {
        let known = self.shard.customers_len();
        if let EntryBody::Customer(customer) = &entry.body {
            if usize::try_from(customer.number.0).ok() != Some(known) {
                return Err(Malformed("a customer's number is not the next one"));
            }
            enter(self.terms.directory, self.number, customer).map_err(Malformed)?;
        }
        if entry.customer().is_some_and(|CustomerNumber(customer)| {
            usize::try_from(customer).map_or(true, |place| place >= known)
        }) {
            return Err(Malformed("a command names a customer who is not there"));
        }
        match &entry.body {
            EntryBody::Profile(profile) => self.apply_profile(entry, profile)?,
            EntryBody::Customer(_)
            | EntryBody::Command { .. }
            | EntryBody::Event(_)
            | EntryBody::Purchase(_)
            | EntryBody::Catalog(_) => {
                self.shard.apply(entry, &mut self.effects);
            }
        }
        for (number, effect) in self.shard.happened.drain(..) {
            let place = CustomerPlace { shard: self.number, number };
            enter_purchase(self.terms.directory, place, effect);
        }
        self.effects.clear();
        self.replayed = self.replayed.saturating_add(1);
        if self.replayed.is_multiple_of(REPORT_RECORDS) {
            self.terms.progress.replayed(self.number, self.replayed);
        }
        Ok(())
    }
}

impl Replay<'_> {
    /// Takes and gives back names as the sequencer did.
    fn apply_profile(&mut self, entry: &Entry, profile: &ProfileEntry) -> Result<(), Malformed> {
        let directory = self.terms.directory;
        let number = profile.customer;
        let place = CustomerPlace { shard: self.number, number };
        let Some(customer) = self.shard.customer(number) else { return Ok(()) };
        let (organization, id, before) = (customer.organization, customer.id, Names::of(customer));
        let asked = Names::asked(&profile.command);
        let taken = asked.take(directory, organization, place);
        taken.map_err(|_| Malformed("two customers have the same name"))?;
        if let Some(external_id) = &asked.external_id {
            Names::count_stray(directory, id, external_id);
        }
        self.shard.apply(entry, &mut self.effects);
        let Some(customer) = self.shard.customer(number) else { return Ok(()) };
        for left in Names::left_over(before, asked, &Names::of(customer)) {
            left.give_back(directory, organization, place);
        }
        Ok(())
    }
}
