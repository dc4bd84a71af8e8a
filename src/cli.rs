//! The command line: what each subcommand takes, says and ends with.
//!
//! The subcommands call the engine through [`EngineCalls`], which `main` fills in: so the server can
//! be composed without this module, and this module tested without a server.

pub mod bench;
mod connection;
mod failure;
mod inspect;
mod logging;
mod reach;
mod serve;
mod snapshot;
mod token;
mod verify;

use std::io::Write;

use clap::Parser;
use clap::Subcommand;

use crate::data_dir::DataDir;

pub use connection::ConnectionError;
pub use failure::Exit;
pub use failure::Failure;
pub use inspect::Inspection;
pub use inspect::Subject;
pub use serve::Launch;
pub use token::TokenAnswer;
pub use token::TokenRequest;
pub use token::TokenRow;
pub use verify::Damage;
pub use verify::Verified;

const EXAMPLES: &str = "\
Examples:
  drawdown serve                           start on ./drawdown-data, RESP on 127.0.0.1:6479
  drawdown serve --show-config             say every setting and where it comes from
  drawdown token create --scope ingest     make a token for an application
  drawdown token list                      say which tokens there are
  drawdown snapshot                        ask the running server for a snapshot now
  drawdown verify --data-dir /backup/data  check a data directory that nobody uses
  drawdown inspect journal --limit 10      show the first journal frames as JSON lines

Talk to it with any Redis client:
  redis-cli -p 6479 --user default --pass \"$(cat drawdown-data/admin.token)\"
  > METER CREATE tokens
  > GRANT ada tokens 100
  > DEBIT ada tokens 2.5 ID request-17
  > BALANCE ada tokens

Exit codes:
   0  good                      69  unavailable
   1  a check failed            70  internal or I/O failure
   2  usage, or cannot tell     73  cannot create, or in use
  65  damaged data              78  configuration";

/// A balance engine for prepaid usage: live balances in memory, durable before the reply.
#[derive(Debug, Parser)]
#[command(name = "drawdown", version, about, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server on a data directory.
    Serve(Box<serve::ServeArgs>),
    /// Check every file of a data directory that no server uses.
    Verify(verify::VerifyArgs),
    /// Show accounts, journal frames or snapshots as JSON lines; no server may use the directory.
    Inspect(inspect::InspectArgs),
    /// Make, list and revoke access tokens, with the running server or without.
    Token(token::TokenArgs),
    /// Load a server and check every balance afterwards.
    Bench(bench::BenchArgs),
    /// Ask the running server for a snapshot now.
    Snapshot(snapshot::SnapshotArgs),
}

/// What the subcommands need from the engine.
#[derive(Debug, Clone, Copy)]
pub struct EngineCalls {
    /// Recovers the directory, serves the listeners until TERM or INT, drains.
    pub serve: fn(Launch) -> Result<Exit, Failure>,
    /// Reads every journal and snapshot; damage is a result, not a failure.
    pub verify: fn(&DataDir) -> Result<Verified, Failure>,
    /// Writes what was asked for as JSON lines.
    pub inspect: fn(&DataDir, &Inspection, &mut dyn Write) -> Result<(), Failure>,
    /// Changes or lists the tokens of a directory that no server uses.
    pub tokens: fn(&DataDir, &TokenRequest) -> Result<TokenAnswer, Failure>,
}

/// Does what the command line says. A failure is named on stderr.
#[must_use]
pub fn run(cli: Cli, engine: EngineCalls) -> Exit {
    let ended = match cli.command {
        Command::Serve(args) => serve::run(&args, engine),
        Command::Verify(args) => verify::run(&args, engine),
        Command::Inspect(args) => inspect::run(&args, engine),
        Command::Token(args) => token::run(args, engine),
        Command::Bench(args) => bench::run(&args),
        Command::Snapshot(args) => snapshot::run(&args),
    };
    ended.unwrap_or_else(|failure| failure.report())
}

#[cfg(test)]
mod tests;
