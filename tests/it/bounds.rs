//! Memory stays bounded whatever a client does, and nobody else notices.

use std::fs;
use std::io;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::caller::Caller;
use crate::caller::command;
use crate::server::Options;
use crate::server::Server;

const MIB: u64 = 1024 * 1024;

/// What one rude client may cost.
const GROWTH_MAX: u64 = 96 * MIB;

/// The most memory that the server ever had, in bytes.
fn peak(server: &Server) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024
}

/// A server that takes nothing for so long takes nothing any more.
const PATIENCE: Duration = Duration::from_secs(1);

/// Or so long, where it is expected to end the connection instead.
const LONG_PATIENCE: Duration = Duration::from_secs(30);

/// A server with a customer whose grants make a long answer.
fn server_with_long_answers(temp: &TempDir, flags: &[&str]) -> (Server, Caller) {
    let server = Options::on(&temp.path().join("data")).with(flags).start();
    let mut caller = Caller::of(&server);
    caller.says("METER CREATE tokens");
    let grants: Vec<String> =
        (0..500).map(|number| format!("GRANT ada tokens 1 ID g{number}")).collect();
    let said = caller.pipeline(grants.iter().map(String::as_str));
    assert_eq!(said.last().map(String::as_str), Some("applied 500"));
    (server, caller)
}

/// Sends `bytes` over and over and reads nothing, until the server drops the connection or takes
/// nothing any more.
fn pour(caller: &mut Caller, bytes: &[u8], times: u32, patience: Duration) -> io::Error {
    caller.socket.set_write_timeout(Some(patience)).unwrap();
    (0..times).find_map(|_| caller.send(bytes).err()).expect("it takes everything")
}

const LONG: [&[&str]; 4] =
    [&["COMMAND"], &["GRANTS", "ada", "tokens"], &["COMMAND", "DOCS"], &["STATE", "ada"]];

#[test]
fn a_client_that_never_reads_is_dropped_when_too_much_waits_for_it() {
    let temp = TempDir::new().unwrap();
    let flags = ["--output-bytes-max", "64KiB"];
    let (server, mut caller) = server_with_long_answers(&temp, &flags);
    for words in LONG {
        let mut rude = Caller::of(&server);
        let ended = pour(&mut rude, &command(words).repeat(2_000), 1_000, LONG_PATIENCE).kind();
        let dropped = matches!(ended, io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe);
        assert!(dropped, "{words:?}: {ended}");
        assert_eq!(caller.says("BALANCE ada tokens"), "500");
    }
}

#[test]
fn long_answers_that_nobody_reads_stop_the_reading() {
    let temp = TempDir::new().unwrap();
    let (server, mut caller) = server_with_long_answers(&temp, &[]);
    let before = peak(&server);
    let rude: Vec<Caller> = LONG
        .into_iter()
        .map(|words| {
            let mut rude = Caller::of(&server);
            // The server reads no further, so at some time the sockets between are full.
            let ended = pour(&mut rude, &command(words).repeat(2_000), 1_000, PATIENCE).kind();
            assert_eq!(ended, io::ErrorKind::WouldBlock, "{words:?}");
            assert_eq!(caller.says("BALANCE ada tokens"), "500");
            let grown = peak(&server) - before;
            println!("{words:?}: grown by {} MiB", grown / MIB);
            assert!(grown < GROWTH_MAX, "{words:?}: grown by {} MiB", grown / MIB);
            rude
        })
        .collect();
    drop(rude);
}

#[test]
fn short_answers_that_nobody_reads_stop_the_reading() {
    let temp = TempDir::new().unwrap();
    let (server, mut caller) = server_with_long_answers(&temp, &[]);
    let before = peak(&server);
    let mut rude = Caller::of(&server);
    let many = command(&["BALANCE", "ada", "tokens"]).repeat(10_000);
    assert_eq!(pour(&mut rude, &many, 1_000, PATIENCE).kind(), io::ErrorKind::WouldBlock);
    assert_eq!(caller.says("BALANCE ada tokens"), "500");
    let grown = peak(&server) - before;
    println!("grown by {} MiB", grown / MIB);
    assert!(grown < GROWTH_MAX, "grown by {} MiB", grown / MIB);
    // Once it reads, everything it asked is answered.
    for _ in 0..20_000 {
        assert_eq!(rude.answer(), "500");
    }
}

#[test]
fn a_command_that_never_ends_is_cut_off() {
    let temp = TempDir::new().unwrap();
    let (server, mut caller) = server_with_long_answers(&temp, &[]);
    let before = peak(&server);
    // Within every other limit, and too long altogether.
    let mut endless = Caller::of(&server);
    let argument = [b"$1048576\r\n", vec![b'x'; 1024 * 1024].as_slice(), b"\r\n"].concat();
    endless.send(b"*1024\r\n").unwrap();
    let ended = pour(&mut endless, &argument, 1_024, LONG_PATIENCE).kind();
    assert!(matches!(ended, io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe), "{ended}");
    assert_eq!(caller.says("BALANCE ada tokens"), "500");
    let grown = peak(&server) - before;
    println!("grown by {} MiB", grown / MIB);
    assert!(grown < GROWTH_MAX, "grown by {} MiB", grown / MIB);
}

#[test]
fn many_commands_in_one_piece_are_all_answered() {
    let temp = TempDir::new().unwrap();
    let server = Options::on(&temp.path().join("data")).start();
    let mut caller = Caller::of(&server);
    // Nothing is read during an errand. Afterwards far more commands come with one read than are
    // parsed in one turn, since those without arguments are short; and nothing comes after them.
    let mut bytes = command(&["METER", "CREATE", "tokens"]);
    bytes.extend(b"*0\r\n".repeat(100_000));
    bytes.extend(command(&["ECHO", "end"]));
    let mut writer = caller.socket.try_clone().unwrap();
    let sending = thread::spawn(move || io::Write::write_all(&mut writer, &bytes));
    assert_eq!(caller.answer().len(), 36);
    assert_eq!(caller.answer(), "end");
    sending.join().unwrap().unwrap();
}
