//! How much room the disk has, so that a full one is seen coming.
//!
//! A write that fails for want of room ends the process; a refused command does not. So commands are
//! refused while less than a reserve is free.

use std::io;
use std::path::Path;
use std::path::PathBuf;

/// Free space below which writes are refused, in bytes.
pub const RESERVE_BYTES: u64 = 32 * 1024 * 1024;

/// While more than this is free above the reserve, only every [`CHECKS_PER_LOOK`]th check looks. So
/// many commits cannot fill as much.
const PLENTY_BYTES: u64 = 4 * 1024 * 1024 * 1024;
const CHECKS_PER_LOOK: u32 = 16;

/// Whether there is room for writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// More than the reserve is free.
    Enough,
    /// Writes are to be refused.
    Full,
}

/// The room on the file system of one directory.
#[derive(Debug)]
pub struct Space {
    directory: PathBuf,
    reserve_bytes: u64,
    /// Checks that may be answered without looking.
    unlooked: u32,
}

impl Space {
    /// Watches the file system of `directory`; `reserve_bytes` is usually [`RESERVE_BYTES`].
    #[must_use]
    pub fn new(directory: &Path, reserve_bytes: u64) -> Self {
        Self { directory: directory.to_owned(), reserve_bytes, unlooked: 0 }
    }

    /// Whether there is room. Costs a system call of about a microsecond at most; ask once per
    /// commit.
    ///
    /// # Errors
    /// When the directory cannot be looked at.
    pub fn check(&mut self) -> io::Result<Room> {
        if let Some(unlooked) = self.unlooked.checked_sub(1) {
            self.unlooked = unlooked;
            return Ok(Room::Enough);
        }
        let free = free_bytes(&self.directory)?;
        if free >= self.reserve_bytes.saturating_add(PLENTY_BYTES) {
            self.unlooked = CHECKS_PER_LOOK.saturating_sub(1);
        }
        Ok(if free >= self.reserve_bytes { Room::Enough } else { Room::Full })
    }
}

/// Bytes that this process may still write to the file system of `directory`.
///
/// # Errors
/// When the directory cannot be looked at.
pub fn free_bytes(directory: &Path) -> io::Result<u64> {
    let stat = rustix::fs::statvfs(directory)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

#[cfg(test)]
mod tests;
