//! How long the history is kept: by age and by size, and less when the disk has no room.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::engine::journal_thread::JournalState;
use crate::id::Seq;
use crate::journal::JournalError;
use crate::journal::history::{HistoryFiles, SegmentFacts};
use crate::journal::space::free_bytes;
use crate::time::Timestamp;

/// Age after which a segment is forgotten.
pub const EVENT_RETENTION: Duration = Duration::from_hours(35 * 24);

/// Size of a shard's journal beyond which its oldest segments are forgotten, in bytes.
pub const EVENT_RETENTION_BYTES: u64 = 8 * 1024 * 1024 * 1024;

/// The history yields to new writes: while less than this is free above the reserve, the oldest
/// segments are forgotten early, as far as the older snapshot allows. So a disk that is full of
/// history refuses nothing.
pub const YIELDS_BELOW_BYTES: u64 = 512 * 1024 * 1024;

/// How long events are retained. Whole segments go, so the oldest events stay a little longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// A segment goes when its last record is older than this.
    pub age: Duration,
    /// The oldest segments go while a shard's sealed ones take more than this, in bytes.
    pub bytes: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self { age: EVENT_RETENTION, bytes: EVENT_RETENTION_BYTES }
    }
}

impl Retention {
    /// Through where `segments`, in order, may be forgotten at `now`, when `missing_bytes` more
    /// should be free.
    #[must_use]
    pub fn forgotten(self, segments: &[SegmentFacts], now: Timestamp, missing_bytes: u64) -> Seq {
        let age = i64::try_from(self.age.as_micros()).unwrap_or(i64::MAX);
        let mut held = segments.iter().fold(0_u64, |sum, facts| sum.saturating_add(facts.bytes));
        let mut freed = 0_u64;
        let mut through = Seq::ZERO;
        for facts in segments {
            let old = now.since(facts.recorded_until) > age;
            if !(old || held > self.bytes || freed < missing_bytes) {
                break;
            }
            held = held.saturating_sub(facts.bytes);
            freed = freed.saturating_add(facts.bytes);
            through = facts.last;
        }
        through
    }
}

/// Looks after the sealed segments of one shard.
pub(super) struct Watch {
    pub(super) files: HistoryFiles,
    pub(super) state: Arc<JournalState>,
    pub(super) directory: PathBuf,
    pub(super) retention: Retention,
    pub(super) reserve_bytes: u64,
    /// How many shards share the disk.
    pub(super) shards: u64,
}

impl Watch {
    /// Indexes what has no index, and says what may be forgotten.
    pub(super) fn look(&mut self, now: Timestamp) -> Result<(), JournalError> {
        let has_room = free_bytes(&self.directory).is_ok_and(|free| free >= self.reserve_bytes);
        let indexed = if has_room { self.files.index_sealed() } else { Ok(()) };
        // A disk without room for an index is one that the history has to yield on.
        let segments = self.files.sealed_facts()?;
        let through = self.retention.forgotten(&segments, now, self.missing_bytes());
        self.state.forget(through);
        indexed
    }

    /// This shard's part of what the disk lacks; what is being given back already counts as free.
    fn missing_bytes(&self) -> u64 {
        let Ok(free) = free_bytes(&self.directory) else { return 0 };
        let wanted = self.reserve_bytes.saturating_add(YIELDS_BELOW_BYTES);
        let coming = going_bytes(&self.directory);
        wanted.saturating_sub(free.saturating_add(coming)).div_ceil(self.shards.max(1))
    }
}

/// What segments that are being removed still take.
fn going_bytes(journal: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(journal) else { return 0 };
    let going = entries.filter_map(Result::ok).filter(|entry| {
        entry.file_name().to_str().is_some_and(|name| name.starts_with("dropped-"))
    });
    let bytes = going.filter_map(|entry| std::fs::metadata(entry.path().join("db")).ok());
    bytes.fold(0, |sum: u64, found| sum.saturating_add(found.len()))
}
