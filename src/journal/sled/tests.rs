use std::fs;
use std::fs::File;
use std::process::Command;

use super::*;
use crate::journal::FRAME_BODY_BYTES_MAX;
use crate::journal::contract;
use crate::journal::contract::Bed;
use crate::journal::contract::append;
use crate::journal::contract::replay;
use crate::journal::store::DATA_FILE;

/// Small enough that a few large frames fill a segment.
const TEST_SEGMENT_BYTES: u64 = 256 * 1024;

struct SledBed {
    directory: tempfile::TempDir,
}

impl SledBed {
    fn options(durability: Durability) -> Options {
        let segment_bytes_max = TEST_SEGMENT_BYTES;
        Options { segment_bytes_max, durability, missing: Missing::Create }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("journal")
    }

    fn segment(&self, number: u64) -> PathBuf {
        segment::path(&self.path(), number)
    }

    /// The data files, in the order of segments.
    fn data_files(&self) -> Vec<PathBuf> {
        let numbers = segment::list(&self.path()).unwrap().segments;
        numbers.into_iter().map(|number| self.segment(number).join(DATA_FILE)).collect()
    }

    fn refusal(&self) -> String {
        let opened = SledJournal::open(&self.path(), Self::options(Durability::Fsync));
        match opened.and_then(|(mut journal, _)| replay(&mut journal, Seq(1))) {
            Ok(entries) => panic!("{} batches were read", entries.len()),
            Err(error) => error.to_string(),
        }
    }

    /// A closed journal of `count` batches of about `bytes`.
    fn filled(count: usize, bytes: usize) -> Self {
        let bed = Self::new();
        let (mut journal, _) = bed.open().unwrap();
        journal.acquire().unwrap();
        append(&mut journal, Seq::ZERO, count, bytes);
        bed
    }
}

/// Where frames with `number` begin in `content`.
fn occurrences(content: &[u8], number: BatchNumber) -> Vec<usize> {
    memchr::memmem::find_iter(content, b"DDJF\x01\0\0\0")
        .filter(|at| content.get(at + 32..at + 40) == Some(&number.0.to_le_bytes()))
        .collect()
}

fn copy_directory(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_directory(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

impl Bed for SledBed {
    type Journal = SledJournal;

    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap() }
    }

    fn open(&self) -> Result<(SledJournal, Opened), JournalError> {
        SledJournal::open(&self.path(), Self::options(Durability::Fsync))
    }

    fn copy(&self) -> Self {
        let copy = Self::new();
        copy_directory(&self.path(), &copy.path());
        copy
    }

    fn unmark(&self) {
        let (_, mark) = Watermark::open(&self.path()).unwrap();
        Watermark::create(&self.path(), mark.journal).unwrap();
    }

    fn tear(&self, number: BatchNumber, bytes: usize) {
        for path in self.data_files() {
            let content = fs::read(&path).unwrap();
            if let Some(first) = occurrences(&content, number).first() {
                let file = File::options().write(true).open(&path).unwrap();
                return file.set_len((first + bytes) as u64).unwrap();
            }
        }
        panic!("batch {number} is nowhere");
    }

    fn flip(&self, number: BatchNumber, byte: usize) {
        let mut flipped = 0;
        for path in self.data_files() {
            let mut content = fs::read(&path).unwrap();
            for first in occurrences(&content, number) {
                content[first + byte] ^= 4;
                flipped += 1;
            }
            fs::write(&path, content).unwrap();
        }
        assert!(flipped > 0, "batch {number} is nowhere");
    }

    fn fail_commit(&self, journal: &mut SledJournal) {
        // fdatasync of a device that keeps nothing fails with EINVAL.
        let store = journal.segments.last_mut().unwrap().store.as_mut().unwrap();
        store.file = Arc::new(File::open("/dev/null").unwrap());
    }
}

contract::suite!(SledBed);

