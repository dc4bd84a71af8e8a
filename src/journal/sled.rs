//! The journal on sled, for one machine: a row of segments, a watermark, and two threads that keep
//! everything slow away from commits.
//!
//! ```text
//! <directory>/watermark              how far acknowledged batches reach
//! <directory>/segment-0000000001/    a sled directory, and a seal once it is full
//! ```

use std::io;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::id::Epoch;
use crate::id::Seq;
use crate::journal::Batch;
use crate::journal::BatchNumber;
use crate::journal::Journal;
use crate::journal::JournalError;
use crate::journal::JournalId;
use crate::journal::Opened;
use crate::journal::Position;
use crate::journal::Records;
use crate::journal::ReplayStop;
use crate::journal::directory;
use crate::journal::frame::Chain;
use crate::journal::janitor::Janitor;
use crate::journal::marker::Marker;
use crate::journal::marker::Posting;
use crate::journal::recovery;
use crate::journal::segment;
use crate::journal::segment::Extent;
use crate::journal::segment::Segment;
use crate::journal::store::SLED_SEGMENT_BYTES;
use crate::journal::store::Store;
use crate::journal::watermark;
use crate::journal::watermark::Mark;
use crate::journal::watermark::Watermark;

/// Length of a segment's file after which the next batch begins another one.
pub const SEGMENT_BYTES_MAX: u64 = 128 * 1024 * 1024;

/// Room that opening a journal again may take, in bytes: sled fills the file up to its next unit of
/// writing, in the active segment, in the one opened ahead, and in one whose seal was not reached.
pub const REOPEN_BYTES_MAX: u64 = 3 * SLED_SEGMENT_BYTES as u64;

/// What a commit promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// It survives a power loss.
    Fsync,
    /// It survives the end of the process; a power loss may take the last second or two.
    Os,
}

/// What to do where there is no journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// Make an empty one.
    Create,
    /// Fail with [`JournalError::Absent`].
    Refuse,
}

/// How a journal is opened.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Usually [`SEGMENT_BYTES_MAX`].
    pub segment_bytes_max: u64,
    /// What a commit promises.
    pub durability: Durability,
    /// What to do where there is no journal.
    pub missing: Missing,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes_max: SEGMENT_BYTES_MAX,
            durability: Durability::Fsync,
            missing: Missing::Create,
        }
    }
}

/// A journal in a directory of this machine.
pub struct SledJournal {
    directory: PathBuf,
    options: Options,
    /// In order. Once there is a writer, the last one is written to.
    segments: Vec<Segment>,
    /// The last committed frame.
    committed: Chain,
    /// The greatest epoch so far.
    epoch: Epoch,
    state: State,
}

enum State {
    Opened { watermark: Watermark, torn: Vec<BatchNumber>, leftovers: Vec<PathBuf> },
    Writing(Writer),
    Poisoned,
}

/// What is there once an epoch was acquired.
struct Writer {
    /// The last submitted frame.
    submitted: Chain,
    /// The bytes of the frame at hand, kept for its capacity.
    frame: Vec<u8>,
    marker: Marker,
    janitor: Janitor,
}

impl SledJournal {
    /// Opens the journal in `directory`, or makes one, and verifies its end.
    ///
    /// # Errors
    /// [`JournalError::Absent`], [`JournalError::Damaged`], or what the system says.
    pub fn open(directory: &Path, options: Options) -> Result<(Self, Opened), JournalError> {
        if !directory.join(watermark::FILE_NAME).exists() {
            make(directory, options.missing)?;
        }
        let (watermark, mark) = Watermark::open(directory)?;
        let found = recovery::find(directory, &mark)?;
        let opened = Opened {
            id: mark.journal,
            first: found.first(),
            last: found.chain.last,
            epoch: found.epoch(&mark),
            torn_batches: u64::try_from(found.torn.len()).unwrap_or(u64::MAX),
        };
        let journal = Self {
            directory: directory.to_owned(),
            options,
            segments: found.segments,
            committed: found.chain,
            epoch: opened.epoch,
            state: State::Opened { watermark, torn: found.torn, leftovers: found.leftovers },
        };
        Ok((journal, opened))
    }

