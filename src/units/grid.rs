//! The grid on which the amounts of one ledger lie, so that none of its sums is ever rounded.
//!
//! A `Decimal` has 96 bits for its digits. If all amounts of a ledger are multiples of
//! 10^-decimals and its totals stay below 10^28 such steps, then every sum and difference of them
//! has at most 29 digits and fits. So amounts are checked once, when they come in; what is done
//! with them afterwards cannot fail.

use rust_decimal::Decimal;

use crate::units::Overflow;
use crate::units::add;

/// Totals stay below this many steps. 96 bits hold 7.9 times as many, which leaves room for the sum
/// of the few totals that are ever added.
const STEPS_LIMIT: u128 = 10_u128.pow(28);

/// Most decimals a `Decimal` has.
const DECIMALS_MAX: u8 = 28;

/// How finely a ledger counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Grid {
    decimals: u8,
}

impl Grid {
    /// Whole units only.
    pub const WHOLE: Self = Self { decimals: 0 };

    /// The grid with this many decimals, 28 at most.
    #[must_use]
    pub const fn with_decimals(decimals: u8) -> Option<Self> {
        if decimals > DECIMALS_MAX { None } else { Some(Self { decimals }) }
    }

    /// How many decimals its amounts have at most.
    #[must_use]
    pub const fn decimals(self) -> u8 {
        self.decimals
    }

    /// Whether `amount` is written with no more decimals than the grid has.
    #[must_use]
    pub fn has_decimals_of(self, amount: Decimal) -> bool {
        amount.scale() <= u32::from(self.decimals)
    }

    /// The coarsest grid that has the points of this one and `amount` as it is written.
    #[must_use]
    pub fn refined_by(self, amount: Decimal) -> Self {
        let decimals = u8::try_from(amount.scale()).unwrap_or(DECIMALS_MAX);
        Self { decimals: self.decimals.max(decimals) }
    }

    /// Whether `total` lies on the grid, within its limit.
    #[must_use]
    #[inline]
    pub fn holds(self, total: Decimal) -> bool {
        let steps = total.mantissa().unsigned_abs();
        match u32::from(self.decimals).checked_sub(total.scale()) {
            Some(0) => steps < STEPS_LIMIT,
            Some(finer) => steps.saturating_mul(10_u128.saturating_pow(finer)) < STEPS_LIMIT,
            None => false,
        }
    }
}

/// `a + b` of amounts on one grid.
///
/// # Panics
/// When the sum is not exact: the ledger's totals were not checked. Going on would round a balance.
#[must_use]
#[inline]
pub fn sum(a: Decimal, b: Decimal) -> Decimal {
    match add(a, b) {
        Ok(sum) => sum,
        Err(Overflow) => unreachable!("{a} + {b} is off the grid that both were checked against"),
    }
}

/// `a - b` of amounts on one grid.
///
/// # Panics
/// As [`sum`].
#[must_use]
#[inline]
pub fn difference(a: Decimal, b: Decimal) -> Decimal {
    // Not `0 + -0`: a zero of negative sign would pass for less than zero.
    if b.is_zero() { a } else { sum(a, -b) }
}

/// Writes `amount` with as many decimals as `with` has, if it has fewer: the same number, but two of
/// one scale are added and compared several times faster.
#[inline]
pub fn align(amount: &mut Decimal, with: Decimal) {
    if amount.scale() < with.scale() {
        amount.rescale(with.scale());
    }
}

#[cfg(test)]
mod tests;
