//! Amounts of use: exact decimals, never floating point.
//!
//! [`Units`] is never negative, [`Draw`] and [`Balance`] are signed. Every sum is exact or refused:
//! `rust_decimal` rounds when a result needs more than 28 digits, so [`add`] and [`subtract`] turn
//! that rounding into [`Overflow`].

use rust_decimal::Decimal;

pub mod grid;

/// Most digits an amount may have, leading and trailing zeros counted.
pub const UNITS_DIGITS_MAX: usize = 28;

/// Longest text an amount may have: sign, digits, point and exponent.
pub const UNITS_TEXT_BYTES_MAX: usize = 64;

/// Longest text that [`write_decimal`] produces: sign, leading zero, point and 28 decimals, or 29
/// digits.
const DECIMAL_TEXT_BYTES_MAX: usize = 32;

/// The exact result needs more digits than an amount has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the result has more than 28 digits")]
pub struct Overflow;

/// Why a text is no amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnitsError {
    /// Not a decimal number.
    #[error("not a decimal number")]
    NotANumber,
    /// More digits than are kept exactly.
    #[error("more than 28 digits")]
    TooLong,
    /// Below zero where only zero or more is allowed.
    #[error("below zero")]
    Negative,
    /// Zero where only more than zero is allowed.
    #[error("zero")]
    Zero,
}

/// An amount that is never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Units(Decimal);

impl Units {
    /// No units.
    pub const ZERO: Self = Self(Decimal::ZERO);

    /// `amount` as units, unless it is negative.
    ///
    /// # Errors
    /// [`UnitsError::Negative`].
    pub fn new(amount: Decimal) -> Result<Self, UnitsError> {
        if amount.is_sign_negative() && !amount.is_zero() {
            return Err(UnitsError::Negative);
        }
        Ok(Self(amount))
    }

    /// Reads `97.5`, `1e3` and the like.
    ///
    /// # Errors
    /// Text that is no number, has more than 28 digits, or is negative.
    pub fn parse(text: &[u8]) -> Result<Self, UnitsError> {
        Self::new(parse_decimal(text)?)
    }

    /// Like [`Units::parse`], and zero is refused too.
    ///
    /// # Errors
    /// As [`Units::parse`], and [`UnitsError::Zero`].
    pub fn parse_positive(text: &[u8]) -> Result<Self, UnitsError> {
        let units = Self::parse(text)?;
        if units.0.is_zero() {
            return Err(UnitsError::Zero);
        }
        Ok(units)
    }

    /// The number itself.
    #[must_use]
    pub const fn decimal(self) -> Decimal {
        self.0
    }

    /// Whether this is nothing.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }
}

/// How far an event moves what was consumed: positive draws down, negative gives back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Draw(pub Decimal);

impl From<Units> for Draw {
    fn from(units: Units) -> Self {
        Self(units.0)
    }
}

/// `credited - consumed`; below zero when more was used than was credited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Balance(pub Decimal);

impl std::fmt::Display for Units {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0.normalize())
    }
}

impl std::fmt::Display for Draw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0.normalize())
    }
}

impl std::fmt::Display for Balance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0.normalize())
    }
}

/// `a + b`, exactly.
///
/// # Errors
/// [`Overflow`] when the exact sum has no representation.
#[inline]
pub fn add(a: Decimal, b: Decimal) -> Result<Decimal, Overflow> {
    if a.scale() == b.scale()
        && let Some(mantissa) = a.mantissa().checked_add(b.mantissa())
        && let Ok(sum) = Decimal::try_from_i128_with_scale(mantissa, a.scale())
    {
        return Ok(sum);
    }
    add_scaled(a, b)
}

/// [`add`] when the amounts have different scales, or their sum more digits than fit at the one.
#[inline(never)]
fn add_scaled(a: Decimal, b: Decimal) -> Result<Decimal, Overflow> {
    if a.is_zero() {
        return Ok(b);
    }
    if b.is_zero() {
        return Ok(a);
    }
    let sum = a.checked_add(b).ok_or(Overflow)?;
    if sum.scale() == a.scale().max(b.scale()) {
        return Ok(sum);
    }
    // The scale was reduced to make room. That is exact only if no digit other than zero was lost:
    // taking one operand away again gives the other one back, at a scale that is not reduced.
    let (a, b) = (a.normalize(), b.normalize());
    let sum = a.checked_add(b).ok_or(Overflow)?;
    if sum.scale() == a.scale().max(b.scale()) { Ok(sum) } else { Err(Overflow) }
}

/// `a - b`, exactly.
///
/// # Errors
/// [`Overflow`] when the exact difference has no representation.
pub fn subtract(a: Decimal, b: Decimal) -> Result<Decimal, Overflow> {
    add(a, -b)
}

/// Reads a decimal number exactly: an optional sign, digits, an optional point, an optional
/// exponent.
///
/// # Errors
/// [`UnitsError::NotANumber`] or [`UnitsError::TooLong`].
pub fn parse_decimal(text: &[u8]) -> Result<Decimal, UnitsError> {
    if let Some(decimal) = parse_short(text) {
        return Ok(decimal);
    }
    if text.len() > UNITS_TEXT_BYTES_MAX {
        return Err(UnitsError::TooLong);
    }
    parse_long(text)
}

/// Digits that fit a machine word whatever they are.
const SHORT_DIGITS_MAX: usize = 18;

