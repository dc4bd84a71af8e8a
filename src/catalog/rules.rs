//! What a thing has to be to stand in the catalog, whether it is new or was changed.
//!
//! Every step is checked here, live and at replay, so that a catalog never holds what these rules
//! refuse.

use std::collections::BTreeSet;

use super::{
    AMOUNT_MAX, BENEFITS_MAX, Catalog, CatalogError, INTERVAL_COUNT_MAX, METERS_MAX,
    NAME_BYTES_MAX, PRODUCT_NAME_CHARS_MAX, PRODUCT_NAME_CHARS_MIN, PRODUCTS_MAX, Price,
    PriceAmount, Product, TOKENS_MAX, Token, divides,
};
use crate::benefit::{BENEFIT_UNITS_MAX, Benefit, DESCRIPTION_CHARS_MAX, DESCRIPTION_CHARS_MIN};
use crate::cycle::Interval;
use crate::id::{MeterNumber, OrganizationNumber};
use crate::meter::Meter;
use crate::money::Money;
use crate::product::PRODUCT_PARTS_MAX;
use crate::token::COMMENT_CHARS_MAX;

/// Names of organizations and meters.
pub(super) fn check_name(name: &str) -> Result<(), CatalogError> {
    let fits = (1..=NAME_BYTES_MAX).contains(&name.len());
    require(fits && !name.chars().any(char::is_control), CatalogError::Name)
}

fn require(holds: bool, otherwise: CatalogError) -> Result<(), CatalogError> {
    if holds { Ok(()) } else { Err(otherwise) }
}

fn has_chars(text: &str, least: usize, most: usize) -> bool {
    (least..=most).contains(&text.chars().count()) && !text.contains('\0')
}

impl Catalog {
    pub(super) fn check_organization(
        &self,
        number: OrganizationNumber,
    ) -> Result<(), CatalogError> {
        require(self.organization(number).is_some(), CatalogError::UnknownOrganization)
    }

    pub(super) fn check_meter(&self, meter: &Meter) -> Result<(), CatalogError> {
        self.check_organization(meter.organization)?;
        check_name(&meter.name)?;
        require(meter.unit.is_valid(), CatalogError::MeterUnit)?;
        match self.meters.find(&meter.id) {
            Some(old) => {
                let same = (old.number, old.organization, old.created_at)
                    == (meter.number, meter.organization, meter.created_at);
                require(same, CatalogError::Immutable)?;
                if meter.is_archived() && !old.is_archived() {
                    self.check_unused(meter.number)?;
                }
            }
            None => {
                let number = usize::try_from(meter.number.0).unwrap_or(usize::MAX);
                require(self.meters.len() < METERS_MAX, CatalogError::Full)?;
                require(number == self.meters.len(), CatalogError::Immutable)?;
            }
        }
        Ok(())
    }

    /// Polar's rule for archiving: no live price of a product that is sold, and no benefit. Rare
    /// enough to look through all of them.
    fn check_unused(&self, meter: MeterNumber) -> Result<(), CatalogError> {
        let priced = self.products.iter().any(|product| {
            let mut metered = product.prices.iter().filter_map(Price::metered);
            !product.is_archived() && metered.any(|price| price.meter == meter)
        });
        require(!priced, CatalogError::MeterPriced)?;
        let credits = |benefit: &Benefit| benefit.meter == meter && !benefit.is_deleted();
        let credited = self.benefits.iter().any(|benefit| credits(benefit));
        require(!credited, CatalogError::MeterCredited)
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
        require(described, CatalogError::BenefitDescription)?;
        let counted = (1..=BENEFIT_UNITS_MAX).contains(&benefit.units);
        require(counted, CatalogError::BenefitUnits)?;
        let meter = self.own_meter(benefit.organization, benefit.meter)?;
        require(benefit.is_deleted() || !meter.is_archived(), CatalogError::MeterArchived)?;
        match self.benefits.find(&benefit.id) {
            Some(old) => {
                require(!old.is_deleted(), CatalogError::UnknownBenefit)?;
                let same = (old.organization, old.created_at)
                    == (benefit.organization, benefit.created_at);
                require(same, CatalogError::Immutable)
            }
            None => require(self.benefits.len() < BENEFITS_MAX, CatalogError::Full),
        }
    }

