//! The 16,384 hash slots of Redis Cluster: CRC16 of the key, or of its first `{tag}`.

use std::sync::LazyLock;

use uuid::Uuid;

use crate::id::CustomerId;

/// How many slots there are.
pub const SLOTS: u16 = 16_384;

/// A hash slot, below [`SLOTS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(u16);

impl Slot {
    /// The slot of `key`: of what stands between its first `{` and the next `}` if that is not
    /// empty, else of the whole key.
    #[must_use]
    pub fn of(key: &[u8]) -> Self {
        Self(crc16(hash_tag(key)) % SLOTS)
    }

    /// The slot's number.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }

    /// The shard that owns this slot when `shards` share them in equal ranges.
    #[must_use]
    pub fn shard(self, shards: u16) -> u16 {
        let place = u32::from(self.0).saturating_mul(u32::from(shards.max(1)));
        u16::try_from(place.checked_div(u32::from(SLOTS)).unwrap_or(0)).unwrap_or(0)
    }
}

fn hash_tag(key: &[u8]) -> &[u8] {
    let tagged = || {
        let open = key.iter().position(|&byte| byte == b'{')?;
        let rest = key.get(open.checked_add(1)?..)?;
        let close = rest.iter().position(|&byte| byte == b'}')?;
        rest.get(..close).filter(|tag| !tag.is_empty())
    };
    tagged().unwrap_or(key)
}

/// CRC16/XMODEM, the one Redis Cluster uses.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, &byte| advance(crc, byte))
}

fn advance(crc: u16, byte: u8) -> u16 {
    let place = usize::from((crc >> 8) ^ u16::from(byte));
    (crc << 8) ^ CRC16.get(place).copied().unwrap_or(0)
}

static CRC16: [u16; 256] = crc16_table();

#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "evaluated by the compiler, where `get_mut` and iterators are not available"
)]
const fn crc16_table() -> [u16; 256] {
    let mut table = [0_u16; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
}

/// Mints the id of the customer who is known as `external_id`, from 128 random bits.
///
/// The text of the id falls into the same slot as the external id, so that either of them finds the
/// shard without a lookup. The last five hex digits are chosen for that; they reach every slot.
#[must_use]
pub fn mint_customer_id(random: u128, external_id: &[u8]) -> CustomerId {
    let base = uuid::Builder::from_random_bytes(random.to_be_bytes()).into_uuid().as_u128();
    let base = base & !CHOSEN_DIGITS;
    let mut text = Uuid::encode_buffer();
    let text = Uuid::from_u128(base).hyphenated().encode_lower(&mut text).as_bytes();
    let ahead = text.get(..text.len().saturating_sub(CHOSEN_DIGITS_LEN)).unwrap_or(text);
    // CRC16 is linear: that of the whole text is that of the text with zero bytes for the chosen
    // digits, xor that of these digits alone.
    let without = [0; CHOSEN_DIGITS_LEN].iter().fold(crc16(ahead), |crc, _| advance(crc, 0));
    let missing = (without % SLOTS) ^ Slot::of(external_id).0;
    let digits = SLOT_DIGITS.get(usize::from(missing)).copied().unwrap_or(0);
    CustomerId(Uuid::from_u128(base | u128::from(digits)))
}

const CHOSEN_DIGITS_LEN: usize = 5;
const CHOSEN_DIGITS: u128 = 0xf_ffff;

/// For each slot, five hex digits whose text alone has that CRC16.
static SLOT_DIGITS: LazyLock<Vec<u32>> = LazyLock::new(|| {
    let mut digits = vec![0; usize::from(SLOTS)];
    for number in 0..=0xf_ffff_u32 {
        let crc = [16, 12, 8, 4, 0].iter().fold(0, |crc, shift| {
            let digit = u8::try_from((number >> shift) & 0xf).unwrap_or(0);
            let offset = if digit < 10 { b'0' } else { b'a'.wrapping_sub(10) };
            advance(crc, digit.wrapping_add(offset))
        });
        if let Some(place) = digits.get_mut(usize::from(crc % SLOTS)) {
            *place = number;
        }
    }
    digits
});

#[cfg(test)]
mod tests;
