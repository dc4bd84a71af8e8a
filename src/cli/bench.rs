//! `drawdown bench`: loads a server over RESP, and checks that every balance came out exact.
//!
//! It works against any address: it knows the engine only by its protocol, and sends the same load
//! to a Redis server for comparison.

use std::io;
use std::io::Write;

use crate::cli::{Exit, Failure};
use crate::workload::{Shape, Skew};

mod args;
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
mod window;

pub use args::{BenchArgs, SkewArg};
use encode::Keys;
pub use encode::LoadCommand;
use error::BenchError;
use load::Width;
use report::{DRAWDOWN, Figures, REDIS, Report, Row, Versus};
use session::{Calls, Kind, Plan, Session, at_least_one};
use window::Span;

/// From this depth on the comparison gives Redis its batched form.
const REDIS_BATCHED_DEPTH_MIN: u32 = 1_000;

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
        ) => Err(Failure::new(Exit::Unavailable, error)),
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
    for width in args.widths() {
        for round in 1..=rounds {
            for contender in &mut contenders {
                report.rows.push(turn(contender, width, args.span(), round)?);
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
        calls,
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

#[cfg(test)]
mod tests;
