//! A meter that is made, or collects again, counts the retained events that it missed.
//!
//! What is to be done is noted in a file before the catalog changes, and struck out once it is done:
//! so it is done after a crash too. Each customer's part goes into its journal as keyed commands, and
//! a repeat of them changes nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use parking_lot::Mutex;
use rust_decimal::Decimal;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::account::{Action, Posting};
use crate::catalog::Catalog;
use crate::engine::call::{Call, CallBody, Group};
use crate::engine::history::scan::Scope;
use crate::engine::history::{HistoryError, ShardReader};
use crate::engine::put;
use crate::engine::reply::{EngineError, Reply};
use crate::engine::reply_port::ReplyPort;
use crate::engine::roll::{CallRoll, Whom};
use crate::engine::shard_actor::Submit;
use crate::engine::shard_core::Place;
use crate::event::Event;
use crate::id::{CustomerNumber, MeterId, Seq};
use crate::journal::history::{BACKFILL_KEY, RecordedBody};
use crate::meter::Meter;
use crate::span::Span;
use crate::time::Timestamp;
use crate::units::Draw;

/// The file's name in the data directory.
const FILE_NAME: &str = "backfills";

/// How long to leave a shard that is busy.
const PAUSE: Duration = Duration::from_millis(50);

/// After this long what failed is tried again.
const PATIENCE: Duration = Duration::from_secs(30);

/// Commands that are handed to a shard at once.
const GROUP_CALLS_MAX: usize = 256;

/// A meter that has to catch up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Backfill {
    /// The meter.
    pub meter: MeterId,
    /// What was taken in later than this is missing; everything, when nothing.
    pub since: Option<Timestamp>,
}

/// What is to be done, in memory and on the disk.
pub(in crate::engine) struct Backfills {
    file: PathBuf,
    /// Each with whether the catalog has changed.
    open: Mutex<BTreeMap<Backfill, Stage>>,
    wake: SyncSender<()>,
}

/// How far a change of the catalog is that a backfill follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It may still be refused.
    Noted,
    /// It is in force, or a restart has settled whether it is.
    Due,
}

impl Backfills {
    /// What was noted in the data directory at `directory`.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn open(directory: &Path, wake: SyncSender<()>) -> io::Result<Self> {
        let file = directory.join(FILE_NAME);
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let open = text.lines().filter_map(read_line).map(|noted| (noted, Stage::Due)).collect();
        Ok(Self { file, open: Mutex::new(open), wake })
    }

    /// Notes that `backfill` is to be done.
    ///
    /// # Errors
    /// It is not noted, and the catalog must not change.
    pub(in crate::engine) fn note(&self, backfill: Backfill) -> io::Result<()> {
        let mut open = self.open.lock();
        let mut noted = open.clone();
        noted.insert(backfill, Stage::Noted);
        self.write(&noted)?;
        *open = noted;
        Ok(())
    }

    /// The catalog has changed: it can be done now.
    pub(in crate::engine) fn begin(&self, backfill: Backfill) {
        self.open.lock().insert(backfill, Stage::Due);
        self.wake();
    }

    /// Has the thread look; one that is awake looks once more.
    pub(super) fn wake(&self) {
        let _ = self.wake.try_send(());
    }

    /// Strikes out what is done, or will never be.
    pub(in crate::engine) fn strike(&self, backfill: Backfill) {
        let mut open = self.open.lock();
        open.remove(&backfill);
        if let Err(error) = self.write(&open) {
            // It is done once more after a restart, which changes nothing.
            tracing::warn!(%error, file = %self.file.display(), "cannot strike out a backfill");
        }
    }

    fn due(&self) -> Vec<Backfill> {
        let open = self.open.lock();
        open.iter().filter(|(_, stage)| **stage == Stage::Due).map(|(one, _)| *one).collect()
    }

    fn write(&self, noted: &BTreeMap<Backfill, Stage>) -> io::Result<()> {
        let line = |backfill: &Backfill| {
            let since = backfill.since.map_or_else(|| "-".to_owned(), |since| since.to_string());
            format!("{} {since}\n", backfill.meter)
        };
        let draft = self.file.with_extension("new");
        fs::write(&draft, noted.keys().map(line).collect::<String>())?;
        fs::File::open(&draft)?.sync_all()?;
        fs::rename(&draft, &self.file)?;
        match self.file.parent() {
            Some(directory) => fs::File::open(directory)?.sync_all(),
            None => Ok(()),
        }
    }
}

