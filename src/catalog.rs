//! The catalog in force: organizations, their meters and tokens, and which meters an event feeds.
//!
//! A catalog never changes: a change makes the next version of it.

#![deny(clippy::arithmetic_side_effects)]

use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use uuid::Uuid;

use crate::account::Posting;
use crate::event::Event;
use crate::id::{
    CatalogVersion, MeterId, MeterNumber, OrganizationId, OrganizationNumber, TokenId,
};
use crate::meter::{Aggregation, Filter, Meter};
use crate::time::Timestamp;
use crate::token::{Scope, TokenHash};

/// Most meters of a catalog.
pub const METERS_MAX: usize = 100_000;

/// Most organizations of a catalog.
pub const ORGANIZATIONS_MAX: usize = 100_000;

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
}

/// An access token, without its secret.
#[derive(Debug, Clone)]
pub struct Token {
    /// Its id for ever.
    pub id: TokenId,
    /// Whose things it opens.
    pub organization: OrganizationNumber,
    /// What it may do.
    pub scope: Scope,
    /// What its secret is recognised by.
    pub hash: TokenHash,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A step from one version of the catalog to the next.
#[derive(Debug, Clone)]
pub enum CatalogChange {
    /// A new organization.
    Organization {
        /// Its id for ever.
        id: OrganizationId,
        /// Its name.
        name: String,
    },
    /// A new meter.
    Meter {
        /// Its id for ever.
        id: MeterId,
        /// Whose it is.
        organization: OrganizationNumber,
        /// Its name.
        name: String,
        /// Which events count.
        filter: Filter,
        /// What they add.
        aggregation: Aggregation,
    },
    /// A new token.
    Token(Token),
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
    /// A meter of that name counts something else.
    #[error("a meter of that name has another definition")]
    MeterDiffers,
    /// No such organization.
    #[error("unknown organization")]
    UnknownOrganization,
    /// No such token.
    #[error("unknown token")]
    UnknownToken,
    /// A filter or property is longer than those that are read.
    #[error("the definition is too long")]
    TooLong,
    /// One of the limits of the catalog is reached.
    #[error("the catalog is full")]
    Full,
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

type ByName = HashMap<(OrganizationNumber, Box<str>), Vec<MeterNumber>, FixedState>;

/// One version of the catalog.
#[derive(Debug, Clone)]
pub struct Catalog {
    /// Which one.
    pub version: CatalogVersion,
    organizations: Vec<Organization>,
    meters: Vec<Arc<Meter>>,
    tokens: Vec<Token>,
    by_name: ByName,
    /// Meters whose filter asks for one event name.
    by_event: ByName,
    /// Meters that any event may feed.
    by_any_event: Vec<MeterNumber>,
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
            organizations: Vec::new(),
            meters: Vec::new(),
            tokens: Vec::new(),
            by_name: ByName::default(),
            by_event: ByName::default(),
            by_any_event: Vec::new(),
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
            CatalogChange::Organization { id, name } => self.add_organization(*id, name)?,
            CatalogChange::Meter { id, organization, name, filter, aggregation } => {
                self.check_organization(*organization)?;
                let number = u32::try_from(self.meters.len()).map_err(|_| CatalogError::Full)?;
                self.add_meter(Meter {
                    id: *id,
                    number: MeterNumber(number),
                    organization: *organization,
                    name: name.as_str().into(),
                    filter: filter.clone(),
                    aggregation: aggregation.clone(),
                })?;
            }
            CatalogChange::Token(token) => {
                self.check_organization(token.organization)?;
                if self.tokens.len() >= TOKENS_MAX {
                    return Err(CatalogError::Full);
                }
                self.tokens.push(token.clone());
            }
            CatalogChange::TokenRevoked(id) => {
                let place = self.tokens.iter().position(|token| token.id == *id);
                self.tokens.remove(place.ok_or(CatalogError::UnknownToken)?);
            }
        }
        self.version = CatalogVersion(self.version.0.saturating_add(1));
        Ok(())
    }

    fn check_organization(&self, number: OrganizationNumber) -> Result<(), CatalogError> {
        self.organization(number).map(|_| ()).ok_or(CatalogError::UnknownOrganization)
    }

    fn add_organization(&mut self, id: OrganizationId, name: &str) -> Result<(), CatalogError> {
        check_name(name)?;
        if self.organization_named(name).is_some() {
            return Err(CatalogError::NameTaken);
        }
        if self.organizations.len() >= ORGANIZATIONS_MAX {
            return Err(CatalogError::Full);
        }
        let number = u32::try_from(self.organizations.len()).map_err(|_| CatalogError::Full)?;
        let number = OrganizationNumber(number);
        self.organizations.push(Organization { number, id, name: name.to_owned() });
        Ok(())
    }

