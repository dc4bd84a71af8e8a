//! Metadata of things in the catalog: what an application writes on them for itself.
//!
//! It never counts for anything. It is kept as one canonical text of JSON, so that it is compared,
//! journaled and answered as it stands.

#![deny(clippy::arithmetic_side_effects)]

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value as Json;
use serde_json::value::RawValue;

/// Most keys, as in Polar.
pub const METADATA_KEYS_MAX: usize = 50;

/// Longest key, in characters, as in Polar.
pub const METADATA_KEY_CHARS_MAX: usize = 40;

/// Longest text, in characters, as in Polar.
pub const METADATA_TEXT_CHARS_MAX: usize = 500;

/// Longest number, in digits and what stands between them.
pub const METADATA_NUMBER_CHARS_MAX: usize = 64;

/// A flat JSON object of texts, numbers and booleans: keys in order, no spaces, numbers digit by
/// digit as they were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata(Box<str>);

/// A JSON text is no metadata.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct MetadataError {
    /// At which key; none when it is the whole.
    pub key: Option<Box<str>>,
    /// What is wrong there.
    pub fault: MetadataFault,
}

/// What can be wrong with metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MetadataFault {
    /// Not a JSON object.
    #[error("not a JSON object")]
    NotAnObject,
    /// Over [`METADATA_KEYS_MAX`].
    #[error("more than {METADATA_KEYS_MAX} keys")]
    TooManyKeys,
    /// A key that is empty, over [`METADATA_KEY_CHARS_MAX`], or holds a NUL.
    #[error("a key has 1 to {METADATA_KEY_CHARS_MAX} characters, none of them NUL")]
    Key,
    /// A text that is empty, over [`METADATA_TEXT_CHARS_MAX`], or holds a NUL.
    #[error("text has 1 to {METADATA_TEXT_CHARS_MAX} characters, none of them NUL")]
    Text,
    /// A number over [`METADATA_NUMBER_CHARS_MAX`].
    #[error("a number has at most {METADATA_NUMBER_CHARS_MAX} characters")]
    NumberTooLong,
    /// Something that is neither text nor number nor boolean.
    #[error("neither text nor a number nor a boolean")]
    NotAScalar,
}

impl Default for Metadata {
    fn default() -> Self {
        Self("{}".into())
    }
}

impl Metadata {
    /// Reads an object. A key that occurs twice has its last value.
    ///
    /// # Errors
    /// [`MetadataError`] with the first fault, in the order of the keys.
    pub fn parse(json: &str) -> Result<Self, MetadataError> {
        let whole = |fault| MetadataError { key: None, fault };
        let values: BTreeMap<String, &RawValue> =
            serde_json::from_str(json).map_err(|_| whole(MetadataFault::NotAnObject))?;
        if values.len() > METADATA_KEYS_MAX {
            return Err(whole(MetadataFault::TooManyKeys));
        }
        let mut out = String::from("{");
        for (key, raw) in values {
            let at_key = |fault| MetadataError { key: Some(key.as_str().into()), fault };
            if !fits(&key, METADATA_KEY_CHARS_MAX) {
                return Err(at_key(MetadataFault::Key));
            }
            if out.len() > 1 {
                out.push(',');
            }
            out.push_str(&Json::from(key.as_str()).to_string());
            out.push(':');
            out.push_str(&scalar(raw.get()).map_err(at_key)?);
        }
        out.push('}');
        Ok(Self(out.into()))
    }

    /// The canonical text.
    #[must_use]
    pub fn as_json(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn scalar(raw: &str) -> Result<String, MetadataFault> {
    if raw.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
        let fits = raw.len() <= METADATA_NUMBER_CHARS_MAX;
        return if fits { Ok(raw.to_owned()) } else { Err(MetadataFault::NumberTooLong) };
    }
    if matches!(raw, "true" | "false") {
        return Ok(raw.to_owned());
    }
    let text: String = serde_json::from_str(raw).map_err(|_| MetadataFault::NotAScalar)?;
    if !fits(&text, METADATA_TEXT_CHARS_MAX) {
        return Err(MetadataFault::Text);
    }
    Ok(Json::from(text).to_string())
}

fn fits(text: &str, chars_max: usize) -> bool {
    !text.is_empty() && !text.contains('\0') && text.chars().nth(chars_max).is_none()
}

#[cfg(test)]
mod tests;
