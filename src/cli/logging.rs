//! Where log lines go: to stderr, always, so that stdout is for answers.

use std::env;
use std::io;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use crate::config::Config;
use crate::config::LogFormat;
use crate::config::Origin;

use super::failure::Exit;
use super::failure::Failure;

/// Starts logging as the server was told. Where nobody said what to log, `RUST_LOG` does.
pub(super) fn start(config: &Config) -> Result<(), Failure> {
    let usual = env::var("RUST_LOG").ok().filter(|_| config.log.origin == Origin::Default);
    let filter = usual.unwrap_or_else(|| config.log.value.0.clone());
    let filter = EnvFilter::builder().parse(&filter).map_err(|error| {
        Failure::new(Exit::Configuration, anyhow::Error::new(error).context("RUST_LOG"))
    })?;
    let lines = fmt().with_env_filter(filter).with_writer(io::stderr);
    let started = match config.log_format.value {
        LogFormat::Text => lines.with_ansi(io::IsTerminal::is_terminal(&io::stderr())).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| Failure::said(Exit::Internal, error.to_string()))
}
