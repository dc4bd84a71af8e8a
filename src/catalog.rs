//! The catalog in force: organizations, their meters, benefits, products and tokens, and which
//! meters an event feeds.
//!
//! A catalog never changes: a change makes the next version of it.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use std::sync::Arc;

use smallvec::SmallVec;
use uuid::Uuid;

use crate::account::Posting;
use crate::benefit::Benefit;
use crate::event::Event;
use crate::id::{
    BenefitId, CatalogVersion, MeterId, MeterNumber, OrganizationId, OrganizationNumber, ProductId,
    TokenId,
};
use crate::meter::{Aggregation, Filter, Meter};
use crate::product::ProductTerms;
use crate::time::Timestamp;
use crate::token::{Scopes, TokenHash};

use self::chunks::Chunks;
use self::feeds::Feeds;
use self::shared_map::SharedMap;
use self::table::Table;
use self::tokens::Tokens;

pub use self::change::{CatalogChange, CatalogError};
pub use self::edit::{
    BenefitPatch, CatalogEdit, Counted, Edit, MeterPatch, NewBenefit, NewMeter, NewPrice,
    NewProduct, NewToken, PriceEdit, ProductPatch,
};
pub use self::product::{
    AMOUNT_MAX, ARCHIVED_PRICES_MAX, INTERVAL_COUNT_MAX, PRODUCT_NAME_CHARS_MAX,
    PRODUCT_NAME_CHARS_MIN, Price, PriceAmount, Product, Standing, Visibility, divides,
};

mod change;
mod chunks;
mod edit;
mod feeds;
mod product;
mod rules;
mod shared_map;
mod table;
mod tokens;

/// Most meters of a catalog.
pub const METERS_MAX: usize = 100_000;

/// Most organizations of a catalog.
pub const ORGANIZATIONS_MAX: usize = 100_000;

/// Most benefits of a catalog, deleted ones counted.
pub const BENEFITS_MAX: usize = 100_000;

/// Most products of a catalog, archived ones counted.
pub const PRODUCTS_MAX: usize = 100_000;

/// Most tokens of a catalog, revoked ones not counted.
pub const TOKENS_MAX: usize = 100_000;

/// Longest name of a meter or an organization, in bytes.
pub const NAME_BYTES_MAX: usize = 128;

/// The organization that every directory has from the start.
pub const DEFAULT_ORGANIZATION: &str = "default";

/// Whose meters, customers and tokens these are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// Its place in the catalog.
    pub number: OrganizationNumber,
    /// Its id for ever.
    pub id: OrganizationId,
    /// Its name, which no other has.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// An access token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its id for ever.
    pub id: TokenId,
    /// Whose things it opens.
    pub organization: OrganizationNumber,
    /// What it may do.
    pub scopes: Scopes,
    /// What its secret is recognised by.
    pub hash: TokenHash,
    /// What people know it by, perhaps nothing.
    pub comment: Box<str>,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it opens nothing, if ever.
    pub expires_at: Option<Timestamp>,
}

impl Token {
    /// Whether it opens anything at `now`.
    #[must_use]
    pub fn opens_at(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}

/// How a name or id of a meter is understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MeterLookupError {
    /// No meter is called that.
    #[error("unknown meter")]
    Unknown,
    /// More than one is called that.
    #[error("ambiguous meter name")]
    Ambiguous,
}

/// One version of the catalog. A copy is cheap, and shares with the original what neither changes.
#[derive(Debug, Clone)]
pub struct Catalog {
    /// Which one.
    pub version: CatalogVersion,
    organizations: Chunks<Arc<Organization>>,
    organization_names: SharedMap<Box<str>, OrganizationNumber>,
    meters: Table<MeterId, Meter>,
    meter_names: SharedMap<(OrganizationNumber, Arc<str>), SmallVec<[MeterNumber; 4]>>,
    feeds: Feeds,
    benefits: Table<BenefitId, Benefit>,
    products: Table<ProductId, Product>,
    tokens: Tokens,
}

impl Default for Catalog {
    fn default() -> Self {
        Self::new()
    }
}

