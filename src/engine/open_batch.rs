//! The open batch: records that wait for the sync under way to end.
//!
//! The shard appends, the journal thread takes everything whenever its last sync is done. There is
//! no timer and no fixed size: the disk's own pace sets the batch.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::id::Seq;
use crate::journal::{FRAME_BODY_BYTES_MAX, RECORD_BYTES_MAX};
use crate::time::Timestamp;

/// Most bytes that wait for one sync; more are answered "busy".
pub const OPEN_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Emptied buffers that are kept for the next batch.
const SPARE_FRAMES_MAX: usize = 64;

/// Records that go into one journal frame.
#[derive(Debug)]
pub struct OpenFrame {
    /// Position of its first record.
    pub first: Seq,
    /// Position of its last record.
    pub last: Seq,
    /// Time that its first record's delta counts from.
    pub base_time: Timestamp,
    /// The records.
    pub bytes: Vec<u8>,
}

/// The record is longer than the journal takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLarge;

/// The records that wait.
#[derive(Debug)]
pub struct Open {
    frames: Vec<OpenFrame>,
    spare: Vec<Vec<u8>>,
    bytes: usize,
    last: Seq,
    last_time: Timestamp,
    closing: bool,
}

impl Open {
    /// Appends the record that `put` writes, given the microseconds since the record before it.
    ///
    /// # Errors
    /// [`TooLarge`]: nothing was appended.
    pub fn append(
        &mut self,
        time: Timestamp,
        put: impl FnOnce(&mut Vec<u8>, u64),
    ) -> Result<Seq, TooLarge> {
        let seq = self.last.next();
        if self.frames.is_empty() {
            self.begin_frame(seq);
        }
        let Some(frame) = self.frames.last_mut() else { return Err(TooLarge) };
        let start = frame.bytes.len();
        let delta = u64::try_from(time.since(self.last_time)).unwrap_or(0);
        put(&mut frame.bytes, delta);
        let length = frame.bytes.len().saturating_sub(start);
        if length > RECORD_BYTES_MAX {
            frame.bytes.truncate(start);
            if start == 0 {
                self.frames.pop();
            }
            return Err(TooLarge);
        }
        if frame.bytes.len() > FRAME_BODY_BYTES_MAX {
            let record = frame.bytes.split_off(start);
            self.begin_frame(seq);
            if let Some(frame) = self.frames.last_mut() {
                frame.bytes.extend_from_slice(&record);
            }
        }
        if let Some(frame) = self.frames.last_mut() {
            frame.last = seq;
        }
        self.bytes = self.bytes.saturating_add(length);
        self.last = seq;
        self.last_time = time;
        Ok(seq)
    }

    /// A frame whose first record follows the last one appended, also in time.
    fn begin_frame(&mut self, first: Seq) {
        let bytes = self.spare.pop().unwrap_or_default();
        self.frames.push(OpenFrame { first, last: first, base_time: self.last_time, bytes });
    }

    /// How many bytes wait.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Position of the last record appended.
    #[must_use]
    pub const fn last(&self) -> Seq {
        self.last
    }
}

/// The open batch, shared by a shard and its journal thread.
#[derive(Debug, Clone)]
pub struct OpenBatch {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    open: Mutex<Open>,
    filled: Condvar,
}

impl OpenBatch {
    /// An empty batch that continues after `last`, which was sequenced at `last_time`.
    #[must_use]
    pub fn new(last: Seq, last_time: Timestamp) -> Self {
        let open = Open {
            frames: Vec::new(),
            spare: Vec::new(),
            bytes: 0,
            last,
            last_time,
            closing: false,
        };
        Self { shared: Arc::new(Shared { open: Mutex::new(open), filled: Condvar::new() }) }
    }

    /// Opens it for appending. Call [`OpenBatch::appended`] afterwards.
    pub fn lock(&self) -> MutexGuard<'_, Open> {
        self.shared.open.lock()
    }

    /// Wakes the journal thread if it waits.
    pub fn appended(&self) {
        self.shared.filled.notify_one();
    }

    /// Ends it: what waits is still taken, then [`OpenBatch::take`] says that it is over.
    pub fn close(&self) {
        self.shared.open.lock().closing = true;
        self.shared.filled.notify_one();
    }

    /// Waits for records and takes all that are there, giving `emptied` back for the next ones.
    /// `None` once it is closed and empty; nothing when `patience` ran out.
    #[must_use]
    pub fn take(
        &self,
        mut emptied: Vec<OpenFrame>,
        patience: Option<Duration>,
    ) -> Option<Vec<OpenFrame>> {
        let spare = emptied.drain(..).map(|frame| {
            let mut bytes = frame.bytes;
            bytes.clear();
            bytes
        });
        let mut open = self.shared.open.lock();
        open.spare.extend(spare);
        open.spare.truncate(SPARE_FRAMES_MAX);
        while open.frames.is_empty() {
            if open.closing {
                return None;
            }
            match patience {
                None => self.shared.filled.wait(&mut open),
                Some(patience) => {
                    if self.shared.filled.wait_for(&mut open, patience).timed_out() {
                        break;
                    }
                }
            }
        }
        open.bytes = 0;
        Some(std::mem::replace(&mut open.frames, emptied))
    }
}

#[cfg(test)]
mod tests;
