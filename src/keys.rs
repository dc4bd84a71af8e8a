//! The idempotency keys that a shard remembers, and what became of the commands that carried them.
//!
//! A key is remembered for a window at least, and forgotten at most a quarter of it later: each
//! entry carries the *epoch*, a quarter of the window, in which it came. Which key is found depends
//! only on the keys, the times and their order, never on memory or pace: what has expired is not
//! found from the first instant of its epoch on, and is swept out bit by bit afterwards.
//!
//! Entries lie in sub-tables, split by the top bits of the hash as they fill, so that no single
//! step is long: the most is to move one sub-table of at most [`TABLE_KEYS_MAX`] keys.
//!
//! [`Keys::seal`] fixes an instant whose keys [`Keys::image_next`] writes out, one sub-table a call,
//! while new keys keep coming. It never waits for, reads or writes anything outside itself.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use crate::id::KeyHash;
use crate::time::Timestamp;

use self::entry::EPOCHS_LIVE;
use self::entry::EPOCHS_TOLD_APART;
use self::entry::Entry;
use self::image::Seal;
use self::table::DEPTH_MAX;
use self::table::Table;

pub use self::image::ImagedKeys;
pub use self::table::TABLE_KEYS_MAX;

mod entry;
mod image;
mod table;

/// How long keys are remembered where nobody says otherwise: 35 days, in microseconds.
pub const WINDOW_MICROSECONDS: i64 = 35 * 24 * 60 * 60 * 1_000_000;

/// How many new keys come for each sub-table that is swept.
///
/// A sweep moves up to [`TABLE_KEYS_MAX`] entries, some 8 microseconds, and a sub-table gets that
/// many keys anew before its next turn.
const SWEEP_PACE: u32 = 64;

/// What became of the command that first carried a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyVerdict {
    /// It was applied.
    Applied,
    /// It was refused, and changed nothing.
    Refused,
}

/// What is known of a key that was seen before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Remembered {
    /// Of the command's body: another one under the same key is a conflict.
    pub fingerprint: u32,
    /// What became of the first command.
    pub verdict: KeyVerdict,
}

/// The remembered keys of a shard.
///
/// 88 bits of each hash are kept: a new key among 10^9 remembered ones is taken for one of them
/// with a probability of 2^-58. Entries take 16 bytes at a load between 0.53 and 0.8.
#[derive(Debug)]
pub struct Keys {
    /// Which sub-table holds the hashes that begin with these `depth` bits.
    directory: Vec<u32>,
    /// How many bits of the hash choose a place in the directory.
    depth: u32,
    tables: Vec<Table>,
    /// Entries in all sub-tables.
    len: usize,
    /// A quarter of the window, in microseconds, at least 1.
    epoch_microseconds: i64,
    now: Timestamp,
    /// The epoch of `now`.
    epoch: i64,
    /// The first microsecond of the next epoch.
    epoch_end: i64,
    /// The next sub-table to sweep; past the last one when all are swept.
    sweep_next: usize,
    /// New keys until the next sub-table is swept.
    sweep_countdown: u32,
    seal: Option<Seal>,
}

impl Keys {
    /// No keys, each to be remembered for `window_microseconds` at least.
    #[must_use]
    pub fn new(window_microseconds: i64) -> Self {
        let mut keys = Self {
            directory: vec![0],
            depth: 0,
            tables: vec![Table::new()],
            len: 0,
            epoch_microseconds: window_microseconds.max(1).saturating_add(3) / 4,
            now: Timestamp::MIN,
            epoch: 0,
            epoch_end: 0,
            sweep_next: 0,
            sweep_countdown: SWEEP_PACE,
            seal: None,
        };
        keys.enter_epoch();
        keys
    }

    /// What is known of `key` at the time last seen by [`Keys::advance_to`] or [`Keys::remember`].
    #[must_use]
    pub fn find(&self, key: KeyHash) -> Option<Remembered> {
        let table = self.tables.get(self.place_of(key))?;
        table.find(key, self.epoch).map(Entry::remembered)
    }

    /// Reads what [`Keys::find`] will read of `key`, and returns some of it.
    ///
    /// Called for a dozen keys in a row before they are looked up, it lets the memory answer for
    /// all of them at once. The caller folds what it returns into a `black_box`, else the compiler
    /// drops the reads.
    #[must_use]
    pub fn warm(&self, key: KeyHash) -> u64 {
        self.tables.get(self.place_of(key)).map_or(0, |table| table.warm(key))
    }

    /// Remembers `key`, which [`Keys::find`] does not know at `now`.
    pub fn remember(
        &mut self,
        key: KeyHash,
        fingerprint: u32,
        verdict: KeyVerdict,
        now: Timestamp,
    ) {
        self.advance_to(now);
        self.insert(Entry::new(key, Remembered { fingerprint, verdict }, self.epoch), self.epoch);
        self.sweep_countdown = self.sweep_countdown.saturating_sub(1);
        if self.sweep_countdown == 0 {
            self.sweep_countdown = SWEEP_PACE;
            self.sweep_one();
        }
    }

