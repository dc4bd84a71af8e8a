//! The history of one journal, as its directory holds it: indexes of sealed segments, drafts of the
//! others. It reads beside the writer, and writes nothing but indexes.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::id::Seq;
use crate::journal::history::draft::{Draft, Look};
use crate::journal::history::index::{self, Index};
use crate::journal::history::piece::Piece;
use crate::journal::history::recorded::{LoadedFrame, Recorded};
use crate::journal::history::{FrameAt, KnownKeys, intersect};
use crate::journal::segment::{self, Extent};
use crate::journal::store::{DATA_FILE, Store};
use crate::journal::{BatchNumber, JournalError, JournalId, Position};
use crate::time::Timestamp;

/// How often all unsealed segments are looked through for records that are known to be there: sled
/// may move them meanwhile.
const LOOKS_MAX: u32 = 4;

/// Which history this is. Clones share the right to make indexes, so that none is made twice.
#[derive(Debug, Clone)]
pub struct HistoryTerms {
    /// The journal's directory.
    pub directory: PathBuf,
    /// The journal's name.
    pub journal: JournalId,
    /// What keys are hashed with: a secret, so that nobody can look for keys that collide.
    pub seed: u64,
    making: Arc<Mutex<()>>,
}

/// What retention has to know of a sealed segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentFacts {
    /// Its last record.
    pub last: Seq,
    /// When that was sequenced, or shortly before.
    pub recorded_until: Timestamp,
    /// What it takes on the disk.
    pub bytes: u64,
}

/// The history of one journal.
pub struct HistoryFiles {
    terms: HistoryTerms,
    /// In order.
    segments: Vec<Segment>,
    /// The frame that was read last: the next line often stands in it too.
    frame: Option<LoadedFrame>,
    /// The sealed segment that had to be opened as a store.
    store: Option<(u64, Store)>,
}

pub(super) struct Segment {
    number: u64,
    /// Known once it is sealed.
    pub(super) extent: Option<Extent>,
    pub(super) lines: Lines,
    /// Whether nothing will be added to its lines.
    is_whole: bool,
}

pub(super) enum Lines {
    Sealed(Index),
    Open(Box<Draft>),
}

impl HistoryTerms {
    /// The history of the journal in `directory`.
    #[must_use]
    pub fn new(directory: PathBuf, journal: JournalId, seed: u64) -> Self {
        Self { directory, journal, seed, making: Arc::default() }
    }
}

impl Lines {
    fn known(&self, asked: &[u64], known: &mut KnownKeys) -> io::Result<()> {
        match self {
            Self::Sealed(index) => index.known(asked, known)?,
            Self::Open(draft) => {
                let mut held: Vec<u64> = draft.keys.iter().copied().collect();
                held.sort_unstable();
                intersect(asked, &held, known);
            }
        }
        Ok(())
    }
}

impl HistoryFiles {
    /// The history of these terms; nothing is read yet.
    #[must_use]
    pub const fn new(terms: HistoryTerms) -> Self {
        Self { terms, segments: Vec::new(), frame: None, store: None }
    }

    /// Gives back the memory that it takes; the next refresh reads anew.
    pub fn forget(&mut self) {
        self.segments.clear();
        self.frame = None;
        self.store = None;
    }

    /// Brings it up to record `through`, which is known to be durable.
    ///
    /// # Errors
    /// What the system says, or [`JournalError::Damaged`] when records that must be there are not.
    pub fn refresh(&mut self, through: Seq) -> Result<(), JournalError> {
        self.refresh_sealed(Unsealed::Kept)?;
        for round in 0..LOOKS_MAX {
            let look = if round == 0 { Look::Changed } else { Look::Everywhere };
            if self.extend(through, look)? {
                return Ok(());
            }
        }
        let what = "records that are known to be durable are not to be found";
        let at = Position::Byte(0);
        Err(JournalError::damaged(&self.terms.directory, at, what))
    }

    /// Makes the indexes of sealed segments that lack one.
    ///
    /// # Errors
    /// As [`HistoryFiles::refresh`].
    pub fn index_sealed(&mut self) -> Result<(), JournalError> {
        self.segments.retain(|segment| matches!(segment.lines, Lines::Sealed(_)));
        self.refresh_sealed(Unsealed::Dropped)
    }

