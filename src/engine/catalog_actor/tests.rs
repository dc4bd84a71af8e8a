//! The catalog's journal and its snapshots, without actors.

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use uuid::Uuid;

use super::*;
use crate::catalog::NewMeter;
use crate::engine::catalog_images::{Reached, RecoveredCatalog, reach, recover_catalog};
use crate::engine::recovery::RecoveryError;
use crate::id::{MeterId, OrganizationId, OrganizationNumber};
use crate::journal::JournalId;
use crate::journal::memory::{Fault, MemoryDisk, MemoryJournal, Unsynced};
use crate::journal::sled::Options;
use crate::metadata::Metadata;
use crate::meter::{Aggregation, Filter, MeterUnit};
use crate::snapshot::{SnapshotStore, WriteOptions};
use crate::time::ManualClock;

/// Changes between two snapshots.
const RECORDS: u64 = 10;

/// A catalog on a disk in memory, and its snapshots in a directory.
struct Written {
    disk: MemoryDisk,
    dir: TempDir,
    clock: Arc<ManualClock>,
}

impl Written {
    fn new() -> Self {
        Self {
            disk: MemoryDisk::new(JournalId(7)),
            dir: TempDir::new().unwrap(),
            clock: Arc::new(ManualClock::new(Timestamp::EPOCH)),
        }
    }

    fn reach(&self) -> Result<(Seq, Reached), RecoveryError> {
        let (mut journal, opened) = MemoryJournal::open(&self.disk).unwrap();
        reach(&mut journal, &opened, &SnapshotStore::open(self.dir.path()).unwrap())
    }

    /// Opens it, makes `count` meters, waiting for each snapshot that is due, and closes it. The
    /// first change of all is the organization.
    fn make(&self, count: u64) -> Arc<Catalog> {
        let (mut journal, opened) = MemoryJournal::open(&self.disk).unwrap();
        let store = SnapshotStore::open(self.dir.path()).unwrap();
        let (snapshot, reached) = reach(&mut journal, &opened, &store).unwrap();
        let epoch = journal.acquire().unwrap();
        let recovered = images_of(reached.clone(), store, snapshot);
        let images = CatalogImages::new(&recovered, epoch, WriteOptions::default(), RECORDS);
        let catalog = Arc::new(ArcSwap::from_pointee(reached.catalog));
        let mut writer = CatalogActor::new(
            Box::new(journal),
            reached.last,
            Arc::clone(&catalog),
            Arc::<ManualClock>::clone(&self.clock),
            Some(images),
            Arc::new(|reason: &str| panic!("{reason}")),
        );
        for _ in 0..count {
            self.clock.advance_to(self.clock.now().saturating_add(1_000_000));
            writer.change(next_edit(&catalog.load())).unwrap();
            writer.images.as_mut().unwrap().settle();
        }
        catalog.load_full()
    }

    fn snapshots(&self) -> Vec<u64> {
        let store = SnapshotStore::open(self.dir.path()).unwrap();
        store.list().unwrap().into_iter().map(|seq| seq.0).collect()
    }

    /// The first record that the journal still has.
    fn journal_begins(&self) -> u64 {
        MemoryJournal::open(&self.disk).unwrap().1.first.0
    }