impl Catalog {
    /// The catalog before its first change.
    #[must_use]
    pub fn new() -> Self {
        Self {
            version: CatalogVersion(0),
            organizations: Chunks::default(),
            organization_names: SharedMap::default(),
            meters: Table::default(),
            meter_names: SharedMap::default(),
            feeds: Feeds::default(),
            benefits: Table::default(),
            products: Table::default(),
            tokens: Tokens::default(),
        }
    }

    /// The catalog after `change`.
    ///
    /// # Errors
    /// [`CatalogError`]: the change makes no sense here.
    pub fn with(&self, change: &CatalogChange) -> Result<Self, CatalogError> {
        let mut next = self.clone();
        next.apply(change)?;
        Ok(next)
    }

    /// Makes this the catalog after `change`, which takes no copy: for one that nobody reads yet.
    ///
    /// # Errors
    /// [`CatalogError`]: the change makes no sense here, and nothing changed.
    pub fn apply(&mut self, change: &CatalogChange) -> Result<(), CatalogError> {
        match change {
            CatalogChange::Organization { id, name, created_at } => {
                self.add_organization(*id, name, *created_at)?;
            }
            CatalogChange::Meter(meter) => {
                self.check_meter(meter)?;
                self.put_meter(meter);
            }
            CatalogChange::Benefit(benefit) => {
                self.check_benefit(benefit)?;
                self.benefits.put(benefit.id, benefit.organization, Arc::clone(benefit));
                if let Some(at) = benefit.deleted_at {
                    self.withdraw(benefit, at);
                }
            }
            CatalogChange::Product(product) => {
                self.check_product(product)?;
                self.products.put(product.id, product.organization, Arc::clone(product));
            }
            CatalogChange::Token(token) => {
                self.check_token(token)?;
                self.tokens.push(token);
            }
            CatalogChange::TokenRevoked(id) => {
                if !self.tokens.remove(*id) {
                    return Err(CatalogError::UnknownToken);
                }
            }
        }
        self.version = CatalogVersion(self.version.0.saturating_add(1));
        Ok(())
    }

    fn add_organization(
        &mut self,
        id: OrganizationId,
        name: &str,
        created_at: Timestamp,
    ) -> Result<(), CatalogError> {
        rules::check_name(name)?;
        if self.organization_named(name).is_some() {
            return Err(CatalogError::NameTaken);
        }
        if self.organizations.len() >= ORGANIZATIONS_MAX {
            return Err(CatalogError::Full);
        }
        let number = u32::try_from(self.organizations.len()).map_err(|_| CatalogError::Full)?;
        let number = OrganizationNumber(number);
        let organization = Organization { number, id, name: name.to_owned(), created_at };
        self.organizations.push(Arc::new(organization));
        self.organization_names.insert(name.into(), number);
        Ok(())
    }

    fn put_meter(&mut self, meter: &Arc<Meter>) {
        let (organization, number) = (meter.organization, meter.number);
        let old = self.meters.find(&meter.id).cloned();
        if old.as_ref().is_none_or(|old| old.name != meter.name) {
            if let Some(old) = &old {
                let key = (organization, Arc::from(&*old.name));
                self.meter_names.change(key, |named| named.retain(|other| *other != number));
            }
            let key = (organization, Arc::from(&*meter.name));
            self.meter_names.change(key, |named| named.push(number));
        }
        self.feeds.put(old.as_deref(), meter);
        self.meters.put(meter.id, organization, Arc::clone(meter));
    }

    /// Takes a deleted benefit from every product that carries it.
    fn withdraw(&mut self, benefit: &Benefit, at: Timestamp) {
        let carries = |product: &&Arc<Product>| product.benefits.contains(&benefit.id);
        let products = self.products.of(benefit.organization).filter(carries);
        for product in products.cloned().collect::<Vec<_>>() {
            let mut without = Product::clone(&product);
            without.benefits.retain(|id| *id != benefit.id);
            without.modified_at = Some(at);
            self.products.put(product.id, product.organization, Arc::new(without));
        }
    }

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

/// A name to look up without copying it.
#[derive(Hash)]
struct Named<'a> {
    organization: OrganizationNumber,
    name: &'a str,
}

impl hashbrown::Equivalent<(OrganizationNumber, Arc<str>)> for Named<'_> {
    fn equivalent(&self, key: &(OrganizationNumber, Arc<str>)) -> bool {
        self.organization == key.0 && *self.name == *key.1
    }
}

#[cfg(test)]
mod tests;
