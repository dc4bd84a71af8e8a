//! A journal in memory whose disk fails as it is told to, for simulations.
//!
//! A [`MemoryDisk`] outlives the journals that are opened on it: a crash is dropping the journal,
//! deciding what became of its unsynced writes, and opening another one. Frames, chain and watermark
//! are those of the real journal.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;

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
use crate::journal::frame::Chain;
use crate::journal::frame::Frame;

/// What becomes of writes that were not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsynced {
    /// None of them reached the disk.
    Lost,
    /// All of them did.
    Kept,
    /// Some frames did, and some bytes of the next one.
    Torn {
        /// Frames that are whole.
        frames: usize,
        /// Bytes of the one after them; fewer than it has.
        bytes: usize,
    },
}

/// A call that is to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A submit, after `after` more that succeed.
    Submit {
        /// How many succeed before it.
        after: u64,
    },
    /// A commit, after `after` more that succeed.
    Commit {
        /// How many succeed before it.
        after: u64,
        /// What it left on the disk.
        unsynced: Unsynced,
    },
}

/// Where a [`MemoryJournal`] keeps everything. Clones share one disk.
#[derive(Debug, Clone)]
pub struct MemoryDisk(Arc<Mutex<Disk>>);

#[derive(Debug, Clone)]
struct Disk {
    journal: JournalId,
    epoch: Epoch,
    /// The retained frames, oldest first.
    frames: VecDeque<Vec<u8>>,
    /// Written, not synced.
    unsynced: Vec<Vec<u8>>,
    /// The chain at the last batch that is known to be durable: one commit behind.
    mark: Chain,
    faults: Vec<Fault>,
}

impl MemoryDisk {
    /// An empty disk, to hold the journal `id`.
    #[must_use]
    pub fn new(id: JournalId) -> Self {
        Self(Arc::new(Mutex::new(Disk {
            journal: id,
            epoch: Epoch(0),
            frames: VecDeque::new(),
            unsynced: Vec::new(),
            mark: Chain::start(id),
            faults: Vec::new(),
        })))
    }

    /// Lets a call fail that is still to come.
    pub fn fail(&self, fault: Fault) {
        self.0.lock().faults.push(fault);
    }

    /// Decides what became of unsynced writes. Drop the journal first.
    pub fn crash(&self, unsynced: Unsynced) {
        self.0.lock().settle(unsynced);
    }

    /// A second disk with the same content, unsynced writes included.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self(Arc::new(Mutex::new(self.0.lock().clone())))
    }
}

impl Disk {
    fn settle(&mut self, unsynced: Unsynced) {
        let mut written = std::mem::take(&mut self.unsynced);
        match unsynced {
            Unsynced::Lost => written.clear(),
            Unsynced::Kept => {}
            Unsynced::Torn { frames, bytes } => {
                written.truncate(frames.saturating_add(1));
                if let Some(torn) = written.get_mut(frames) {
                    torn.truncate(bytes);
                }
            }
        }
        self.frames.extend(written);
    }

    /// Counts a call down; whether it is the one that fails.
    fn fails(&mut self, is_due: impl Fn(&mut Fault) -> Option<&mut u64>) -> Option<Fault> {
        let mut due = None;
        for (index, fault) in self.faults.iter_mut().enumerate() {
            if let Some(after) = is_due(fault) {
                match after.checked_sub(1) {
                    Some(rest) => *after = rest,
                    None => due = due.or(Some(index)),
                }
            }
        }
        due.map(|index| self.faults.remove(index))
    }

    /// Verifies the retained frames; the chain at the last good one and how many are torn.
    fn verify(&self) -> Result<(Chain, usize), JournalError> {
        let mut chain = Chain::start(self.journal);
        for (index, bytes) in self.frames.iter().enumerate() {
            let followed = if index == 0 {
                Chain::begin(self.journal, bytes).map(|(first, _)| chain = first)
            } else {
                chain.follow(bytes).map(drop)
            };
            if let Err(wrong) = followed {
                let number = chain.batch.next();
                let mut rest = self.frames.iter().skip(index);
                if number <= self.mark.batch || rest.any(|frame| Frame::decode(frame).is_ok()) {
                    return Err(damaged(number, wrong.0));
                }
                return Ok((chain, self.frames.len().saturating_sub(index)));
            }
            if chain.batch == self.mark.batch && chain.hash != self.mark.hash {
                return Err(damaged(chain.batch, "the batch is not the one that was acknowledged"));
            }
        }
        if chain.batch < self.mark.batch {
            return Err(damaged(chain.batch.next(), "an acknowledged batch is missing"));
        }
        Ok((chain, 0))
    }
}

fn damaged(number: BatchNumber, what: &'static str) -> JournalError {
    JournalError::damaged(Path::new("memory"), Position::Batch(number), what)
}

