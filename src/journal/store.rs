//! One sled directory, with what sled lacks: syncs that reach the disk, and panics kept in.
//!
//! sled's `flush` starts the write and waits for it, but never asks the disk to keep it; and damaged
//! files make sled panic. Nothing outside this file calls sled.

use std::fmt;
use std::fs;
use std::fs::File;
use std::io;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use crate::journal::BatchNumber;
use crate::journal::JournalError;
use crate::journal::Position;
use crate::journal::directory;

/// sled's unit of writing. Values and pages over a quarter of it go to files of their own, which
/// sled never syncs: the largest page, 17 frames of 64 KiB, stays under that.
pub(super) const SLED_SEGMENT_BYTES: usize = 8 * 1024 * 1024;

/// What sled may keep in memory. Only the page that is appended to is ever needed again.
const SLED_CACHE_BYTES: u64 = 16 * 1024 * 1024;

/// The file that sled keeps everything in.
pub(super) const DATA_FILE: &str = "db";

/// An open sled directory: frames by batch number.
pub(super) struct Store {
    directory: PathBuf,
    /// Present until it is closed.
    db: Option<sled::Db>,
    /// Our own handle of the data file, to sync it.
    pub(super) file: Arc<File>,
}

/// A frame's bytes as sled hands them out, without a copy.
pub(super) type FrameBytes = sled::IVec;

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Store").field(&self.directory).finish()
    }
}

/// What went wrong inside sled.
enum Failure {
    System(io::Error),
    Store(String),
}

/// Runs `call` and turns errors and panics of sled into a [`Failure`].
fn kept_in<T>(call: impl FnOnce() -> sled::Result<T>) -> Result<T, Failure> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(sled::Error::Io(source))) => Err(Failure::System(source)),
        Ok(Err(error)) => Err(Failure::Store(error.to_string())),
        Err(panic) => {
            let said = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("no reason given");
            Err(Failure::Store(format!("the store panicked: {said}")))
        }
    }
}

impl Store {
    /// Makes an empty store at `directory`, which must not exist. Durable when this returns: the
    /// directory gets its name last.
    pub(super) fn create(directory: &Path) -> Result<Self, JournalError> {
        let draft = directory.with_extension("new");
        directory::create(&draft)?;
        let mut store = Self::open(&draft)?;
        store.flush()?;
        store.sync()?;
        directory::sync_file(&draft.join("conf"))?;
        directory::sync(&draft.join("blobs"))?;
        directory::sync(&draft)?;
        // sled uses the path only while it opens, and the lock is on the open file.
        fs::rename(&draft, directory).map_err(JournalError::io("rename", &draft))?;
        directory::sync_parent(directory)?;
        directory.clone_into(&mut store.directory);
        Ok(store)
    }

    /// Opens the store at `directory`. sled makes what is missing, so callers look first.
    pub(super) fn open(directory: &Path) -> Result<Self, JournalError> {
        let config = sled::Config::new()
            .path(directory)
            .segment_size(SLED_SEGMENT_BYTES)
            .cache_capacity(SLED_CACHE_BYTES)
            .mode(sled::Mode::HighThroughput)
            .flush_every_ms(None);
        let path = directory.join(DATA_FILE);
        let db = match kept_in(|| config.open()) {
            Ok(db) => Some(db),
            Err(failure) => return Err(read_error(&path, Position::Byte(0), failure)),
        };
        let file = File::options()
            .read(true)
            .write(true)
            .open(&path)
            .map_err(JournalError::io("open", &path))?;
        Ok(Self { directory: directory.to_owned(), db, file: Arc::new(file) })
    }

    /// Opens a store whose file must be there: sled would start an empty one.
    pub(super) fn open_existing(directory: &Path) -> Result<Self, JournalError> {
        let file = directory.join(DATA_FILE);
        if !file.is_file() {
            return Err(JournalError::damaged(&file, Position::Byte(0), "the file is missing"));
        }
        Self::open(directory)
    }

    /// The data file's path.
    pub(super) fn path(&self) -> PathBuf {
        self.directory.join(DATA_FILE)
    }

    /// Length of the data file.
    pub(super) fn bytes(&self) -> Result<u64, JournalError> {
        let metadata = self.file.metadata().map_err(JournalError::io("look at", &self.path()))?;
        Ok(metadata.len())
    }

    /// Puts `frame` at `number`.
    pub(super) fn append(&self, number: BatchNumber, frame: &[u8]) -> Result<(), JournalError> {
        self.write(|db| db.insert(number.0.to_be_bytes(), frame).map(drop))
    }

