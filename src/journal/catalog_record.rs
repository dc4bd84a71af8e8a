//! What the catalog's journal holds: changes, as bytes.

use crate::catalog::{CatalogChange, Token};
use crate::encoding::{self, Malformed, Reader};
use crate::id::{MeterId, OrganizationId, OrganizationNumber, TokenId};
use crate::meter::{Aggregation, Filter};
use crate::token::{Scope, TokenHash};

// Tags are for ever: a number is never given to another change.
const TAG_ORGANIZATION: u8 = 0x01;
const TAG_METER: u8 = 0x02;
const TAG_TOKEN: u8 = 0x03;
const TAG_TOKEN_REVOKED: u8 = 0x04;

/// Appends `change`. Filters and aggregations are kept as Polar's JSON, their one notation.
pub fn put_change(out: &mut Vec<u8>, change: &CatalogChange) {
    match change {
        CatalogChange::Organization { id, name } => {
            out.push(TAG_ORGANIZATION);
            encoding::put_uuid(out, id.0);
            encoding::put_bytes(out, name.as_bytes());
        }
        CatalogChange::Meter { id, organization, name, filter, aggregation } => {
            out.push(TAG_METER);
            encoding::put_uuid(out, id.0);
            encoding::put_varint(out, u64::from(organization.0));
            encoding::put_bytes(out, name.as_bytes());
            encoding::put_bytes(out, filter.to_json().as_bytes());
            encoding::put_bytes(out, aggregation.to_json().as_bytes());
        }
        CatalogChange::Token(token) => {
            out.push(TAG_TOKEN);
            encoding::put_uuid(out, token.id.0);
            encoding::put_varint(out, u64::from(token.organization.0));
            out.push(scope_tag(token.scope));
            out.extend_from_slice(&token.hash.0);
            encoding::put_time(out, token.created_at);
        }
        CatalogChange::TokenRevoked(id) => {
            out.push(TAG_TOKEN_REVOKED);
            encoding::put_uuid(out, id.0);
        }
    }
}

/// Reads what [`put_change`] wrote.
///
/// # Errors
/// [`Malformed`] when the bytes are no change.
pub fn read_change(reader: &mut Reader<'_>) -> Result<CatalogChange, Malformed> {
    match reader.byte()? {
        TAG_ORGANIZATION => Ok(CatalogChange::Organization {
            id: OrganizationId(reader.uuid()?),
            name: reader.text()?.to_owned(),
        }),
        TAG_METER => Ok(CatalogChange::Meter {
            id: MeterId(reader.uuid()?),
            organization: OrganizationNumber(reader.number()?),
            name: reader.text()?.to_owned(),
            filter: Filter::parse(reader.text()?).map_err(|_| Malformed("a meter's filter"))?,
            aggregation: Aggregation::parse(reader.text()?)
                .map_err(|_| Malformed("a meter's aggregation"))?,
        }),
        TAG_TOKEN => Ok(CatalogChange::Token(Token {
            id: TokenId(reader.uuid()?),
            organization: OrganizationNumber(reader.number()?),
            scope: scope_of(reader.byte()?)?,
            hash: TokenHash(reader.array()?),
            created_at: reader.time()?,
        })),
        TAG_TOKEN_REVOKED => Ok(CatalogChange::TokenRevoked(TokenId(reader.uuid()?))),
        _ => Err(Malformed("unknown catalog change")),
    }
}

const fn scope_tag(scope: Scope) -> u8 {
    match scope {
        Scope::Admin => 1,
        Scope::Ingest => 2,
        Scope::Read => 3,
    }
}

const fn scope_of(tag: u8) -> Result<Scope, Malformed> {
    match tag {
        1 => Ok(Scope::Admin),
        2 => Ok(Scope::Ingest),
        3 => Ok(Scope::Read),
        _ => Err(Malformed("unknown token scope")),
    }
}

#[cfg(test)]
mod tests;
