//! What an action did to an account, or why it could not be decided.

use rust_decimal::Decimal;

use crate::id::BenefitId;
use crate::id::GrantId;
use crate::id::SubscriptionId;
use crate::time::Timestamp;
use crate::units::Balance;
use crate::units::Overflow;

/// What came of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Whether it was applied.
    pub verdict: Verdict,
    /// The balance afterwards.
    pub balance: Balance,
    /// What is to be done by others, in the order in which it came about. Mostly nothing.
    pub effects: Vec<Effect>,
}

/// Whether an action was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It was.
    Applied,
    /// It was not, and a repeat would learn the same.
    Refused(Refusal),
}

/// Why an action was refused. Expiries that were due are applied all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The balance does not cover the debit.
    InsufficientBalance,
    /// No grant with this id counts here, now or later: it never did, or it has ended.
    NoSuchGrant,
    /// The grant would have ended before it counts.
    GrantAlreadyExpired,
    /// Nothing is left of what the benefit credited for this purchase.
    NothingToRevoke,
}

/// What others are to do, or to know, because of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Units of a grant count no longer.
    GrantEnded {
        /// Which grant. Revoked, it lives on when the benefit credited less than it had.
        grant: GrantId,
        /// How.
        end: GrantEnd,
        /// How many of its units ended.
        amount: Decimal,
        /// How many of those were used.
        drawn: Decimal,
    },
    /// Units were carried into the next cycle, under the id of the grant they come from.
    Carried {
        /// The grant that holds them.
        grant: GrantId,
        /// Whose cycle it is.
        subscription: SubscriptionId,
        /// Which benefit credited them.
        benefit: BenefitId,
        /// How many.
        amount: Decimal,
    },
    /// A turnover settled what was uncovered.
    Overage {
        /// Who pays for it.
        subscription: SubscriptionId,
        /// The boundary at which it was settled.
        at: Timestamp,
        /// Units to bill, zero or more.
        units: Decimal,
    },
    /// The account wants an `Action::Advance` then, and no longer at the instant it asked for last.
    DueAt(Timestamp),
}

/// How units of a grant ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GrantEnd {
    /// All of them were used.
    Spent,
    /// Their time was over.
    Expired,
    /// A command ended the grant.
    Voided,
    /// The benefit took them back. What was drawn of them was drawn again from the rest.
    Revoked,
    /// Their cycle ended.
    TurnedOver,
}

/// Why an action could not be decided. It changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// A total would need more digits than are kept exactly.
    #[error("a total would have more than 28 digits")]
    Overflow,
    /// A `unique` meter would remember more values than it may.
    #[error("more than {} different values in one cycle", super::UNIQUE_VALUES_MAX)]
    UniqueValuesFull,
    /// The account would hold more grants than it may.
    #[error("more than {} grants at a time", super::GRANTS_MAX)]
    GrantsFull,
    /// A grant with this id counts already.
    #[error("grant was already made")]
    GrantAlreadyMade,
    /// A grant of nothing, or of less.
    #[error("grant of zero units or less")]
    GrantNotPositive,
}

impl From<Overflow> for AccountError {
    fn from(Overflow: Overflow) -> Self {
        Self::Overflow
    }
}
