//! What is asked of the catalog. A patch names what is to differ, and nothing else.

use crate::catalog::{PriceAmount, Standing, Visibility};
use crate::cycle::Interval;
use crate::grant::Rollover;
use crate::id::{
    BenefitId, MeterId, MeterNumber, OrganizationId, OrganizationNumber, PriceId, ProductId,
    TokenId,
};
use crate::metadata::Metadata;
use crate::meter::{Aggregation, Filter, MeterUnit};
use crate::money::Currency;
use crate::time::Timestamp;
use crate::token::{Scopes, TokenHash};

/// What is asked of the catalog. Ids come with it, so that nothing here is random.
#[derive(Debug, Clone)]
pub enum CatalogEdit {
    /// A new organization of this id and name.
    Organization(OrganizationId, String),
    /// A new meter, whatever others are called.
    Meter(Box<NewMeter>),
    /// A new meter, unless a live one has this name and this definition.
    MeterOnce(Box<NewMeter>),
    /// Changes of a meter.
    MeterPatch(MeterNumber, Box<MeterPatch>),
    /// A new benefit.
    Benefit(Box<NewBenefit>),
    /// Changes of a benefit. Its units count from the next credit on.
    BenefitPatch(BenefitId, Box<BenefitPatch>),
    /// A benefit is deleted, and taken from every product.
    BenefitDelete(BenefitId),
    /// A new product.
    Product(Box<NewProduct>),
    /// Changes of a product.
    ProductPatch(ProductId, Box<ProductPatch>),
    /// What a product carries from now on, in this order, in the place of what it carried.
    ProductBenefits(ProductId, Vec<BenefitId>),
    /// A new token.
    Token(Box<NewToken>),
    /// A token opens nothing any more.
    TokenRevoke(TokenId),
}

/// What a patch says about one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Edit<T> {
    /// It stays.
    #[default]
    Keep,
    /// It is this from now on.
    To(T),
}

impl<T> Edit<T> {
    pub(super) fn apply_to(self, field: &mut T) {
        match self {
            Self::Keep => {}
            Self::To(value) => *field = value,
        }
    }
}

/// A field that was sent, or was not.
impl<T> From<Option<T>> for Edit<T> {
    fn from(sent: Option<T>) -> Self {
        sent.map_or(Self::Keep, Self::To)
    }
}

/// A meter to be made.
#[derive(Debug, Clone)]
pub struct NewMeter {
    /// Its id for ever.
    pub id: MeterId,
    /// Whose it is.
    pub organization: OrganizationNumber,
    /// What people call it by: 1 to 128 bytes. Several may share a name.
    pub name: Box<str>,
    /// Which events count.
    pub filter: Filter,
    /// What they add.
    pub aggregation: Aggregation,
    /// What its units are called.
    pub unit: MeterUnit,
    /// What the application writes on it.
    pub metadata: Metadata,
}

/// Whether a meter has taken in events. Only the asker can know: the catalog counts nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Counted {
    /// It has, or may have: filter and aggregation stay.
    #[default]
    Events,
    /// It has not.
    Nothing,
}

/// Changes of a meter.
#[derive(Debug, Clone, Default)]
pub struct MeterPatch {
    /// Its name.
    pub name: Edit<Box<str>>,
    /// What its units are called.
    pub unit: Edit<MeterUnit>,
    /// What the application wrote on it.
    pub metadata: Edit<Metadata>,
    /// Which events count. Another one is refused when it has counted events.
    pub filter: Edit<Filter>,
    /// What they add. Another one is refused when it has counted events.
    pub aggregation: Edit<Aggregation>,
    /// Whether it collects. It is not archived while a live price or benefit refers to it.
    pub standing: Edit<Standing>,
    /// Whether it has taken in events.
    pub counted: Counted,
}

/// A benefit to be made.
#[derive(Debug, Clone)]
pub struct NewBenefit {
    /// Its id for ever.
    pub id: BenefitId,
    /// Whose it is.
    pub organization: OrganizationNumber,
    /// What customers read.
    pub description: Box<str>,
    /// On which meter it credits.
    pub meter: MeterNumber,
    /// How many units.
    pub units: u32,
    /// Whether what is left of them is carried.
    pub rollover: Rollover,
    /// What the application writes on it.
    pub metadata: Metadata,
}

/// Changes of a benefit.
#[derive(Debug, Clone, Default)]
pub struct BenefitPatch {
    /// What customers read.
    pub description: Edit<Box<str>>,
    /// On which meter it credits.
    pub meter: Edit<MeterNumber>,
    /// How many units.
    pub units: Edit<u32>,
    /// Whether what is left of them is carried.
    pub rollover: Edit<Rollover>,
    /// What the application wrote on it.
    pub metadata: Edit<Metadata>,
}

/// A price to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewPrice {
    /// Its id for ever.
    pub id: PriceId,
    /// In which currency.
    pub currency: Currency,
    /// How much, and for what.
    pub amount: PriceAmount,
}

/// A product to be made. What it carries is set afterwards, as in Polar.
#[derive(Debug, Clone)]
pub struct NewProduct {
    /// Its id for ever.
    pub id: ProductId,
    /// Whose it is.
    pub organization: OrganizationNumber,
    /// What people call it by.
    pub name: Box<str>,
    /// What people read about it.
    pub description: Option<Box<str>>,
    /// Who gets to see it.
    pub visibility: Visibility,
    /// How often it is billed; once when absent.
    pub billing: Option<Interval>,
    /// How often its meters turn over, when that differs.
    pub metering: Option<Interval>,
    /// How long it is on trial.
    pub trial: Option<Interval>,
    /// What it costs.
    pub prices: Vec<NewPrice>,
    /// What the application writes on it.
    pub metadata: Metadata,
}

/// One price of a product from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PriceEdit {
    /// A live one stays.
    Keep(PriceId),
    /// A new one.
    New(NewPrice),
}

/// Changes of a product. Its intervals are not among them: they never change.
#[derive(Debug, Clone, Default)]
pub struct ProductPatch {
    /// Its name.
    pub name: Edit<Box<str>>,
    /// What people read about it.
    pub description: Edit<Option<Box<str>>>,
    /// Who gets to see it.
    pub visibility: Edit<Visibility>,
    /// How long it is on trial.
    pub trial: Edit<Option<Interval>>,
    /// All its prices; a live one that is not kept is archived.
    pub prices: Edit<Vec<PriceEdit>>,
    /// What the application wrote on it.
    pub metadata: Edit<Metadata>,
    /// Whether it is sold.
    pub standing: Edit<Standing>,
}

/// A token to be made.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// Its id for ever.
    pub id: TokenId,
    /// Whose things it opens.
    pub organization: OrganizationNumber,
    /// What it may do.
    pub scopes: Scopes,
    /// What its secret is recognised by.
    pub hash: TokenHash,
    /// What people know it by: at most 255 characters, perhaps none.
    pub comment: Box<str>,
    /// From when on it opens nothing, if ever.
    pub expires_at: Option<Timestamp>,
}