    /// Prepares everything for the first append; what it does is durable when it returns.
    fn begin(
        &mut self,
        watermark: Watermark,
        torn: &[BatchNumber],
        leftovers: Vec<PathBuf>,
    ) -> Result<Writer, JournalError> {
        self.cut(torn)?;
        let janitor = Janitor::start(self.committed.journal, self.directory.clone())
            .map_err(JournalError::io("start a thread for", &self.directory))?;
        janitor.remove(leftovers)?;
        let active = self.choose_active()?;
        for segment in &mut self.segments {
            if let Some(extent) = segment.extent
                && segment.number != active
                && let Some(store) = segment.store.take()
            {
                janitor.seal(segment.directory.clone(), store, extent)?;
            }
        }
        janitor.prepare(active.saturating_add(1))?;
        // What was found at the end may never have been synced, and counts as committed from now on.
        let store = self.active()?;
        store.flush()?;
        store.sync()?;
        let marker = Marker::start(watermark)
            .map_err(JournalError::io("start a thread for", &self.directory))?;
        Ok(Writer { submitted: self.committed, frame: Vec::new(), marker, janitor })
    }

    /// Removes the torn end.
    fn cut(&self, torn: &[BatchNumber]) -> Result<(), JournalError> {
        if torn.is_empty() {
            return Ok(());
        }
        for store in self.segments.iter().filter_map(|segment| segment.store.as_ref()) {
            for number in torn {
                store.remove(*number)?;
            }
            store.flush()?;
            store.sync()?;
        }
        tracing::info!(batches = torn.len(), after = %self.committed.batch, "cut the torn end");
        Ok(())
    }

    /// Puts the segment that the next batch goes to at the end of the row and returns its number.
    fn choose_active(&mut self) -> Result<u64, JournalError> {
        let used = self.segments.iter().rposition(|segment| segment.extent.is_some());
        let unsealed = used.filter(|&index| {
            self.segments.get(index).is_some_and(|segment| segment.store.is_some())
        });
        let index = unsealed.unwrap_or_else(|| used.map_or(0, |index| index.saturating_add(1)));
        // Those behind it are empty; the janitor opens them again when they are needed.
        self.segments.truncate(index.saturating_add(1));
        if let Some(active) = self.segments.get(index) {
            return Ok(active.number);
        }
        let number = self.segments.last().map_or(1, |last| last.number.saturating_add(1));
        let directory = segment::path(&self.directory, number);
        let store = Some(Store::create(&directory)?);
        self.segments.push(Segment { number, directory, extent: None, store });
        Ok(number)
    }

    fn active(&self) -> Result<&Store, JournalError> {
        let store = self.segments.last().and_then(|segment| segment.store.as_ref());
        store.ok_or(JournalError::Poisoned)
    }

    /// Everything that is committed, as the watermark says it.
    fn mark(&self) -> Mark {
        Mark {
            journal: self.committed.journal,
            epoch: self.epoch,
            batch: self.committed.batch,
            last: self.committed.last,
            hash: self.committed.hash,
        }
    }

    fn writer(&mut self) -> Result<&mut Writer, JournalError> {
        match &mut self.state {
            State::Opened { .. } => Err(JournalError::NoEpoch),
            State::Writing(writer) => Ok(writer),
            State::Poisoned => Err(JournalError::Poisoned),
        }
    }

    /// Lets nothing more be written if `result` is an error.
    fn poison_on_error<T>(&mut self, result: Result<T, JournalError>) -> Result<T, JournalError> {
        if result.is_err() {
            self.state = State::Poisoned;
        }
        result
    }

    fn append_frame(&mut self, number: BatchNumber) -> Result<(), JournalError> {
        // A group must lie in one segment, because one sync makes it durable.
        let begins_group = number == self.committed.batch.next();
        let full = begins_group && self.active()?.bytes()? >= self.options.segment_bytes_max;
        if full && self.segments.last().is_some_and(|active| active.extent.is_some()) {
            self.rotate()?;
        }
        let State::Writing(writer) = &self.state else { return Err(JournalError::Poisoned) };
        self.active()?.append(number, &writer.frame)
    }

    /// Has the active segment sealed and goes on in the one that was opened ahead.
    fn rotate(&mut self) -> Result<(), JournalError> {
        if self.options.durability == Durability::Os {
            // Nothing may be in a later segment that lacks something in an earlier one.
            self.active()?.sync()?;
        }
        let State::Writing(writer) = &self.state else { return Err(JournalError::Poisoned) };
        let (number, next) = writer.janitor.next()?;
        writer.janitor.prepare(number.saturating_add(1))?;
        if let Some(full) = self.segments.last_mut()
            && let (Some(extent), Some(store)) = (full.extent, full.store.take())
        {
            writer.janitor.seal(full.directory.clone(), store, extent)?;
        }
        let directory = segment::path(&self.directory, number);
        tracing::info!(segment = %directory.display(), "begun");
        self.segments.push(Segment { number, directory, extent: None, store: Some(next) });
        Ok(())
    }

