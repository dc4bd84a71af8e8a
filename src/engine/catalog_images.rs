//! Snapshots of the catalog: when one is taken, and what a start begins with.
//!
//! A version never changes, so a snapshot is written on a thread of its own while the catalog goes
//! on.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use uuid::Uuid;

use crate::catalog::Catalog;
use crate::encoding::Reader;
use crate::engine::offline::{journal_dir, snapshots_dir};
use crate::engine::recovery::RecoveryError;
use crate::id::{Epoch, Seq};
use crate::journal::catalog_record::read_change;
use crate::journal::sled::{Options, SledJournal};
use crate::journal::{Batch, Journal, JournalError, JournalId, Opened, ReplayStop};
use crate::snapshot::catalog_image::{
    CATALOG_SHARD, CatalogImageError, read_catalog, write_catalog,
};
use crate::snapshot::{Header, SnapshotReader, SnapshotStore, WriteOptions};
use crate::time::Timestamp;

/// Changes between two snapshots of the catalog. Replaying so many takes some tens of milliseconds.
pub const CATALOG_SNAPSHOT_RECORDS: u64 = 4_096;

/// The catalog at one place of its journal.
#[derive(Debug, Clone)]
pub struct Reached {
    /// What it was there.
    pub catalog: Catalog,
    /// The last record.
    pub last: Seq,
    /// The time of that record.
    pub time: Timestamp,
}

/// The catalog as it was when its last committed change was made, with its journal `J`.
pub struct RecoveredCatalog<J = SledJournal> {
    /// Where it is.
    pub reached: Reached,
    /// The journal, not acquired yet.
    pub journal: J,
    /// The journal's name.
    pub journal_id: JournalId,
    /// Its snapshots.
    pub store: SnapshotStore,
    /// Position of the snapshot it began with; zero when there was none.
    pub snapshot: Seq,
}

/// Recovers the catalog in `dir`: the newest whole snapshot, then the journal behind it.
///
/// # Errors
/// What is stored is damaged, or cannot be read.
pub fn recover_catalog(dir: &Path, options: Options) -> Result<RecoveredCatalog, RecoveryError> {
    let (mut journal, opened) = SledJournal::open(&journal_dir(dir), options)?;
    let store = SnapshotStore::open(&snapshots_dir(dir))?;
    let (snapshot, reached) = reach(&mut journal, &opened, &store)?;
    Ok(RecoveredCatalog { reached, journal, journal_id: opened.id, store, snapshot })
}

/// Where the newest whole snapshot stands, and the catalog that it and the journal lead to.
pub(super) fn reach(
    journal: &mut dyn Journal,
    opened: &Opened,
    store: &SnapshotStore,
) -> Result<(Seq, Reached), RecoveryError> {
    // Damaged snapshots are passed over only while the journal reaches back to where an older state
    // continues; with none left, it has to reach back to the first record.
    let from = match store.newest_valid()?.snapshot {
        Some(reader) => load(reader, opened)?,
        None => Reached { catalog: Catalog::new(), last: Seq::ZERO, time: Timestamp::EPOCH },
    };
    let snapshot = from.last;
    Ok((snapshot, replay(journal, from)?))
}

fn load(mut reader: SnapshotReader, opened: &Opened) -> Result<Reached, RecoveryError> {
    let file = reader.summary().file.clone();
    let Header { journal_id, seq, shard, time, epoch: _ } = reader.summary().header;
    let foreign = |what| RecoveryError::Foreign { file: file.clone(), seq, what };
    if journal_id.as_u128() != opened.id.0 {
        return Err(foreign("it belongs to another journal"));
    }
    if shard != CATALOG_SHARD {
        return Err(foreign("it belongs to a shard"));
    }
    match read_catalog(&mut reader) {
        Ok(catalog) => Ok(Reached { catalog, last: seq, time }),
        Err(CatalogImageError::Snapshot(error)) => Err(error.into()),
        Err(CatalogImageError::Malformed(error)) => Err(foreign(error.0)),
    }
}

