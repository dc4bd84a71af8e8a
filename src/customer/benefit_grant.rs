//! A benefit grant: that a benefit is given to the customer for one purchase, and what it credited.

use crate::grant::Purchase;
use crate::id::BenefitGrantId;
use crate::id::BenefitId;
use crate::id::MeterNumber;
use crate::id::OrderId;
use crate::time::Timestamp;

/// A benefit that credits the customer because of one purchase; there is one of each pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BenefitGrant {
    /// Its id for ever, which follows from purchase and benefit.
    pub id: BenefitGrantId,
    /// What was bought.
    pub purchase: Purchase,
    /// Which benefit came with it.
    pub benefit: BenefitId,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it changed last, if it did.
    pub modified_at: Option<Timestamp>,
    /// When it was granted, the last time.
    pub granted_at: Timestamp,
    /// When it was revoked, if it is.
    pub revoked_at: Option<Timestamp>,
    /// What it credited last, if it ever did. It stays when that is taken back.
    pub last_credit: Option<LastCredit>,
    /// How many credits it has made; each makes the id of the next one.
    pub credits_made: u32,
    /// The order whose payment the credit of the current period waits for.
    pub awaits: Option<OrderId>,
}

/// What a benefit credited, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastCredit {
    /// On which meter.
    pub meter: MeterNumber,
    /// How many units.
    pub units: u32,
    /// When.
    pub at: Timestamp,
}

impl BenefitGrant {
    /// Whether it is granted now.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        self.revoked_at.is_none()
    }
}
