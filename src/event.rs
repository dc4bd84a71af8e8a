//! A usage event, as applications report it in Polar's shape.
//!
//! [`Event::parse`] is the edge: what it returns obeys every rule of the wire format, numbers are
//! the exact decimals of their text, and nothing behind it checks again. Which meters an event
//! feeds is no affair of this module, and whether its customer exists neither.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use std::borrow::Cow;

use uuid::Uuid;

use crate::id::CustomerId;
use crate::time::Timestamp;

pub use self::fault::EventError;
pub use self::fault::FAULTS_MAX;
pub use self::fault::Fault;
pub use self::fault::FaultKind;
pub use self::property::PROPERTY_BYTES_MAX;
pub use self::property::Property;
pub use self::property::PropertyError;
pub use self::property::PropertyValue;
pub use self::value::Object;
pub use self::value::Value;

mod fault;
mod json;
mod metadata;
mod parse;
mod property;
mod value;

/// Largest event as JSON text: it fits a journal record with room for its postings.
pub const EVENT_BYTES_MAX: usize = 56 * 1_024;

/// Longest name, in characters.
pub const EVENT_NAME_CHARS_MAX: usize = 128;

/// Deepest nesting of objects and arrays, the event itself being the first.
pub const EVENT_DEPTH_MAX: usize = 32;

/// Longest text of a metadata property, in characters.
pub const METADATA_TEXT_CHARS_MAX: usize = 500;

/// Who made an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventSource {
    /// The engine, when it credits or resets.
    System,
    /// The application.
    User,
}

impl EventSource {
    /// Its name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
        }
    }
}

/// Whose use an event reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventCustomer {
    /// A customer that must exist.
    ByCustomerId(CustomerId),
    /// The application's own id, which may be new.
    ByExternalId(Box<str>),
}

/// Which member of the customer's team it was; it is kept and given back, and decides nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventMember {
    /// By Polar's id.
    ById(Uuid),
    /// By the application's own id.
    ByExternalId(Box<str>),
}

/// A usage event that obeys the wire format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What happened, in the application's words.
    pub name: Box<str>,
    /// Who made it.
    pub source: EventSource,
    /// Whose use it reports.
    pub customer: EventCustomer,
    /// Which member of the customer's team.
    pub member: Option<EventMember>,
    /// When it happened; not later than when it was parsed.
    pub timestamp: Timestamp,
    /// The idempotency key: 1 to 256 bytes.
    pub external_id: Option<Box<str>>,
    /// An event's id, or the `external_id` of one that may still come.
    pub parent_id: Option<Box<str>>,
    /// What else is told of it.
    pub metadata: Object,
}

impl Event {
    /// Reads one event that is reported at `now`.
    ///
    /// # Errors
    /// [`EventError`] with every rule that the event breaks, each with the path to the place.
    pub fn parse(json: &[u8], now: Timestamp) -> Result<Self, EventError> {
        parse::parse(json, now)
    }

    /// Reads an event back that was taken in at `recorded_at`. Whether its time was to come was
    /// judged then, by the door's clock.
    ///
    /// # Errors
    /// [`EventError`]: this is no event that was ever taken in.
    pub fn recorded(json: &[u8], recorded_at: Timestamp) -> Result<Self, EventError> {
        parse::recorded(json, recorded_at)
    }

    /// The metadata at `path`, whose dots lead into nested objects: `tokens`,
    /// `_llm.total_tokens`.
    #[must_use]
    pub fn property(&self, path: &str) -> Option<&Value> {
        self.metadata.at(path)
    }
}

/// What an index of events needs to know of one: far cheaper to read than the whole event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventHead<'a> {
    /// What happened, in the application's words.
    pub name: Cow<'a, str>,
    /// When it happened.
    pub timestamp: Timestamp,
}

impl<'a> EventHead<'a> {
    /// Reads the head of an event that was taken in at `recorded_at`.
    ///
    /// # Errors
    /// [`EventError`]: this is no event that was ever taken in.
    pub fn recorded(json: &'a [u8], recorded_at: Timestamp) -> Result<Self, EventError> {
        /// Names that occur twice are left to the whole event's reader.
        #[derive(serde::Deserialize)]
        struct Plain<'a> {
            #[serde(borrow)]
            name: Cow<'a, str>,
            #[serde(borrow, default)]
            timestamp: Option<Cow<'a, str>>,
        }
        if let Ok(Plain { name, timestamp }) = serde_json::from_slice(json) {
            let said = timestamp.as_deref().map(Timestamp::parse).transpose();
            if let Ok(said) = said {
                return Ok(Self { name, timestamp: said.unwrap_or(recorded_at) });
            }
        }
        let event = Event::recorded(json, recorded_at)?;
        Ok(Self { name: Cow::Owned(event.name.into()), timestamp: event.timestamp })
    }
}

#[cfg(test)]
mod tests;
