//! The index of a sealed segment: a file beside the seal that finds lines by customer.
//!
//! | part | what | each |
//! | --- | --- | --- |
//! | head | magic `DDJH`, version, journal, extent, counts, times, checksums | 188 bytes |
//! | frames | first and last record, batch, offset, length; by first record | 36 |
//! | customers | number, end of its lines; by number | 12 |
//! | keys | hashes of keys that were taken in, ascending | 8 |
//! | names | kind, name, count, earliest and latest time | |
//! | lines | for each customer: position and time since the line before it, name | about 8 |
//!
//! Little endian. Checksums are verified when the index is opened; afterwards only the parts that a
//! question needs are read.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::encoding::{self, Malformed, Reader};
use crate::id::{CustomerNumber, Seq};
use crate::journal::history::draft::Draft;
use crate::journal::history::{FrameAt, Kind, KnownKeys, Line, NameSeen, intersect};
use crate::journal::segment::Extent;
use crate::journal::{BatchNumber, JournalError, JournalId, directory};
use crate::time::Timestamp;

/// The index's name in the segment's directory.
pub(super) const FILE_NAME: &str = "history";

const MAGIC: [u8; 4] = *b"DDJH";
const VERSION: u32 = 1;

const HEAD_BYTES: usize = 188;
const FRAME_BYTES: usize = 36;
const CUSTOMER_BYTES: usize = 12;
const KEY_BYTES: usize = 8;

/// An offset that says "through the store".
const NO_OFFSET: u64 = u64::MAX;

/// Of so many entries of a table, the first one's key is kept in memory.
const FENCE_STRIDE: usize = 64;

/// An opened index. The file itself is not kept open.
pub(super) struct Index {
    path: PathBuf,
    head: Head,
    pub(super) names: Vec<NameSeen>,
    frame_fences: Vec<u64>,
    customer_fences: Vec<u32>,
}

/// The head of an index, in the order of its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Head {
    frames: u64,
    customers: u64,
    keys: u64,
    names_bytes: u64,
    lines_bytes: u64,
    lines: u64,
    recorded: (Timestamp, Timestamp),
    times: (Timestamp, Timestamp),
}

/// Where the parts begin.
struct Parts {
    customers: u64,
    keys: u64,
    names: u64,
    lines: u64,
}

impl Head {
    fn parts(&self) -> Parts {
        let after = |start: u64, count: u64, each: usize| {
            start.saturating_add(count.saturating_mul(u64::try_from(each).unwrap_or(u64::MAX)))
        };
        let frames = u64::try_from(HEAD_BYTES).unwrap_or(u64::MAX);
        let customers = after(frames, self.frames, FRAME_BYTES);
        let keys = after(customers, self.customers, CUSTOMER_BYTES);
        let names = after(keys, self.keys, KEY_BYTES);
        let lines = names.saturating_add(self.names_bytes);
        Parts { customers, keys, names, lines }
    }
}

fn put_word(out: &mut Vec<u8>, word: u64) {
    out.extend_from_slice(&word.to_le_bytes());
}

/// The file that holds `draft`, all of the segment `extent`.
pub(super) fn encode(draft: &Draft, journal: JournalId, extent: &Extent) -> Vec<u8> {
    let mut body = Vec::new();
    for frame in &draft.frames {
        put_word(&mut body, frame.first.0);
        put_word(&mut body, frame.last.0);
        put_word(&mut body, frame.number.0);
        put_word(&mut body, frame.offset.unwrap_or(NO_OFFSET));
        body.extend_from_slice(&frame.bytes.to_le_bytes());
    }
    let mut customers: Vec<_> = draft.by_customer.iter().collect();
    customers.sort_unstable_by_key(|(customer, _)| **customer);
    let mut lines = Vec::new();
    for (customer, places) in &customers {
        let mut before = (extent.first.0, Timestamp::EPOCH);
        for place in *places {
            let place = usize::try_from(*place).unwrap_or(usize::MAX);
            let Some(line) = draft.lines.get(place) else { continue };
            encoding::put_varint(&mut lines, line.seq.0.saturating_sub(before.0));
            encoding::put_signed(&mut lines, line.at.since(before.1));
            encoding::put_varint(&mut lines, u64::from(line.name));
            before = (line.seq.0, line.at);
        }
        body.extend_from_slice(&customer.0.to_le_bytes());
        put_word(&mut body, u64::try_from(lines.len()).unwrap_or(u64::MAX));
    }
    let mut keys: Vec<u64> = draft.keys.iter().copied().collect();
    keys.sort_unstable();
    for key in &keys {
        put_word(&mut body, *key);
    }
    let mut names = Vec::new();
    for seen in &draft.names {
        names.push(seen.kind.tag());
        encoding::put_bytes(&mut names, seen.name.as_bytes());
        encoding::put_varint(&mut names, seen.count);
        encoding::put_time(&mut names, seen.first);
        encoding::put_time(&mut names, seen.last);
    }
    body.extend_from_slice(&names);
    body.extend_from_slice(&lines);
    let length = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let head = Head {
        frames: length(draft.frames.len()),
        customers: length(customers.len()),
        keys: length(keys.len()),
        names_bytes: length(names.len()),
        lines_bytes: length(lines.len()),
        lines: length(draft.lines.len()),
        recorded: draft.recorded.unwrap_or_default(),
        times: times(&draft.names),
    };
    let mut out = put_head(&head, journal, extent, crc32c::crc32c(&body));
    out.extend_from_slice(&body);
    out
}

