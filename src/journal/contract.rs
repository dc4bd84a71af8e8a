//! The suite that every journal passes: what [`Journal`]'s contract promises, tried.

use std::iter;

use crate::id::Epoch;
use crate::id::Seq;
use crate::journal::BatchNumber;
use crate::journal::FRAME_BODY_BYTES_MAX;
use crate::journal::Journal;
use crate::journal::JournalError;
use crate::journal::Opened;
use crate::journal::Records;
use crate::journal::ReplayStop;
use crate::time::Timestamp;

/// A place where journals of one backend live, and what can happen to it.
pub(super) trait Bed: Sized {
    type Journal: Journal;

    fn new() -> Self;
    fn open(&self) -> Result<(Self::Journal, Opened), JournalError>;
    /// Another place that holds what the disk of this one holds now.
    fn copy(&self) -> Self;
    /// Takes the watermark back to before the first batch.
    fn unmark(&self);
    /// Ends the storage `bytes` into frame `number`.
    fn tear(&self, number: BatchNumber, bytes: usize);
    /// Flips a bit of frame `number`, wherever it is stored.
    fn flip(&self, number: BatchNumber, byte: usize);
    /// Lets the next commit fail.
    fn fail_commit(&self, journal: &mut Self::Journal);
}

/// The whole suite as tests of one backend.
macro_rules! suite {
    ($bed:ty: $($name:ident)*) => {$(
        #[test]
        fn $name() {
            $crate::journal::contract::$name::<$bed>();
        }
    )*};
    ($bed:ty) => {
        $crate::journal::contract::suite! { $bed:
            batches_are_replayed_in_order
            a_replay_begins_with_the_batch_that_holds_the_record
            a_replay_ends_when_its_reader_says_so
            each_epoch_is_greater
            what_was_committed_is_there_after_a_clean_stop
            what_was_committed_is_there_after_an_unclean_stop
            a_torn_end_is_cut_wherever_it_tears
            an_end_that_is_missing_below_the_watermark_is_refused
            a_flipped_bit_is_refused_by_name
            a_trim_keeps_what_comes_after_it
            nothing_is_written_after_a_failed_commit
            nothing_is_written_before_an_epoch
            a_frame_over_the_limit_is_refused
            records_that_do_not_follow_are_refused
        }
    };
}
pub(super) use suite;

/// A batch as a test writes and reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    first: Seq,
    last: Seq,
    bytes: Vec<u8>,
}

