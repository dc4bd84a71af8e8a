//! The subcommands beside `serve`, on real directories: bench, verify, inspect, snapshot; and a server
//! that is told to stop, or starts from a snapshot alone.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Output;
use std::sync::mpsc;
use std::thread;

use rust_decimal::Decimal;
use serde_json::Value;
use tempfile::TempDir;

use crate::caller::Caller;
use crate::server;
use crate::server::Options;
use crate::server::Server;

/// Runs a subcommand, and expects this exit code.
fn run(words: &[&str], code: i32) -> String {
    let Output { status, stdout, stderr } = server::command().args(words).output().unwrap();
    let said = String::from_utf8(stdout).unwrap();
    let errors = String::from_utf8_lossy(&stderr);
    assert_eq!(status.code(), Some(code), "{words:?}:\n{said}{errors}");
    said
}

fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn snapshots(data: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(data.join("shard-000/snapshots")).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// A server with one shard and the meter `tokens`.
fn one_shard(data: &Path) -> Server {
    let server = Options::on(data).with(&["--shards", "1"]).start();
    assert_eq!(Caller::of(&server).says("METER CREATE tokens").len(), 36);
    server
}

fn use_each(server: &Server, customers: u32) {
    let mut caller = Caller::of(server);
    let lines: Vec<_> = (0..customers).map(|n| format!("USE customer-{n} tokens {n}.5")).collect();
    let said = caller.pipeline(lines.iter().map(String::as_str));
    assert!(said.iter().all(|said| said.starts_with("applied ")));
}

fn assert_used(server: &Server, customers: u32, times: u32) {
    let mut caller = Caller::of(server);
    let lines: Vec<_> = (0..customers).map(|n| format!("BALANCE customer-{n} tokens")).collect();
    let said = caller.pipeline(lines.iter().map(String::as_str));
    for (number, said) in (0..customers).zip(said) {
        let used = Decimal::new(i64::from(10 * number + 5), 1) * Decimal::from(times);
        let expected = (-used).normalize().to_string();
        assert_eq!(said, expected, "customer-{number}");
    }
}

#[test]
fn the_canonical_loads_come_out_exact() {
    let temp = TempDir::new().unwrap();
    let server = Options::on(&temp.path().join("data")).with(&["--shards", "2"]).start();
    let (address, token) = (server.resp.to_string(), server.token());
    let sizes = ["--commands", "20000", "--customers", "2000", "--json"];
    let mut words = vec!["bench", "--sweep", "--addr", &address, "--token", &token];
    words.extend(sizes);
    let report: Value = serde_json::from_str(&run(&words, 0)).unwrap();
    let rows = report["rows"].as_array().unwrap();
    let loads: Vec<_> = rows.iter().map(|row| row["load"].as_str().unwrap()).collect();
    println!("{loads:?}");
    assert_eq!(rows.len(), 4);
    for row in rows {
        println!("{}: {}/s", row["load"], row["figures"]["commands_per_second"]);
        assert_eq!(row["figures"]["commands"], 20_000, "{row}");
    }
    let (status, _) = server.stop();
    assert_eq!(status.code(), Some(0));
    // Nobody listens there any more.
    run(&words, 69);
}

#[test]
fn a_snapshot_under_load_is_exact() {
    let temp = TempDir::new().unwrap();
    let server = one_shard(&temp.path().join("data"));
    let (address, token) = (server.resp, server.token());
    let (begun, rounds) = mpsc::sync_channel(0);
    let loading = thread::spawn(move || {
        let mut caller = Caller::with_token(address, &token);
        let lines: Vec<_> = (0..1_000).map(|n| format!("USE customer-{n} tokens {n}.5")).collect();
        let mut rounds = 0_u32;
        while begun.send(()).is_ok() {
            let said = caller.pipeline(lines.iter().map(String::as_str));
            assert!(said.iter().all(|said| said.starts_with("applied ")));
            rounds += 1;
        }
        rounds
    });
    let mut caller = Caller::of(&server);
    let mut seqs = Vec::new();
    for _ in 0..5 {
        // One round is over and the next one begins.
        rounds.recv().unwrap();
        rounds.recv().unwrap();
        seqs.push(caller.says("SNAPSHOT").parse::<u64>().unwrap());
    }
    drop(rounds);
    let rounds = loading.join().unwrap();
    println!("snapshots at {seqs:?} during {rounds} rounds");
    assert!(seqs.is_sorted_by(|a, b| a < b), "{seqs:?}");
    let server = server.kill().start();
    assert_used(&server, 1_000, rounds);
}

#[test]
fn verify_tells_a_whole_directory_from_a_damaged_one() {
    let temp = TempDir::new().unwrap();
    let data = temp.path().join("data");
    let directory = data.to_str().unwrap();
    let server = one_shard(&data);
    use_each(&server, 100);
    // With a server in it, nobody can tell.
    run(&["verify", "--data-dir", directory], 2);
    run(&["snapshot", "--data-dir", directory], 0);
    let (status, options) = server.stop();
    assert_eq!(status.code(), Some(0));
    let whole = run(&["verify", "--data-dir", directory], 0);
    assert!(whole.starts_with("whole: "), "{whole}");
    run(&["snapshot", "--data-dir", directory], 69);

    let newest = snapshots(&data).pop().unwrap();
    let bytes = fs::read(&newest).unwrap();
    for place in [0, 20, bytes.len() / 2, bytes.len() - 1] {
        let mut flipped = bytes.clone();
        flipped[place] ^= 0x10;
        fs::write(&newest, &flipped).unwrap();
        let said = run(&["verify", "--data-dir", directory], 1);
        assert!(said.starts_with("damaged: "), "{place}: {said}");
        assert!(said.contains(newest.to_str().unwrap()), "{place}: {said}");
        let said = run(&["verify", "--data-dir", directory, "--json"], 1);
        let report: Value = serde_json::from_str(&said).unwrap();
        assert_eq!(report["damage"][0]["file"], newest.to_str().unwrap(), "{report}");
        assert!(report["damage"][0]["position"].is_u64(), "{report}");
    }
    // The journal still has everything, so the server does without that snapshot.
    let server = options.start();
    assert_used(&server, 100, 1);
    let (_, options) = server.stop();
    drop(options);
    fs::write(&newest, &bytes).unwrap();
    run(&["verify", "--data-dir", directory], 0);
}

#[test]
fn inspect_shows_accounts_frames_and_snapshots() {
    let temp = TempDir::new().unwrap();
    let data = temp.path().join("data");
    let directory = data.to_str().unwrap();
    let server = one_shard(&data);
    let mut caller = Caller::of(&server);
    assert_eq!(caller.says("GRANT ada tokens 100 ID g1 PRIORITY 3"), "applied 100");
    assert_eq!(caller.says("USE ada tokens 2.5"), "applied 97.5");
    assert_eq!(caller.says("USE eve tokens 1"), "applied -1");
    let (status, _) = server.stop();
    assert_eq!(status.code(), Some(0));

    let accounts = json_lines(&run(&["inspect", "accounts", "--data-dir", directory], 0));
    assert_eq!(accounts.len(), 2, "{accounts:?}");
    let words = ["inspect", "accounts", "--customer", "ada", "--data-dir", directory];
    let ada = json_lines(&run(&words, 0));
    let [ada] = ada.as_slice() else { panic!("{ada:?}") };
    assert_eq!((&ada["customer"], &ada["meter"]), (&"ada".into(), &"tokens".into()));
    assert_eq!((&ada["balance"], &ada["credited"]), (&"97.5".into(), &"100".into()));
    assert_eq!((&ada["consumed"], &ada["grants"][0]["priority"]), (&"2.5".into(), &3.into()));

    let frames = json_lines(&run(&["inspect", "journal", "--data-dir", directory], 0));
    let mut next = 1;
    for frame in &frames {
        assert_eq!(frame["first"], next, "{frames:?}");
        next = frame["last"].as_u64().unwrap() + 1;
    }
    assert!(next > 5, "{frames:?}");
    let words = ["inspect", "journal", "--limit", "1", "--from", "3", "--data-dir", directory];
    let limited = json_lines(&run(&words, 0));
    let [frame] = limited.as_slice() else { panic!("{limited:?}") };
    assert!((frame["first"].as_u64().unwrap()..=frame["last"].as_u64().unwrap()).contains(&3));

    let shown = json_lines(&run(&["inspect", "snapshots", "--data-dir", directory], 0));
    let last = shown.last().unwrap();
    assert_eq!((&last["whole"], &last["seq"]), (&true.into(), &(next - 1).into()), "{shown:?}");
    assert_eq!((&last["customers"], &last["accounts"]), (&2.into(), &2.into()));
}

#[test]
fn a_server_that_is_told_to_stop_answers_first() {
    let temp = TempDir::new().unwrap();
    let data = temp.path().join("data");
    let server = one_shard(&data);
    let (address, token) = (server.resp, server.token());
    let mut idle = Caller::of(&server);
    let loading = thread::spawn(move || {
        let mut caller = Caller::with_token(address, &token);
        let mut answered = 0_u32;
        let line = crate::caller::command(&["USE", "ada", "tokens", "1"]).repeat(100);
        while caller.send(&line).is_ok() {
            for _ in 0..100 {
                let Ok(reply) = caller.reply() else { return answered };
                answered += 1;
                assert_eq!(crate::caller::text(&reply), format!("applied -{answered}"));
            }
        }
        answered
    });
    while idle.says("BALANCE ada tokens") == "0" {}
    let (status, options) = server.stop();
    assert_eq!(status.code(), Some(0));
    assert_eq!(idle.last_words(), "");
    let answered = loading.join().unwrap();
    // What it read it answered, and what it answered it did.
    let server = options.start();
    assert_eq!(Caller::of(&server).says("BALANCE ada tokens"), format!("-{answered}"));
    drop(server);
    assert!(!snapshots(&data).is_empty(), "no last snapshot");
}

#[test]
fn a_directory_that_has_nothing_but_a_snapshot_to_replay_is_exact() {
    let temp = TempDir::new().unwrap();
    let data = temp.path().join("data");
    let server = one_shard(&data);
    use_each(&server, 300);
    let mut caller = Caller::of(&server);
    assert_eq!(caller.says("USE ada tokens 7 ID once"), "applied -7");
    let (status, options) = server.stop();
    assert_eq!(status.code(), Some(0));
    let server = options.start();
    let log = fs::read_to_string(data.with_extension("log")).unwrap();
    let recovering = log.lines().rfind(|line| line.contains("recovering")).unwrap();
    assert!(recovering.contains("records=0"), "{recovering}");
    assert_used(&server, 300, 1);
    // The keys are in it too.
    assert_eq!(Caller::of(&server).says("USE ada tokens 7 ID once"), "duplicate -7");
}
