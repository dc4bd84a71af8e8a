//! A data directory that no engine serves: where its parts lie, whether they are whole, what they
//! hold, and changes of its tokens.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use serde_json::json;

use crate::catalog::{Catalog, CatalogEdit};
use crate::data_dir::DataDir;
use crate::engine::catalog_actor::{CatalogActor, ChangeError};
use crate::engine::catalog_images::{RecoveredCatalog, recover_catalog};
use crate::engine::directory::Directory;
use crate::engine::recovery::{Recovered, RecoveryError, RecoveryTerms, Unwatched, recover_shard};
use crate::engine::system_clock::SystemClock;
use crate::id::{CustomerNumber, Seq, ShardNumber};
use crate::journal::record::{each_record, read_record};
use crate::journal::sled::{Durability, Missing, Options, SEGMENT_BYTES_MAX, SledJournal};
use crate::journal::{Batch, Journal, JournalError, ReplayStop};
use crate::keys::WINDOW_MICROSECONDS;
use crate::snapshot::{SnapshotError, verify_directory};

/// Where the journal of a shard lies.
#[must_use]
pub fn journal_dir(shard_dir: &Path) -> PathBuf {
    shard_dir.join("journal")
}

/// Where the snapshots of a shard lie.
#[must_use]
pub fn snapshots_dir(shard_dir: &Path) -> PathBuf {
    shard_dir.join("snapshots")
}

/// Where the catalog's journal lies.
#[must_use]
pub fn catalog_journal_dir(data_dir: &DataDir) -> PathBuf {
    journal_dir(&data_dir.catalog())
}

/// The catalog's journal is the first thing an engine makes: with a shard's there, it must be.
pub(super) fn missing_catalog(data_dir: &DataDir) -> Missing {
    let held = shards(data_dir).any(|shard| journal_dir(&data_dir.shard(shard)).exists());
    if held { Missing::Refuse } else { Missing::Create }
}

/// The catalog's first change comes after the shards' journals: with that change there, so are they.
pub(super) fn missing_shard(catalog: &Catalog) -> Missing {
    if catalog.version.0 > 0 { Missing::Refuse } else { Missing::Create }
}

fn shards(data_dir: &DataDir) -> impl Iterator<Item = ShardNumber> {
    (0..data_dir.identity().shards).map(ShardNumber)
}

const READ_ONLY: Options = Options {
    segment_bytes_max: SEGMENT_BYTES_MAX,
    durability: Durability::Fsync,
    missing: Missing::Refuse,
};

/// Why a directory cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum OfflineError {
    /// A shard.
    #[error("shard {shard}: {error}")]
    Shard {
        /// Which one.
        shard: ShardNumber,
        /// Why.
        error: RecoveryError,
    },
    /// The catalog.
    #[error("catalog: {0}")]
    Catalog(#[from] RecoveryError),
    /// The change makes no sense.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// The output.
    #[error(transparent)]
    Output(#[from] io::Error),
}

/// What was read of a directory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReadThrough {
    /// Snapshots.
    pub snapshots: u64,
    /// Journal frames.
    pub frames: u64,
    /// Journal records.
    pub records: u64,
    /// Bytes of both.
    pub bytes: u64,
}

/// Reads everything, and calls `damaged` for whatever is not what was written.
///
/// # Errors
/// What keeps it from reading without being damage.
pub fn verify(
    data_dir: &DataDir,
    damaged: &mut dyn FnMut(OfflineError),
) -> Result<ReadThrough, OfflineError> {
    let mut read = ReadThrough::default();
    verify_snapshots(&data_dir.catalog(), &mut read, |error| damaged(error.into()));
    verify_journal(&catalog_journal_dir(data_dir), &mut read, |_| Ok(()))
        .unwrap_or_else(|error| damaged(RecoveryError::from(error).into()));
    if let Err(error) = recover_catalog(&data_dir.catalog(), READ_ONLY) {
        damaged(error.into());
    }
    for shard in shards(data_dir) {
        let dir = data_dir.shard(shard);
        let mut found = |error: RecoveryError| damaged(OfflineError::Shard { shard, error });
        verify_snapshots(&dir, &mut read, &mut found);
        let records =
            |batch: &Batch<'_>| each_record(batch, |_, _, reader| read_record(reader).map(|_| ()));
        if let Err(error) = verify_journal(&journal_dir(&dir), &mut read, records) {
            found(error.into());
            continue;
        }
        // Both may be whole and yet not belong together.
        if let Err(error) = recover_one(data_dir, shard, &Directory::new(data_dir.identity().seed))
        {
            found(error);
        }
    }
    Ok(read)
}

