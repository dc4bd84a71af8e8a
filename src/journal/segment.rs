//! A segment: one directory of the row that a journal is.
//!
//! `segment-0000000001` holds the first batches, and so on without a gap. A segment is filled,
//! *sealed* with a note of what it holds, and later dropped whole.

use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use crate::encoding::Malformed;
use crate::id::Seq;
use crate::journal::BatchNumber;
use crate::journal::JournalError;
use crate::journal::JournalId;
use crate::journal::Position;
use crate::journal::directory;
use crate::journal::frame::FrameHash;
use crate::journal::stamp::Stamp;
use crate::journal::store::Store;

const PREFIX: &str = "segment-";
const DROPPED_PREFIX: &str = "dropped-";
const DRAFT_EXTENSION: &str = "new";

/// The seal's name in the segment's directory.
const SEAL_FILE: &str = "seal";
const SEAL_MAGIC: [u8; 4] = *b"DDJS";

/// What a segment holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) first_batch: BatchNumber,
    pub(super) last_batch: BatchNumber,
    pub(super) first: Seq,
    pub(super) last: Seq,
    /// Hash of the last frame.
    pub(super) hash: FrameHash,
}

/// A segment of an opened journal.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) number: u64,
    pub(super) directory: PathBuf,
    /// None: no batch is in it.
    pub(super) extent: Option<Extent>,
    /// Present as long as the segment is unsealed and not handed to the janitor.
    pub(super) store: Option<Store>,
}

/// The directory of segment `number`.
pub(super) fn path(journal: &Path, number: u64) -> PathBuf {
    journal.join(format!("{PREFIX}{number:010}"))
}

/// The name that a segment has while it is being removed.
pub(super) fn dropped_path(segment: &Path) -> Option<PathBuf> {
    let number = segment.file_name()?.to_str()?.strip_prefix(PREFIX)?;
    Some(segment.with_file_name(format!("{DROPPED_PREFIX}{number}")))
}

/// What stands in a journal's directory.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Segment numbers, ascending.
    pub(super) segments: Vec<u64>,
    /// Directories whose removal, or making, was cut short.
    pub(super) leftovers: Vec<PathBuf>,
}

/// Looks what stands in the journal's directory; empty when there is none.
pub(super) fn list(journal: &Path) -> Result<Listing, JournalError> {
    let mut listing = Listing::default();
    let entries = match fs::read_dir(journal) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(listing),
        Err(error) => return Err(JournalError::io("list", journal)(error)),
    };
    for entry in entries {
        let path = entry.map_err(JournalError::io("list", journal))?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if let Some(number) = name.strip_prefix(PREFIX) {
            if path.extension().is_some_and(|extension| extension == DRAFT_EXTENSION) {
                listing.leftovers.push(path);
            } else if let Ok(number) = number.parse() {
                listing.segments.push(number);
            }
        } else if name.starts_with(DROPPED_PREFIX) {
            listing.leftovers.push(path);
        }
    }
    listing.segments.sort_unstable();
    listing.leftovers.sort_unstable();
    Ok(listing)
}

/// Notes durably that the segment at `directory` is complete and holds `extent`.
pub(super) fn seal(
    directory: &Path,
    journal: JournalId,
    extent: &Extent,
) -> Result<(), JournalError> {
    let stamp = Stamp {
        journal,
        words: [extent.first_batch.0, extent.last_batch.0, extent.first.0, extent.last.0],
        hash: extent.hash,
    };
    directory::place(&directory.join(SEAL_FILE), &stamp.encode(SEAL_MAGIC))
}

/// What the segment's seal says; none when it is not sealed.
pub(super) fn read_seal(
    directory: &Path,
    journal: JournalId,
) -> Result<Option<Extent>, JournalError> {
    let path = directory.join(SEAL_FILE);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(JournalError::io("read", &path)(error)),
    };
    let stamp = Stamp::decode(SEAL_MAGIC, &bytes)
        .and_then(|stamp| {
            if stamp.journal == journal { Ok(stamp) } else { Err(Malformed("of another journal")) }
        })
        .map_err(|wrong| JournalError::damaged(&path, Position::Byte(0), wrong.0))?;
    let [first_batch, last_batch, first, last] = stamp.words;
    Ok(Some(Extent {
        first_batch: BatchNumber(first_batch),
        last_batch: BatchNumber(last_batch),
        first: Seq(first),
        last: Seq(last),
        hash: stamp.hash,
    }))
}
