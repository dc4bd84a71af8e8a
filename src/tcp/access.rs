//! Who a connection is, and what it may do.

use crate::catalog::Catalog;
use crate::id::{CatalogVersion, OrganizationNumber, TokenId};
use crate::time::Timestamp;
use crate::token::{Scope, Scopes};

/// The holder of a token.
#[derive(Debug, Clone, Copy)]
pub(super) struct Principal {
    /// Its token.
    pub(super) token: TokenId,
    /// Whose things it sees.
    pub(super) organization: OrganizationNumber,
    /// What it may do.
    pub(super) scopes: Scopes,
    /// From when on its token opens nothing, if ever.
    expires_at: Option<Timestamp>,
    /// The catalog in which the token was last seen.
    seen: CatalogVersion,
}

/// Why a command is not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Denied {
    /// No token was shown, or it was revoked.
    NoAuth,
    /// The token's scope does not cover the command.
    NoPerm,
}

impl Principal {
    /// The holder of the token that was presented, if it opens anything at `now`.
    pub(super) fn presenting(catalog: &Catalog, presented: &[u8], now: Timestamp) -> Option<Self> {
        let token = catalog.token_presented(presented, now)?;
        Some(Self {
            token: token.id,
            organization: token.organization,
            scopes: token.scopes,
            expires_at: token.expires_at,
            seen: catalog.version,
        })
    }

    /// Whether the token still opens anything at the time that `now` gives; looked up again when the
    /// catalog changed. The clock is read only for a token that expires.
    pub(super) fn still_holds(&mut self, catalog: &Catalog, now: impl Fn() -> Timestamp) -> bool {
        if self.expires_at.is_some_and(|end| now() >= end) {
            return false;
        }
        if self.seen != catalog.version {
            if catalog.token(self.token).is_none() {
                return false;
            }
            self.seen = catalog.version;
        }
        true
    }

    /// Whether the principal runs this server: an admin of the organization it began with.
    pub(super) const fn is_operator(&self) -> bool {
        self.scopes.allows(Scope::Admin) && self.organization.0 == 0
    }
}

/// Whether `principal` may do what needs `needed`.
pub(super) fn require(principal: Option<&Principal>, needed: Scope) -> Result<&Principal, Denied> {
    let principal = principal.ok_or(Denied::NoAuth)?;
    if principal.scopes.allows(needed) { Ok(principal) } else { Err(Denied::NoPerm) }
}
