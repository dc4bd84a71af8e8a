//! Frames in a segment's data file, found by their magic number and trusted by their checksum.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use memchr::memmem::Finder;

use crate::journal::frame::{Frame, HEADER_BYTES, LENGTH_OFFSET, START};
use crate::journal::store::SLED_SEGMENT_BYTES;
use crate::journal::{FRAME_BYTES_MAX, JournalId};

/// What sled writes in one piece: nothing that it stores lies across two of these.
pub(super) const BLOCK_BYTES: usize = SLED_SEGMENT_BYTES;

/// The head of a block, which sled changes when it uses the block anew.
pub(super) const BLOCK_HEAD_BYTES: usize = 20;

/// One block of a data file, read.
pub(super) struct Block {
    pub(super) bytes: Vec<u8>,
    start: u64,
}

impl Block {
    pub(super) fn new() -> Self {
        Self { bytes: Vec::new(), start: 0 }
    }

    /// Reads block `number`, or what there is of it.
    pub(super) fn read(&mut self, file: &File, number: u64) -> io::Result<()> {
        self.start = number.saturating_mul(u64::try_from(BLOCK_BYTES).unwrap_or(u64::MAX));
        self.bytes.resize(BLOCK_BYTES, 0);
        let mut filled = 0;
        while let Some(rest) = self.bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let offset = self.start.saturating_add(u64::try_from(filled).unwrap_or(u64::MAX));
            match file.read_at(rest, offset) {
                Ok(0) => break,
                Ok(read) => filled = filled.saturating_add(read),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.bytes.truncate(filled);
        Ok(())
    }

    /// Tells every whole frame of `journal` in the block, with its place in the file.
    pub(super) fn frames(&self, journal: JournalId, mut each: impl FnMut(u64, &[u8], &Frame<'_>)) {
        let finder = Finder::new(&START);
        let mut from = 0_usize;
        while let Some(rest) = self.bytes.get(from..)
            && let Some(found) = finder.find(rest)
        {
            let at = from.saturating_add(found);
            let candidate = self.bytes.get(at..).unwrap_or_default();
            let whole = whole_frame(candidate)
                .and_then(|bytes| Some((bytes, Frame::decode(bytes).ok()?)))
                .filter(|(_, frame)| frame.journal == journal);
            if let Some((bytes, frame)) = whole {
                let offset = self.start.saturating_add(u64::try_from(at).unwrap_or(u64::MAX));
                each(offset, bytes, &frame);
                // What an event says is not looked into.
                from = at.saturating_add(bytes.len());
            } else {
                from = at.saturating_add(1);
            }
        }
    }
}

/// As many of `bytes` as the frame that may begin there says.
fn whole_frame(bytes: &[u8]) -> Option<&[u8]> {
    let length = bytes.get(LENGTH_OFFSET..)?.first_chunk::<4>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let whole = HEADER_BYTES.checked_add(length).filter(|whole| *whole <= FRAME_BYTES_MAX)?;
    bytes.get(..whole)
}
