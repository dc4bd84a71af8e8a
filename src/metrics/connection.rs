//! Metrics of the RESP listener.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::Closed;
use super::ErrorCode;
use super::Labels;
use super::counters;
use super::registered;

/// Handles of the RESP listener and its connections.
#[derive(Debug)]
pub struct ConnectionMetrics {
    /// Connections that are open now.
    pub open: Gauge,
    /// Connections that were accepted.
    pub accepted: Counter,
    /// Connections that were turned away because the limit was reached.
    pub turned_away: Counter,
    /// Reads, as `BALANCE`, that were answered.
    pub reads: Counter,
    /// Bytes that were read from sockets.
    pub received_bytes: Counter,
    /// Bytes that were written to sockets.
    pub sent_bytes: Counter,
    closed: Vec<Counter>,
    errors: Vec<Counter>,
}

impl ConnectionMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let closed: Family<Labels, Counter> =
            registered(registry, "connections_closed", "Connections that ended, by reason");
        let errors: Family<Labels, Counter> =
            registered(registry, "errors", "Error replies, by code; none changed anything");
        Self {
            open: registered(registry, "connections", "Connections that are open now"),
            accepted: registered(registry, "connections_accepted", "Connections accepted"),
            turned_away: registered(
                registry,
                "connections_turned_away",
                "Connections refused at the limit",
            ),
            reads: registered(registry, "reads", "Reads that were answered"),
            received_bytes: registered(registry, "received_bytes", "Bytes read from sockets"),
            sent_bytes: registered(registry, "sent_bytes", "Bytes written to sockets"),
            closed: counters(&closed, "reason", Closed::ALL.iter().map(|reason| reason.text())),
            errors: counters(&errors, "code", ErrorCode::ALL.iter().map(|code| code.text())),
        }
    }

    /// Counts the end of a connection.
    pub fn count_closed(&self, reason: Closed) {
        if let Some(counter) = self.closed.get(reason.place()) {
            counter.inc();
        }
    }

    /// Counts `replies` errors of one code.
    pub fn count_errors(&self, code: ErrorCode, replies: u64) {
        if let Some(counter) = self.errors.get(code.place()) {
            counter.inc_by(replies);
        }
    }
}
