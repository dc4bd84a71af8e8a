//! The operating system's clock.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::time::{Clock, Timestamp};

/// The time of the operating system, in UTC. It may go backwards; shards see to it that their time
/// does not.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one Clock that reads the time")]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let microseconds = i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
        Timestamp::from_microseconds(microseconds).unwrap_or(Timestamp::MAX)
    }
}
