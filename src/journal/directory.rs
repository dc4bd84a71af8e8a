//! Files and directories that are there after a power loss.

use std::fs;
use std::fs::File;
use std::path::Path;

use crate::journal::JournalError;

/// Makes the names in `directory` durable.
pub(super) fn sync(directory: &Path) -> Result<(), JournalError> {
    sync_file(directory)
}

/// Makes one file durable: content, length and all.
pub(super) fn sync_file(file: &Path) -> Result<(), JournalError> {
    File::open(file).and_then(|opened| opened.sync_all()).map_err(JournalError::io("sync", file))
}

/// Makes the parent of `path` durable, and with it the name of `path`.
pub(super) fn sync_parent(path: &Path) -> Result<(), JournalError> {
    match path.parent() {
        // The parent of a bare name is the working directory.
        Some(parent) if parent.as_os_str().is_empty() => sync(Path::new(".")),
        Some(parent) => sync(parent),
        None => Ok(()),
    }
}

/// Makes `directory` and every missing one above it, durably.
pub(super) fn create(directory: &Path) -> Result<(), JournalError> {
    if directory.as_os_str().is_empty() || directory.is_dir() {
        return Ok(());
    }
    if let Some(parent) = directory.parent() {
        create(parent)?;
    }
    fs::create_dir(directory).map_err(JournalError::io("create", directory))?;
    sync_parent(directory)
}

/// Puts a file with `content` at `path`, whole or not at all.
pub(super) fn place(path: &Path, content: &[u8]) -> Result<(), JournalError> {
    let draft = path.with_extension("new");
    fs::write(&draft, content).map_err(JournalError::io("write", &draft))?;
    sync_file(&draft)?;
    fs::rename(&draft, path).map_err(JournalError::io("rename", &draft))?;
    sync_parent(path)
}
