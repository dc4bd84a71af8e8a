//! `drawdown bench`: loads a server over RESP, and checks that every balance came out exact.
//!
//! It works against any address: it knows the engine only by its protocol, and sends the same load
//! to a Redis server for comparison.

use std::io;
use std::io::Write;

use clap::{Args, ValueEnum};

use crate::cli::{Exit, Failure};
use crate::workload::{Shape, Skew};

mod client;
mod encode;
mod error;
mod lane;
mod load;
mod progress;
mod reply;
mod report;
mod session;
mod stopwatch;

use encode::Keys;
pub use encode::LoadCommand;
use error::BenchError;
use load::{Limit, Span, Width};
use report::{DRAWDOWN, Figures, REDIS, Report, Row, Versus};
use session::{Calls, Kind, Plan, Session, at_least_one};

/// Exit code when a balance is not what was acknowledged.
const EXIT_INEXACT: u8 = 1;

/// Exit code when the server cannot be reached, or goes away.
const EXIT_UNAVAILABLE: u8 = 69;

/// From this depth on the comparison gives Redis its batched form.
const REDIS_BATCHED_DEPTH_MIN: u32 = 1_000;

/// The loads of `--sweep`, by which the engine is judged.
const SWEEP: [Width; 4] = [
    Width { connections: 64, depth: 1 },
    Width { connections: 32, depth: 16 },
    Width { connections: 16, depth: 100 },
    Width { connections: 8, depth: 1_000 },
];

/// How the load spreads over the customers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SkewArg {
    /// Every customer is equally likely.
    Uniform,
    /// The k-th customer is k times rarer than the first.
    Zipf,
}

/// Load a server, measure it, and compare every balance with what it acknowledged.
///
/// Makes a meter, grants every customer credits, sends commands over pipelining connections, and at
/// the end reads every balance back. Exit code 1 when one of them is not exact, 69 when the server
/// cannot be reached.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  drawdown bench                                   16 connections, pipelines of 100, 10 s
  drawdown bench --serial --seconds 5              one command at a time
  drawdown bench --sweep --skew zipf --json        the four canonical loads
  drawdown bench --redis 127.0.0.1:6379            the same load on a Redis server
  drawdown bench --sweep --against-redis 127.0.0.1:6379 --rounds 5
                                                   both in turns; medians and ratios")]
#[expect(clippy::struct_excessive_bools, reason = "command line flags are just that")]
pub struct BenchArgs {
    /// Address of the server's RESP port
    #[arg(long, default_value = "127.0.0.1:6479", value_name = "HOST:PORT")]
    addr: String,
    /// Token to authenticate with; it must be allowed to make a meter
    #[arg(long, env = "DRAWDOWN_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Meter to use; made if it is not there
    #[arg(long, default_value = "bench", value_name = "NAME")]
    meter: String,
    /// How many customers the load spreads over
    #[arg(long, default_value_t = 100_000, value_name = "N",
        value_parser = clap::value_parser!(u32).range(1..=99_999_999))]
    customers: u32,
    /// How many connections
    #[arg(long, default_value_t = 16, value_name = "N",
        value_parser = clap::value_parser!(u16).range(1..=4_096))]
    connections: u16,
    /// How many commands each connection sends before it waits for their replies
    #[arg(long, default_value_t = 100, value_name = "N",
        value_parser = clap::value_parser!(u32).range(1..=100_000))]
    depth: u32,
    /// One connection, one command at a time
    #[arg(long, conflicts_with_all = ["connections", "depth", "sweep"])]
    serial: bool,
    /// The loads 64x1, 32x16, 16x100 and 8x1000 (connections x depth), one after the other
    #[arg(long, conflicts_with_all = ["connections", "depth"])]
    sweep: bool,
    /// How long to measure each load
    #[arg(long, default_value_t = 10, value_name = "S", conflicts_with = "commands",
        value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// Measure so many commands instead of a time
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    commands: Option<u64>,
    /// Seconds of the same load before measuring [default: 1, with --commands 0]
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(0..=86_400))]
    warmup: Option<u64>,
    /// Seed of the load: the same seed, the same customers and units in the same order
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// What this run's customers and keys begin with [default: random]
    #[arg(long, value_name = "TEXT", value_parser = run_id)]
    run_id: Option<String>,
    /// How the load spreads over the customers
    #[arg(long, value_enum, default_value_t = SkewArg::Uniform)]
    skew: SkewArg,
    /// What to send
    #[arg(long, value_enum, default_value_t = LoadCommand::Debit)]
    command: LoadCommand,
    /// Each command takes from 1 up to so many units
    #[arg(long, default_value_t = 100, value_name = "UNITS",
        value_parser = clap::value_parser!(u32).range(1..=10_000))]
    units_max: u32,
    /// Units granted to each customer beforehand
    #[arg(long, default_value_t = 1_000_000_000, value_name = "UNITS",
        value_parser = clap::value_parser!(u64).range(1..=1_000_000_000_000_000))]
    grant: u64,
    /// Send commands without idempotency keys
    #[arg(long)]
    no_keys: bool,
    /// Load a Redis server instead: a Lua script checks key and balance and decrements
    #[arg(long, value_name = "HOST:PORT", conflicts_with_all = ["addr", "no_keys", "command"])]
    redis: Option<String>,
    /// Send Redis up to 1,000 commands in one call of the script
    #[arg(long, requires = "redis")]
    redis_batch: bool,
    /// Load the server and this Redis server in turns; Redis gets 1,000 commands a call where the
    /// depth is at least that
    #[arg(long, value_name = "HOST:PORT", conflicts_with_all = ["redis", "no_keys", "command"])]
    against_redis: Option<String>,
    /// How many turns
    #[arg(long, default_value_t = 3, value_name = "N", requires = "against_redis",
        value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rounds: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Longest run id.
