//! The bytes of a batch: a fixed header, then the records. Little endian throughout.
//!
//! | offset | bytes | field |
//! | --- | --- | --- |
//! | 0 | 4 | magic `DDJF` |
//! | 4 | 4 | format version, 1 |
//! | 8 | 16 | journal id |
//! | 24 | 8 | epoch |
//! | 32 | 8 | batch number |
//! | 40 | 8 | first record's seq |
//! | 48 | 8 | last record's seq |
//! | 56 | 8 | base time, microseconds since 1970 |
//! | 64 | 16 | XXH3-128 of the whole previous frame; zero for the first one |
//! | 80 | 4 | length of the records |
//! | 84 | 4 | CRC32C of bytes 0 to 84 and of the records |
//! | 88 | | the records |
//!
//! The checksum finds damage within a frame. The chain of hashes, numbers and seqs finds frames that
//! are missing, exchanged, or from another journal.

use xxhash_rust::xxh3::xxh3_128;

use crate::encoding::Malformed;
use crate::encoding::Reader;
use crate::id::Epoch;
use crate::id::Seq;
use crate::journal::Batch;
use crate::journal::BatchNumber;
use crate::journal::FRAME_BODY_BYTES_MAX;
use crate::journal::JournalError;
use crate::journal::JournalId;
use crate::journal::Records;
use crate::time::Timestamp;

/// Length of a frame's header.
pub const HEADER_BYTES: usize = 88;

const MAGIC: [u8; 4] = *b"DDJF";
const VERSION: u32 = 1;

/// What every frame of this version begins with.
pub(super) const START: [u8; 8] = *b"DDJF\x01\0\0\0";

/// Where the length of the records stands.
pub(super) const LENGTH_OFFSET: usize = 80;

/// Where the checksum stands; it covers what is before and after it.
const CHECKSUM_OFFSET: usize = 84;

/// The hash of a whole frame, which the next frame carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHash(pub u128);

impl FrameHash {
    /// What the very first frame carries.
    pub const NONE: Self = Self(0);

    /// The hash of `frame`.
    #[must_use]
    pub fn of(frame: &[u8]) -> Self {
        Self(xxh3_128(frame))
    }
}

/// A frame whose checksum holds, not yet put into its place in the chain.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// The journal that it was written for.
    pub journal: JournalId,
    /// Hash of the frame before it.
    pub previous: FrameHash,
    /// What it holds.
    pub batch: Batch<'a>,
}

impl<'a> Frame<'a> {
    /// Reads a frame and verifies its checksum.
    ///
    /// # Errors
    /// [`Malformed`] when these bytes are no whole frame of this version.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        if reader.array()? != MAGIC {
            return Err(Malformed("no frame begins here"));
        }
        if u32::from_le_bytes(reader.array()?) != VERSION {
            return Err(Malformed("unknown frame version"));
        }
        let journal = JournalId(u128::from_le_bytes(reader.array()?));
        let mut word = || reader.array().map(u64::from_le_bytes);
        let (epoch, number, first, last) = (word()?, word()?, word()?, word()?);
        let base_time = word()?.cast_signed();
        let previous = FrameHash(u128::from_le_bytes(reader.array()?));
        let length = u32::from_le_bytes(reader.array()?);
        let checksum = u32::from_le_bytes(reader.array()?);
        if usize::try_from(length) != Ok(reader.remaining()) {
            return Err(Malformed("frame is cut short"));
        }
        let records = reader.take(reader.remaining())?;
        let covered = bytes.get(..CHECKSUM_OFFSET).unwrap_or_default();
        if crc32c::crc32c_append(crc32c::crc32c(covered), records) != checksum {
            return Err(Malformed("frame fails its checksum"));
        }
        let base_time =
            Timestamp::from_microseconds(base_time).ok_or(Malformed("base time out of range"))?;
        if first > last {
            return Err(Malformed("frame ends before it begins"));
        }
        let batch = Batch {
            number: BatchNumber(number),
            epoch: Epoch(epoch),
            first: Seq(first),
            last: Seq(last),
            base_time,
            bytes: records,
        };
        Ok(Self { journal, previous, batch })
    }
}

/// The end of a journal: what the next frame must follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chain {
    /// The journal.
    pub journal: JournalId,
    /// The last frame's epoch.
    pub epoch: Epoch,
    /// The last frame's number.
    pub batch: BatchNumber,
    /// The last record.
    pub last: Seq,
    /// Hash of the last frame.
    pub hash: FrameHash,
}