/// The earliest and the latest time of lines.
pub(super) fn times(names: &[NameSeen]) -> (Timestamp, Timestamp) {
    let seen = || names.iter().filter(|seen| seen.count > 0);
    let first = seen().map(|seen| seen.first).min().unwrap_or(Timestamp::MAX);
    (first, seen().map(|seen| seen.last).max().unwrap_or(Timestamp::MIN))
}

fn put_head(head: &Head, journal: JournalId, extent: &Extent, checksum: u32) -> Vec<u8> {
    let mut out = Vec::from(MAGIC);
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&journal.0.to_le_bytes());
    out.extend_from_slice(&extent.hash.0.to_le_bytes());
    let Extent { first_batch, last_batch, first, last, hash: _ } = *extent;
    let counts = [first_batch.0, last_batch.0, first.0, last.0, head.frames, head.customers];
    let rest = [head.keys, head.names_bytes, head.lines_bytes, head.lines];
    for word in counts.into_iter().chain(rest) {
        put_word(&mut out, word);
    }
    for time in [head.recorded.0, head.recorded.1, head.times.0, head.times.1] {
        put_word(&mut out, time.microseconds().cast_unsigned());
    }
    // Room for what a later version has to say.
    out.extend_from_slice(&[0; 28]);
    out.extend_from_slice(&checksum.to_le_bytes());
    out.extend_from_slice(&crc32c::crc32c(&out).to_le_bytes());
    out
}

fn read_head(bytes: &[u8], journal: JournalId, extent: &Extent) -> Result<(Head, u32), Malformed> {
    let checked = bytes.get(..HEAD_BYTES.saturating_sub(4)).ok_or(Malformed("cut short"))?;
    let mut reader = Reader::new(bytes);
    if reader.array()? != MAGIC || u32::from_le_bytes(reader.array()?) != VERSION {
        return Err(Malformed("not an index of this version"));
    }
    if u128::from_le_bytes(reader.array()?) != journal.0 {
        return Err(Malformed("of another journal"));
    }
    let hash = u128::from_le_bytes(reader.array()?);
    let mut words = [0; 14];
    for word in &mut words {
        *word = u64::from_le_bytes(reader.array()?);
    }
    reader.take(28)?;
    let body_checksum = u32::from_le_bytes(reader.array()?);
    if u32::from_le_bytes(reader.array()?) != crc32c::crc32c(checked) {
        return Err(Malformed("fails its checksum"));
    }
    let [first_batch, last_batch, first, last, frames, customers, keys, rest @ ..] = words;
    let said = (first_batch, last_batch, first, last, hash);
    let Extent { first_batch, last_batch, first, last, hash } = *extent;
    if said != (first_batch.0, last_batch.0, first.0, last.0, hash.0) {
        return Err(Malformed("of another segment"));
    }
    let [names_bytes, lines_bytes, lines, begun, ended, earliest, latest] = rest;
    let time = |word: u64| {
        Timestamp::from_microseconds(word.cast_signed()).ok_or(Malformed("time out of range"))
    };
    let (recorded, times) = ((time(begun)?, time(ended)?), (time(earliest)?, time(latest)?));
    let head = Head { frames, customers, keys, names_bytes, lines_bytes, lines, recorded, times };
    Ok((head, body_checksum))
}