const RUN_ID_BYTES_MAX: usize = 32;

fn run_id(text: &str) -> Result<String, String> {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if plain && (1..=RUN_ID_BYTES_MAX).contains(&text.len()) {
        return Ok(text.to_owned());
    }
    Err(format!("not 1 to {RUN_ID_BYTES_MAX} letters, digits and hyphens"))
}

/// Runs the bench, prints its report and says how the process should end.
///
/// # Errors
/// Anything but a server that cannot be reached, which has an exit code of its own.
pub fn run(args: &BenchArgs) -> Result<Exit, Failure> {
    match execute(args) {
        Ok(report) => {
            print(args, &report).map_err(|error| Failure::new(Exit::Internal, error))?;
            let exact = report.is_exact();
            Ok(if exact { Exit::Good } else { Exit::CheckFailed })
        }
        Err(
            error @ (BenchError::Connect { .. }
            | BenchError::Lost { .. }
            | BenchError::Silent { .. }),
        ) => {
            Err(Failure::new(Exit::Unavailable, error))
        }
        Err(error) => Err(Failure::new(Exit::Internal, error)),
    }
}

fn print(args: &BenchArgs, report: &Report) -> anyhow::Result<()> {
    let text = if args.json {
        let mut json = serde_json::to_string_pretty(report)?;
        json.push('\n');
        json
    } else {
        report.text()
    };
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(BenchError::Print)?;
    Ok(())
}

/// A server that takes part, and how it is called in the report.
struct Contender {
    name: &'static str,
    session: Session,
    batched_depth_min: Option<u32>,
}

impl Contender {
    fn calls(&self, width: Width) -> Calls {
        if self.batched_depth_min.is_some_and(|depth| width.depth >= depth) {
            Calls::Batched
        } else {
            Calls::Single
        }
    }
}

fn execute(args: &BenchArgs) -> Result<Report, BenchError> {
    let run = match &args.run_id {
        Some(run) => run.clone(),
        None => format!("{:08x}", random_bits()?),
    };
    let (skew, skew_name) = match args.skew {
        SkewArg::Uniform => (Skew::Uniform, "uniform"),
        SkewArg::Zipf => (Skew::Zipf, "zipf"),
    };
    let shape = Shape {
        customers: at_least_one(args.customers),
        units_max: at_least_one(args.units_max),
        skew,
    };
    let plan = Plan { run: run.clone(), seed: args.seed, shape, grant: args.grant };
    let mut contenders = contenders(args, plan)?;
    let mut report = Report {
        run,
        seed: args.seed,
        customers: args.customers,
        skew: skew_name,
        rows: Vec::new(),
        versus: Vec::new(),
    };
    let rounds = if args.against_redis.is_some() { args.rounds } else { 1 };
    for width in widths(args) {
        for round in 1..=rounds {
            for contender in &mut contenders {
                report.rows.push(turn(contender, width, span(args), round)?);
                if !report.is_exact() {
                    return Ok(report);
                }
            }
        }
        report.versus.extend(Versus::of(width, &report.rows));
    }
    Ok(report)
}

fn random_bits() -> Result<u32, BenchError> {
    getrandom::u32().map_err(|error| BenchError::System(io::Error::other(error.to_string())))
}

fn turn(
    contender: &mut Contender,
    width: Width,
    span: Span,
    round: u32,
) -> Result<Row, BenchError> {
    let calls = contender.calls(width);
    let measured = contender.session.measure(width, calls, span)?;
    Ok(Row {
        load: width.to_string(),
        server: contender.name,
        round,
        figures: Figures::of(&measured),
        answers: measured.answers,
        balances: contender.session.compare()?,
    })
}

fn contenders(args: &BenchArgs, plan: Plan) -> Result<Vec<Contender>, BenchError> {
    if let Some(address) = &args.redis {
        let session = Session::open(address, Kind::Redis, plan)?;
        let batched_depth_min = args.redis_batch.then_some(1);
        return Ok(vec![Contender { name: REDIS, session, batched_depth_min }]);
    }
    let kind = Kind::Drawdown {
        token: args.token.clone(),
        meter: args.meter.clone(),
        command: args.command,
        keys: if args.no_keys { Keys::Absent } else { Keys::Unique },
    };
    let session = Session::open(&args.addr, kind, plan.clone())?;
    let mut contenders = vec![Contender { name: DRAWDOWN, session, batched_depth_min: None }];
    if let Some(address) = &args.against_redis {
        let session = Session::open(address, Kind::Redis, plan)?;
        let batched_depth_min = Some(REDIS_BATCHED_DEPTH_MIN);
        contenders.push(Contender { name: REDIS, session, batched_depth_min });
    }
    Ok(contenders)
}

fn widths(args: &BenchArgs) -> Vec<Width> {
    if args.sweep {
        return SWEEP.to_vec();
    }
    if args.serial {
        return vec![Width { connections: 1, depth: 1 }];
    }
    vec![Width { connections: args.connections, depth: args.depth }]
}

fn span(args: &BenchArgs) -> Span {
    let limit = args.commands.map_or(Limit::Seconds(args.seconds), Limit::Commands);
    let warmup_seconds = args.warmup.unwrap_or(u64::from(args.commands.is_none()));
    Span { warmup_seconds, limit }
}

#[cfg(test)]
mod tests;