/// The batch after `before`: one to three records, `bytes` long, different each time.
fn entry(before: Seq, bytes: usize) -> Entry {
    let noise = (before.0 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes();
    Entry {
        first: before.next(),
        last: Seq(before.0 + 1 + before.0 % 3),
        bytes: noise
            .into_iter()
            .cycle()
            .zip(0_u8..=255)
            .map(|(a, b)| a ^ b)
            .cycle()
            .take(bytes)
            .collect(),
    }
}

fn submit(journal: &mut impl Journal, entry: &Entry) -> Result<BatchNumber, JournalError> {
    journal.submit(Records {
        first: entry.first,
        last: entry.last,
        base_time: Timestamp::EPOCH.saturating_add(entry.first.0.cast_signed()),
        bytes: &entry.bytes,
    })
}

/// Appends `count` batches after `before`, each committed on its own.
pub(super) fn append(
    journal: &mut impl Journal,
    before: Seq,
    count: usize,
    bytes: usize,
) -> Vec<Entry> {
    let entries: Vec<Entry> =
        iter::successors(Some(entry(before, bytes)), |last| Some(entry(last.last, bytes + 7)))
            .take(count)
            .collect();
    for entry in &entries {
        submit(journal, entry).unwrap();
        assert_eq!(journal.commit().unwrap(), entry.last);
    }
    entries
}

pub(super) fn replay(journal: &mut impl Journal, from: Seq) -> Result<Vec<Entry>, JournalError> {
    let mut entries = Vec::new();
    journal.replay(from, &mut |batch| {
        assert_eq!(batch.base_time.microseconds(), batch.first.0.cast_signed());
        entries.push(Entry { first: batch.first, last: batch.last, bytes: batch.bytes.to_vec() });
        Ok(())
    })?;
    Ok(entries)
}

/// A journal with `count` batches of about `bytes`.
fn filled<B: Bed>(count: usize, bytes: usize) -> (B, B::Journal, Vec<Entry>) {
    let bed = B::new();
    let (mut journal, _) = bed.open().unwrap();
    journal.acquire().unwrap();
    let entries = append(&mut journal, Seq::ZERO, count, bytes);
    (bed, journal, entries)
}

pub(super) fn batches_are_replayed_in_order<B: Bed>() {
    let bed = B::new();
    let (mut journal, opened) = bed.open().unwrap();
    assert_eq!((opened.first, opened.last, opened.epoch), (Seq(1), Seq::ZERO, Epoch(0)));
    assert_eq!(replay(&mut journal, Seq(1)).unwrap(), []);
    journal.acquire().unwrap();
    let mut entries = append(&mut journal, Seq::ZERO, 3, 100);
    // A group of several frames under one commit, one of them without records' bytes.
    let mut last = entries.last().unwrap().last;
    for bytes in [FRAME_BODY_BYTES_MAX, 0, 1] {
        entries.push(entry(last, bytes));
        submit(&mut journal, entries.last().unwrap()).unwrap();
        last = entries.last().unwrap().last;
    }
    assert_eq!(replay(&mut journal, Seq(1)).unwrap(), entries[..3], "before the commit");
    assert_eq!(journal.commit().unwrap(), last);
    assert_eq!(journal.commit().unwrap(), last, "with nothing submitted");
    assert_eq!(replay(&mut journal, Seq(1)).unwrap(), entries);
}

pub(super) fn a_replay_begins_with_the_batch_that_holds_the_record<B: Bed>() {
    let (_bed, mut journal, entries) = filled::<B>(6, 50);
    let last = entries.last().unwrap().last;
    for from in 1..=last.0 {
        let expected: Vec<Entry> =
            entries.iter().filter(|entry| entry.last.0 >= from).cloned().collect();
        assert_eq!(replay(&mut journal, Seq(from)).unwrap(), expected);
    }
    assert_eq!(replay(&mut journal, last.next()).unwrap(), []);
    let behind = replay(&mut journal, last.next().next()).unwrap_err();
    assert!(matches!(behind, JournalError::Behind { .. }), "{behind}");
}

pub(super) fn a_replay_ends_when_its_reader_says_so<B: Bed>() {
    let (_bed, mut journal, _) = filled::<B>(3, 50);
    let mut read = 0;
    journal
        .replay(Seq(1), &mut |_| {
            read += 1;
            Err(ReplayStop::Enough)
        })
        .unwrap();
    assert_eq!(read, 1);
    let malformed =
        journal.replay(Seq(1), &mut |_| Err(ReplayStop::Malformed("no record"))).unwrap_err();
    assert!(malformed.to_string().ends_with("at batch 1: no record"), "{malformed}");
}

pub(super) fn each_epoch_is_greater<B: Bed>() {
    let bed = B::new();
    for round in 0..3 {
        let (mut journal, opened) = bed.open().unwrap();
        assert_eq!(opened.epoch, Epoch(2 * round));
        assert_eq!(journal.acquire().unwrap(), Epoch(2 * round + 1));
        assert_eq!(journal.acquire().unwrap(), Epoch(2 * round + 2));
        append(&mut journal, opened.last, 1, 10);
        let mut epochs = Vec::new();
        journal
            .replay(Seq(1), &mut |batch| {
                epochs.push(batch.epoch.0);
                Ok(())
            })
            .unwrap();
        assert_eq!(epochs, (0..=round).map(|round| 2 * round + 2).collect::<Vec<_>>());
    }
}

pub(super) fn what_was_committed_is_there_after_a_clean_stop<B: Bed>() {
    let (bed, journal, mut entries) = filled::<B>(5, 300);
    drop(journal);
    for _ in 0..3 {
        let (mut journal, opened) = bed.open().unwrap();
        assert_eq!((opened.first, opened.last), (Seq(1), entries.last().unwrap().last));
        assert_eq!(replay(&mut journal, Seq(1)).unwrap(), entries);
        journal.acquire().unwrap();
        entries.extend(append(&mut journal, opened.last, 4, 300));
        assert_eq!(replay(&mut journal, Seq(1)).unwrap(), entries);
    }
}

pub(super) fn what_was_committed_is_there_after_an_unclean_stop<B: Bed>() {
    let (bed, mut journal, entries) = filled::<B>(5, 300);
    // A replay waits for what the journal does in the background, so that the copy is of one moment.
    replay(&mut journal, Seq(1)).unwrap();
    let copy = bed.copy();
    let (mut journal, opened) = copy.open().unwrap();
    assert_eq!(opened.last, entries.last().unwrap().last);
    assert_eq!(replay(&mut journal, Seq(1)).unwrap(), entries);
}

pub(super) fn a_torn_end_is_cut_wherever_it_tears<B: Bed>() {
    const FRAMES: usize = 5;
    let (bed, journal, entries) = filled::<B>(FRAMES, 200);
    drop(journal);
    bed.unmark();
    for index in 0..FRAMES {
        let length = super::frame::HEADER_BYTES + entries[index].bytes.len();
        for bytes in [0, 40, length - 1] {
            let copy = bed.copy();
            copy.tear(BatchNumber(index as u64 + 1), bytes);
            let (mut journal, opened) = copy.open().unwrap();
            let mut expected = entries[..index].to_vec();
            let last = expected.last().map_or(Seq::ZERO, |entry| entry.last);
            assert_eq!(opened.last, last, "torn {bytes} bytes into batch {}", index + 1);
            assert_eq!(replay(&mut journal, Seq(1)).unwrap(), expected);
            journal.acquire().unwrap();
            expected.extend(append(&mut journal, last, 1, 999));
            drop(journal);
            let (mut journal, opened) = copy.open().unwrap();
            assert_eq!(opened.torn_batches, 0, "cut off for good");
            assert_eq!(replay(&mut journal, Seq(1)).unwrap(), expected);
        }
    }
}

/// Opens and reads all; the error of either.
fn refusal<B: Bed>(bed: &B) -> JournalError {
    let opened = bed.open().and_then(|(mut journal, _)| replay(&mut journal, Seq(1)));
    opened.expect_err("damage is refused")
}

pub(super) fn an_end_that_is_missing_below_the_watermark_is_refused<B: Bed>() {
    // The watermark may lag by one commit.
    let (bed, journal, _) = filled::<B>(5, 200);
    drop(journal);
    for (number, bytes) in [(1, 0), (2, 0), (3, 90), (4, 3), (4, 250)] {
        let copy = bed.copy();
        copy.tear(BatchNumber(number), bytes);
        let refused = refusal(&copy);
        assert!(matches!(refused, JournalError::Damaged { .. }), "{refused}");
    }
}

pub(super) fn a_flipped_bit_is_refused_by_name<B: Bed>() {
    let (bed, journal, _) = filled::<B>(6, 200);
    drop(journal);
    for (number, byte) in [(1, 9), (2, 35), (3, 70), (4, 86), (1, 100), (3, 200)] {
        let copy = bed.copy();
        copy.flip(BatchNumber(number), byte);
        let refused = refusal(&copy);
        let JournalError::Damaged { file, what, .. } = &refused else { panic!("{refused}") };
        assert!(!file.as_os_str().is_empty() && !what.is_empty(), "{refused}");
    }
}

pub(super) fn a_trim_keeps_what_comes_after_it<B: Bed>() {
    const COUNT: usize = 24;
    let (bed, mut journal, entries) = filled::<B>(COUNT, 60_000);
    for index in [3, 11, COUNT - 1] {
        let through = entries[index].last;
        journal.trim(through).unwrap();
        journal.trim(through).unwrap();
        let kept = entries.iter().filter(|entry| entry.last > through).cloned().collect::<Vec<_>>();
        assert_eq!(replay(&mut journal, through.next()).unwrap(), kept);
    }
    drop(journal);
    let (mut journal, opened) = bed.open().unwrap();
    assert!(opened.first > Seq(1), "some of it was dropped");
    assert_eq!(opened.last, entries[COUNT - 1].last, "never the last batch");
    let trimmed = replay(&mut journal, Seq(opened.first.0 - 1)).unwrap_err();
    assert!(matches!(trimmed, JournalError::Trimmed { .. }), "{trimmed}");
    let kept = entries.iter().filter(|entry| entry.first >= opened.first);
    let mut kept = kept.cloned().collect::<Vec<_>>();
    assert_eq!(replay(&mut journal, opened.first).unwrap(), kept);
    journal.acquire().unwrap();
    kept.extend(append(&mut journal, opened.last, 2, 10));
    assert_eq!(replay(&mut journal, opened.first).unwrap(), kept);
}

pub(super) fn nothing_is_written_after_a_failed_commit<B: Bed>() {
    let (bed, mut journal, entries) = filled::<B>(3, 80);
    let next = entry(entries[2].last, 80);
    submit(&mut journal, &next).unwrap();
    bed.fail_commit(&mut journal);
    assert!(journal.commit().is_err());
    assert!(matches!(submit(&mut journal, &entry(next.last, 80)), Err(JournalError::Poisoned)));
    assert!(matches!(journal.commit(), Err(JournalError::Poisoned)));
    assert!(matches!(journal.acquire(), Err(JournalError::Poisoned)));
    drop(journal);
    let (mut journal, _) = bed.open().unwrap();
    let found = replay(&mut journal, Seq(1)).unwrap();
    assert_eq!(found[..3], entries, "what was acknowledged is there");
    assert!(found.len() == 3 || (found.len() == 4 && found[3] == next), "the rest may be");
}

pub(super) fn nothing_is_written_before_an_epoch<B: Bed>() {
    let bed = B::new();
    let (mut journal, _) = bed.open().unwrap();
    assert!(matches!(submit(&mut journal, &entry(Seq::ZERO, 1)), Err(JournalError::NoEpoch)));
    assert!(matches!(journal.commit(), Err(JournalError::NoEpoch)));
    assert!(matches!(journal.trim(Seq(1)), Err(JournalError::NoEpoch)));
}

pub(super) fn a_frame_over_the_limit_is_refused<B: Bed>() {
    let (_bed, mut journal, mut entries) = filled::<B>(1, 10);
    let large = entry(entries[0].last, FRAME_BODY_BYTES_MAX + 1);
    assert!(matches!(submit(&mut journal, &large), Err(JournalError::FrameTooLarge { .. })));
    entries.extend(append(&mut journal, entries[0].last, 1, FRAME_BODY_BYTES_MAX));
    assert_eq!(replay(&mut journal, Seq(1)).unwrap(), entries);
}

pub(super) fn records_that_do_not_follow_are_refused<B: Bed>() {
    let (_bed, mut journal, mut entries) = filled::<B>(2, 10);
    let last = entries[1].last;
    for (first, end) in [(last.next().next(), Seq(99)), (last, Seq(99)), (last.next(), last)] {
        let wrong = Entry { first, last: end, bytes: vec![1] };
        assert!(matches!(submit(&mut journal, &wrong), Err(JournalError::OutOfOrder { .. })));
    }
    entries.extend(append(&mut journal, last, 1, 10));
    assert_eq!(replay(&mut journal, Seq(1)).unwrap(), entries);
}
