//! Every counter and histogram of the server, named in one place.
//!
//! The parts hold plain handles and add to them, the hot ones once a batch; a scrape reads them.
//! Nothing here decides anything, and nothing reads a clock: durations are measured by whoever
//! waits.

mod connection;
mod label;
mod shard;

use std::borrow::Cow;

use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Metric;
use prometheus_client::registry::Registry;

use crate::id::ShardNumber;

pub use connection::ConnectionMetrics;
pub use label::Answer;
pub use label::Closed;
pub use label::CommandKind;
pub use label::ErrorCode;
pub use label::UnitsEnd;
pub use shard::CommandTally;
pub use shard::ShardMetrics;

/// The labels of one series.
type Labels = Vec<(&'static str, Cow<'static, str>)>;

/// What a scrape is answered with: `OpenMetrics` text, which Prometheus reads.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All metrics of one server.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Of the RESP listener and its connections.
    pub connections: ConnectionMetrics,
    shards: Vec<ShardMetrics>,
}

impl Metrics {
    /// Metrics of a server with this many shards, all at zero.
    #[must_use]
    pub fn new(shards: u16) -> Self {
        let mut registry = Registry::with_prefix("drawdown");
        let build: Family<Labels, Gauge> = Family::default();
        build
            .get_or_create_owned(&vec![("version", Cow::Borrowed(env!("CARGO_PKG_VERSION")))])
            .set(1);
        registry.register("build", "The running version; always 1", build);
        let connections = ConnectionMetrics::register(&mut registry);
        let families = shard::Families::register(&mut registry);
        let shards = (0..shards).map(|number| families.of_shard(ShardNumber(number))).collect();
        Self { registry, connections, shards }
    }

    /// The handles of every shard, by number.
    #[must_use]
    pub fn shards(&self) -> &[ShardMetrics] {
        &self.shards
    }

    /// The handles of one shard; `None` beyond the number that [`Metrics::new`] was given.
    #[must_use]
    pub fn shard(&self, number: ShardNumber) -> Option<&ShardMetrics> {
        self.shards.get(usize::from(number.0))
    }

    /// All metrics as `OpenMetrics` text.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut out = String::new();
        match text::encode(&mut out, &self.registry) {
            Ok(()) => out,
            // Writing to a string does not fail; a scrape without its end mark is refused as a whole.
            Err(std::fmt::Error) => String::new(),
        }
    }
}

/// Registers a metric and gives its handle.
fn registered<M: Metric + Clone + Default>(
    registry: &mut Registry,
    name: &'static str,
    what: &'static str,
) -> M {
    let metric = M::default();
    registry.register(name, what, metric.clone());
    metric
}

/// The counters of a family whose series differ in one label, in the order of `values`.
fn counters(
    family: &Family<Labels, Counter>,
    label: &'static str,
    values: impl Iterator<Item = &'static str>,
) -> Vec<Counter> {
    values.map(|value| family.get_or_create_owned(&vec![(label, Cow::Borrowed(value))])).collect()
}

#[cfg(test)]
mod tests;