/// Puts the index of the segment at `segment` in its place, whole or not at all.
pub(super) fn place(segment: &Path, bytes: &[u8]) -> Result<(), JournalError> {
    directory::place(&segment.join(FILE_NAME), bytes)
}

impl Index {
    /// Opens and verifies the index of the segment at `segment`; none when there is none that is
    /// whole.
    pub(super) fn open(
        segment: &Path,
        journal: JournalId,
        extent: &Extent,
    ) -> io::Result<Option<Self>> {
        let path = segment.join(FILE_NAME);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        match Self::of(path.clone(), &bytes, journal, extent) {
            Ok(index) => Ok(Some(index)),
            Err(wrong) => {
                tracing::warn!(file = %path.display(), what = wrong.0, "the index is made again");
                Ok(None)
            }
        }
    }

    fn of(
        path: PathBuf,
        bytes: &[u8],
        journal: JournalId,
        extent: &Extent,
    ) -> Result<Self, Malformed> {
        let (head, checksum) = read_head(bytes, journal, extent)?;
        let body = bytes.get(HEAD_BYTES..).ok_or(Malformed("cut short"))?;
        if crc32c::crc32c(body) != checksum {
            return Err(Malformed("fails its checksum"));
        }
        let parts = head.parts();
        let part = |from: u64, to: u64| {
            let from = usize::try_from(from).map_err(|_| Malformed("too long"))?;
            let to = usize::try_from(to).map_err(|_| Malformed("too long"))?;
            bytes.get(from..to).ok_or(Malformed("cut short"))
        };
        let frames = part(u64::try_from(HEAD_BYTES).unwrap_or(u64::MAX), parts.customers)?;
        let frame_fences = frames
            .chunks(FRAME_BYTES.saturating_mul(FENCE_STRIDE))
            .map(|entry| Ok(u64::from_le_bytes(Reader::new(entry).array()?)))
            .collect::<Result<_, Malformed>>()?;
        let customer_fences = part(parts.customers, parts.keys)?
            .chunks(CUSTOMER_BYTES.saturating_mul(FENCE_STRIDE))
            .map(|entry| Ok(u32::from_le_bytes(Reader::new(entry).array()?)))
            .collect::<Result<_, Malformed>>()?;
        let mut reader = Reader::new(part(parts.names, parts.lines)?);
        let mut names = Vec::new();
        while !reader.is_empty() {
            names.push(NameSeen {
                kind: Kind::of(reader.byte()?).ok_or(Malformed("unknown kind of line"))?,
                name: reader.text()?.into(),
                count: reader.varint()?,
                first: reader.time()?,
                last: reader.time()?,
            });
        }
        Ok(Self { path, head, names, frame_fences, customer_fences })
    }

    /// How many lines there are.
    pub(super) const fn lines(&self) -> u64 {
        self.head.lines
    }

    /// The earliest and the latest time of its lines.
    pub(super) const fn times(&self) -> (Timestamp, Timestamp) {
        self.head.times
    }

    /// When the first and the last record of the segment were sequenced.
    pub(super) const fn recorded(&self) -> (Timestamp, Timestamp) {
        self.head.recorded
    }

    fn read(&self, from: u64, to: u64) -> io::Result<Vec<u8>> {
        let length = usize::try_from(to.saturating_sub(from)).map_err(io::Error::other)?;
        let mut bytes = vec![0; length];
        if length > 0 {
            File::open(&self.path)?.read_exact_at(&mut bytes, from)?;
        }
        Ok(bytes)
    }

    /// The entries of a table from fence `fence` on, and one entry before it, where its customers
    /// begin.
    fn stretch(&self, start: u64, count: u64, each: usize, fence: usize) -> io::Result<Vec<u8>> {
        let stride = u64::try_from(FENCE_STRIDE).unwrap_or(u64::MAX);
        let each = u64::try_from(each).unwrap_or(u64::MAX);
        let from = u64::try_from(fence).unwrap_or(u64::MAX).saturating_mul(stride);
        let to = from.saturating_add(stride).min(count);
        let place = |entry: u64| start.saturating_add(entry.saturating_mul(each));
        self.read(place(from.saturating_sub(1)), place(to))
    }

