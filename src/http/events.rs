//! `/v1/events/`: usage events come in here, all of a request or none.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::web;
use actix_web::web::ServiceConfig;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::engine::Engine;
use crate::engine::call::Call;
use crate::engine::reply::{EngineError, Reply};
use crate::event::{Event, EventCustomer, EventError};
use crate::id::OrganizationNumber;
use crate::span::Span;
use crate::token::Scope;

use super::Doors;
use super::auth::Caller;
use super::body::Body;
use super::error::{FAULTS_MAX, Fault, Problem, Step};
use super::resource;

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(resource("/events/ingest").route(web::post().to(ingest)));
}

/// What became of the events of a request.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Ingested {
    inserted: u64,
    duplicates: u64,
}

/// The body of a request; each event stays text until it is read on its own.
#[derive(Deserialize)]
struct Batch<'a> {
    #[serde(borrow)]
    events: Vec<&'a RawValue>,
}

/// Answered when every event is durable and counts.
async fn ingest(
    request: HttpRequest,
    payload: web::Payload,
    doors: web::Data<Doors>,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &doors, &[Scope::EventsWrite])?;
    let body = doors.room.read(&request, payload).await?;
    let calls = calls(&doors.engine, caller.organization, &body)?;
    let mut session = doors.engine.session();
    session.submit(caller.organization, &body.bytes, calls);
    let ingested = sum(&session.replies().await)?;
    Ok(HttpResponse::Ok().json(ingested))
}

/// The calls that report the events of `body`.
///
/// # Errors
/// What is wrong with all of them, up to a number of faults.
fn calls(
    engine: &Engine,
    organization: OrganizationNumber,
    body: &Body,
) -> Result<Vec<Call>, Problem> {
    let text = body.bytes.as_ref();
    let batch: Batch<'_> = body.object().map_err(|problem| why_no_batch(body, problem))?;
    let now = engine.now();
    let mut calls = Vec::with_capacity(batch.events.len());
    let mut faults = Vec::new();
    for (place, json) in batch.events.into_iter().enumerate() {
        match Event::parse(json.get().as_bytes(), now) {
            Ok(event) => match &event.customer {
                EventCustomer::ByCustomerId(id)
                    if engine.directory().by_id(organization, *id).is_none() =>
                {
                    faults.push(unknown_customer(place, json));
                }
                EventCustomer::ByCustomerId(_) | EventCustomer::ByExternalId(_) => {
                    calls.push(Call::event(event, span(text, json)));
                }
            },
            Err(error) => faults.extend(faults_of(place, json, &error)),
        }
        if faults.len() >= FAULTS_MAX {
            break;
        }
    }
    if faults.is_empty() {
        return Ok(calls);
    }
    faults.truncate(FAULTS_MAX);
    Err(Problem::Invalid(faults))
}

/// Where `json`, which was read from `text`, stands in it.
fn span(text: &[u8], json: &RawValue) -> Span {
    let start = json.get().as_ptr().addr().saturating_sub(text.as_ptr().addr());
    let end = start.saturating_add(json.get().len());
    // A body is far shorter than four gigabytes.
    let place = |place| u32::try_from(place).unwrap_or(u32::MAX);
    Span { start: place(start), end: place(end) }
}

/// Where the body, which is no list of events, is wrong: `problem`, unless it is the list itself.
fn why_no_batch(body: &Body, problem: Problem) -> Problem {
    #[derive(Deserialize)]
    struct Undecided<'a> {
        #[serde(borrow, default)]
        events: Option<&'a RawValue>,
    }
    let loc = || ["body".into(), "events".into()];
    match body.object::<Undecided<'_>>() {
        Ok(Undecided { events: None }) => Fault::new("missing", loc(), "Field required").into(),
        Ok(Undecided { events: Some(json) }) if !json.get().starts_with('[') => {
            Fault::new("list_type", loc(), "Input should be a valid list").with_json(json).into()
        }
        Ok(Undecided { events: Some(_) }) | Err(_) => problem,
    }
}

fn loc_of<'a>(place: usize, path: impl IntoIterator<Item = &'a str>) -> Vec<Step> {
    let mut loc = vec!["body".into(), "events".into(), Step::from(place)];
    loc.extend(path.into_iter().map(|part| Step::from(part.to_owned())));
    loc
}

fn unknown_customer(place: usize, json: &RawValue) -> Fault {
    let fault = Fault::new("customer_id", loc_of(place, ["customer_id"]), "Customer not found.");
    match at(json, &["customer_id".into()]) {
        Some(id) => fault.with_json(id),
        None => fault,
    }
}

fn faults_of(place: usize, json: &RawValue, error: &EventError) -> Vec<Fault> {
    let one = |fault: &crate::event::Fault| {
        let path = fault.loc.iter().map(AsRef::as_ref);
        let told = Fault::new(fault.kind.name(), loc_of(place, path), fault.kind.to_string());
        match at(json, &fault.loc) {
            Some(input) => told.with_json(input),
            None => told,
        }
    };
    error.faults.iter().map(one).collect()
}

/// What stands at `path` in the object `json`; what stands around it when it is missing there.
fn at<'a>(json: &'a RawValue, path: &[Box<str>]) -> Option<&'a RawValue> {
    let Some((name, rest)) = path.split_first() else { return Some(json) };
    let fields: std::collections::BTreeMap<std::borrow::Cow<'a, str>, &'a RawValue> =
        serde_json::from_str(json.get()).ok()?;
    match fields.get(&**name) {
        Some(inner) => at(inner, rest),
        None => Some(json),
    }
}

/// The answers to the events, added up. An error stands for all of them: each event is durable on
/// its own, and repeating the request completes it.
fn sum(replies: &[Reply]) -> Result<Ingested, Problem> {
    let mut sum = Ingested::default();
    for (place, reply) in replies.iter().enumerate() {
        match reply {
            Reply::Ingested { inserted, duplicates } => {
                sum.inserted = sum.inserted.saturating_add(u64::from(*inserted));
                sum.duplicates = sum.duplicates.saturating_add(u64::from(*duplicates));
            }
            Reply::Error(error) => return Err(refused(place, *error)),
            Reply::Verdict { .. }
            | Reply::Balance(_)
            | Reply::Grants(_)
            | Reply::State(_)
            | Reply::Purchase(_)
            | Reply::Done => return Err(Problem::Unavailable),
        }
    }
    Ok(sum)
}

/// An error that names its event, where it is about one.
fn refused(place: usize, error: EngineError) -> Problem {
    let mut problem = Problem::from(error);
    if let Problem::Invalid(faults) = &mut problem {
        for fault in faults {
            fault.loc = loc_of(place, []);
        }
    }
    problem
}
