//! What overage costs.
//!
//! Polar's formula: units above zero times the price of one, rounded to whole cents half away from
//! zero, and no more than the cap. The product is exact before it is rounded, however many digits it
//! has.
#![deny(clippy::arithmetic_side_effects)]

use rust_decimal::Decimal;

use crate::money::Money;
use crate::money::UnitPrice;

/// Splits the decimals of an amount in halves that a price can be multiplied with: `10^14`.
const HALF_OF_DECIMALS: u128 = 100_000_000_000_000;

/// See [`HALF_OF_DECIMALS`].
const HALF_OF_DECIMALS_DIGITS: u32 = 14;

/// The price of `units` of overage; of zero units or less, nothing.
///
/// An amount that no account could ever hold is held at the largest one, or at the cap: a turnover
/// must not fail over it, else the cycle would stand still for ever.
#[must_use]
pub fn overage(unit_amount: UnitPrice, units: Decimal, cap: Option<Money>) -> Money {
    let amount = if units > Decimal::ZERO {
        round_half_away(unit_amount, units.normalize()).unwrap_or(Money(i64::MAX))
    } else {
        Money::ZERO
    };
    cap.map_or(amount, |cap| amount.min(cap))
}

/// `unit_amount * units` in cents, half a cent rounded up, which is away from zero: both are above
/// it. Nothing when that is more than there is.
///
/// The product may have 45 digits, more than a [`Decimal`] and more than 128 bits. So whole units
/// and decimals are multiplied apart, and only what the half depends on is kept.
fn round_half_away(unit_amount: UnitPrice, units: Decimal) -> Option<Money> {
    let price = unit_amount.cents().mantissa().unsigned_abs();
    let price_one = 10_u128.checked_pow(unit_amount.cents().scale())?;
    let units_one = 10_u128.checked_pow(units.scale())?;
    let mantissa = units.mantissa().unsigned_abs();

    let (of_decimals, rest) = multiply_decimals(price, mantissa.checked_rem(units_one)?, units)?;
    // In units of the price's last decimal, with `rest / units_one` of one besides.
    let product = price.checked_mul(mantissa.checked_div(units_one)?)?.checked_add(of_decimals)?;
    let whole = product.checked_div(price_one)?;
    let beyond = product.checked_rem(price_one)?;
    let rounds_up = if price_one > 1 {
        // Half of it is whole, and `rest` alone does not reach the next one.
        beyond >= price_one.checked_div(2)?
    } else {
        rest.checked_mul(2)? >= units_one
    };
    let cents = if rounds_up { whole.checked_add(1)? } else { whole };
    i64::try_from(cents).ok().map(Money)
}

/// `price * decimals / 10^scale` of `units` as quotient and remainder, where `decimals` is less than
/// `10^scale`.
fn multiply_decimals(price: u128, decimals: u128, units: Decimal) -> Option<(u128, u128)> {
    let one = 10_u128.checked_pow(units.scale())?;
    if units.scale() <= HALF_OF_DECIMALS_DIGITS {
        let product = price.checked_mul(decimals)?;
        return Some((product.checked_div(one)?, product.checked_rem(one)?));
    }
    // 17 digits of a price times 28 decimals: one half after the other.
    let high = price.checked_mul(decimals.checked_div(HALF_OF_DECIMALS)?)?;
    let low = price.checked_mul(decimals.checked_rem(HALF_OF_DECIMALS)?)?;
    let high = high.checked_add(low.checked_div(HALF_OF_DECIMALS)?)?;
    let low = low.checked_rem(HALF_OF_DECIMALS)?;
    let high_one = one.checked_div(HALF_OF_DECIMALS)?;
    let rest = high.checked_rem(high_one)?.checked_mul(HALF_OF_DECIMALS)?.checked_add(low)?;
    Some((high.checked_div(high_one)?, rest))
}

#[cfg(test)]
mod tests;
