//! The `drawdown` binary: parse, run, exit code.

use std::process::ExitCode;

use clap::Parser;
use drawdown::cli;
use drawdown::cli::Cli;
use drawdown::cli::EngineCalls;
use drawdown::server;
use drawdown::tools;

/// Accounts and buffers are many and small, which it serves about twice as fast as the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What the subcommands call.
const ENGINE: EngineCalls = EngineCalls {
    serve: server::serve,
    verify: tools::verify,
    inspect: tools::inspect,
    tokens: tools::tokens,
};

fn main() -> ExitCode {
    cli::run(Cli::parse(), ENGINE).into()
}
