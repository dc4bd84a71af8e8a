//! Lists of events: what is asked, and the page that answers it.

use std::cmp::Reverse;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::engine::directory::CustomerPlace;
use crate::engine::history::scan::Scope;
use crate::engine::history::{HistoryError, Reader, ShardReader};
use crate::event::{Event, PropertyValue, Value};
use crate::id::{CustomerNumber, EventId, OrganizationNumber, Seq, ShardNumber};
use crate::journal::history::{Line, RecordedBody};
use crate::meter::{Filter, Meter};
use crate::time::Timestamp;
use crate::units::write_decimal;

/// Which events are asked for.
#[derive(Debug, Clone)]
pub struct EventQuery {
    /// Whose.
    pub organization: OrganizationNumber,
    /// How many organizations there are: one alone needs no look at who is whose.
    pub organizations: usize,
    /// Of these customers, when something. They are the organization's.
    pub customers: Option<Vec<CustomerPlace>>,
    /// With these names, when something.
    pub names: Option<Vec<Box<str>>>,
    /// That happened at this time or later.
    pub from: Option<Timestamp>,
    /// That happened at this time or before.
    pub to: Option<Timestamp>,
    /// What has to be read in the events themselves.
    pub test: EventTest,
    /// Which ones come first.
    pub order: EventOrder,
    /// How many are left out at the beginning.
    pub skip: usize,
    /// How many are shown then.
    pub limit: usize,
}

/// Which events come first in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventOrder {
    /// Those that happened last.
    NewestFirst,
    /// Those that happened first.
    OldestFirst,
}

/// What an event has to say to be listed; the empty one lets everything through.
#[derive(Debug, Clone, Default)]
pub struct EventTest {
    /// It matches all of these.
    pub filters: Vec<Filter>,
    /// It adds something to this meter.
    pub meter: Option<Arc<Meter>>,
    /// Its metadata has, under each of these keys, one of the values.
    pub metadata: Vec<(Box<str>, Vec<Box<str>>)>,
    /// Its name or a text of its metadata has this part, in small letters.
    pub part: Option<Box<str>>,
    /// Where it stands among parents and children.
    pub lineage: Lineage,
}

/// Where an event stands among parents and children.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Lineage {
    /// Wherever.
    #[default]
    Any,
    /// It has no parent.
    Roots,
    /// It names one of these as its parent.
    ChildrenOf(Vec<Box<str>>),
}

/// An event as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventView {
    /// Its id for ever.
    pub id: EventId,
    /// Whose it is.
    pub customer: CustomerPlace,
    /// When it was taken in.
    pub recorded_at: Timestamp,
    /// What it says.
    pub event: Event,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventPage {
    /// How many there are in all.
    pub total: u64,
    /// Those of the page.
    pub events: Vec<EventView>,
}

impl EventTest {
    /// Whether it lets everything through.
    pub(super) fn is_empty(&self) -> bool {
        let Self { filters, meter, metadata, part, lineage } = self;
        filters.is_empty()
            && meter.is_none()
            && metadata.is_empty()
            && part.is_none()
            && *lineage == Lineage::Any
    }

    /// Whether it lets `event` through.
    #[must_use]
    pub fn passes(&self, event: &Event) -> bool {
        let has = |(key, values): &(Box<str>, Vec<Box<str>>)| {
            let text = event.property(key).and_then(as_text);
            text.is_some_and(|text| values.iter().any(|value| **value == *text))
        };
        self.filters.iter().all(|filter| filter.matches(event))
            && self.meter.as_ref().is_none_or(|meter| meter.posting(event).is_some())
            && self.metadata.iter().all(has)
            && self.part.as_ref().is_none_or(|part| contains(event, part))
            && match &self.lineage {
                Lineage::Any => true,
                Lineage::Roots => event.parent_id.is_none(),
                Lineage::ChildrenOf(parents) => {
                    event.parent_id.as_ref().is_some_and(|parent| parents.contains(parent))
                }
            }
    }
}

/// A value as a query string would say it; nothing for objects.
fn as_text(value: &Value) -> Option<String> {
    match PropertyValue::from(value) {
        PropertyValue::Text(text) => Some(text.to_owned()),
        PropertyValue::Bool(truth) => Some(truth.to_string()),
        PropertyValue::Number(number) => {
            let mut text = Vec::new();
            write_decimal(&mut text, number);
            String::from_utf8(text).ok()
        }
        PropertyValue::Object(_) => None,
    }
}

fn contains(event: &Event, part: &str) -> bool {
    let has = |text: &str| text.to_lowercase().contains(part);
    has(&event.name)
        || event.metadata.iter().any(|(_, value)| match PropertyValue::from(value) {
            PropertyValue::Text(text) => has(text),
            PropertyValue::Number(_) | PropertyValue::Bool(_) | PropertyValue::Object(_) => false,
        })
}

/// A line of the list, of whichever shard. Greater ones come later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Found {
    at: Timestamp,
    shard: usize,
    seq: Seq,
    customer: CustomerNumber,
}

/// The first lines of a list whose end is not reached yet.
struct First {
    kept: Vec<Found>,
    keep: usize,
    order: EventOrder,
}

/// Lines that are held before those that come too late are let go.
const SLACK_LINES: usize = 1_024;

impl First {
    fn push(&mut self, found: Found) {
        self.kept.push(found);
        if self.kept.len() >= self.keep.saturating_mul(2).saturating_add(SLACK_LINES) {
            self.settle();
        }
    }

