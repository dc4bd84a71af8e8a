//! Snapshots: files that hold a whole shard, or the catalog, exactly as it was at one seq.
//!
//! This is the container alone. It carries blocks of bytes, finds any that were changed, swapped,
//! lost or cut off, and never looks inside one: what a block means belongs to its owner.
//!
//! # The file, format version 1
//!
//! `snapshot-<seq, 20 digits>.image`; all integers little-endian.
//!
//! | bytes | what |
//! | --- | --- |
//! | 8 | magic `DDNIMAGE` |
//! | 4 | format version |
//! | 4 | CRC32C of the 12 bytes before |
//! | | blocks: one header, the owner's blocks, one footer, and nothing after it |
//!
//! These first 16 bytes keep their meaning in every later version, so that an older program can
//! tell a newer file from a damaged one. A block is:
//!
//! | bytes | what |
//! | --- | --- |
//! | 4 | length of the payload, at most [`BLOCK_BYTES_MAX`] |
//! | 4 | number: 0 for the header, then one more each |
//! | 1 | part: header 0, content 1, footer 2 |
//! | 1 | kind, the owner's; 0 in header and footer |
//! | 4 | CRC32C of the 10 bytes before and of the payload |
//! | length | payload |
//!
//! The footer ends with a digest (xxh3, 128 bits) of every byte of the file ahead of the footer's
//! block, so that a whole block of another snapshot in the place of ours is found too.
//!
//! A file counts only under its final name, and it gets that name only after it was synced, read
//! back and found whole: see [`SnapshotWriter::finish`].

use std::io;
use std::path::{Path, PathBuf};

pub use crate::snapshot::exact_sum::ExactSum;
pub use crate::snapshot::format::{BlockKind, Header, Totals};
pub use crate::snapshot::pace::WriteRate;
pub use crate::snapshot::reader::{SnapshotReader, SnapshotSummary, verify};
pub use crate::snapshot::store::{Checked, Newest, SnapshotStore, verify_directory};
pub use crate::snapshot::writer::{SnapshotWriter, WriteOptions};
pub use crate::snapshot::writer_thread::{Block, ImageHandle, OnOutcome, SnapshotDone, Unsent};

pub mod account_image;
pub mod catalog_image;
mod exact_sum;
#[cfg(test)]
mod fixture;
mod format;
mod pace;
mod reader;
mod store;
mod writer;
mod writer_thread;

/// The format that is written, and the newest that is read.
pub const FORMAT_VERSION: u32 = 1;

/// Largest payload of a block. Bounds what a reader sets aside for a length it has not checked yet.
pub const BLOCK_BYTES_MAX: usize = 4 * 1024 * 1024;

/// An owner closes a block when it has grown to this; a block may be larger when one item is.
pub const BLOCK_BYTES_TARGET: usize = 256 * 1024;

/// Fewest whole snapshots that are kept, so that damage to the newest one loses nothing.
pub const RETAINED_MIN: usize = 2;

/// Why a snapshot could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The bytes are not those that were written. Never skipped, never repaired.
    #[error("snapshot {} is damaged at byte {position}: {what}", file.display())]
    Damaged {
        /// Which file.
        file: PathBuf,
        /// Where the part begins that does not check, in bytes from the start of the file.
        position: u64,
        /// What does not check.
        what: &'static str,
    },
    /// A later version of this program wrote it.
    #[error(
        "snapshot {} has format version {found}, newer than version {supported}, the newest that is read",
        file.display()
    )]
    NewerFormat {
        /// Which file.
        file: PathBuf,
        /// The version in the file.
        found: u32,
        /// The newest version that this program reads.
        supported: u32,
    },
    /// The system failed to read, write, sync, rename or list.
    #[error("snapshot {} failed at byte {position}", file.display())]
    Io {
        /// Which file or directory.
        file: PathBuf,
        /// How many bytes of it were read or written before.
        position: u64,
        /// What the system said.
        source: io::Error,
    },
    /// The owner's block does not fit; nothing was written of it.
    #[error("a block of {bytes} bytes is over the limit of {BLOCK_BYTES_MAX}")]
    BlockTooLarge {
        /// The block's payload.
        bytes: usize,
    },
    /// A write or sync of this snapshot failed before. It is not retried: after a failed sync
    /// nobody knows what the disk holds.
    #[error("snapshot {} had a failed write or sync before", file.display())]
    Poisoned {
        /// Which file.
        file: PathBuf,
    },
    /// Its owner dropped it before it was finished.
    #[error("the snapshot at seq {seq} was dropped before it was finished")]
    Abandoned {
        /// Where it would have stood.
        seq: crate::id::Seq,
    },
}

impl SnapshotError {
    fn io(file: &Path, position: u64, source: io::Error) -> Self {
        Self::Io { file: file.to_owned(), position, source }
    }

    fn damaged(file: &Path, position: u64, what: &'static str) -> Self {
        Self::Damaged { file: file.to_owned(), position, what }
    }
}
