//! Who asks, and what its token lets it do.
//!
//! A route names the right that it needs with the first thing it does; nothing of an organization
//! can be reached without the [`Caller`] that this yields.

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;

use uuid::Uuid;

use crate::id::OrganizationNumber;
use crate::readiness::Stage;
use crate::token::Scope;

use super::Doors;
use super::error::Problem;

/// What a route needs, in Polar's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Right {
    /// Report events.
    EventsWrite,
    /// See meters.
    MetersRead,
    /// Make and change meters.
    MetersWrite,
    /// See where customers stand on meters.
    CustomerMetersRead,
    /// See customers.
    CustomersRead,
}

impl Right {
    /// Every right that a route needs.
    #[cfg(test)]
    pub(super) const ALL: [Self; 5] = [
        Self::EventsWrite,
        Self::MetersRead,
        Self::MetersWrite,
        Self::CustomerMetersRead,
        Self::CustomersRead,
    ];

    /// Polar's name of it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::EventsWrite => "events:write",
            Self::MetersRead => "meters:read",
            Self::MetersWrite => "meters:write",
            Self::CustomerMetersRead => "customer_meters:read",
            Self::CustomersRead => "customers:read",
        }
    }

    /// Whether a token of this scope has it. The one place where scopes and rights meet.
    pub(super) const fn is_of(self, scope: Scope) -> bool {
        match self {
            Self::EventsWrite => scope.allows(Scope::Ingest),
            Self::MetersRead | Self::CustomerMetersRead | Self::CustomersRead => {
                scope.allows(Scope::Read)
            }
            Self::MetersWrite => scope.allows(Scope::Admin),
        }
    }
}

/// The holder of a token that has the right to what it asks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caller {
    /// Whose things it sees.
    pub(super) organization: OrganizationNumber,
}

impl Caller {
    /// Who sent `request`, if it may do what needs `right`.
    ///
    /// # Errors
    /// The server takes no requests, or the token is missing, unknown or too weak.
    pub(super) fn of(request: &HttpRequest, doors: &Doors, right: Right) -> Result<Self, Problem> {
        match doors.readiness.stage() {
            Stage::Ready => {}
            Stage::Starting { .. } | Stage::Draining | Stage::Failed(_) => {
                return Err(Problem::Unavailable);
            }
        }
        let header = request.headers().get(AUTHORIZATION).ok_or(Problem::Unauthorized)?;
        let presented = bearer(header.as_bytes()).ok_or(Problem::Unauthorized)?;
        let catalog = doors.engine.catalog();
        let token = catalog.token_presented(presented).ok_or(Problem::InvalidToken)?;
        if !right.is_of(token.scope) {
            return Err(Problem::InsufficientScope(right));
        }
        Ok(Self { organization: token.organization })
    }
}

impl Caller {
    /// The id of the organization that it acts for.
    ///
    /// # Errors
    /// Never in practice: organizations stay.
    pub(super) fn organization_id(&self, doors: &Doors) -> Result<Uuid, Problem> {
        let catalog = doors.engine.catalog();
        let organization = catalog.organization(self.organization);
        organization.map(|organization| organization.id.0).ok_or(Problem::NotFound)
    }
}

/// The token of `Bearer TOKEN`; the scheme is written in any case.
fn bearer(header: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = header.split_at_checked("Bearer ".len())?;
    let token = token.trim_ascii();
    (scheme.eq_ignore_ascii_case(b"Bearer ") && !token.is_empty()).then_some(token)
}
