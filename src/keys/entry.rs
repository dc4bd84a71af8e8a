//! One remembered key in sixteen bytes.
//!
//! From the highest bit down: 88 bits of the key's hash, 32 of fingerprint, 1 that says "came after
//! the seal", 3 of verdict and 4 of epoch. The verdict is never zero, so zero is no entry. Entries
//! sort by hash.

use crate::encoding::Malformed;
use crate::id::KeyHash;

use super::KeyVerdict;
use super::Remembered;

/// For how many epochs a key is found: the one in which it came and a whole window after it.
pub(super) const EPOCHS_LIVE: i64 = 5;

/// How many epochs an entry tells apart.
pub(super) const EPOCHS_TOLD_APART: i64 = 16;

const FINGERPRINT_SHIFT: u32 = 8;
const AFTER_SEAL: u128 = 0x80;
const VERDICT_SHIFT: u32 = 4;
const VERDICT_MASK: u128 = 0x70;
const VERDICT_APPLIED: u128 = 1;
const VERDICT_REFUSED: u128 = 2;
const EPOCH_MASK: u128 = 0x0f;
const HASH_MASK: u128 = !0xff_ffff_ffff;

/// A remembered key, or nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry(u128);

impl Entry {
    pub(super) const EMPTY: Self = Self(0);

    pub(super) fn new(key: KeyHash, remembered: Remembered, epoch: i64) -> Self {
        let verdict = match remembered.verdict {
            KeyVerdict::Applied => VERDICT_APPLIED,
            KeyVerdict::Refused => VERDICT_REFUSED,
        };
        let fingerprint = u128::from(remembered.fingerprint) << FINGERPRINT_SHIFT;
        Self(hash_of(key) | fingerprint | (verdict << VERDICT_SHIFT)).in_epoch(epoch)
    }

    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The key, as far as it is kept.
    pub(super) const fn key(self) -> KeyHash {
        KeyHash(self.hash())
    }

    pub(super) const fn hash(self) -> u128 {
        self.0 & HASH_MASK
    }

    /// Whether a search for `hash` need not go beyond this: it is empty, of this hash or of a
    /// greater one.
    pub(super) const fn ends_search(self, hash: u128) -> bool {
        // An entry is never zero in its low bits, so it is greater than its own hash; an empty one
        // wraps around to the greatest number. One comparison instead of two.
        self.0.wrapping_sub(1) >= hash
    }

    pub(super) const fn is_of(self, hash: u128) -> bool {
        self.hash() == hash && !self.is_empty()
    }

    pub(super) fn remembered(self) -> Remembered {
        let fingerprint = (self.0 >> FINGERPRINT_SHIFT) & u128::from(u32::MAX);
        let verdict = if self.verdict_code() == VERDICT_APPLIED {
            KeyVerdict::Applied
        } else {
            KeyVerdict::Refused
        };
        Remembered { fingerprint: u32::try_from(fingerprint).unwrap_or(0), verdict }
    }

    /// In which epoch it came, given a present `epoch` that is at most 15 epochs later.
    pub(super) fn epoch_at(self, epoch: i64) -> i64 {
        epoch.saturating_sub(self.age_at(epoch))
    }

    /// Whether it is still found in `epoch`.
    pub(super) fn is_live_at(self, epoch: i64) -> bool {
        self.age_at(epoch) < EPOCHS_LIVE
    }

    fn age_at(self, epoch: i64) -> i64 {
        let own = i64::try_from(self.0 & EPOCH_MASK).unwrap_or(0);
        epoch.wrapping_sub(own).rem_euclid(EPOCHS_TOLD_APART)
    }

    pub(super) fn in_epoch(self, epoch: i64) -> Self {
        let own = u128::try_from(epoch.rem_euclid(EPOCHS_TOLD_APART)).unwrap_or(0);
        Self((self.0 & !EPOCH_MASK) | own)
    }

    pub(super) const fn is_after_seal(self) -> bool {
        self.0 & AFTER_SEAL != 0
    }

    pub(super) const fn after_seal(self) -> Self {
        Self(self.0 | AFTER_SEAL)
    }

    pub(super) const fn before_seal(self) -> Self {
        Self(self.0 & !AFTER_SEAL)
    }

    /// The low half: whatever, as long as it has been read.
    pub(super) fn low(self) -> u64 {
        u64::try_from(self.0 & u128::from(u64::MAX)).unwrap_or(0)
    }

    const fn verdict_code(self) -> u128 {
        (self.0 & VERDICT_MASK) >> VERDICT_SHIFT
    }

    pub(super) const fn to_bytes(self) -> [u8; 16] {
        self.0.to_le_bytes()
    }

    /// Reads [`Entry::to_bytes`].
    pub(super) fn from_bytes(bytes: [u8; 16]) -> Result<Self, Malformed> {
        let entry = Self(u128::from_le_bytes(bytes));
        if entry.is_after_seal() {
            return Err(Malformed("key entry from after the seal"));
        }
        match entry.verdict_code() {
            VERDICT_APPLIED | VERDICT_REFUSED => Ok(entry),
            _ => Err(Malformed("unknown verdict of a key")),
        }
    }
}

/// What of a key is kept and compared.
pub(super) const fn hash_of(key: KeyHash) -> u128 {
    key.0 & HASH_MASK
}

/// The first `count` bits of a hash, at most 63.
pub(super) fn top_bits(hash: u128, count: u32) -> u64 {
    (high_half(hash) >> 1) >> 63_u32.saturating_sub(count)
}

/// The first 64 bits of a hash.
pub(super) fn high_half(hash: u128) -> u64 {
    u64::try_from(hash >> 64).unwrap_or(0)
}
