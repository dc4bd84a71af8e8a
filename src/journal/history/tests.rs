//! Histories of journals on disk: what is found must be what was written, whatever becomes of the
//! indexes.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::account::{Action, Posting};
use crate::id::{Epoch, MeterNumber};
use crate::journal::record::{CommandHead, put_command, put_event};
use crate::journal::sled::{Durability, Options, SledJournal};
use crate::journal::{Journal, JournalId, Records};
use crate::units::Draw;

const SEED: u64 = 0x5eed;

/// Customer, key, name, seconds since 1970 by the event's own account.
type Entry = (u32, &'static str, &'static str, Option<i64>);

struct Bed {
    temp: TempDir,
    journal: SledJournal,
    id: JournalId,
    last: Seq,
    /// What the history must be: customer, position, time, name.
    expected: Vec<(u32, u64, i64, String)>,
    keys: HashSet<(u32, String)>,
}

fn open(directory: &Path, segment_bytes_max: u64) -> (SledJournal, JournalId, Seq) {
    let options = Options { segment_bytes_max, durability: Durability::Os, ..Options::default() };
    let (mut journal, opened) = SledJournal::open(directory, options).unwrap();
    assert!(journal.acquire().unwrap() > Epoch(0));
    (journal, opened.id, opened.last)
}

impl Bed {
    /// A journal that begins a segment with every group.
    fn new() -> Self {
        let temp = TempDir::new().unwrap();
        let (journal, id, last) = open(temp.path(), 1);
        Self { temp, journal, id, last, expected: Vec::new(), keys: HashSet::new() }
    }

    fn history(&self) -> HistoryFiles {
        HistoryFiles::new(HistoryTerms::new(self.temp.path().to_owned(), self.id, SEED))
    }

