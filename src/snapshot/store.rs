//! The snapshots of one shard: which there are, which one to start from, which ones to keep.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;

use crate::id::Seq;
use crate::snapshot::reader::{self, SnapshotReader, SnapshotSummary};
use crate::snapshot::{RETAINED_MIN, SnapshotError};

const PREFIX: &str = "snapshot-";
const SUFFIX: &str = ".image";
const SUFFIX_TEMPORARY: &str = ".image.tmp";

/// A file is shrunk by this much at a time before it is removed: on file systems that discard, the
/// removal of a large file at once holds up every sync for tens of milliseconds.
const REMOVE_STEP_BYTES: u64 = 8 * 1024 * 1024;
const REMOVE_STEP_PAUSE: Duration = Duration::from_millis(20);

/// A directory of snapshots. Clones share what was found out about the files.
#[derive(Debug, Clone)]
pub struct SnapshotStore {
    dir: PathBuf,
    /// What this process knows of a file, because it verified or wrote it.
    known: Arc<Mutex<BTreeMap<Seq, Standing>>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Whole,
    Damaged,
}

/// What there is to start from.
#[derive(Debug)]
pub struct Newest {
    /// The newest whole snapshot.
    pub snapshot: Option<SnapshotReader>,
    /// Newer ones that are not whole, newest first.
    pub rejected: Vec<SnapshotError>,
}

/// A snapshot file and what reading all of it showed.
#[derive(Debug)]
pub struct Checked {
    /// Which file.
    pub file: PathBuf,
    /// What it holds, or where it is damaged.
    pub found: Result<SnapshotSummary, SnapshotError>,
}

impl SnapshotStore {
    /// Opens `dir`, made if it is not there, and removes what a crash left unfinished. For the one
    /// process that owns the data directory; others read with [`verify_directory`].
    ///
    /// # Errors
    /// [`SnapshotError::Io`].
    pub fn open(dir: &Path) -> Result<Self, SnapshotError> {
        if !dir.is_dir() {
            fs::create_dir_all(dir).map_err(|error| SnapshotError::io(dir, 0, error))?;
            if let Some(parent) = dir.parent().filter(|parent| parent.is_dir()) {
                sync_directory(parent)?;
            }
        }
        for name in names_in(dir)? {
            if seq_between(&name, SUFFIX_TEMPORARY).is_some() {
                let leftover = dir.join(name);
                tracing::info!(file = %leftover.display(), "removing an unfinished snapshot");
                fs::remove_file(&leftover)
                    .map_err(|error| SnapshotError::io(&leftover, 0, error))?;
            }
        }
        Ok(Self { dir: dir.to_owned(), known: Arc::default() })
    }

