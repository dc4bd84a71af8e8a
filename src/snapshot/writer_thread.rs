//! Writes a snapshot on a thread of its own, so that a shard never waits for the disk.
//!
//! The shard asks for [`ImageHandle::room`], sends a block and goes on. The thread writes, finishes,
//! retains and tells the outcome once. Nothing here blocks the shard.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::sync::{Arc, OnceLock};
use std::thread;

use crate::id::Seq;
use crate::snapshot::format::{BlockKind, Header, Totals};
use crate::snapshot::reader::SnapshotSummary;
use crate::snapshot::writer::{SnapshotWriter, WriteOptions};
use crate::snapshot::{RETAINED_MIN, SnapshotError, SnapshotStore};

/// Most blocks that wait for the disk.
const BLOCKS_QUEUED_MAX: usize = 16;

/// A block on its way to the disk.
#[derive(Debug, PartialEq, Eq)]
pub struct Block {
    /// What it holds.
    pub kind: BlockKind,
    /// At most [`crate::snapshot::BLOCK_BYTES_MAX`].
    pub bytes: Vec<u8>,
}

/// Why a block was not taken; it is given back.
#[derive(Debug, PartialEq, Eq)]
pub enum Unsent {
    /// The disk is behind: image no further until there is room.
    Full(Block),
    /// The snapshot has failed, and the outcome says why.
    Ended(Block),
}

/// A snapshot that counts.
#[derive(Debug)]
pub struct SnapshotDone {
    /// What was written.
    pub summary: SnapshotSummary,
    /// Through here the journal is not needed any more, as [`SnapshotStore::retain`] says; or why
    /// older snapshots could not be removed.
    pub trim_through: Result<Seq, SnapshotError>,
}

/// Told once, on the snapshot's thread, how it ended.
pub type OnOutcome = Box<dyn FnOnce(Result<SnapshotDone, SnapshotError>) + Send>;

/// The shard's end of a snapshot in the making. Dropped before [`ImageHandle::finish`], the
/// snapshot is given up: [`SnapshotError::Abandoned`].
#[derive(Debug)]
pub struct ImageHandle {
    blocks: SyncSender<Block>,
    /// Filled once, before the sender of blocks is dropped: blocks that end without it were given
    /// up.
    totals: Arc<OnceLock<Totals>>,
    queued: Arc<AtomicUsize>,
}

impl ImageHandle {
    /// Starts the thread that writes the snapshot of `header` into `store`.
    ///
    /// # Errors
    /// When the system gives no thread; then `outcome` is dropped untold.
    pub fn start(
        store: SnapshotStore,
        header: Header,
        options: WriteOptions,
        outcome: OnOutcome,
    ) -> io::Result<Self> {
        let (blocks, inbox) = mpsc::sync_channel(BLOCKS_QUEUED_MAX);
        let queued = Arc::new(AtomicUsize::new(0));
        let totals = Arc::new(OnceLock::new());
        let feed = Feed { inbox, totals: Arc::clone(&totals), queued: Arc::clone(&queued) };
        thread::Builder::new().name(format!("snapshot-{}", header.shard)).spawn(move || {
            let written = write(&store, &header, options, &feed);
            // Blocks sent from here on are given back, not lost in a queue.
            drop(feed);
            outcome(written);
        })?;
        Ok(Self { blocks, totals, queued })
    }

    /// Whether [`ImageHandle::send`] would take a block.
    #[must_use]
    pub fn room(&self) -> bool {
        self.queued.load(Ordering::Acquire) < BLOCKS_QUEUED_MAX
    }

    /// Hands over a block; returns at once.
    ///
    /// # Errors
    /// [`Unsent`] gives the block back.
    pub fn send(&mut self, block: Block) -> Result<(), Unsent> {
        if !self.room() {
            return Err(Unsent::Full(block));
        }
        self.queued.fetch_add(1, Ordering::AcqRel);
        self.blocks.try_send(block).map_err(|unsent| match unsent {
            TrySendError::Full(block) => Unsent::Full(block),
            TrySendError::Disconnected(block) => Unsent::Ended(block),
        })
    }

    /// Says that everything was sent; returns at once. The outcome comes through the callback.
    pub fn finish(self, totals: Totals) {
        // Dropping `self` then ends the blocks. It was empty: nobody else sets it.
        self.totals.get_or_init(|| totals);
    }
}

/// The thread's end.
struct Feed {
    inbox: Receiver<Block>,
    totals: Arc<OnceLock<Totals>>,
    queued: Arc<AtomicUsize>,
}

fn write(
    store: &SnapshotStore,
    header: &Header,
    options: WriteOptions,
    feed: &Feed,
) -> Result<SnapshotDone, SnapshotError> {
    let mut writer = SnapshotWriter::create(store.directory(), header, options)?;
    for block in &feed.inbox {
        feed.queued.fetch_sub(1, Ordering::AcqRel);
        writer.write_block(block.kind, &block.bytes)?;
    }
    let totals = feed.totals.get().ok_or(SnapshotError::Abandoned { seq: header.seq })?;
    let summary = writer.finish(totals)?;
    store.remember_written(header.seq);
    let trim_through = store.retain(RETAINED_MIN);
    Ok(SnapshotDone { summary, trim_through })
}

#[cfg(test)]
mod tests;
