//! The flags of `drawdown bench`.

use clap::{Args, ValueEnum};

use super::encode::LoadCommand;
use super::load::Width;
use super::window::{Limit, Span};

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
    pub(super) addr: String,
    /// Token to authenticate with; it must be allowed to make a meter
    #[arg(long, env = "DRAWDOWN_TOKEN", hide_env_values = true)]
    pub(super) token: Option<String>,
    /// Meter to use; made if it is not there
    #[arg(long, default_value = "bench", value_name = "NAME")]
    pub(super) meter: String,
    /// How many customers the load spreads over
    #[arg(long, default_value_t = 100_000, value_name = "N",
        value_parser = clap::value_parser!(u32).range(1..=99_999_999))]
    pub(super) customers: u32,
    /// How many connections
    #[arg(long, default_value_t = 16, value_name = "N",
        value_parser = clap::value_parser!(u16).range(1..=4_096))]
    pub(super) connections: u16,
    /// How many commands each connection sends before it waits for their replies
    #[arg(long, default_value_t = 100, value_name = "N",
        value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(super) depth: u32,
    /// One connection, one command at a time
    #[arg(long, conflicts_with_all = ["connections", "depth", "sweep"])]
    pub(super) serial: bool,
    /// The loads 64x1, 32x16, 16x100 and 8x1000 (connections x depth), one after the other
    #[arg(long, conflicts_with_all = ["connections", "depth"])]
    pub(super) sweep: bool,
    /// How long to measure each load
    #[arg(long, default_value_t = 10, value_name = "S", conflicts_with = "commands",
        value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(super) seconds: u64,
    /// Measure so many commands instead of a time
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) commands: Option<u64>,
    /// Seconds of the same load before measuring [default: 1, with --commands 0]
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(0..=86_400))]
    pub(super) warmup: Option<u64>,
    /// Seed of the load: the same seed, the same customers and units in the same order
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,
    /// What this run's customers and keys begin with [default: random]
    #[arg(long, value_name = "TEXT", value_parser = run_id)]
    pub(super) run_id: Option<String>,
    /// How the load spreads over the customers
    #[arg(long, value_enum, default_value_t = SkewArg::Uniform)]
    pub(super) skew: SkewArg,
    /// What to send
    #[arg(long, value_enum, default_value_t = LoadCommand::Debit)]
    pub(super) command: LoadCommand,
    /// Each command takes from 1 up to so many units
    #[arg(long, default_value_t = 100, value_name = "UNITS",
        value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(super) units_max: u32,
    /// Units granted to each customer beforehand
    #[arg(long, default_value_t = 1_000_000_000, value_name = "UNITS",
        value_parser = clap::value_parser!(u64).range(1..=1_000_000_000_000_000))]
    pub(super) grant: u64,
    /// Send commands without idempotency keys
    #[arg(long)]
    pub(super) no_keys: bool,
    /// Load a Redis server instead: a Lua script checks key and balance and decrements
    #[arg(long, value_name = "HOST:PORT", conflicts_with_all = ["addr", "no_keys", "command"])]
    pub(super) redis: Option<String>,
    /// Send Redis up to 1,000 commands in one call of the script
    #[arg(long, requires = "redis")]
    pub(super) redis_batch: bool,
    /// Load the server and this Redis server in turns; Redis gets 1,000 commands a call where the
    /// depth is at least that
    #[arg(long, value_name = "HOST:PORT", conflicts_with_all = ["redis", "no_keys", "command"])]
    pub(super) against_redis: Option<String>,
    /// How many turns
    #[arg(long, default_value_t = 3, value_name = "N", requires = "against_redis",
        value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(super) rounds: u32,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
}

impl BenchArgs {
    /// The loads to run, in order.
    pub(super) fn widths(&self) -> Vec<Width> {
        if self.sweep {
            return SWEEP.to_vec();
        }
        if self.serial {
            return vec![Width { connections: 1, depth: 1 }];
        }
        vec![Width { connections: self.connections, depth: self.depth }]
    }

    /// How long each load lasts.
    pub(super) fn span(&self) -> Span {
        let limit = self.commands.map_or(Limit::Seconds(self.seconds), Limit::Commands);
        let warmup_seconds = self.warmup.unwrap_or(u64::from(self.commands.is_none()));
        Span { warmup_seconds, limit }
    }
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
