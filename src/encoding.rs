//! The bytes of records and images: varints, decimals and length-prefixed text.
//!
//! Journal frames and snapshot images are written with these and nothing else, so that a value has
//! one encoding everywhere. Reading never panics and never trusts a length.

use rust_decimal::Decimal;
use uuid::Uuid;

use crate::time::Timestamp;

/// The bytes are not what was written: too short, or a value outside its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed encoding: {0}")]
pub struct Malformed(pub &'static str);

/// Appends `number` in seven bits a byte, lowest first.
pub fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(low_byte(number) | 0x80);
        number >>= 7;
    }
    out.push(low_byte(number));
}

fn low_byte(number: u64) -> u8 {
    let [low, ..] = number.to_le_bytes();
    low
}

/// Appends a signed number; values near zero of either sign are short.
pub fn put_signed(out: &mut Vec<u8>, number: i64) {
    put_varint(out, ((number << 1) ^ (number >> 63)).cast_unsigned());
}

/// Appends the length of `bytes` and then `bytes`.
pub fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    out.extend_from_slice(bytes);
}

/// Appends sixteen bytes.
pub fn put_uuid(out: &mut Vec<u8>, id: Uuid) {
    out.extend_from_slice(id.as_bytes());
}

/// Appends an instant.
pub fn put_time(out: &mut Vec<u8>, time: Timestamp) {
    put_signed(out, time.microseconds());
}

/// Appends an instant or its absence.
pub fn put_optional_time(out: &mut Vec<u8>, time: Option<Timestamp>) {
    match time {
        Some(time) => {
            out.push(1);
            put_time(out, time);
        }
        None => out.push(0),
    }
}

const DECIMAL_NEGATIVE: u8 = 0x20;
const DECIMAL_WIDE: u8 = 0x40;

/// Appends a decimal: scale and sign in one byte, then the mantissa. Up to 127 takes two bytes.
pub fn put_decimal(out: &mut Vec<u8>, number: Decimal) {
    let scale = u8::try_from(number.scale()).unwrap_or(0);
    let sign = if number.is_sign_negative() { DECIMAL_NEGATIVE } else { 0 };
    let mantissa = number.mantissa().unsigned_abs();
    if let Ok(narrow) = u64::try_from(mantissa) {
        out.push(scale | sign);
        put_varint(out, narrow);
    } else {
        out.push(scale | sign | DECIMAL_WIDE);
        out.extend_from_slice(&mantissa.to_le_bytes());
    }
}

/// Reads what the `put_` functions wrote, front to back.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader at the start of `bytes`.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether everything was read.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// How many bytes are left.
    #[must_use]
    pub const fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// The next `count` bytes.
    ///
    /// # Errors
    /// [`Malformed`] when fewer are left.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Malformed("cut short"))?;
        self.rest = rest;
        Ok(taken)
    }

    /// The next `N` bytes.
    ///
    /// # Errors
    /// [`Malformed`] when fewer are left.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or(Malformed("cut short"))?;
        self.rest = rest;
        Ok(*taken)
    }

    /// One byte.
    ///
    /// # Errors
    /// [`Malformed`] at the end.
    pub fn byte(&mut self) -> Result<u8, Malformed> {
        let (&byte, rest) = self.rest.split_first().ok_or(Malformed("cut short"))?;
        self.rest = rest;
        Ok(byte)
    }

    /// A number written by [`put_varint`].
    ///
    /// # Errors
    /// [`Malformed`] when it is cut short or does not fit.
    pub fn varint(&mut self) -> Result<u64, Malformed> {
        let mut number = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let part = u64::from(byte & 0x7f);
            let shifted = part << shift;
            if shifted >> shift != part {
                return Err(Malformed("varint does not fit"));
            }
            number |= shifted;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(Malformed("varint does not fit"))
    }

    /// A varint that fits `T`.
    ///
    /// # Errors
    /// [`Malformed`] when it is cut short or does not fit.
    pub fn number<T: TryFrom<u64>>(&mut self) -> Result<T, Malformed> {
        T::try_from(self.varint()?).map_err(|_| Malformed("number out of range"))
    }

    /// A number written by [`put_signed`].
    ///
    /// # Errors
    /// [`Malformed`] when it is cut short or does not fit.
    pub fn signed(&mut self) -> Result<i64, Malformed> {
        let number = self.varint()?;
        Ok((number >> 1).cast_signed() ^ (number & 1).cast_signed().wrapping_neg())
    }

    /// Bytes written by [`put_bytes`].
    ///
    /// # Errors
    /// [`Malformed`] when fewer are left than announced.
    pub fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.number()?;
        self.take(length)
    }

    /// Text written by [`put_bytes`].
    ///
    /// # Errors
    /// [`Malformed`] when cut short or not UTF-8.
    pub fn text(&mut self) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Malformed("text is not UTF-8"))
    }

    /// An id written by [`put_uuid`].
    ///
    /// # Errors
    /// [`Malformed`] when cut short.
    pub fn uuid(&mut self) -> Result<Uuid, Malformed> {
        Ok(Uuid::from_bytes(self.array()?))
    }

    /// An instant written by [`put_time`].
    ///
    /// # Errors
    /// [`Malformed`] when cut short or out of range.
    pub fn time(&mut self) -> Result<Timestamp, Malformed> {
        Timestamp::from_microseconds(self.signed()?).ok_or(Malformed("time out of range"))
    }

    /// An instant or its absence, written by [`put_optional_time`].
    ///
    /// # Errors
    /// [`Malformed`] when cut short or out of range.
    pub fn optional_time(&mut self) -> Result<Option<Timestamp>, Malformed> {
        match self.byte()? {
            0 => Ok(None),
            1 => Ok(Some(self.time()?)),
            _ => Err(Malformed("unknown presence byte")),
        }
    }

    /// A decimal written by [`put_decimal`].
    ///
    /// # Errors
    /// [`Malformed`] when cut short or out of range.
    pub fn decimal(&mut self) -> Result<Decimal, Malformed> {
        let head = self.byte()?;
        let scale = u32::from(head & 0x1f);
        let magnitude = if head & DECIMAL_WIDE == 0 {
            i128::from(self.varint()?)
        } else {
            i128::from_le_bytes(self.array()?)
        };
        let negative = head & DECIMAL_NEGATIVE != 0;
        let mantissa = if negative { magnitude.checked_neg() } else { Some(magnitude) };
        mantissa
            .and_then(|mantissa| Decimal::try_from_i128_with_scale(mantissa, scale).ok())
            .ok_or(Malformed("decimal out of range"))
    }
}

#[cfg(test)]
mod tests;
