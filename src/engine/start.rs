//! Opening an engine: recover what the directory holds, then start the threads and actors.

use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use actix::{Actor, Addr, Arbiter, ArbiterHandle, Recipient};
use arc_swap::ArcSwap;
use parking_lot::Mutex;
use uuid::Uuid;

use crate::catalog::{Catalog, CatalogEdit, DEFAULT_ORGANIZATION};
use crate::customer::CreditOn;
use crate::data_dir::{ClockKind, DataDir, Term};
use crate::engine::catalog_actor::{CatalogActor, OnFatal, Shards};
use crate::engine::catalog_images::{CATALOG_SNAPSHOT_RECORDS, CatalogImages, recover_catalog};
use crate::engine::directory::Directory;
use crate::engine::history::{History, HistoryPlan, Retention, ShardHistory};
use crate::engine::imaging::SnapshotTaker;
use crate::engine::journal_thread::{JournalListener, JournalState, JournalThread};
use crate::engine::offline::{self, journal_dir};
use crate::engine::open_batch::OpenBatch;
use crate::engine::open_error::OpenError;
use crate::engine::purchases::benefits;
use crate::engine::recovery::{
    Recovered, RecoveryError, RecoveryProgress, RecoveryTerms, Unwatched, recover_shard,
};
use crate::engine::scheduler_actor::{Begin, SchedulerActor};
use crate::engine::sequencer::{Sequencer, SequencerStart};
use crate::engine::shard_actor::{Committed, JournalFailed, ShardActor, ShardHandle, ShardShared};
use crate::engine::shard_core::ShardCore;
use crate::engine::snapshot_actor::{Cadence, SnapshotActor};
use crate::engine::system_clock::SystemClock;
use crate::engine::{Engine, Inner};
use crate::id::{CustomerNumber, OrganizationId, Seq, ShardNumber};
use crate::journal::history::HistoryTerms;
use crate::journal::sled::{Durability, Options, REOPEN_BYTES_MAX, SEGMENT_BYTES_MAX};
use crate::journal::space::{RESERVE_BYTES, Space};
use crate::journal::{Journal, JournalError};
use crate::keys::WINDOW_MICROSECONDS;
use crate::metrics::{Metrics, ShardMetrics};
use crate::snapshot::WriteOptions;
use crate::time::{Clock, ManualClock, Timestamp};

/// How an engine is opened.
#[derive(Clone)]
pub struct EngineOptions {
    /// Shards of a new directory.
    pub shards: Term<u16>,
    /// What a reply means: on the disk, or with the operating system.
    pub durability: Durability,
    /// How long idempotency keys are remembered at least.
    pub key_window: Duration,
    /// Longest time between snapshots, while something changes.
    pub snapshot_interval: Duration,
    /// Most records between snapshots.
    pub snapshot_records: u64,
    /// Most changes of the catalog between its snapshots.
    pub catalog_snapshot_records: u64,
    /// How snapshots share the disk with the journal.
    pub snapshot_writes: WriteOptions,
    /// Size at which a journal segment is sealed, in bytes.
    pub segment_bytes_max: u64,
    /// Writes are refused while less is free on the disk beside what opening the directory again
    /// takes, in bytes.
    pub reserve_bytes: u64,
    /// Most commands that wait in one shard for their sync and their turn; more are answered
    /// "busy".
    pub steps_pending_max: usize,
    /// When the credits of a subscription's new period are made.
    pub credit_on: CreditOn,
    /// How long events are retained.
    pub retention: Retention,
    /// Who watches the recovery.
    pub progress: Arc<dyn RecoveryProgress>,
    /// Called when the engine can go on no longer; a server ends its process then. Everything that
    /// is asked afterwards is answered with an error.
    pub on_fatal: OnFatal,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            shards: Term::Suggested(1),
            durability: Durability::Fsync,
            key_window: Duration::from_micros(WINDOW_MICROSECONDS.unsigned_abs()),
            snapshot_interval: Duration::from_mins(1),
            snapshot_records: 16_000_000,
            catalog_snapshot_records: CATALOG_SNAPSHOT_RECORDS,
            snapshot_writes: WriteOptions::default(),
            segment_bytes_max: SEGMENT_BYTES_MAX,
            reserve_bytes: RESERVE_BYTES,
            steps_pending_max: 262_144,
            credit_on: CreditOn::Cycle,
            retention: Retention::default(),
            progress: Arc::new(Unwatched),
            on_fatal: Arc::new(|reason| tracing::error!(reason, "the engine has failed")),
        }
    }
}

