//! Feeds an engine in process: groups of calls, many of them in flight.

use bytes::Bytes;
use drawdown::engine::Engine;
use drawdown::engine::call::{Call, CallBody, GrantCall};
use drawdown::engine::reply::{Reply, Said};
use drawdown::engine::session::Session;
use drawdown::id::{MeterNumber, OrganizationNumber};
use drawdown::meter::{Aggregation, Meter};
use drawdown::span::Span;
use drawdown::units::Units;

/// Calls that are submitted together, as one socket read would bring them.
const GROUP_CALLS: usize = 100;

/// Calls in flight.
const IN_FLIGHT_MAX: usize = 16_384;

/// One caller who pipelines.
pub(crate) struct Pipeline {
    session: Session,
    organization: OrganizationNumber,
    meter: MeterNumber,
    text: Vec<u8>,
    calls: Vec<Call>,
}

impl Pipeline {
    /// A caller of `engine` who feeds its one meter.
    pub(crate) async fn open(engine: &Engine) -> Self {
        let meter = meter(engine).await;
        Self {
            session: engine.session(),
            organization: meter.organization,
            meter: meter.number,
            text: Vec::new(),
            calls: Vec::new(),
        }
    }

    /// Credits a customer with more than anybody uses.
    pub(crate) async fn grant(&mut self, customer: u32, priority: i32) {
        let units = Units::parse(b"1000000000000").expect("units");
        let terms = GrantCall { units, priority, effective_at: None, expires_at: None };
        let body = CallBody::Grant { meter: self.meter, terms: Box::new(terms) };
        self.call(customer, None, body).await;
    }

    /// Draws down under a key that nobody used before.
    pub(crate) async fn debit(&mut self, customer: u32, units: u32, key: u64) {
        let units = Units::new(units.into()).expect("units");
        let body = CallBody::Debit { meter: self.meter, units };
        self.call(customer, Some(key), body).await;
    }

    async fn call(&mut self, customer: u32, key: Option<u64>, body: CallBody) {
        let customer = self.put(&format!("customer-{customer:07}"));
        let key = key.map_or(Span::default(), |key| self.put(&format!("{key:x}")));
        self.calls.push(Call { customer, key, body });
        if self.calls.len() == GROUP_CALLS {
            self.submit().await;
        }
    }

    fn put(&mut self, part: &str) -> Span {
        let start = u32::try_from(self.text.len()).expect("a short text");
        self.text.extend_from_slice(part.as_bytes());
        Span { start, end: u32::try_from(self.text.len()).expect("a short text") }
    }

    async fn submit(&mut self) {
        while self.session.in_flight() > IN_FLIGHT_MAX {
            self.hear().await;
        }
        let text: Bytes = std::mem::take(&mut self.text).into();
        self.session.submit(self.organization, &text, std::mem::take(&mut self.calls));
    }

    async fn hear(&mut self) {
        for reply in self.session.replies().await {
            let applied = matches!(reply, Reply::Verdict { said: Said::Applied, .. });
            assert!(applied, "{reply:?}");
        }
    }

    /// Waits until everything is answered.
    pub(crate) async fn finish(&mut self) {
        self.submit().await;
        while !self.session.is_idle() {
            self.hear().await;
        }
    }
}

/// The meter that everything here is drawn on.
pub(crate) async fn meter(engine: &Engine) -> std::sync::Arc<Meter> {
    let organization = engine.catalog().organization_named("default").expect("organization").number;
    let made = engine.create_meter(organization, "tokens", "tokens", Aggregation::Count).await;
    made.expect("meter")
}
