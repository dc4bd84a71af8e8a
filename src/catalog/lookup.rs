//! What can be asked of a catalog.

use std::sync::Arc;

use uuid::Uuid;

use super::{
    Catalog, CatalogChange, CatalogError, MeterLookupError, Named, Organization, Price, Product,
    Token,
};
use crate::account::Posting;
use crate::benefit::Benefit;
use crate::event::Event;
use crate::id::{BenefitId, MeterId, MeterNumber, OrganizationNumber, ProductId, TokenId};
use crate::meter::{Aggregation, Filter, Meter};
use crate::product::ProductTerms;
use crate::time::Timestamp;
use crate::token::TokenHash;

impl Catalog {
    /// The meter with this definition under this name, if there is one already. Archived ones do not
    /// count.
    ///
    /// # Errors
    /// [`CatalogError::MeterDiffers`] when the name stands for another definition.
    pub fn same_meter(
        &self,
        organization: OrganizationNumber,
        name: &str,
        filter: &Filter,
        aggregation: &Aggregation,
    ) -> Result<Option<&Arc<Meter>>, CatalogError> {
        let mut live =
            self.meters_named(organization, name).filter(|meter| !meter.is_archived()).peekable();
        if live.peek().is_none() {
            return Ok(None);
        }
        let same =
            |meter: &&Arc<Meter>| meter.filter == *filter && meter.aggregation == *aggregation;
        live.find(same).map(Some).ok_or(CatalogError::MeterDiffers)
    }

    fn meters_named(
        &self,
        organization: OrganizationNumber,
        name: &str,
    ) -> impl Iterator<Item = &Arc<Meter>> + Clone {
        let named = self.meter_names.get(&Named { organization, name });
        named.into_iter().flatten().filter_map(|number| self.meter(*number))
    }

    /// The meter that an organization calls `name`: tried as name, then as UUID. An archived one is
    /// found by its name when no live one has it.
    ///
    /// # Errors
    /// [`MeterLookupError`].
    pub fn find_meter(
        &self,
        organization: OrganizationNumber,
        name: &[u8],
    ) -> Result<&Arc<Meter>, MeterLookupError> {
        let text = std::str::from_utf8(name).map_err(|_| MeterLookupError::Unknown)?;
        let named = self.meters_named(organization, text);
        let (live, archived) = (
            only(named.clone().filter(|meter| !meter.is_archived()))?,
            named.filter(|meter| meter.is_archived()),
        );
        if let Some(meter) = live {
            return Ok(meter);
        }
        if let Some(meter) = only(archived)? {
            return Ok(meter);
        }
        let id = Uuid::try_parse(text).map_err(|_| MeterLookupError::Unknown)?;
        self.meter_of(organization, MeterId(id)).ok_or(MeterLookupError::Unknown)
    }

    /// The meter with this number.
    #[must_use]
    pub fn meter(&self, number: MeterNumber) -> Option<&Arc<Meter>> {
        self.meters.at(number.0)
    }

    /// The organization's meter with this id.
    #[must_use]
    pub fn meter_of(&self, organization: OrganizationNumber, id: MeterId) -> Option<&Arc<Meter>> {
        self.meters.find(&id).filter(|meter| meter.organization == organization)
    }

    /// Every meter, archived or not, by number.
    pub fn meters(&self) -> impl Iterator<Item = &Arc<Meter>> {
        self.meters.iter()
    }

    /// The organization's meters, archived or not, oldest first.
    #[must_use]
    pub fn meters_of(
        &self,
        organization: OrganizationNumber,
    ) -> impl DoubleEndedIterator<Item = &Arc<Meter>> {
        self.meters.of(organization)
    }

    /// The benefit with this id, deleted or not.
    #[must_use]
    pub fn benefit(&self, id: BenefitId) -> Option<&Arc<Benefit>> {
        self.benefits.find(&id)
    }

    /// The organization's benefit with this id, deleted or not.
    #[must_use]
    pub fn benefit_of(
        &self,
        organization: OrganizationNumber,
        id: BenefitId,
    ) -> Option<&Arc<Benefit>> {
        self.benefit(id).filter(|benefit| benefit.organization == organization)
    }

    /// The organization's benefits, deleted or not, oldest first.
    #[must_use]
    pub fn benefits_of(
        &self,
        organization: OrganizationNumber,
    ) -> impl DoubleEndedIterator<Item = &Arc<Benefit>> {
        self.benefits.of(organization)
    }

