//! Retention as ledgers: which segments may go, and when.

use std::time::Duration;

use super::retention::Retention;
use crate::id::Seq;
use crate::journal::history::SegmentFacts;
use crate::time::Timestamp;

fn day(day: i64) -> Timestamp {
    Timestamp::from_microseconds(day * 86_400_000_000).unwrap()
}

/// Segments of 100 records each; the n-th ends on the n-th of these days.
fn segments(ends: &[(i64, u64)]) -> Vec<SegmentFacts> {
    let facts = |(place, (end, bytes)): (usize, &(i64, u64))| SegmentFacts {
        last: Seq((place as u64 + 1) * 100),
        recorded_until: day(*end),
        bytes: *bytes,
    };
    ends.iter().enumerate().map(facts).collect()
}

fn retention(days: u64, bytes: u64) -> Retention {
    Retention { age: Duration::from_hours(days * 24), bytes }
}

#[test]
fn a_segment_goes_when_its_last_record_is_too_old() {
    let held = segments(&[(1, 10), (2, 10), (3, 10)]);
    let forgotten = |today| retention(35, 1_000).forgotten(&held, day(today), 0);
    assert_eq!(forgotten(36), Seq::ZERO);
    assert_eq!(forgotten(37), Seq(100));
    assert_eq!(forgotten(38), Seq(200));
    assert_eq!(forgotten(400), Seq(300));
    assert_eq!(retention(35, 1_000).forgotten(&[], day(400), 0), Seq::ZERO);
}

#[test]
fn the_oldest_segments_go_while_they_take_too_much() {
    let held = segments(&[(1, 10), (2, 20), (3, 30), (4, 40)]);
    let forgotten = |bytes| retention(35, bytes).forgotten(&held, day(5), 0);
    assert_eq!(forgotten(100), Seq::ZERO);
    assert_eq!(forgotten(99), Seq(100));
    assert_eq!(forgotten(90), Seq(100));
    assert_eq!(forgotten(89), Seq(200));
    assert_eq!(forgotten(0), Seq(400));
}

#[test]
fn the_history_yields_to_writes_when_the_disk_lacks_room() {
    let held = segments(&[(1, 10), (2, 20), (3, 30)]);
    let forgotten = |missing| retention(35, 1_000).forgotten(&held, day(5), missing);
    assert_eq!(forgotten(0), Seq::ZERO);
    assert_eq!(forgotten(1), Seq(100));
    assert_eq!(forgotten(10), Seq(100));
    assert_eq!(forgotten(11), Seq(200));
    assert_eq!(forgotten(1_000), Seq(300));
}

#[test]
fn a_segment_that_is_old_but_follows_a_younger_one_stays() {
    // The clock of a shard never goes back, so this is a clock that was set wrong for a while.
    let held = segments(&[(90, 10), (2, 10)]);
    assert_eq!(retention(35, 1_000).forgotten(&held, day(100), 0), Seq::ZERO);
}
