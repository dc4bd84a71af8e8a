//! The `drawdown` binary.

use std::process::ExitCode;

use clap::Parser;
use drawdown::cli::bench::BenchArgs;

#[derive(Parser)]
enum Cli {
    Bench(BenchArgs),
}

fn main() -> anyhow::Result<ExitCode> {
    match Cli::parse() {
        Cli::Bench(args) => drawdown::cli::bench::run(&args),
    }
}
