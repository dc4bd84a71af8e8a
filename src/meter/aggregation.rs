//! What a matching event adds: one, or the value of a property.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use std::fmt;

use rust_decimal::Decimal;
use serde_json::Value as Json;

use crate::account::Posting;
use crate::event::Event;
use crate::event::Object;
use crate::event::Property;
use crate::event::PropertyError;
use crate::event::PropertyValue;
use crate::units::Draw;
use crate::units::write_decimal;

/// How a meter sums its events up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Aggregation {
    /// How many there are.
    Count,
    /// The sum of a property.
    Sum(Property),
    /// The greatest value of a property.
    Max(Property),
    /// The least value of a property.
    Min(Property),
    /// The mean value of a property.
    Average(Property),
    /// How many different values of a property there are.
    Unique(Property),
}

/// Why a JSON text is no aggregation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AggregationError {
    /// Not a JSON object with `func`.
    #[error("not an object with func")]
    NotAnAggregation,
    /// `func` is none of those known.
    #[error("func is none of count, sum, max, min, avg and unique")]
    UnknownFunction,
    /// All functions but `count` need a property.
    #[error("property is missing")]
    PropertyMissing,
    /// The property has no name, or too long a one.
    #[error(transparent)]
    Property(#[from] PropertyError),
}

impl Aggregation {
    /// Reads Polar's `{"func":"sum","property":"tokens"}`.
    ///
    /// # Errors
    /// [`AggregationError`].
    pub fn parse(json: &str) -> Result<Self, AggregationError> {
        let json: Json =
            serde_json::from_str(json).map_err(|_| AggregationError::NotAnAggregation)?;
        let function = json.get("func").and_then(Json::as_str);
        let property = || {
            let text = json.get("property").and_then(Json::as_str);
            Ok(Property::parse(text.ok_or(AggregationError::PropertyMissing)?)?)
        };
        match function.ok_or(AggregationError::NotAnAggregation)? {
            "count" => Ok(Self::Count),
            "sum" => property().map(Self::Sum),
            "max" => property().map(Self::Max),
            "min" => property().map(Self::Min),
            "avg" => property().map(Self::Average),
            "unique" => property().map(Self::Unique),
            _ => Err(AggregationError::UnknownFunction),
        }
    }

    /// Writes what [`Aggregation::parse`] reads.
    #[must_use]
    pub fn to_json(&self) -> String {
        let function = Json::from(self.function());
        match self.property() {
            Some(property) => {
                format!(r#"{{"func":{function},"property":{}}}"#, Json::from(property.name()))
            }
            None => format!(r#"{{"func":{function}}}"#),
        }
    }

    /// What `event` adds, unless it lacks a usable value.
    #[must_use]
    pub fn posting(&self, event: &Event) -> Option<Posting> {
        match self {
            Self::Count => Some(Posting::Draw(Draw(Decimal::ONE))),
            Self::Sum(property) => Some(Posting::Draw(Draw(number(property, event)?))),
            Self::Max(property) => number(property, event).map(Posting::Max),
            Self::Min(property) => number(property, event).map(Posting::Min),
            Self::Average(property) => number(property, event).map(Posting::Average),
            Self::Unique(property) => property.of(event).map(|value| Posting::Unique(hash(value))),
        }
    }

    const fn function(&self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Sum(_) => "sum",
            Self::Max(_) => "max",
            Self::Min(_) => "min",
            Self::Average(_) => "avg",
            Self::Unique(_) => "unique",
        }
    }

    const fn property(&self) -> Option<&Property> {
        match self {
            Self::Count => None,
            Self::Sum(property)
            | Self::Max(property)
            | Self::Min(property)
            | Self::Average(property)
            | Self::Unique(property) => Some(property),
        }
    }
}

/// `COUNT`, `SUM tokens`, as `METER CREATE` takes it.
impl fmt::Display for Aggregation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.function().to_ascii_uppercase())?;
        match self.property() {
            Some(property) => write!(f, " {property}"),
            None => Ok(()),
        }
    }
}

fn number(property: &Property, event: &Event) -> Option<Decimal> {
    match property.of(event)? {
        PropertyValue::Number(number) => Some(number),
        PropertyValue::Text(_) | PropertyValue::Bool(_) | PropertyValue::Object(_) => None,
    }
}

/// Equal for values that are equal as JSON: `1` and `1.0` are, `1` and `"1"` are not.
fn hash(value: PropertyValue<'_>) -> u128 {
    let mut canonical = Vec::with_capacity(64);
    write_canonical(&mut canonical, value);
    xxhash_rust::xxh3::xxh3_128(&canonical)
}

/// Appends `value` so that no two different values look alike; lengths stand before texts.
fn write_canonical(out: &mut Vec<u8>, value: PropertyValue<'_>) {
    match value {
        PropertyValue::Number(number) => write_decimal(out, number),
        PropertyValue::Text(text) => write_text(out, text),
        PropertyValue::Bool(truth) => {
            out.extend_from_slice(if truth { b"true" } else { b"false" });
        }
        PropertyValue::Object(object) => write_object(out, object),
    }
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    crate::encoding::put_bytes(out, text.as_bytes());
}

fn write_object(out: &mut Vec<u8>, object: &Object) {
    let mut properties: Vec<_> = object.iter().collect();
    properties.sort_unstable_by_key(|&(name, _)| name);
    out.push(b'{');
    for (name, value) in properties {
        write_text(out, name);
        write_canonical(out, value.into());
        out.push(b',');
    }
    out.push(b'}');
}
