use super::*;
use crate::journal::contract;
use crate::journal::contract::Bed;
use crate::journal::contract::append;
use crate::journal::contract::replay;
use crate::time::Timestamp;

struct MemoryBed(MemoryDisk);

impl Bed for MemoryBed {
    type Journal = MemoryJournal;

    fn new() -> Self {
        Self(MemoryDisk::new(JournalId(7)))
    }

    fn open(&self) -> Result<(MemoryJournal, Opened), JournalError> {
        MemoryJournal::open(&self.0)
    }

    fn copy(&self) -> Self {
        Self(self.0.copy())
    }

    fn unmark(&self) {
        let mut disk = self.0.0.lock();
        disk.mark = Chain::start(disk.journal);
    }

    fn tear(&self, number: BatchNumber, bytes: usize) {
        let mut disk = self.0.0.lock();
        let index = usize::try_from(number.0).unwrap() - 1;
        disk.frames.truncate(index + 1);
        disk.frames[index].truncate(bytes);
    }

    fn flip(&self, number: BatchNumber, byte: usize) {
        let index = usize::try_from(number.0).unwrap() - 1;
        self.0.0.lock().frames[index][byte] ^= 4;
    }

    fn fail_commit(&self, _: &mut MemoryJournal) {
        self.0.fail(Fault::Commit { after: 0, unsynced: Unsynced::Lost });
    }
}

contract::suite!(MemoryBed);

#[test]
fn a_fault_comes_when_it_was_told_to() {
    let disk = MemoryDisk::new(JournalId(7));
    let (mut journal, _) = MemoryJournal::open(&disk).unwrap();
    journal.acquire().unwrap();
    disk.fail(Fault::Submit { after: 2 });
    append(&mut journal, Seq::ZERO, 2, 10);
    let base_time = Timestamp::EPOCH;
    let records = Records { first: Seq(4), last: Seq(9), base_time, bytes: b"" };
    let failed = journal.submit(records).unwrap_err();
    assert_eq!(failed.to_string(), "cannot write memory: injected fault");
    assert!(matches!(journal.commit(), Err(JournalError::Poisoned)));
}

#[test]
fn a_crash_takes_what_it_was_told_to() {
    for (unsynced, kept, torn) in [
        (Unsynced::Lost, 2, 0),
        (Unsynced::Kept, 4, 0),
        (Unsynced::Torn { frames: 1, bytes: 20 }, 3, 1),
    ] {
        let disk = MemoryDisk::new(JournalId(7));
        let (mut journal, _) = MemoryJournal::open(&disk).unwrap();
        journal.acquire().unwrap();
        append(&mut journal, Seq::ZERO, 2, 10);
        // The two batches hold the records 1 and 2 to 3.
        for number in [4, 5] {
            let base_time = Timestamp::EPOCH.saturating_add(number);
            let seq = Seq(number.cast_unsigned());
            journal.submit(Records { first: seq, last: seq, base_time, bytes: b"x" }).unwrap();
        }
        drop(journal);
        disk.crash(unsynced);
        let (mut journal, opened) = MemoryJournal::open(&disk).unwrap();
        assert_eq!(opened.torn_batches, torn);
        assert_eq!(replay(&mut journal, Seq(1)).unwrap().len(), kept);
    }
}
