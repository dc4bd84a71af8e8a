//! The running `max`, `min`, `avg` or `unique` of one account in the current cycle.
//!
//! An account consumes what its meter's aggregation comes to. So each value draws the difference
//! that it makes, which is negative when an average or a minimum falls.

use std::collections::BTreeSet;

use rust_decimal::Decimal;
use rust_decimal::RoundingStrategy;

use crate::account::AccountError;
use crate::account::action::Posting;
use crate::units::Overflow;
use crate::units::add;
use crate::units::subtract;

/// Most different values that a `unique` meter remembers for one account in one cycle.
pub const UNIQUE_VALUES_MAX: usize = 50_000;

/// An average is rounded to this many decimals, half away from zero.
pub const AVERAGE_DECIMALS: u32 = 12;

/// What the values of this cycle come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tally {
    /// The greatest value.
    Max(Decimal),
    /// The least value.
    Min(Decimal),
    /// The mean value.
    Average {
        /// Of all values.
        sum: Decimal,
        /// How many values; never zero.
        count: u64,
    },
    /// The different values, by their hashes; never empty, at most [`UNIQUE_VALUES_MAX`].
    Unique(BTreeSet<u128>),
}

/// What one posting does to a tally, checked but not done.
#[derive(Debug)]
pub(super) struct Step {
    /// What it draws.
    pub(super) draw: Decimal,
    change: Change,
}

#[derive(Debug)]
enum Change {
    Nothing,
    Becomes(Tally),
    Remembers(u128),
}

impl Tally {
    /// What the values come to.
    fn value(&self) -> Result<Decimal, Overflow> {
        match self {
            Self::Max(value) | Self::Min(value) => Ok(*value),
            Self::Average { sum, count } => sum
                .checked_div(Decimal::from(*count))
                .map(|mean| {
                    mean.round_dp_with_strategy(
                        AVERAGE_DECIMALS,
                        RoundingStrategy::MidpointAwayFromZero,
                    )
                })
                .ok_or(Overflow),
            Self::Unique(values) => {
                Ok(Decimal::from(u64::try_from(values.len()).map_err(|_| Overflow)?))
            }
        }
    }

    /// What `posting` would do. A tally of another kind than the posting's, which is there when the
    /// meter was redefined, gives way: the difference between the two is drawn.
    pub(super) fn step(tally: Option<&Self>, posting: Posting) -> Result<Step, AccountError> {
        let becomes = match (posting, tally) {
            (Posting::Draw(draw), _) => return Ok(Step { draw: draw.0, change: Change::Nothing }),
            (Posting::Max(value), Some(Self::Max(max))) => Self::Max(value.max(*max)),
            (Posting::Max(value), _) => Self::Max(value),
            (Posting::Min(value), Some(Self::Min(min))) => Self::Min(value.min(*min)),
            (Posting::Min(value), _) => Self::Min(value),
            (Posting::Average(value), Some(Self::Average { sum, count })) => Self::Average {
                sum: add(*sum, value)?,
                count: count.checked_add(1).ok_or(AccountError::Overflow)?,
            },
            (Posting::Average(value), _) => Self::Average { sum: value, count: 1 },
            (Posting::Unique(hash), Some(Self::Unique(values))) => {
                return Self::remember(values, hash);
            }
            (Posting::Unique(hash), _) => Self::Unique(BTreeSet::from([hash])),
        };
        let before = tally.map_or(Ok(Decimal::ZERO), Self::value)?;
        let draw = subtract(becomes.value()?, before)?;
        Ok(Step { draw, change: Change::Becomes(becomes) })
    }

    fn remember(values: &BTreeSet<u128>, hash: u128) -> Result<Step, AccountError> {
        if values.contains(&hash) {
            return Ok(Step { draw: Decimal::ZERO, change: Change::Nothing });
        }
        if values.len() >= UNIQUE_VALUES_MAX {
            return Err(AccountError::UniqueValuesFull);
        }
        Ok(Step { draw: Decimal::ONE, change: Change::Remembers(hash) })
    }
}

impl Step {
    /// Does to the tally what was checked.
    pub(super) fn take(self, tally: &mut Option<Box<Tally>>) {
        match self.change {
            Change::Nothing => {}
            Change::Becomes(becomes) => match tally {
                Some(tally) => **tally = becomes,
                None => *tally = Some(Box::new(becomes)),
            },
            Change::Remembers(hash) => {
                if let Some(Tally::Unique(values)) = tally.as_deref_mut() {
                    values.insert(hash);
                }
            }
        }
    }
}
