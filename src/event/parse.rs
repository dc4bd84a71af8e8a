//! From JSON text to an [`Event`], field by field.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use serde_json::value::RawValue;
use uuid::Uuid;

use crate::id::CustomerId;
use crate::id::EXTERNAL_ID_BYTES_MAX;
use crate::id::KEY_BYTES_MAX;
use crate::time::Timestamp;

use super::EVENT_BYTES_MAX;
use super::EVENT_DEPTH_MAX;
use super::EVENT_NAME_CHARS_MAX;
use super::Event;
use super::EventCustomer;
use super::EventError;
use super::EventMember;
use super::EventSource;
use super::FaultKind;
use super::Object;
use super::fault::Faults;
use super::json;
use super::metadata;

/// The fields of an event, still as JSON.
#[derive(Default)]
struct Fields<'a> {
    name: Option<&'a RawValue>,
    customer_id: Option<&'a RawValue>,
    external_customer_id: Option<&'a RawValue>,
    member_id: Option<&'a RawValue>,
    external_member_id: Option<&'a RawValue>,
    timestamp: Option<&'a RawValue>,
    external_id: Option<&'a RawValue>,
    parent_id: Option<&'a RawValue>,
    organization_id: Option<&'a RawValue>,
    metadata: Option<&'a RawValue>,
}

/// Reads one event that is reported at `now`.
pub(super) fn parse(json: &[u8], now: Timestamp) -> Result<Event, EventError> {
    read(json, now, now)
}

/// Reads one event that was recorded at `recorded_at` and judged when it was reported.
pub(super) fn recorded(json: &[u8], recorded_at: Timestamp) -> Result<Event, EventError> {
    read(json, recorded_at, Timestamp::MAX)
}

/// Reads one event. Without a time of its own it happened at `unsaid`; it happened at `latest` at
/// the latest.
fn read(json: &[u8], unsaid: Timestamp, latest: Timestamp) -> Result<Event, EventError> {
    if json.len() > EVENT_BYTES_MAX {
        return Err(FaultKind::TooLarge.into());
    }
    let json = std::str::from_utf8(json).map_err(|error| {
        FaultKind::JsonInvalid(format!("not UTF-8 from byte {} on", error.valid_up_to()).into())
    })?;
    let mut faults = Faults::default();
    let fields = Fields::read(json, &mut faults)?;
    let event = fields.check(unsaid, latest, &mut faults);
    faults.settle(event)
}

impl<'a> Fields<'a> {
    fn read(json: &'a str, faults: &mut Faults) -> Result<Self, FaultKind> {
        let mut fields = Self::default();
        for (name, raw) in json::properties(json)? {
            let field = match &*name {
                "name" => &mut fields.name,
                "customer_id" => &mut fields.customer_id,
                "external_customer_id" => &mut fields.external_customer_id,
                "member_id" => &mut fields.member_id,
                "external_member_id" => &mut fields.external_member_id,
                "timestamp" => &mut fields.timestamp,
                "external_id" => &mut fields.external_id,
                "parent_id" => &mut fields.parent_id,
                "organization_id" => &mut fields.organization_id,
                "metadata" => &mut fields.metadata,
                // Polar ignores what it does not know.
                unknown => {
                    let fits = if json::depth(raw) < EVENT_DEPTH_MAX {
                        Ok(())
                    } else {
                        Err(FaultKind::TooDeep)
                    };
                    faults.note(&[unknown], fits);
                    continue;
                }
            };
            *field = Some(raw);
        }
        Ok(fields)
    }

    fn check(&self, unsaid: Timestamp, latest: Timestamp, faults: &mut Faults) -> Option<Event> {
        let name = faults.note(&["name"], self.name());
        let customer = self.customer(faults);
        let timestamp = faults.note(&["timestamp"], self.timestamp(unsaid, latest));
        let external_id = faults.note(&["external_id"], key(self.external_id, KEY_BYTES_MAX));
        let parent_id = faults.note(&["parent_id"], key(self.parent_id, KEY_BYTES_MAX));
        if json::present(self.organization_id).is_some() {
            faults.note::<()>(&["organization_id"], Err(FaultKind::OrganizationToken));
        }
        let metadata = match self.metadata {
            Some(raw) => metadata::read(raw, faults),
            None => Some(Object::default()),
        };
        let (customer, member) = customer?;
        Some(Event {
            name: name?,
            source: EventSource::User,
            customer,
            member,
            timestamp: timestamp?,
            external_id: external_id?,
            parent_id: parent_id?,
            metadata: metadata?,
        })
    }

    fn name(&self) -> Result<Box<str>, FaultKind> {
        let name = json::text(self.name.ok_or(FaultKind::Missing)?)?;
        if name.len() > EVENT_NAME_CHARS_MAX && name.chars().count() > EVENT_NAME_CHARS_MAX {
            return Err(FaultKind::TextTooLong(EVENT_NAME_CHARS_MAX));
        }
        Ok(name.into())
    }

    /// The two shapes of an event: the customer's id, or the application's own id for it.
    fn customer(&self, faults: &mut Faults) -> Option<(EventCustomer, Option<EventMember>)> {
        if let Some(raw) = json::present(self.customer_id) {
            let id = faults.note(&["customer_id"], uuid(raw));
            let member = json::present(self.member_id).map(uuid).transpose();
            let member = faults.note(&["member_id"], member);
            let customer = EventCustomer::ByCustomerId(CustomerId(id?));
            return Some((customer, member?.map(EventMember::ById)));
        }
        let id = key(self.external_customer_id, EXTERNAL_ID_BYTES_MAX);
        let id =
            faults.note(&["external_customer_id"], id.and_then(|id| id.ok_or(FaultKind::Missing)));
        let member = key(self.external_member_id, EXTERNAL_ID_BYTES_MAX);
        let member = faults.note(&["external_member_id"], member);
        Some((EventCustomer::ByExternalId(id?), member?.map(EventMember::ByExternalId)))
    }

    fn timestamp(&self, unsaid: Timestamp, latest: Timestamp) -> Result<Timestamp, FaultKind> {
        let Some(raw) = self.timestamp else { return Ok(unsaid) };
        let text = json::text(raw).map_err(|_| FaultKind::NotATime)?;
        // Bare numbers are milliseconds on other doors, seconds in Polar: not here.
        let dated = text.contains([':', 'T', 't']);
        let timestamp = Timestamp::parse(&text).ok().filter(|_| dated).ok_or_else(|| {
            match text.parse::<jiff::civil::DateTime>() {
                Ok(_) => FaultKind::NoOffset,
                Err(_) => FaultKind::NotATime,
            }
        })?;
        if timestamp > latest {
            return Err(FaultKind::InTheFuture);
        }
        Ok(timestamp)
    }
}

fn uuid(raw: &RawValue) -> Result<Uuid, FaultKind> {
    let text = json::text(raw).map_err(|_| FaultKind::NotAUuid)?;
    let id = Uuid::parse_str(&text).map_err(|_| FaultKind::NotAUuid)?;
    if id.get_version_num() != 4 {
        return Err(FaultKind::NotAUuidV4);
    }
    Ok(id)
}

/// Text of 1 to `bytes_max` bytes, if there is any.
fn key(raw: Option<&RawValue>, bytes_max: usize) -> Result<Option<Box<str>>, FaultKind> {
    let Some(raw) = json::present(raw) else { return Ok(None) };
    let text = json::text(raw)?;
    if text.is_empty() {
        return Err(FaultKind::TextEmpty);
    }
    if text.len() > bytes_max {
        return Err(FaultKind::BytesTooLong(bytes_max));
    }
    Ok(Some(text.into()))
}
