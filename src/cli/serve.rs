//! `drawdown serve`: everything up to the engine, in the order in which failures are told best.

use std::env;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::process;

use anyhow::Context;
use clap::Args;

use crate::config::Config;
use crate::config::Flags;
use crate::config::Origin;
use crate::config::Setting;
use crate::data_dir::DataDir;
use crate::data_dir::Running;
use crate::data_dir::Term;
use crate::data_dir::Terms;
use crate::token::TokenText;

use super::EngineCalls;
use super::failure::Exit;
use super::failure::Failure;
use super::logging;
use super::reach::environment;

const NOTES: &str = "\
Each flag is also a variable (DRAWDOWN_RESP) and a key of the file (resp = \"127.0.0.1:6479\").
A flag goes before the environment, that before the file, that before the default.

When both ports accept, one line goes to stdout:
  ready resp=127.0.0.1:6479 http=127.0.0.1:8479 data=/srv/drawdown
A new directory gets an admin token: DRAWDOWN_TOKEN, or a random one that is said once on stderr
and kept in DIR/admin.token. TERM and INT drain: what is in flight is committed and answered.";

/// Run the server on a data directory.
#[derive(Debug, Args)]
#[command(after_help = NOTES)]
pub(super) struct ServeArgs {
    #[command(flatten)]
    flags: Flags,
    /// Say every setting with its origin, and end.
    #[arg(long)]
    show_config: bool,
}

/// A server that is about to start: all that can be refused without the engine has been.
#[derive(Debug)]
pub struct Launch {
    /// What it was told.
    pub config: Config,
    /// Its data directory, locked.
    pub directory: DataDir,
    /// Bound for RESP; nothing is accepted yet.
    pub resp: TcpListener,
    /// Bound for HTTP; nothing is accepted yet.
    pub http: TcpListener,
    /// The admin token for a directory that has none, if it was given.
    pub given_token: Option<TokenText>,
}

impl Launch {
    /// Where the server listens, for `running.json` and the ready line.
    ///
    /// # Errors
    /// A listener has no address.
    pub fn running(&self) -> std::io::Result<Running> {
        let (resp, http) = (self.resp.local_addr()?, self.http.local_addr()?);
        Ok(Running { pid: process::id(), resp, http })
    }
}

pub(super) fn run(args: &ServeArgs, engine: EngineCalls) -> Result<Exit, Failure> {
    let config = Config::load(&args.flags, &environment())?;
    if args.show_config {
        for (key, text, origin) in config.lines() {
            println!("{key} = {text:?}  # {origin}");
        }
        return Ok(Exit::Good);
    }
    logging::start(&config)?;
    (engine.serve)(prepare(config, given_token()?)?)
}

fn prepare(config: Config, given_token: Option<TokenText>) -> Result<Launch, Failure> {
    let terms = Terms {
        shards: term(&config.shards, config.shards.value.0),
        clock: term(&config.clock, config.clock.value),
    };
    // The directory comes first: a second server on it is told about the first one, not about ports.
    let (directory, made) = DataDir::open_or_create(&config.data_dir.value, terms)?;
    let identity = directory.identity();
    tracing::info!(path = %directory.path().display(), ?made, ?identity, "data directory open");
    let resp = bind(config.resp.value)?;
    let http = bind(config.http.value)?;
    Ok(Launch { config, directory, resp, http, given_token })
}

fn term<T, V>(setting: &Setting<T>, value: V) -> Term<V> {
    match &setting.origin {
        Origin::Default => Term::Suggested(value),
        Origin::File(_) | Origin::Environment(_) | Origin::Flag(_) => Term::Asked(value),
    }
}

fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address)
        .with_context(|| format!("cannot listen on {address}"))
        .map_err(|error| Failure::new(Exit::Unavailable, error))
}

fn given_token() -> Result<Option<TokenText>, Failure> {
    let Some(text) = env::var_os("DRAWDOWN_TOKEN") else { return Ok(None) };
    match TokenText::parse(&text.to_string_lossy()) {
        Ok(token) => Ok(Some(token)),
        Err(error) => Err(Failure::new(
            Exit::Configuration,
            anyhow::Error::new(error).context("DRAWDOWN_TOKEN"),
        )),
    }
}
