//! What the server asks of the disk, as strace sees it: no acknowledgement without a sync, and one
//! sync for many acknowledgements.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::caller::Caller;
use crate::caller::command;
use crate::server::Options;

const SERIAL_COMMANDS: usize = 50;
const PIPELINED_COMMANDS: usize = 1_000;

const LOOK_EVERY: Duration = Duration::from_millis(20);
const LOOKS_MAX: u32 = 1_500;

/// What strace saw, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// The data file of a shard's journal was synced, and the system said so.
    Synced,
    /// A reply that says "applied" was handed to the system.
    Acknowledged,
}

/// Reads strace's lines: `PID call(arguments) = result`, or the same in two halves when something
/// else came in between.
fn read(trace: &str) -> Vec<Seen> {
    let mut begun: BTreeMap<&str, bool> = BTreeMap::new();
    let mut seen = Vec::new();
    for line in trace.lines() {
        let Some((process, call)) = line.split_once(' ') else { continue };
        let call = call.trim_start();
        let is_journal = call.contains("/shard-000/journal/segment-") && call.contains("/db>");
        if call.starts_with("fdatasync(") || call.starts_with("fsync(") {
            if call.ends_with("<unfinished ...>") {
                begun.insert(process, is_journal);
            } else if is_journal && call.ends_with("= 0") {
                seen.push(Seen::Synced);
            }
        } else if call.starts_with("<... fdatasync resumed>")
            || call.starts_with("<... fsync resumed>")
        {
            let is_journal = begun.remove(process).unwrap_or(false);
            if is_journal && call.ends_with("= 0") {
                seen.push(Seen::Synced);
            }
        } else if call.contains("applied") {
            seen.push(Seen::Acknowledged);
        }
    }
    seen
}

/// What a server does while `session` talks to it; nothing when there is no strace to see it.
fn trace(session: impl FnOnce(&mut Caller)) -> Option<Vec<Seen>> {
    let probe = Command::new("strace").args(["-D", "-f", "true"]).stderr(Stdio::null()).status();
    if !probe.is_ok_and(|status| status.success()) {
        println!("skipped: strace is not installed, or may not trace");
        return None;
    }
    let temp = TempDir::new().unwrap();
    let file = temp.path().join("trace");
    let calls = "trace=fdatasync,fsync,write,writev,sendto,sendmsg";
    // With -D the server stays the child of this test, and strace looks on from the side.
    let strace =
        ["strace", "-D", "-f", "-y", "-s", "64", "-e", calls, "-o", file.to_str().unwrap()];
    let server = Options::on(&temp.path().join("data"))
        .with(&["--shards", "1", "--log", "warn"])
        .under(&strace)
        .start();
    let mut caller = Caller::of(&server);
    caller.says("METER CREATE tokens");
    session(&mut caller);
    let process = server.pid().to_string();
    let (status, _) = server.stop();
    assert_eq!(status.code(), Some(0));
    let ended = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words == [process.as_str(), "+++", "exited", "with", "0", "+++"]
    };
    // strace is not this test's child: that it has written everything shows in the file alone.
    for _ in 0..LOOKS_MAX {
        let trace = fs::read_to_string(&file).unwrap();
        if trace.lines().any(ended) {
            return Some(read(&trace));
        }
        thread::sleep(LOOK_EVERY);
    }
    panic!("strace does not end");
}

#[test]
fn nothing_is_acknowledged_before_it_is_synced() {
    let seen = trace(|caller| {
        for number in 1..=SERIAL_COMMANDS {
            let said = caller.says(&format!("USE ada tokens 1 ID k{number}"));
            assert_eq!(said, format!("applied -{number}"));
        }
    });
    let Some(seen) = seen else { return };
    let acknowledged = seen.iter().filter(|seen| **seen == Seen::Acknowledged).count();
    assert_eq!(acknowledged, SERIAL_COMMANDS);
    let unsynced = seen.windows(2).filter(|pair| pair == &[Seen::Acknowledged; 2]).count();
    assert_eq!(unsynced, 0, "acknowledgements without a sync before them: {seen:?}");
    let first = seen.iter().position(|seen| *seen == Seen::Acknowledged).unwrap();
    assert!(seen[..first].contains(&Seen::Synced), "{seen:?}");
}

#[test]
fn commands_that_come_together_share_their_syncs() {
    let mut bytes = Vec::new();
    for number in 1..=PIPELINED_COMMANDS {
        bytes.extend(command(&["USE", "ada", "tokens", "1", "ID", &format!("k{number}")]));
    }
    let seen = trace(|caller| {
        caller.send(&bytes).unwrap();
        for number in 1..=PIPELINED_COMMANDS {
            assert_eq!(caller.answer(), format!("applied -{number}"));
        }
    });
    let Some(seen) = seen else { return };
    let syncs = seen.iter().filter(|seen| **seen == Seen::Synced).count();
    println!("{syncs} syncs of the journal for {PIPELINED_COMMANDS} commands");
    assert!((1..PIPELINED_COMMANDS / 20).contains(&syncs), "{syncs} syncs");
}

#[test]
fn the_trace_is_read_as_strace_writes_it() {
    let trace = "\
7 fdatasync(9</d/shard-000/journal/segment-0000000001/db>) = 0
8  fdatasync(9</d/shard-000/journal/segment-0000000001/db> <unfinished ...>
9  fdatasync(4</d/shard-000/journal/watermark> <unfinished ...>
7 sendto(12<socket:[1]>, \"*2\\r\\n$7\\r\\napplied\\r\\n\", 20, MSG_NOSIGNAL, NULL, 0) = 20
9  <... fdatasync resumed>) = 0
8  <... fdatasync resumed>) = 0
7 fdatasync(9</d/shard-000/journal/segment-0000000001/db>) = -1 EIO (Input/output error)
";
    assert_eq!(read(trace), [Seen::Synced, Seen::Acknowledged, Seen::Synced]);
}
