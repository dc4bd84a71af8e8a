//! The server: wires the engine to its doors, starts them in order, and drains them in order.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use parking_lot::Mutex;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::{Exit, Failure, Launch};
use crate::config::{Config, Durability as Promise};
use crate::data_dir::Term;
use crate::engine::history::Retention;
use crate::engine::recovery::RecoveryProgress;
use crate::engine::{Engine, EngineOptions, OpenError};
use crate::http::{self, Doors};
use crate::id::{OrganizationNumber, Seq, ShardNumber};
use crate::journal::sled::Durability;
use crate::readiness::{Readiness, Stage};
use crate::resp::handshake::NodeId;
use crate::tcp::{TcpOptions, TcpServer};
use crate::token::{Scope, TokenText};

/// Records between two log lines of a recovery.
const LOG_RECORDS: u64 = 1_000_000;

/// Serves until TERM or INT, then drains.
///
/// # Errors
/// The directory is damaged, or something cannot be started; [`Failure`] names the exit code.
pub fn serve(launch: Launch) -> Result<Exit, Failure> {
    actix_web::rt::System::new().block_on(run(launch))
}

/// State that was half changed must not be served, let alone saved: once the engine runs, a panic
/// anywhere ends the process, and the next start recovers from the journal.
fn end_process_on_panic() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        process::exit(i32::from(Exit::Internal.code()));
    }));
}

async fn run(launch: Launch) -> Result<Exit, Failure> {
    let mut terminate = signal(SignalKind::terminate()).map_err(internal)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(internal)?;
    let running = launch.running().map_err(internal)?;
    let readiness = Readiness::starting();
    let Launch { config, directory, resp, http, given_token } = launch;
    let node_id = NodeId::of_directory(directory.identity().id);
    let options = options(&config, &readiness);
    let engine = actix_web::rt::task::spawn_blocking(move || Engine::open_in(directory, &options))
        .await
        .map_err(internal)?
        .map_err(not_opened)?;
    end_process_on_panic();
    first_token(&engine, given_token).await?;
    let doors = Doors::new(readiness.clone(), engine.clone());
    let http_server =
        http::serve(http, http_workers(), doors).context("cannot serve HTTP").map_err(internal)?;
    let http_handle = http_server.handle();
    let http_task = actix_web::rt::spawn(http_server);
    let tcp_options = TcpOptions {
        connections_max: usize::try_from(config.connections_max.value.get()).unwrap_or(usize::MAX),
        calls_in_flight_max: usize::try_from(config.connection_in_flight_max.value.get())
            .unwrap_or(usize::MAX),
        out_bytes_max: usize::try_from(config.output_bytes_max.value.0).unwrap_or(usize::MAX),
        node_id,
    };
    let tcp = TcpServer::start(resp, engine.clone(), tcp_options)
        .context("cannot serve RESP")
        .map_err(internal)?;
    let announced = engine.data_dir().announce(&running)?;
    readiness.advance(Stage::Ready);
    println!("{}", running.ready_line(engine.data_dir().path()));
    tokio::select! {
        _ = terminate.recv() => tracing::info!("TERM: draining"),
        _ = interrupt.recv() => tracing::info!("INT: draining"),
    }
    readiness.advance(Stage::Draining);
    drain(&tcp, &engine, config.drain_timeout.value).await?;
    drop(announced);
    http_handle.stop(true).await;
    // The server's own result says nothing that its stop did not.
    let _ = http_task.await;
    tracing::info!("drained");
    Ok(Exit::Good)
}

/// Threads that serve HTTP: what they read and write is text, so they get a core for each that the
/// shards have.
fn http_workers() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    (cores / 2).max(1)
}

/// Everything that was read is answered; then everything acknowledged is in a last snapshot.
async fn drain(tcp: &TcpServer, engine: &Engine, timeout: Duration) -> Result<(), Failure> {
    if tokio::time::timeout(timeout, tcp.stop()).await.is_err() {
        tracing::warn!(?timeout, "some clients did not take their replies in time");
    }
    engine.drain().await.map_err(|why| Failure::said(Exit::Internal, why))
}

