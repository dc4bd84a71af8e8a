//! The HTTP door: listener, limits, and the table of routes.
//!
//! Under `/v1/` it speaks Polar's API, so that Polar's own clients need only another address. Each
//! resource is a module with a `routes` of its own; this file names them and the limits that hold
//! for all of them.

mod audience;
mod auth;
mod benefit_grants;
mod benefits;
mod body;
mod checkouts;
mod customer_details;
mod customer_meters;
mod customers;
mod engine;
mod error;
mod events;
mod fields;
mod health;
mod meters;
mod orders;
mod organizations;
mod page;
mod products;
mod quantities;
mod query;
mod ranked;
mod schema;
mod scrape;
mod subscriptions;
mod version;

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::App;
use actix_web::HttpServer;
use actix_web::Resource;
use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::web;
use actix_web::web::ServiceConfig;
use tokio::sync::Semaphore;

use crate::engine::Engine;
use crate::readiness::Readiness;

use self::error::Problem;

pub use self::body::BODIES_BYTES_MAX;
pub use self::body::BODY_BYTES_MAX;
pub use self::body::BODY_TIMEOUT;
pub use self::body::BodyRoom;
pub use self::checkouts::CHECKOUT_LIFETIME_SECONDS;
pub use self::checkouts::CHECKOUTS_MAX;
pub use self::checkouts::Shelf;

/// A client has this long to send the head of a request.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection without a request is closed after this long: longer than the minute after which
/// load balancers close it, so that it is never ours that closes under a request.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(75);

/// A client has this long to close after the server has.
pub const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Most HTTP connections at a time, for each worker; more wait in the listener's queue.
pub const CONNECTIONS_MAX: usize = 1_024;

/// Most requests that read all customers of an organization at a time; more wait for their turn.
pub const WHOLE_READS_MAX: usize = 2;

/// When told to stop, requests in flight have this long, in seconds.
pub const DRAIN_SECONDS: u64 = 10;

/// What the routes need.
#[derive(Debug, Clone)]
pub struct Doors {
    /// Whether the server takes commands.
    pub readiness: Readiness,
    /// Where every request goes that is about customers and their balances.
    pub engine: Engine,
    /// The memory that bodies of requests may take.
    pub room: BodyRoom,
    /// How many requests may read all customers at a time.
    pub whole_reads: Arc<Semaphore>,
    /// Checkouts that wait for their confirmation.
    pub checkouts: Arc<Shelf>,
}

impl Doors {
    /// The doors of this engine.
    #[must_use]
    pub fn new(readiness: Readiness, engine: Engine) -> Self {
        let whole_reads = Arc::new(Semaphore::new(WHOLE_READS_MAX));
        let (room, checkouts) = (BodyRoom::default(), Arc::default());
        Self { readiness, engine, room, whole_reads, checkouts }
    }
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

/// The table of routes.
fn routes(config: &mut ServiceConfig) {
    config.configure(health::routes).configure(scrape::routes).configure(engine::routes).service(
        web::scope("/v1")
            .wrap(from_fn(version::negotiate))
            .configure(events::routes)
            .configure(customer_meters::routes)
            .configure(customers::routes)
            .configure(subscriptions::routes)
            .configure(orders::routes)
            .configure(benefit_grants::routes)
            .configure(checkouts::routes)
            .configure(quantities::routes)
            .configure(meters::routes)
            .configure(benefits::routes)
            .configure(products::routes)
            .configure(organizations::routes)
            .default_service(web::to(no_such_path)),
    );
}

/// A resource of Polar's API, with and without the slash at its end.
fn resource(path: &str) -> Resource {
    web::resource(vec![path.to_owned(), format!("{path}/")])
        .default_service(web::to(method_not_allowed))
}

async fn no_such_path() -> Result<&'static str, Problem> {
    Err(Problem::NoSuchPath)
}

async fn method_not_allowed() -> Result<&'static str, Problem> {
    Err(Problem::MethodNotAllowed)
}

#[cfg(test)]
mod tests;
