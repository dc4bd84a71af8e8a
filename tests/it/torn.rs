//! The end of the journal is gone: the server starts with exactly what is left, if nothing is missing
//! that it knows to have acknowledged, and otherwise says where. It never starts empty.

use std::fs;
use std::fs::File;
use std::path::Path;
use std::path::PathBuf;

use drawdown::workload::Random;
use tempfile::TempDir;

use crate::caller::Caller;
use crate::server::Options;

const COMMANDS: u64 = 120;
const CUSTOMERS: u64 = 7;

/// How many of the last acknowledgements the watermark may not know of yet: it is synced beside the
/// commit that follows.
const UNMARKED_MAX: u64 = 2;

const WATERMARK: &str = "shard-000/journal/watermark";

fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// What an empty data file has at most, in bytes.
const EMPTY_BYTES_MAX: u64 = 1_024;

/// The data file of the newest segment that holds anything. One that was opened ahead is empty.
fn last_data_file(data: &Path) -> PathBuf {
    let journal = data.join("shard-000/journal");
    let mut files: Vec<PathBuf> = fs::read_dir(journal)
        .unwrap()
        .map(|entry| entry.unwrap().path().join("db"))
        .filter(|file| file.metadata().is_ok_and(|data| data.len() > EMPTY_BYTES_MAX))
        .collect();
    files.sort();
    files.into_iter().next_back().unwrap()
}

/// What the customers used after the first `count` commands: command k takes k units.
fn used_after(count: u64) -> Vec<u64> {
    let mut used = vec![0; usize::try_from(CUSTOMERS).unwrap()];
    for number in 1..=count {
        used[usize::try_from(number % CUSTOMERS).unwrap()] += number;
    }
    used
}

/// A directory whose server was killed right after the last acknowledgement, and its watermark from
/// before that, which is what a power failure may leave.
fn killed_server(temp: &Path, flags: &[&str], snapshot_at: Option<u64>) -> (Options, Vec<u8>) {
    let options = Options::on(&temp.join("data")).with(&["--shards", "1"]).with(flags);
    let data = options.data().to_owned();
    let server = options.start();
    let mut caller = Caller::of(&server);
    caller.says("METER CREATE tokens");
    let mut watermark = Vec::new();
    for number in 1..=COMMANDS {
        if number == COMMANDS {
            watermark = fs::read(data.join(WATERMARK)).unwrap();
        }
        let said = caller.says(&format!("USE customer-{} tokens {number}", number % CUSTOMERS));
        assert!(said.starts_with("applied "), "{said}");
        if snapshot_at == Some(number) {
            caller.says("SNAPSHOT").parse::<u64>().unwrap();
        }
    }
    (server.kill(), watermark)
}

/// How a server starts on a directory with a cut file.
#[derive(Debug, PartialEq, Eq)]
enum Started {
    /// With the first so many commands, and nothing of the others.
    With(u64),
    /// Not at all.
    Refused,
}

fn start(options: Options) -> Started {
    let data = options.data().to_owned();
    let server = match options.try_start() {
        Ok(server) => server,
        Err((status, log)) => {
            assert_eq!(status.code(), Some(65), "{log}");
            let last = log.lines().last().unwrap_or_default();
            assert!(last.starts_with("drawdown: "), "{log}");
            assert!(last.contains(data.to_str().unwrap()), "no file is named: {last}");
            assert!(last.contains("byte ") || last.contains("batch "), "no position: {last}");
            return Started::Refused;
        }
    };
    let mut caller = Caller::of(&server);
    let found: Vec<u64> = (0..CUSTOMERS)
        .map(|customer| {
            let balance = caller.says(&format!("BALANCE customer-{customer} tokens"));
            balance.trim_start_matches('-').parse().unwrap()
        })
        .collect();
    let count = (0..=COMMANDS).find(|count| used_after(*count) == found);
    let count = count.unwrap_or_else(|| panic!("{found:?} is no prefix of what was asked for"));
    // It goes on from there.
    let next = caller.says("USE customer-0 tokens 1");
    assert_eq!(next, format!("applied -{}", found[0] + 1));
    Started::With(count)
}