fn read_line(line: &str) -> Option<Backfill> {
    let (meter, since) = line.split_once(' ')?;
    let meter = MeterId(Uuid::try_parse(meter).ok()?);
    let since = if since == "-" { None } else { Some(Timestamp::parse(since).ok()?) };
    Some(Backfill { meter, since })
}

/// The thread that does it.
pub(super) struct Filler {
    pub(super) shards: Vec<ShardReader>,
    pub(super) catalog: Arc<ArcSwap<Catalog>>,
    pub(super) backfills: Arc<Backfills>,
    pub(super) stopping: Arc<AtomicBool>,
}

/// What a customer missed on a meter, as few commands as it takes.
#[derive(Debug, Default)]
pub(super) struct Missed {
    draw: Option<Decimal>,
    max: Option<Decimal>,
    min: Option<Decimal>,
    values: Vec<Decimal>,
    different: BTreeSet<u128>,
}

impl Missed {
    /// Adds one event's part. What no decimal holds is left out, as the event itself would be.
    pub(super) fn add(&mut self, posting: Posting) {
        match posting {
            Posting::Draw(Draw(units)) => {
                let before = self.draw.unwrap_or_default();
                self.draw = Some(before.checked_add(units).unwrap_or(before));
            }
            Posting::Max(value) => self.max = Some(self.max.map_or(value, |max| max.max(value))),
            Posting::Min(value) => self.min = Some(self.min.map_or(value, |min| min.min(value))),
            Posting::Average(value) => self.values.push(value),
            Posting::Unique(hash) => drop(self.different.insert(hash)),
        }
    }

    /// The same in postings, in an order that is always the same.
    pub(super) fn postings(self) -> Vec<Posting> {
        let one = [
            self.draw.map(|units| Posting::Draw(Draw(units))),
            self.max.map(Posting::Max),
            self.min.map(Posting::Min),
        ];
        let values = self.values.into_iter().map(Posting::Average);
        let different = self.different.into_iter().map(Posting::Unique);
        one.into_iter().flatten().chain(values).chain(different).collect()
    }
}

