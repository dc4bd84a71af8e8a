//! The HTTP door: listener, limits, and the table of routes.
//!
//! Each group of paths is a module with a `routes` of its own; this file names the groups and the
//! limits that hold for all of them. Nothing here knows what a balance is.

mod health;
mod scrape;

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::App;
use actix_web::HttpServer;
use actix_web::dev::Server;
use actix_web::web;
use actix_web::web::PayloadConfig;
use actix_web::web::ServiceConfig;

use crate::metrics::Metrics;
use crate::readiness::Readiness;

/// A client has this long to send the head of a request.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection without a request is closed after this long: longer than the minute after which
/// load balancers close it, so that it is never ours that closes under a request.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(75);

/// A client has this long to close after the server has.
pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Longest body of a request, in bytes.
pub const BODY_BYTES_MAX: usize = 1024 * 1024;

/// Most HTTP connections at a time, for each worker; more wait in the listener's queue.
pub const CONNECTIONS_MAX: usize = 1_024;

/// When told to stop, requests in flight have this long, in seconds.
pub const DRAIN_SECONDS: u64 = 10;

/// What the routes need.
#[derive(Debug, Clone)]
pub struct Doors {
    /// Whether the server takes commands.
    pub readiness: Readiness,
    /// What a scrape reads.
    pub metrics: Arc<Metrics>,
}

/// Serves HTTP on `listener` with `workers` threads. The server runs once it is polled, on an actix
/// system; its handle stops it. Signals are the caller's.
///
/// # Errors
/// The listener cannot be used.
pub fn serve(listener: TcpListener, workers: usize, doors: Doors) -> io::Result<Server> {
    let doors = web::Data::new(doors);
    let app = move || App::new().app_data(doors.clone()).configure(routes);
    let server = HttpServer::new(app)
        .workers(workers)
        .max_connections(CONNECTIONS_MAX)
        .client_request_timeout(HEAD_TIMEOUT)
        .keep_alive(IDLE_TIMEOUT)
        .client_disconnect_timeout(CLOSE_TIMEOUT)
        .shutdown_timeout(DRAIN_SECONDS)
        .disable_signals()
        .listen(listener)?;
    Ok(server.run())
}

/// The table of routes, and the limits of their bodies.
fn routes(config: &mut ServiceConfig) {
    config
        .app_data(PayloadConfig::new(BODY_BYTES_MAX))
        .configure(health::routes)
        .configure(scrape::routes);
}

#[cfg(test)]
mod tests;