/// Those of the shard, or of the catalog, in `dir`.
fn verify_snapshots(dir: &Path, read: &mut ReadThrough, mut found: impl FnMut(RecoveryError)) {
    match verify_directory(&snapshots_dir(dir)) {
        Ok(checked) => {
            for checked in checked {
                read.snapshots = read.snapshots.saturating_add(1);
                match checked.found {
                    Ok(summary) => read.bytes = read.bytes.saturating_add(summary.bytes),
                    Err(error) => found(error.into()),
                }
            }
        }
        // One that never took a snapshot has no directory of them.
        Err(SnapshotError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
        Err(error) => found(error.into()),
    }
}

fn verify_journal(
    dir: &Path,
    read: &mut ReadThrough,
    mut each: impl FnMut(&Batch<'_>) -> Result<(), ReplayStop>,
) -> Result<(), JournalError> {
    let (mut journal, opened) = SledJournal::open(dir, READ_ONLY)?;
    journal.replay(opened.first, &mut |batch| {
        read.frames = read.frames.saturating_add(1);
        let records = batch.last.0.saturating_sub(batch.first.0).saturating_add(1);
        read.records = read.records.saturating_add(records);
        let bytes = u64::try_from(batch.bytes.len()).unwrap_or(u64::MAX);
        read.bytes = read.bytes.saturating_add(bytes);
        each(batch)
    })
}

fn recover_one(
    data_dir: &DataDir,
    shard: ShardNumber,
    directory: &Directory,
) -> Result<Recovered, RecoveryError> {
    let terms = RecoveryTerms {
        seed: data_dir.identity().seed,
        key_window: WINDOW_MICROSECONDS,
        journal: READ_ONLY,
        directory,
        progress: &Unwatched,
    };
    recover_shard(&data_dir.shard(shard), shard, &terms)
}

/// The catalog of the directory.
///
/// # Errors
/// It is damaged.
pub fn read_catalog(data_dir: &DataDir) -> Result<Catalog, OfflineError> {
    Ok(recover_catalog(&data_dir.catalog(), READ_ONLY)?.reached.catalog)
}

/// Changes the catalog of the directory.
///
/// # Errors
/// The change makes no sense, or the catalog's journal is damaged.
pub fn change_catalog(data_dir: &DataDir, edit: CatalogEdit) -> Result<Arc<Catalog>, OfflineError> {
    let RecoveredCatalog { reached, mut journal, .. } =
        recover_catalog(&data_dir.catalog(), READ_ONLY)?;
    journal.acquire().map_err(RecoveryError::from)?;
    let failed = |reason: &str| tracing::error!(reason, "the change was not made");
    let mut writer = CatalogActor::new(
        Box::new(journal),
        reached.last,
        Arc::new(ArcSwap::from_pointee(reached.catalog)),
        Arc::new(SystemClock),
        None,
        Arc::new(failed),
    );
    Ok(writer.change(edit)?)
}

/// What to show, and how much of it.
#[derive(Debug, Clone, Copy)]
pub struct Extract<'a> {
    /// Of this shard only.
    pub shard: Option<ShardNumber>,
    /// Of this customer only, by external id or id.
    pub customer: Option<&'a str>,
    /// At most this many lines.
    pub lines_max: u64,
}

impl Extract<'_> {
    fn shards(&self, data_dir: &DataDir) -> impl Iterator<Item = ShardNumber> {
        let only = self.shard;
        shards(data_dir).filter(move |shard| only.is_none_or(|only| only == *shard))
    }
}

