//! One customer on one meter.

use rust_decimal::Decimal;

use crate::units::Draw;

/// What one event, or one direct use, adds to a meter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Posting {
    /// Draws this much: direct use, `count` and `sum`.
    Draw(Draw),
    /// The meter's `max` now includes this value.
    Max(Decimal),
    /// The meter's `min` now includes this value.
    Min(Decimal),
    /// The meter's `avg` now includes this value.
    Average(Decimal),
    /// The meter's `unique` now includes the value with this hash.
    Unique(u128),
}