    fn damage(&self, seq: u64) {
        let file = self.dir.path().join(format!("snapshot-{seq:020}.image"));
        let mut bytes = fs::read(&file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(file, bytes).unwrap();
    }
}

fn images_of(reached: Reached, store: SnapshotStore, snapshot: Seq) -> RecoveredCatalog<()> {
    RecoveredCatalog { reached, journal: (), journal_id: JournalId(7), store, snapshot }
}

/// The organization, then meters.
fn next_edit(catalog: &Catalog) -> CatalogEdit {
    let number = catalog.version.0;
    if number == 0 {
        return CatalogEdit::Organization(OrganizationId(Uuid::nil()), "acme".to_owned());
    }
    CatalogEdit::Meter(Box::new(NewMeter {
        id: MeterId(Uuid::from_u128(number.into())),
        organization: OrganizationNumber(0),
        name: format!("meter {number}").into(),
        filter: Filter::named("call"),
        aggregation: Aggregation::Count,
        unit: MeterUnit::Scalar,
        metadata: Metadata::default(),
    }))
}

fn same(one: &Catalog, other: &Catalog) -> bool {
    one.version == other.version && one.changes().eq(other.changes())
}

#[test]
fn a_start_begins_with_the_newest_snapshot() {
    let written = Written::new();
    let made = written.make(9);
    assert!(written.snapshots().is_empty(), "nine changes are too few");
    assert!(same(&made, &written.reach().unwrap().1.catalog));

    let made = written.make(26);
    assert_eq!(written.snapshots(), [30, 20], "two are kept");
    assert_eq!(written.journal_begins(), 21, "and the journal behind the older one");
    let (snapshot, reached) = written.reach().unwrap();
    assert_eq!((snapshot, reached.last), (Seq(30), Seq(35)));
    assert_eq!(reached.time, written.clock.now());
    assert!(same(&made, &reached.catalog));
    assert_eq!(reached.catalog.meters().count(), 34);
}

#[test]
fn the_count_of_changes_goes_on_after_a_start() {
    let written = Written::new();
    (0..5).for_each(|_| drop(written.make(3)));
    assert_eq!(written.snapshots(), [10], "at the tenth change, whoever made it");
    (0..3).for_each(|_| drop(written.make(3)));
    assert_eq!(written.snapshots(), [20, 10]);
}

#[test]
fn a_damaged_snapshot_is_passed_over_for_the_one_before() {
    let written = Written::new();
    let made = written.make(35);
    written.damage(30);
    let (snapshot, reached) = written.reach().unwrap();
    assert_eq!(snapshot, Seq(20));
    assert!(same(&made, &reached.catalog));
    // With both gone nothing leads to the present, and nothing is made up.
    written.damage(20);
    let refused = written.reach().unwrap_err();
    assert!(refused.is_damage(), "{refused}");
}

#[test]
fn a_damaged_first_snapshot_costs_nothing() {
    let written = Written::new();
    let made = written.make(15);
    assert_eq!((written.snapshots(), written.journal_begins()), (vec![10], 1));
    written.damage(10);
    let (snapshot, reached) = written.reach().unwrap();
    assert_eq!(snapshot, Seq::ZERO);
    assert!(same(&made, &reached.catalog));
}

#[test]
fn a_snapshot_of_another_journal_is_refused() {
    let (written, other) = (Written::new(), Written::new());
    written.make(15);
    other.make(15);
    let (mut journal, opened) = MemoryJournal::open(&other.disk).unwrap();
    let opened = crate::journal::Opened { id: JournalId(8), ..opened };
    let store = SnapshotStore::open(written.dir.path()).unwrap();
    let refused = reach(&mut journal, &opened, &store).unwrap_err();
    assert!(matches!(refused, RecoveryError::Foreign { seq: Seq(10), .. }), "{refused}");
}

#[test]
fn a_change_that_was_not_synced_is_in_no_version() {
    let written = Written::new();
    let made = written.make(12);
    let (mut journal, _) = MemoryJournal::open(&written.disk).unwrap();
    let (_, reached) = written.reach().unwrap();
    journal.acquire().unwrap();
    let catalog = Arc::new(ArcSwap::from_pointee(reached.catalog));
    let told = Arc::new(parking_lot::Mutex::new(Vec::new()));
    let heard = Arc::clone(&told);
    let mut writer = CatalogActor::new(
        Box::new(journal),
        reached.last,
        Arc::clone(&catalog),
        Arc::<ManualClock>::clone(&written.clock),
        None,
        Arc::new(move |reason: &str| heard.lock().push(reason.to_owned())),
    );
    written.disk.fail(Fault::Commit { after: 0, unsynced: Unsynced::Lost });
    let edit = next_edit(&catalog.load());
    assert_eq!(writer.change(edit.clone()).unwrap_err(), ChangeError::Stopping);
    assert_eq!(writer.change(edit).unwrap_err(), ChangeError::Stopping, "and no change after it");
    assert_eq!(told.lock().len(), 1);
    assert!(same(&made, &catalog.load()));
    assert!(same(&made, &written.reach().unwrap().1.catalog));
}

/// The same on a real disk: the catalog of a directory, opened again and again.
#[test]
fn a_directory_holds_its_catalog() {
    let dir = TempDir::new().unwrap();
    let mut made = Catalog::new();
    for round in 1..=3_u64 {
        let mut recovered = open(dir.path());
        assert!(same(&made, &recovered.reached.catalog));
        let epoch = recovered.journal.acquire().unwrap();
        let images = CatalogImages::new(&recovered, epoch, WriteOptions::default(), RECORDS);
        let catalog = Arc::new(ArcSwap::from_pointee(recovered.reached.catalog));
        let mut writer = CatalogActor::new(
            Box::new(recovered.journal),
            recovered.reached.last,
            Arc::clone(&catalog),
            Arc::new(ManualClock::new(Timestamp::EPOCH)),
            Some(images),
            Arc::new(|reason: &str| panic!("{reason}")),
        );
        for _ in 0..14 {
            writer.change(next_edit(&catalog.load())).unwrap();
        }
        drop(writer);
        made = Catalog::clone(&catalog.load());
        let recovered = open(dir.path());
        assert!(recovered.snapshot >= Seq(10 * round), "{:?}", recovered.snapshot);
    }
}

fn open(dir: &Path) -> RecoveredCatalog {
    recover_catalog(dir, Options::default()).unwrap()
}
