//! The journal thread of a shard: takes the open batch whenever the last sync ends, makes it
//! durable, and says how far it got.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

use crate::engine::open_batch::{OpenBatch, OpenFrame};
use crate::id::{Seq, ShardNumber};
use crate::journal::space::{Room, Space};
use crate::journal::{Journal, JournalError, Records};
use crate::metrics::JournalMetrics;

/// Whom the journal thread tells. Called on its thread.
pub trait JournalListener: Send + 'static {
    /// Every record up to and with `seq` is durable.
    fn committed(&self, seq: Seq);
    /// Nothing more will be made durable.
    fn failed(&self, error: &JournalError);
}

/// What a shard and its journal thread share beside the open batch.
#[derive(Debug, Default)]
pub struct JournalState {
    disk_full: AtomicBool,
    trim_through: AtomicU64,
}

impl JournalState {
    /// Whether only the reserve is left on the disk.
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        self.disk_full.load(Ordering::Relaxed)
    }

    /// Allows records up to and with `through` to go, at the next commit.
    pub fn trim(&self, through: Seq) {
        self.trim_through.fetch_max(through.0, Ordering::Relaxed);
    }
}

/// What a journal thread works with.
pub struct JournalThread<L> {
    /// Its shard.
    pub shard: ShardNumber,
    /// The journal, acquired for writing.
    pub journal: Box<dyn Journal>,
    /// Where records come from.
    pub open: OpenBatch,
    /// What it shares with the shard.
    pub state: Arc<JournalState>,
    /// How much room the disk has.
    pub space: Space,
    /// What it counts.
    pub metrics: JournalMetrics,
    /// Whom it tells.
    pub listener: L,
}

impl<L: JournalListener> JournalThread<L> {
    /// Starts it. It ends when the open batch is closed and everything in it is durable, or when
    /// the journal fails.
    ///
    /// # Errors
    /// The system refuses another thread.
    pub fn start(self) -> std::io::Result<JoinHandle<()>> {
        std::thread::Builder::new()
            .name(format!("journal-{:03}", self.shard.0))
            .spawn(move || self.run())
    }

    fn run(mut self) {
        let mut frames = Vec::new();
        let mut trimmed = 0;
        while let Some(taken) = self.open.take(frames) {
            match self.commit(&taken) {
                Ok(seq) => self.listener.committed(seq),
                Err(error) => {
                    self.listener.failed(&error);
                    return;
                }
            }
            frames = taken;
            self.state.disk_full.store(self.space.check() == Room::Full, Ordering::Relaxed);
            let through = self.state.trim_through.load(Ordering::Relaxed);
            if through > trimmed {
                trimmed = through;
                if let Err(error) = self.journal.trim(Seq(through)) {
                    self.listener.failed(&error);
                    return;
                }
            }
        }
    }

    fn commit(&mut self, frames: &[OpenFrame]) -> Result<Seq, JournalError> {
        let timer = self.metrics.begin();
        let mut bytes = 0_usize;
        for frame in frames {
            bytes = bytes.saturating_add(frame.bytes.len());
            self.journal.submit(Records {
                first: frame.first,
                last: frame.last,
                base_time: frame.base_time,
                bytes: &frame.bytes,
            })?;
        }
        let committed = self.journal.commit()?;
        self.metrics.committed(timer, frames.len(), bytes);
        Ok(committed)
    }
}