    /// The directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.dir
    }

    /// Where the snapshots stand, newest first, whole or not.
    ///
    /// # Errors
    /// [`SnapshotError::Io`].
    pub fn list(&self) -> Result<Vec<Seq>, SnapshotError> {
        list(&self.dir)
    }

    /// The newest snapshot that is whole, after reading all of it. A damaged or unreadable one is
    /// named in a warning and passed over for the one before it: the journal is kept from there.
    ///
    /// # Errors
    /// [`SnapshotError::NewerFormat`], since what a later version wrote is whole and must not be
    /// passed over; [`SnapshotError::Io`] when the directory cannot be listed.
    pub fn newest_valid(&self) -> Result<Newest, SnapshotError> {
        let mut rejected = Vec::new();
        for seq in self.list()? {
            match SnapshotReader::open(&self.dir.join(file_name(seq))) {
                Ok(reader) => {
                    self.remember(seq, Standing::Whole);
                    return Ok(Newest { snapshot: Some(reader), rejected });
                }
                Err(error @ SnapshotError::NewerFormat { .. }) => return Err(error),
                Err(error) => {
                    tracing::warn!(%error, "passing over a snapshot that is not whole");
                    self.remember(seq, Standing::Damaged);
                    rejected.push(error);
                }
            }
        }
        Ok(Newest { snapshot: None, rejected })
    }

    /// Keeps the newest `keep` whole snapshots, never fewer than [`RETAINED_MIN`], and removes what
    /// is older. Returns through which seq the journal is not needed any more:
    /// that of the oldest kept one, or [`Seq::ZERO`] while there are too few.
    ///
    /// A snapshot that this process neither wrote nor read is verified before it is relied on.
    ///
    /// # Errors
    /// [`SnapshotError::Io`] when files cannot be listed or removed.
    pub fn retain(&self, keep: usize) -> Result<Seq, SnapshotError> {
        let all = self.list()?;
        let mut missing = keep.max(RETAINED_MIN);
        let mut oldest_kept = Seq::ZERO;
        for &seq in &all {
            if self.standing(seq) == Standing::Whole {
                missing = missing.saturating_sub(1);
                oldest_kept = seq;
            }
            if missing == 0 {
                break;
            }
        }
        if missing > 0 {
            return Ok(Seq::ZERO);
        }
        for &seq in all.iter().rev().take_while(|&&seq| seq < oldest_kept) {
            self.remove(seq)?;
        }
        Ok(oldest_kept)
    }

    /// A finished snapshot was verified by its writer.
    pub(super) fn remember_written(&self, seq: Seq) {
        self.remember(seq, Standing::Whole);
    }

    fn remember(&self, seq: Seq, standing: Standing) {
        self.known.lock().insert(seq, standing);
    }

    fn standing(&self, seq: Seq) -> Standing {
        if let Some(&standing) = self.known.lock().get(&seq) {
            return standing;
        }
        let standing = match reader::verify(&self.dir.join(file_name(seq))) {
            Ok(_) => Standing::Whole,
            Err(error) => {
                tracing::warn!(%error, "a retained snapshot is not whole");
                Standing::Damaged
            }
        };
        self.remember(seq, standing);
        standing
    }

    /// Takes the file's name away first, and for good: a crash while it shrinks must not leave a
    /// snapshot that looks damaged.
    fn remove(&self, seq: Seq) -> Result<(), SnapshotError> {
        let file = self.dir.join(file_name(seq));
        let leaving = self.dir.join(temporary_name(seq));
        let failed = |error| SnapshotError::io(&file, 0, error);
        fs::rename(&file, &leaving).map_err(failed)?;
        sync_directory(&self.dir)?;
        shrink(&leaving).map_err(failed)?;
        fs::remove_file(&leaving).map_err(failed)?;
        self.known.lock().remove(&seq);
        tracing::debug!(file = %file.display(), "removed an old snapshot");
        Ok(())
    }
}

/// Reads every snapshot of `dir` and changes nothing; newest first. Temporary files are not
/// snapshots yet.
///
/// # Errors
/// [`SnapshotError::Io`] when the directory cannot be listed.
pub fn verify_directory(dir: &Path) -> Result<Vec<Checked>, SnapshotError> {
    let checked = list(dir)?.into_iter().map(|seq| {
        let file = dir.join(file_name(seq));
        let found = reader::verify(&file);
        Checked { file, found }
    });
    Ok(checked.collect())
}

/// The name under which the snapshot at `seq` counts.
pub(super) fn file_name(seq: Seq) -> String {
    format!("{PREFIX}{:020}{SUFFIX}", seq.0)
}

/// Its name before it counts, and again while it is removed.
pub(super) fn temporary_name(seq: Seq) -> String {
    format!("{PREFIX}{:020}{SUFFIX_TEMPORARY}", seq.0)
}

/// The seq in the name of `file`, finished or not; `None` when it is not named like a snapshot.
pub(super) fn seq_of_file(file: &Path) -> Option<Seq> {
    let name = file.file_name()?.to_str()?;
    seq_between(name, SUFFIX).or_else(|| seq_between(name, SUFFIX_TEMPORARY))
}

fn seq_between(name: &str, suffix: &str) -> Option<Seq> {
    let digits = name.strip_prefix(PREFIX)?.strip_suffix(suffix)?;
    let plain = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| plain).map(Seq)
}

/// Makes renames and removals in `dir` durable.
pub(super) fn sync_directory(dir: &Path) -> Result<(), SnapshotError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(|error| SnapshotError::io(dir, 0, error))
}

fn list(dir: &Path) -> Result<Vec<Seq>, SnapshotError> {
    let mut all: Vec<Seq> =
        names_in(dir)?.iter().filter_map(|name| seq_between(name, SUFFIX)).collect();
    all.sort_unstable_by(|one, other| other.cmp(one));
    Ok(all)
}

/// The names in `dir` that are UTF-8, as all of ours are.
fn names_in(dir: &Path) -> Result<Vec<String>, SnapshotError> {
    let read = || -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(dir)? {
            names.extend(entry?.file_name().into_string());
        }
        Ok(names)
    };
    read().map_err(|error| SnapshotError::io(dir, 0, error))
}

fn shrink(file: &Path) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(file)?;
    let mut length = file.metadata()?.len();
    while length > REMOVE_STEP_BYTES {
        length -= REMOVE_STEP_BYTES;
        file.set_len(length)?;
        thread::sleep(REMOVE_STEP_PAUSE);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