    fn settle(&mut self) {
        match self.order {
            EventOrder::NewestFirst => {
                self.kept.sort_unstable_by_key(|it| Reverse((it.at, it.shard, it.seq)));
            }
            EventOrder::OldestFirst => {
                self.kept.sort_unstable_by_key(|it| (it.at, it.shard, it.seq));
            }
        }
        self.kept.truncate(self.keep);
    }

    /// Whether nothing that happened between `first` and `last` would be kept.
    fn is_beyond(&mut self, first: Timestamp, last: Timestamp) -> bool {
        if self.kept.len() < self.keep {
            return false;
        }
        self.settle();
        self.kept.last().is_none_or(|worst| match self.order {
            EventOrder::NewestFirst => last < worst.at,
            EventOrder::OldestFirst => first > worst.at,
        })
    }
}

impl Reader {
    pub(super) fn events(&mut self, query: &EventQuery) -> Result<EventPage, HistoryError> {
        let names = wanted_names(query);
        let customers = query.customers.as_deref();
        let scope = Scope {
            customers,
            own: Scope::own(&self.directory, query.organization, query.organizations, customers),
            names: names.as_deref(),
            from: query.from,
            to: query.to,
            uses_of: None,
        };
        let keep = query.skip.saturating_add(query.limit);
        let mut first = First { kept: Vec::new(), keep, order: query.order };
        let mut total = 0_u64;
        for shard in 0..self.shards.len() {
            let Some(reader) = self.shards.get_mut(shard) else { break };
            reader.refresh()?;
            let pieces = reader.files.pieces().len();
            for place in (0..pieces).rev() {
                if self.stopping.load(Ordering::Relaxed) {
                    return Err(HistoryError::Stopping);
                }
                let found = reader.find(query, &scope, place, &mut first, shard)?;
                total = total.saturating_add(found);
            }
        }
        first.settle();
        let mut events = Vec::new();
        for found in first.kept.into_iter().skip(query.skip) {
            if let Some(reader) = self.shards.get_mut(found.shard) {
                events.extend(reader.view(self.seed, found.seq)?);
            }
        }
        Ok(EventPage { total, events })
    }

    pub(super) fn event(&mut self, id: EventId) -> Result<Option<EventView>, HistoryError> {
        let Some((shard, seq, 0)) = id.position(self.seed) else { return Ok(None) };
        let Some(reader) = self.shards.get_mut(usize::from(shard.0)) else { return Ok(None) };
        reader.refresh()?;
        let Some(view) = reader.view(self.seed, seq)? else { return Ok(None) };
        // A repeat is a record, but no event.
        let mut lines = Vec::new();
        for piece in reader.files.pieces() {
            piece.lines_of(view.customer.number, &mut lines).map_err(|error| {
                tracing::error!(%error, "cannot read an index of the event history");
                HistoryError::Unreadable
            })?;
        }
        let is_line = lines.binary_search_by_key(&seq, |line| line.seq).is_ok();
        Ok(is_line.then_some(view))
    }
}

/// The names that all filters allow.
fn wanted_names(query: &EventQuery) -> Option<Vec<Box<str>>> {
    let meters = query.test.meter.iter().map(|meter| &meter.filter);
    let filters = query.test.filters.iter().chain(meters).filter_map(Filter::event_names);
    let mut wanted = query.names.clone();
    for names in filters {
        wanted = Some(match wanted {
            Some(wanted) => wanted.into_iter().filter(|name| names.contains(name)).collect(),
            None => names.to_vec(),
        });
    }
    wanted
}

impl ShardReader {
    /// Adds what the `place`th piece holds of `query`, and tells how much that is.
    fn find(
        &mut self,
        query: &EventQuery,
        scope: &Scope<'_>,
        place: usize,
        first: &mut First,
        shard: usize,
    ) -> Result<u64, HistoryError> {
        if let Some(piece) = self.files.pieces().nth(place)
            && query.test.is_empty()
            && scope.covers(piece)
        {
            let (earliest, latest) = piece.times();
            if first.is_beyond(earliest, latest) {
                let seen = piece.names().iter().filter(|seen| scope.names(seen));
                return Ok(seen.fold(0, |sum, seen| sum.saturating_add(seen.count)));
            }
        }
        let mut total = 0_u64;
        for Line { customer, seq, at, .. } in scope.lines(self, place)? {
            if !query.test.is_empty() && !self.passes(&query.test, seq)? {
                continue;
            }
            total = total.saturating_add(1);
            first.push(Found { at, shard, seq, customer });
        }
        Ok(total)
    }

    fn passes(&mut self, test: &EventTest, seq: Seq) -> Result<bool, HistoryError> {
        Ok(self.read(seq)?.is_some_and(|(_, _, event)| test.passes(&event)))
    }

    /// The event at `seq`: whose it is, when it was taken in, and what it says.
    pub(super) fn read(
        &mut self,
        seq: Seq,
    ) -> Result<Option<(CustomerNumber, Timestamp, Event)>, HistoryError> {
        let Some(recorded) = self.files.record(seq)? else { return Ok(None) };
        let RecordedBody::Event(json) = recorded.body else { return Ok(None) };
        match Event::recorded(json, recorded.recorded_at) {
            Ok(event) => Ok(Some((recorded.customer, recorded.recorded_at, event))),
            Err(error) => {
                tracing::error!(%error, %seq, "an event of the history cannot be read");
                Err(HistoryError::Unreadable)
            }
        }
    }

    fn view(&mut self, seed: u64, seq: Seq) -> Result<Option<EventView>, HistoryError> {
        let shard: ShardNumber = self.number;
        let view = |(number, recorded_at, event)| EventView {
            id: EventId::of(seed, shard, seq, 0),
            customer: CustomerPlace { shard, number },
            recorded_at,
            event,
        };
        Ok(self.read(seq)?.map(view))
    }
}
