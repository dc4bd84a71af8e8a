//! What a thing has to be to stand in the catalog, whether it is new or was changed.
//!
//! Every step is checked here, live and at replay, so that a catalog never holds what these rules
//! refuse.

use std::collections::BTreeSet;

use super::{
    AMOUNT_MAX, ARCHIVED_PRICES_MAX, BENEFITS_MAX, Catalog, CatalogError, INTERVAL_COUNT_MAX,
    METERS_MAX, NAME_BYTES_MAX, PRODUCT_NAME_CHARS_MAX, PRODUCT_NAME_CHARS_MIN, PRODUCTS_MAX,
    Price, PriceAmount, Product, TOKENS_MAX, Token, divides,
};
use crate::benefit::{BENEFIT_UNITS_MAX, Benefit, DESCRIPTION_CHARS_MAX, DESCRIPTION_CHARS_MIN};
use crate::id::{MeterNumber, OrganizationNumber};
use crate::meter::Meter;
use crate::money::Money;
use crate::product::PRODUCT_PARTS_MAX;
use crate::token::COMMENT_CHARS_MAX;

/// Refuses for the reason that is named, unless the condition holds.
macro_rules! require {
    ($holds:expr, $reason:ident) => {
        if !$holds {
            return Err(CatalogError::$reason);
        }
    };
}

/// Names of organizations and meters.
pub(super) fn check_name(name: &str) -> Result<(), CatalogError> {
    let fits = (1..=NAME_BYTES_MAX).contains(&name.len());
    require!(fits && !name.chars().any(char::is_control), Name);
    Ok(())
}

fn has_chars(text: &str, least: usize, most: usize) -> bool {
    (least..=most).contains(&text.chars().count()) && !text.contains('\0')
}

impl Catalog {
    fn check_organization(&self, number: OrganizationNumber) -> Result<(), CatalogError> {
        require!(self.organization(number).is_some(), UnknownOrganization);
        Ok(())
    }

    pub(super) fn check_meter(&self, meter: &Meter) -> Result<(), CatalogError> {
        self.check_organization(meter.organization)?;
        check_name(&meter.name)?;
        require!(meter.unit.is_valid(), MeterUnit);
        if let Some(old) = self.meters.find(&meter.id) {
            let same = (old.number, old.organization, old.created_at)
                == (meter.number, meter.organization, meter.created_at);
            require!(same, Immutable);
            if meter.is_archived() && !old.is_archived() {
                self.check_unused(meter.number)?;
            }
            return Ok(());
        }
        require!(self.meters.len() < METERS_MAX, Full);
        let number = usize::try_from(meter.number.0).unwrap_or(usize::MAX);
        require!(number == self.meters.len(), Immutable);
        Ok(())
    }

    /// Polar's rule for archiving: no live price of a product that is sold, and no benefit. Rare
    /// enough to look through all of them.
    fn check_unused(&self, meter: MeterNumber) -> Result<(), CatalogError> {
        let priced = self.products.iter().any(|product| {
            let mut metered = product.prices.iter().filter_map(Price::metered);
            !product.is_archived() && metered.any(|price| price.meter == meter)
        });
        require!(!priced, MeterPriced);
        let credits = |benefit: &Benefit| benefit.meter == meter && !benefit.is_deleted();
        require!(!self.benefits.iter().any(|benefit| credits(benefit)), MeterCredited);
        Ok(())
    }

    /// That the meter is one of the organization's.
    fn own_meter(
        &self,
        organization: OrganizationNumber,
        meter: MeterNumber,
    ) -> Result<&Meter, CatalogError> {
        let found = self.meter(meter).filter(|meter| meter.organization == organization);
        found.map(AsRef::as_ref).ok_or(CatalogError::UnknownMeter)
    }

