//! The journal thread of a shard: takes the open batch whenever the last sync ends, makes it
//! durable, and says how far it got.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::engine::open_batch::{OpenBatch, OpenFrame};
use crate::id::{Seq, ShardNumber};
use crate::journal::space::{Room, Space};
use crate::journal::{Journal, JournalError, Records};
use crate::metrics::ShardMetrics;

/// A commit that takes longer is worth a line in the log.
const SLOW_COMMIT: Duration = Duration::from_millis(100);

/// How often room is looked for while the disk is full.
const LOOK_FOR_ROOM_EVERY: Duration = Duration::from_millis(500);

#[expect(clippy::disallowed_methods, reason = "measures how long a commit takes")]
fn now() -> Instant {
    Instant::now()
}

/// Whom the journal thread tells. Called on its thread.
pub trait JournalListener: Send + 'static {
    /// Every record up to and with `seq` is durable.
    fn committed(&self, seq: Seq);
    /// Nothing more will be made durable.
    fn failed(&self, error: &JournalError);
}

/// What a shard and its journal thread share beside the open batch.
#[derive(Debug)]
pub struct JournalState {
    disk_full: AtomicBool,
    trim_through: AtomicU64,
    forget_through: AtomicU64,
}

/// With no history that has to be kept.
impl Default for JournalState {
    fn default() -> Self {
        Self { disk_full: false.into(), trim_through: 0.into(), forget_through: u64::MAX.into() }
    }
}

impl JournalState {
    /// Whether only the reserve is left on the disk.
    #[must_use]
    pub fn is_disk_full(&self) -> bool {
        self.disk_full.load(Ordering::Relaxed)
    }

    /// Allows records up to and with `through` to go, at the next commit: snapshots hold what they
    /// led to.
    pub fn trim(&self, through: Seq) {
        self.trim_through.fetch_max(through.0, Ordering::Relaxed);
    }

    /// Keeps what comes after `through` for the history, however old the snapshots are.
    pub fn forget(&self, through: Seq) {
        self.forget_through.store(through.0, Ordering::Relaxed);
    }

    /// Through where records may go: neither recovery nor the history needs them.
    fn droppable(&self) -> u64 {
        let recovered = self.trim_through.load(Ordering::Relaxed);
        recovered.min(self.forget_through.load(Ordering::Relaxed))
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
    pub metrics: ShardMetrics,
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
        if let Err(error) = self.serve() {
            self.listener.failed(&error);
        }
    }

    fn serve(&mut self) -> Result<(), JournalError> {
        let mut frames = Vec::new();
        let mut trimmed = 0;
        let mut patience = None;
        while let Some(taken) = self.open.take(frames, patience) {
            if !taken.is_empty() {
                let seq = self.commit(&taken)?;
                self.listener.committed(seq);
            }
            frames = taken;
            let full = self.is_disk_full();
            self.state.disk_full.store(full, Ordering::Relaxed);
            // While writes are refused nothing arrives, so room has to be looked for.
            patience = full.then_some(LOOK_FOR_ROOM_EVERY);
            let through = self.state.droppable();
            if through > trimmed {
                trimmed = through;
                self.journal.trim(Seq(through))?;
            }
        }
        Ok(())
    }

    fn is_disk_full(&mut self) -> bool {
        match self.space.check() {
            Ok(room) => room == Room::Full,
            Err(error) => {
                // Not knowing is no reason to refuse: a write that fails says so itself.
                tracing::warn!(%error, "cannot tell how much room the disk has");
                false
            }
        }
    }

    fn commit(&mut self, frames: &[OpenFrame]) -> Result<Seq, JournalError> {
        let begun = now();
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
        let took = begun.elapsed();
        if took > SLOW_COMMIT {
            tracing::warn!(?took, bytes, "the disk was slow to sync");
        }
        let records = match (frames.first(), frames.last()) {
            (Some(first), Some(last)) => {
                last.last.0.saturating_sub(first.first.0).saturating_add(1)
            }
            _ => 0,
        };
        self.metrics.observe_commit(
            u32::try_from(records).unwrap_or(u32::MAX),
            u64::try_from(bytes).unwrap_or(u64::MAX),
            took,
            committed,
        );
        Ok(committed)
    }
}
