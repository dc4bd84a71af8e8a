//! What can be wrong with an event, in the words of Polar's validation errors, which its SDKs show.

use std::fmt;

use super::EVENT_BYTES_MAX;
use super::EVENT_DEPTH_MAX;

/// Most faults that are told of one event.
pub const FAULTS_MAX: usize = 16;

/// An event breaks the wire format. Nothing of it was taken in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct EventError {
    /// The first [`FAULTS_MAX`] faults, at least one.
    pub faults: Vec<Fault>,
}

/// One broken rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The path from the event to the place: `metadata`, `tokens`. Empty: the event itself.
    pub loc: Vec<Box<str>>,
    /// The rule.
    pub kind: FaultKind,
}

/// A rule of the wire format. It is displayed as the message that Polar gives.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultKind {
    /// Not JSON.
    #[error("Invalid JSON: {0}")]
    JsonInvalid(Box<str>),
    /// Over [`EVENT_BYTES_MAX`].
    #[error("Event should have at most {EVENT_BYTES_MAX} bytes")]
    TooLarge,
    /// Nested over [`EVENT_DEPTH_MAX`].
    #[error("Event should be nested at most {EVENT_DEPTH_MAX} levels deep")]
    TooDeep,
    /// It has to be there.
    #[error("Field required")]
    Missing,
    /// It has to be an object.
    #[error("Input should be a valid dictionary")]
    NotAnObject,
    /// It has to be text.
    #[error("Input should be a valid string")]
    NotText,
    /// It has to have a character at least.
    #[error("String should have at least 1 character")]
    TextEmpty,
    /// It has more characters than this.
    #[error("String should have at most {0} characters")]
    TextTooLong(usize),
    /// It has more bytes than this.
    #[error("String should have at most {0} bytes")]
    BytesTooLong(usize),
    /// Text with a NUL character.
    #[error("Value error, String should not contain NUL characters")]
    ContainsNul,
    /// It has to be a UUID.
    #[error("Input should be a valid UUID")]
    NotAUuid,
    /// It has to be a random UUID.
    #[error("UUID version 4 expected")]
    NotAUuidV4,
    /// It has to be a time.
    #[error("Input should be a valid datetime")]
    NotATime,
    /// A time without offset from UTC.
    #[error("Input should have timezone info")]
    NoOffset,
    /// A time that is still to come.
    #[error("Value error, Timestamp must be in the past.")]
    InTheFuture,
    /// A token speaks for one organization, which it does not have to name.
    #[error("Setting organization_id is disallowed when using an organization token.")]
    OrganizationToken,
    /// Metadata is text, numbers and booleans.
    #[error("Input should be a valid string, number or boolean")]
    NotAScalar,
    /// A number that has no exact decimal.
    #[error("Number should have at most 28 digits")]
    NumberTooLong,
    /// It has to be a whole number.
    #[error("Input should be a valid integer")]
    NotAnInteger,
    /// It has to be a decimal number.
    #[error("Input should be a valid decimal")]
    NotADecimal,
    /// More digits in all than this.
    #[error("Decimal input should have no more than {0} digits in total")]
    DecimalDigits(u32),
    /// More digits behind the point than this.
    #[error("Decimal input should have no more than {0} decimal places")]
    DecimalPlaces(u32),
    /// More digits before the point than this.
    #[error("Decimal input should have no more than {0} digits before the decimal point")]
    DecimalWholeDigits(u32),
    /// The only currency is `usd`.
    #[error("String should match pattern 'usd'")]
    NotUsd,
}

impl FaultKind {
    /// The `type` of Polar's error.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::JsonInvalid(_) => "json_invalid",
            Self::TooLarge => "event_too_large",
            Self::TooDeep => "recursion_loop",
            Self::Missing => "missing",
            Self::NotAnObject => "dict_type",
            Self::NotText => "string_type",
            Self::TextEmpty => "string_too_short",
            Self::TextTooLong(_) | Self::BytesTooLong(_) => "string_too_long",
            Self::ContainsNul | Self::InTheFuture => "value_error",
            Self::NotAUuid => "uuid_parsing",
            Self::NotAUuidV4 => "uuid_version",
            Self::NotATime => "datetime_parsing",
            Self::NoOffset => "timezone_aware",
            Self::OrganizationToken => "organization_token",
            Self::NotAScalar => "metadata_type",
            Self::NumberTooLong => "number_too_long",
            Self::NotAnInteger => "int_type",
            Self::NotADecimal => "decimal_parsing",
            Self::DecimalDigits(_) => "decimal_max_digits",
            Self::DecimalPlaces(_) => "decimal_max_places",
            Self::DecimalWholeDigits(_) => "decimal_whole_digits",
            Self::NotUsd => "string_pattern_mismatch",
        }
    }
}

impl From<FaultKind> for EventError {
    fn from(kind: FaultKind) -> Self {
        Self { faults: vec![Fault { loc: Vec::new(), kind }] }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.loc.is_empty() {
            return self.kind.fmt(f);
        }
        write!(f, "{}: {}", self.loc.join("."), self.kind)
    }
}

impl fmt::Display for EventError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, fault) in self.faults.iter().enumerate() {
            if place > 0 {
                f.write_str("; ")?;
            }
            fault.fmt(f)?;
        }
        Ok(())
    }
}

/// The faults found so far while an event is read to its end.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    /// The value, or nothing and its fault noted as standing at `loc`.
    pub(super) fn note<T>(&mut self, loc: &[&str], read: Result<T, FaultKind>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(kind) => {
                if self.0.len() < FAULTS_MAX {
                    self.0.push(Fault { loc: loc.iter().map(|&part| part.into()).collect(), kind });
                }
                None
            }
        }
    }

    /// `event`, if nothing was noted.
    pub(super) fn settle<T>(self, event: Option<T>) -> Result<T, EventError> {
        match event {
            Some(event) if self.0.is_empty() => Ok(event),
            Some(_) | None => Err(EventError { faults: self.0 }),
        }
    }
}