impl Chain {
    /// Before the first frame.
    #[must_use]
    pub const fn start(journal: JournalId) -> Self {
        Self {
            journal,
            epoch: Epoch(0),
            batch: BatchNumber::ZERO,
            last: Seq::ZERO,
            hash: FrameHash::NONE,
        }
    }

    /// Takes `bytes` as the next frame, verified.
    ///
    /// # Errors
    /// [`Malformed`] when they are no frame or do not follow; the chain is as it was.
    pub fn follow<'a>(&mut self, bytes: &'a [u8]) -> Result<Batch<'a>, Malformed> {
        let frame = Frame::decode(bytes)?;
        if frame.journal != self.journal {
            return Err(Malformed("frame of another journal"));
        }
        if frame.batch.number != self.batch.next() {
            return Err(Malformed("batch number does not follow"));
        }
        if frame.batch.first != self.last.next() {
            return Err(Malformed("records do not follow"));
        }
        if frame.batch.epoch < self.epoch {
            return Err(Malformed("epoch goes back"));
        }
        if frame.previous != self.hash {
            return Err(Malformed("frame does not follow the one before it"));
        }
        self.extend(&frame.batch, FrameHash::of(bytes));
        Ok(frame.batch)
    }

    /// Takes `bytes` as the first frame that is still there, trusting what it says of the one
    /// before.
    ///
    /// # Errors
    /// [`Malformed`] when they are no frame of `journal`.
    pub fn begin(journal: JournalId, bytes: &[u8]) -> Result<(Self, Batch<'_>), Malformed> {
        let frame = Frame::decode(bytes)?;
        let mut chain = Self {
            journal,
            epoch: frame.batch.epoch,
            batch: BatchNumber(frame.batch.number.0.saturating_sub(1)),
            last: Seq(frame.batch.first.0.saturating_sub(1)),
            hash: frame.previous,
        };
        let batch = chain.follow(bytes)?;
        Ok((chain, batch))
    }

    /// Writes the next frame into `frame`, which is cleared first, and moves on to it.
    ///
    /// # Errors
    /// [`JournalError::FrameTooLarge`] and [`JournalError::OutOfOrder`]; the chain is as it was.
    pub fn encode(
        &mut self,
        epoch: Epoch,
        records: &Records<'_>,
        frame: &mut Vec<u8>,
    ) -> Result<BatchNumber, JournalError> {
        let bytes = records.bytes.len();
        let length = u32::try_from(bytes).map_err(|_| JournalError::FrameTooLarge { bytes })?;
        if bytes > FRAME_BODY_BYTES_MAX {
            return Err(JournalError::FrameTooLarge { bytes });
        }
        let expected = self.last.next();
        let (first, last) = (records.first, records.last);
        if first != expected || last < first {
            return Err(JournalError::OutOfOrder { expected, first, last });
        }
        frame.clear();
        frame.reserve(HEADER_BYTES.saturating_add(bytes));
        frame.extend_from_slice(&MAGIC);
        frame.extend_from_slice(&VERSION.to_le_bytes());
        frame.extend_from_slice(&self.journal.0.to_le_bytes());
        for word in [epoch.0, self.batch.next().0, first.0, last.0] {
            frame.extend_from_slice(&word.to_le_bytes());
        }
        frame.extend_from_slice(&records.base_time.microseconds().to_le_bytes());
        frame.extend_from_slice(&self.hash.0.to_le_bytes());
        frame.extend_from_slice(&length.to_le_bytes());
        let checksum = crc32c::crc32c_append(crc32c::crc32c(frame), records.bytes);
        frame.extend_from_slice(&checksum.to_le_bytes());
        frame.extend_from_slice(records.bytes);
        let batch = Batch {
            number: self.batch.next(),
            epoch,
            first,
            last,
            base_time: records.base_time,
            bytes: records.bytes,
        };
        self.extend(&batch, FrameHash::of(frame));
        Ok(batch.number)
    }

    fn extend(&mut self, batch: &Batch<'_>, hash: FrameHash) {
        self.epoch = batch.epoch;
        self.batch = batch.number;
        self.last = batch.last;
        self.hash = hash;
    }
}

#[cfg(test)]
mod tests;