    /// What retention has to know of all sealed segments, in order. One that has no index counts as
    /// young.
    ///
    /// # Errors
    /// As [`HistoryFiles::refresh`].
    pub fn sealed_facts(&self) -> Result<Vec<SegmentFacts>, JournalError> {
        let mut facts = Vec::new();
        for number in segment::list(&self.terms.directory)?.segments {
            let directory = self.directory(number);
            let Some(extent) = segment::read_seal(&directory, self.terms.journal)? else { break };
            let data = std::fs::metadata(directory.join(DATA_FILE));
            let known = self.segments.iter().find(|segment| segment.number == number);
            let recorded_until = match known.map(|segment| &segment.lines) {
                Some(Lines::Sealed(index)) => index.recorded().1,
                Some(Lines::Open(_)) | None => Timestamp::MAX,
            };
            let bytes = data.map_or(0, |found| found.len());
            facts.push(SegmentFacts { last: extent.last, recorded_until, bytes });
        }
        Ok(facts)
    }

    /// The pieces, in the order of the journal.
    #[must_use]
    pub fn pieces(&self) -> impl DoubleEndedIterator<Item = Piece<'_>> + ExactSizeIterator {
        self.segments.iter().map(Piece::of)
    }

    /// Reads the record at `seq`; none when it is not retained, or none of the history's.
    ///
    /// # Errors
    /// As [`HistoryFiles::refresh`].
    pub fn record(&mut self, seq: Seq) -> Result<Option<Recorded<'_>>, JournalError> {
        let loaded =
            self.frame.as_ref().is_some_and(|frame| frame.first <= seq && seq <= frame.last);
        if !loaded {
            let Some((place, at)) = self.frame_of(seq)? else { return Ok(None) };
            self.load(place, at)?;
        }
        Ok(self.frame.as_ref().and_then(|frame| frame.record(seq)))
    }

    fn frame_of(&self, seq: Seq) -> Result<Option<(usize, FrameAt)>, JournalError> {
        for (place, segment) in self.segments.iter().enumerate() {
            let at = match &segment.lines {
                Lines::Sealed(index) => {
                    if segment.extent.is_none_or(|held| seq < held.first || held.last < seq) {
                        continue;
                    }
                    let path = self.directory(segment.number).join(index::FILE_NAME);
                    index.frame_of(seq).map_err(JournalError::io("read", &path))?
                }
                Lines::Open(draft) => {
                    let behind = draft.frames.partition_point(|frame| frame.first <= seq);
                    let frame = behind.checked_sub(1).and_then(|place| draft.frames.get(place));
                    frame.copied().filter(|frame| seq <= frame.last)
                }
            };
            if let Some(at) = at {
                return Ok(Some((place, at)));
            }
        }
        Ok(None)
    }

    /// Loads the frame at `at`, looking for it anew where sled has moved it.
    fn load(&mut self, place: usize, at: FrameAt) -> Result<(), JournalError> {
        let Some(segment) = self.segments.get_mut(place) else { return Ok(()) };
        let (number, extent) = (segment.number, segment.extent);
        let directory = segment::path(&self.terms.directory, number);
        let path = directory.join(DATA_FILE);
        let io = |error| JournalError::io("read", &path)(error);
        let file = File::open(&path).map_err(io)?;
        let mut offset = at.offset;
        for _ in 0..LOOKS_MAX {
            let loaded = offset.and_then(|offset| {
                let bytes = read_frame(&file, offset, at.bytes).ok()?;
                let frame = LoadedFrame::new(number, bytes, self.terms.journal).ok()?;
                ((frame.first, frame.last) == (at.first, at.last)).then_some(frame)
            });
            if loaded.is_some() {
                self.frame = loaded;
                return Ok(());
            }
            let Lines::Open(draft) = &mut segment.lines else { break };
            let nothing_new = draft.next().map_or(Seq::ZERO, |next| Seq(next.0.saturating_sub(1)));
            draft
                .extend(&file, nothing_new, Look::Everywhere, &|_, _| Ok(()))
                .map_err(io)?
                .map_err(|wrong| JournalError::damaged(&path, Position::Batch(at.number), wrong))?;
            offset =
                draft.frames.iter().find(|frame| frame.first == at.first).and_then(|it| it.offset);
        }
        if extent.is_none() {
            let what = "an acknowledged batch is missing";
            return Err(JournalError::damaged(&path, Position::Batch(at.number), what));
        }
        let bytes = self.stored(number, &directory, at.number)?;
        let frame = LoadedFrame::new(number, bytes, self.terms.journal)
            .map_err(|wrong| JournalError::damaged(&path, Position::Batch(at.number), wrong))?;
        self.frame = Some(frame);
        Ok(())
    }

    /// Reads a frame of a sealed segment through its store.
    fn stored(
        &mut self,
        segment: u64,
        directory: &Path,
        number: BatchNumber,
    ) -> Result<Vec<u8>, JournalError> {
        if self.store.as_ref().is_none_or(|(open, _)| *open != segment) {
            self.store = None;
            self.store = Some((segment, Store::open_existing(directory)?));
        }
        let missing = || {
            let what = "an acknowledged batch is missing";
            JournalError::damaged(&directory.join(DATA_FILE), Position::Batch(number), what)
        };
        let (_, store) = self.store.as_ref().ok_or_else(missing)?;
        store.frame(number)?.map(|bytes| bytes.to_vec()).ok_or_else(missing)
    }

    fn directory(&self, number: u64) -> PathBuf {
        segment::path(&self.terms.directory, number)
    }
}

