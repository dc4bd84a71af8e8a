//! The catalog in force: organizations, their meters, benefits, products and tokens, and which
//! meters an event feeds.
//!
//! A catalog never changes: a change makes the next version of it.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use std::sync::Arc;

use smallvec::SmallVec;

use crate::benefit::Benefit;
use crate::id::{
    BenefitId, CatalogVersion, MeterId, MeterNumber, OrganizationId, OrganizationNumber, ProductId,
    TokenId,
};
use crate::meter::Meter;
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
mod lookup;
mod product;
mod resolve;
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
