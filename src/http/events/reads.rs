//! `GET /v1/events/`, `/names`, `/{id}`: retained events, read back.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::web;
use serde::Serialize;

use crate::engine::directory::CustomerPlace;
use crate::engine::history::{
    EventOrder, EventPage, EventQuery, EventTest, EventView, Lineage, NameCount, NamesQuery,
};
use crate::engine::roll::CustomerView;
use crate::event::EventSource;
use crate::id::{CustomerId, EventId, MeterId};
use crate::meter::Filter;
use crate::token::Scope;

use super::super::Doors;
use super::super::auth::Caller;
use super::super::error::{Fault, Problem, Step};
use super::super::page::{Direction, Listed, Page, Sorting, sorting};
use super::super::query::{Query, path_id};
use super::super::schema::{Event, EventName};

/// Scopes that may see events.
const READ: &[Scope] = &[Scope::EventsRead, Scope::EventsWrite];

/// How far into a list its pages reach, in items.
const REACH_MAX: usize = 100_000;

/// Shortest text that events are searched for, in characters.
const PART_CHARS_MIN: usize = 3;

/// How deep below its parent an event may be asked for.
const DEPTH_MAX: u8 = 5;

/// A page without a count.
#[derive(Debug, Serialize)]
struct Cursor<T> {
    items: Vec<T>,
    pagination: HasNext,
}

#[derive(Debug, Serialize)]
struct HasNext {
    has_next_page: bool,
}

fn fault(name: &'static str, kind: &'static str, msg: impl Into<String>, text: &str) -> Problem {
    Fault::new(kind, ["query".into(), name.into()], msg).with_text(text).into()
}

/// The customers that `query` names, by either id; everybody when nothing, nobody when they are
/// unknown.
pub(in crate::http) fn customers(
    query: &Query,
    doors: &Doors,
    caller: Caller,
) -> Result<Option<Vec<CustomerPlace>>, Problem> {
    let directory = doors.engine.directory();
    let by_id = query.ids("customer_id")?.map(|ids| {
        let place = |id| directory.by_id(caller.organization, CustomerId(id));
        ids.into_iter().filter_map(place).collect::<Vec<_>>()
    });
    let named = query.one("external_customer_id").map(|_| {
        let place = |name: &str| directory.by_external_id(caller.organization, name.as_bytes());
        query.all("external_customer_id").filter_map(place).collect::<Vec<_>>()
    });
    let mut places = match (by_id, named) {
        (None, None) => return Ok(None),
        (Some(places), None) | (None, Some(places)) => places,
        (Some(places), Some(named)) => {
            places.into_iter().filter(|place| named.contains(place)).collect()
        }
    };
    places.sort_unstable_by_key(|place| (place.shard, place.number));
    places.dedup();
    Ok(Some(places))
}

/// What `metadata[key]=value` asks for.
pub(in crate::http) fn metadata(query: &Query) -> Vec<(Box<str>, Vec<Box<str>>)> {
    let asked = query.metadata().into_iter();
    asked.map(|(key, values)| (key.into(), values.into_iter().map(Into::into).collect())).collect()
}

/// Whether anything of the caller's can be meant: its organization, and what applications report.
fn is_possible(query: &Query, doors: &Doors, caller: Caller) -> Result<bool, Problem> {
    let organization_id = caller.organization_id(doors)?;
    let is_own = query.ids("organization_id")?.is_none_or(|ids| ids.contains(&organization_id));
    let sources = [EventSource::System, EventSource::User].map(EventSource::name);
    for (place, text) in query.all("source").enumerate() {
        if !sources.contains(&text) {
            let loc: [Step; 3] = ["query".into(), "source".into(), place.into()];
            let msg = "Input should be 'system' or 'user'";
            return Err(Fault::new("enum", loc, msg).with_text(text).into());
        }
    }
    let mut asked = query.all("source").peekable();
    let is_user = asked.peek().is_none() || asked.any(|text| text == EventSource::User.name());
    Ok(is_own && is_user)
}

/// What events have to say.
async fn test(query: &Query, doors: &Doors, caller: Caller) -> Result<EventTest, Problem> {
    let mut filters = Vec::new();
    if let Some(text) = query.one("filter") {
        let wrong = |error| fault("filter", "value_error", format!("Value error, {error}"), text);
        filters.push(Filter::parse(text).map_err(wrong)?);
    }
    let mut meter = None;
    if query.one("meter_id").is_some() {
        let id = query.ids("meter_id")?.and_then(|ids| ids.last().copied());
        let catalog = doors.engine.catalog().clone();
        let found = id.and_then(|id| catalog.meter_of(caller.organization, MeterId(id)).cloned());
        let text = query.one("meter_id").unwrap_or_default();
        meter =
            Some(found.ok_or_else(|| fault("meter_id", "value_error", "Meter not found.", text))?);
    }
    let part = match query.one("query") {
        Some(text) if text.chars().count() < PART_CHARS_MIN => {
            let msg = format!("String should have at least {PART_CHARS_MIN} characters");
            return Err(fault("query", "string_too_short", msg, text));
        }
        text => text.map(|text| text.to_lowercase().into()),
    };
    let lineage = lineage(query, doors, caller).await?;
    Ok(EventTest { filters, meter, metadata: metadata(query), part, lineage })
}

