//! The event history: lists, names and quantities over the retained journal.
//!
//! Questions are answered on a thread of their own, never on an arbiter: reading waits for the disk.
//! A second thread indexes segments once they are sealed, and says which ones may go.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::catalog::Catalog;
use crate::engine::Engine;
use crate::engine::directory::Directory;
use crate::engine::journal_thread::JournalState;
use crate::engine::shard_actor::ShardHandle;
use crate::id::{EventId, OrganizationNumber, Seq, ShardNumber};
use crate::journal::JournalError;
use crate::journal::history::{HistoryFiles, HistoryTerms};
use crate::time::Clock;

use self::backfill::{Backfills, Filler};
use self::retention::Watch;

pub mod backfill;
pub mod names;
pub mod quantities;
pub mod query;
pub mod retention;
mod scan;

pub use self::names::{NameCount, NamesQuery};
pub use self::quantities::{Quantities, QuantitiesQuery};
pub use self::query::{EventOrder, EventPage, EventQuery, EventTest, EventView, Lineage};
pub use self::retention::Retention;

/// Questions that may wait for the one that is being answered; more are turned away.
pub const QUESTIONS_LEN_MAX: usize = 64;

/// How often sealed segments are looked for that have no index, or may go.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Why the history does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HistoryError {
    /// Too many questions wait.
    #[error("too many questions about events wait")]
    Busy,
    /// The engine stops.
    #[error("the engine is stopping")]
    Stopping,
    /// The retained journal cannot be read; the log says where.
    #[error("the retained journal cannot be read")]
    Unreadable,
}

impl From<JournalError> for HistoryError {
    fn from(error: JournalError) -> Self {
        tracing::error!(%error, "cannot read the event history");
        Self::Unreadable
    }
}

/// A question, and whom to answer.
enum Question {
    Events(Box<EventQuery>, Answer<EventPage>),
    Event(EventId, Answer<Option<EventView>>),
    Names(Box<NamesQuery>, Answer<Vec<NameCount>>),
    Quantities(Box<QuantitiesQuery>, Answer<Quantities>),
}

type Answer<T> = oneshot::Sender<Result<T, HistoryError>>;

/// The history of one shard, to those who start it.
pub(super) struct ShardHistory {
    pub(super) number: ShardNumber,
    pub(super) terms: HistoryTerms,
    pub(super) handle: ShardHandle,
    pub(super) state: Arc<JournalState>,
    /// The journal's directory, whose file system is watched.
    pub(super) directory: PathBuf,
}

/// What all of them share.
pub(super) struct HistoryPlan {
    pub(super) shards: Vec<ShardHistory>,
    pub(super) seed: u64,
    pub(super) directory: Arc<Directory>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) retention: Retention,
    /// What stays free of the history: see [`retention::YIELDS_BELOW_BYTES`].
    pub(super) reserve_bytes: u64,
    pub(super) catalog: Arc<ArcSwap<Catalog>>,
    /// The data directory, where backfills are noted.
    pub(super) data: PathBuf,
}

/// The handle of the history's threads. Dropping it ends them.
pub(super) struct History {
    questions: Mutex<Option<SyncSender<Question>>>,
    /// Only its end is ever told.
    watch: Mutex<Option<SyncSender<()>>>,
    stopping: Arc<AtomicBool>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    pub(super) backfills: Arc<Backfills>,
}

impl History {
    /// Starts the threads.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub(super) fn start(plan: HistoryPlan) -> std::io::Result<Self> {
        let (questions, asked) = sync_channel(QUESTIONS_LEN_MAX);
        let (watch, ended) = sync_channel(1);
        let stopping = Arc::new(AtomicBool::new(false));
        let mut watches = Vec::new();
        let mut shards = Vec::new();
        let mut fillers = Vec::new();
        let share = u64::try_from(plan.shards.len()).unwrap_or(u64::MAX);
        for shard in plan.shards {
            watches.push(Watch {
                files: HistoryFiles::new(shard.terms.clone()),
                state: shard.state,
                directory: shard.directory,
                retention: plan.retention,
                reserve_bytes: plan.reserve_bytes,
                shards: share,
            });
            fillers.push(ShardReader {
                number: shard.number,
                files: HistoryFiles::new(shard.terms.clone()),
                handle: shard.handle.clone(),
            });
            let files = HistoryFiles::new(shard.terms);
            shards.push(ShardReader { number: shard.number, files, handle: shard.handle });
        }
        let mut reader = Reader {
            shards,
            seed: plan.seed,
            directory: plan.directory,
            stopping: Arc::clone(&stopping),
        };
        let reading = std::thread::Builder::new()
            .name("history".to_owned())
            .spawn(move || reader.run(&asked))?;
        let clock = plan.clock;
        let over = Arc::clone(&stopping);
        let indexing = std::thread::Builder::new()
            .name("history-index".to_owned())
            .spawn(move || watch_over(&mut watches, clock.as_ref(), &ended, &over))?;
        let (wake, noted) = sync_channel(1);
        let backfills = Arc::new(Backfills::open(&plan.data, wake)?);
        let filler = Filler {
            shards: fillers,
            catalog: plan.catalog,
            backfills: Arc::clone(&backfills),
            stopping: Arc::clone(&stopping),
        };
        let filling = std::thread::Builder::new()
            .name("history-backfill".to_owned())
            .spawn(move || filler.run(&noted))?;
        Ok(Self {
            backfills,
            questions: Mutex::new(Some(questions)),
            watch: Mutex::new(Some(watch)),
            stopping,
            threads: Mutex::new(vec![reading, indexing, filling]),
        })
    }

    /// Ends the threads; what waits for an answer learns that the engine stops.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        drop(self.questions.lock().take());
        drop(self.watch.lock().take());
        self.backfills.wake();
        for thread in self.threads.lock().drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the event history panicked");
            }
        }
    }

    async fn ask<T>(
        &self,
        question: impl FnOnce(Answer<T>) -> Question,
    ) -> Result<T, HistoryError> {
        let (sender, answered) = oneshot::channel();
        let asked = match self.questions.lock().as_ref() {
            Some(questions) => questions.try_send(question(sender)),
            None => return Err(HistoryError::Stopping),
        };
        match asked {
            Ok(()) => answered.await.unwrap_or(Err(HistoryError::Stopping)),
            Err(TrySendError::Full(_)) => Err(HistoryError::Busy),
            Err(TrySendError::Disconnected(_)) => Err(HistoryError::Stopping),
        }
    }
}