/// Makes every change behind `from` again.
fn replay(journal: &mut dyn Journal, from: Reached) -> Result<Reached, JournalError> {
    let mut reached = from;
    journal.replay(reached.last.next(), &mut |batch: &Batch<'_>| {
        // A batch is one change.
        let mut reader = Reader::new(batch.bytes);
        let change = read_change(&mut reader).map_err(|error| ReplayStop::Malformed(error.0))?;
        if !reader.is_empty() || batch.first != batch.last {
            return Err(ReplayStop::Malformed("a batch of the catalog's holds one change"));
        }
        let made = reached.catalog.apply(&change);
        made.map_err(|_| ReplayStop::Malformed("a change that the catalog refuses"))?;
        reached.last = batch.last;
        reached.time = batch.base_time;
        Ok(())
    })?;
    Ok(reached)
}

/// Takes the snapshots of the catalog.
#[derive(Debug)]
pub struct CatalogImages {
    store: SnapshotStore,
    journal_id: Uuid,
    epoch: Epoch,
    options: WriteOptions,
    /// Changes between two.
    records: u64,
    /// Where the last one was begun, whether or not it came to anything: one that failed is tried
    /// again after as many changes.
    begun: Seq,
    /// Through here the journal is not needed any more.
    trimmable: Arc<AtomicU64>,
    trimmed: Seq,
    thread: Option<JoinHandle<()>>,
}

impl CatalogImages {
    /// Goes on behind `recovered`, whose journal is written in `epoch`, with a snapshot after every
    /// so many `records`.
    #[must_use]
    pub fn new<J>(
        recovered: &RecoveredCatalog<J>,
        epoch: Epoch,
        options: WriteOptions,
        records: u64,
    ) -> Self {
        Self {
            store: recovered.store.clone(),
            journal_id: Uuid::from_u128(recovered.journal_id.0),
            epoch,
            options,
            records,
            begun: recovered.snapshot,
            trimmable: Arc::default(),
            trimmed: Seq::ZERO,
            thread: None,
        }
    }

    /// Begins a snapshot of `catalog`, as the change `last` left it at `time`, if it is time for one
    /// and none is under way.
    pub fn consider(&mut self, catalog: &Arc<Catalog>, last: Seq, time: Timestamp) {
        let under_way = self.thread.as_ref().is_some_and(|thread| !thread.is_finished());
        if under_way || last.0.saturating_sub(self.begun.0) < self.records {
            return;
        }
        self.begun = last;
        let header = Header {
            journal_id: self.journal_id,
            epoch: self.epoch,
            seq: last,
            shard: CATALOG_SHARD,
            time,
        };
        let (store, options) = (self.store.clone(), self.options);
        let (catalog, trimmable) = (Arc::clone(catalog), Arc::clone(&self.trimmable));
        let write = move || match write_catalog(&store, &header, options, &catalog) {
            Ok(done) => {
                tracing::info!(seq = %last, bytes = done.summary.bytes, "catalog snapshot written");
                match done.trim_through {
                    Ok(through) => drop(trimmable.fetch_max(through.0, Ordering::Release)),
                    Err(error) => tracing::warn!(%error, "older snapshots of the catalog stay"),
                }
            }
            Err(error) => {
                tracing::error!(%error, "catalog snapshot failed; the ones before stay");
            }
        };
        match std::thread::Builder::new().name("snapshot-catalog".to_owned()).spawn(write) {
            Ok(thread) => self.thread = Some(thread),
            Err(error) => tracing::error!(%error, "no thread for a snapshot of the catalog"),
        }
    }

    /// Waits until no snapshot is under way.
    pub(super) fn settle(&mut self) {
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("a snapshot of the catalog panicked");
        }
    }

    /// Through where the journal can be trimmed, told once.
    pub fn take_trimmable(&mut self) -> Option<Seq> {
        let through = Seq(self.trimmable.load(Ordering::Acquire));
        if through <= self.trimmed {
            return None;
        }
        self.trimmed = through;
        Some(through)
    }
}

/// The directory is let go only when nothing writes into it any more.
impl Drop for CatalogImages {
    fn drop(&mut self) {
        self.settle();
    }
}
