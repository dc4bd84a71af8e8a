//! Cycles: intervals of the calendar, and the boundaries that lie between their periods.

use crate::time::Timestamp;

/// How often something recurs: every so many days, weeks, months or years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interval {
    /// What is counted.
    pub unit: IntervalUnit,
    /// How many of them; at least one.
    pub count: u16,
}

/// The units of an [`Interval`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IntervalUnit {
    /// 24 hours.
    Day,
    /// Seven days.
    Week,
    /// A calendar month.
    Month,
    /// Twelve calendar months.
    Year,
}

/// From `start` up to `end`, which is not part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    /// Its first instant.
    pub start: Timestamp,
    /// The first instant after it.
    pub end: Timestamp,
}
