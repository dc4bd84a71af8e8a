//! The small checksummed note that watermark slots and seals are: 76 bytes, little endian.
//!
//! | offset | bytes | field |
//! | --- | --- | --- |
//! | 0 | 4 | magic, says which note this is |
//! | 4 | 4 | format version, 1 |
//! | 8 | 16 | journal id |
//! | 24 | 32 | four words, meant by whoever writes them |
//! | 56 | 16 | hash of a frame |
//! | 72 | 4 | CRC32C of what is before |

use crate::encoding::Malformed;
use crate::encoding::Reader;
use crate::journal::JournalId;
use crate::journal::frame::FrameHash;

const VERSION: u32 = 1;
const CHECKSUM_OFFSET: usize = 72;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) journal: JournalId,
    pub(super) words: [u64; 4],
    pub(super) hash: FrameHash,
}

impl Stamp {
    pub(super) fn encode(&self, magic: [u8; 4]) -> Vec<u8> {
        let mut out = Vec::from(magic);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&self.journal.0.to_le_bytes());
        for word in self.words {
            out.extend_from_slice(&word.to_le_bytes());
        }
        out.extend_from_slice(&self.hash.0.to_le_bytes());
        out.extend_from_slice(&crc32c::crc32c(&out).to_le_bytes());
        out
    }

    /// Reads a stamp from the start of `bytes`; what follows it is not looked at.
    pub(super) fn decode(magic: [u8; 4], bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        if reader.array()? != magic {
            return Err(Malformed("not what belongs here"));
        }
        if u32::from_le_bytes(reader.array()?) != VERSION {
            return Err(Malformed("unknown version"));
        }
        let journal = JournalId(u128::from_le_bytes(reader.array()?));
        let mut words = [0; 4];
        for word in &mut words {
            *word = u64::from_le_bytes(reader.array()?);
        }
        let hash = FrameHash(u128::from_le_bytes(reader.array()?));
        let checksum = u32::from_le_bytes(reader.array()?);
        if crc32c::crc32c(bytes.get(..CHECKSUM_OFFSET).unwrap_or_default()) != checksum {
            return Err(Malformed("fails its checksum"));
        }
        Ok(Self { journal, words, hash })
    }
}
