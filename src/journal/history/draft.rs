//! The lines of one segment in memory: of one that is still written to, or on the way to an index.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use foldhash::fast::RandomState;

use crate::encoding::Malformed;
use crate::event::EventHead;
use crate::id::{CustomerNumber, Epoch, Seq};
use crate::journal::frame::{Chain, FrameHash};
use crate::journal::history::frames::{BLOCK_BYTES, BLOCK_HEAD_BYTES, Block};
use crate::journal::history::recorded::{RecordedBody, Told, each_told};
use crate::journal::history::{
    FrameAt, KeyHashes, Kind, KnownKeys, Line, NameSeen, Wrong, key_hash,
};
use crate::journal::{BatchNumber, JournalId};
use crate::time::Timestamp;

/// How much of a data file is looked through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// The blocks that changed since the last look, as far as their heads tell.
    Changed,
    /// All of it.
    Everywhere,
}

/// Who knows which keys came before a segment.
pub(super) type Earlier<'a> = &'a dyn Fn(&[u64], &mut KnownKeys) -> io::Result<()>;

/// The lines of one segment.
pub(super) struct Draft {
    journal: JournalId,
    seed: u64,
    /// The record that comes next; none until the segment's first one is known.
    next: Option<Seq>,
    /// Found, but not their turn yet; by first record.
    pending: BTreeMap<Seq, (Epoch, FrameAt)>,
    heads: Vec<[u8; BLOCK_HEAD_BYTES]>,
    newest_block: u64,
    chain: Option<Chain>,
    pub(super) frames: Vec<FrameAt>,
    /// By position.
    pub(super) lines: Vec<Line>,
    pub(super) by_customer: HashMap<CustomerNumber, Vec<u32>, RandomState>,
    pub(super) names: Vec<NameSeen>,
    name_places: HashMap<(Kind, Box<str>), u32, RandomState>,
    pub(super) keys: KnownKeys,
    /// When the first and the last record of any kind were sequenced.
    pub(super) recorded: Option<(Timestamp, Timestamp)>,
}

/// A line that may turn out to be a repeat.
struct NewLine {
    line: Line,
    key: Option<u64>,
}

impl Draft {
    /// Nothing yet, of a segment that begins with record `next`, if that is known.
    pub(super) fn new(journal: JournalId, seed: u64, next: Option<Seq>) -> Self {
        Self {
            journal,
            seed,
            next,
            pending: BTreeMap::new(),
            heads: Vec::new(),
            newest_block: 0,
            chain: None,
            frames: Vec::new(),
            lines: Vec::new(),
            by_customer: HashMap::default(),
            names: Vec::new(),
            name_places: HashMap::default(),
            keys: KnownKeys::default(),
            recorded: None,
        }
    }

    /// The record behind the last one that was taken in.
    pub(super) const fn next(&self) -> Option<Seq> {
        self.next
    }

    /// Says where the segment begins, once the one before it is complete.
    pub(super) fn begin_at(&mut self, first: Seq) {
        if self.frames.is_empty() {
            self.next = Some(first);
        }
    }

    /// The last frame's position and hash.
    pub(super) fn end(&self) -> Option<(BatchNumber, FrameHash)> {
        self.chain.map(|chain| (chain.batch, chain.hash))
    }

    /// Looks for frames in `file` and takes in those up to record `through`.
    pub(super) fn extend(
        &mut self,
        file: &File,
        through: Seq,
        look: Look,
        earlier: Earlier<'_>,
    ) -> io::Result<Result<(), Wrong>> {
        self.locate(file, look)?;
        let mut lines = Vec::new();
        if self.next.is_none() {
            self.next = self.pending.keys().next().copied();
        }
        while let Some(next) = self.next
            && let Some((_, at)) = self.pending.get(&next).copied()
            && at.last <= through
        {
            self.pending.remove(&next);
            let Some(offset) = at.offset else { break };
            let mut bytes = vec![0; usize::try_from(at.bytes).unwrap_or(0)];
            match file.read_exact_at(&mut bytes, offset) {
                Ok(()) => {}
                // It was moved meanwhile; another look finds it.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
                Err(error) => return Err(error),
            }
            match self.take(&bytes, at, &mut lines) {
                Ok(Taken::In) => {}
                Ok(Taken::Moved) => break,
                Err(wrong) => return Ok(Err(wrong)),
            }
        }
        self.enter(lines, earlier)?;
        Ok(Ok(()))
    }

    /// Takes in a frame that was read through the store.
    pub(super) fn take_stored(
        &mut self,
        number: BatchNumber,
        bytes: &[u8],
        earlier: Earlier<'_>,
    ) -> io::Result<Result<(), Wrong>> {
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let first = self.next.unwrap_or(Seq::ZERO);
        let at = FrameAt { first, last: first, number, offset: None, bytes: length };
        let mut lines = Vec::new();
        match self.take(bytes, at, &mut lines) {
            Ok(Taken::In) => {}
            Ok(Taken::Moved) => return Ok(Err("the frame is not whole".into())),
            Err(wrong) => return Ok(Err(wrong)),
        }
        self.enter(lines, earlier)?;
        Ok(Ok(()))
    }

    /// The batch that comes next, once there is one before it.
    pub(super) fn next_batch(&self) -> Option<BatchNumber> {
        self.chain.map(|chain| chain.batch.next())
    }

