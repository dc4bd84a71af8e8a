//! Images of the remembered keys: exact at one instant, written bit by bit.
//!
//! A block is the time of the seal, the length of an epoch in microseconds, and the entries.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use crate::encoding;
use crate::encoding::Malformed;
use crate::encoding::Reader;
use crate::time::Timestamp;

use super::Keys;
use super::entry::EPOCHS_LIVE;
use super::entry::Entry;

/// What a call of [`Keys::image_next`] appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImagedKeys {
    /// How many keys.
    pub keys: u64,
}

/// An image under way.
#[derive(Debug)]
pub(super) struct Seal {
    now: Timestamp,
    epoch: i64,
    /// Sub-tables below this one are imaged. New ones are put behind the last.
    next: usize,
    /// Blocks of sub-tables that could not wait for their turn.
    ahead: Vec<(ImagedKeys, Vec<u8>)>,
}

impl Seal {
    pub(super) const fn epoch(&self) -> i64 {
        self.epoch
    }
}

impl Keys {
    /// Fixes the present content as what [`Keys::image_next`] will write. An image under way is
    /// given up, which takes time in proportion to the keys it lacks.
    pub fn seal(&mut self) {
        for table in &mut self.tables {
            table.seal();
        }
        self.seal = Some(Seal { now: self.now, epoch: self.epoch, next: 0, ahead: Vec::new() });
    }

    /// Appends one block of the keys that were there at the seal, all that were in one sub-table.
    /// `None` when all of them are written.
    pub fn image_next(&mut self, out: &mut Vec<u8>) -> Option<ImagedKeys> {
        if let Some((imaged, block)) = self.seal.as_mut()?.ahead.pop() {
            out.extend_from_slice(&block);
            return Some(imaged);
        }
        loop {
            let place = self.seal.as_ref()?.next;
            if place >= self.tables.len() {
                self.seal = None;
                return None;
            }
            if let Some(seal) = self.seal.as_mut() {
                seal.next = place.saturating_add(1);
            }
            let imaged = self.image_table(place, out);
            if imaged.is_some() {
                return imaged;
            }
        }
    }

    /// Images a sub-table now that cannot wait, if a seal would still want it as it is.
    pub(super) fn image_ahead(&mut self, place: usize) {
        let mut block = Vec::new();
        if let Some(imaged) = self.image_table(place, &mut block)
            && let Some(seal) = self.seal.as_mut()
        {
            seal.ahead.push((imaged, block));
        }
    }

    /// `None`, and nothing appended, when there is nothing to image.
    fn image_table(&mut self, place: usize, out: &mut Vec<u8>) -> Option<ImagedKeys> {
        let seal = self.seal.as_ref()?;
        let table = self.tables.get_mut(place).filter(|table| table.awaits_image())?;
        let start = out.len();
        encoding::put_time(out, seal.now);
        encoding::put_signed(out, self.epoch_microseconds);
        let keys = table.image(seal.epoch, out);
        if keys == 0 {
            out.truncate(start);
            return None;
        }
        Some(ImagedKeys { keys })
    }

    /// Takes in one block that [`Keys::image_next`] wrote, and returns how many keys it held.
    ///
    /// The window may differ from that of the writer: no key is forgotten sooner than the present
    /// one says.
    ///
    /// # Errors
    /// [`Malformed`] when this is no such block; then nothing is taken in.
    pub fn restore(&mut self, block: &[u8]) -> Result<ImagedKeys, Malformed> {
        let mut reader = Reader::new(block);
        let sealed_at = reader.time()?;
        let epoch_microseconds = reader.signed()?;
        if epoch_microseconds < 1 {
            return Err(Malformed("keys with an epoch of no length"));
        }
        let (entries, rest) = reader.take(reader.remaining())?.as_chunks();
        if !rest.is_empty() {
            return Err(Malformed("key entry cut short"));
        }
        let sealed_epoch = sealed_at.microseconds().div_euclid(epoch_microseconds);
        let mut run = Vec::with_capacity(entries.len());
        for &entry in entries {
            let entry = Entry::from_bytes(entry)?;
            if !entry.is_live_at(sealed_epoch) {
                return Err(Malformed("key entry from before its time"));
            }
            run.push(entry);
        }
        if !run.is_sorted_by_key(|entry| entry.hash()) {
            return Err(Malformed("key entries out of order"));
        }
        // Checks end here.
        self.advance_to(sealed_at);
        let oldest_kept = self.epoch.saturating_sub(EPOCHS_LIVE).saturating_add(1);
        run.retain_mut(|entry| {
            // Its last microsecond, so that a key is rather kept longer.
            let came = entry
                .epoch_at(sealed_epoch)
                .saturating_add(1)
                .saturating_mul(epoch_microseconds)
                .saturating_sub(1);
            let epoch = came.div_euclid(self.epoch_microseconds).min(self.epoch);
            *entry = entry.in_epoch(epoch);
            epoch >= oldest_kept
        });
        self.insert_run(&run, oldest_kept);
        Ok(ImagedKeys { keys: u64::try_from(entries.len()).unwrap_or(u64::MAX) })
    }
}
