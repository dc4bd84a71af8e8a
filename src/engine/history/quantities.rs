//! What a meter measured over time.

use std::collections::HashSet;
use std::sync::Arc;

use rust_decimal::{Decimal, RoundingStrategy};

use crate::account::{AVERAGE_DECIMALS, Posting};
use crate::engine::directory::CustomerPlace;
use crate::engine::history::query::EventTest;
use crate::engine::history::scan::Scope;
use crate::engine::history::{HistoryError, Reader, ShardReader};
use crate::event::Event;
use crate::id::Seq;
use crate::journal::history::RecordedBody;
use crate::meter::Meter;
use crate::time::Timestamp;

/// Of which meter, whom and when.
#[derive(Debug, Clone)]
pub struct QuantitiesQuery {
    /// The meter; its organization's events and direct uses count.
    pub meter: Arc<Meter>,
    /// How many organizations there are.
    pub organizations: usize,
    /// Of these customers, when something. They are the organization's.
    pub customers: Option<Vec<CustomerPlace>>,
    /// What else events must say. Direct uses say nothing: they count when this is empty.
    pub test: EventTest,
    /// Where each stretch of time begins, ascending.
    pub starts: Vec<Timestamp>,
    /// From this time on.
    pub from: Timestamp,
    /// Up to and with this time.
    pub to: Timestamp,
}

/// What was measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quantities {
    /// In each stretch of time.
    pub each: Vec<Decimal>,
    /// In all of them together.
    pub total: Decimal,
}

/// What values come to so far; nothing counts as zero.
#[derive(Debug, Clone, Default)]
struct Measure {
    /// Of all values; a sum that no decimal holds stays at the last one.
    sum: Decimal,
    count: u64,
    max: Option<Decimal>,
    min: Option<Decimal>,
    different: HashSet<u128>,
    kind: Measured,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Measured {
    #[default]
    Sum,
    Max,
    Min,
    Average,
    Unique,
}

impl Measure {
    fn add(&mut self, posting: Posting) {
        let (kind, value) = match posting {
            Posting::Draw(draw) => (Measured::Sum, draw.0),
            Posting::Max(value) => (Measured::Max, value),
            Posting::Min(value) => (Measured::Min, value),
            Posting::Average(value) => (Measured::Average, value),
            Posting::Unique(hash) => {
                self.kind = Measured::Unique;
                self.different.insert(hash);
                return;
            }
        };
        self.kind = kind;
        self.sum = self.sum.checked_add(value).unwrap_or(self.sum);
        self.count = self.count.saturating_add(1);
        self.max = Some(self.max.map_or(value, |max| max.max(value)));
        self.min = Some(self.min.map_or(value, |min| min.min(value)));
    }

    fn value(&self) -> Decimal {
        match self.kind {
            Measured::Sum => self.sum,
            Measured::Max => self.max.unwrap_or_default(),
            Measured::Min => self.min.unwrap_or_default(),
            Measured::Unique => Decimal::from(self.different.len()),
            Measured::Average => {
                let mean = self.sum.checked_div(Decimal::from(self.count)).unwrap_or_default();
                let away = RoundingStrategy::MidpointAwayFromZero;
                mean.round_dp_with_strategy(AVERAGE_DECIMALS, away)
            }
        }
    }
}

impl Reader {
    pub(super) fn quantities(
        &mut self,
        query: &QuantitiesQuery,
    ) -> Result<Quantities, HistoryError> {
        let (meter, customers) = (&query.meter, query.customers.as_deref());
        let own = Scope::own(&self.directory, meter.organization, query.organizations, customers);
        let names = meter.filter.event_names().map(<[_]>::to_vec);
        let scope = Scope {
            customers,
            own,
            names: names.as_deref(),
            from: Some(query.from),
            to: Some(query.to),
            uses_of: query.test.is_empty().then(|| meter.number.0.to_string().into()),
        };
        let mut each = vec![Measure::default(); query.starts.len()];
        let mut total = Measure::default();
        for reader in &mut self.shards {
            reader.refresh()?;
            let pieces = reader.files.pieces().len();
            for place in 0..pieces {
                for line in scope.lines(reader, place)? {
                    let Some(posting) = reader.posting(query, line.seq)? else { continue };
                    let behind = query.starts.partition_point(|start| *start <= line.at);
                    let stretch = behind.checked_sub(1).and_then(|place| each.get_mut(place));
                    if let Some(stretch) = stretch {
                        stretch.add(posting);
                        total.add(posting);
                    }
                }
            }
        }
        Ok(Quantities { each: each.iter().map(Measure::value).collect(), total: total.value() })
    }
}

impl ShardReader {
    /// What the record at `seq` adds to the meter.
    fn posting(
        &mut self,
        query: &QuantitiesQuery,
        seq: Seq,
    ) -> Result<Option<Posting>, HistoryError> {
        let Some(recorded) = self.files.record(seq)? else { return Ok(None) };
        match recorded.body {
            RecordedBody::Use { meter, posting, .. } => {
                Ok((meter == query.meter.number).then_some(posting))
            }
            RecordedBody::Event(json) => {
                let event = Event::recorded(json, recorded.recorded_at).map_err(|error| {
                    tracing::error!(%error, %seq, "an event of the history cannot be read");
                    HistoryError::Unreadable
                })?;
                let posting = query.meter.posting(&event);
                Ok(posting.filter(|_| query.test.passes(&event)))
            }
        }
    }
}
