//! A sub-table: the keys whose hashes begin with the same bits, in a flat array.
//!
//! Entries lie in the order of their hashes. Each has a *home* slot, in proportion to its hash, and
//! stands there or, pushed on by smaller ones, in one of the next slots without a gap. So a search
//! starts at home and ends at the first empty slot or greater hash, and a rebuild is one pass from
//! front to back.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use crate::id::KeyHash;

use super::entry;
use super::entry::Entry;

/// Most keys of a sub-table, as long as there are fewer than 2^27 in all.
///
/// So many take less than 128 KiB, up to where the allocator puts blocks of a size side by side;
/// larger ones it rounds up to whole 64 KiB.
pub const TABLE_KEYS_MAX: usize = 4_096;

/// Most leading bits by which sub-tables are told apart.
pub(super) const DEPTH_MAX: u32 = 16;

/// Slots behind the last home, so that the entries of the last homes can be pushed on.
const TAIL_SLOTS: usize = 16;

/// Fewest homes of a sub-table that holds anything.
const HOMES_MIN: usize = 32;

#[derive(Debug)]
pub(super) struct Table {
    /// Homes, then the tail. Sorted by hash if the empty ones are left out.
    slots: Vec<Entry>,
    homes: usize,
    used: usize,
    /// How many entries make this too full, or large enough to be split.
    used_max: usize,
    /// The leading bits that all hashes here have in common, and how many they are.
    prefix: u32,
    depth: u32,
    /// No entry came in an earlier epoch than this.
    oldest: i64,
    /// A seal was set and this was not imaged since. Only now do entries carry "after the seal".
    awaits_image: bool,
}

impl Table {
    pub(super) const fn new() -> Self {
        Self {
            slots: Vec::new(),
            homes: 0,
            used: 0,
            used_max: 0,
            prefix: 0,
            depth: 0,
            oldest: i64::MAX,
            awaits_image: false,
        }
    }

    pub(super) const fn prefix(&self) -> u32 {
        self.prefix
    }

    pub(super) const fn depth(&self) -> u32 {
        self.depth
    }

    pub(super) const fn oldest(&self) -> i64 {
        self.oldest
    }

    pub(super) const fn awaits_image(&self) -> bool {
        self.awaits_image
    }

    pub(super) const fn bytes(&self) -> usize {
        self.slots.capacity().saturating_mul(size_of::<Entry>())
    }

    /// Whether hashes like this one belong here.
    pub(super) fn covers(&self, hash: u128) -> bool {
        entry::top_bits(hash, self.depth) == u64::from(self.prefix)
    }

    /// The live entry of `key`.
    pub(super) fn find(&self, key: KeyHash, epoch: i64) -> Option<Entry> {
        let wanted = entry::hash_of(key);
        let slots = self.slots.get(self.home(wanted)..)?;
        let start = slots.iter().position(|slot| slot.ends_search(wanted))?;
        // An expired entry of the same key may lie ahead of the live one.
        let same = slots.get(start..)?.iter().take_while(|slot| slot.is_of(wanted));
        same.copied().find(|entry| entry.is_live_at(epoch))
    }

    /// Reads the slots where a search for `key` begins.
    pub(super) fn warm(&self, key: KeyHash) -> u64 {
        let home = self.home(entry::hash_of(key));
        let read = |slot: usize| self.slots.get(slot).map_or(0, |entry| entry.low());
        // Four entries share a cache line; the search seldom leaves the second one.
        read(home).wrapping_add(read(home.saturating_add(3)))
    }

    /// Whether an insert needs no [`Table::sweep`] or [`Table::split`] before it.
    pub(super) const fn has_room(&self) -> bool {
        self.used < self.used_max
    }

    /// Whether `count` entries more leave this below the size at which it is split.
    pub(super) fn is_below_limit(&self, count: usize) -> bool {
        self.used.saturating_add(count) < limit(self.prefix, self.depth)
    }

    /// Puts in an entry of `epoch`.
    pub(super) fn insert(&mut self, entry: Entry, epoch: i64) {
        self.used = self.used.saturating_add(1);
        self.oldest = self.oldest.min(epoch);
        let mut moving = if self.awaits_image { entry.after_seal() } else { entry };
        let home = self.home(entry.hash());
        let slots = self.slots.get_mut(home..).unwrap_or(&mut []);
        let place = slots.iter().position(|slot| slot.ends_search(entry.hash()));
        // From there on, each entry pushes the next, up to the first empty slot.
        for slot in slots.iter_mut().skip(place.unwrap_or(usize::MAX)) {
            std::mem::swap(slot, &mut moving);
            if moving.is_empty() {
                return;
            }
        }
        self.push(moving);
    }

    /// Rebuilds this without what came before the epoch `oldest_kept`, with slots for half as many
    /// entries again. Returns how many were dropped. No entry is of a later epoch than `present`.
    pub(super) fn sweep(&mut self, oldest_kept: i64, present: i64) -> usize {
        let used_before = self.used;
        let oldest = self.oldest.max(oldest_kept);
        if self.oldest >= oldest_kept {
            *self = self.rebuilt(self.prefix, self.depth, self.used, self.slots.iter().copied());
        } else {
            let is_kept = |entry: Entry| entry.epoch_at(present) >= oldest_kept;
            *self = self.filtered(self.prefix, self.depth, is_kept);
        }
        self.oldest = if self.used == 0 { i64::MAX } else { oldest };
        used_before.saturating_sub(self.used)
    }