/// The threads behind an engine.
pub(super) struct System {
    batches: Vec<OpenBatch>,
    threads: Mutex<Threads>,
    data_dir: DataDir,
}

struct Threads {
    journals: Vec<JoinHandle<()>>,
    actors: Option<(actix::System, JoinHandle<()>)>,
}

impl System {
    /// Makes what waits durable and ends every thread. Does nothing the second time.
    pub(super) fn stop(&self) {
        for batch in &self.batches {
            batch.close();
        }
        let mut threads = self.threads.lock();
        for journal in threads.journals.drain(..) {
            if journal.join().is_err() {
                tracing::error!("a journal thread panicked");
            }
        }
        if let Some((system, thread)) = threads.actors.take() {
            system.stop();
            if thread.join().is_err() {
                tracing::error!("the actors' thread panicked");
            }
        }
    }

    /// Where the data directory is.
    pub(super) fn data_dir(&self) -> &DataDir {
        &self.data_dir
    }
}

/// What the actors' thread hands back once everything runs.
struct Started {
    shards: Vec<ShardHandle>,
    arbiters: Vec<ArbiterHandle>,
    catalog_actor: Addr<CatalogActor>,
    scheduler: Addr<SchedulerActor>,
    journals: Vec<JoinHandle<()>>,
    system: actix::System,
}

/// Everything that the actors' thread needs to start.
struct Plan {
    shards: Vec<ShardPlan>,
    catalog_actor: CatalogActor,
    clock: Arc<dyn Clock>,
    cadence: Cadence,
    on_fatal: OnFatal,
}

/// A shard that is ready to start.
struct ShardPlan {
    number: ShardNumber,
    core: ShardCore,
    journal: Box<dyn Journal>,
    open: OpenBatch,
    state: Arc<JournalState>,
    space: Space,
    catalog: Arc<ArcSwap<Catalog>>,
    metrics: ShardMetrics,
    snapshots: SnapshotTaker,
}

pub(super) fn open(data_dir: DataDir, options: &EngineOptions) -> Result<Engine, OpenError> {
    let identity = data_dir.identity().clone();
    let mut journal_options = Options {
        segment_bytes_max: options.segment_bytes_max,
        durability: options.durability,
        missing: offline::missing_catalog(&data_dir),
    };
    let mut recovered_catalog =
        recover_catalog(&data_dir.catalog(), journal_options).map_err(OpenError::Catalog)?;
    let catalog = recovered_catalog.reached.catalog.clone();
    journal_options.missing = offline::missing_shard(&catalog);
    let directory = Arc::new(Directory::new(identity.seed));
    let recovered = recover(&data_dir, options, journal_options, &directory)?;
    let clock = clock(identity.clock, &recovered);
    let epoch = recovered_catalog.journal.acquire();
    let epoch = epoch.map_err(|error| OpenError::Catalog(error.into()))?;
    let catalog = Arc::new(ArcSwap::from_pointee(catalog));
    let images = CatalogImages::new(
        &recovered_catalog,
        epoch,
        options.snapshot_writes,
        options.catalog_snapshot_records,
    );
    let mut catalog_actor = CatalogActor::new(
        Box::new(recovered_catalog.journal),
        recovered_catalog.reached.last,
        Arc::clone(&catalog),
        Arc::clone(&clock),
        Some(images),
        Arc::clone(&options.on_fatal),
    );
    if catalog.load().organization_named(DEFAULT_ORGANIZATION).is_none() {
        let id = OrganizationId(Uuid::new_v4());
        let name = DEFAULT_ORGANIZATION.to_owned();
        let first = catalog_actor.change(CatalogEdit::Organization(id, name));
        first.map_err(OpenError::FirstOrganization)?;
    }
    let metrics = Arc::new(Metrics::new(identity.shards));
    let seed = identity.seed;
    let reserve_bytes = reserve_bytes(options, identity.shards);
    let shared = Shared { options, directory, catalog, clock, metrics, seed, reserve_bytes };
    shared.start(data_dir, recovered, catalog_actor)
}

