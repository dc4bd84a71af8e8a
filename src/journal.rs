//! The write-ahead journal of one shard: its contract, its errors, its limits.
//!
//! A journal keeps *batches*: runs of consecutive records, framed, chained and checksummed. It never
//! looks into a record, never reads a clock, and never decides what is retried.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use crate::id::Epoch;
use crate::id::Seq;
use crate::time::Timestamp;

pub mod action;
pub mod catalog_record;
mod directory;
pub mod frame;
pub mod history;
mod janitor;
mod marker;
pub mod memory;
pub mod profile;
pub mod purchases;
pub mod record;
mod recovery;
mod segment;
pub mod sled;
pub mod space;
mod stamp;
mod store;
mod watermark;
pub mod wire;

#[cfg(test)]
mod contract;

/// Largest frame, header included. sled moves larger values, and pages of them, to files that it
/// never syncs.
pub const FRAME_BYTES_MAX: usize = 64 * 1024;

/// Most record bytes in one frame: what the header leaves of [`FRAME_BYTES_MAX`].
pub const FRAME_BODY_BYTES_MAX: usize = FRAME_BYTES_MAX - frame::HEADER_BYTES;

/// Largest encoded record. Whoever encodes records refuses larger ones by name, so that every record
/// fits a frame.
pub const RECORD_BYTES_MAX: usize = 60 * 1024;

/// The random name a journal gets when it is made. Snapshots carry it, so that a journal is never
/// taken for another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JournalId(pub u128);

impl fmt::Display for JournalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// The position of a batch in its journal; the first one is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchNumber(pub u64);

impl BatchNumber {
    /// Before the first batch.
    pub const ZERO: Self = Self(0);

    /// The position after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for BatchNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What is to be appended as one frame: the encoded records `first..=last`.
#[derive(Debug, Clone, Copy)]
pub struct Records<'a> {
    /// Position of the first record.
    pub first: Seq,
    /// Position of the last record.
    pub last: Seq,
    /// The time that the records' own times are counted from.
    pub base_time: Timestamp,
    /// The records, encoded; at most [`FRAME_BODY_BYTES_MAX`], never looked into.
    pub bytes: &'a [u8],
}

/// One batch as it is read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch<'a> {
    /// Its position.
    pub number: BatchNumber,
    /// The epoch it was written in.
    pub epoch: Epoch,
    /// Position of its first record.
    pub first: Seq,
    /// Position of its last record.
    pub last: Seq,
    /// The time that the records' own times are counted from.
    pub base_time: Timestamp,
    /// The records, encoded.
    pub bytes: &'a [u8],
}

/// Why a reader wants no further batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplayStop {
    /// It has what it wanted: the replay ends well.
    Enough,
    /// The batch is whole, but its records make no sense: the journal is damaged.
    Malformed(&'static str),
}

/// What a journal was found to hold when it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// The journal's name.
    pub id: JournalId,
    /// The first record that is still there; one past `last` when there is none.
    pub first: Seq,
    /// The last record; [`Seq::ZERO`] when none was ever written.
    pub last: Seq,
    /// The greatest epoch so far; 0 when there was none.
    pub epoch: Epoch,
    /// Whole batches after the last good one that [`Journal::acquire`] will cut off: the torn end of
    /// a write that was never acknowledged.
    pub torn_batches: u64,
}

