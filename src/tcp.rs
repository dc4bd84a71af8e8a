//! The RESP listener: accepts connections and spreads them over the shards' arbiters, where each is
//! one task beside the shard that it talks to most.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::engine::Engine;
use crate::metrics::Closed;
use crate::resp::handshake::NodeId;

use self::connection::Connection;

mod access;
mod answer;
mod connection;
mod dispatch;
mod errand;
mod ingest;

/// How long to wait before accepting again when the process is out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How the listener behaves.
#[derive(Debug, Clone, Copy)]
pub struct TcpOptions {
    /// Most connections at a time; more are told so and closed.
    pub connections_max: usize,
    /// Most calls of one connection in flight; beyond, its socket is not read.
    pub calls_in_flight_max: usize,
    /// Most bytes that wait for one client; beyond, it is dropped.
    pub out_bytes_max: usize,
    /// Names this server in `CLUSTER` replies.
    pub node_id: NodeId,
}

/// What the connections of one listener share.
pub struct Door {
    engine: Engine,
    options: TcpOptions,
    open: AtomicUsize,
    next_id: AtomicU64,
    stop: watch::Receiver<bool>,
    started: Instant,
}

/// The listener, as long as it accepts.
pub struct TcpServer {
    door: Arc<Door>,
    stop: watch::Sender<bool>,
    address: SocketAddr,
}

impl TcpServer {
    /// Begins to accept connections on `listener`.
    ///
    /// # Errors
    /// The listener cannot be used, or the engine has no arbiter.
    pub fn start(
        listener: std::net::TcpListener,
        engine: Engine,
        options: TcpOptions,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = watch::channel(false);
        let accepting = engine.arbiters().first().cloned();
        let accepting = accepting.ok_or_else(|| io::Error::other("the engine has no arbiter"))?;
        let door = Arc::new(Door {
            engine,
            options,
            open: AtomicUsize::new(0),
            next_id: AtomicU64::new(1),
            stop: stopped,
            started: now(),
        });
        let shared = Arc::clone(&door);
        let spawned = accepting.spawn_fn(move || {
            actix::spawn(async move {
                match TcpListener::from_std(listener) {
                    Ok(listener) => accept(&listener, &shared).await,
                    Err(error) => tracing::error!(%error, "cannot listen"),
                }
            });
        });
        if !spawned {
            return Err(io::Error::other("the engine has stopped"));
        }
        Ok(Self { door, stop, address })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts no more, and lets every connection answer what it has read.
    pub async fn stop(&self) {
        self.stop.send_replace(true);
        // Connections notice within their own time-outs; there is nothing to wait on but their end.
        while self.door.open.load(Ordering::Acquire) > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "uptime is shown, and decides nothing")]
fn now() -> Instant {
    Instant::now()
}

async fn accept(listener: &TcpListener, door: &Arc<Door>) {
    let mut stop = door.stop.clone();
    let mut turn = 0_usize;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.changed() => return,
        };
        match accepted {
            Ok((stream, _)) => {
                turn = turn.wrapping_add(1);
                admit(stream, door, turn);
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Gives the connection to the next arbiter.
fn admit(stream: TcpStream, door: &Arc<Door>, turn: usize) {
    let metrics = Arc::clone(door.engine.metrics());
    let before = door.open.fetch_add(1, Ordering::AcqRel);
    if before >= door.options.connections_max {
        door.open.fetch_sub(1, Ordering::AcqRel);
        metrics.connections.turned_away.inc();
        // The socket's buffer takes so few bytes at once; who cannot read them learns it anyway.
        let _ = stream.try_write(b"-ERR max number of clients reached\r\n");
        return;
    }
    metrics.connections.accepted.inc();
    metrics.connections.open.inc();
    let arbiters = door.engine.arbiters();
    let place = turn.checked_rem(arbiters.len()).unwrap_or(0);
    let shared = Arc::clone(door);
    let begin = |stream: io::Result<TcpStream>| async move {
        let reason = match stream {
            Ok(stream) => Connection::new(stream, Arc::clone(&shared)).run().await,
            Err(_) => Closed::ByClient,
        };
        shared.open.fetch_sub(1, Ordering::AcqRel);
        metrics.connections.open.dec();
        metrics.connections.count_closed(reason);
    };
    // The listener runs on the first arbiter: its own connections stay.
    match arbiters.get(place).filter(|_| place > 0) {
        Some(arbiter) => {
            let stream = stream.into_std();
            arbiter.spawn_fn(move || {
                actix::spawn(begin(stream.and_then(TcpStream::from_std)));
            });
        }
        None => drop(actix::spawn(begin(Ok(stream)))),
    }
}