    /// Adds the lines of `customer`, in the order of the journal.
    pub(super) fn lines_of(
        &self,
        first: Seq,
        customer: CustomerNumber,
        into: &mut Vec<Line>,
    ) -> io::Result<()> {
        let behind = self.customer_fences.partition_point(|fence| *fence <= customer.0);
        let Some(fence) = behind.checked_sub(1) else { return Ok(()) };
        let parts = self.head.parts();
        let table = self.stretch(parts.customers, self.head.customers, CUSTOMER_BYTES, fence)?;
        let mut from = 0;
        for entry in table.chunks_exact(CUSTOMER_BYTES) {
            let (number, to) = customer_entry(entry)?;
            if number == customer {
                let at = |offset: u64| parts.lines.saturating_add(offset);
                let bytes = self.read(at(from), at(to))?;
                let mut reader = Reader::new(&bytes);
                return each_line(&mut reader, first, customer, &mut |line| into.push(line));
            }
            from = to;
        }
        Ok(())
    }

    /// Tells every line, customer by customer.
    pub(super) fn each_line(&self, first: Seq, each: &mut dyn FnMut(Line)) -> io::Result<()> {
        let parts = self.head.parts();
        let table = self.read(parts.customers, parts.keys)?;
        let end = parts.lines.saturating_add(self.head.lines_bytes);
        let lines = self.read(parts.lines, end)?;
        let mut reader = Reader::new(&lines);
        let mut from = 0_u64;
        for entry in table.chunks_exact(CUSTOMER_BYTES) {
            let (customer, to) = customer_entry(entry)?;
            let length = usize::try_from(to.saturating_sub(from)).map_err(io::Error::other)?;
            let mut own = Reader::new(reader.take(length).map_err(io::Error::other)?);
            each_line(&mut own, first, customer, each)?;
            from = to;
        }
        Ok(())
    }

    /// The frame that holds record `seq`.
    pub(super) fn frame_of(&self, seq: Seq) -> io::Result<Option<FrameAt>> {
        let behind = self.frame_fences.partition_point(|fence| *fence <= seq.0);
        let Some(fence) = behind.checked_sub(1) else { return Ok(None) };
        let start = u64::try_from(HEAD_BYTES).unwrap_or(u64::MAX);
        let table = self.stretch(start, self.head.frames, FRAME_BYTES, fence)?;
        for entry in table.chunks_exact(FRAME_BYTES) {
            let frame = frame_entry(entry).map_err(io::Error::other)?;
            if frame.first <= seq && seq <= frame.last {
                return Ok(Some(frame));
            }
        }
        Ok(None)
    }

    /// Adds to `known` what of `asked`, which is in order, was taken in here.
    pub(super) fn known(&self, asked: &[u64], known: &mut KnownKeys) -> io::Result<()> {
        let parts = self.head.parts();
        let bytes = self.read(parts.keys, parts.names)?;
        let held: Vec<u64> = bytes
            .chunks_exact(KEY_BYTES)
            .filter_map(|key| key.first_chunk().copied().map(u64::from_le_bytes))
            .collect();
        intersect(asked, &held, known);
        Ok(())
    }
}

fn customer_entry(entry: &[u8]) -> io::Result<(CustomerNumber, u64)> {
    let mut reader = Reader::new(entry);
    let read = |reader: &mut Reader<'_>| {
        let number = u32::from_le_bytes(reader.array()?);
        Ok((CustomerNumber(number), u64::from_le_bytes(reader.array()?)))
    };
    read(&mut reader).map_err(|wrong: Malformed| io::Error::other(wrong))
}

fn frame_entry(entry: &[u8]) -> Result<FrameAt, Malformed> {
    let mut reader = Reader::new(entry);
    let mut word = || reader.array().map(u64::from_le_bytes);
    let (first, last, number, offset) = (word()?, word()?, word()?, word()?);
    let bytes = u32::from_le_bytes(reader.array()?);
    let offset = (offset != NO_OFFSET).then_some(offset);
    Ok(FrameAt { first: Seq(first), last: Seq(last), number: BatchNumber(number), offset, bytes })
}

fn each_line(
    reader: &mut Reader<'_>,
    first: Seq,
    customer: CustomerNumber,
    each: &mut dyn FnMut(Line),
) -> io::Result<()> {
    let mut seq = first.0;
    let mut at = Timestamp::EPOCH;
    let mut next = |reader: &mut Reader<'_>| {
        seq = seq.saturating_add(reader.varint()?);
        at = at.saturating_add(reader.signed()?);
        Ok(Line { customer, seq: Seq(seq), at, name: reader.number()? })
    };
    while !reader.is_empty() {
        each(next(reader).map_err(|wrong: Malformed| io::Error::other(wrong))?);
    }
    Ok(())
}