async fn lineage(query: &Query, doors: &Doors, caller: Caller) -> Result<Lineage, Problem> {
    let depth = match query.one("depth") {
        Some(text) => {
            let depth = text.trim().parse::<u8>().ok().filter(|depth| *depth <= DEPTH_MAX);
            let msg = format!("Input should be a whole number from 0 to {DEPTH_MAX}");
            Some(depth.ok_or_else(|| fault("depth", "int_parsing", msg, text))?)
        }
        None => None,
    };
    let Some(parent) = query.one("parent_id") else {
        return Ok(if depth == Some(0) { Lineage::Roots } else { Lineage::Any });
    };
    // Events name their parent by either of its ids.
    let mut names: Vec<Box<str>> = vec![parent.into()];
    if let Ok(id) = uuid::Uuid::try_parse(parent)
        && let Some(found) = doors.engine.event(caller.organization, EventId(id)).await?
    {
        names.extend(found.event.external_id);
    }
    Ok(Lineage::ChildrenOf(names))
}

pub(super) async fn list(
    request: HttpRequest,
    doors: web::Data<Doors>,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &doors, READ)?;
    let query = Query::of(&request);
    let page = Page::of(&query)?;
    let sorting: Sorting<()> = sorting(&query, &[("timestamp", ())], ((), Direction::Descending))?;
    let order = match sorting.first() {
        Some(((), Direction::Ascending)) => EventOrder::OldestFirst,
        Some(((), Direction::Descending)) | None => EventOrder::NewestFirst,
    };
    if page.start() >= REACH_MAX {
        let msg = format!("Only the first {REACH_MAX} items can be paged to; name a time range");
        return Err(Fault::new("value_error", ["query".into(), "page".into()], msg).into());
    }
    let asked = EventQuery {
        organization: caller.organization,
        organizations: doors.engine.catalog().organizations().count(),
        customers: customers(&query, &doors, caller)?,
        names: query.one("name").map(|_| query.all("name").map(Into::into).collect()),
        from: query.time("start_timestamp")?,
        to: query.time("end_timestamp")?,
        test: test(&query, &doors, caller).await?,
        order,
        skip: page.start(),
        limit: page.end().saturating_sub(page.start()),
    };
    let found = if is_possible(&query, &doors, caller)? {
        doors.engine.events(asked).await?
    } else {
        EventPage::default()
    };
    let items = shown(&doors, caller, &found.events).await?;
    let total = usize::try_from(found.total).unwrap_or(usize::MAX);
    if query.flag("cursor_pagination")? == Some(true) {
        let pagination = HasNext { has_next_page: page.end() < total };
        return Ok(HttpResponse::Ok().json(Cursor { items, pagination }));
    }
    Ok(HttpResponse::Ok().json(Listed { items, pagination: page.pagination(total) }))
}

/// The events with their customers, each of whom is read once.
async fn shown(doors: &Doors, caller: Caller, events: &[EventView]) -> Result<Vec<Event>, Problem> {
    let organization_id = caller.organization_id(doors)?;
    let mut customers: HashMap<_, Option<CustomerView>> = HashMap::new();
    let mut items = Vec::with_capacity(events.len());
    for view in events {
        let place = (view.customer.shard, view.customer.number);
        let customer = match customers.entry(place) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                let read = doors.engine.customer_at(caller.organization, view.customer).await?;
                unknown.insert(read)
            }
        };
        items.push(Event::of(view, customer.as_ref(), organization_id));
    }
    Ok(items)
}

pub(super) async fn one(
    request: HttpRequest,
    doors: web::Data<Doors>,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &doors, READ)?;
    let id = EventId(path_id(&request, "id")?);
    let view = doors.engine.event(caller.organization, id).await?.ok_or(Problem::NotFound)?;
    let mut items = shown(&doors, caller, &[view]).await?;
    let item = items.pop().ok_or(Problem::NotFound)?;
    Ok(HttpResponse::Ok().json(item))
}

/// By what names can be sorted.
#[derive(Debug, Clone, Copy)]
enum By {
    Name,
    Occurrences,
    FirstSeen,
    LastSeen,
}

const SORTINGS: [(&str, By); 4] = [
    ("name", By::Name),
    ("occurrences", By::Occurrences),
    ("first_seen", By::FirstSeen),
    ("last_seen", By::LastSeen),
];

pub(super) async fn names(
    request: HttpRequest,
    doors: web::Data<Doors>,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &doors, READ)?;
    let query = Query::of(&request);
    let page = Page::of(&query)?;
    let sorting = sorting(&query, &SORTINGS, (By::LastSeen, Direction::Descending))?;
    let asked = NamesQuery {
        organization: caller.organization,
        organizations: doors.engine.catalog().organizations().count(),
        customers: customers(&query, &doors, caller)?,
    };
    let mut found = if is_possible(&query, &doors, caller)? {
        doors.engine.event_names(asked).await?
    } else {
        Vec::new()
    };
    let part = query.one("query").unwrap_or("").to_lowercase();
    found.retain(|count| count.name.to_lowercase().contains(&part));
    let order = |a: &NameCount, b: &NameCount, by: By| match by {
        By::Name => a.name.cmp(&b.name),
        By::Occurrences => a.count.cmp(&b.count),
        By::FirstSeen => a.first.cmp(&b.first),
        By::LastSeen => a.last.cmp(&b.last),
    };
    found.sort_by(|a, b| {
        let asked = sorting.iter().map(|(by, way)| way.turn(order(a, b, *by)));
        let last = [order(a, b, By::Name)];
        asked.chain(last).find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
    });
    let pagination = page.pagination(found.len());
    let items = page.items(found).map(EventName::of).collect();
    Ok(HttpResponse::Ok().json(Listed { items, pagination }))
}
