//! A meter: which events it counts, and what each of them adds.
//!
//! A meter holds no balance. It turns an event into a [`Posting`], which is written into the journal
//! record, so that a replay never asks a meter that has changed since.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use crate::account::Posting;
use crate::event::Event;
use crate::id::MeterId;
use crate::id::MeterNumber;
use crate::id::OrganizationNumber;
use crate::metadata::Metadata;
use crate::time::Timestamp;

pub use self::aggregation::Aggregation;
pub use self::aggregation::AggregationError;
pub use self::filter::Clause;
pub use self::filter::Conjunction;
pub use self::filter::FILTER_CLAUSES_MAX;
pub use self::filter::FILTER_DEPTH_MAX;
pub use self::filter::FILTER_TEXT_CHARS_MAX;
pub use self::filter::Filter;
pub use self::filter::FilterError;
pub use self::filter::FilterFault;
pub use self::filter::Operator;

mod aggregation;
mod filter;

/// A meter of an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meter {
    /// What the outside calls it by.
    pub id: MeterId,
    /// What records call it by.
    pub number: MeterNumber,
    /// Whose it is.
    pub organization: OrganizationNumber,
    /// What people call it by.
    pub name: Box<str>,
    /// Which events it counts.
    pub filter: Filter,
    /// What each of them adds.
    pub aggregation: Aggregation,
    /// What its units are called where they are shown. It never counts.
    pub unit: MeterUnit,
    /// What the application wrote on it.
    pub metadata: Metadata,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed, if ever.
    pub modified_at: Option<Timestamp>,
    /// Since when it collects nothing, if it is archived.
    pub archived_at: Option<Timestamp>,
}

/// What the units of a meter are called, as in Polar.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum MeterUnit {
    /// Just units.
    #[default]
    Scalar,
    /// Tokens of a language model.
    Token,
    /// Something else.
    Custom {
        /// What: 1 to [`LABEL_CHARS_MAX`] characters.
        label: Box<str>,
        /// How many of them are shown as one, if not one: 1 to [`MULTIPLIER_MAX`].
        multiplier: Option<u32>,
    },
}

/// Longest label of a unit, in characters.
pub const LABEL_CHARS_MAX: usize = 64;

/// Greatest multiplier of a unit: Polar's integers have 32 bits.
pub const MULTIPLIER_MAX: u32 = i32::MAX.unsigned_abs();

impl MeterUnit {
    /// Whether label and multiplier are within their limits.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        match self {
            Self::Scalar | Self::Token => true,
            Self::Custom { label, multiplier } => {
                let fits = (1..=LABEL_CHARS_MAX).contains(&label.chars().count());
                fits && !label.chars().any(char::is_control)
                    && multiplier.is_none_or(|many| (1..=MULTIPLIER_MAX).contains(&many))
            }
        }
    }
}

impl Meter {
    /// Whether units can be drawn on it directly: it counts or sums.
    #[must_use]
    pub const fn takes_units(&self) -> bool {
        matches!(self.aggregation, Aggregation::Count | Aggregation::Sum(_))
    }

    /// Whether it collects nothing any more.
    #[must_use]
    pub const fn is_archived(&self) -> bool {
        self.archived_at.is_some()
    }

    /// What `event` adds to this meter; nothing when it does not match, or has no value that the
    /// aggregation can use.
    #[must_use]
    pub fn posting(&self, event: &Event) -> Option<Posting> {
        if !self.filter.matches(event) {
            return None;
        }
        self.aggregation.posting(event)
    }
}

#[cfg(test)]
mod tests;
