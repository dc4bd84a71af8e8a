//! How fast a snapshot may use the disk that the journal needs too.

use std::num::NonZeroU64;
use std::thread;
use std::time::{Duration, Instant};

/// How fast a snapshot may be written, read back and removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteRate {
    /// At most this many bytes a second, so that the journal's syncs find the disk free.
    BytesPerSecondMax(NonZeroU64),
    /// As fast as the disk takes it: for a snapshot with nothing beside it, as at the end of a
    /// drain.
    Unlimited,
}

/// Sleeps whenever more was done than the rate allows. Time that passed unused is not saved up: a
/// slow start must not end in a burst.
#[derive(Debug)]
pub(super) struct Pace {
    rate: WriteRate,
    free_at: Instant,
}

impl Pace {
    pub(super) fn new(rate: WriteRate) -> Self {
        Self { rate, free_at: now() }
    }

    /// Waits as long as `bytes` that were just done are worth.
    pub(super) fn spend(&mut self, bytes: usize) {
        let WriteRate::BytesPerSecondMax(per_second) = self.rate else { return };
        let now = now();
        self.free_at = self.free_at.max(now) + worth(bytes, per_second);
        thread::sleep(self.free_at.saturating_duration_since(now));
    }
}

fn worth(bytes: usize, per_second: NonZeroU64) -> Duration {
    let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
    Duration::from_nanos(bytes.saturating_mul(1_000_000_000) / per_second)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the pace is of the disk; no outcome of the ledger depends on it"
)]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests;
