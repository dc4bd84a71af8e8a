//! A grant: credited units with priority, effective time, expiry and rollover rule.

use rust_decimal::Decimal;

use crate::id::{BenefitId, GrantId, OrderId, SubscriptionId};
use crate::time::Timestamp;

/// Whether what is left of a cycle grant is carried into the next cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rollover {
    /// It ends with its period.
    Ends,
    /// What is left is carried.
    Carries,
}

/// Where a grant comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Made by a command of the application.
    Manual,
    /// Credited by a benefit for one period of a subscription.
    Subscription {
        /// Whose cycle ends it.
        subscription: SubscriptionId,
        /// Which benefit credited it, and takes it back when revoked.
        benefit: BenefitId,
    },
    /// Credited by a benefit once, at purchase.
    Order {
        /// The purchase.
        order: OrderId,
        /// Which benefit credited it, and takes it back when revoked.
        benefit: BenefitId,
    },
}

/// What a grant command asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantTerms {
    /// Names the grant for ever.
    pub id: GrantId,
    /// Credited units, above zero.
    pub amount: Decimal,
    /// Lower burns first.
    pub priority: i32,
    /// Counts from here on.
    pub effective_at: Timestamp,
    /// Counts no longer from here on.
    pub expires_at: Option<Timestamp>,
    /// What its cycle's end does to it.
    pub rollover: Rollover,
    /// Where it comes from.
    pub source: Source,
}
