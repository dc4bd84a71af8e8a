//! Finding out what a journal's directory holds, and reading it back. Nothing is appended here.

use std::path::Path;
use std::path::PathBuf;

use crate::id::Epoch;
use crate::id::Seq;
use crate::journal::Batch;
use crate::journal::BatchNumber;
use crate::journal::JournalError;
use crate::journal::Position;
use crate::journal::ReplayStop;
use crate::journal::frame::Chain;
use crate::journal::frame::Frame;
use crate::journal::frame::FrameHash;
use crate::journal::segment;
use crate::journal::segment::Extent;
use crate::journal::segment::Segment;
use crate::journal::store::Store;
use crate::journal::watermark::Mark;

/// What stands in a journal's directory.
#[derive(Debug)]
pub(super) struct Found {
    /// In order and without a gap; empty ones only at the end.
    pub(super) segments: Vec<Segment>,
    /// The last good frame.
    pub(super) chain: Chain,
    /// Frames after it that are no frames: the torn end of a write that was never acknowledged.
    pub(super) torn: Vec<BatchNumber>,
    /// Directories to be removed.
    pub(super) leftovers: Vec<PathBuf>,
}

impl Found {
    /// The first record that is still there.
    pub(super) fn first(&self) -> Seq {
        first_record(&self.segments, &self.chain)
    }

    /// The greatest epoch that was ever acquired.
    pub(super) fn epoch(&self, mark: &Mark) -> Epoch {
        self.chain.epoch.max(mark.epoch)
    }
}

/// The first record of `segments`; the one after the last when they hold none.
pub(super) fn first_record(segments: &[Segment], chain: &Chain) -> Seq {
    segments.iter().find_map(|segment| segment.extent).map_or(chain.last.next(), |held| held.first)
}

/// Reads the segments under `directory`, whose watermark is `mark`.
pub(super) fn find(directory: &Path, mark: &Mark) -> Result<Found, JournalError> {
    let listing = segment::list(directory)?;
    let mut segments = open_all(directory, &listing.segments, mark)?;
    let mut chain = anchor(directory, &segments, mark)?;
    let torn = follow(&mut chain, &segments)?;
    for segment in &mut segments {
        if let Some(store) = &segment.store {
            segment.extent = extent(store, &chain)?;
        }
    }
    check_row(&segments)?;
    Ok(Found { segments, chain, torn, leftovers: listing.leftovers })
}

fn open_all(directory: &Path, numbers: &[u64], mark: &Mark) -> Result<Vec<Segment>, JournalError> {
    let mut segments: Vec<Segment> = Vec::with_capacity(numbers.len());
    for &number in numbers {
        let path = segment::path(directory, number);
        if segments.last().is_some_and(|last| last.number.saturating_add(1) != number) {
            let at = Position::Byte(0);
            return Err(JournalError::damaged(&path, at, "the segment before it is missing"));
        }
        let extent = segment::read_seal(&path, mark.journal)?;
        let store = match extent {
            Some(_) => None,
            None => Some(Store::open_existing(&path)?),
        };
        segments.push(Segment { number, directory: path, extent, store });
    }
    Ok(segments)
}

/// The last frame that is known to be durable, by the watermark or by a seal.
fn anchor(directory: &Path, segments: &[Segment], mark: &Mark) -> Result<Chain, JournalError> {
    let start = Chain::start(mark.journal);
    let sealed = segments.iter().rev().find_map(|segment| segment.extent);
    if let Some(sealed) = sealed.filter(|sealed| sealed.last_batch >= mark.batch) {
        let at_mark = (mark.batch, mark.last, mark.hash);
        if sealed.last_batch == mark.batch
            && (sealed.last_batch, sealed.last, sealed.hash) != at_mark
        {
            let at = Position::Batch(mark.batch);
            return Err(JournalError::damaged(directory, at, "watermark and seal disagree"));
        }
        return Ok(Chain {
            batch: sealed.last_batch,
            last: sealed.last,
            hash: sealed.hash,
            ..start
        });
    }
    if mark.batch == BatchNumber::ZERO {
        return Ok(start);
    }
    let at = Position::Batch(mark.batch);
    let mut last_file = directory.to_owned();
    for store in segments.iter().filter_map(|segment| segment.store.as_ref()) {
        last_file = store.path();
        let Some(bytes) = store.frame(mark.batch)? else { continue };
        let (chain, _) = Chain::begin(mark.journal, &bytes)
            .map_err(|wrong| JournalError::damaged(&last_file, at, wrong.0))?;
        if (chain.batch, chain.last, chain.hash) != (mark.batch, mark.last, mark.hash) {
            let what = "the batch is not the one that was acknowledged";
            return Err(JournalError::damaged(&last_file, at, what));
        }
        return Ok(chain);
    }
    Err(JournalError::damaged(&last_file, at, "an acknowledged batch is missing"))
}

/// Moves `chain` from the anchor to the last good frame. What follows that is returned if it can be
/// the end of a write that was cut short: nothing in it is a frame.
fn follow(chain: &mut Chain, segments: &[Segment]) -> Result<Vec<BatchNumber>, JournalError> {
    let mut torn = Vec::new();
    for store in segments.iter().filter_map(|segment| segment.store.as_ref()) {
        let mut scan = store.scan(chain.batch.next());
        while let Some((number, bytes)) = scan.next()? {
            let wrong = if torn.is_empty() && number == chain.batch.next() {
                match chain.follow(&bytes) {
                    Ok(_) => continue,
                    Err(wrong) => wrong.0,
                }
            } else {
                "the batch does not follow the last good one"
            };
            if Frame::decode(&bytes).is_ok() {
                return Err(JournalError::damaged(&store.path(), Position::Batch(number), wrong));
            }
            torn.push(number);
        }
    }
    Ok(torn)
}

