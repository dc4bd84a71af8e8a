//! What is asked of the catalog, and what it comes to: a patch names what is to differ, and becomes
//! the whole thing as it is from then on.

use std::sync::Arc;

use crate::benefit::Benefit;
use crate::catalog::{
    ARCHIVED_PRICES_MAX, Catalog, CatalogChange, CatalogError, Price, PriceAmount, Product,
    Standing, Token, Visibility,
};
use crate::cycle::Interval;
use crate::grant::Rollover;
use crate::id::{
    BenefitId, MeterId, MeterNumber, OrganizationId, OrganizationNumber, PriceId, ProductId,
    TokenId,
};
use crate::metadata::Metadata;
use crate::meter::{Aggregation, Filter, Meter, MeterUnit};
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
    fn apply_to(self, field: &mut T) {
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

impl Catalog {
    /// What `edit` comes to at `now`: the step to take, or none when nothing would differ. The step
    /// itself is checked when it is taken.
    ///
    /// # Errors
    /// [`CatalogError`]: what it is about is not there, or stays as it is for ever.
    pub fn resolve(
        &self,
        edit: CatalogEdit,
        now: Timestamp,
    ) -> Result<Option<CatalogChange>, CatalogError> {
        Ok(match edit {
            CatalogEdit::Organization(id, name) => {
                Some(CatalogChange::Organization { id, name, created_at: now })
            }
            CatalogEdit::Meter(new) => Some(self.meter_made(*new, now)?),
            CatalogEdit::MeterOnce(new) => {
                let NewMeter { organization, name, filter, aggregation, .. } = &*new;
                match self.same_meter(*organization, name, filter, aggregation)? {
                    Some(_) => None,
                    None => Some(self.meter_made(*new, now)?),
                }
            }
            CatalogEdit::MeterPatch(number, patch) => self.meter_patched(number, *patch, now)?,
            CatalogEdit::Benefit(new) => {
                unused(self.benefit(new.id))?;
                Some(benefit_made(*new, now))
            }
            CatalogEdit::BenefitPatch(id, patch) => self.benefit_patched(id, *patch, now)?,
            CatalogEdit::BenefitDelete(id) => {
                let benefit = self.live_benefit(id)?;
                let deleted_at = Some(now);
                Some(CatalogChange::Benefit(Arc::new(Benefit { deleted_at, ..benefit })))
            }
            CatalogEdit::Product(new) => {
                unused(self.product(new.id))?;
                Some(product_made(*new, now))
            }
            CatalogEdit::ProductPatch(id, patch) => self.product_patched(id, *patch, now)?,
            CatalogEdit::ProductBenefits(id, benefits) => {
                let old = self.product(id).ok_or(CatalogError::UnknownProduct)?;
                product_edited(old, Product { benefits, ..Product::clone(old) }, now)
            }
            CatalogEdit::Token(new) => Some(token_made(*new, now)),
            CatalogEdit::TokenRevoke(id) => Some(CatalogChange::TokenRevoked(id)),
        })
    }

    fn meter_made(&self, new: NewMeter, now: Timestamp) -> Result<CatalogChange, CatalogError> {
        unused(self.meters.find(&new.id))?;
        let number = u32::try_from(self.meters.len()).map_err(|_| CatalogError::Full)?;
        Ok(CatalogChange::Meter(Arc::new(Meter {
            id: new.id,
            number: MeterNumber(number),
            organization: new.organization,
            name: new.name,
            filter: new.filter,
            aggregation: new.aggregation,
            unit: new.unit,
            metadata: new.metadata,
            created_at: now,
            modified_at: None,
            archived_at: None,
        })))
    }

    fn meter_patched(
        &self,
        number: MeterNumber,
        patch: MeterPatch,
        now: Timestamp,
    ) -> Result<Option<CatalogChange>, CatalogError> {
        let old = self.meter(number).ok_or(CatalogError::UnknownMeter)?;
        let mut new = Meter::clone(old);
        patch.name.apply_to(&mut new.name);
        patch.unit.apply_to(&mut new.unit);
        patch.metadata.apply_to(&mut new.metadata);
        patch.filter.apply_to(&mut new.filter);
        patch.aggregation.apply_to(&mut new.aggregation);
        let redefined = (&new.filter, &new.aggregation) != (&old.filter, &old.aggregation);
        if redefined && patch.counted == Counted::Events {
            return Err(CatalogError::MeterCounted);
        }
        match patch.standing {
            Edit::To(Standing::Live) => new.archived_at = None,
            Edit::To(Standing::Archived) => new.archived_at = new.archived_at.or(Some(now)),
            Edit::Keep => {}
        }
        if new == **old {
            return Ok(None);
        }
        new.modified_at = Some(now);
        Ok(Some(CatalogChange::Meter(Arc::new(new))))
    }

    fn live_benefit(&self, id: BenefitId) -> Result<Benefit, CatalogError> {
        let found = self.benefit(id).filter(|benefit| !benefit.is_deleted());
        found.map(|benefit| Benefit::clone(benefit)).ok_or(CatalogError::UnknownBenefit)
    }

    fn benefit_patched(
        &self,
        id: BenefitId,
        patch: BenefitPatch,
        now: Timestamp,
    ) -> Result<Option<CatalogChange>, CatalogError> {
        let old = self.live_benefit(id)?;
        let mut new = old.clone();
        patch.description.apply_to(&mut new.description);
        patch.meter.apply_to(&mut new.meter);
        patch.units.apply_to(&mut new.units);
        patch.rollover.apply_to(&mut new.rollover);
        patch.metadata.apply_to(&mut new.metadata);
        if new == old {
            return Ok(None);
        }
        new.modified_at = Some(now);
        Ok(Some(CatalogChange::Benefit(Arc::new(new))))
    }

    fn product_patched(
        &self,
        id: ProductId,
        patch: ProductPatch,
        now: Timestamp,
    ) -> Result<Option<CatalogChange>, CatalogError> {
        let old = self.product(id).ok_or(CatalogError::UnknownProduct)?;
        let mut new = Product::clone(old);
        patch.name.apply_to(&mut new.name);
        patch.description.apply_to(&mut new.description);
        patch.visibility.apply_to(&mut new.visibility);
        patch.trial.apply_to(&mut new.trial);
        patch.metadata.apply_to(&mut new.metadata);
        patch.standing.apply_to(&mut new.standing);
        if let Edit::To(prices) = patch.prices {
            reprice(&mut new, &prices, now)?;
        }
        Ok(product_edited(old, new, now))
    }
}

/// A new thing has an id that nothing has.
fn unused<T>(found: Option<&T>) -> Result<(), CatalogError> {
    if found.is_some() { Err(CatalogError::IdTaken) } else { Ok(()) }
}

/// Gives the product these prices, and archives the live ones that are not among them.
fn reprice(
    product: &mut Product,
    prices: &[PriceEdit],
    now: Timestamp,
) -> Result<(), CatalogError> {
    let before = std::mem::take(&mut product.prices);
    for edit in prices {
        let price = match edit {
            PriceEdit::New(new) => price_made(*new, now),
            PriceEdit::Keep(id) => {
                let kept = before.iter().find(|price| price.id == *id);
                *kept.ok_or(CatalogError::UnknownPrice)?
            }
        };
        product.prices.push(price);
    }
    for price in before {
        if !product.prices.iter().any(|kept| kept.id == price.id) {
            product.archived_prices.push(Price { modified_at: Some(now), ..price });
        }
    }
    let over = product.archived_prices.len().saturating_sub(ARCHIVED_PRICES_MAX);
    product.archived_prices.drain(..over);
    Ok(())
}

fn product_edited(old: &Product, mut new: Product, now: Timestamp) -> Option<CatalogChange> {
    if new == *old {
        return None;
    }
    new.modified_at = Some(now);
    Some(CatalogChange::Product(Arc::new(new)))
}

fn benefit_made(new: NewBenefit, now: Timestamp) -> CatalogChange {
    CatalogChange::Benefit(Arc::new(Benefit {
        id: new.id,
        organization: new.organization,
        description: new.description,
        meter: new.meter,
        units: new.units,
        rollover: new.rollover,
        metadata: new.metadata,
        created_at: now,
        modified_at: None,
        deleted_at: None,
    }))
}

fn price_made(new: NewPrice, now: Timestamp) -> Price {
    let NewPrice { id, currency, amount } = new;
    Price { id, currency, amount, created_at: now, modified_at: None }
}

fn product_made(new: NewProduct, now: Timestamp) -> CatalogChange {
    CatalogChange::Product(Arc::new(Product {
        id: new.id,
        organization: new.organization,
        name: new.name,
        description: new.description,
        visibility: new.visibility,
        billing: new.billing,
        metering: new.metering,
        trial: new.trial,
        prices: new.prices.into_iter().map(|price| price_made(price, now)).collect(),
        archived_prices: Vec::new(),
        benefits: Vec::new(),
        metadata: new.metadata,
        created_at: now,
        modified_at: None,
        standing: Standing::Live,
    }))
}

fn token_made(new: NewToken, now: Timestamp) -> CatalogChange {
    CatalogChange::Token(Arc::new(Token {
        id: new.id,
        organization: new.organization,
        scopes: new.scopes,
        hash: new.hash,
        comment: new.comment,
        created_at: now,
        expires_at: new.expires_at,
    }))
}