fn recover(
    data_dir: &DataDir,
    options: &EngineOptions,
    journal: Options,
    directory: &Directory,
) -> Result<Vec<Recovered>, OpenError> {
    let identity = data_dir.identity();
    let key_window = i64::try_from(options.key_window.as_micros()).unwrap_or(i64::MAX);
    let terms = RecoveryTerms {
        seed: identity.seed,
        key_window,
        journal,
        directory,
        progress: options.progress.as_ref(),
    };
    let numbers = (0..identity.shards).map(ShardNumber);
    let results: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = numbers
            .map(|number| {
                let (dir, terms) = (data_dir.shard(number), &terms);
                (number, scope.spawn(move || recover_shard(&dir, number, terms)))
            })
            .collect();
        threads.into_iter().map(|(number, thread)| (number, thread.join())).collect()
    });
    results
        .into_iter()
        .map(|(shard, result)| match result {
            Ok(recovered) => recovered.map_err(|error| OpenError::Shard { shard, error }),
            Err(panic) => std::panic::resume_unwind(panic),
        })
        .collect()
}

/// A manual clock restarts at the last journaled time.
fn clock(kind: ClockKind, recovered: &[Recovered]) -> Arc<dyn Clock> {
    match kind {
        ClockKind::System => Arc::new(SystemClock),
        ClockKind::Manual => {
            let last = recovered.iter().map(|recovered| recovered.shard.time).max();
            Arc::new(ManualClock::new(last.unwrap_or_default().max(Timestamp::EPOCH)))
        }
    }
}

/// What the shards of an engine share.
struct Shared<'a> {
    options: &'a EngineOptions,
    directory: Arc<Directory>,
    catalog: Arc<ArcSwap<Catalog>>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    seed: u64,
    reserve_bytes: u64,
}

/// What has to stay free: what was asked for, and what the catalog and the shards take to open again,
/// so that a server which ends on a full disk starts on it.
fn reserve_bytes(options: &EngineOptions, shards: u16) -> u64 {
    let journals = u64::from(shards).saturating_add(1);
    options.reserve_bytes.saturating_add(REOPEN_BYTES_MAX.saturating_mul(journals))
}

impl Shared<'_> {
    fn start(
        self,
        data_dir: DataDir,
        recovered: Vec<Recovered>,
        catalog_actor: CatalogActor,
    ) -> Result<Engine, OpenError> {
        let mut batches = Vec::new();
        let mut shards = Vec::new();
        let mut histories = Vec::new();
        for (recovered, metrics) in recovered.into_iter().zip(self.metrics.shards()) {
            let number = recovered.number;
            let dir = data_dir.shard(number);
            let journal = journal_dir(&dir);
            let terms = HistoryTerms::new(journal.clone(), recovered.journal_id, self.seed);
            let plan = self
                .plan(&dir, metrics.clone(), recovered)
                .map_err(|error| OpenError::Shard { shard: number, error })?;
            batches.push(plan.open.clone());
            // Until the history has looked, it needs everything.
            plan.state.forget(Seq::ZERO);
            histories.push((number, terms, Arc::clone(&plan.state), journal));
            shards.push(plan);
        }
        let (started, thread) = start(Plan {
            shards,
            catalog_actor,
            clock: Arc::clone(&self.clock),
            cadence: Cadence {
                interval: self.options.snapshot_interval,
                records: self.options.snapshot_records,
            },
            on_fatal: Arc::clone(&self.options.on_fatal),
        })?;
        tracing::info!(
            directory = %data_dir.path().display(),
            shards = data_dir.identity().shards,
            customers = self.directory.len(),
            "engine open"
        );
        let shards = histories.into_iter().zip(&started.shards);
        let shards = shards.map(|((number, terms, state, directory), handle)| ShardHistory {
            number,
            terms,
            handle: handle.clone(),
            state,
            directory,
        });
        let history = History::start(HistoryPlan {
            shards: shards.collect(),
            seed: self.seed,
            directory: Arc::clone(&self.directory),
            clock: Arc::clone(&self.clock),
            retention: self.options.retention,
            reserve_bytes: self.reserve_bytes,
            catalog: Arc::clone(&self.catalog),
            data: data_dir.path().to_owned(),
        })?;
        let threads =
            Threads { journals: started.journals, actors: Some((started.system, thread)) };
        Ok(Engine {
            inner: Arc::new(Inner {
                shards: started.shards,
                arbiters: started.arbiters,
                directory: self.directory,
                catalog: self.catalog,
                catalog_actor: started.catalog_actor,
                scheduler: started.scheduler,
                clock: self.clock,
                metrics: self.metrics,
                history,
                stopping: false.into(),
                system: System { batches, threads: Mutex::new(threads), data_dir },
            }),
        })
    }

    fn plan(
        &self,
        dir: &Path,
        metrics: ShardMetrics,
        recovered: Recovered,
    ) -> Result<ShardPlan, RecoveryError> {
        let Recovered { number, shard, mut journal, journal_id, store, .. } = recovered;
        let epoch = journal.acquire()?;
        let open = OpenBatch::new(shard.applied, shard.time);
        let sequencer = Sequencer::new(SequencerStart {
            shard: number,
            seed: self.seed,
            directory: Arc::clone(&self.directory),
            clock: Arc::clone(&self.clock),
            catalog: self.catalog.load_full(),
            open: open.clone(),
            next_customer: CustomerNumber(u32::try_from(shard.customers_len()).unwrap_or(u32::MAX)),
            time: shard.time,
            steps_pending_max: self.options.steps_pending_max,
            credit_on: self.options.credit_on,
        });
        Ok(ShardPlan {
            number,
            core: ShardCore::new(shard, sequencer),
            journal,
            open,
            state: Arc::default(),
            space: Space::new(dir, self.reserve_bytes),
            catalog: Arc::clone(&self.catalog),
            snapshots: SnapshotTaker {
                store,
                shard: number,
                journal_id: Uuid::from_u128(journal_id.0),
                epoch,
                options: self.options.snapshot_writes,
                metrics: metrics.clone(),
            },
            metrics,
        })
    }
}

