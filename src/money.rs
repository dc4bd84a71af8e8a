//! Money: whole cents, and prices of a unit in exact fractions of a cent.

use std::fmt;

use rust_decimal::Decimal;

/// Most digits of a unit price, and most of them behind the point: Polar's column is `NUMERIC(17,
/// 12)`.
pub const UNIT_PRICE_DIGITS_MAX: u32 = 17;

/// See [`UNIT_PRICE_DIGITS_MAX`].
pub const UNIT_PRICE_DECIMALS_MAX: u32 = 12;

/// An amount of money in cents. Negative is a credit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Money(pub i64);

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The sum, held at the largest amount there is.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

/// A currency by its ISO 4217 code, in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// What is used when nobody says otherwise.
    pub const USD: Self = Self(*b"usd");

    /// The currency with this code of three ASCII letters, in any case.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        let bytes: [u8; 3] = code.as_bytes().try_into().ok()?;
        bytes
            .iter()
            .all(u8::is_ascii_alphabetic)
            .then(|| Self(bytes.map(|b| b.to_ascii_lowercase())))
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// What one unit costs, in cents: above zero, at most 17 digits, 12 of them behind the point.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnitPrice(Decimal);

impl UnitPrice {
    /// `cents` as a price, if it is one.
    #[must_use]
    pub fn new(cents: Decimal) -> Option<Self> {
        let cents = cents.normalize();
        let digits =
            cents.mantissa().unsigned_abs().checked_ilog10().map_or(0, |log| log.saturating_add(1));
        let fits = cents > Decimal::ZERO
            && cents.scale() <= UNIT_PRICE_DECIMALS_MAX
            && digits <= UNIT_PRICE_DIGITS_MAX;
        fits.then_some(Self(cents))
    }

    /// The price in cents.
    #[must_use]
    pub const fn cents(self) -> Decimal {
        self.0
    }
}

impl fmt::Display for UnitPrice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests;
