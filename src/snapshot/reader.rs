//! Reads a snapshot front to back, trusting nothing.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use rustix::fs::Advice;

use crate::encoding::Malformed;
use crate::snapshot::format::{
    self, BlockKind, Digest, Footer, HEAD_BYTES, Header, PREAMBLE_BYTES, Part, Preamble, Totals,
};
use crate::snapshot::pace::Pace;
use crate::snapshot::{FORMAT_VERSION, SnapshotError, WriteRate, store};

const READ_BUFFER_BYTES: usize = 256 * 1024;

/// What a whole snapshot says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotSummary {
    /// Where it is.
    pub file: PathBuf,
    /// Which state it holds.
    pub header: Header,
    /// What its owner counted.
    pub totals: Totals,
    /// Size of the file.
    pub bytes: u64,
}

/// A snapshot that was read once to its end and found whole, and is read again for its content.
#[derive(Debug)]
pub struct SnapshotReader {
    blocks: BlockStream,
    summary: SnapshotSummary,
}

impl SnapshotReader {
    /// Verifies all of `file`, then stands before its first block.
    ///
    /// # Errors
    /// [`SnapshotError`] with the file and the byte where it is not what was written.
    pub fn open(file: &Path) -> Result<Self, SnapshotError> {
        let (mut blocks, header) = BlockStream::open(file)?;
        let summary = blocks.read_to_end(header, WriteRate::Unlimited)?;
        let (blocks, again) = blocks.rewind()?;
        if again != header {
            return Err(SnapshotError::damaged(file, 0, "it changed while it was read"));
        }
        Ok(Self { blocks, summary })
    }

    /// What it says of itself.
    #[must_use]
    pub const fn summary(&self) -> &SnapshotSummary {
        &self.summary
    }

    /// The next block, in the order in which they were written; `None` after the last one. Each is
    /// checked again.
    ///
    /// # Errors
    /// [`SnapshotError`] when the file changed after it was verified, or cannot be read.
    pub fn next_block(&mut self) -> Result<Option<(BlockKind, &[u8])>, SnapshotError> {
        self.blocks.next_block()
    }
}

/// Reads all of `file` and says what it holds.
///
/// # Errors
/// [`SnapshotError`] with the file and the byte where it is not what was written.
pub fn verify(file: &Path) -> Result<SnapshotSummary, SnapshotError> {
    let (mut blocks, header) = BlockStream::open(file)?;
    blocks.read_to_end(header, WriteRate::Unlimited)
}

/// As [`verify`], but from the disk rather than from memory, and at most at `rate`.
pub(super) fn verify_written(
    file: &Path,
    rate: WriteRate,
) -> Result<SnapshotSummary, SnapshotError> {
    let (mut blocks, header) = BlockStream::open(file)?;
    // Pages that were just written would only show that memory is whole. Where the system does not
    // take the advice, the check is weaker but still made.
    blocks.advise(Advice::DontNeed);
    let summary = blocks.read_to_end(header, rate)?;
    // Nobody reads it again soon; the journal's pages are worth more.
    blocks.advise(Advice::DontNeed);
    Ok(summary)
}

/// The blocks of an open file, each checked as it comes.
struct BlockStream {
    file: PathBuf,
    input: BufReader<File>,
    length: u64,
    /// Where the next block begins.
    position: u64,
    next_number: u32,
    digest: Digest,
    /// The payload of the current block; one buffer serves all.
    payload: Vec<u8>,
    /// Known once the footer was read and found right.
    totals: Option<Totals>,
}

impl std::fmt::Debug for BlockStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlockStream")
            .field("file", &self.file)
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

impl BlockStream {
    fn open(path: &Path) -> Result<(Self, Header), SnapshotError> {
        let file = File::open(path).map_err(|error| SnapshotError::io(path, 0, error))?;
        let (blocks, header) = Self::start(path, file)?;
        blocks.advise(Advice::Sequential);
        Ok((blocks, header))
    }

