//! Steps from one version of the catalog to the next, and why one cannot be taken.

use std::sync::Arc;

use crate::benefit::Benefit;
use crate::catalog::{Product, Token};
use crate::id::{OrganizationId, TokenId};
use crate::meter::Meter;
use crate::time::Timestamp;

/// A step from one version of the catalog to the next. It holds the thing as it is after the step:
/// so a replay needs no rule of its own about what a patch means, and an image of the catalog is
/// written in the same words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CatalogChange {
    /// A new organization.
    Organization {
        /// Its id for ever.
        id: OrganizationId,
        /// Its name.
        name: String,
        /// When it was made.
        created_at: Timestamp,
    },
    /// A new meter, or one as it is from now on.
    Meter(Arc<Meter>),
    /// A new benefit, or one as it is from now on. One that is deleted from now on is taken from
    /// every product that carries it, as in Polar; those products count as changed at that time.
    Benefit(Arc<Benefit>),
    /// A new product, or one as it is from now on.
    Product(Arc<Product>),
    /// A new token.
    Token(Arc<Token>),
    /// A token opens nothing any more.
    TokenRevoked(TokenId),
}

/// Why a change cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    /// Names have 1 to 128 bytes and no control characters.
    #[error("a name has 1 to 128 bytes and no control characters")]
    Name,
    /// The name is another organization's.
    #[error("the name is taken")]
    NameTaken,
    /// The id or the secret is another thing's.
    #[error("the id is taken")]
    IdTaken,
    /// A meter of that name counts something else.
    #[error("a meter of that name has another definition")]
    MeterDiffers,
    /// The meter has counted events, so its filter and aggregation stay.
    #[error("the meter has counted events, so its filter and aggregation stay as they are")]
    MeterCounted,
    /// The unit's label or multiplier is out of range.
    #[error("the label has 1 to 64 characters, the multiplier is above zero")]
    MeterUnit,
    /// The meter collects nothing, so nothing new can refer to it.
    #[error("the meter is archived")]
    MeterArchived,
    /// A product that is sold has a live price on the meter.
    #[error("a product that is not archived has a price on the meter")]
    MeterPriced,
    /// A benefit credits on the meter.
    #[error("a benefit credits on the meter")]
    MeterCredited,
    /// A benefit's description is out of range.
    #[error("a benefit's description has 3 to 42 characters")]
    BenefitDescription,
    /// A benefit's units are out of range.
    #[error("a benefit has 1 to 2147483647 units")]
    BenefitUnits,
    /// A benefit is on the list twice.
    #[error("a product carries a benefit once")]
    BenefitTwice,
    /// A product's name is out of range.
    #[error("a product's name has 3 to 64 characters")]
    ProductName,
    /// A product without prices.
    #[error("a product has at least one price")]
    NoPrice,
    /// More than one free or fixed price.
    #[error("a product has at most one static price")]
    StaticPrices,
    /// More than one price on a meter.
    #[error("a product has at most one price on a meter")]
    MeteredPrices,
    /// Prices in several currencies.
    #[error("the prices of a product are in one currency")]
    Currencies,
    /// An amount or a cap out of range.
    #[error("an amount is 0 to 2147483647 cents")]
    Amount,
    /// Something that only recurring products have: metered prices, a meter interval, a trial.
    #[error("only recurring products have metered prices, meter intervals and trials")]
    NotRecurring,
    /// The meter interval does not divide the billing interval, or a count is out of range.
    #[error("an interval counts 1 to 999, and the meter interval divides the billing interval")]
    Interval,
    /// A token's comment is too long.
    #[error("a comment has at most 255 characters")]
    Comment,
    /// A token without scopes.
    #[error("a token has at least one scope")]
    NoScope,
    /// No such organization.
    #[error("unknown organization")]
    UnknownOrganization,
    /// No such meter in the organization.
    #[error("unknown meter")]
    UnknownMeter,
    /// No such benefit in the organization, or it is deleted.
    #[error("unknown benefit")]
    UnknownBenefit,
    /// No such product in the organization.
    #[error("unknown product")]
    UnknownProduct,
    /// The product has no such live price.
    #[error("unknown price")]
    UnknownPrice,
    /// No such token.
    #[error("unknown token")]
    UnknownToken,
    /// What belongs to a thing for ever would be another: its organization, its number, its
    /// intervals.
    #[error("what never changes would change")]
    Immutable,
    /// A filter, text or list is longer than those that are read.
    #[error("the definition is too long")]
    TooLong,
    /// One of the limits of the catalog is reached.
    #[error("the catalog is full")]
    Full,
}