/// Starts servers on copies of the directory that lack the end of the journal's last file: with the
/// newest watermark, and with the one before.
fn check_cuts(temp: &Path, options: &Options, earlier: &[u8], covered: u64) {
    check_marked_cuts(temp, options, covered);
    fs::write(options.data().join(WATERMARK), earlier).unwrap();
    let shorter = check_marked_cuts(temp, options, covered)
        .iter()
        .any(|started| matches!(started, Started::With(count) if *count < COMMANDS));
    assert!(shorter, "what was torn off beyond the watermark keeps the rest from being read");
}

fn check_marked_cuts(temp: &Path, options: &Options, covered: u64) -> Vec<Started> {
    let file = last_data_file(options.data());
    let length = fs::metadata(&file).unwrap().len();
    let bytes = fs::read(&file).unwrap();
    // sled's files end with room that was never written to.
    let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last as u64 + 1);
    println!("{} has {length} bytes, {used} of them used", file.display());
    let mut cuts = vec![0, 1, 20, 512, 4_096, used / 4, used / 2, used - used / 8];
    cuts.extend([used - 200, used - 100, used - 40, used - 1, used, length - 1, length]);
    let mut random = Random::new(length);
    cuts.extend((0..5).map(|_| random.bits() % used));
    cuts.retain(|cut| *cut <= length);
    cuts.sort_unstable();
    cuts.dedup();
    let mut outcomes = Vec::new();
    for cut in cuts {
        let copy = temp.join(format!("cut-{cut}"));
        copy_tree(options.data(), &copy);
        let cut_file = last_data_file(&copy);
        File::options().write(true).open(&cut_file).unwrap().set_len(cut).unwrap();
        let started = start(options.moved_to(&copy));
        if let Started::With(count) = started {
            assert!(count >= COMMANDS - UNMARKED_MAX, "cut at {cut}: {count} of {COMMANDS}");
            assert!(count >= covered, "cut at {cut}: {count}, snapshot at {covered}");
        }
        fs::remove_dir_all(&copy).unwrap();
        outcomes.push((cut, started));
    }
    println!("{outcomes:?}");
    assert_eq!(outcomes.first(), Some(&(0, Started::Refused)));
    assert_eq!(outcomes.last(), Some(&(length, Started::With(COMMANDS))));
    outcomes.into_iter().map(|(_, started)| started).collect()
}

#[test]
fn a_cut_journal_is_a_prefix_or_is_refused() {
    let temp = TempDir::new().unwrap();
    let (options, earlier) = killed_server(temp.path(), &[], None);
    check_cuts(temp.path(), &options, &earlier, 0);
}

#[test]
fn a_cut_journal_behind_a_snapshot_is_a_prefix_or_is_refused() {
    let temp = TempDir::new().unwrap();
    let flags = ["--segment-bytes-max", "16KiB"];
    let (options, earlier) = killed_server(temp.path(), &flags, Some(COMMANDS - 20));
    check_cuts(temp.path(), &options, &earlier, COMMANDS - 20);
}

#[test]
fn a_missing_part_is_never_an_empty_start() {
    let temp = TempDir::new().unwrap();
    let (options, _) = killed_server(temp.path(), &[], None);
    let parts = [
        "directory.toml",
        "shard-000",
        "shard-000/journal",
        "shard-000/journal/watermark",
        "catalog",
        "catalog/journal",
        "catalog/journal/watermark",
    ];
    for (number, part) in parts.iter().enumerate() {
        let copy = temp.path().join(format!("without-{number}"));
        copy_tree(options.data(), &copy);
        let part = copy.join(part);
        if part.is_dir() {
            fs::remove_dir_all(&part).unwrap();
        } else {
            fs::remove_file(&part).unwrap();
        }
        let refused = options.moved_to(&copy).try_start();
        let (status, log) = refused.expect_err("the server started without a part of its data");
        assert_eq!(status.code(), Some(65), "without {}: {log}", part.display());
        assert!(log.contains(copy.to_str().unwrap()), "{log}");
    }
    let mut segment = last_data_file(options.data());
    let copy = temp.path().join("without-segment");
    copy_tree(options.data(), &copy);
    segment = copy.join(segment.strip_prefix(options.data()).unwrap());
    fs::remove_dir_all(segment.parent().unwrap()).unwrap();
    assert_eq!(start(options.moved_to(&copy)), Started::Refused);
}
