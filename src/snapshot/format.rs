//! The bytes of version 1: preamble, block heads, header and footer.

use uuid::Uuid;
use xxhash_rust::xxh3::Xxh3;

use crate::encoding::{self, Malformed, Reader};
use crate::id::{Epoch, Seq, ShardNumber};
use crate::snapshot::{BLOCK_BYTES_MAX, ExactSum, FORMAT_VERSION};
use crate::time::Timestamp;

pub(super) const PREAMBLE_BYTES: usize = 16;
pub(super) const HEAD_BYTES: usize = 14;

const MAGIC: [u8; 8] = *b"DDNIMAGE";

/// What a block holds. The container carries it and does not interpret it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockKind(pub u8);

impl BlockKind {
    /// Customers, each with all its accounts.
    pub const CUSTOMERS: Self = Self(1);
    /// Remembered idempotency keys.
    pub const KEYS: Self = Self(2);
    /// A version of the catalog.
    pub const CATALOG: Self = Self(3);
}

/// Which state a snapshot holds: everything up to and including `seq`, and nothing after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The journal that leads to this state.
    pub journal_id: Uuid,
    /// The epoch in which it was written.
    pub epoch: Epoch,
    /// The last record that it contains.
    pub seq: Seq,
    /// The shard that it is of.
    pub shard: ShardNumber,
    /// The time of that record: the shard's time never goes back behind it.
    pub time: Timestamp,
}

impl Header {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        encoding::put_uuid(&mut out, self.journal_id);
        encoding::put_varint(&mut out, self.epoch.0);
        encoding::put_varint(&mut out, self.seq.0);
        encoding::put_varint(&mut out, u64::from(self.shard.0));
        encoding::put_time(&mut out, self.time);
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let header = Self {
            journal_id: reader.uuid()?,
            epoch: Epoch(reader.varint()?),
            seq: Seq(reader.varint()?),
            shard: ShardNumber(reader.number()?),
            time: reader.time()?,
        };
        end_of(&reader)?;
        Ok(header)
    }
}

/// What the owner counted while it wrote. Who loads the snapshot counts again and compares: so a
/// mistake in the owner's own encoding is found, which no checksum can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Customers.
    pub customers: u64,
    /// Accounts of all customers.
    pub accounts: u64,
    /// Remembered keys.
    pub keys: u64,
    /// Sum over all accounts, units.
    pub credited: ExactSum,
    /// Sum over all accounts, units.
    pub consumed: ExactSum,
}

/// The last block: what was counted, and the digest of everything ahead of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Footer {
    pub(super) totals: Totals,
    pub(super) digest: u128,
}

impl Footer {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        encoding::put_varint(&mut out, self.totals.customers);
        encoding::put_varint(&mut out, self.totals.accounts);
        encoding::put_varint(&mut out, self.totals.keys);
        self.totals.credited.put(&mut out);
        self.totals.consumed.put(&mut out);
        out.extend_from_slice(&self.digest.to_le_bytes());
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let footer = Self {
            totals: Totals {
                customers: reader.varint()?,
                accounts: reader.varint()?,
                keys: reader.varint()?,
                credited: ExactSum::read(&mut reader)?,
                consumed: ExactSum::read(&mut reader)?,
            },
            digest: u128::from_le_bytes(reader.array()?),
        };
        end_of(&reader)?;
        Ok(footer)
    }
}

fn end_of(reader: &Reader<'_>) -> Result<(), Malformed> {
    if reader.is_empty() { Ok(()) } else { Err(Malformed("longer than its fields")) }
}

/// The first bytes of a file of `version`.
pub(super) fn preamble(version: u32) -> Vec<u8> {
    let mut out = Vec::with_capacity(PREAMBLE_BYTES);
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&version.to_le_bytes());
    let check = crc32c::crc32c(&out);
    out.extend_from_slice(&check.to_le_bytes());
    out
}

/// What the first bytes of a file say of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Preamble {
    Readable,
    Newer(u32),
    Damaged,
}

pub(super) fn read_preamble(bytes: [u8; PREAMBLE_BYTES]) -> Preamble {
    let [_, _, _, _, _, _, _, _, v0, v1, v2, v3, ..] = bytes;
    let version = u32::from_le_bytes([v0, v1, v2, v3]);
    if preamble(version) != bytes {
        return Preamble::Damaged;
    }
    match version {
        FORMAT_VERSION => Preamble::Readable,
        newer if newer > FORMAT_VERSION => Preamble::Newer(newer),
        _ => Preamble::Damaged,
    }
}

/// Where in a file a block may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Header,
    Content(BlockKind),
    Footer,
}

impl Part {
    fn bytes(self) -> [u8; 2] {
        match self {
            Self::Header => [0, 0],
            Self::Content(BlockKind(kind)) => [1, kind],
            Self::Footer => [2, 0],
        }
    }

    fn of_bytes(bytes: [u8; 2]) -> Option<Self> {
        match bytes {
            [0, 0] => Some(Self::Header),
            [1, kind] => Some(Self::Content(BlockKind(kind))),
            [2, 0] => Some(Self::Footer),
            _ => None,
        }
    }
}

/// What stands before a block's payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) length: usize,
    pub(super) number: u32,
    pub(super) part: Part,
    pub(super) check: u32,
}

/// The head of a block with this payload, or `None` when the payload is over the limit.
pub(super) fn encode_head(number: u32, part: Part, payload: &[u8]) -> Option<[u8; HEAD_BYTES]> {
    let length = u32::try_from(payload.len()).ok().filter(|_| payload.len() <= BLOCK_BYTES_MAX)?;
    let mut head = [0; HEAD_BYTES];
    let (checked, check) = head.split_at_mut(HEAD_BYTES - 4);
    let fields = [length.to_le_bytes(), number.to_le_bytes()];
    for (into, byte) in checked.iter_mut().zip(fields.into_iter().flatten().chain(part.bytes())) {
        *into = byte;
    }
    check.copy_from_slice(&check_of(checked, payload).to_le_bytes());
    Some(head)
}

/// Reads a head; `Err` says what cannot be.
pub(super) fn decode_head(bytes: [u8; HEAD_BYTES]) -> Result<Head, Malformed> {
    let mut reader = Reader::new(&bytes);
    let length = u32::from_le_bytes(reader.array()?);
    let number = u32::from_le_bytes(reader.array()?);
    let part = Part::of_bytes(reader.array()?).ok_or(Malformed("unknown part"))?;
    let check = u32::from_le_bytes(reader.array()?);
    let length = usize::try_from(length)
        .ok()
        .filter(|&length| length <= BLOCK_BYTES_MAX)
        .ok_or(Malformed("a block over the limit"))?;
    Ok(Head { length, number, part, check })
}

/// Whether `payload` is the one that `head` was written for.
pub(super) fn payload_checks(head: &[u8; HEAD_BYTES], check: u32, payload: &[u8]) -> bool {
    head.split_last_chunk::<4>().is_some_and(|(checked, _)| check_of(checked, payload) == check)
}

fn check_of(checked: &[u8], payload: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(checked), payload)
}

/// The digest of a file so far.
#[derive(Clone, Default)]
pub(super) struct Digest(Xxh3);

impl Digest {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(super) fn value(&self) -> u128 {
        self.0.digest128()
    }
}
