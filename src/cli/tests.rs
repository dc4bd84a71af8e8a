#![expect(clippy::unnecessary_wraps, reason = "they stand in for calls that may fail")]

use std::net::TcpListener;
use std::path::Path;
use std::thread;

use clap::CommandFactory;
use tempfile::TempDir;

use super::*;
use crate::data_dir::ClockKind;
use crate::data_dir::Running;
use crate::data_dir::Term;
use crate::data_dir::Terms;

fn no_serve(_: Launch) -> Result<Exit, Failure> {
    panic!("nothing was to be served")
}

fn no_verify(_: &DataDir) -> Result<Verified, Failure> {
    panic!("nothing was to be verified")
}

fn no_inspect(_: &DataDir, _: &Inspection, _: &mut dyn Write) -> Result<(), Failure> {
    panic!("nothing was to be inspected")
}

fn no_tokens(_: &DataDir, _: &TokenRequest) -> Result<TokenAnswer, Failure> {
    panic!("no token was to be touched")
}

const NONE: EngineCalls =
    EngineCalls { serve: no_serve, verify: no_verify, inspect: no_inspect, tokens: no_tokens };

fn directory() -> TempDir {
    let temp = TempDir::new().unwrap();
    let terms = Terms { shards: Term::Suggested(1), clock: Term::Suggested(ClockKind::System) };
    drop(DataDir::open_or_create(temp.path(), terms).unwrap());
    temp
}

fn run_with(engine: EngineCalls, words: &[&str], path: &Path) -> Exit {
    let all = ["drawdown"].iter().chain(words).copied();
    let place = ["--data-dir", path.to_str().unwrap()];
    run(Cli::try_parse_from(all.chain(place)).unwrap(), engine)
}

#[test]
fn the_command_line_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn help_names_every_variable_and_default_of_a_setting() {
    let mut command = Cli::command();
    let serve = command.find_subcommand_mut("serve").unwrap();
    let help = serve.render_long_help().to_string();
    for part in ["--key-window", "DRAWDOWN_KEY_WINDOW", "[default: 35d]", "DRAWDOWN_CONFIG"] {
        assert!(help.contains(part), "{part} is missing in\n{help}");
    }
}

#[test]
fn tokens_of_an_unused_directory_are_the_engines_affair() {
    fn tokens(directory: &DataDir, request: &TokenRequest) -> Result<TokenAnswer, Failure> {
        assert_eq!(directory.identity().shards, 1);
        assert_eq!(*request, TokenRequest::List);
        Ok(TokenAnswer::Listed(Vec::new()))
    }
    let temp = directory();
    let engine = EngineCalls { tokens, ..NONE };
    assert_eq!(run_with(engine, &["token", "list"], temp.path()), Exit::Good);
}

#[test]
fn tokens_of_a_directory_in_use_are_asked_of_its_server() {
    use std::io::Read;

    let temp = directory();
    let held = DataDir::open(temp.path()).unwrap();
    let token = held.keep_admin_token().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let resp = listener.local_addr().unwrap();
    let _announced = held.announce(&Running { pid: 1, resp, http: resp }).unwrap();
    let server = thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut said = String::new();
        for reply in ["+OK\r\n", "*2\r\n$2\r\nid\r\n$6\r\nsecret\r\n"] {
            let mut request = [0_u8; 1024];
            let length = socket.read(&mut request).unwrap();
            said.push_str(std::str::from_utf8(&request[..length]).unwrap());
            socket.write_all(reply.as_bytes()).unwrap();
        }
        said
    });
    let words = ["token", "create", "--org", "acme", "--scope", "ingest"];
    assert_eq!(run_with(NONE, &words, temp.path()), Exit::Good);
    let said = server.join().unwrap();
    assert!(said.contains(token.as_str()), "{said}");
    assert!(said.contains("*4\r\n$5\r\nTOKEN\r\n$6\r\nCREATE\r\n$4\r\nacme\r\n$6\r\ningest\r\n"));
}

#[test]
fn a_directory_in_use_without_an_address_is_unavailable() {
    let temp = directory();
    let _held = DataDir::open(temp.path()).unwrap();
    assert_eq!(run_with(NONE, &["token", "list"], temp.path()), Exit::Unavailable);
}

#[test]
fn a_snapshot_needs_a_server() {
    let temp = directory();
    assert_eq!(run_with(NONE, &["snapshot"], temp.path()), Exit::Unavailable);
}

#[test]
fn verify_ends_with_what_it_found() {
    fn whole(_: &DataDir) -> Result<Verified, Failure> {
        Ok(Verified::default())
    }
    fn damaged(directory: &DataDir) -> Result<Verified, Failure> {
        let damage = Damage {
            file: directory.shard(crate::id::ShardNumber(0)).join("journal"),
            position: Some(4_096),
            what: "a checksum fails".to_owned(),
        };
        Ok(Verified { damage: vec![damage], ..Verified::default() })
    }
    let temp = directory();
    let verify = |engine, words: &[&str]| run_with(engine, words, temp.path());
    assert_eq!(verify(EngineCalls { verify: whole, ..NONE }, &["verify"]), Exit::Good);
    let found = EngineCalls { verify: damaged, ..NONE };
    assert_eq!(verify(found, &["verify", "--json"]), Exit::CheckFailed);
    let held = DataDir::open(temp.path()).unwrap();
    assert_eq!(verify(NONE, &["verify"]), Exit::Usage);
    drop(held);
    std::fs::write(temp.path().join("directory.toml"), "format = 1\n").unwrap();
    assert_eq!(verify(NONE, &["verify"]), Exit::CheckFailed);
}

#[test]
fn inspect_passes_what_was_asked_for() {
    fn inspect(_: &DataDir, asked: &Inspection, out: &mut dyn Write) -> Result<(), Failure> {
        assert_eq!(asked.subject, Subject::Journal(crate::id::Seq(12)));
        assert_eq!(asked.lines_max, 3);
        writeln!(out, "{{}}").map_err(Failure::from)
    }
    let temp = directory();
    let engine = EngineCalls { inspect, ..NONE };
    let words = ["inspect", "journal", "--from", "12", "--limit", "3"];
    assert_eq!(run_with(engine, &words, temp.path()), Exit::Good);
}

#[test]
fn an_absent_directory_is_a_configuration_error() {
    let temp = TempDir::new().unwrap();
    let path = temp.path().join("none");
    assert_eq!(run_with(NONE, &["token", "list"], &path), Exit::Configuration);
    assert!(!path.exists());
}

#[test]
fn exit_codes_are_the_documented_ones() {
    let codes = [
        (Exit::Good, 0),
        (Exit::CheckFailed, 1),
        (Exit::Usage, 2),
        (Exit::Damaged, 65),
        (Exit::Unavailable, 69),
        (Exit::Internal, 70),
        (Exit::CannotCreate, 73),
        (Exit::Configuration, 78),
    ];
    for (exit, code) in codes {
        assert_eq!(exit.code(), code);
    }
}