/// Writes every customer meter as a JSON line, as the directory would recover it.
///
/// # Errors
/// Something is damaged, or cannot be written.
pub fn write_accounts(
    data_dir: &DataDir,
    extract: &Extract<'_>,
    out: &mut dyn Write,
) -> Result<(), OfflineError> {
    let catalog = read_catalog(data_dir)?;
    let mut lines = extract.lines_max;
    for number in extract.shards(data_dir) {
        let recovered = recover_one(data_dir, number, &Directory::new(data_dir.identity().seed));
        let shard = recovered.map_err(|error| OfflineError::Shard { shard: number, error })?.shard;
        let customers = u32::try_from(shard.customers_len()).unwrap_or(u32::MAX);
        for customer_number in (0..customers).map(CustomerNumber) {
            let Some(customer) = shard.customer(customer_number) else { continue };
            let wanted = extract.customer.is_none_or(|wanted| {
                *customer.external_id == *wanted || customer.id.to_string() == wanted
            });
            if !wanted {
                continue;
            }
            for state in shard.state(customer_number, shard.time) {
                if lines == 0 {
                    return Ok(());
                }
                lines = lines.saturating_sub(1);
                let balance = shard.balance(customer_number, state.meter, shard.time);
                let meter = catalog.meter(state.meter);
                let grants: Vec<_> = shard
                    .grants(customer_number, state.meter, shard.time)
                    .into_iter()
                    .map(|grant| {
                        json!({
                            "id": grant.id.to_string(),
                            "amount": grant.amount.normalize().to_string(),
                            "drawn": grant.drawn.normalize().to_string(),
                            "priority": grant.priority,
                            "expires_at": grant.expires_at.map(|time| time.to_string()),
                        })
                    })
                    .collect();
                let line = json!({
                    "shard": number.0,
                    "organization": customer.organization.0,
                    "customer": *customer.external_id,
                    "customer_id": customer.id.to_string(),
                    "meter": meter.map(|meter| &*meter.name),
                    "balance": balance.to_string(),
                    "credited": state.credited.normalize().to_string(),
                    "consumed": state.consumed.normalize().to_string(),
                    "grants": grants,
                });
                writeln!(out, "{line}")?;
            }
        }
    }
    Ok(())
}

/// Writes every journal frame from `from` on as a JSON line.
///
/// # Errors
/// A journal is damaged, or the output cannot be written.
pub fn write_frames(
    data_dir: &DataDir,
    from: Seq,
    extract: &Extract<'_>,
    out: &mut dyn Write,
) -> Result<(), OfflineError> {
    let mut lines = extract.lines_max;
    for shard in extract.shards(data_dir) {
        let damaged = |error: JournalError| OfflineError::Shard { shard, error: error.into() };
        let (mut journal, opened) =
            SledJournal::open(&journal_dir(&data_dir.shard(shard)), READ_ONLY).map_err(damaged)?;
        let mut unwritten = None;
        let replayed = journal.replay(from.max(opened.first), &mut |batch| {
            if lines == 0 {
                return Err(ReplayStop::Enough);
            }
            lines = lines.saturating_sub(1);
            let line = json!({
                "shard": shard.0,
                "batch": batch.number.0,
                "epoch": batch.epoch.0,
                "first": batch.first.0,
                "last": batch.last.0,
                "time": batch.base_time.to_string(),
                "bytes": batch.bytes.len(),
            });
            writeln!(out, "{line}").map_err(|error| {
                unwritten = Some(error);
                ReplayStop::Enough
            })
        });
        replayed.map_err(damaged)?;
        if let Some(error) = unwritten {
            return Err(error.into());
        }
    }
    Ok(())
}

/// Writes every snapshot as a JSON line, whole or not.
///
/// # Errors
/// The directory cannot be listed, or the output not written.
pub fn write_snapshots(
    data_dir: &DataDir,
    extract: &Extract<'_>,
    out: &mut dyn Write,
) -> Result<(), OfflineError> {
    let mut lines = extract.lines_max;
    for shard in extract.shards(data_dir) {
        let checked = match verify_directory(&snapshots_dir(&data_dir.shard(shard))) {
            Ok(checked) => checked,
            Err(SnapshotError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                continue;
            }
            Err(error) => return Err(OfflineError::Shard { shard, error: error.into() }),
        };
        for checked in checked {
            if lines == 0 {
                return Ok(());
            }
            lines = lines.saturating_sub(1);
            let line = match checked.found {
                Ok(summary) => json!({
                    "shard": shard.0,
                    "file": checked.file,
                    "seq": summary.header.seq.0,
                    "time": summary.header.time.to_string(),
                    "customers": summary.totals.customers,
                    "accounts": summary.totals.accounts,
                    "keys": summary.totals.keys,
                    "bytes": summary.bytes,
                    "whole": true,
                }),
                Err(error) => json!({
                    "shard": shard.0,
                    "file": checked.file,
                    "whole": false,
                    "damage": error.to_string(),
                }),
            };
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}