    fn commit_submitted(&mut self) -> Result<(), JournalError> {
        let State::Writing(writer) = &self.state else { return Err(JournalError::Poisoned) };
        let store = self.active()?;
        store.flush()?;
        let unsynced = match self.options.durability {
            Durability::Fsync => {
                store.sync()?;
                // The mark of the group before this one: the watermark lags by one group, no more.
                writer.marker.settle()?;
                None
            }
            Durability::Os => {
                writer.marker.verdict()?;
                Some(Arc::clone(&store.file))
            }
        };
        let before = self.committed;
        self.committed = writer.submitted;
        let (last_batch, last, hash) =
            (self.committed.batch, self.committed.last, self.committed.hash);
        let mark = self.mark();
        if let Some(active) = self.segments.last_mut() {
            let held = active.extent;
            active.extent = Some(Extent {
                first_batch: held.map_or(before.batch.next(), |held| held.first_batch),
                first: held.map_or(before.last.next(), |held| held.first),
                last_batch,
                last,
                hash,
            });
        }
        writer.marker.post(Posting { mark, unsynced });
        Ok(())
    }
}

/// Makes an empty journal where nothing of one may be left.
fn make(directory: &Path, missing: Missing) -> Result<(), JournalError> {
    if !segment::list(directory)?.segments.is_empty() {
        let path = directory.join(watermark::FILE_NAME);
        return Err(JournalError::damaged(&path, Position::Byte(0), "the file is missing"));
    }
    match missing {
        Missing::Refuse => Err(JournalError::Absent(directory.to_owned())),
        Missing::Create => {
            let mut id = [0; 16];
            getrandom::fill(&mut id).map_err(|error| {
                JournalError::io("name", directory)(io::Error::other(error.to_string()))
            })?;
            directory::create(directory)?;
            Watermark::create(directory, JournalId(u128::from_le_bytes(id)))
        }
    }
}

impl Journal for SledJournal {
    fn replay(
        &mut self,
        from: Seq,
        each: &mut dyn FnMut(&Batch<'_>) -> Result<(), ReplayStop>,
    ) -> Result<(), JournalError> {
        if let State::Writing(writer) = &self.state {
            // Segments that the janitor still closes cannot be opened.
            writer.janitor.settle()?;
        }
        recovery::replay(&self.segments, &self.committed, from, each)
    }

    fn acquire(&mut self) -> Result<Epoch, JournalError> {
        let state = std::mem::replace(&mut self.state, State::Poisoned);
        let writer = match state {
            State::Opened { watermark, torn, leftovers } => {
                self.begin(watermark, &torn, leftovers)?
            }
            State::Writing(writer) => writer,
            State::Poisoned => return Err(JournalError::Poisoned),
        };
        self.epoch = Epoch(self.epoch.0.saturating_add(1));
        // Into both slots: the loss of one must not take the epoch back.
        for _ in 0..2 {
            writer.marker.post(Posting { mark: self.mark(), unsynced: None });
            writer.marker.settle()?;
        }
        self.state = State::Writing(writer);
        Ok(self.epoch)
    }

    fn submit(&mut self, records: Records<'_>) -> Result<BatchNumber, JournalError> {
        let epoch = self.epoch;
        let writer = self.writer()?;
        let number = writer.submitted.encode(epoch, &records, &mut writer.frame)?;
        let appended = self.append_frame(number);
        self.poison_on_error(appended)?;
        Ok(number)
    }

    fn commit(&mut self) -> Result<Seq, JournalError> {
        let submitted = self.writer()?.submitted;
        if submitted != self.committed {
            let done = self.commit_submitted();
            self.poison_on_error(done)?;
        }
        Ok(self.committed.last)
    }

    fn trim(&mut self, through: Seq) -> Result<(), JournalError> {
        self.writer()?;
        // The last batch stays: it says where the next one begins.
        let last = self.segments.iter().rposition(|segment| segment.extent.is_some());
        let droppable = self
            .segments
            .iter()
            .take(last.unwrap_or(0))
            .take_while(|segment| segment.extent.is_some_and(|held| held.last <= through))
            .count();
        if droppable == 0 {
            return Ok(());
        }
        let dropped = self.segments.drain(..droppable).map(|segment| segment.directory).collect();
        let removed = self.writer()?.janitor.remove(dropped);
        self.poison_on_error(removed)
    }
}

#[cfg(test)]
mod tests;