    /// Reads preamble and header of `file`, which stands at its beginning.
    fn start(path: &Path, file: File) -> Result<(Self, Header), SnapshotError> {
        let length = file.metadata().map_err(|error| SnapshotError::io(path, 0, error))?.len();
        let mut input = BufReader::with_capacity(READ_BUFFER_BYTES, file);
        let mut first = [0; PREAMBLE_BYTES];
        input.read_exact(&mut first).map_err(|error| unreadable(path, 0, error))?;
        match format::read_preamble(first) {
            Preamble::Readable => {}
            Preamble::Newer(found) => {
                let file = path.to_owned();
                return Err(SnapshotError::NewerFormat { file, found, supported: FORMAT_VERSION });
            }
            Preamble::Damaged => {
                return Err(SnapshotError::damaged(path, 0, "its first bytes are no snapshot's"));
            }
        }
        let mut digest = Digest::default();
        digest.update(&first);
        let mut blocks = Self {
            file: path.to_owned(),
            input,
            length,
            position: bytes_of(PREAMBLE_BYTES),
            next_number: 0,
            digest,
            payload: Vec::new(),
            totals: None,
        };
        let begins_at = blocks.position;
        if blocks.read_block()? != Part::Header {
            return Err(blocks.damaged(begins_at, "the first block is no header"));
        }
        let header = Header::decode(&blocks.payload)
            .map_err(|Malformed(what)| blocks.damaged(begins_at, what))?;
        if store::seq_of_file(path).is_some_and(|named| named != header.seq) {
            return Err(blocks.damaged(begins_at, "the name gives another seq than the header"));
        }
        Ok((blocks, header))
    }

    fn rewind(self) -> Result<(Self, Header), SnapshotError> {
        let mut file = self.input.into_inner();
        file.rewind().map_err(|error| SnapshotError::io(&self.file, 0, error))?;
        Self::start(&self.file, file)
    }

    fn next_block(&mut self) -> Result<Option<(BlockKind, &[u8])>, SnapshotError> {
        if self.totals.is_some() {
            return Ok(None);
        }
        let begins_at = self.position;
        match self.read_block()? {
            Part::Content(kind) => Ok(Some((kind, &self.payload))),
            Part::Footer => {
                self.check_footer(begins_at)?;
                Ok(None)
            }
            Part::Header => Err(self.damaged(begins_at, "a second header")),
        }
    }

    fn read_to_end(
        &mut self,
        header: Header,
        rate: WriteRate,
    ) -> Result<SnapshotSummary, SnapshotError> {
        let mut pace = Pace::new(rate);
        loop {
            if let Some((_, payload)) = self.next_block()? {
                pace.spend(payload.len());
            } else if let Some(totals) = self.totals {
                let file = self.file.clone();
                return Ok(SnapshotSummary { file, header, totals, bytes: self.length });
            }
        }
    }

    /// Reads one block into `payload`, whatever its part.
    fn read_block(&mut self) -> Result<Part, SnapshotError> {
        let begins_at = self.position;
        let mut bytes = [0; HEAD_BYTES];
        self.input
            .read_exact(&mut bytes)
            .map_err(|error| unreadable(&self.file, begins_at, error))?;
        let head =
            format::decode_head(bytes).map_err(|Malformed(what)| self.damaged(begins_at, what))?;
        let ends_at = begins_at + bytes_of(HEAD_BYTES) + bytes_of(head.length);
        if ends_at > self.length {
            return Err(self.damaged(begins_at, CUT_OFF));
        }
        self.payload.resize(head.length, 0);
        self.input
            .read_exact(&mut self.payload)
            .map_err(|error| unreadable(&self.file, begins_at, error))?;
        if !format::payload_checks(&bytes, head.check, &self.payload) {
            return Err(self.damaged(begins_at, "the block fails its checksum"));
        }
        if head.number != self.next_number {
            return Err(self.damaged(begins_at, "a block is missing or out of its place"));
        }
        self.next_number = self.next_number.wrapping_add(1);
        self.position = ends_at;
        if head.part != Part::Footer {
            self.digest.update(&bytes);
            self.digest.update(&self.payload);
        }
        Ok(head.part)
    }

    fn check_footer(&mut self, begins_at: u64) -> Result<(), SnapshotError> {
        let footer = Footer::decode(&self.payload)
            .map_err(|Malformed(what)| self.damaged(begins_at, what))?;
        if footer.digest != self.digest.value() {
            return Err(self.damaged(begins_at, "the digest in the footer is of other blocks"));
        }
        if self.position != self.length {
            return Err(self.damaged(self.position, "bytes after the footer"));
        }
        self.totals = Some(footer.totals);
        Ok(())
    }

    fn damaged(&self, position: u64, what: &'static str) -> SnapshotError {
        SnapshotError::damaged(&self.file, position, what)
    }

    /// Advice only: a system that does not take it reads the same bytes.
    fn advise(&self, advice: Advice) {
        let _ = rustix::fs::fadvise(self.input.get_ref(), 0, None, advice);
    }
}

const CUT_OFF: &str = "the file ends before its footer";

fn unreadable(file: &Path, position: u64, error: io::Error) -> SnapshotError {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return SnapshotError::damaged(file, position, CUT_OFF);
    }
    SnapshotError::io(file, position, error)
}

fn bytes_of(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