fn options(config: &Config, readiness: &Readiness) -> EngineOptions {
    let failed = readiness.clone();
    EngineOptions {
        shards: Term::Suggested(config.shards.value.0),
        durability: match config.durability.value {
            Promise::Fsync => Durability::Fsync,
            Promise::Os => Durability::Os,
        },
        key_window: config.key_window.value,
        snapshot_interval: config.snapshot_interval.value,
        snapshot_records: u64::from(config.snapshot_records.value.get()),
        retention: Retention {
            age: config.event_retention.value,
            bytes: config.event_retention_bytes.value.0,
        },
        segment_bytes_max: config.segment_bytes_max.value.0,
        reserve_bytes: config.reserve_bytes.value.0,
        steps_pending_max: usize::try_from(config.shard_in_flight_max.value.get())
            .unwrap_or(usize::MAX),
        credit_on: config.credit_on.value,
        progress: Arc::new(Watch::new(readiness.clone())),
        on_fatal: Arc::new(move |reason| {
            failed.advance(Stage::Failed(reason.to_owned()));
            tracing::error!(reason, "nothing more is acknowledged");
            process::exit(i32::from(Exit::Internal.code()));
        }),
        ..EngineOptions::default()
    }
}

/// A directory without tokens gets an admin token: the given one, or one that is said on stderr and
/// kept in the directory.
async fn first_token(engine: &Engine, given: Option<TokenText>) -> Result<(), Failure> {
    if engine.catalog().tokens().next().is_some() {
        return Ok(());
    }
    let token = if let Some(given) = given {
        given
    } else {
        let token = engine.data_dir().keep_admin_token()?;
        let path = engine.data_dir().path().display();
        // A secret belongs to whoever started the server, not into the log.
        eprintln!("admin token {} (kept in {path}/admin.token)", token.as_str());
        token
    };
    engine.create_token(OrganizationNumber(0), Scope::Admin, &token).await.map_err(internal)?;
    Ok(())
}

fn internal(error: impl Into<anyhow::Error>) -> Failure {
    Failure::new(Exit::Internal, error)
}

fn not_opened(error: OpenError) -> Failure {
    if error.is_damage() {
        return Failure::new(Exit::Damaged, error);
    }
    match error {
        OpenError::DataDir(error) => error.into(),
        OpenError::Shard { .. }
        | OpenError::Catalog(_)
        | OpenError::FirstOrganization(_)
        | OpenError::Thread(_) => Failure::new(Exit::Internal, error),
    }
}

/// Shows a recovery: a bar on a terminal, log lines elsewhere, and on `/readyz`.
struct Watch {
    readiness: Readiness,
    bar: Option<ProgressBar>,
    total: AtomicU64,
    done: Mutex<BTreeMap<ShardNumber, u64>>,
}

impl Watch {
    fn new(readiness: Readiness) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(0);
            if let Ok(style) = ProgressStyle::with_template(
                "recovering {wide_bar} {human_pos} of {human_len} records, {eta} left",
            ) {
                bar.set_style(style);
            }
            bar
        });
        Self { readiness, bar, total: AtomicU64::new(0), done: Mutex::default() }
    }

    fn show(&self, shard: ShardNumber, records: u64) {
        let mut shards = self.done.lock();
        shards.insert(shard, records);
        let done = shards.values().fold(0_u64, |sum, records| sum.saturating_add(*records));
        let total = self.total.load(Ordering::Relaxed);
        self.readiness.advance(Stage::Starting { done, total });
        if let Some(bar) = &self.bar {
            bar.set_position(done);
        }
    }
}

impl RecoveryProgress for Watch {
    fn begin(&self, shard: ShardNumber, snapshot: Seq, records: u64) {
        let total = self.total.fetch_add(records, Ordering::Relaxed).saturating_add(records);
        if let Some(bar) = &self.bar {
            bar.set_length(total);
        }
        tracing::info!(%shard, %snapshot, records, "recovering");
        self.show(shard, 0);
    }

    fn replayed(&self, shard: ShardNumber, records: u64) {
        self.show(shard, records);
        if self.bar.is_none() && records.is_multiple_of(LOG_RECORDS) {
            tracing::info!(%shard, records, "replayed");
        }
    }

    fn done(&self, shard: ShardNumber, records: u64) {
        self.show(shard, records);
        tracing::info!(%shard, records, "recovered");
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
