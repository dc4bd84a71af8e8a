//! How long a start takes: a million accounts from a snapshot, and the journal behind it.
//!
//! `cargo bench --bench recovery [-- DIR]` works in a folder of its own below `DIR`, or below the
//! system's temporary directory. What it reads back it has just written, so the files are in the
//! page cache.

#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a bench measures, or it fails"
)]

use std::fs;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use drawdown::data_dir::Term;
use drawdown::engine::recovery::RecoveryProgress;
use drawdown::engine::{Engine, EngineOptions};
use drawdown::id::{Seq, ShardNumber};
use drawdown::journal::sled::Durability;
use drawdown::snapshot::{WriteOptions, WriteRate};
use drawdown::workload::{Shape, Skew, Workload};

use pipeline::Pipeline;

#[path = "load/pipeline.rs"]
mod pipeline;

/// As in the server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ACCOUNTS: NonZeroU32 = NonZeroU32::new(1_000_000).expect("not zero");
const UNITS_MAX: NonZeroU32 = NonZeroU32::new(100).expect("not zero");

/// Records behind the snapshot.
const RECORDS: u32 = 4_000_000;

const ROUNDS: u32 = 3;

fn main() {
    // Cargo passes `--bench`.
    let below = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let below = below.map_or_else(std::env::temp_dir, PathBuf::from);
    let dir = tempfile::tempdir_in(below).expect("temporary directory");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("runtime").block_on(measure(dir.path()));
}

async fn measure(dir: &Path) {
    let (live, copied) = (dir.join("live"), dir.join("copied"));
    let shape = Shape { customers: ACCOUNTS, units_max: UNITS_MAX, skew: Skew::Zipf };
    let mut load = Workload::new(1, shape);
    populate(&live, &mut load).await;
    println!("| {ACCOUNTS} accounts, two grants and a key each | seconds | resident MiB |");
    for _ in 0..ROUNDS {
        let opened = Opened::open(&live);
        let seconds = opened.snapshot().as_secs_f64();
        println!("| from a snapshot | {seconds:.2} | {} |", resident_mebibytes());
        opened.engine.drain().await.expect("drain");
    }
    // Draining would put the records into a snapshot: a copy made in mid-run has them behind it.
    let opened = Opened::open(&live);
    let mut pipeline = Pipeline::open(&opened.engine).await;
    for _ in 0..RECORDS {
        let pick = load.pick();
        pipeline.debit(pick.customer, pick.units, pick.key).await;
    }
    pipeline.finish().await;
    copy(&live, &copied);
    opened.engine.drain().await.expect("drain");
    println!("| {RECORDS} keyed debits behind it | seconds | records a second |");
    for round in 0..ROUNDS {
        let again = dir.join(format!("copied-{round}"));
        copy(&copied, &again);
        let opened = Opened::open(&again);
        let (records, took) = opened.replay();
        let rate = u128::from(records) * 1_000_000 / took.as_micros().max(1);
        println!("| {records} replayed | {:.2} | {rate} |", took.as_secs_f64());
        opened.engine.drain().await.expect("drain");
        fs::remove_dir_all(again).expect("remove");
    }
}

async fn populate(dir: &Path, load: &mut Workload) {
    let engine = Engine::open(dir, &options()).expect("open");
    let mut pipeline = Pipeline::open(&engine).await;
    for customer in 0..ACCOUNTS.get() {
        pipeline.grant(customer, 0).await;
        pipeline.grant(customer, 1).await;
        let pick = load.pick();
        pipeline.debit(customer, pick.units, pick.key).await;
    }
    pipeline.finish().await;
    engine.drain().await.expect("drain");
}

fn options() -> EngineOptions {
    EngineOptions {
        shards: Term::Suggested(1),
        durability: Durability::Os,
        snapshot_interval: Duration::from_hours(24),
        snapshot_records: u64::MAX,
        snapshot_writes: WriteOptions {
            rate: WriteRate::Unlimited,
            sync_bytes: WriteOptions::SYNC_BYTES,
        },
        ..EngineOptions::default()
    }
}

/// An engine, and when what happened while it opened.
struct Opened {
    engine: Engine,
    asked: Instant,
    watched: Arc<Watched>,
}

#[derive(Default)]
struct Watched(Mutex<Option<(Instant, Instant, u64)>>);

impl RecoveryProgress for Watched {
    fn begin(&self, _: ShardNumber, _: Seq, records: u64) {
        let now = Instant::now();
        *self.0.lock().expect("lock") = Some((now, now, records));
    }

    fn replayed(&self, _: ShardNumber, _: u64) {}

    fn done(&self, _: ShardNumber, _: u64) {
        if let Some((_, done, _)) = self.0.lock().expect("lock").as_mut() {
            *done = Instant::now();
        }
    }
}

impl Opened {
    fn open(dir: &Path) -> Self {
        let watched = Arc::<Watched>::default();
        let progress = Arc::<Watched>::clone(&watched);
        let asked = Instant::now();
        let engine = Engine::open(dir, &EngineOptions { progress, ..options() }).expect("open");
        Self { engine, asked, watched }
    }

    fn times(&self) -> (Instant, Instant, u64) {
        self.watched.0.lock().expect("lock").expect("a recovery")
    }

    /// From the call to when the snapshot was loaded.
    fn snapshot(&self) -> Duration {
        self.times().0 - self.asked
    }

    /// What was replayed behind it, and how long that took.
    fn replay(&self) -> (u64, Duration) {
        let (begun, done, records) = self.times();
        (records, done - begun)
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("directory");
    for entry in fs::read_dir(from).expect("directory") {
        let entry = entry.expect("entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("type").is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("copy");
        }
    }
}

fn resident_mebibytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = resident.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kibibytes.unwrap_or(0) / 1024
}