/// What becomes of segments that are not sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unsealed {
    Kept,
    Dropped,
}

impl HistoryFiles {
    /// Takes note of which segments there are, and opens or makes the indexes of the sealed ones.
    fn refresh_sealed(&mut self, unsealed: Unsealed) -> Result<(), JournalError> {
        let numbers = segment::list(&self.terms.directory)?.segments;
        self.segments.retain(|segment| numbers.contains(&segment.number));
        if self.store.as_ref().is_some_and(|(open, _)| !numbers.contains(open)) {
            self.store = None;
        }
        if self.frame.as_ref().is_some_and(|frame| !numbers.contains(&frame.segment)) {
            self.frame = None;
        }
        let mut at = 0_usize;
        for number in numbers {
            let known = self.segments.get(at).filter(|segment| segment.number == number);
            let is_settled =
                |segment: &Segment| segment.is_whole || matches!(segment.lines, Lines::Sealed(_));
            if known.is_some_and(is_settled) {
                at = at.saturating_add(1);
                continue;
            }
            let is_known = known.is_some();
            let directory = self.directory(number);
            let extent = segment::read_seal(&directory, self.terms.journal)?;
            if extent.is_none() && unsealed == Unsealed::Dropped {
                break;
            }
            let lines = match extent {
                Some(extent) => match self.sealed(number, &extent, at)? {
                    Some(lines) => lines,
                    // It was dropped a moment ago.
                    None => continue,
                },
                None if is_known => {
                    at = at.saturating_add(1);
                    continue;
                }
                None => Lines::Open(Box::new(self.draft(None))),
            };
            let segment = Segment { number, extent, lines, is_whole: extent.is_some() };
            match self.segments.get_mut(at).filter(|_| is_known) {
                Some(known) => *known = segment,
                None => self.segments.insert(at, segment),
            }
            at = at.saturating_add(1);
        }
        Ok(())
    }

    fn draft(&self, first: Option<Seq>) -> Draft {
        Draft::new(self.terms.journal, self.terms.seed, first)
    }

    /// The lines of a sealed segment. Its index is made if there is none that is whole; where there
    /// is no room for it the lines stay in memory. None when the segment is gone. `earlier` segments
    /// are known by now.
    fn sealed(
        &self,
        number: u64,
        extent: &Extent,
        earlier: usize,
    ) -> Result<Option<Lines>, JournalError> {
        let directory = self.directory(number);
        let path = directory.join(index::FILE_NAME);
        let open = || {
            Index::open(&directory, self.terms.journal, extent)
                .map_err(|error| JournalError::io("read", &path)(error))
        };
        if let Some(index) = open()? {
            return Ok(Some(Lines::Sealed(index)));
        }
        let making = self.terms.making.lock();
        if let Some(index) = open()? {
            return Ok(Some(Lines::Sealed(index)));
        }
        let Some(draft) = self.make(&directory, extent, earlier)? else { return Ok(None) };
        let bytes = index::encode(&draft, self.terms.journal, extent);
        let placed = index::place(&directory, &bytes);
        drop(making);
        match placed {
            Ok(()) => {
                tracing::info!(segment = %directory.display(), bytes = bytes.len(), "indexed");
                Ok(open()?.map(Lines::Sealed))
            }
            Err(_) if !directory.is_dir() => Ok(None),
            Err(error) => {
                tracing::warn!(%error, "an index stays in memory");
                Ok(Some(Lines::Open(Box::new(draft))))
            }
        }
    }