    /// Forgets what expires up to `now`. An earlier time than the last one changes nothing.
    ///
    /// Called with the time of each command before its key is looked up; it is one comparison
    /// except four times in a window.
    pub fn advance_to(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        if self.now.microseconds() >= self.epoch_end {
            self.enter_epoch();
        }
    }

    /// How many keys are held, those included that expired and are not swept out yet.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether no keys are held.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many bytes of memory are allocated.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let entries = self.tables.iter().map(Table::bytes).fold(0, usize::saturating_add);
        let tables = self.tables.capacity().saturating_mul(size_of::<Table>());
        let directory = self.directory.capacity().saturating_mul(size_of::<u32>());
        entries.saturating_add(tables).saturating_add(directory)
    }

    fn place_of(&self, key: KeyHash) -> usize {
        let prefix = entry::top_bits(key.0, self.depth);
        let table = usize::try_from(prefix).ok().and_then(|place| self.directory.get(place));
        table.and_then(|&table| usize::try_from(table).ok()).unwrap_or(0)
    }

    fn insert(&mut self, entry: Entry, epoch: i64) {
        let mut place = self.place_of(entry.key());
        if self.tables.get(place).is_some_and(|table| !table.has_room()) {
            self.make_room(place);
            place = self.place_of(entry.key());
        }
        if let Some(table) = self.tables.get_mut(place) {
            table.insert(entry, epoch);
            self.len = self.len.saturating_add(1);
        }
    }

    /// Drops the expired entries of a sub-table; then splits it if it is still at its limit, else
    /// gives it more slots.
    fn make_room(&mut self, place: usize) {
        self.sweep(place, self.epoch);
        if self.tables.get(place).is_some_and(|table| !table.is_below_limit(0)) {
            self.split(place);
        }
    }

    fn split(&mut self, place: usize) {
        let Some(table) = self.tables.get_mut(place) else { return };
        let (left, right) = table.split();
        *table = left;
        if right.depth() > self.depth {
            self.directory = self.directory.iter().flat_map(|&table| [table, table]).collect();
            self.depth = right.depth();
        }
        // A sub-table of depth d stands at 2^(depth - d) neighbouring places of the directory.
        let spread = self.depth.saturating_sub(right.depth()).min(DEPTH_MAX);
        let first = usize::try_from(u64::from(right.prefix()) << spread).unwrap_or(usize::MAX);
        let right_place = u32::try_from(self.tables.len()).unwrap_or(u32::MAX);
        for place in self.directory.iter_mut().skip(first).take(1 << spread) {
            *place = right_place;
        }
        self.tables.push(right);
    }

    /// Puts in entries in the order of their hashes, none of which came before `oldest`.
    fn insert_run(&mut self, mut run: &[Entry], oldest: i64) {
        while let Some(first) = run.first() {
            let place = self.place_of(first.key());
            let Some(table) = self.tables.get_mut(place) else { return };
            let count = run.partition_point(|entry| table.covers(entry.hash()));
            if table.is_below_limit(count) {
                let (here, beyond) = run.split_at(count);
                table.merge(here, oldest);
                self.len = self.len.saturating_add(count);
                run = beyond;
            } else {
                self.split(place);
            }
        }
    }

    /// Rebuilds a sub-table without what has expired in `epoch`, which is the present one or the
    /// one about to be entered. What a seal still has to image stays.
    fn sweep(&mut self, place: usize, epoch: i64) {
        let sealed = self.seal.as_ref().map_or(epoch, Seal::epoch);
        if let Some(table) = self.tables.get_mut(place) {
            let epoch = if table.awaits_image() { sealed } else { epoch };
            let oldest_kept = epoch.saturating_sub(EPOCHS_LIVE).saturating_add(1);
            self.len = self.len.saturating_sub(table.sweep(oldest_kept, self.epoch));
        }
    }

    fn sweep_one(&mut self) {
        let Some(table) = self.tables.get(self.sweep_next) else { return };
        if table.oldest() <= self.epoch.saturating_sub(EPOCHS_LIVE) {
            self.sweep(self.sweep_next, self.epoch);
        }
        self.sweep_next = self.sweep_next.saturating_add(1);
    }

    /// Enters the epoch of `now`.
    fn enter_epoch(&mut self) {
        let epoch = self.now.microseconds().div_euclid(self.epoch_microseconds);
        // An entry tells only the last few epochs apart. One that would come to look young again
        // has to go at once; that takes a leap of the clock, or hardly any new keys for windows.
        let too_old = epoch.saturating_sub(EPOCHS_TOLD_APART);
        for place in 0..self.tables.len() {
            if self.tables.get(place).is_some_and(|table| table.oldest() <= too_old) {
                self.image_ahead(place);
                self.sweep(place, epoch);
            }
        }
        self.epoch = epoch;
        self.epoch_end = epoch.saturating_add(1).saturating_mul(self.epoch_microseconds);
        self.sweep_next = 0;
    }
}

#[cfg(test)]
mod tests;
