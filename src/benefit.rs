//! Benefits that products carry: credits on a meter.
//!
//! A benefit credits nobody by itself: a purchase of a product that carries it does.

#![deny(clippy::arithmetic_side_effects)]

use crate::grant::Rollover;
use crate::id::{BenefitId, MeterNumber, OrganizationNumber};
use crate::metadata::Metadata;
use crate::product::Credit;
use crate::time::Timestamp;

/// Fewest characters of a description, as in Polar.
pub const DESCRIPTION_CHARS_MIN: usize = 3;

/// Most characters of a description, as in Polar.
pub const DESCRIPTION_CHARS_MAX: usize = 42;

/// Most units of a benefit: Polar's integers have 32 bits.
pub const BENEFIT_UNITS_MAX: u32 = i32::MAX.unsigned_abs();

/// A benefit of the type `meter_credit`, the one type there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Benefit {
    /// Its id for ever.
    pub id: BenefitId,
    /// Whose it is.
    pub organization: OrganizationNumber,
    /// What customers read: [`DESCRIPTION_CHARS_MIN`] to [`DESCRIPTION_CHARS_MAX`] characters.
    pub description: Box<str>,
    /// On which meter it credits.
    pub meter: MeterNumber,
    /// How many units: 1 to [`BENEFIT_UNITS_MAX`].
    pub units: u32,
    /// Whether what is left of them is carried into the next cycle.
    pub rollover: Rollover,
    /// What the application wrote on it.
    pub metadata: Metadata,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed, if ever.
    pub modified_at: Option<Timestamp>,
    /// Since when no product carries it, if it is deleted. It is kept, because grants of it are.
    pub deleted_at: Option<Timestamp>,
}

impl Benefit {
    /// Whether no product can carry it any more.
    #[must_use]
    pub const fn is_deleted(&self) -> bool {
        self.deleted_at.is_some()
    }

    /// What it credits.
    #[must_use]
    pub const fn credit(&self) -> Credit {
        Credit { benefit: self.id, meter: self.meter, units: self.units, rollover: self.rollover }
    }
}