#[test]
fn segments_follow_each_other_are_sealed_and_dropped() {
    let bed = SledBed::new();
    let (mut journal, _) = bed.open().unwrap();
    journal.acquire().unwrap();
    append(&mut journal, Seq::ZERO, 20, 60_000);
    let all = replay(&mut journal, Seq(1)).unwrap();
    assert!(journal.segments.len() > 3, "{}", journal.segments.len());
    let seals = journal.segments.iter().map(|segment| segment.directory.join("seal").exists());
    let unsealed = seals.clone().filter(|sealed| !sealed).count();
    assert_eq!(unsealed, 1, "all but the active one");
    let third = journal.segments[2].extent.unwrap();
    journal.trim(third.last).unwrap();
    // A replay waits for the janitor.
    let kept = replay(&mut journal, third.last.next()).unwrap();
    assert!(all.ends_with(&kept));
    for number in 1..=3 {
        assert!(!bed.segment(number).exists());
    }
}

#[test]
fn commits_survive_the_process_without_syncs_too() {
    let bed = SledBed::new();
    let options = SledBed::options(Durability::Os);
    let mut entries = Vec::new();
    for _ in 0..2 {
        let (mut journal, opened) = SledJournal::open(&bed.path(), options).unwrap();
        journal.acquire().unwrap();
        entries.extend(append(&mut journal, opened.last, 8, 60_000));
        assert_eq!(replay(&mut journal, Seq(1)).unwrap(), entries);
        let copy = bed.copy();
        let (mut copied, _) = copy.open().unwrap();
        assert_eq!(replay(&mut copied, Seq(1)).unwrap(), entries);
    }
}

#[test]
fn large_frames_never_go_to_files_that_sled_does_not_sync() {
    let bed = SledBed::new();
    let options = Options::default();
    let (mut journal, _) = SledJournal::open(&bed.path(), options).unwrap();
    journal.acquire().unwrap();
    append(&mut journal, Seq::ZERO, 150, FRAME_BODY_BYTES_MAX - 7);
    assert_eq!(journal.segments.len(), 1);
    drop(journal);
    let blobs = fs::read_dir(bed.segment(1).join("blobs")).unwrap();
    assert_eq!(blobs.count(), 0);
}

#[test]
fn no_journal_is_made_where_none_was_asked_for() {
    let bed = SledBed::new();
    let options = Options { missing: Missing::Refuse, ..Options::default() };
    let absent = SledJournal::open(&bed.path(), options);
    assert!(matches!(absent.map(drop), Err(JournalError::Absent(_))));
    assert!(!bed.path().exists());
}

#[test]
fn missing_files_are_never_an_empty_start() {
    type Damage = fn(&SledBed);
    let bed = SledBed::filled(12, 60_000);
    let damages: [(&str, Damage); 5] = [
        ("watermark at byte 0: the file is missing", |bed| {
            fs::remove_file(bed.path().join("watermark")).unwrap();
        }),
        ("the segment before it is missing", |bed| fs::remove_dir_all(bed.segment(2)).unwrap()),
        ("record 1 was dropped", |bed| fs::remove_dir_all(bed.segment(1)).unwrap()),
        ("segment-0000000002/db at byte 0: the file is missing", |bed| {
            fs::remove_file(bed.segment(2).join(DATA_FILE)).unwrap();
        }),
        ("journal at batch 12: an acknowledged batch is missing", |bed| {
            for number in segment::list(&bed.path()).unwrap().segments {
                fs::remove_dir_all(bed.segment(number)).unwrap();
            }
        }),
    ];
    for (named, damage) in damages {
        let copy = bed.copy();
        damage(&copy);
        let refused = copy.refusal();
        assert!(refused.contains(named), "{refused}");
    }
}