fn injected(doing: &'static str) -> JournalError {
    JournalError::io(doing, Path::new("memory"))(io::Error::other("injected fault"))
}

/// A journal on a [`MemoryDisk`].
#[derive(Debug)]
pub struct MemoryJournal {
    disk: MemoryDisk,
    committed: Chain,
    submitted: Chain,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Opened,
    Writing(Epoch),
    Poisoned,
}

impl MemoryJournal {
    /// Opens what `disk` holds. Writes that were not synced are there, unless
    /// [`MemoryDisk::crash`] said otherwise: the end of a process takes nothing from the system.
    ///
    /// # Errors
    /// [`JournalError::Damaged`].
    pub fn open(disk: &MemoryDisk) -> Result<(Self, Opened), JournalError> {
        let mut locked = disk.0.lock();
        locked.settle(Unsynced::Kept);
        let (chain, torn) = locked.verify()?;
        let first = locked.frames.front().and_then(|frame| Frame::decode(frame).ok());
        let opened = Opened {
            id: locked.journal,
            first: first.map_or(chain.last.next(), |frame| frame.batch.first),
            last: chain.last,
            epoch: locked.epoch.max(chain.epoch),
            torn_batches: u64::try_from(torn).unwrap_or(u64::MAX),
        };
        drop(locked);
        let disk = disk.clone();
        Ok((Self { disk, committed: chain, submitted: chain, state: State::Opened }, opened))
    }

    fn epoch(&self) -> Result<Epoch, JournalError> {
        match self.state {
            State::Opened => Err(JournalError::NoEpoch),
            State::Writing(epoch) => Ok(epoch),
            State::Poisoned => Err(JournalError::Poisoned),
        }
    }
}

impl Journal for MemoryJournal {
    fn replay(
        &mut self,
        from: Seq,
        each: &mut dyn FnMut(&Batch<'_>) -> Result<(), ReplayStop>,
    ) -> Result<(), JournalError> {
        if from > self.committed.last.next() {
            return Err(JournalError::Behind { from, last: self.committed.last });
        }
        let disk = self.disk.0.lock();
        for (index, bytes) in disk.frames.iter().enumerate() {
            let Ok(Frame { batch, .. }) = Frame::decode(bytes) else { break };
            if index == 0 && from < batch.first {
                return Err(JournalError::Trimmed { from, first: batch.first });
            }
            if batch.last < from {
                continue;
            }
            match each(&batch) {
                Ok(()) => {}
                Err(ReplayStop::Enough) => break,
                Err(ReplayStop::Malformed(what)) => return Err(damaged(batch.number, what)),
            }
        }
        Ok(())
    }

    fn acquire(&mut self) -> Result<Epoch, JournalError> {
        if self.state == State::Poisoned {
            return Err(JournalError::Poisoned);
        }
        let mut disk = self.disk.0.lock();
        if self.state == State::Opened {
            disk.frames.retain(|frame| Frame::decode(frame).is_ok());
            disk.mark = self.committed;
        }
        disk.epoch = Epoch(disk.epoch.max(self.committed.epoch).0.saturating_add(1));
        self.state = State::Writing(disk.epoch);
        Ok(disk.epoch)
    }

    fn submit(&mut self, records: Records<'_>) -> Result<BatchNumber, JournalError> {
        let epoch = self.epoch()?;
        let mut frame = Vec::new();
        let number = self.submitted.encode(epoch, &records, &mut frame)?;
        let mut disk = self.disk.0.lock();
        let fault = disk.fails(|fault| match fault {
            Fault::Submit { after } => Some(after),
            Fault::Commit { .. } => None,
        });
        if fault.is_some() {
            self.state = State::Poisoned;
            return Err(injected("write"));
        }
        disk.unsynced.push(frame);
        Ok(number)
    }

    fn commit(&mut self) -> Result<Seq, JournalError> {
        self.epoch()?;
        if self.submitted == self.committed {
            return Ok(self.committed.last);
        }
        let mut disk = self.disk.0.lock();
        let fault = disk.fails(|fault| match fault {
            Fault::Submit { .. } => None,
            Fault::Commit { after, .. } => Some(after),
        });
        if let Some(fault) = fault {
            if let Fault::Commit { unsynced, .. } = fault {
                disk.settle(unsynced);
            }
            self.state = State::Poisoned;
            return Err(injected("sync"));
        }
        disk.settle(Unsynced::Kept);
        disk.mark = self.committed;
        self.committed = self.submitted;
        Ok(self.committed.last)
    }

    fn trim(&mut self, through: Seq) -> Result<(), JournalError> {
        self.epoch()?;
        let mut disk = self.disk.0.lock();
        while disk.frames.len() > 1
            && let Some(Ok(frame)) = disk.frames.front().map(|frame| Frame::decode(frame))
            && frame.batch.last <= through.min(self.committed.last)
        {
            disk.frames.pop_front();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