    /// All lines of the sealed segment in `directory`.
    fn make(
        &self,
        directory: &Path,
        extent: &Extent,
        earlier: usize,
    ) -> Result<Option<Draft>, JournalError> {
        let path = directory.join(DATA_FILE);
        let io = |error| JournalError::io("read", &path)(error);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io(error)),
        };
        let damaged =
            |wrong| JournalError::damaged(&path, Position::Batch(extent.last_batch), wrong);
        let before = self.segments.get(..earlier).unwrap_or_default();
        let known = |asked: &[u64], known: &mut KnownKeys| {
            before.iter().try_for_each(|segment| segment.lines.known(asked, known))
        };
        let mut draft = self.draft(Some(extent.first));
        draft.extend(&file, extent.last, Look::Everywhere, &known).map_err(io)?.map_err(damaged)?;
        let mut store = None;
        while draft.next().is_none_or(|next| next <= extent.last) {
            let store = match &mut store {
                Some(store) => store,
                empty @ None => empty.insert(Store::open_existing(directory)?),
            };
            let number = draft.next_batch().unwrap_or(extent.first_batch);
            let frame = store.frame(number)?;
            let frame = frame.ok_or_else(|| damaged("an acknowledged batch is missing".into()))?;
            draft.take_stored(number, &frame, &known).map_err(io)?.map_err(damaged)?;
        }
        if draft.end() != Some((extent.last_batch, extent.hash)) {
            return Err(damaged("the batch is not the one that was acknowledged".into()));
        }
        Ok(Some(draft))
    }

    /// Takes in what was written since; whether everything up to `through` is in then.
    fn extend(&mut self, through: Seq, look: Look) -> Result<bool, JournalError> {
        let mut next = None;
        for place in 0..self.segments.len() {
            let (before, rest) = self.segments.split_at_mut(place);
            let Some(segment) = rest.first_mut() else { break };
            let draft = match (&mut segment.lines, segment.extent) {
                (Lines::Sealed(_), extent) | (Lines::Open(_), extent @ Some(_)) => {
                    next = extent.map(|held| held.last.next());
                    continue;
                }
                (Lines::Open(draft), None) => draft,
            };
            if let Some(next) = next {
                draft.begin_at(next);
            }
            if next.or(draft.next()).is_some_and(|next| next > through) {
                return Ok(true);
            }
            let path = segment::path(&self.terms.directory, segment.number).join(DATA_FILE);
            let io = |error| JournalError::io("read", &path)(error);
            let file = File::open(&path).map_err(io)?;
            let known = |asked: &[u64], known: &mut KnownKeys| {
                before.iter().try_for_each(|segment| segment.lines.known(asked, known))
            };
            let taken = draft.extend(&file, through, look, &known).map_err(io);
            let batch = draft.next_batch().unwrap_or(BatchNumber::ZERO);
            let taken = taken.and_then(|taken| {
                taken.map_err(|wrong| JournalError::damaged(&path, Position::Batch(batch), wrong))
            });
            if let Err(error) = taken {
                // Half of it may be in: it is read anew when it is asked for again.
                segment.lines =
                    Lines::Open(Box::new(Draft::new(self.terms.journal, self.terms.seed, None)));
                return Err(error);
            }
            next = draft.next();
        }
        Ok(through == Seq::ZERO || next.is_some_and(|next| next > through))
    }
}

fn read_frame(file: &File, offset: u64, bytes: u32) -> io::Result<Vec<u8>> {
    let mut frame = vec![0; usize::try_from(bytes).map_err(io::Error::other)?];
    std::os::unix::fs::FileExt::read_exact_at(file, &mut frame, offset)?;
    Ok(frame)
}
