//! How a subcommand ends: its exit code, and what it says when it fails.

use std::io;
use std::process::ExitCode;

use crate::config::ConfigError;
use crate::config::Origin;
use crate::data_dir::DataDirError;

use super::ConnectionError;

/// How the process ends. The numbers are sysexits', where it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// All went well.
    Good,
    /// A check failed: `verify` found damage, `bench` a wrong balance.
    CheckFailed,
    /// The command line is wrong; of `verify`, that it cannot tell.
    Usage,
    /// The data is damaged.
    Damaged,
    /// The server, or an address, cannot be used.
    Unavailable,
    /// The engine or the disk failed.
    Internal,
    /// The data directory cannot be made, or is in use.
    CannotCreate,
    /// The configuration is wrong.
    Configuration,
}

impl Exit {
    /// The number that the shell sees.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::CheckFailed => 1,
            Self::Usage => 2,
            Self::Damaged => 65,
            Self::Unavailable => 69,
            Self::Internal => 70,
            Self::CannotCreate => 73,
            Self::Configuration => 78,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why a subcommand could not do its work, and how the process ends for it.
#[derive(Debug)]
pub struct Failure {
    /// How the process ends.
    pub exit: Exit,
    /// What to say.
    pub cause: anyhow::Error,
}

impl Failure {
    /// A failure with a cause of its own.
    pub fn new(exit: Exit, cause: impl Into<anyhow::Error>) -> Self {
        Self { exit, cause: cause.into() }
    }

    /// A failure that is said in words.
    pub fn said(exit: Exit, words: impl Into<String>) -> Self {
        Self { exit, cause: anyhow::Error::msg(words.into()) }
    }

    /// Says the cause on stderr, on one line, and gives the exit.
    #[must_use]
    pub fn report(&self) -> Exit {
        eprintln!("drawdown: {:#}", self.cause);
        self.exit
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let exit = match &error {
            ConfigError::Value { origin: Origin::Flag(_), .. } => Exit::Usage,
            ConfigError::Value { .. }
            | ConfigError::UnknownKey { .. }
            | ConfigError::UnknownVariable(_)
            | ConfigError::NotText(_)
            | ConfigError::Syntax { .. }
            | ConfigError::Read { .. } => Exit::Configuration,
        };
        Self::new(exit, error)
    }
}

impl From<DataDirError> for Failure {
    fn from(error: DataDirError) -> Self {
        let exit = match &error {
            DataDirError::Locked { .. }
            | DataDirError::Foreign { .. }
            | DataDirError::Create { .. } => Exit::CannotCreate,
            DataDirError::LostIdentity { .. }
            | DataDirError::Damaged { .. }
            | DataDirError::Missing { .. } => Exit::Damaged,
            DataDirError::Absent { .. }
            | DataDirError::Newer { .. }
            | DataDirError::Differs { .. } => Exit::Configuration,
            DataDirError::Io { .. } | DataDirError::Random(_) => Exit::Internal,
        };
        Self::new(exit, error)
    }
}

impl From<ConnectionError> for Failure {
    fn from(error: ConnectionError) -> Self {
        let exit = match &error {
            ConnectionError::Connect { .. } | ConnectionError::Io(_) => Exit::Unavailable,
            ConnectionError::Protocol(_) => Exit::Internal,
            ConnectionError::Refused(text) => match text.split(' ').next() {
                Some("BADARG" | "ERR") => Exit::Usage,
                Some("NOAUTH" | "WRONGPASS" | "NOPERM") => Exit::Configuration,
                Some("BUSY" | "READONLY" | "UNAVAILABLE") => Exit::Unavailable,
                Some(_) | None => Exit::Internal,
            },
        };
        Self::new(exit, error)
    }
}

/// Output that cannot be written.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::new(Exit::Internal, error)
    }
}