    /// One group that holds these events; the n-th group is sequenced at n hours.
    fn write(&mut self, hour: i64, entries: &[Entry]) {
        let base = Timestamp::from_microseconds(hour * 3_600_000_000).unwrap();
        let mut bytes = Vec::new();
        let first = self.last.next();
        for (customer, key, name, at) in entries {
            let at = at.map(|seconds| Timestamp::from_microseconds(seconds * 1_000_000).unwrap());
            let said = at.map_or_else(String::new, |at| format!(r#","timestamp":"{at}""#));
            let json = format!(r#"{{"name":"{name}","external_customer_id":"c{customer}"{said}}}"#);
            let (customer_number, key) = (CustomerNumber(*customer), key.as_bytes());
            put_event(&mut bytes, 0, customer_number, key, &[], json.as_bytes());
            self.last = self.last.next();
            let key = String::from_utf8(key.to_vec()).unwrap();
            if key.is_empty() || self.keys.insert((*customer, key)) {
                let at = at.unwrap_or(base).microseconds();
                self.expected.push((*customer, self.last.0, at, (*name).to_owned()));
            }
        }
        let records = Records { first, last: self.last, base_time: base, bytes: &bytes };
        self.journal.submit(records).unwrap();
        self.journal.commit().unwrap();
    }

    /// Waits until the janitor has sealed what was filled.
    fn settle(&mut self) {
        self.journal.replay(Seq(1), &mut |_| Ok(())).unwrap();
    }

    fn indexes(&self) -> Vec<std::path::PathBuf> {
        let mut found: Vec<_> = fs::read_dir(self.temp.path())
            .unwrap()
            .map(|entry| entry.unwrap().path().join(index::FILE_NAME))
            .filter(|path| path.exists())
            .collect();
        found.sort();
        found
    }

    fn check(&self, history: &mut HistoryFiles) {
        history.refresh(self.last).unwrap();
        let mut found = Vec::new();
        for piece in history.pieces() {
            let mut lines = Vec::new();
            piece.each_line(&mut |line| lines.push(line)).unwrap();
            assert_eq!(lines.len() as u64, piece.lines());
            lines.sort_by_key(|line| line.seq);
            for line in lines {
                let name = piece.names()[line.name as usize].name.to_string();
                found.push((line.customer.0, line.seq.0, line.at.microseconds(), name));
                assert!(piece.times().0 <= line.at && line.at <= piece.times().1);
            }
        }
        assert_eq!(found, self.expected);
        for customer in 0..8 {
            let mut lines = Vec::new();
            for piece in history.pieces() {
                piece.lines_of(CustomerNumber(customer), &mut lines).unwrap();
            }
            let found: Vec<u64> = lines.iter().map(|line| line.seq.0).collect();
            let own = self.expected.iter().filter(|line| line.0 == customer);
            assert_eq!(found, own.map(|line| line.1).collect::<Vec<_>>());
        }
        for (customer, seq, _, name) in &self.expected {
            let record = history.record(Seq(*seq)).unwrap().unwrap();
            assert_eq!(record.customer.0, *customer);
            let RecordedBody::Event(json) = record.body else { panic!("{record:?}") };
            assert!(std::str::from_utf8(json).unwrap().contains(name.as_str()));
        }
        assert_eq!(history.record(self.last.next()).unwrap(), None);
    }
}

fn filled() -> Bed {
    let mut bed = Bed::new();
    bed.write(1, &[(0, "a", "call", None), (1, "a", "call", None), (0, "", "page", Some(5))]);
    bed.write(2, &[(0, "a", "again", None), (2, "", "call", None), (0, "b", "page", None)]);
    bed.write(3, &[(3, "b", "call", Some(60)), (3, "b", "twice", None), (0, "b", "late", None)]);
    bed.write(4, &[(1, "", "call", None)]);
    bed
}

#[test]
fn what_was_written_is_found_and_repeats_are_left_out() {
    let mut bed = filled();
    assert_eq!(bed.expected.len(), 7);
    let mut history = bed.history();
    bed.check(&mut history);
    bed.settle();
    bed.check(&mut history);
    bed.write(5, &[(4, "z", "call", None), (1, "a", "over", None)]);
    bed.check(&mut history);
    bed.check(&mut bed.history());
}

#[test]
fn one_segment_is_followed_while_it_is_written() {
    let temp = TempDir::new().unwrap();
    let (journal, id, last) = open(temp.path(), 128 << 20);
    let mut bed = Bed { temp, journal, id, last, expected: Vec::new(), keys: HashSet::new() };
    let mut history = bed.history();
    bed.check(&mut history);
    for group in 0..300_u32 {
        bed.write(i64::from(group), &[(group % 8, "", "call", None), (1, "same", "call", None)]);
        if group % 37 == 0 {
            bed.check(&mut history);
            // Nothing new is found at once.
            bed.check(&mut history);
        }
    }
    bed.check(&mut history);
    bed.check(&mut bed.history());
    assert_eq!(bed.indexes().len(), 0);
}

#[test]
fn a_history_goes_on_over_a_restart() {
    let mut bed = filled();
    let mut history = bed.history();
    bed.check(&mut history);
    let Bed { temp, journal, id, last, expected, keys } = bed;
    drop(journal);
    let (journal, again, found) = open(temp.path(), 1);
    assert_eq!((again, found), (id, last));
    bed = Bed { temp, journal, id, last, expected, keys };
    bed.write(6, &[(0, "b", "over", None), (5, "b", "call", None)]);
    bed.check(&mut history);
    bed.check(&mut bed.history());
}

#[test]
fn an_index_that_is_missing_or_damaged_is_made_again() {
    let mut bed = filled();
    bed.settle();
    let mut history = bed.history();
    assert!(
        history.sealed_facts().unwrap().iter().all(|facts| facts.recorded_until == Timestamp::MAX)
    );
    history.index_sealed().unwrap();
    let facts = history.sealed_facts().unwrap();
    let ends: Vec<u64> = facts.iter().map(|facts| facts.last.0).collect();
    assert_eq!(ends, [3, 6, 9]);
    assert!(facts.iter().all(|facts| facts.bytes > 0));
    assert_eq!(facts[1].recorded_until.microseconds(), 2 * 3_600_000_000);
    let indexes = bed.indexes();
    assert_eq!(indexes.len(), 3);
    for path in &indexes {
        let whole = fs::read(path).unwrap();
        for at in (0..whole.len()).step_by(7) {
            let mut flipped = whole.clone();
            flipped[at] ^= 0x10;
            fs::write(path, &flipped).unwrap();
            let mut history = bed.history();
            history.refresh(bed.last).unwrap();
            assert_eq!(fs::read(path).unwrap(), whole, "byte {at} of {}", path.display());
        }
        fs::write(path, &whole[..whole.len() / 2]).unwrap();
        bed.check(&mut bed.history());
        fs::remove_file(path).unwrap();
        bed.check(&mut bed.history());
        assert_eq!(fs::read(path).unwrap(), whole);
    }
}

#[test]
fn a_history_without_room_for_indexes_is_read_all_the_same() {
    let mut bed = filled();
    bed.settle();
    // A directory stands where the index is drafted: nothing can be written there.
    for number in 1..4 {
        let draft = bed.temp.path().join(format!("segment-000000000{number}/history.new"));
        fs::create_dir(draft).unwrap();
    }
    let mut history = bed.history();
    bed.check(&mut history);
    bed.write(5, &[(1, "", "call", None), (0, "a", "again", None)]);
    bed.check(&mut history);
    assert!(bed.indexes().is_empty());
}

#[test]
fn an_index_of_another_segment_is_not_taken() {
    let mut bed = filled();
    bed.settle();
    bed.history().index_sealed().unwrap();
    let indexes = bed.indexes();
    fs::copy(&indexes[0], &indexes[1]).unwrap();
    bed.check(&mut bed.history());
}

#[test]
fn damaged_events_are_refused_by_name_and_never_shown() {
    let mut bed = filled();
    bed.settle();
    bed.history().index_sealed().unwrap();
    let data = bed.temp.path().join("segment-0000000001/db");
    let mut bytes = fs::read(&data).unwrap();
    let finder = memchr::memmem::Finder::new(br#"{"name":"call""#);
    let places: Vec<usize> = finder.find_iter(&bytes).collect();
    for place in places {
        bytes[place + 9] = b'k';
    }
    fs::write(&data, &bytes).unwrap();
    let mut history = bed.history();
    history.refresh(bed.last).unwrap();
    let refused = history.record(Seq(1)).unwrap_err().to_string();
    assert!(refused.contains("segment-0000000001"), "{refused}");
    assert!(history.record(Seq(5)).unwrap().is_some());
}

#[test]
fn trimmed_segments_leave_the_history() {
    let mut bed = filled();
    let mut history = bed.history();
    bed.check(&mut history);
    bed.settle();
    // What is a repeat was found out while the first one was there.
    bed.history().index_sealed().unwrap();
    bed.journal.trim(Seq(6)).unwrap();
    bed.settle_removal();
    bed.expected.retain(|line| line.1 > 6);
    history.refresh(bed.last).unwrap();
    assert_eq!(history.record(Seq(1)).unwrap(), None);
    let lines: u64 = history.pieces().map(Piece::lines).sum();
    assert_eq!(lines, bed.expected.len() as u64);
}

impl Bed {
    fn settle_removal(&mut self) {
        self.journal.replay(Seq(7), &mut |_| Ok(())).unwrap();
    }
}

#[test]
fn direct_uses_are_lines_of_their_own_kind() {
    let mut bed = Bed::new();
    let base = Timestamp::from_microseconds(7_000_000).unwrap();
    let at = Timestamp::from_microseconds(6_000_000).unwrap();
    let mut bytes = Vec::new();
    let head =
        CommandHead { customer: CustomerNumber(3), meter: MeterNumber(2), key: b"k", at: Some(at) };
    let posting = Posting::Draw(Draw(25.into()));
    put_command(&mut bytes, 0, &head, &Action::Use(posting));
    put_command(&mut bytes, 0, &head, &Action::Use(posting));
    put_command(&mut bytes, 0, &head, &Action::Advance);
    let records = Records { first: Seq(1), last: Seq(3), base_time: base, bytes: &bytes };
    bed.journal.submit(records).unwrap();
    bed.journal.commit().unwrap();
    let mut history = bed.history();
    history.refresh(Seq(3)).unwrap();
    let mut lines = Vec::new();
    let piece = history.pieces().next().unwrap();
    piece.each_line(&mut |line| lines.push(line)).unwrap();
    assert_eq!(lines, [Line { customer: CustomerNumber(3), seq: Seq(1), at, name: 0 }]);
    let names = piece.names();
    assert_eq!((names[0].kind, &*names[0].name, names[0].count), (Kind::Use, "2", 1));
    let record = history.record(Seq(1)).unwrap().unwrap();
    assert_eq!(record.body, RecordedBody::Use { meter: MeterNumber(2), posting, at });
}

#[test]
fn keys_are_known_by_merging_and_by_searching() {
    let held: Vec<u64> = (0..1_000).map(|key| key * 3).collect();
    for step in [1, 90] {
        let asked: Vec<u64> = (0..3_100).step_by(step).collect();
        let mut known = KnownKeys::default();
        intersect(&asked, &held, &mut known);
        let expected = asked.iter().filter(|key| **key % 3 == 0 && **key < 3_000);
        assert_eq!(known, expected.copied().collect());
    }
}