    pub(super) fn check_product(&self, product: &Product) -> Result<(), CatalogError> {
        self.check_organization(product.organization)?;
        let named = has_chars(&product.name, PRODUCT_NAME_CHARS_MIN, PRODUCT_NAME_CHARS_MAX);
        require(named, CatalogError::ProductName)?;
        check_intervals(product)?;
        self.check_prices(product)?;
        require(product.benefits.len() <= PRODUCT_PARTS_MAX, CatalogError::Full)?;
        let mut seen = BTreeSet::new();
        for id in &product.benefits {
            let own = self.benefit(*id).is_some_and(|benefit| {
                benefit.organization == product.organization && !benefit.is_deleted()
            });
            require(own, CatalogError::UnknownBenefit)?;
            require(seen.insert(*id), CatalogError::BenefitTwice)?;
        }
        match self.products.find(&product.id) {
            Some(old) => {
                let same = (old.organization, old.created_at, old.billing, old.metering)
                    == (
                        product.organization,
                        product.created_at,
                        product.billing,
                        product.metering,
                    );
                require(same, CatalogError::Immutable)
            }
            None => require(self.products.len() < PRODUCTS_MAX, CatalogError::Full),
        }
    }

    fn check_prices(&self, product: &Product) -> Result<(), CatalogError> {
        let first = product.prices.first().ok_or(CatalogError::NoPrice)?;
        let many = product.prices.len().max(product.archived_prices.len());
        require(many <= PRODUCT_PARTS_MAX, CatalogError::Full)?;
        let (mut ids, mut meters, mut statics) = (BTreeSet::new(), BTreeSet::new(), 0_usize);
        for price in &product.prices {
            require(price.currency == first.currency, CatalogError::Currencies)?;
            require(ids.insert(price.id), CatalogError::IdTaken)?;
            match price.amount {
                PriceAmount::Free => statics = statics.saturating_add(1),
                PriceAmount::Fixed(amount) => {
                    statics = statics.saturating_add(1);
                    check_amount(amount)?;
                }
                PriceAmount::MeteredUnit { meter, unit_amount: _, cap } => {
                    require(product.billing.is_some(), CatalogError::NotRecurring)?;
                    cap.map_or(Ok(()), check_amount)?;
                    let own = self.own_meter(product.organization, meter)?;
                    let collects = product.is_archived() || !own.is_archived();
                    require(collects, CatalogError::MeterArchived)?;
                    require(meters.insert(meter), CatalogError::MeteredPrices)?;
                }
            }
        }
        require(statics <= 1, CatalogError::StaticPrices)
    }

    pub(super) fn check_token(&self, token: &Token) -> Result<(), CatalogError> {
        self.check_organization(token.organization)?;
        require(!token.scopes.is_empty(), CatalogError::NoScope)?;
        require(has_chars(&token.comment, 0, COMMENT_CHARS_MAX), CatalogError::Comment)?;
        require(self.tokens.len() < TOKENS_MAX, CatalogError::Full)?;
        let taken = self.tokens.knows(token.id) || self.tokens.opened_by(&token.hash).is_some();
        require(!taken, CatalogError::IdTaken)
    }
}

fn check_amount(amount: Money) -> Result<(), CatalogError> {
    require((Money::ZERO..=AMOUNT_MAX).contains(&amount), CatalogError::Amount)
}

fn check_intervals(product: &Product) -> Result<(), CatalogError> {
    let extras = product.metering.is_some() || product.trial.is_some();
    require(product.billing.is_some() || !extras, CatalogError::NotRecurring)?;
    let mut all = [product.billing, product.metering, product.trial].into_iter().flatten();
    let counts = |interval: Interval| (1..=INTERVAL_COUNT_MAX).contains(&interval.count);
    require(all.all(counts), CatalogError::Interval)?;
    match (product.metering, product.billing) {
        (Some(metering), Some(billing)) => {
            require(divides(metering, billing), CatalogError::Interval)
        }
        (None, _) | (_, None) => Ok(()),
    }
}
