use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use clap::Parser;

use super::error::BenchError;
use super::report::Report;
use super::{BenchArgs, execute, run};
use crate::cli::Exit;

mod responder;

use responder::Fault;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    bench: BenchArgs,
}

/// The arguments of a small run against `address`, and then `more`.
fn args(address: &str, more: &str) -> BenchArgs {
    let small = "bench --customers 500 --connections 3 --depth 40 --commands 5000 --addr";
    Cli::try_parse_from(small.split(' ').chain([address]).chain(more.split_whitespace()))
        .unwrap()
        .bench
}

fn report(fault: Fault, more: &str) -> Report {
    execute(&args(&responder::start(fault, None), more)).unwrap()
}

/// Runs on a server with `fault` and returns how the process would end.
fn exit_code(fault: Fault) -> Exit {
    run(&args(&responder::start(fault, None), "")).unwrap_or_else(|failure| failure.exit)
}

#[test]
fn a_right_server_is_exact() {
    for more in ["", "--skew zipf", "--no-keys", "--command use --grant 10", "--seed 9 --json"] {
        let report = report(Fault::None, more);
        assert!(report.is_exact(), "{more}: {}", report.text());
        let row = &report.rows[0];
        assert_eq!(row.answers.applied, 5_000, "{more}");
        assert_eq!(row.figures.commands, 5_000, "{more}");
        assert_eq!(row.balances.compared, 500, "{more}");
        assert!(row.figures.max_ns >= row.figures.p50_ns, "{more}");
    }
    assert_eq!(exit_code(Fault::None), Exit::Good);
}

#[test]
fn a_server_that_loses_draws_is_found_out() {
    let report = report(Fault::LosesDraws, "");
    assert!(report.rows[0].balances.different > 0, "{}", report.text());
    assert!(report.text().contains("expected"), "{}", report.text());
    assert_eq!(exit_code(Fault::LosesDraws), Exit::CheckFailed);
}

#[test]
fn a_server_that_repeats_draws_is_found_out() {
    assert_eq!(exit_code(Fault::RepeatsDraws), Exit::CheckFailed);
}

#[test]
fn busy_commands_are_sent_again_and_applied_once() {
    let report = report(Fault::Busy, "");
    let answers = &report.rows[0].answers;
    assert!(report.is_exact(), "{}", report.text());
    assert_eq!(answers.applied, 5_000);
    assert!(answers.retried > 400, "{answers:?}");
    assert_eq!(answers.errors.get("BUSY"), Some(&answers.retried));
}

#[test]
fn refusals_are_counted_and_change_nothing() {
    let report = report(Fault::None, "--grant 20 --units-max 30");
    let answers = &report.rows[0].answers;
    assert!(report.is_exact(), "{}", report.text());
    assert!(answers.refused > 0 && answers.applied > 0, "{answers:?}");
    assert_eq!(answers.refused + answers.applied, 5_000);
}

#[test]
fn a_repeated_run_id_meets_its_own_keys() {
    let address = responder::start(Fault::None, None);
    let first = execute(&args(&address, "--run-id again")).unwrap();
    let second = execute(&args(&address, "--run-id again")).unwrap();
    assert_eq!(first.rows[0].answers.applied, 5_000);
    assert_eq!(second.rows[0].answers.duplicate, 5_000);
    assert!(second.is_exact(), "{}", second.text());
}

#[test]
fn a_time_limit_and_a_warm_up_end_the_load() {
    let address = responder::start(Fault::None, None);
    let mut args = args(&address, "--warmup 1");
    args.commands = None;
    args.seconds = 1;
    let report = execute(&args).unwrap();
    let row = &report.rows[0];
    assert!(report.is_exact(), "{}", report.text());
    assert!(row.figures.elapsed_ns >= 1_000_000_000, "{row:?}");
    assert!(row.answers.applied > row.figures.commands, "the warm-up is tallied, not measured");
}

