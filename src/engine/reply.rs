//! What the engine answers.

use rust_decimal::Decimal;

use crate::account::AccountError;
use crate::customer::{CustomerError, CustomerVerdict};
use crate::event::EventError;
use crate::grant::{Grant, Rollover, Source};
use crate::id::{GrantId, MeterNumber};
use crate::time::Timestamp;
use crate::units::Balance;

/// What became of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// It was applied.
    Applied,
    /// It was refused and changed nothing.
    Refused,
    /// Its key was used before, by a command that was applied. Nothing changed.
    Duplicate,
    /// Its key was used before, by a command that was refused. Nothing changed.
    DuplicateRefused,
}

impl Said {
    /// The verdict as it is sent.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Refused => "refused",
            Self::Duplicate => "duplicate",
            Self::DuplicateRefused => "duplicate-refused",
        }
    }
}

/// The answer to one call.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// A command's verdict and the balance after it.
    Verdict {
        /// What became of it.
        said: Said,
        /// The balance now.
        balance: Decimal,
    },
    /// A balance that was asked for.
    Balance(Decimal),
    /// The live grants of a customer meter.
    Grants(Box<[GrantView]>),
    /// Every meter of a customer.
    State(Box<[MeterState]>),
    /// What became of events.
    Ingested {
        /// New ones.
        inserted: u32,
        /// Ones whose `external_id` was there before.
        duplicates: u32,
    },
    /// What became of a command to a customer's purchases.
    Purchase(CustomerVerdict),
    /// It happened, and there is nothing to tell.
    Done,
    /// It changed nothing.
    Error(EngineError),
}

impl Reply {
    /// A verdict with a balance.
    #[must_use]
    pub const fn verdict(said: Said, balance: Balance) -> Self {
        Self::Verdict { said, balance: balance.0 }
    }
}

/// A live grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantView {
    /// Its id.
    pub id: GrantId,
    /// Credited units.
    pub amount: Decimal,
    /// Units drawn from it.
    pub drawn: Decimal,
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

impl GrantView {
    /// `grant` as it stands.
    #[must_use]
    pub fn of(grant: &Grant) -> Self {
        Self {
            id: grant.id(),
            amount: grant.amount(),
            drawn: grant.drawn(),
            priority: grant.priority(),
            effective_at: grant.effective_at(),
            expires_at: grant.expires_at(),
            rollover: grant.rollover(),
            source: grant.source(),
        }
    }
}

/// A customer on one meter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterState {
    /// The meter.
    pub meter: MeterNumber,
    /// Units credited by live grants.
    pub credited: Decimal,
    /// Units drawn from them, and what no grant covered.
    pub consumed: Decimal,
}

/// Why a call changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// No such customer in this organization.
    #[error("unknown customer")]
    UnknownCustomer,
    /// The key was used by a command with another body.
    #[error("key used with another body")]
    KeyConflict,
    /// The account said no.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// What the customer has bought said no.
    #[error(transparent)]
    Customer(#[from] CustomerError),
    /// Too much is in flight.
    #[error("too many commands in flight")]
    Busy,
    /// Too little space is left to write.
    #[error("disk full")]
    DiskFull,
    /// Another customer of the organization has this email address.
    #[error("a customer with this email address exists already")]
    EmailTaken,
    /// Another customer of the organization has this external id.
    #[error("a customer with this external id exists already")]
    ExternalIdTaken,
    /// The customer has another external id.
    #[error("an external id is set once")]
    ExternalIdFixed,
    /// The shard has no numbers left for another customer or meter.
    #[error("the shard is full")]
    ShardFull,
    /// The customer's name is empty, too long, or no text.
    #[error("a customer is named by 1 to 256 bytes of UTF-8 without NUL")]
    CustomerName,
    /// The key is longer than keys may be.
    #[error("an idempotency key has at most 256 bytes")]
    KeyTooLong,
    /// The time given lies in the future.
    #[error("time lies ahead of now")]
    InFuture,
    /// The expiry given lies in the past.
    #[error("expiry is not after now")]
    Expired,
    /// The record would be longer than the journal takes.
    #[error("the command is too large")]
    TooLarge,
    /// The engine stops or has failed.
    #[error("the engine is stopping")]
    Stopping,
}

/// Why events were not taken in.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// An event breaks the rules of events; none was taken in.
    #[error("event {place}: {error}")]
    Event {
        /// Which one, from 0.
        place: usize,
        /// What is wrong with it.
        error: EventError,
    },
    /// The engine took in some of them at most.
    #[error(transparent)]
    Engine(#[from] EngineError),
}