/// A journal: appended to by one writer, read before that.
///
/// # Contract
/// - A record that [`Journal::commit`] reported is there after any crash, exactly once, in order.
/// - A record that was submitted but not committed may or may not be there after a crash; if it is,
///   so is everything before it.
/// - Damage to what is known to be committed is an error that names file and position, at open or at
///   replay. Nothing is skipped. A torn end that may never have been committed is left out, and cut
///   off before the next append.
/// - Opening and replaying append nothing; [`Journal::acquire`] is the first call that writes.
/// - After a failed submit or commit every later one fails with [`JournalError::Poisoned`]. Only
///   opening the journal anew tells what it holds. [`JournalError::FrameTooLarge`] and
///   [`JournalError::OutOfOrder`] change nothing and poison nothing.
pub trait Journal: Send {
    /// Calls `each` for every committed batch in order, from the one that holds record `from` (or
    /// the next one) to the last, each verified: checksum, chain, continuity.
    ///
    /// # Errors
    /// [`JournalError::Trimmed`] when records from `from` on were dropped, [`JournalError::Behind`]
    /// when the journal ends before `from - 1`, [`JournalError::Damaged`].
    fn replay(
        &mut self,
        from: Seq,
        each: &mut dyn FnMut(&Batch<'_>) -> Result<(), ReplayStop>,
    ) -> Result<(), JournalError>;

    /// Cuts off a torn end and begins a new epoch, greater than all before. Both are durable when
    /// this returns.
    ///
    /// # Errors
    /// When that fails; nothing may be submitted then.
    fn acquire(&mut self) -> Result<Epoch, JournalError>;

    /// Appends one frame. It is not durable yet.
    ///
    /// # Errors
    /// As the contract says, and [`JournalError::NoEpoch`] before the first [`Journal::acquire`].
    fn submit(&mut self, records: Records<'_>) -> Result<BatchNumber, JournalError>;

    /// Makes everything that was submitted durable, with one sync, and returns the last record's
    /// position. Never retried.
    ///
    /// # Errors
    /// When it is unknown whether everything is durable.
    fn commit(&mut self) -> Result<Seq, JournalError>;

    /// Allows everything at or before `through` to be dropped, in the background, in whole segments.
    /// The last batch stays in any case.
    ///
    /// # Errors
    /// [`JournalError::NoEpoch`] before the first [`Journal::acquire`].
    fn trim(&mut self, through: Seq) -> Result<(), JournalError>;
}

/// Where in a file damage was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// At this offset.
    Byte(u64),
    /// At this batch.
    Batch(BatchNumber),
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Byte(offset) => write!(f, "byte {offset}"),
            Self::Batch(number) => write!(f, "batch {number}"),
        }
    }
}

/// Why a journal does not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// What is stored is not what was written.
    #[error("damaged: {} at {position}: {what}", file.display())]
    Damaged {
        /// The file or directory.
        file: PathBuf,
        /// Where in it.
        position: Position,
        /// What is wrong.
        what: Cow<'static, str>,
    },
    /// There is no journal, and none was to be made.
    #[error("no journal in {}", .0.display())]
    Absent(PathBuf),
    /// The records were dropped by a trim.
    #[error("record {from} was dropped, the journal begins at {first}")]
    Trimmed {
        /// The record that was asked for.
        from: Seq,
        /// The first one that is there.
        first: Seq,
    },
    /// The journal lacks records that the caller knows of.
    #[error("the journal ends at record {last}, before {from}")]
    Behind {
        /// The record that was asked for.
        from: Seq,
        /// The last one that is there.
        last: Seq,
    },
    /// The records do not follow the last ones, or end before they begin.
    #[error("records {first}..={last} do not follow: {expected} is next")]
    OutOfOrder {
        /// The position that must come next.
        expected: Seq,
        /// The first record's.
        first: Seq,
        /// The last record's.
        last: Seq,
    },
    /// The frame would be over [`FRAME_BYTES_MAX`].
    #[error("{bytes} bytes of records do not fit a frame of {FRAME_BODY_BYTES_MAX}")]
    FrameTooLarge {
        /// Length of the encoded records.
        bytes: usize,
    },
    /// Nothing is written before an epoch was acquired.
    #[error("no epoch was acquired")]
    NoEpoch,
    /// An earlier write or sync failed.
    #[error("the journal refuses writes after a failed write or sync")]
    Poisoned,
    /// The operating system refused.
    #[error("cannot {doing} {}: {source}", file.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On which file or directory.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The store failed while it was written to.
    #[error("cannot write {}: {what}", file.display())]
    Store {
        /// The segment.
        file: PathBuf,
        /// What the store said.
        what: String,
    },
}

impl JournalError {
    fn io(doing: &'static str, file: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, file: file.to_owned(), source }
    }

    fn damaged(file: &Path, position: Position, what: impl Into<Cow<'static, str>>) -> Self {
        Self::Damaged { file: file.to_owned(), position, what: what.into() }
    }
}
