//! Which part of an event a meter looks at.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use std::fmt;

use rust_decimal::Decimal;

use super::Event;
use super::Object;
use super::Value;

/// Longest path to a property, in bytes.
pub const PROPERTY_BYTES_MAX: usize = 256;

/// Why a text names no property.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PropertyError {
    /// Nothing is named.
    #[error("a property has no name")]
    Empty,
    /// Longer than [`PROPERTY_BYTES_MAX`].
    #[error("a property's name is longer than 256 bytes")]
    TooLong,
}

/// A part of an event, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Property {
    /// The event's name.
    Name,
    /// Who made it, as text.
    Source,
    /// When it happened, in whole seconds since 1970.
    Timestamp,
    /// A path into the metadata.
    Metadata(Box<str>),
}

/// What an event has under a [`Property`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PropertyValue<'a> {
    /// A number.
    Number(Decimal),
    /// Text.
    Text(&'a str),
    /// True or false.
    Bool(bool),
    /// `_cost` or `_llm` as a whole.
    Object(&'a Object),
}

impl Property {
    /// Reads `name`, `source`, `timestamp` or a path into the metadata, with or without
    /// `metadata.` before it.
    ///
    /// # Errors
    /// [`PropertyError`].
    pub fn parse(text: &str) -> Result<Self, PropertyError> {
        if text.len() > PROPERTY_BYTES_MAX {
            return Err(PropertyError::TooLong);
        }
        // However often it stands there: a name is written without it, and has to be read back as
        // the same property.
        match text.trim_start_matches("metadata.") {
            "" => Err(PropertyError::Empty),
            "name" => Ok(Self::Name),
            "source" => Ok(Self::Source),
            "timestamp" => Ok(Self::Timestamp),
            path => Ok(Self::Metadata(path.into())),
        }
    }

    /// Its name, without `metadata.` before it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Name => "name",
            Self::Source => "source",
            Self::Timestamp => "timestamp",
            Self::Metadata(path) => path,
        }
    }

    /// What `event` has there.
    #[must_use]
    pub fn of<'a>(&self, event: &'a Event) -> Option<PropertyValue<'a>> {
        match self {
            Self::Name => Some(PropertyValue::Text(&event.name)),
            Self::Source => Some(PropertyValue::Text(event.source.name())),
            Self::Timestamp => Some(PropertyValue::Number(Decimal::from(
                event.timestamp.microseconds() / 1_000_000,
            ))),
            Self::Metadata(path) => event.property(path).map(PropertyValue::from),
        }
    }
}

impl<'a> From<&'a Value> for PropertyValue<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Number(number) => Self::Number(*number),
            Value::Text(text) => Self::Text(text),
            Value::Bool(truth) => Self::Bool(*truth),
            Value::Object(object) => Self::Object(object),
        }
    }
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