    /// Takes away what is at `number`.
    pub(super) fn remove(&self, number: BatchNumber) -> Result<(), JournalError> {
        self.write(|db| db.remove(number.0.to_be_bytes()).map(drop))
    }

    /// Hands everything that was written to the operating system.
    pub(super) fn flush(&self) -> Result<(), JournalError> {
        self.write(|db| db.flush().map(drop))
    }

    /// Makes everything that was flushed durable.
    pub(super) fn sync(&self) -> Result<(), JournalError> {
        self.file.sync_data().map_err(JournalError::io("sync", &self.path()))
    }

    fn write(&self, call: impl FnOnce(&sled::Db) -> sled::Result<()>) -> Result<(), JournalError> {
        let failure = match &self.db {
            Some(db) => kept_in(|| call(db)),
            None => Err(Failure::Store("closed".into())),
        };
        failure.map_err(|failure| match failure {
            Failure::System(source) => {
                JournalError::Io { doing: "write", file: self.path(), source }
            }
            Failure::Store(what) => JournalError::Store { file: self.path(), what },
        })
    }

    /// The first batch's number.
    pub(super) fn first(&self) -> Result<Option<BatchNumber>, JournalError> {
        Ok(self.scan(BatchNumber::ZERO).next()?.map(|(number, _)| number))
    }

    /// The last batch's number.
    pub(super) fn last(&self) -> Result<Option<BatchNumber>, JournalError> {
        self.scan(BatchNumber::ZERO).next_back()
    }

    /// The frame at `number`.
    pub(super) fn frame(&self, number: BatchNumber) -> Result<Option<FrameBytes>, JournalError> {
        let found = self.scan(number).next()?;
        Ok(found.and_then(|(found, frame)| (found == number).then_some(frame)))
    }

    /// The frames from batch `from` on, in order.
    pub(super) fn scan(&self, from: BatchNumber) -> Scan {
        let frames = self.db.as_ref().map(|db| db.range(from.0.to_be_bytes()..));
        Scan { path: self.path(), frames, at: from }
    }

    /// Flushes and closes sled, which unlocks the directory.
    pub(super) fn close(mut self) -> Result<(), JournalError> {
        self.shut()
    }

    fn shut(&mut self) -> Result<(), JournalError> {
        let db = self.db.take();
        kept_in(|| {
            drop(db);
            Ok(())
        })
        .map_err(|failure| read_error(&self.path(), Position::Byte(0), failure))
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // What was committed is durable already; that closing failed changes nothing.
        let _ = self.shut();
    }
}

fn read_error(path: &Path, position: Position, failure: Failure) -> JournalError {
    match failure {
        Failure::System(source) => {
            JournalError::Io { doing: "read", file: path.to_owned(), source }
        }
        Failure::Store(what) => JournalError::damaged(path, position, what),
    }
}

/// Reads a store in the order of batches.
pub(super) struct Scan {
    path: PathBuf,
    frames: Option<sled::Iter>,
    /// The batch that is read next, if all is well.
    at: BatchNumber,
}

impl Scan {
    /// The next batch's number and frame; none at the end.
    pub(super) fn next(&mut self) -> Result<Option<(BatchNumber, FrameBytes)>, JournalError> {
        let next = self.read(Iterator::next)?;
        if let Some((number, _)) = &next {
            self.at = number.next();
        }
        Ok(next)
    }

    /// The last batch's number, none when there is none.
    fn next_back(&mut self) -> Result<Option<BatchNumber>, JournalError> {
        Ok(self.read(DoubleEndedIterator::next_back)?.map(|(number, _)| number))
    }

    fn read(
        &mut self,
        step: impl FnOnce(&mut sled::Iter) -> Option<sled::Result<(sled::IVec, sled::IVec)>>,
    ) -> Result<Option<(BatchNumber, FrameBytes)>, JournalError> {
        let Some(frames) = &mut self.frames else { return Ok(None) };
        let position = Position::Batch(self.at);
        let (key, frame) = match kept_in(|| step(frames).transpose()) {
            Ok(Some(entry)) => entry,
            Ok(None) => return Ok(None),
            Err(failure) => return Err(read_error(&self.path, position, failure)),
        };
        match <[u8; 8]>::try_from(key.as_ref()) {
            Ok(number) => Ok(Some((BatchNumber(u64::from_be_bytes(number)), frame))),
            Err(_) => Err(JournalError::damaged(&self.path, position, "key of no batch")),
        }
    }
}

impl Drop for Scan {
    fn drop(&mut self) {
        let frames = self.frames.take();
        // Dropping what panicked may panic again; the error was reported then.
        let _ = kept_in(|| {
            drop(frames);
            Ok(())
        });
    }
}