fn start(plan: Plan) -> Result<(Started, JoinHandle<()>), OpenError> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let thread = std::thread::Builder::new().name("actors".to_owned()).spawn(move || {
        let runner = actix::System::new();
        runner.block_on(async {
            let started = run_actors(plan);
            // Whoever opens waits for this.
            drop(sender.send(started));
        });
        if let Err(error) = runner.run() {
            tracing::error!(%error, "the actors' thread ended badly");
        }
    })?;
    let started = receiver
        .recv()
        .map_err(|_| std::io::Error::other("the actors' thread ended before it began"))??;
    Ok((started, thread))
}

fn run_actors(plan: Plan) -> std::io::Result<Started> {
    let scheduler = SchedulerActor::new(Arc::clone(&plan.clock)).start();
    let mut shards = Vec::new();
    let mut arbiters = Vec::new();
    let mut journals = Vec::new();
    for shard in plan.shards {
        let arbiter = Arbiter::new();
        let timers = SchedulerActor::timers(scheduler.clone());
        let number = shard.number;
        let applied = Arc::clone(&shard.core.published);
        let behind = benefits::behind(&shard.core.shard, &shard.catalog.load());
        let shared = ShardShared {
            catalog: shard.catalog,
            journal: Arc::clone(&shard.state),
            metrics: shard.metrics.clone(),
            timers,
            snapshots: shard.snapshots,
        };
        let core = shard.core;
        let addr = ShardActor::start_in_arbiter(&arbiter.handle(), move |_| {
            ShardActor::new(number, core, shared)
        });
        let handle = ShardHandle::new(addr, applied);
        actix::spawn(benefits::catch_up(handle.clone(), behind));
        let (committed, failed) = handle.recipients();
        let listener =
            Listener { shard: number, committed, failed, on_fatal: Arc::clone(&plan.on_fatal) };
        let thread = JournalThread {
            shard: number,
            journal: shard.journal,
            open: shard.open,
            state: shard.state,
            space: shard.space,
            metrics: shard.metrics,
            listener,
        };
        journals.push(thread.start()?);
        shards.push(handle);
        arbiters.push(arbiter.handle());
    }
    let catalog_actor = plan.catalog_actor.start();
    tell(&catalog_actor.clone().recipient(), Shards(shards.clone()));
    tell(&scheduler.clone().recipient(), Begin { shards: shards.clone() });
    SnapshotActor::new(shards.clone(), plan.cadence).start();
    let system = actix::System::current();
    Ok(Started { shards, arbiters, catalog_actor, scheduler, journals, system })
}

/// Hands a shard what its journal thread says.
struct Listener {
    shard: ShardNumber,
    committed: Recipient<Committed>,
    failed: Recipient<JournalFailed>,
    on_fatal: OnFatal,
}

impl JournalListener for Listener {
    fn committed(&self, seq: Seq) {
        tell(&self.committed, Committed(seq));
    }

    fn failed(&self, error: &JournalError) {
        (self.on_fatal)(&format!("the journal of shard {} failed: {error}", self.shard));
        tell(&self.failed, JournalFailed);
    }
}

/// Nothing can pile up: this is one message a sync, or one at start.
fn tell<M>(to: &Recipient<M>, message: M)
where
    M: actix::Message + Send + 'static,
    M::Result: Send,
{
    to.do_send(message);
}
