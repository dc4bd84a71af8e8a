//! Products as the catalog keeps them: names, prices and benefits, as they are now.

use crate::cycle::{Interval, IntervalUnit};
use crate::id::{BenefitId, MeterNumber, OrganizationNumber, PriceId, ProductId};
use crate::metadata::Metadata;
use crate::money::{Currency, Money, UnitPrice};
use crate::product::{FixedPrice, MeteredPrice};
use crate::time::Timestamp;

/// Fewest characters of a product's name, as in Polar.
pub const PRODUCT_NAME_CHARS_MIN: usize = 3;

/// Most characters of a product's name, as in Polar.
pub const PRODUCT_NAME_CHARS_MAX: usize = 64;

/// Greatest count of an interval, as in Polar.
pub const INTERVAL_COUNT_MAX: u16 = 999;

/// Greatest amount of a price or a cap, in cents: Polar's integers have 32 bits.
pub const AMOUNT_MAX: Money = Money(i32::MAX as i64);

/// Prices of a product that are kept once they are no longer asked; the oldest go first.
pub const ARCHIVED_PRICES_MAX: usize = 256;

/// What an organization sells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// Its id for ever.
    pub id: ProductId,
    /// Whose it is.
    pub organization: OrganizationNumber,
    /// What people call it by: [`PRODUCT_NAME_CHARS_MIN`] to [`PRODUCT_NAME_CHARS_MAX`] characters.
    pub name: Box<str>,
    /// What people read about it, if anything.
    pub description: Option<Box<str>>,
    /// Who gets to see it.
    pub visibility: Visibility,
    /// How often it is billed; once when absent. Never changes.
    pub billing: Option<Interval>,
    /// How often its meters turn over, when that differs from its billing. It divides the billing
    /// interval, and never changes.
    pub metering: Option<Interval>,
    /// How long it is on trial.
    pub trial: Option<Interval>,
    /// What it costs: at least one price, all in one currency.
    pub prices: Vec<Price>,
    /// What it cost before, oldest first: at most [`ARCHIVED_PRICES_MAX`].
    pub archived_prices: Vec<Price>,
    /// What it carries, in order, each benefit once, none of them deleted.
    pub benefits: Vec<BenefitId>,
    /// What the application wrote on it.
    pub metadata: Metadata,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed, if ever.
    pub modified_at: Option<Timestamp>,
    /// Whether it is sold.
    pub standing: Standing,
}

/// Who gets to see a product, as in Polar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Visibility {
    /// Everybody.
    #[default]
    Public,
    /// Whoever is given a link.
    Private,
    /// Nobody yet.
    Draft,
}

/// Whether something is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Standing {
    /// It is.
    #[default]
    Live,
    /// It is put away. What refers to it already stays as it is.
    Archived,
}

/// What is asked for a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// Its id for ever.
    pub id: PriceId,
    /// In which currency.
    pub currency: Currency,
    /// How much, and for what.
    pub amount: PriceAmount,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was archived, if it is.
    pub modified_at: Option<Timestamp>,
}

/// The kinds of price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PriceAmount {
    /// Nothing. At most one of a product's prices is this or fixed.
    Free,
    /// So much a period, or a purchase: zero to [`AMOUNT_MAX`], and zero is free too.
    Fixed(Money),
    /// So much a unit used beyond credits, at the end of each cycle. At most one a meter.
    MeteredUnit {
        /// On which meter.
        meter: MeterNumber,
        /// What one unit costs.
        unit_amount: UnitPrice,
        /// The most that a cycle costs: zero to [`AMOUNT_MAX`].
        cap: Option<Money>,
    },
}

impl Price {
    /// This price for a period or a purchase, if it is one.
    #[must_use]
    pub const fn fixed(&self) -> Option<FixedPrice> {
        match self.amount {
            PriceAmount::Free => Some(FixedPrice { price: self.id, amount: Money::ZERO }),
            PriceAmount::Fixed(amount) => Some(FixedPrice { price: self.id, amount }),
            PriceAmount::MeteredUnit { .. } => None,
        }
    }

    /// This price for use beyond credits, if it is one.
    #[must_use]
    pub const fn metered(&self) -> Option<MeteredPrice> {
        match self.amount {
            PriceAmount::Free | PriceAmount::Fixed(_) => None,
            PriceAmount::MeteredUnit { meter, unit_amount, cap } => {
                Some(MeteredPrice { price: self.id, meter, unit_amount, cap })
            }
        }
    }
}

impl Product {
    /// Whether it is put away.
    #[must_use]
    pub fn is_archived(&self) -> bool {
        self.standing == Standing::Archived
    }

    /// What a period or a purchase costs whatever is used; none when there are metered prices alone.
    #[must_use]
    pub fn fixed(&self) -> Option<FixedPrice> {
        self.prices.iter().find_map(Price::fixed)
    }

    /// Whether it can be had without a payment: its static price is zero. Metered prices beside it
    /// do not matter; without a static price it is not free. This is Polar's rule for subscriptions
    /// made by the API.
    #[must_use]
    pub fn is_free(&self) -> bool {
        self.fixed().is_some_and(|price| price.amount == Money::ZERO)
    }

    /// What its prices are in.
    #[must_use]
    pub fn currency(&self) -> Currency {
        self.prices.first().map_or(Currency::USD, |price| price.currency)
    }
}

/// Whether boundaries every `metering` fall on every boundary of `billing`: both count days or both
/// count months, where a week is seven days and a year twelve months, and the count of the one
/// divides that of the other. Months differ in length, so days never divide them.
#[must_use]
pub fn divides(metering: Interval, billing: Interval) -> bool {
    let (part, whole) = (in_steps(metering), in_steps(billing));
    part.0 == whole.0 && whole.1.checked_rem(part.1) == Some(0)
}

/// The calendar's step (a day or a month), and how many of it.
fn in_steps(interval: Interval) -> (IntervalUnit, u32) {
    let count = u32::from(interval.count);
    match interval.unit {
        IntervalUnit::Day => (IntervalUnit::Day, count),
        IntervalUnit::Week => (IntervalUnit::Day, count.saturating_mul(7)),
        IntervalUnit::Month => (IntervalUnit::Month, count),
        IntervalUnit::Year => (IntervalUnit::Month, count.saturating_mul(12)),
    }
}