/// What an unsealed store holds, up to the end of `chain`.
fn extent(store: &Store, chain: &Chain) -> Result<Option<Extent>, JournalError> {
    let mut scan = store.scan(BatchNumber::ZERO);
    let Some((first_batch, bytes)) = scan.next()?.filter(|(number, _)| *number <= chain.batch)
    else {
        return Ok(None);
    };
    let damaged = |number: BatchNumber, what: &'static str| {
        JournalError::damaged(&store.path(), Position::Batch(number), what)
    };
    let frame = Frame::decode(&bytes).map_err(|wrong| damaged(first_batch, wrong.0))?;
    let first = frame.batch.first;
    let last_number = store.last()?.unwrap_or(first_batch);
    if last_number >= chain.batch {
        let (last_batch, last, hash) = (chain.batch, chain.last, chain.hash);
        return Ok(Some(Extent { first_batch, last_batch, first, last, hash }));
    }
    // A later segment was begun already, and the seal of this one was not reached.
    let bytes = store.frame(last_number)?.ok_or_else(|| damaged(last_number, "not to be read"))?;
    let frame = Frame::decode(&bytes).map_err(|wrong| damaged(last_number, wrong.0))?;
    let (last_batch, last, hash) = (last_number, frame.batch.last, FrameHash::of(&bytes));
    Ok(Some(Extent { first_batch, last_batch, first, last, hash }))
}

/// The segments' extents must join.
fn check_row(segments: &[Segment]) -> Result<(), JournalError> {
    let mut before: Option<Extent> = None;
    let mut empty: Option<&Segment> = None;
    for segment in segments {
        let Some(held) = segment.extent else {
            empty = empty.or(Some(segment));
            continue;
        };
        if let Some(empty) = empty {
            let at = Position::Batch(held.first_batch);
            let what = "the segment is empty, a later one is not";
            return Err(JournalError::damaged(&empty.directory, at, what));
        }
        if let Some(before) = before
            && (held.first_batch != before.last_batch.next() || held.first != before.last.next())
        {
            let at = Position::Batch(before.last_batch.next());
            let what = "batches between this segment and the one before it are missing";
            return Err(JournalError::damaged(&segment.directory, at, what));
        }
        before = Some(held);
    }
    Ok(())
}

/// Reads the batches of `segments` from the one that holds `from` to the end of `chain`.
pub(super) fn replay(
    segments: &[Segment],
    end: &Chain,
    from: Seq,
    each: &mut dyn FnMut(&Batch<'_>) -> Result<(), ReplayStop>,
) -> Result<(), JournalError> {
    let first = first_record(segments, end);
    if from > end.last.next() {
        return Err(JournalError::Behind { from, last: end.last });
    }
    if from < first {
        return Err(JournalError::Trimmed { from, first });
    }
    let mut chain = None;
    for segment in segments {
        let Some(held) = segment.extent.filter(|held| held.last >= from) else { continue };
        let opened;
        let store = if let Some(store) = &segment.store {
            store
        } else {
            opened = Store::open_existing(&segment.directory)?;
            &opened
        };
        let mut reading = Reading { store, held, chain };
        match reading.run(end, from, each)? {
            Next::Segment => chain = reading.chain,
            Next::Nothing => return Ok(()),
        }
    }
    Ok(())
}

enum Next {
    Segment,
    Nothing,
}

/// One segment that is read back.
struct Reading<'a> {
    store: &'a Store,
    held: Extent,
    /// The last frame read; none before the first one.
    chain: Option<Chain>,
}

impl Reading<'_> {
    fn run(
        &mut self,
        end: &Chain,
        from: Seq,
        each: &mut dyn FnMut(&Batch<'_>) -> Result<(), ReplayStop>,
    ) -> Result<Next, JournalError> {
        let mut scan = self.store.scan(self.held.first_batch);
        let mut expected = self.held.first_batch;
        while expected <= self.held.last_batch {
            let damaged = |what: &'static str| {
                JournalError::damaged(&self.store.path(), Position::Batch(expected), what)
            };
            let Some((number, bytes)) = scan.next()? else {
                return Err(damaged("an acknowledged batch is missing"));
            };
            if number != expected {
                return Err(damaged("an acknowledged batch is missing"));
            }
            let batch = if let Some(chain) = &mut self.chain {
                chain.follow(&bytes).map_err(|wrong| damaged(wrong.0))?
            } else {
                let (chain, batch) =
                    Chain::begin(end.journal, &bytes).map_err(|wrong| damaged(wrong.0))?;
                if (batch.number, batch.first) != (expected, self.held.first) {
                    return Err(damaged("the batch is not the one that belongs here"));
                }
                self.chain = Some(chain);
                batch
            };
            if batch.last >= from {
                match each(&batch) {
                    Ok(()) => {}
                    Err(ReplayStop::Enough) => return Ok(Next::Nothing),
                    Err(ReplayStop::Malformed(what)) => return Err(damaged(what)),
                }
            }
            expected = expected.next();
        }
        let at_end = self.chain.map(|chain| (chain.last, chain.hash));
        if at_end != Some((self.held.last, self.held.hash)) {
            return Err(JournalError::damaged(
                &self.store.path(),
                Position::Batch(self.held.last_batch),
                "the batch is not the one that was acknowledged",
            ));
        }
        Ok(Next::Segment)
    }
}
