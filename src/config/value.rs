//! How the text of a setting becomes its value: one reader per kind, whatever the source.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use tracing_subscriber::EnvFilter;

use crate::customer::CreditOn;
use crate::data_dir::ClockKind;

/// A kind of setting.
pub trait Value: Sized {
    /// What the text has to be, as an error message says it.
    const EXPECTED: &'static str;

    /// Reads the text; `None` when it is something else.
    fn parse(text: &str) -> Option<Self>;
}

/// Most shards a directory may have: more than any machine has use for.
pub const SHARDS_MAX: u16 = 1_024;

/// How many shards there are; half the cores, unless it is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shards(pub u16);

/// When a commit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Once the disk has it: survives power loss.
    Fsync,
    /// Once the operating system has it: survives the death of the process only.
    Os,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Which log lines are written, as `tracing-subscriber` reads it: `info`, `warn,drawdown=debug`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFilter(pub String);

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

impl Value for PathBuf {
    const EXPECTED: &'static str = "a path";

    fn parse(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self::from(text))
    }
}

impl Value for LogFilter {
    const EXPECTED: &'static str = "a level or levels by module such as warn,drawdown=debug";

    fn parse(text: &str) -> Option<Self> {
        EnvFilter::builder().parse(text).ok().map(|_| Self(text.to_owned()))
    }
}

impl Value for SocketAddr {
    const EXPECTED: &'static str = "an address and port such as 127.0.0.1:6479 or [::1]:0";

    fn parse(text: &str) -> Option<Self> {
        // `localhost` is what people type; every other name would need a look-up.
        match text.strip_prefix("localhost:") {
            Some(port) => Some(Self::from(([127, 0, 0, 1], port.parse().ok()?))),
            None => text.parse().ok(),
        }
    }
}

impl Value for Shards {
    const EXPECTED: &'static str = "auto, or a number from 1 to 1024";

    fn parse(text: &str) -> Option<Self> {
        if text == "auto" {
            let cores = std::thread::available_parallelism().map_or(1, usize::from);
            let half = u16::try_from(cores / 2).unwrap_or(SHARDS_MAX);
            return Some(Self(half.clamp(1, SHARDS_MAX)));
        }
        digits(text)?.parse().ok().filter(|shards| (1..=SHARDS_MAX).contains(shards)).map(Self)
    }
}

impl Value for Durability {
    const EXPECTED: &'static str = "fsync or os";

    fn parse(text: &str) -> Option<Self> {
        match text {
            "fsync" => Some(Self::Fsync),
            "os" => Some(Self::Os),
            _ => None,
        }
    }
}

impl Value for CreditOn {
    const EXPECTED: &'static str = "cycle or paid";

    fn parse(text: &str) -> Option<Self> {
        match text {
            "cycle" => Some(Self::Cycle),
            "paid" => Some(Self::Paid),
            _ => None,
        }
    }
}

impl Value for ClockKind {
    const EXPECTED: &'static str = "system or manual";

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Value for LogFormat {
    const EXPECTED: &'static str = "text or json";

    fn parse(text: &str) -> Option<Self> {
        match text {
            "text" => Some(Self::Text),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

impl Value for NonZeroU32 {
    const EXPECTED: &'static str = "a whole number above zero, below 2^32";

    fn parse(text: &str) -> Option<Self> {
        digits(text)?.parse().ok()
    }
}

impl Value for Bytes {
    const EXPECTED: &'static str = "a number of bytes such as 4096, 512KiB, 64MiB or 2GiB";

    fn parse(text: &str) -> Option<Self> {
        let units = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("B", 1)];
        with_unit(text, &units, Some(1)).map(Self)
    }
}

impl Value for Duration {
    const EXPECTED: &'static str = "a length of time such as 500ms, 60s, 15m, 12h or 35d";

    fn parse(text: &str) -> Option<Self> {
        let units = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
        with_unit(text, &units, None).map(Self::from_millis)
    }
}

/// `number` and one of `units`, or `number` alone where that means something.
fn with_unit(text: &str, units: &[(&str, u64)], alone: Option<u64>) -> Option<u64> {
    let unit_at = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(unit_at)?;
    let factor = if unit.is_empty() {
        alone?
    } else {
        units.iter().find(|(name, _)| *name == unit.trim_start()).map(|(_, factor)| *factor)?
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// `text` when it is digits and nothing else: the standard library takes a plus sign too.
fn digits(text: &str) -> Option<&str> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then_some(text)
}
