//! Cycles: intervals of the calendar, and the boundaries that lie between their periods.
//!
//! A boundary is always counted from the anchor, never from the boundary before it: 31 January, one
//! month on, is the last of February, and two months on it is 31 March again. The calendar is UTC's,
//! as Polar's is.
#![deny(clippy::arithmetic_side_effects)]

use jiff::Span;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use crate::time::Timestamp;

const DAYS_OF_WEEK: u32 = 7;
const MONTHS_OF_YEAR: u32 = 12;
const MICROSECONDS_OF_DAY: i64 = 86_400_000_000;

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

/// The length of an interval in the one measure that it has whatever the date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Length {
    Days(u32),
    Months(u32),
}

impl Interval {
    /// The instant that lies `n` intervals after `anchor`, at the anchor's time of day.
    ///
    /// Where the month has no such day it is the month's last one. Nothing when the calendar ends
    /// before it, or when the count is zero.
    #[must_use]
    pub fn boundary(self, anchor: Timestamp, n: u32) -> Option<Timestamp> {
        let of = |length: u32| i64::from(length).checked_mul(i64::from(n));
        let span = match self.length()? {
            Length::Days(days) => Span::new().try_days(of(days)?),
            Length::Months(months) => Span::new().try_months(of(months)?),
        };
        let then = civil(anchor)?.checked_add(span.ok()?).ok()?;
        let instant = Offset::UTC.to_timestamp(then).ok()?;
        Timestamp::from_microseconds(instant.as_microsecond())
    }

    /// The period that starts at the `n`th boundary; the first one has number 0.
    #[must_use]
    pub fn period(self, anchor: Timestamp, n: u32) -> Option<Period> {
        let end = self.boundary(anchor, n.checked_add(1)?)?;
        Some(Period { start: self.boundary(anchor, n)?, end })
    }

    /// The number of the period that contains `instant`; nothing before the anchor.
    ///
    /// Takes as long for the thousandth period as for the first.
    #[must_use]
    pub fn index_at(self, anchor: Timestamp, instant: Timestamp) -> Option<u32> {
        if instant < anchor {
            return None;
        }
        match self.length()? {
            Length::Days(days) => {
                let length = MICROSECONDS_OF_DAY.checked_mul(i64::from(days))?;
                u32::try_from(instant.since(anchor).checked_div(length)?).ok()
            }
            Length::Months(months) => {
                let between = month_number(instant)?.checked_sub(month_number(anchor)?)?;
                let n = u32::try_from(between).ok()?.checked_div(months)?;
                // The boundary may lie later in the month of `instant`, but in no later month.
                let reached = self.boundary(anchor, n).is_some_and(|boundary| boundary <= instant);
                if reached { Some(n) } else { n.checked_sub(1) }
            }
        }
    }

    /// Whether every boundary of `longer` is one of this interval too, from the same anchor.
    ///
    /// Polar's rule for a meter interval: days and weeks divide days and weeks, months and years
    /// divide months and years. No number of days makes every month, so those do not mix.
    #[must_use]
    pub fn divides(self, longer: Self) -> bool {
        match (self.length(), longer.length()) {
            (Some(Length::Days(short)), Some(Length::Days(long)))
            | (Some(Length::Months(short)), Some(Length::Months(long))) => {
                long.checked_rem(short) == Some(0)
            }
            _ => false,
        }
    }

    /// Nothing when the count is zero.
    fn length(self) -> Option<Length> {
        let count = (self.count > 0).then(|| u32::from(self.count))?;
        // A count has 16 bits, so that no product comes near 32.
        Some(match self.unit {
            IntervalUnit::Day => Length::Days(count),
            IntervalUnit::Week => Length::Days(count.saturating_mul(DAYS_OF_WEEK)),
            IntervalUnit::Month => Length::Months(count),
            IntervalUnit::Year => Length::Months(count.saturating_mul(MONTHS_OF_YEAR)),
        })
    }
}

impl Period {
    /// Whether `instant` lies in it.
    #[must_use]
    pub fn contains(self, instant: Timestamp) -> bool {
        self.start <= instant && instant < self.end
    }

    /// Its length in microseconds.
    #[must_use]
    pub const fn length(self) -> i64 {
        self.end.since(self.start)
    }
}

/// Date and time of day in UTC.
fn civil(instant: Timestamp) -> Option<DateTime> {
    let instant = jiff::Timestamp::from_microsecond(instant.microseconds()).ok()?;
    Some(Offset::UTC.to_datetime(instant))
}

/// Months since the year 0.
fn month_number(instant: Timestamp) -> Option<i32> {
    let date = civil(instant)?;
    i32::from(date.year()).checked_mul(12)?.checked_add(i32::from(date.month()))
}

#[cfg(test)]
mod tests;
