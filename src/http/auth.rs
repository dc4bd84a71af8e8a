//! Who asks, and whether its token lets it.
//!
//! A route names the scopes that will do with the first thing it does, as Polar lists them; nothing of an organization
//! can be reached without the [`Caller`] that this yields.

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;

use uuid::Uuid;

use crate::id::OrganizationNumber;
use crate::readiness::Stage;
use crate::token::Scope;

use super::Doors;
use super::error::Problem;
use super::query::Query;

/// The holder of a token that allows what it asks for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caller {
    /// Whose things it sees.
    pub(super) organization: OrganizationNumber,
}

impl Caller {
    /// Who sent `request`, if its token has one of these scopes.
    ///
    /// # Errors
    /// The server takes no requests, or the token is missing, unknown or too weak.
    pub(super) fn of(
        request: &HttpRequest,
        doors: &Doors,
        scopes: &'static [Scope],
    ) -> Result<Self, Problem> {
        match doors.readiness.stage() {
            Stage::Ready => {}
            Stage::Starting { .. } | Stage::Draining | Stage::Failed(_) => {
                return Err(Problem::Unavailable);
            }
        }
        let header = request.headers().get(AUTHORIZATION).ok_or(Problem::Unauthorized)?;
        let presented = bearer(header.as_bytes()).ok_or(Problem::Unauthorized)?;
        let catalog = doors.engine.catalog();
        let token = catalog.token_presented(presented, doors.engine.now());
        let token = token.ok_or(Problem::InvalidToken)?;
        if !scopes.iter().any(|scope| token.scopes.allows(*scope)) {
            return Err(Problem::InsufficientScope(scopes));
        }
        Ok(Self { organization: token.organization })
    }
}

impl Caller {
    /// The id of the organization that it acts for.
    ///
    /// # Errors
    /// Never in practice: organizations stay.
    pub(super) fn organization_id(self, doors: &Doors) -> Result<Uuid, Problem> {
        let catalog = doors.engine.catalog();
        let organization = catalog.organization(self.organization);
        organization.map(|organization| organization.id.0).ok_or(Problem::NotFound)
    }
}

impl Caller {
    /// Whether a list is about its organization: it names that one, or none.
    ///
    /// # Errors
    /// What is named is no id.
    pub(super) fn is_meant(self, query: &Query, doors: &Doors) -> Result<bool, Problem> {
        let own = self.organization_id(doors)?;
        Ok(query.ids("organization_id")?.is_none_or(|ids| ids.contains(&own)))
    }
}

/// The token of `Bearer TOKEN`; the scheme is written in any case.
fn bearer(header: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = header.split_at_checked("Bearer ".len())?;
    let token = token.trim_ascii();
    (scheme.eq_ignore_ascii_case(b"Bearer ") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests;
