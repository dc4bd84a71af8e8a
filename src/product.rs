//! What a product sells, as far as money and credits go.
//!
//! The catalog holds products with names, prices and benefits that change over time. When a command
//! about a purchase is sequenced, what it needs of them is resolved once into [`ProductTerms`] and
//! written into its record, so that replay never asks the catalog.

use crate::cycle::Interval;
use crate::grant::Rollover;
use crate::id::{BenefitId, MeterNumber, PriceId, ProductId};
use crate::money::{Currency, Money, UnitPrice};

/// Most prices, and most benefits, of one product.
pub const PRODUCT_PARTS_MAX: usize = 256;

/// What a purchase of a product is made on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductTerms {
    /// Which product.
    pub product: ProductId,
    /// What its prices are in.
    pub currency: Currency,
    /// How often it is billed; once when absent.
    pub billing: Option<Interval>,
    /// How often its meters turn over, when that is more often than it is billed.
    pub metering: Option<Interval>,
    /// How long it is on trial.
    pub trial: Option<Interval>,
    /// What each period costs whatever is used; none when it is free of that.
    pub fixed: Option<FixedPrice>,
    /// What overage costs, at most one price a meter.
    pub metered: Vec<MeteredPrice>,
    /// What it credits, in the order of its benefits.
    pub credits: Vec<Credit>,
}

impl ProductTerms {
    /// Whether both credit the same benefits, in whatever order and of however many units.
    #[must_use]
    pub fn has_benefits_of(&self, other: &Self) -> bool {
        let credits = |credit: &Credit| other.credits.iter().any(|o| o.benefit == credit.benefit);
        // A product carries each benefit once.
        self.credits.len() == other.credits.len() && self.credits.iter().all(credits)
    }
}

/// A price for a period, or for a purchase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FixedPrice {
    /// Which price.
    pub price: PriceId,
    /// How much; zero is free.
    pub amount: Money,
}

/// A price for what is used beyond credits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MeteredPrice {
    /// Which price.
    pub price: PriceId,
    /// On which meter.
    pub meter: MeterNumber,
    /// What one unit costs.
    pub unit_amount: UnitPrice,
    /// The most that a cycle costs.
    pub cap: Option<Money>,
}

/// What a `meter_credit` benefit credits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credit {
    /// Which benefit.
    pub benefit: BenefitId,
    /// On which meter.
    pub meter: MeterNumber,
    /// How many units, at least one.
    pub units: u32,
    /// Whether what is left of them is carried into the next cycle.
    pub rollover: Rollover,
}
