//! The `drawdown` binary: parse, run, exit code.

use std::process::ExitCode;

use clap::Parser;
use drawdown::cli;
use drawdown::cli::Cli;
use drawdown::cli::EngineCalls;
use drawdown::cli::Exit;
use drawdown::cli::Failure;

/// Accounts and buffers are many and small, which it serves about twice as fast as the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The one seam to the engine: it is joined here, and until then each call says that it is not.
const ENGINE: EngineCalls = EngineCalls {
    serve: |_| Err(not_joined()),
    verify: |_| Err(not_joined()),
    inspect: |_, _, _| Err(not_joined()),
    tokens: |_, _| Err(not_joined()),
};

fn not_joined() -> Failure {
    Failure::said(Exit::Unavailable, "this build has no engine")
}

fn main() -> ExitCode {
    cli::run(Cli::parse(), ENGINE).into()
}