impl Filler {
    /// Works until the engine stops. Each message says that something was noted.
    pub(super) fn run(mut self, noted: &Receiver<()>) {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_time().build() {
            Ok(runtime) => runtime,
            Err(error) => return tracing::error!(%error, "meters cannot catch up"),
        };
        loop {
            for backfill in self.backfills.due() {
                match runtime.block_on(self.fill(backfill)) {
                    Ok(()) => self.backfills.strike(backfill),
                    Err(error) => {
                        tracing::warn!(%error, meter = %backfill.meter, "a meter did not catch up");
                    }
                }
            }
            for shard in &mut self.shards {
                shard.files.forget();
            }
            if self.stopping.load(Ordering::Relaxed) {
                return;
            }
            match noted.recv_timeout(PATIENCE) {
                Ok(()) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    async fn fill(&mut self, backfill: Backfill) -> Result<(), HistoryError> {
        let catalog = self.catalog.load_full();
        let found = catalog.meters().find(|meter| meter.id == backfill.meter);
        // One that was refused, or is archived again, has nothing to catch up with.
        let Some(meter) = found.filter(|meter| !meter.is_archived()) else { return Ok(()) };
        for place in 0..self.shards.len() {
            let Some(shard) = self.shards.get_mut(place) else { break };
            let missed = shard.missed(meter, backfill.since, &self.stopping)?;
            let customers = missed.len();
            shard.hand_in(meter, backfill.since, missed, &self.stopping).await?;
            tracing::info!(meter = %meter.id, shard = %shard.number, customers, "caught up");
        }
        Ok(())
    }
}

impl ShardReader {
    /// What each customer missed.
    fn missed(
        &mut self,
        meter: &Meter,
        since: Option<Timestamp>,
        stopping: &AtomicBool,
    ) -> Result<Vec<(CustomerNumber, Missed)>, HistoryError> {
        self.refresh()?;
        let names = meter.filter.event_names().map(<[_]>::to_vec);
        let scope = Scope { names: names.as_deref(), ..Scope::default() };
        let mut missed: HashMap<CustomerNumber, Missed> = HashMap::new();
        let pieces = self.files.pieces().len();
        for place in 0..pieces {
            if stopping.load(Ordering::Relaxed) {
                return Err(HistoryError::Stopping);
            }
            for line in scope.lines(self, place)? {
                if let Some(posting) = self.missing(meter, since, line.seq)? {
                    missed.entry(line.customer).or_default().add(posting);
                }
            }
        }
        let mut missed: Vec<_> = missed.into_iter().collect();
        missed.sort_unstable_by_key(|(customer, _)| *customer);
        Ok(missed)
    }

    /// What the event at `seq` should have added to the meter, and did not.
    fn missing(
        &mut self,
        meter: &Meter,
        since: Option<Timestamp>,
        seq: Seq,
    ) -> Result<Option<Posting>, HistoryError> {
        let Some(recorded) = self.files.record(seq)? else { return Ok(None) };
        let RecordedBody::Event(json) = recorded.body else { return Ok(None) };
        let is_early = since.is_some_and(|since| recorded.recorded_at <= since);
        if is_early || recorded.feeds.contains(&meter.number) {
            return Ok(None);
        }
        let event = Event::recorded(json, recorded.recorded_at).map_err(|error| {
            tracing::error!(%error, %seq, "an event of the history cannot be read");
            HistoryError::Unreadable
        })?;
        Ok(meter.posting(&event))
    }

    /// Has the shard take in what its customers missed.
    async fn hand_in(
        &self,
        meter: &Meter,
        since: Option<Timestamp>,
        missed: Vec<(CustomerNumber, Missed)>,
        stopping: &AtomicBool,
    ) -> Result<(), HistoryError> {
        let since = since.map_or(0, Timestamp::microseconds);
        for (customer, missed) in missed {
            let call = CallRoll { organization: meter.organization, whom: Whom::One(customer) };
            let slice = self.handle.call_roll(call).await.map_err(|_| HistoryError::Stopping)?;
            // Events of other organizations' customers are theirs.
            let Some(view) = slice.customers.first() else { continue };
            let postings = missed.postings();
            for (part, chunk) in postings.chunks(GROUP_CALLS_MAX).enumerate() {
                let mut text = Vec::new();
                let name = put(&mut text, &view.id.to_string());
                let mut uses = Vec::new();
                for (place, posting) in chunk.iter().enumerate() {
                    let key = format!("{BACKFILL_KEY}{}:{since}:{part}:{place}", meter.id);
                    uses.push((put(&mut text, &key), *posting));
                }
                self.use_all(meter, &text.into(), name, &uses, stopping).await?;
            }
        }
        Ok(())
    }

    /// Uses the meter for the customer whose name is `customer` in `text`, under these keys.
    async fn use_all(
        &self,
        meter: &Meter,
        text: &Bytes,
        customer: Span,
        uses: &[(Span, Posting)],
        stopping: &AtomicBool,
    ) -> Result<(), HistoryError> {
        let call = |(key, posting): &(Span, Posting)| {
            let body = CallBody::Account { meter: meter.number, action: Action::Use(*posting) };
            Call { customer, key: *key, body }
        };
        loop {
            if stopping.load(Ordering::Relaxed) {
                return Err(HistoryError::Stopping);
            }
            let (sender, answered) = oneshot::channel();
            let submit = Submit {
                group: Group {
                    organization: meter.organization,
                    text: text.clone(),
                    calls: uses.iter().map(call).collect(),
                },
                place: Place::First,
                port: ReplyPort::Once(sender),
                ticket: 0,
            };
            let replies = match self.handle.submit(submit) {
                Ok(()) => answered.await.map_err(|_| HistoryError::Stopping)?.replies,
                Err(_) => vec![Reply::Error(EngineError::Busy)],
            };
            let waits = |reply: &Reply| match reply {
                Reply::Error(error) => matches!(error, EngineError::Busy | EngineError::DiskFull),
                Reply::Verdict { .. }
                | Reply::Balance(_)
                | Reply::Grants(_)
                | Reply::State(_)
                | Reply::Ingested { .. }
                | Reply::Purchase(_)
                | Reply::Done => false,
            };
            if !replies.iter().any(waits) {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}
