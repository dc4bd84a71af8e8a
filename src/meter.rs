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
}

impl Meter {
    /// Whether units can be drawn on it directly: it counts or sums.
    #[must_use]
    pub const fn takes_units(&self) -> bool {
        matches!(self.aggregation, Aggregation::Count | Aggregation::Sum(_))
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
