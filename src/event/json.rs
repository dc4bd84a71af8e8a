//! JSON as text that is not yet decided: which names an object has, and what stands behind each.
//!
//! Values stay raw until the rule for their name is known, so that a number is read from its own
//! digits and never becomes a float.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use rust_decimal::Decimal;
use serde::Deserialize;
use serde::Deserializer;
use serde::de::MapAccess;
use serde::de::Visitor;
use serde_json::value::RawValue;

use crate::units::parse_decimal;

use super::FaultKind;

/// Up to this many names are compared each with each, which is faster than sorting them.
const NAMES_COMPARED_MAX: usize = 16;

/// The properties of a JSON object; a name that occurs twice has its last value.
pub(super) type Properties<'a> = Vec<(Cow<'a, str>, &'a RawValue)>;

/// Reads an object.
pub(super) fn properties(json: &str) -> Result<Properties<'_>, FaultKind> {
    if !json.trim_ascii_start().starts_with('{') {
        // Whatever else it is, it has to be JSON before it is the wrong JSON.
        serde_json::from_str::<&RawValue>(json).map_err(|error| invalid(&error))?;
        return Err(FaultKind::NotAnObject);
    }
    let Undecided(properties) = serde_json::from_str(json).map_err(|error| invalid(&error))?;
    if properties.iter().any(|(name, _)| name.contains('\0')) {
        return Err(FaultKind::ContainsNul);
    }
    Ok(last_of_each(properties))
}

/// Reads text.
pub(super) fn text(raw: &RawValue) -> Result<Cow<'_, str>, FaultKind> {
    let json = raw.get();
    let inner = json.strip_prefix('"').and_then(|json| json.strip_suffix('"'));
    let inner = inner.ok_or(FaultKind::NotText)?;
    if !inner.contains('\\') {
        return Ok(Cow::Borrowed(inner));
    }
    let text: String = serde_json::from_str(json).map_err(|error| invalid(&error))?;
    // JSON text holds a NUL only in escaped form.
    if text.contains('\0') {
        return Err(FaultKind::ContainsNul);
    }
    Ok(Cow::Owned(text))
}

/// Reads a number, exactly.
pub(super) fn number(raw: &RawValue) -> Result<Decimal, FaultKind> {
    parse_decimal(raw.get().as_bytes()).map_err(|_| FaultKind::NumberTooLong)
}

/// Whether this is a number.
pub(super) fn is_number(raw: &RawValue) -> bool {
    raw.get().starts_with(|first: char| first == '-' || first.is_ascii_digit())
}

/// What is there, unless it is `null`.
pub(super) fn present(raw: Option<&RawValue>) -> Option<&RawValue> {
    raw.filter(|raw| raw.get() != "null")
}

/// How deep objects and arrays are nested.
pub(super) fn depth(raw: &RawValue) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_text, mut escaped) = (false, false);
    for byte in raw.get().bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'{' | b'[' => {
                depth = depth.saturating_add(1);
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

fn invalid(error: &serde_json::Error) -> FaultKind {
    FaultKind::JsonInvalid(error.to_string().into())
}

fn last_of_each(mut properties: Properties<'_>) -> Properties<'_> {
    let few = properties.len() <= NAMES_COMPARED_MAX;
    let again = |(place, (name, _)): (usize, &(Cow<'_, str>, _))| {
        properties.iter().take(place).any(|(earlier, _)| earlier == name)
    };
    if few && !properties.iter().enumerate().any(again) {
        return properties;
    }
    let mut last = BTreeMap::new();
    for (place, (name, _)) in properties.iter().enumerate() {
        last.insert(name.clone(), place);
    }
    let mut place = 0_usize;
    properties.retain(|(name, _)| {
        let is_last = last.get(name) == Some(&place);
        place = place.saturating_add(1);
        is_last
    });
    properties
}

/// [`Properties`] as they stand there, repeated names included.
struct Undecided<'a>(Properties<'a>);

impl<'de> Deserialize<'de> for Undecided<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(UndecidedVisitor)
    }
}

struct UndecidedVisitor;

impl<'de> Visitor<'de> for UndecidedVisitor {
    type Value = Undecided<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut properties = Vec::with_capacity(8);
        while let Some(Name(name)) = map.next_key()? {
            properties.push((name, map.next_value()?));
        }
        Ok(Undecided(properties))
    }
}

/// A property's name, copied only where it has escapes.
struct Name<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor)
    }
}

struct NameVisitor;

impl<'de> Visitor<'de> for NameVisitor {
    type Value = Name<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a property's name")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Name(Cow::Borrowed(name)))
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Name(Cow::Owned(name.to_owned())))
    }
}