#[test]
fn the_serial_load_has_one_command_under_way() {
    let address = responder::start(Fault::None, None);
    let line = ["bench", "--serial", "--customers", "10", "--commands", "50", "--addr", &address];
    let report = execute(&Cli::try_parse_from(line).unwrap().bench).unwrap();
    assert_eq!(report.rows[0].load, "1x1");
    assert_eq!(report.rows[0].answers.applied, 50);
}

#[test]
fn a_token_is_shown_on_every_connection() {
    let address = responder::start(Fault::None, Some("letmein"));
    assert!(execute(&args(&address, "--token letmein")).unwrap().is_exact());
    for more in ["", "--token wrong"] {
        let error = execute(&args(&address, more)).unwrap_err();
        assert!(matches!(error, BenchError::Rejected { .. }), "{error}");
    }
}

#[test]
fn nobody_there_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    assert_eq!(run(&args(&address, "")).unwrap_err().exit, Exit::Unavailable);
    assert_eq!(exit_code(Fault::HangsUp), Exit::Unavailable);
}

#[test]
fn a_server_that_babbles_ends_the_run() {
    let error = execute(&args(&responder::start(Fault::Babbles, None), "")).unwrap_err();
    assert!(matches!(error, BenchError::Unexpected { .. }), "{error}");
}

#[test]
fn flags_that_contradict_each_other_are_refused() {
    for line in [
        "bench --serial --depth 5",
        "bench --seconds 5 --commands 10",
        "bench --redis a:1 --no-keys",
        "bench --redis-batch",
        "bench --rounds 2",
        "bench --depth 0",
        "bench --run-id a:b",
    ] {
        assert!(Cli::try_parse_from(line.split(' ')).is_err(), "{line}");
    }
}

/// A Redis server of this test's own; ended when dropped.
struct Redis {
    child: Child,
    address: String,
    _directory: tempfile::TempDir,
}

impl Redis {
    /// None where Redis is not installed.
    fn start() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let options =
            format!("--port {port} --bind 127.0.0.1 --appendonly yes --appendfsync always");
        let mut child = Command::new("redis-server")
            .args(options.split(' ').chain(["--save", ""]))
            .current_dir(directory.path())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let mut log = std::io::BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.contains("Ready to accept connections") {
            line.clear();
            assert!(std::io::BufRead::read_line(&mut log, &mut line).unwrap() > 0, "it starts");
        }
        Some(Self { child, address: format!("127.0.0.1:{port}"), _directory: directory })
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[test]
fn redis_gets_the_same_load() {
    let Some(redis) = Redis::start() else {
        eprintln!("skipped: redis-server is not installed");
        return;
    };
    for more in ["", "--redis-batch --depth 2500", "--redis-batch --grant 20 --skew zipf"] {
        let line =
            format!("bench --customers 500 --commands 6000 --redis {} {more}", redis.address);
        let report = execute(&Cli::try_parse_from(line.split_whitespace()).unwrap().bench).unwrap();
        let answers = &report.rows[0].answers;
        assert!(report.is_exact(), "{more}: {}", report.text());
        assert_eq!(answers.applied + answers.refused, 6_000, "{more}: {answers:?}");
        assert_eq!(answers.refused > 0, more.contains("grant"), "{more}: {answers:?}");
    }
}

#[test]
fn both_servers_take_turns() {
    let Some(redis) = Redis::start() else {
        eprintln!("skipped: redis-server is not installed");
        return;
    };
    let address = responder::start(Fault::None, None);
    let more = format!("--against-redis {} --rounds 2", redis.address);
    let report = execute(&args(&address, &more)).unwrap();
    let order: Vec<(&str, u32)> = report.rows.iter().map(|row| (row.server, row.round)).collect();
    assert_eq!(order, [("drawdown", 1), ("redis", 1), ("drawdown", 2), ("redis", 2)]);
    assert!(report.is_exact(), "{}", report.text());
    assert!(report.text().contains("times redis"), "{}", report.text());
}
