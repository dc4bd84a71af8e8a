//! Instants, as the journal keeps them, and the clocks they come from.
//!
//! Nothing below the engine reads a clock: time is assigned once, when a command is sequenced, and
//! journaled with it.

use std::sync::atomic::{AtomicI64, Ordering};

/// Microseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

/// The text is no time: neither RFC 3339 nor whole milliseconds since 1970, or out of range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("neither an RFC 3339 time with its offset nor Unix milliseconds")]
pub struct TimestampError;

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// The first instant of the year 0001, the earliest that is read or written.
    pub const MIN: Self = Self(-62_135_596_800_000_000);

    /// The latest instant that is read or written: where the calendar (jiff) ends, so that every
    /// offset still has a date in the year 9999.
    pub const MAX: Self = Self(253_402_207_199_999_999);

    /// `microseconds` since 1970, unless that is before [`Timestamp::MIN`] or after
    /// [`Timestamp::MAX`].
    #[must_use]
    pub const fn from_microseconds(microseconds: i64) -> Option<Self> {
        if microseconds < Self::MIN.0 || microseconds > Self::MAX.0 {
            return None;
        }
        Some(Self(microseconds))
    }

    /// Microseconds since 1970.
    #[must_use]
    pub const fn microseconds(self) -> i64 {
        self.0
    }

    /// Reads RFC 3339 (`2026-11-01T00:00:00Z`, an offset is required) or Unix milliseconds.
    ///
    /// # Errors
    /// [`TimestampError`].
    pub fn parse(text: &str) -> Result<Self, TimestampError> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            let milliseconds: i64 = text.parse().map_err(|_| TimestampError)?;
            return milliseconds
                .checked_mul(1_000)
                .and_then(Self::from_microseconds)
                .ok_or(TimestampError);
        }
        let instant: jiff::Timestamp = text.parse().map_err(|_| TimestampError)?;
        Self::from_microseconds(instant.as_microsecond()).ok_or(TimestampError)
    }

    /// This instant moved by `microseconds`, held within [`Timestamp::MIN`] and [`Timestamp::MAX`].
    #[must_use]
    pub fn saturating_add(self, microseconds: i64) -> Self {
        Self(self.0.saturating_add(microseconds).clamp(Self::MIN.0, Self::MAX.0))
    }

    /// Microseconds from `earlier` to this instant; negative when it is the later one.
    #[must_use]
    pub const fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// RFC 3339 in UTC with six decimals and `Z`, as Polar writes it.
impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Both bounds lie inside jiff's range, so the fallback is never written.
        let instant = jiff::Timestamp::from_microsecond(self.0).unwrap_or_default();
        write!(f, "{instant:.6}")
    }
}

/// Where the engine gets the time from.
///
/// Contract: `now` may be called from any thread and costs nanoseconds. It may go backwards (an
/// operator sets the system clock); whoever sequences commands keeps the time from going backwards.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> Timestamp;

    /// Moves the clock forward to `now`; an earlier time leaves it where it is. `false` when it is
    /// none that is moved by hand.
    fn move_to(&self, now: Timestamp) -> bool {
        let _ = now;
        false
    }
}

/// A clock that stands still until it is told to move.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows `start`.
    #[must_use]
    pub const fn new(start: Timestamp) -> Self {
        Self(AtomicI64::new(start.0))
    }

    /// Moves the clock forward to `now`. An earlier time leaves it where it is.
    pub fn advance_to(&self, now: Timestamp) {
        self.0.fetch_max(now.0, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }

    fn move_to(&self, now: Timestamp) -> bool {
        self.advance_to(now);
        true
    }
}

#[cfg(test)]
mod tests;