/// The common case: up to 18 digits, at most one point, no exponent.
fn parse_short(text: &[u8]) -> Option<Decimal> {
    let (negative, digits) = match text.split_first()? {
        (b'-', rest) => (true, rest),
        _ => (false, text),
    };
    if digits.is_empty() || digits.len() > SHORT_DIGITS_MAX {
        return None;
    }
    let mut mantissa: i64 = 0;
    let mut decimals: Option<u32> = None;
    for &byte in digits {
        if byte == b'.' {
            if decimals.is_some() {
                return None;
            }
            decimals = Some(0);
            continue;
        }
        if !byte.is_ascii_digit() {
            return None;
        }
        mantissa = mantissa.checked_mul(10)?.checked_add(i64::from(byte & 0x0f))?;
        decimals = match decimals {
            Some(count) => Some(count.checked_add(1)?),
            None => None,
        };
    }
    // `5.` and `.5` are left to the strict reader below, which refuses them.
    if decimals == Some(0) || digits.first() == Some(&b'.') {
        return None;
    }
    let signed = if negative { mantissa.checked_neg()? } else { mantissa };
    Some(Decimal::new(signed, decimals.unwrap_or(0)))
}

fn parse_long(text: &[u8]) -> Result<Decimal, UnitsError> {
    let text = std::str::from_utf8(text).map_err(|_| UnitsError::NotANumber)?;
    let mantissa = text.split(['e', 'E']).next().unwrap_or(text);
    let unsigned = mantissa.strip_prefix('-').unwrap_or(mantissa);
    let (whole, fraction) = match unsigned.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
        Some(_) => return Err(UnitsError::NotANumber),
        None => (unsigned, ""),
    };
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
        return Err(UnitsError::NotANumber);
    }
    let digits = whole.trim_start_matches('0').len().saturating_add(fraction.len());
    if digits > UNITS_DIGITS_MAX {
        return Err(UnitsError::TooLong);
    }
    if mantissa.len() == text.len() {
        return Decimal::from_str_exact(text).map_err(|_| UnitsError::TooLong);
    }
    let exponent = text.get(mantissa.len().saturating_add(1)..).unwrap_or("");
    let exponent: i32 = exponent.parse().map_err(|_| UnitsError::NotANumber)?;
    shift(Decimal::from_str_exact(mantissa).map_err(|_| UnitsError::TooLong)?, exponent)
}

/// `number * 10^exponent`, exactly.
fn shift(number: Decimal, exponent: i32) -> Result<Decimal, UnitsError> {
    if number.is_zero() {
        return Ok(Decimal::ZERO);
    }
    let number = number.normalize();
    let scale = i64::from(number.scale()).saturating_sub(i64::from(exponent));
    if scale > 28 {
        return Err(UnitsError::TooLong);
    }
    if scale >= 0 {
        let scale = u32::try_from(scale).map_err(|_| UnitsError::TooLong)?;
        return Decimal::try_from_i128_with_scale(number.mantissa(), scale)
            .map_err(|_| UnitsError::TooLong);
    }
    let zeros = u32::try_from(scale.unsigned_abs()).map_err(|_| UnitsError::TooLong)?;
    10_i128
        .checked_pow(zeros)
        .and_then(|power| number.mantissa().checked_mul(power))
        .and_then(|mantissa| Decimal::try_from_i128_with_scale(mantissa, 0).ok())
        .filter(|shifted| shifted.mantissa().unsigned_abs() < 10_u128.pow(28))
        .ok_or(UnitsError::TooLong)
}

/// Appends `number` as plain decimal text without trailing zeros: `97.5`, `-15`, `0`.
///
/// Written here because `Decimal`'s own `Display` cost a tenth of the reply path.
pub fn write_decimal(out: &mut Vec<u8>, number: Decimal) {
    let mut text = [0_u8; DECIMAL_TEXT_BYTES_MAX];
    let mut start = DECIMAL_TEXT_BYTES_MAX;
    let mut put = |byte: u8| {
        start = start.saturating_sub(1);
        if let Some(place) = text.get_mut(start) {
            *place = byte;
        }
    };
    let mut decimals = number.scale();
    let mut wide = number.mantissa().unsigned_abs();
    if let Ok(mut rest) = u64::try_from(wide) {
        while decimals > 0 && rest.is_multiple_of(10) {
            rest /= 10;
            decimals = decimals.saturating_sub(1);
        }
        put_digits(&mut put, rest, decimals);
    } else {
        while decimals > 0 && wide.is_multiple_of(10) {
            wide /= 10;
            decimals = decimals.saturating_sub(1);
        }
        put_wide_digits(&mut put, wide, decimals);
    }
    if number.is_sign_negative() && !number.is_zero() {
        put(b'-');
    }
    out.extend_from_slice(text.get(start..).unwrap_or(&[]));
}

/// Puts the digits of `rest`, last first, with a point before the last `decimals` of them.
fn put_digits(put: &mut impl FnMut(u8), mut rest: u64, decimals: u32) {
    let mut written = 0_u32;
    loop {
        if decimals > 0 && written == decimals {
            put(b'.');
        }
        put(b'0' | u8::try_from(rest % 10).unwrap_or(0));
        rest /= 10;
        written = written.saturating_add(1);
        if rest == 0 && written > decimals {
            return;
        }
    }
}

/// [`put_digits`] for mantissas over 64 bits, whose divisions are slow.
fn put_wide_digits(put: &mut impl FnMut(u8), mut rest: u128, decimals: u32) {
    let mut written = 0_u32;
    loop {
        if decimals > 0 && written == decimals {
            put(b'.');
        }
        put(b'0' | u8::try_from(rest % 10).unwrap_or(0));
        rest /= 10;
        written = written.saturating_add(1);
        if rest == 0 && written > decimals {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