    fn add_meter(&mut self, meter: Meter) -> Result<(), CatalogError> {
        check_name(&meter.name)?;
        if self.meters.len() >= METERS_MAX {
            return Err(CatalogError::Full);
        }
        let (organization, number) = (meter.organization, meter.number);
        let named = self.by_name.entry((organization, meter.name.clone()));
        named.or_default().push(number);
        match meter.filter.event_name() {
            Some(event) => {
                self.by_event.entry((organization, event.into())).or_default().push(number);
            }
            None => self.by_any_event.push(number),
        }
        self.meters.push(Arc::new(meter));
        Ok(())
    }

    /// The meter with this definition under this name, if there is one already.
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
        let named = self.meters_named(organization, name);
        if named.is_empty() {
            return Ok(None);
        }
        let mut meters = named.iter().filter_map(|number| self.meter(*number));
        let same =
            |meter: &&Arc<Meter>| meter.filter == *filter && meter.aggregation == *aggregation;
        meters.find(same).map(Some).ok_or(CatalogError::MeterDiffers)
    }

    fn meters_named(&self, organization: OrganizationNumber, name: &str) -> &[MeterNumber] {
        self.by_name.get(&Named { organization, name }).map_or(&[], Vec::as_slice)
    }

    /// The meter that an organization calls `name`: tried as name, then as UUID.
    ///
    /// # Errors
    /// [`MeterLookupError`].
    pub fn find_meter(
        &self,
        organization: OrganizationNumber,
        name: &[u8],
    ) -> Result<&Arc<Meter>, MeterLookupError> {
        let text = std::str::from_utf8(name).map_err(|_| MeterLookupError::Unknown)?;
        match self.meters_named(organization, text) {
            [number] => self.meter(*number).ok_or(MeterLookupError::Unknown),
            [] => {
                let id = Uuid::try_parse(text).map_err(|_| MeterLookupError::Unknown)?;
                let own =
                    |meter: &&Arc<Meter>| meter.id.0 == id && meter.organization == organization;
                self.meters.iter().find(own).ok_or(MeterLookupError::Unknown)
            }
            _ => Err(MeterLookupError::Ambiguous),
        }
    }

    /// The meter with this number.
    #[must_use]
    pub fn meter(&self, number: MeterNumber) -> Option<&Arc<Meter>> {
        self.meters.get(usize::try_from(number.0).ok()?)
    }

    /// Every meter, by number.
    pub fn meters(&self) -> impl Iterator<Item = &Arc<Meter>> {
        self.meters.iter()
    }

    /// The organization with this number.
    #[must_use]
    pub fn organization(&self, number: OrganizationNumber) -> Option<&Organization> {
        self.organizations.get(usize::try_from(number.0).ok()?)
    }

    /// The organization with this name.
    #[must_use]
    pub fn organization_named(&self, name: &str) -> Option<&Organization> {
        self.organizations.iter().find(|organization| organization.name == name)
    }

    /// Every token that opens something, oldest first.
    pub fn tokens(&self) -> impl Iterator<Item = &Token> {
        self.tokens.iter()
    }

    /// The token that was presented, if it opens anything. Every stored hash is compared, each in
    /// constant time, so that the answer's time tells nothing.
    #[must_use]
    pub fn token_presented(&self, presented: &[u8]) -> Option<&Token> {
        let hash = TokenHash::of(presented);
        self.tokens.iter().fold(
            None,
            |found, token| {
                if token.hash == hash { Some(token) } else { found }
            },
        )
    }

    /// Whether the token with this id still opens something.
    #[must_use]
    pub fn has_token(&self, id: TokenId) -> bool {
        self.tokens.iter().any(|token| token.id == id)
    }

    /// What `event` adds to which meters of the organization, by meter number.
    #[must_use]
    pub fn postings(
        &self,
        organization: OrganizationNumber,
        event: &Event,
    ) -> Vec<(MeterNumber, Posting)> {
        let named = Named { organization, name: &event.name };
        let by_name = self.by_event.get(&named).map_or([].as_slice(), Vec::as_slice);
        let mut postings: Vec<_> = by_name
            .iter()
            .chain(&self.by_any_event)
            .filter_map(|number| self.meter(*number))
            .filter(|meter| meter.organization == organization)
            .filter_map(|meter| Some((meter.number, meter.posting(event)?)))
            .collect();
        postings.sort_unstable_by_key(|(meter, _)| *meter);
        postings
    }
}

/// A name to look up without copying it.
#[derive(Hash)]
struct Named<'a> {
    organization: OrganizationNumber,
    name: &'a str,
}

impl hashbrown::Equivalent<(OrganizationNumber, Box<str>)> for Named<'_> {
    fn equivalent(&self, key: &(OrganizationNumber, Box<str>)) -> bool {
        self.organization == key.0 && *self.name == *key.1
    }
}

fn check_name(name: &str) -> Result<(), CatalogError> {
    let fits = (1..=NAME_BYTES_MAX).contains(&name.len());
    if fits && !name.chars().any(char::is_control) { Ok(()) } else { Err(CatalogError::Name) }
}

#[cfg(test)]
mod tests;
