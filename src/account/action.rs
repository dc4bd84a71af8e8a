//! What is asked of an account. Everything that an action needs is in it: nothing is looked up.

use rust_decimal::Decimal;

use crate::grant::GrantTerms;
use crate::grant::Purchase;
use crate::grant::Rollover;
use crate::id::BenefitId;
use crate::id::GrantId;
use crate::id::SubscriptionId;
use crate::time::Timestamp;
use crate::units::Draw;
use crate::units::Units;

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

/// What a command does to one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Draws down, always.
    Use(Posting),
    /// Draws down only if the balance covers it.
    Debit(Units),
    /// Credits.
    Grant(Box<GrantTerms>),
    /// Ends one grant.
    Void(GrantId),
    /// Polar's: takes a benefit's last credit back.
    Revoke(Box<Revoke>),
    /// Ends a cycle outside its boundary; so does the start of a subscription.
    Reset(Box<Turnover>),
    /// Ends a cycle at its boundary.
    Turnover(Box<Turnover>),
    /// Ends the grants that expired, and starts those whose time has come.
    Advance,
}

/// Takes back what a benefit credited last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revoke {
    /// What the benefit credited it for.
    pub purchase: Purchase,
    /// The benefit.
    pub benefit: BenefitId,
    /// How many units it credited last.
    pub units: Units,
}

/// The end of a subscription's cycle on one account, and the start of the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turnover {
    /// Whose cycle ends.
    pub subscription: SubscriptionId,
    /// When it ends; not later than the command's time.
    pub at: Timestamp,
    /// What becomes of what is uncovered.
    pub settlement: Settlement,
    /// Whether what is left of rolling grants is carried. At the end of the subscription it is not.
    pub rollover: Rollover,
    /// What the next cycle credits.
    pub credits: Vec<GrantTerms>,
}

/// What a turnover does with consumption that no grant covers.
///
/// It belongs to the earliest-started billable subscription that has a metered price on the meter.
/// Whoever makes the turnover knows the customer's subscriptions and says which case it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// It belongs to this subscription: what lies above the baseline is billed, all is cleared.
    Billed,
    /// It belongs to none, or the subscription starts through a checkout: cleared, never billed.
    Cleared,
    /// It belongs to another subscription: it stays.
    Left,
    /// It belongs to this subscription from now on, which the API started: it stays, and what is
    /// uncovered by now is the baseline that is never billed.
    Baseline,
}

impl Settlement {
    /// Whether nothing stays uncovered, and the meter counts from zero again.
    #[must_use]
    pub const fn clears(self) -> bool {
        match self {
            Self::Billed | Self::Cleared => true,
            Self::Left | Self::Baseline => false,
        }
    }
}
