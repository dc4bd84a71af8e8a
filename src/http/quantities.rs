//! `GET /v1/meters/{id}/quantities`: what a meter measured over time.
//!
//! Stretches begin at the start that is asked for and follow each other by the interval, on the
//! calendar of the time zone.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::web;
use actix_web::web::ServiceConfig;
use jiff::tz::TimeZone;
use jiff::{Span, Zoned};
use serde::Serialize;

use crate::engine::history::{EventTest, QuantitiesQuery};
use crate::id::MeterId;
use crate::time::Timestamp;
use crate::token::Scope;

use super::Doors;
use super::auth::Caller;
use super::error::{Fault, Problem};
use super::events::reads::{customers, metadata};
use super::query::{Query, path_id};
use super::resource;
use super::schema::{Float, Moment};

/// Scopes that may see what meters measured.
const READ: &[Scope] = &[Scope::MetersRead, Scope::MetersWrite];

/// The earliest start: 2023-01-01T00:00:00Z, as in Polar.
const START_MIN_SECONDS: i64 = 1_672_531_200;

/// How long a stretch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Interval {
    Hour,
    Day,
    Week,
    Month,
    Year,
}

const INTERVALS: [(&str, Interval); 5] = [
    ("hour", Interval::Hour),
    ("day", Interval::Day),
    ("week", Interval::Week),
    ("month", Interval::Month),
    ("year", Interval::Year),
];

/// Most stretches of any interval: a week of hours, a year of days, and one for the rest.
const STRETCHES_MAX: i64 = 400;

impl Interval {
    /// So many of them.
    fn times(self, count: i64) -> Span {
        let span = Span::new();
        match self {
            Self::Hour => span.hours(count),
            Self::Day => span.days(count),
            Self::Week => span.weeks(count),
            Self::Month => span.months(count),
            Self::Year => span.years(count),
        }
    }

    /// The longest time that can be asked for, as in Polar.
    fn range_max(self) -> Span {
        let span = Span::new();
        match self {
            Self::Hour => span.days(7),
            Self::Day => span.days(366),
            Self::Week => span.days(371),
            Self::Month => span.years(4),
            Self::Year => span.years(10),
        }
    }
}

/// What a meter measured.
#[derive(Debug, Serialize)]
struct Shown {
    quantities: Vec<Quantity>,
    total: Float,
}

#[derive(Debug, Serialize)]
struct Quantity {
    timestamp: Moment,
    quantity: Float,
}

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(resource("/meters/{id}/quantities").route(web::get().to(quantities)));
}

fn fault(name: &'static str, kind: &'static str, msg: &str, text: &str) -> Problem {
    Fault::new(kind, ["query".into(), name.into()], msg).with_text(text).into()
}

fn missing(name: &'static str) -> Problem {
    Fault::new("missing", ["query".into(), name.into()], "Field required").into()
}

/// Where the stretches begin.
fn starts(from: Timestamp, to: Timestamp, interval: Interval, zone: &TimeZone) -> Vec<Timestamp> {
    let Some(first) = zoned(from, zone) else { return Vec::new() };
    let begin = |count| {
        // From the first one, never from the one before: months have different lengths.
        let begun = first.checked_add(interval.times(count)).ok()?;
        Timestamp::from_microseconds(begun.timestamp().as_microsecond())
    };
    (0..STRETCHES_MAX).map_while(begin).take_while(|start| *start <= to).collect()
}

fn zoned(time: Timestamp, zone: &TimeZone) -> Option<Zoned> {
    let instant = jiff::Timestamp::from_microsecond(time.microseconds()).ok()?;
    Some(instant.to_zoned(zone.clone()))
}

/// Whether it is no longer from `from` to `to` than Polar allows.
fn is_allowed(from: Timestamp, to: Timestamp, interval: Interval) -> bool {
    let end =
        zoned(from, &TimeZone::UTC).and_then(|from| from.checked_add(interval.range_max()).ok());
    end.is_some_and(|end| to.microseconds() <= end.timestamp().as_microsecond())
}

async fn quantities(
    request: HttpRequest,
    doors: web::Data<Doors>,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &doors, READ)?;
    let id = MeterId(path_id(&request, "id")?);
    let query = Query::of(&request);
    let catalog = doors.engine.catalog().clone();
    let meter = catalog.meter_of(caller.organization, id).cloned().ok_or(Problem::NotFound)?;
    let from = query.time("start_timestamp")?.ok_or_else(|| missing("start_timestamp"))?;
    let to = query.time("end_timestamp")?.ok_or_else(|| missing("end_timestamp"))?;
    let text = query.one("interval").ok_or_else(|| missing("interval"))?;
    let known = INTERVALS.iter().find(|(name, _)| *name == text);
    let (_, interval) = *known.ok_or_else(|| {
        let msg = "Input should be 'year', 'month', 'week', 'day' or 'hour'";
        fault("interval", "enum", msg, text)
    })?;
    let zone = match query.one("timezone") {
        None => TimeZone::UTC,
        Some(name) => TimeZone::get(name).map_err(|_| {
            fault("timezone", "timezone", "Input should be a known time zone", name)
        })?,
    };
    if let Some(name) = query.one("customer_aggregation_function") {
        let msg = "Quantities are those of all customers together; name a customer instead";
        return Err(fault("customer_aggregation_function", "value_error", msg, name));
    }
    let said = |name| query.one(name).unwrap_or_default();
    if from.microseconds() < START_MIN_SECONDS.saturating_mul(1_000_000) {
        let msg = "Start timestamp must be after 2023-01-01";
        return Err(fault("start_timestamp", "value_error", msg, said("start_timestamp")));
    }
    if to < from {
        let msg = "End timestamp must be after start timestamp";
        return Err(fault("end_timestamp", "value_error", msg, said("end_timestamp")));
    }
    if !is_allowed(from, to, interval) {
        let msg = "The interval is too small for this time range";
        return Err(fault("interval", "value_error", msg, text));
    }
    let starts = starts(from, to, interval, &zone);
    let measured = doors
        .engine
        .quantities(QuantitiesQuery {
            meter,
            organizations: catalog.organizations().count(),
            customers: customers(&query, &doors, caller)?,
            test: EventTest { metadata: metadata(&query), ..EventTest::default() },
            starts: starts.clone(),
            from,
            to,
        })
        .await?;
    let shown = |(start, each): (Timestamp, rust_decimal::Decimal)| Quantity {
        timestamp: Moment(start),
        quantity: Float(each),
    };
    let quantities = starts.into_iter().zip(measured.each).map(shown).collect();
    Ok(HttpResponse::Ok().json(Shown { quantities, total: Float(measured.total) }))
}

#[cfg(test)]
mod tests;