#[test]
fn an_emptied_segment_is_refused() {
    for number in [1, 2] {
        let bed = SledBed::filled(8, 60_000);
        let directory = bed.segment(number);
        let seal = fs::read(directory.join("seal")).ok();
        fs::remove_dir_all(&directory).unwrap();
        drop(Store::create(&directory).unwrap());
        assert!(bed.refusal().contains("missing") || bed.refusal().contains("empty"));
        if let Some(seal) = seal {
            fs::write(directory.join("seal"), seal).unwrap();
            assert!(bed.refusal().contains("an acknowledged batch is missing"));
        }
    }
}

#[test]
fn any_damaged_place_is_refused_or_does_no_harm() {
    let bed = SledBed::filled(40, 900);
    let (mut journal, _) = bed.open().unwrap();
    let entries = replay(&mut journal, Seq(1)).unwrap();
    drop(journal);
    let length = fs::metadata(bed.segment(1).join(DATA_FILE)).unwrap().len();
    let used = 120_000.min(length);
    for step in 0..24 {
        let copy = bed.copy();
        let path = copy.segment(1).join(DATA_FILE);
        let mut content = fs::read(&path).unwrap();
        let place = usize::try_from(used * step / 24).unwrap() + 13;
        content[place] ^= 0x10;
        fs::write(&path, content).unwrap();
        let read = copy.open().and_then(|(mut journal, _)| replay(&mut journal, Seq(1)));
        match read {
            Ok(read) => assert_eq!(read, entries, "flipped at {place}"),
            Err(JournalError::Damaged { .. }) => {}
            Err(other) => panic!("flipped at {place}: {other}"),
        }
    }
}

/// Where the test below has its child write.
const CHILD_DIRECTORY: &str = "DRAWDOWN_JOURNAL_SYNC_TEST";
const CHILD_COMMITS: usize = 10;

#[test]
fn a_journal_that_is_watched_from_outside() {
    let own = tempfile::tempdir().unwrap();
    let directory =
        std::env::var_os(CHILD_DIRECTORY).map_or_else(|| own.path().join("journal"), PathBuf::from);
    let (mut journal, _) = SledJournal::open(&directory, Options::default()).unwrap();
    journal.acquire().unwrap();
    append(&mut journal, Seq::ZERO, CHILD_COMMITS, 500);
}

#[test]
fn each_commit_is_one_real_sync_and_one_of_the_watermark() {
    let bed = SledBed::new();
    let trace = bed.directory.path().join("trace");
    let traced = Command::new("strace")
        .args(["-f", "-y", "-e", "trace=fdatasync,fsync", "-o"])
        .arg(&trace)
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "journal::sled::tests::a_journal_that_is_watched_from_outside"])
        .env(CHILD_DIRECTORY, bed.path())
        .output();
    let traced = match traced {
        Ok(traced) if !String::from_utf8_lossy(&traced.stderr).contains("ptrace") => traced,
        Ok(_) | Err(_) => {
            eprintln!("skipped: strace is not there or may not trace");
            return;
        }
    };
    assert!(traced.status.success(), "{}", String::from_utf8_lossy(&traced.stderr));
    let trace = fs::read_to_string(trace).unwrap();
    let count = |call: &str, file: &str| {
        trace.lines().filter(|line| line.contains(call) && line.contains(file)).count()
    };
    // Made under another name and synced there, synced once more by `acquire`.
    assert_eq!(count("fdatasync(", "segment-0000000001/db>"), 1 + CHILD_COMMITS);
    assert_eq!(count("fdatasync(", "segment-0000000001.new/db>"), 1);
    // Two by `acquire`. Marks may be overtaken only after the last commit.
    assert_eq!(count("fdatasync(", "/watermark>"), 2 + CHILD_COMMITS);
    for name in ["conf>", "blobs>", "segment-0000000001.new>", "/journal>"] {
        assert!(count("fsync(", name) > 0, "{name} was never synced:\n{trace}");
    }
    assert!(count("fsync(", &format!("{}>", bed.directory.path().display())) > 0);
}