    fn locate(&mut self, file: &File, look: Look) -> io::Result<()> {
        let block_bytes = u64::try_from(BLOCK_BYTES).unwrap_or(u64::MAX);
        let blocks = file.metadata()?.len().div_ceil(block_bytes);
        let mut block = Block::new();
        let mut newest = (Seq::ZERO, self.newest_block);
        for number in 0..blocks {
            let mut head = [0; BLOCK_HEAD_BYTES];
            let read = file.read_at(&mut head, number.saturating_mul(block_bytes))?;
            let place = usize::try_from(number).unwrap_or(usize::MAX);
            let unchanged = self.heads.get(place) == Some(&head) && read == BLOCK_HEAD_BYTES;
            if look == Look::Changed && unchanged && number != self.newest_block {
                continue;
            }
            block.read(file, number)?;
            if self.heads.len() <= place {
                self.heads.resize(place.saturating_add(1), [0; BLOCK_HEAD_BYTES]);
            }
            if let Some(known) = self.heads.get_mut(place) {
                *known = head;
            }
            block.frames(self.journal, |offset, bytes, frame| {
                let batch = frame.batch;
                let at = FrameAt {
                    first: batch.first,
                    last: batch.last,
                    number: batch.number,
                    offset: Some(offset),
                    bytes: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
                };
                newest = newest.max((batch.first, number));
                self.found(batch.epoch, at);
            });
        }
        self.newest_block = newest.1;
        Ok(())
    }

    fn found(&mut self, epoch: Epoch, at: FrameAt) {
        if self.next.is_some_and(|next| at.first < next) {
            // Taken in already; sled may have moved it.
            if let Ok(place) = self.frames.binary_search_by_key(&at.first, |frame| frame.first)
                && let Some(known) = self.frames.get_mut(place)
                && (known.number, known.last) == (at.number, at.last)
            {
                known.offset = at.offset;
            }
            return;
        }
        let pending = self.pending.entry(at.first).or_insert((epoch, at));
        // What a crash kept from being acknowledged may lie beside what was written instead.
        if epoch >= pending.0 {
            *pending = (epoch, at);
        }
    }

    fn take(
        &mut self,
        bytes: &[u8],
        mut at: FrameAt,
        lines: &mut Vec<NewLine>,
    ) -> Result<Taken, Wrong> {
        let joined = match &mut self.chain {
            Some(chain) => chain.follow(bytes),
            None => Chain::begin(self.journal, bytes).map(|(chain, batch)| {
                self.chain = Some(chain);
                batch
            }),
        };
        let Ok(batch) = joined else { return Ok(Taken::Moved) };
        (at.first, at.last) = (batch.first, batch.last);
        each_told(&batch, |told| {
            lines.push(self.line(&told)?);
            Ok(())
        })?;
        let begun = self.recorded.map_or(batch.base_time, |(begun, _)| begun);
        self.recorded = Some((begun, batch.base_time));
        self.frames.push(at);
        self.next = Some(batch.last.next());
        Ok(Taken::In)
    }

    fn line(&mut self, told: &Told<'_>) -> Result<NewLine, Malformed> {
        let (name, at) = match &told.body {
            RecordedBody::Event(payload) => {
                let head = EventHead::recorded(payload, told.recorded_at)
                    .map_err(|_| Malformed("an event that was never taken in"))?;
                (self.name(Kind::Event, &head.name), head.timestamp)
            }
            RecordedBody::Use { meter, at, .. } => {
                (self.name(Kind::Use, &meter.0.to_string()), *at)
            }
        };
        let kind = told.body.kind();
        let key =
            (!told.key.is_empty()).then(|| key_hash(self.seed, kind, told.customer, told.key));
        let line = Line { customer: told.customer, seq: told.seq, at, name };
        Ok(NewLine { line, key })
    }

    fn name(&mut self, kind: Kind, name: &str) -> u32 {
        // The key is owned: names are few, so the copy is cheap beside the frame's checksum.
        let key = (kind, Box::from(name));
        if let Some(place) = self.name_places.get(&key) {
            return *place;
        }
        let place = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        let (first, last) = (Timestamp::MAX, Timestamp::MIN);
        self.names.push(NameSeen { kind, name: name.into(), count: 0, first, last });
        self.name_places.insert(key, place);
        place
    }

    /// Keeps the lines that repeat no key.
    fn enter(&mut self, lines: Vec<NewLine>, earlier: Earlier<'_>) -> io::Result<()> {
        let mut asked: KeyHashes = lines.iter().filter_map(|new| new.key).collect();
        asked.sort_unstable();
        let mut known = KnownKeys::default();
        if !asked.is_empty() {
            earlier(&asked, &mut known)?;
        }
        for NewLine { line, key } in lines {
            if let Some(key) = key
                && (known.contains(&key) || !self.keys.insert(key))
            {
                continue;
            }
            let place = u32::try_from(self.lines.len()).unwrap_or(u32::MAX);
            self.lines.push(line);
            self.by_customer.entry(line.customer).or_default().push(place);
            let name = usize::try_from(line.name).unwrap_or(usize::MAX);
            if let Some(seen) = self.names.get_mut(name) {
                seen.count = seen.count.saturating_add(1);
                seen.first = seen.first.min(line.at);
                seen.last = seen.last.max(line.at);
            }
        }
        Ok(())
    }
}

enum Taken {
    In,
    /// What lies there now is another frame, or none.
    Moved,
}
