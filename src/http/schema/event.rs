//! Events as Polar shows them.

use serde::Serialize;
use serde_json::Value as Json;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::engine::history::{EventView, NameCount};
use crate::engine::roll::CustomerView;
use crate::event::{EventMember, EventSource, Object, Value};
use crate::units::write_decimal;

use super::Customer;
use super::Moment;
use super::json;

/// A usage event with its customer.
#[derive(Debug, Serialize)]
pub(in crate::http) struct Event {
    id: Uuid,
    timestamp: Moment,
    organization_id: Uuid,
    customer_id: Option<Uuid>,
    customer: Option<Customer>,
    external_customer_id: Option<Box<str>>,
    member_id: Option<Uuid>,
    external_member_id: Option<Box<str>>,
    child_count: u32,
    parent_id: Option<Uuid>,
    /// Events of applications have no other title than their name.
    label: Box<str>,
    name: Box<str>,
    source: &'static str,
    metadata: Box<RawValue>,
}

impl Event {
    /// `view`, an event of `customer`, whom this organization has unless it was deleted.
    pub(in crate::http) fn of(
        view: &EventView,
        customer: Option<&CustomerView>,
        organization_id: Uuid,
    ) -> Self {
        let event = &view.event;
        let (member_id, external_member_id) = match &event.member {
            Some(EventMember::ById(id)) => (Some(*id), None),
            Some(EventMember::ByExternalId(id)) => (None, Some(id.clone())),
            None => (None, None),
        };
        let external_customer_id =
            customer.map(|customer| customer.external_id.clone()).filter(|id| !id.is_empty());
        Self {
            id: view.id.0,
            timestamp: Moment(event.timestamp),
            organization_id,
            customer_id: customer.map(|customer| customer.id.0),
            customer: customer.map(|customer| Customer::of(customer, organization_id)),
            external_customer_id,
            member_id,
            external_member_id,
            child_count: 0,
            parent_id: event.parent_id.as_deref().and_then(|id| Uuid::try_parse(id).ok()),
            label: event.name.clone(),
            name: event.name.clone(),
            source: event.source.name(),
            metadata: json(metadata(&event.metadata)),
        }
    }
}

/// Metadata as JSON. Amounts of money are texts in Polar, all other numbers are numbers.
fn metadata(object: &Object) -> String {
    let mut out = Vec::new();
    put_object(&mut out, object, "");
    String::from_utf8(out).unwrap_or_default()
}

fn put_object(out: &mut Vec<u8>, object: &Object, within: &str) {
    out.push(b'{');
    for (place, (name, value)) in object.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        put_text(out, name);
        out.push(b':');
        match value {
            Value::Number(amount) if (within, name) == ("_cost", "amount") => {
                out.push(b'"');
                write_decimal(out, *amount);
                out.push(b'"');
            }
            Value::Number(number) => write_decimal(out, *number),
            Value::Text(text) => put_text(out, text),
            Value::Bool(truth) => out.extend_from_slice(truth.to_string().as_bytes()),
            Value::Object(object) => put_object(out, object, name),
        }
    }
    out.push(b'}');
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(Json::from(text).to_string().as_bytes());
}

/// A name of events.
#[derive(Debug, Serialize)]
pub(in crate::http) struct EventName {
    name: Box<str>,
    label: Box<str>,
    source: &'static str,
    occurrences: u64,
    first_seen: Moment,
    last_seen: Moment,
}

impl EventName {
    /// `count`, of events of applications.
    pub(in crate::http) fn of(count: NameCount) -> Self {
        Self {
            label: count.name.clone(),
            name: count.name,
            source: EventSource::User.name(),
            occurrences: count.count,
            first_seen: Moment(count.first),
            last_seen: Moment(count.last),
        }
    }
}
