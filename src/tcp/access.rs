//! Who a connection is, and what it may do.

use crate::catalog::Catalog;
use crate::id::{CatalogVersion, OrganizationNumber, TokenId};
use crate::token::Scope;

/// The holder of a token.
#[derive(Debug, Clone, Copy)]
pub(super) struct Principal {
    /// Its token.
    pub(super) token: TokenId,
    /// Whose things it sees.
    pub(super) organization: OrganizationNumber,
    /// What it may do.
    pub(super) scope: Scope,
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
    /// The holder of the token that was presented, if it opens anything.
    pub(super) fn presenting(catalog: &Catalog, presented: &[u8]) -> Option<Self> {
        let token = catalog.token_presented(presented)?;
        Some(Self {
            token: token.id,
            organization: token.organization,
            scope: token.scope,
            seen: catalog.version,
        })
    }

    /// Whether the token still opens anything; looked up again when the catalog changed.
    pub(super) fn still_holds(&mut self, catalog: &Catalog) -> bool {
        if self.seen != catalog.version {
            if !catalog.has_token(self.token) {
                return false;
            }
            self.seen = catalog.version;
        }
        true
    }

    /// Whether the principal runs this server: an admin of the organization it began with.
    pub(super) const fn is_operator(&self) -> bool {
        matches!(self.scope, Scope::Admin) && self.organization.0 == 0
    }
}

/// Whether `principal` may do what needs `needed`.
pub(super) fn require(principal: Option<&Principal>, needed: Scope) -> Result<&Principal, Denied> {
    let principal = principal.ok_or(Denied::NoAuth)?;
    if principal.scope.allows(needed) { Ok(principal) } else { Err(Denied::NoPerm) }
}
