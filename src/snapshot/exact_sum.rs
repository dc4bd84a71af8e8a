//! Sums of very many decimals, exact whatever their scales: a `Decimal` would have to round.

use std::fmt;

use rust_decimal::Decimal;

use crate::encoding::{Malformed, Reader};

const DECIMALS: u32 = 28;

/// How many [`ExactSum::parts`] make one unit.
const PARTS: i128 = 10_i128.pow(DECIMALS);

/// The exact sum of decimals, of up to 2^31 of them.
///
/// `whole + parts / 10^28`, where `parts` is never negative and always below one unit: equal sums
/// are equal values, in whichever order they were added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExactSum {
    whole: i128,
    parts: i128,
}

impl ExactSum {
    /// Adds `number`.
    pub fn add(&mut self, number: Decimal) {
        let mantissa = number.mantissa();
        let scale = number.scale();
        if scale == 0 {
            self.whole = self.whole.wrapping_add(mantissa);
            return;
        }
        let unit = 10_i128.pow(scale);
        let parts = mantissa.rem_euclid(unit) * 10_i128.pow(DECIMALS - scale) + self.parts;
        self.whole = self.whole.wrapping_add(mantissa.div_euclid(unit)).wrapping_add(parts / PARTS);
        self.parts = parts % PARTS;
    }

    /// Appends 32 bytes.
    pub(super) fn put(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.whole.to_le_bytes());
        out.extend_from_slice(&self.parts.to_le_bytes());
    }

    /// Reads what [`ExactSum::put`] wrote.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let whole = i128::from_le_bytes(reader.array()?);
        let parts = i128::from_le_bytes(reader.array()?);
        if !(0..PARTS).contains(&parts) {
            return Err(Malformed("sum out of range"));
        }
        Ok(Self { whole, parts })
    }
}

/// Plain decimal text without trailing zeros.
impl fmt::Display for ExactSum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Below zero with a fraction, -0.25 is kept as -1 + 0.75.
        let (sign, whole, parts) = match (self.whole < 0, self.parts) {
            (false, parts) => ("", self.whole.unsigned_abs(), parts),
            (true, 0) => ("-", self.whole.unsigned_abs(), 0),
            (true, parts) => ("-", (self.whole + 1).unsigned_abs(), PARTS - parts),
        };
        write!(f, "{sign}{whole}")?;
        if parts == 0 {
            return Ok(());
        }
        let digits = format!("{parts:028}");
        write!(f, ".{}", digits.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests;
