//! What an edit of the catalog comes to: the whole thing as it is from then on.

use std::sync::Arc;

use crate::benefit::Benefit;
use crate::id::{BenefitId, MeterNumber, ProductId};
use crate::meter::Meter;
use crate::time::Timestamp;

use super::{
    ARCHIVED_PRICES_MAX, BenefitPatch, Catalog, CatalogChange, CatalogEdit, CatalogError, Counted,
    Edit, MeterPatch, NewBenefit, NewMeter, NewPrice, NewProduct, NewToken, Price, PriceEdit,
    Product, ProductPatch, Standing, Token,
};

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
