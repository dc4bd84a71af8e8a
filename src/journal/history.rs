//! The event history: what the retained journal holds, found by customer, name and time.
//!
//! There is no second store of events. A reader looks for frames in the segments' data files with
//! plain reads, beside the writer and without a lock: sled keeps a frame as it was given, in one
//! piece, and each frame carries its own checksum. What cannot be found so is read through sled once
//! the segment is sealed. A sealed segment gets an index beside its seal; it is made again when it
//! is missing or damaged, and no balance ever depends on it.

use std::borrow::Cow;
use std::collections::HashSet;

use foldhash::fast::RandomState;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::id::{CustomerNumber, Seq};
use crate::journal::BatchNumber;
use crate::time::Timestamp;

mod draft;
mod files;
mod frames;
mod index;
mod piece;
mod recorded;

pub use self::files::{HistoryFiles, HistoryTerms, SegmentFacts};
pub use self::piece::Piece;
pub use self::recorded::{Recorded, RecordedBody};

/// What the keys begin with under which a meter catches up with retained events. The events are the
/// history of that use, so these commands are no lines. An application that uses such a key itself misses lines of its own.
pub const BACKFILL_KEY: &str = "\0backfill:";

/// What kind of record a line of the history is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A usage event.
    Event,
    /// A direct use of a meter, which is none among the events but counts in quantities.
    Use,
}

impl Kind {
    const fn tag(self) -> u8 {
        match self {
            Self::Event => 0,
            Self::Use => 1,
        }
    }

    const fn of(tag: u8) -> Option<Self> {
        match tag {
            0 => Some(Self::Event),
            1 => Some(Self::Use),
            _ => None,
        }
    }
}

/// A line of the history: one record that was taken in. A repeat of a key is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// Whose it is.
    pub customer: CustomerNumber,
    /// Where it stands in the journal.
    pub seq: Seq,
    /// When it happened, by its own account.
    pub at: Timestamp,
    /// Its place among the names of its piece.
    pub name: u32,
}

/// A name and what is known of the lines that have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameSeen {
    /// What kind of line.
    pub kind: Kind,
    /// The event's name; the meter's number in digits for a direct use.
    pub name: Box<str>,
    /// How many lines.
    pub count: u64,
    /// The earliest of their times.
    pub first: Timestamp,
    /// The latest of their times.
    pub last: Timestamp,
}

/// Where a frame stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FrameAt {
    first: Seq,
    last: Seq,
    number: BatchNumber,
    /// In the segment's data file; none when it has to be read through the store.
    offset: Option<u64>,
    bytes: u32,
}

/// Keys by hash, in order.
type KeyHashes = Vec<u64>;

/// Keys that were seen before.
type KnownKeys = HashSet<u64, RandomState>;

/// The hash by which a repeated key of a customer is known.
fn key_hash(seed: u64, kind: Kind, customer: CustomerNumber, key: &[u8]) -> u64 {
    let own = (u64::from(customer.0) << 8) | u64::from(kind.tag());
    let spread = own.wrapping_mul(crate::id::SEED_SPREAD);
    xxh3_64_with_seed(key, seed ^ spread)
}

/// Adds to `known` what is in both of two ordered rows.
fn intersect(asked: &[u64], held: &[u64], known: &mut KnownKeys) {
    // Few are looked up one by one, many are merged.
    if asked.len().saturating_mul(16) < held.len() {
        known.extend(asked.iter().filter(|key| held.binary_search(key).is_ok()));
        return;
    }
    let mut held = held.iter().peekable();
    for key in asked {
        while held.next_if(|other| *other < key).is_some() {}
        if held.peek() == Some(&key) {
            known.insert(*key);
        }
    }
}

/// What is wrong with bytes of a history.
type Wrong = Cow<'static, str>;

#[cfg(test)]
mod tests;
