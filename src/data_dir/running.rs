//! Where the running server of a data directory listens, for the other subcommands.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;

use serde::Deserialize;
use serde::Serialize;

use super::DataDirError;
use super::files::read_bounded;
use super::files::write_whole;

pub(super) const FILE: &str = "running.json";

/// A running server. A server that was killed leaves this behind: whether it still runs, the lock
/// says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// Its process.
    pub pid: u32,
    /// Where it speaks RESP.
    pub resp: SocketAddr,
    /// Where it speaks HTTP.
    pub http: SocketAddr,
}

/// Says where a server listens until it is dropped, at its clean stop.
#[derive(Debug)]
pub struct Announced(PathBuf);

impl Running {
    /// What the last server of the directory at `path` left, or says now.
    ///
    /// # Errors
    /// [`DataDirError`].
    pub fn read(path: &Path) -> Result<Option<Self>, DataDirError> {
        let file = path.join(FILE);
        let Some(text) = read_bounded(&file)? else { return Ok(None) };
        match serde_json::from_str(&text) {
            Ok(running) => Ok(Some(running)),
            Err(error) => Err(DataDirError::Damaged { file, what: error.to_string() }),
        }
    }

    /// The line that a server prints once both ports accept.
    #[must_use]
    pub fn ready_line(&self, data: &Path) -> String {
        format!("ready resp={} http={} data={}", self.resp, self.http, data.display())
    }

    pub(super) fn announce(&self, path: &Path) -> Result<Announced, DataDirError> {
        let file = path.join(FILE);
        let failed = |cause| DataDirError::Io { path: file.clone(), cause };
        let text = serde_json::to_vec(self).map_err(|error| failed(error.into()))?;
        write_whole(&file, &text).map_err(failed)?;
        Ok(Announced(file))
    }
}

impl Drop for Announced {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.0) {
            tracing::warn!(file = %self.0.display(), %error, "a stale file stays behind");
        }
    }
}
