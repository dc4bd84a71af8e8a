//! What a server is told: flags > `DRAWDOWN_*` environment > TOML file > default.
//!
//! Precedence is decided here and nowhere else; each value knows its origin. A key that means
//! nothing is an error: a misspelt limit must not silently be the default.

mod value;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use crate::customer::CreditOn;
use crate::data_dir::ClockKind;

pub use value::Bytes;
pub use value::Durability;
pub use value::LogFilter;
pub use value::LogFormat;
pub use value::SHARDS_MAX;
pub use value::Shards;
pub use value::Value;

/// Where a value was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nowhere.
    Default,
    /// In this file.
    File(PathBuf),
    /// In this environment variable.
    Environment(&'static str),
    /// With this flag.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

/// A value, what it was read from, and where that was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// What it was read from.
    pub text: String,
    /// Where that was said.
    pub origin: Origin,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A value that its setting does not take.
    #[error("{name} ({origin}) is {text:?}, which is not {expected}")]
    Value {
        /// The setting's key.
        name: &'static str,
        /// What was said.
        text: String,
        /// Where it was said.
        origin: Origin,
        /// What the setting takes.
        expected: &'static str,
    },
    /// A key of the file that means nothing.
    #[error("{}: unknown key {key:?}", file.display())]
    UnknownKey {
        /// The file.
        file: PathBuf,
        /// The key, as it stands there.
        key: String,
    },
    /// A variable in the engine's name space that means nothing.
    #[error("unknown environment variable {0}")]
    UnknownVariable(String),
    /// A variable whose bytes are no text.
    #[error("environment variable {0} is not UTF-8")]
    NotText(&'static str),
    /// The file is no TOML.
    #[error("{}:{line}: {what}", file.display())]
    Syntax {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// The file cannot be read.
    #[error("cannot read {}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why not.
        #[source]
        cause: io::Error,
    },
}

/// Environment variables by name.
pub type Environment = BTreeMap<String, OsString>;

/// Variables in the engine's name space that are read elsewhere.
const OTHER_VARIABLES: [&str; 2] = ["DRAWDOWN_CONFIG", "DRAWDOWN_TOKEN"];

/// Kubernetes describes a service named `drawdown` to every pod in variables that begin so.
const FOREIGN_PREFIXES: [&str; 2] = ["DRAWDOWN_SERVICE_", "DRAWDOWN_PORT"];

macro_rules! settings {
    ($($(#[doc = $doc:literal])* $name:ident: $type:ty = $default:literal, $flag:literal, $variable:literal, $shape:literal;)*) => {
        /// Everything a server is told.
        #[derive(Debug, Clone)]
        pub struct Config {
            $($(#[doc = $doc])* pub $name: Setting<$type>,)*
        }

        /// The settings as flags: texts, so that every source is read by the same reader.
        #[derive(Debug, Clone, Default, clap::Args)]
        pub struct Flags {
            /// The file that settings are read from.
            #[arg(
                long,
                value_name = "FILE",
                help = "Read settings from this TOML file; its keys are the flags' names with \
                        underscores [env: DRAWDOWN_CONFIG]"
            )]
            pub config: Option<PathBuf>,
            $(
                $(#[doc = $doc])*
                #[arg(
                    long = $flag,
                    value_name = $shape,
                    allow_hyphen_values = true,
                    help = concat!($($doc,)* " [env: ", $variable, "] [default: ", $default, "]")
                        .trim_ascii_start()
                )]
                pub $name: Option<String>,
            )*
        }

        const KEYS: &[&str] = &[$(stringify!($name)),*];
        const VARIABLES: &[&str] = &[$($variable),*];

        impl Config {
            fn merge(sources: &Sources<'_>) -> Result<Self, ConfigError> {
                Ok(Self {
                    $($name: sources.setting(&Names {
                        key: stringify!($name),
                        flag: concat!("--", $flag),
                        variable: $variable,
                        default: $default,
                    }, sources.flags.$name.as_deref())?,)*
                })
            }

            /// Every setting's key, text and origin, for people.
            #[must_use]
            pub fn lines(&self) -> Vec<(&'static str, &str, &Origin)> {
                vec![$((stringify!($name), self.$name.text.as_str(), &self.$name.origin)),*]
            }
        }
    };
}

settings! {
    /// Keep everything in this directory; it is made when it is not there
    data_dir: PathBuf = "./drawdown-data", "data-dir", "DRAWDOWN_DATA_DIR", "DIR";
    /// Listen for RESP, the Redis protocol, on this address; port 0 picks a free one
    resp: SocketAddr = "127.0.0.1:6479", "resp", "DRAWDOWN_RESP", "ADDR:PORT";
    /// Listen for HTTP on this address; port 0 picks a free one
    http: SocketAddr = "127.0.0.1:8479", "http", "DRAWDOWN_HTTP", "ADDR:PORT";
    /// How many shards a new directory gets; auto is half the cores, at least one
    shards: Shards = "auto", "shards", "DRAWDOWN_SHARDS", "N";
    /// Answer when the disk has it (fsync) or when the operating system has it (os)
    durability: Durability = "fsync", "durability", "DRAWDOWN_DURABILITY", "fsync|os";
    /// Which clock a new directory gets: the system's, or one that is moved by hand
    clock: ClockKind = "system", "clock", "DRAWDOWN_CLOCK", "system|manual";
    /// Write log lines for people (text) or for machines (json), always to stderr
    log_format: LogFormat = "text", "log-format", "DRAWDOWN_LOG_FORMAT", "text|json";
    /// What to log: a level (error, warn, info, debug, trace), or levels by module
    log: LogFilter = "info", "log", "DRAWDOWN_LOG", "FILTER";
    /// Most connections at a time; more are turned away
    connections_max: NonZeroU32 = "4096", "connections-max", "DRAWDOWN_CONNECTIONS_MAX", "N";
    /// Most commands one connection may have in flight before its socket is read no further
    connection_in_flight_max: NonZeroU32 = "16384", "connection-in-flight-max", "DRAWDOWN_CONNECTION_IN_FLIGHT_MAX", "N";
    /// Most commands one shard may have in flight before it answers -BUSY
    shard_in_flight_max: NonZeroU32 = "262144", "shard-in-flight-max", "DRAWDOWN_SHARD_IN_FLIGHT_MAX", "N";
    /// Most reply bytes that wait for one client; a client that does not read is dropped
    output_bytes_max: Bytes = "8MiB", "output-bytes-max", "DRAWDOWN_OUTPUT_BYTES_MAX", "BYTES";
    /// Snapshot this long after the last one, when anything changed
    snapshot_interval: Duration = "60s", "snapshot-interval", "DRAWDOWN_SNAPSHOT_INTERVAL", "TIME";
    /// Snapshot after this many journal records at the latest
    snapshot_records: NonZeroU32 = "16000000", "snapshot-records", "DRAWDOWN_SNAPSHOT_RECORDS", "N";
    /// Remember idempotency keys for this long
    key_window: Duration = "35d", "key-window", "DRAWDOWN_KEY_WINDOW", "TIME";
    /// Keep events for this long, to list them and to count them for new meters
    event_retention: Duration = "35d", "event-retention", "DRAWDOWN_EVENT_RETENTION", "TIME";
    /// Keep at most this much of each shard's journal for its events
    event_retention_bytes: Bytes = "8GiB", "event-retention-bytes", "DRAWDOWN_EVENT_RETENTION_BYTES", "BYTES";
    /// Begin a new journal segment at this size
    segment_bytes_max: Bytes = "128MiB", "segment-bytes-max", "DRAWDOWN_SEGMENT_BYTES_MAX", "BYTES";
    /// Refuse writes while less than this is free on the disk, beside what a restart needs; reads go on
    reserve_bytes: Bytes = "32MiB", "reserve-bytes", "DRAWDOWN_RESERVE_BYTES", "BYTES";
    /// Credit a subscription's new period at its start (cycle) or when its order is paid (paid)
    credit_on: CreditOn = "cycle", "credit-on", "DRAWDOWN_CREDIT_ON", "cycle|paid";
    /// Wait this long for what is in flight when told to stop
    drain_timeout: Duration = "30s", "drain-timeout", "DRAWDOWN_DRAIN_TIMEOUT", "TIME";
}

/// How one setting is called in each source.
struct Names {
    key: &'static str,
    flag: &'static str,
    variable: &'static str,
    default: &'static str,
}

struct Sources<'a> {
    flags: &'a Flags,
    environment: &'a Environment,
    file: Option<(&'a Path, toml::Table)>,
}

impl Config {
    /// Reads the file that `flags` or `environment` name, if any, and merges the sources.
    ///
    /// # Errors
    /// [`ConfigError`]; the first thing that is wrong.
    pub fn load(flags: &Flags, environment: &Environment) -> Result<Self, ConfigError> {
        let named = environment.get("DRAWDOWN_CONFIG").map(PathBuf::from);
        let path = flags.config.clone().or(named);
        let file = path.as_deref().map(read_file).transpose()?;
        refuse_unknown_variables(environment)?;
        Self::merge(&Sources { flags, environment, file })
    }
}

impl Sources<'_> {
    /// The one place where precedence is decided.
    fn setting<T: Value>(
        &self,
        names: &Names,
        flag: Option<&str>,
    ) -> Result<Setting<T>, ConfigError> {
        let (text, origin) = if let Some(text) = flag {
            (text.to_owned(), Origin::Flag(names.flag))
        } else if let Some(text) = self.environment.get(names.variable) {
            let text = text.to_str().ok_or(ConfigError::NotText(names.variable))?;
            (text.to_owned(), Origin::Environment(names.variable))
        } else if let Some((text, file)) = self.said_in_file(names.key) {
            (text, Origin::File(file.to_owned()))
        } else {
            (names.default.to_owned(), Origin::Default)
        };
        match T::parse(&text) {
            Some(value) => Ok(Setting { value, text, origin }),
            None => {
                Err(ConfigError::Value { name: names.key, text, origin, expected: T::EXPECTED })
            }
        }
    }

    fn said_in_file(&self, key: &str) -> Option<(String, &Path)> {
        let (path, table) = self.file.as_ref()?;
        let value = table.get(key)?;
        // A quoted text is meant as it reads; anything else is judged by how it is written.
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Some((text, path))
    }
}

fn read_file(path: &Path) -> Result<(&Path, toml::Table), ConfigError> {
    let file = || path.to_owned();
    let text =
        fs::read_to_string(path).map_err(|cause| ConfigError::Read { file: file(), cause })?;
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count().saturating_add(1);
        ConfigError::Syntax { file: file(), line, what: error.message().to_owned() }
    })?;
    if let Some(key) = table.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(ConfigError::UnknownKey { file: file(), key: key.clone() });
    }
    Ok((path, table))
}

fn refuse_unknown_variables(environment: &Environment) -> Result<(), ConfigError> {
    let ours = environment.keys().filter(|name| name.starts_with("DRAWDOWN_"));
    for name in ours {
        let known = VARIABLES.contains(&name.as_str()) || OTHER_VARIABLES.contains(&name.as_str());
        let foreign = FOREIGN_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
        if !known && !foreign {
            return Err(ConfigError::UnknownVariable(name.clone()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