    pub(super) fn check_benefit(&self, benefit: &Benefit) -> Result<(), CatalogError> {
        self.check_organization(benefit.organization)?;
        let described =
            has_chars(&benefit.description, DESCRIPTION_CHARS_MIN, DESCRIPTION_CHARS_MAX);
        require!(described, BenefitDescription);
        require!((1..=BENEFIT_UNITS_MAX).contains(&benefit.units), BenefitUnits);
        let meter = self.own_meter(benefit.organization, benefit.meter)?;
        require!(benefit.is_deleted() || !meter.is_archived(), MeterArchived);
        let Some(old) = self.benefits.find(&benefit.id) else {
            require!(self.benefits.len() < BENEFITS_MAX, Full);
            return Ok(());
        };
        require!(!old.is_deleted(), UnknownBenefit);
        let same = (old.organization, old.created_at) == (benefit.organization, benefit.created_at);
        require!(same, Immutable);
        Ok(())
    }

    pub(super) fn check_product(&self, product: &Product) -> Result<(), CatalogError> {
        self.check_organization(product.organization)?;
        let named = has_chars(&product.name, PRODUCT_NAME_CHARS_MIN, PRODUCT_NAME_CHARS_MAX);
        require!(named, ProductName);
        check_intervals(product)?;
        self.check_prices(product)?;
        self.check_carried(product)?;
        let Some(old) = self.products.find(&product.id) else {
            require!(self.products.len() < PRODUCTS_MAX, Full);
            return Ok(());
        };
        let same = (old.organization, old.created_at, old.billing, old.metering)
            == (product.organization, product.created_at, product.billing, product.metering);
        require!(same, Immutable);
        Ok(())
    }

    fn check_carried(&self, product: &Product) -> Result<(), CatalogError> {
        require!(product.benefits.len() <= PRODUCT_PARTS_MAX, Full);
        let mut seen = BTreeSet::new();
        for id in &product.benefits {
            let own = self.benefit_of(product.organization, *id);
            require!(own.is_some_and(|benefit| !benefit.is_deleted()), UnknownBenefit);
            require!(seen.insert(*id), BenefitTwice);
        }
        Ok(())
    }

    fn check_prices(&self, product: &Product) -> Result<(), CatalogError> {
        let first = product.prices.first().ok_or(CatalogError::NoPrice)?;
        require!(product.prices.len() <= PRODUCT_PARTS_MAX, Full);
        require!(product.archived_prices.len() <= ARCHIVED_PRICES_MAX, Full);
        let (mut ids, mut meters, mut statics) = (BTreeSet::new(), BTreeSet::new(), 0_usize);
        for price in &product.prices {
            require!(price.currency == first.currency, Currencies);
            require!(ids.insert(price.id), IdTaken);
            match price.amount {
                PriceAmount::Free => statics = statics.saturating_add(1),
                PriceAmount::Fixed(amount) => {
                    statics = statics.saturating_add(1);
                    require!(is_amount(amount), Amount);
                }
                PriceAmount::MeteredUnit { meter, unit_amount: _, cap } => {
                    require!(product.billing.is_some(), NotRecurring);
                    require!(cap.is_none_or(is_amount), Amount);
                    let own = self.own_meter(product.organization, meter)?;
                    require!(product.is_archived() || !own.is_archived(), MeterArchived);
                    require!(meters.insert(meter), MeteredPrices);
                }
            }
        }
        require!(statics <= 1, StaticPrices);
        Ok(())
    }

    pub(super) fn check_token(&self, token: &Token) -> Result<(), CatalogError> {
        self.check_organization(token.organization)?;
        require!(!token.scopes.is_empty(), NoScope);
        require!(has_chars(&token.comment, 0, COMMENT_CHARS_MAX), Comment);
        require!(self.tokens.len() < TOKENS_MAX, Full);
        require!(self.tokens.get(token.id).is_none(), IdTaken);
        require!(self.tokens.opened_by(&token.hash).is_none(), IdTaken);
        Ok(())
    }
}

fn is_amount(amount: Money) -> bool {
    (Money::ZERO..=AMOUNT_MAX).contains(&amount)
}

fn check_intervals(product: &Product) -> Result<(), CatalogError> {
    let extras = product.metering.is_some() || product.trial.is_some();
    require!(product.billing.is_some() || !extras, NotRecurring);
    let mut all = [product.billing, product.metering, product.trial].into_iter().flatten();
    require!(all.all(|each| (1..=INTERVAL_COUNT_MAX).contains(&each.count)), Interval);
    if let (Some(metering), Some(billing)) = (product.metering, product.billing) {
        require!(divides(metering, billing), Interval);
    }
    Ok(())
}