    /// Two tables in place of this: of the hashes whose next bit is 0, and of those where it is 1.
    pub(super) fn split(&self) -> (Self, Self) {
        let depth = self.depth.saturating_add(1);
        let half = |bit: u32| {
            let prefix = (self.prefix << 1) | bit;
            let is_here = |entry: Entry| entry::top_bits(entry.hash(), depth) == u64::from(prefix);
            self.filtered(prefix, depth, is_here)
        };
        (half(0), half(1))
    }

    /// Puts in a whole run of entries in the order of their hashes, the first of which came in the
    /// epoch `oldest`.
    ///
    /// One by one they would all come to lie at the same few homes until the sub-table is split
    /// down to their prefix.
    pub(super) fn merge(&mut self, run: &[Entry], oldest: i64) {
        let mut entries: Vec<Entry> = self.entries().chain(run.iter().copied()).collect();
        // The sort finds the two runs and merges them.
        entries.sort_by_key(|entry| entry.hash());
        let used = entries.len();
        *self = self.rebuilt(self.prefix, self.depth, used, entries.into_iter());
        self.oldest = self.oldest.min(oldest);
    }

    fn filtered(&self, prefix: u32, depth: u32, is_kept: impl Fn(Entry) -> bool) -> Self {
        let used = self.entries().filter(|&entry| is_kept(entry)).count();
        let slots = self.slots.iter();
        let kept = slots.map(|&slot| if is_kept(slot) { slot } else { Entry::EMPTY });
        self.rebuilt(prefix, depth, used, kept)
    }

    /// A table of the `used` entries that are in `slots`, in order, with empty ones between them.
    fn rebuilt(
        &self,
        prefix: u32,
        depth: u32,
        used: usize,
        slots: impl Iterator<Item = Entry>,
    ) -> Self {
        // A load of 8/15 now, so that 0.8 is half as many entries again.
        let homes = if used == 0 { 0 } else { (used.saturating_mul(15) / 8).max(HOMES_MIN) };
        let slots_len = if used == 0 { 0 } else { whole_block(homes.saturating_add(TAIL_SLOTS)) };
        let homes = slots_len.saturating_sub(TAIL_SLOTS);
        let mut table = Self {
            slots: vec![Entry::EMPTY; slots_len],
            homes,
            used,
            used_max: (homes.saturating_mul(4) / 5).min(limit(prefix, depth)),
            prefix,
            depth,
            ..*self
        };
        let mut next = 0_usize;
        for slot in slots {
            // No branch asks whether the slot is empty, for it would be guessed wrong too often: an
            // empty one is written where the next entry may come to stand.
            let place = table.home(slot.hash()).max(next);
            match table.slots.get_mut(place) {
                Some(here) => *here = slot,
                None if slot.is_empty() => {}
                None => table.push(slot),
            }
            next = place.saturating_add(usize::from(!slot.is_empty()));
        }
        table
    }

    /// Lengthens the tail by `entry`.
    fn push(&mut self, entry: Entry) {
        if self.slots.len() == self.slots.capacity() {
            self.slots.reserve_exact(TAIL_SLOTS);
        }
        self.slots.push(entry);
    }

    fn entries(&self) -> impl Iterator<Item = Entry> {
        self.slots.iter().copied().filter(|entry| !entry.is_empty())
    }

    fn home(&self, hash: u128) -> usize {
        let within = entry::high_half(hash) << self.depth.min(DEPTH_MAX);
        let homes = u64::try_from(self.homes).unwrap_or(0);
        let place = u128::from(within).wrapping_mul(u128::from(homes)) >> 64;
        usize::try_from(place).unwrap_or(0)
    }

    /// From here until [`Table::image`], entries that come are told apart.
    pub(super) fn seal(&mut self) {
        if self.awaits_image {
            // The seal before this one was never imaged to its end.
            self.clear_after_seal();
        }
        self.awaits_image = true;
    }

    /// Appends the entries that were live at the seal, in `epoch`, and returns how many they are.
    pub(super) fn image(&mut self, epoch: i64, out: &mut Vec<u8>) -> u64 {
        let mut count = 0_u64;
        for entry in self.entries() {
            if !entry.is_after_seal() && entry.is_live_at(epoch) {
                out.extend_from_slice(&entry.to_bytes());
                count = count.saturating_add(1);
            }
        }
        self.clear_after_seal();
        self.awaits_image = false;
        count
    }

    fn clear_after_seal(&mut self) {
        for slot in &mut self.slots {
            *slot = slot.before_seal();
        }
    }
}

/// At least `slots`, so many that they fill a block of the allocator: its sizes are four to a
/// doubling, and what a block has beyond what was asked for would be lost.
fn whole_block(slots: usize) -> usize {
    let step = slots.checked_ilog2().map_or(1, |log| (1_usize << log) / 4).max(1);
    slots.next_multiple_of(step)
}

/// How many entries a sub-table has when it is split: between half of [`TABLE_KEYS_MAX`] and all of
/// it, evenly spread, so that sub-tables are not split all at once.
fn limit(prefix: u32, depth: u32) -> usize {
    if depth >= DEPTH_MAX {
        return usize::MAX;
    }
    // Multiples of the golden ratio fill the circle most evenly.
    let turn = prefix.wrapping_add(depth).wrapping_mul(0x9e37_79b9);
    let spread = usize::try_from(turn >> 16).unwrap_or(0);
    TABLE_KEYS_MAX.saturating_sub(spread.saturating_mul(TABLE_KEYS_MAX / 2) >> 16)
}
