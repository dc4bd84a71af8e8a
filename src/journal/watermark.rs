//! The watermark: a small file beside the segments that says how far acknowledged batches reach.
//!
//! Without it a journal whose end was lost looks like a journal that was never longer. Two slots are
//! written in turn, so that a write which is cut short leaves the other one. The file has its final
//! length from the start: writing a slot changes no metadata.

use std::fs::File;
use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::path::PathBuf;

use crate::encoding::Malformed;
use crate::id::Epoch;
use crate::id::Seq;
use crate::journal::BatchNumber;
use crate::journal::JournalError;
use crate::journal::JournalId;
use crate::journal::Position;
use crate::journal::directory;
use crate::journal::frame::FrameHash;
use crate::journal::stamp::Stamp;

/// The file's name in the journal's directory.
pub(super) const FILE_NAME: &str = "watermark";

const MAGIC: [u8; 4] = *b"DDJW";

/// Each slot has a page of its own, so that no write touches both.
const SLOT_BYTES: u64 = 4096;
const FILE_BYTES: usize = 8192;

/// What is known to be durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) journal: JournalId,
    /// The greatest epoch that was acquired.
    pub(super) epoch: Epoch,
    /// The last batch that is known to be durable.
    pub(super) batch: BatchNumber,
    /// That batch's last record.
    pub(super) last: Seq,
    /// That batch's hash.
    pub(super) hash: FrameHash,
}

/// The open watermark file.
#[derive(Debug)]
pub(super) struct Watermark {
    path: PathBuf,
    file: File,
    /// How many marks were written; its parity is the slot of the last one.
    generation: u64,
}

impl Watermark {
    /// Makes the file for a new journal, and with it the journal.
    pub(super) fn create(directory: &Path, journal: JournalId) -> Result<(), JournalError> {
        let mark = Mark {
            journal,
            epoch: Epoch(0),
            batch: BatchNumber::ZERO,
            last: Seq::ZERO,
            hash: FrameHash::NONE,
        };
        let mut content = encode(0, &mark);
        content.resize(FILE_BYTES, 0);
        directory::place(&directory.join(FILE_NAME), &content)
    }

    /// Opens the file and reads the newest mark.
    pub(super) fn open(directory: &Path) -> Result<(Self, Mark), JournalError> {
        let path = directory.join(FILE_NAME);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)
            .map_err(JournalError::io("open", &path))?;
        let mut content = Vec::with_capacity(FILE_BYTES);
        std::io::Read::read_to_end(&mut &file, &mut content)
            .map_err(JournalError::io("read", &path))?;
        let (first, second) = content.split_at_checked(FILE_BYTES / 2).unwrap_or_default();
        let newest = match (decode(first), decode(second)) {
            (Ok(first), Ok(second)) => Ok(if first.0 > second.0 { first } else { second }),
            (Ok(only), Err(_)) | (Err(_), Ok(only)) => Ok(only),
            (Err(wrong), Err(_)) => Err(wrong),
        };
        let (generation, mark) =
            newest.map_err(|wrong| JournalError::damaged(&path, Position::Byte(0), wrong.0))?;
        Ok((Self { path, file, generation }, mark))
    }

    /// Writes `mark` into the slot that does not hold the newest one, durably.
    pub(super) fn write(&mut self, mark: &Mark) -> Result<(), JournalError> {
        self.generation = self.generation.saturating_add(1);
        let offset = if self.generation.is_multiple_of(2) { 0 } else { SLOT_BYTES };
        self.file
            .write_all_at(&encode(self.generation, mark), offset)
            .map_err(JournalError::io("write", &self.path))?;
        self.file.sync_data().map_err(JournalError::io("sync", &self.path))
    }
}

fn encode(generation: u64, mark: &Mark) -> Vec<u8> {
    Stamp {
        journal: mark.journal,
        words: [generation, mark.epoch.0, mark.batch.0, mark.last.0],
        hash: mark.hash,
    }
    .encode(MAGIC)
}

fn decode(slot: &[u8]) -> Result<(u64, Mark), Malformed> {
    let Stamp { journal, words, hash } = Stamp::decode(MAGIC, slot)?;
    let [generation, epoch, batch, last] = words;
    let mark =
        Mark { journal, epoch: Epoch(epoch), batch: BatchNumber(batch), last: Seq(last), hash };
    Ok((generation, mark))
}

#[cfg(test)]
mod tests;