    /// The product with this id, archived or not.
    #[must_use]
    pub fn product(&self, id: ProductId) -> Option<&Arc<Product>> {
        self.products.find(&id)
    }

    /// The organization's product with this id, archived or not.
    #[must_use]
    pub fn product_of(
        &self,
        organization: OrganizationNumber,
        id: ProductId,
    ) -> Option<&Arc<Product>> {
        self.product(id).filter(|product| product.organization == organization)
    }

    /// The organization's products, archived or not, oldest first.
    #[must_use]
    pub fn products_of(
        &self,
        organization: OrganizationNumber,
    ) -> impl DoubleEndedIterator<Item = &Arc<Product>> {
        self.products.of(organization)
    }

    /// What a purchase of the product is made on from now on: its live prices and benefits. An
    /// archived product has terms too, for those who bought it before.
    #[must_use]
    pub fn terms(&self, id: ProductId) -> Option<ProductTerms> {
        let product = self.product(id)?;
        let benefits = product.benefits.iter().filter_map(|id| self.benefit(*id));
        Some(ProductTerms {
            product: product.id,
            currency: product.currency(),
            billing: product.billing,
            metering: product.metering.filter(|interval| Some(*interval) != product.billing),
            trial: product.trial,
            fixed: product.fixed(),
            metered: product.prices.iter().filter_map(Price::metered).collect(),
            credits: benefits.map(|benefit| benefit.credit()).collect(),
        })
    }

    /// The organization with this number.
    #[must_use]
    pub fn organization(&self, number: OrganizationNumber) -> Option<&Organization> {
        self.organizations.get(usize::try_from(number.0).ok()?).map(AsRef::as_ref)
    }

    /// The organization with this name.
    #[must_use]
    pub fn organization_named(&self, name: &str) -> Option<&Organization> {
        self.organization(*self.organization_names.get(name)?)
    }

    /// Every organization, oldest first.
    pub fn organizations(&self) -> impl Iterator<Item = &Organization> {
        self.organizations.iter().map(AsRef::as_ref)
    }

    /// Every token that was not revoked, oldest first. Some may have expired.
    pub fn tokens(&self) -> impl Iterator<Item = &Token> {
        self.tokens.iter().map(AsRef::as_ref)
    }

    /// The token that was presented, if it opens anything at `now`. It is found by its hash, which
    /// nobody can choose, and the hashes are compared in constant time.
    #[must_use]
    pub fn token_presented(&self, presented: &[u8], now: Timestamp) -> Option<&Token> {
        let token = self.tokens.opened_by(&TokenHash::of(presented))?;
        token.opens_at(now).then_some(&**token)
    }

    /// The token with this id, unless it was revoked. It may have expired.
    #[must_use]
    pub fn token(&self, id: TokenId) -> Option<&Token> {
        self.tokens.get(id).map(AsRef::as_ref)
    }

    /// Changes that make this catalog anew from the first one, its version aside: each thing once, as
    /// it is, after what it refers to.
    pub fn changes(&self) -> impl Iterator<Item = CatalogChange> {
        let organizations =
            self.organizations.iter().map(|organization| CatalogChange::Organization {
                id: organization.id,
                name: organization.name.clone(),
                created_at: organization.created_at,
            });
        let meters = self.meters.iter().map(|meter| CatalogChange::Meter(Arc::clone(meter)));
        let benefits =
            self.benefits.iter().map(|benefit| CatalogChange::Benefit(Arc::clone(benefit)));
        let products =
            self.products.iter().map(|product| CatalogChange::Product(Arc::clone(product)));
        let tokens = self.tokens.iter().map(|token| CatalogChange::Token(Arc::clone(token)));
        organizations.chain(meters).chain(benefits).chain(products).chain(tokens)
    }

    /// What `event` adds to which meters of the organization, by meter number. Archived meters
    /// collect nothing.
    #[must_use]
    pub fn postings(
        &self,
        organization: OrganizationNumber,
        event: &Event,
    ) -> Vec<(MeterNumber, Posting)> {
        self.feeds.postings(organization, event)
    }
}

/// The one meter there is, if there is one.
fn only<'a>(
    mut meters: impl Iterator<Item = &'a Arc<Meter>>,
) -> Result<Option<&'a Arc<Meter>>, MeterLookupError> {
    match (meters.next(), meters.next()) {
        (first, None) => Ok(first),
        (_, Some(_)) => Err(MeterLookupError::Ambiguous),
    }
}
