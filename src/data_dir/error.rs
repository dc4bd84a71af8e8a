//! Why a data directory cannot be used, in words that name the file.

use std::io;
use std::path::PathBuf;

use super::FORMAT;

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    /// Another process uses it.
    #[error("{} is in use by process {pid}", path.display())]
    Locked {
        /// The directory.
        path: PathBuf,
        /// The other process, or `unknown`.
        pid: String,
    },
    /// There is none.
    #[error("{} is no data directory", path.display())]
    Absent {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A new directory would mix with files of others.
    #[error("{} holds {entry:?}, which is not a data directory's", path.display())]
    Foreign {
        /// The directory.
        path: PathBuf,
        /// One of the files.
        entry: String,
    },
    /// There is data, but nothing that says whose.
    #[error("{} is missing, but {} holds data: restore it from a backup", file.display(), data.display())]
    LostIdentity {
        /// The missing file.
        file: PathBuf,
        /// Where data lies.
        data: PathBuf,
    },
    /// The identity is not what was written.
    #[error("{} is damaged: {what}", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// Part of the directory is gone.
    #[error("{} is missing from the data directory", missing.display())]
    Missing {
        /// What is gone.
        missing: PathBuf,
    },
    /// A later version wrote it.
    #[error("{} has format {found}, this version reads up to {FORMAT}: use a newer drawdown", file.display())]
    Newer {
        /// The identity file.
        file: PathBuf,
        /// Its format.
        found: u32,
    },
    /// What was asked for is not what the directory was made with.
    #[error("{} was made with {name} {made}, not {asked}", path.display())]
    Differs {
        /// The directory.
        path: PathBuf,
        /// What differs.
        name: &'static str,
        /// What it was made with.
        made: String,
        /// What was asked for.
        asked: String,
    },
    /// It cannot be made.
    #[error("cannot create {}", path.display())]
    Create {
        /// What cannot be made.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: io::Error,
    },
    /// It cannot be read or written.
    #[error("cannot use {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: io::Error,
    },
    /// A directory needs a secret seed, and the system gave none.
    #[error("the system gives no random bytes: {0}")]
    Random(getrandom::Error),
}
