//! `INGEST`: events, all or none on validation, answered together.

use std::fmt::Write;

use crate::engine::Engine;
use crate::engine::call::Call;
use crate::engine::reply::Reply;
use crate::event::{Event, EventCustomer};
use crate::id::OrganizationNumber;
use crate::span::Span;

/// The calls of one `INGEST`, or what is wrong with its first event that is wrong.
pub(super) fn calls(
    engine: &Engine,
    organization: OrganizationNumber,
    bytes: &[u8],
    events: &[Span],
) -> Result<Vec<Call>, String> {
    let now = engine.now();
    let mut calls = Vec::with_capacity(events.len());
    for (place, span) in events.iter().enumerate() {
        let event = Event::parse(span.of(bytes), now).map_err(|error| {
            let mut why = format!("event {place}: ");
            // Writing to a string does not fail.
            let _ = write!(why, "{error}");
            why
        })?;
        if let EventCustomer::ByCustomerId(id) = &event.customer
            && engine.directory().by_id(organization, *id).is_none()
        {
            return Err(format!("event {place}: customer_id: Customer not found."));
        }
        calls.push(Call::event(event, *span));
    }
    Ok(calls)
}

/// The answers to the events of one `INGEST`, added up. An error stands for all of them: each event
/// is durable on its own, and repeating the command completes it.
pub(super) fn sum<'a>(replies: impl Iterator<Item = &'a Reply>) -> Reply {
    let mut sums = (0_u32, 0_u32);
    let mut failed = None;
    for reply in replies {
        if let Reply::Ingested { inserted, duplicates } = reply {
            sums.0 = sums.0.saturating_add(*inserted);
            sums.1 = sums.1.saturating_add(*duplicates);
        } else {
            failed = failed.or_else(|| Some(reply.clone()));
        }
    }
    failed.unwrap_or(Reply::Ingested { inserted: sums.0, duplicates: sums.1 })
}