impl Drop for History {
    fn drop(&mut self) {
        self.stop();
    }
}

fn watch_over(
    watches: &mut [Watch],
    clock: &dyn Clock,
    ended: &Receiver<()>,
    stopping: &AtomicBool,
) {
    loop {
        for watch in &mut *watches {
            if stopping.load(Ordering::Relaxed) {
                return;
            }
            if let Err(error) = watch.look(clock.now()) {
                // Nothing is dropped meanwhile.
                tracing::error!(%error, "cannot index the retained journal");
            }
        }
        if ended.recv_timeout(LOOK_EVERY) != Err(RecvTimeoutError::Timeout) {
            return;
        }
    }
}

/// The history of one shard, to those who read it.
struct ShardReader {
    number: ShardNumber,
    files: HistoryFiles,
    handle: ShardHandle,
}

impl ShardReader {
    /// Takes in everything that is applied.
    fn refresh(&mut self) -> Result<(), HistoryError> {
        let applied: Seq = self.handle.applied();
        Ok(self.files.refresh(applied)?)
    }
}

/// The reading thread.
struct Reader {
    shards: Vec<ShardReader>,
    seed: u64,
    directory: Arc<Directory>,
    stopping: Arc<AtomicBool>,
}

impl Reader {
    fn run(&mut self, asked: &Receiver<Question>) {
        for shard in &mut self.shards {
            // Opened and verified ahead, so that the first question does not wait for it.
            if let Err(error) = shard.files.index_sealed() {
                tracing::error!(%error, shard = %shard.number, "cannot open the event history");
            }
        }
        // Whoever has stopped waiting is not told.
        while let Ok(question) = asked.recv() {
            match question {
                Question::Events(query, answer) => drop(answer.send(self.events(&query))),
                Question::Event(id, answer) => drop(answer.send(self.event(id))),
                Question::Names(query, answer) => drop(answer.send(self.names(&query))),
                Question::Quantities(query, answer) => drop(answer.send(self.quantities(&query))),
            }
        }
    }
}

impl Engine {
    /// Lists retained events.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub async fn events(&self, query: EventQuery) -> Result<EventPage, HistoryError> {
        self.inner.history.ask(|answer| Question::Events(Box::new(query), answer)).await
    }

    /// The retained event with this id; nothing when there is none in `organization`.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub async fn event(
        &self,
        organization: OrganizationNumber,
        id: EventId,
    ) -> Result<Option<EventView>, HistoryError> {
        let found = self.inner.history.ask(|answer| Question::Event(id, answer)).await?;
        let Some(view) = found else { return Ok(None) };
        let owner = self.customer_at(organization, view.customer).await;
        let owner = owner.map_err(|_| HistoryError::Stopping)?;
        Ok(owner.map(|_| view))
    }

    /// Lists the names of retained events, in no particular order.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub async fn event_names(&self, query: NamesQuery) -> Result<Vec<NameCount>, HistoryError> {
        self.inner.history.ask(|answer| Question::Names(Box::new(query), answer)).await
    }

    /// What a meter measured over time, as far as it is retained.
    ///
    /// # Errors
    /// [`HistoryError`].
    pub async fn quantities(&self, query: QuantitiesQuery) -> Result<Quantities, HistoryError> {
        self.inner.history.ask(|answer| Question::Quantities(Box::new(query), answer)).await
    }
}

#[cfg(test)]
mod tests;
