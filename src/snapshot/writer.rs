//! Writes a snapshot so that it counts whole or not at all.

use std::fs::{self, File};
use std::io::Write;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use crate::snapshot::format::{self, BlockKind, Digest, Footer, Header, Part, Totals};
use crate::snapshot::pace::Pace;
use crate::snapshot::reader::{self, SnapshotSummary};
use crate::snapshot::{FORMAT_VERSION, SnapshotError, WriteRate, store};

/// How a snapshot shares the disk with the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriteOptions {
    /// Ceiling for writing and for reading back.
    pub rate: WriteRate,
    /// Synced whenever this much was written since the last sync, in bytes: one sync of everything
    /// at the end would hold up the journal's syncs for as long as it takes.
    pub sync_bytes: NonZeroU64,
}

impl WriteOptions {
    /// How much is synced at once unless told otherwise: 8 MiB.
    pub const SYNC_BYTES: NonZeroU64 = mebibytes(8);

    /// How much is written in a second unless told otherwise: 64 MiB.
    pub const BYTES_PER_SECOND_MAX: NonZeroU64 = mebibytes(64);
}

const fn mebibytes(count: u64) -> NonZeroU64 {
    match NonZeroU64::new(count * 1024 * 1024) {
        Some(bytes) => bytes,
        None => NonZeroU64::MIN,
    }
}

impl Default for WriteOptions {
    fn default() -> Self {
        Self {
            rate: WriteRate::BytesPerSecondMax(Self::BYTES_PER_SECOND_MAX),
            sync_bytes: Self::SYNC_BYTES,
        }
    }
}

/// A snapshot in the making. Dropped before [`SnapshotWriter::finish`], it leaves nothing behind.
pub struct SnapshotWriter {
    dir: PathBuf,
    /// Removed on drop; renamed when finished.
    temporary: PathBuf,
    file: File,
    header: Header,
    options: WriteOptions,
    pace: Pace,
    position: u64,
    synced: u64,
    next_number: u32,
    digest: Digest,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Good,
    /// A write or sync is under way, or has failed.
    Poisoned,
}

impl std::fmt::Debug for SnapshotWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SnapshotWriter")
            .field("temporary", &self.temporary)
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

impl SnapshotWriter {
    /// Begins the snapshot that `header` describes, in `dir`.
    ///
    /// # Errors
    /// [`SnapshotError::Io`].
    pub fn create(
        dir: &Path,
        header: &Header,
        options: WriteOptions,
    ) -> Result<Self, SnapshotError> {
        let temporary = dir.join(store::temporary_name(header.seq));
        let file =
            File::create(&temporary).map_err(|error| SnapshotError::io(&temporary, 0, error))?;
        let mut writer = Self {
            dir: dir.to_owned(),
            temporary,
            file,
            header: *header,
            options,
            pace: Pace::new(options.rate),
            position: 0,
            synced: 0,
            next_number: 0,
            digest: Digest::default(),
            state: State::Good,
        };
        let preamble = format::preamble(FORMAT_VERSION);
        writer.digest.update(&preamble);
        writer.write(&[&preamble])?;
        writer.append(Part::Header, &header.encode())?;
        Ok(writer)
    }

    /// Appends a block of at most [`crate::snapshot::BLOCK_BYTES_MAX`]. Sleeps where the rate asks for it.
    ///
    /// # Errors
    /// [`SnapshotError::BlockTooLarge`] changes nothing. After [`SnapshotError::Io`] every further
    /// call is [`SnapshotError::Poisoned`].
    pub fn write_block(&mut self, kind: BlockKind, bytes: &[u8]) -> Result<(), SnapshotError> {
        self.append(Part::Content(kind), bytes)?;
        if self.position.saturating_sub(self.synced) >= self.options.sync_bytes.get() {
            self.sync()?;
        }
        self.pace.spend(bytes.len());
        Ok(())
    }

    /// Ends the snapshot and makes it count: footer, sync, read back and verified, renamed,
    /// directory synced, in this order. So no crash leaves a file under a final name that is not
    /// whole on the disk.
    ///
    /// # Errors
    /// [`SnapshotError`]; then it does not count, and nothing of it is left.
    pub fn finish(mut self, totals: &Totals) -> Result<SnapshotSummary, SnapshotError> {
        let footer = Footer { totals: *totals, digest: self.digest.value() };
        self.append(Part::Footer, &footer.encode())?;
        self.sync()?;
        let summary = reader::verify_written(&self.temporary, self.options.rate)?;
        let file = self.dir.join(store::file_name(self.header.seq));
        fs::rename(&self.temporary, &file)
            .map_err(|error| SnapshotError::io(&file, self.position, error))?;
        store::sync_directory(&self.dir)?;
        Ok(SnapshotSummary { file, ..summary })
    }

    fn append(&mut self, part: Part, payload: &[u8]) -> Result<(), SnapshotError> {
        let head = format::encode_head(self.next_number, part, payload)
            .ok_or(SnapshotError::BlockTooLarge { bytes: payload.len() })?;
        self.write(&[&head, payload])?;
        self.digest.update(&head);
        self.digest.update(payload);
        self.next_number = self.next_number.wrapping_add(1);
        Ok(())
    }

    fn write(&mut self, pieces: &[&[u8]]) -> Result<(), SnapshotError> {
        self.poison()?;
        for piece in pieces {
            self.file
                .write_all(piece)
                .map_err(|error| SnapshotError::io(&self.temporary, self.position, error))?;
            self.position += u64::try_from(piece.len()).unwrap_or(u64::MAX);
        }
        self.state = State::Good;
        Ok(())
    }

    fn sync(&mut self) -> Result<(), SnapshotError> {
        self.poison()?;
        self.file
            .sync_data()
            .map_err(|error| SnapshotError::io(&self.temporary, self.position, error))?;
        self.synced = self.position;
        self.state = State::Good;
        Ok(())
    }

    /// Entered before a write or sync, and left only after it succeeded.
    fn poison(&mut self) -> Result<(), SnapshotError> {
        match std::mem::replace(&mut self.state, State::Poisoned) {
            State::Good => Ok(()),
            State::Poisoned => Err(SnapshotError::Poisoned { file: self.temporary.clone() }),
        }
    }
}

impl Drop for SnapshotWriter {
    fn drop(&mut self) {
        // After a rename there is nothing under this name. What cannot be removed is no harm: it
        // never counts, and the next open removes it.
        let _ = fs::remove_file(&self.temporary);
    }
}

#[cfg(test)]
mod tests;
