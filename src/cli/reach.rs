//! How a subcommand reaches a data directory: through the server that uses it, or directly.

use std::env;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;

use clap::Args;

use crate::config::Config;
use crate::config::Environment;
use crate::config::Flags;
use crate::data_dir;
use crate::data_dir::DataDir;
use crate::data_dir::DataDirError;
use crate::data_dir::Running;
use crate::token::TokenText;

use super::connection::Connection;
use super::failure::Exit;
use super::failure::Failure;

/// Which data directory is meant.
#[derive(Debug, Clone, Args)]
pub(super) struct Place {
    /// The data directory [env: `DRAWDOWN_DATA_DIR`] [default: ./drawdown-data]
    #[arg(
        long,
        value_name = "DIR",
        help = "The data directory [env: DRAWDOWN_DATA_DIR] [default: ./drawdown-data]"
    )]
    data_dir: Option<String>,
    /// The configuration file that names it.
    #[arg(
        long,
        value_name = "FILE",
        help = "The configuration file that names it [env: DRAWDOWN_CONFIG]"
    )]
    config: Option<PathBuf>,
}

/// Which server is meant.
#[derive(Debug, Clone, Args)]
pub(super) struct Target {
    #[command(flatten)]
    place: Place,
    /// Ask the server at this RESP address instead of the one that uses the data directory.
    #[arg(long, value_name = "ADDR:PORT")]
    addr: Option<SocketAddr>,
    /// An admin token; without it, the one that the data directory keeps. Other users of the machine
    /// see flags: prefer the environment.
    #[arg(long, value_name = "TOKEN", env = "DRAWDOWN_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

/// What was reached.
pub(super) enum Reached {
    Server(Connection),
    Directory(DataDir),
}

/// The process's environment, as far as its names are text.
pub(super) fn environment() -> Environment {
    env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect()
}

impl Place {
    pub(super) fn path(&self) -> Result<PathBuf, Failure> {
        let flags = Flags {
            data_dir: self.data_dir.clone(),
            config: self.config.clone(),
            ..Flags::default()
        };
        Ok(Config::load(&flags, &environment())?.data_dir.value)
    }
}

impl Target {
    /// The server, if one runs; else the directory, locked.
    pub(super) fn reach(&self) -> Result<Reached, Failure> {
        if let Some(address) = self.addr {
            return Ok(Reached::Server(self.connect(address, None)?));
        }
        let path = self.place.path()?;
        match DataDir::open(&path) {
            Ok(directory) => Ok(Reached::Directory(directory)),
            Err(locked @ DataDirError::Locked { .. }) => match Running::read(&path)? {
                Some(running) => Ok(Reached::Server(self.connect(running.resp, Some(&path))?)),
                // It is starting or ending, or is no server.
                None => Err(Failure::new(Exit::Unavailable, locked)),
            },
            Err(error) => Err(error.into()),
        }
    }

    fn connect(&self, address: SocketAddr, kept_in: Option<&Path>) -> Result<Connection, Failure> {
        let given = self.token.as_deref().map(TokenText::parse).transpose();
        let token = match given.map_err(|error| Failure::new(Exit::Configuration, error))? {
            Some(token) => Some(token),
            None => kept_in.map(data_dir::read_admin_token).transpose()?.flatten(),
        };
        let token = token.ok_or_else(|| {
            Failure::said(Exit::Configuration, "no admin token: give --token or DRAWDOWN_TOKEN")
        })?;
        let mut connection = Connection::open(address)?;
        connection.ask(&["AUTH", token.as_str()])?;
        Ok(connection)
    }
}
