//! What the catalog's journal holds: changes, as bytes. An image of the catalog is made of the same
//! ones.

use std::sync::Arc;

use crate::benefit::Benefit;
use crate::catalog::{CatalogChange, Token};
use crate::encoding::{self, Malformed, Reader};
use crate::grant::Rollover;
use crate::id::{BenefitId, MeterId, MeterNumber, OrganizationId, OrganizationNumber, TokenId};
use crate::metadata::Metadata;
use crate::meter::{Aggregation, Filter, Meter, MeterUnit};
use crate::token::{Scopes, TokenHash};

mod product;

// Tags are for ever: a number is never given to another change.
const TAG_ORGANIZATION: u8 = 0x01;
const TAG_METER: u8 = 0x02;
const TAG_TOKEN: u8 = 0x03;
const TAG_TOKEN_REVOKED: u8 = 0x04;
const TAG_BENEFIT: u8 = 0x05;
const TAG_PRODUCT: u8 = 0x06;

/// Appends `change`. Filters, aggregations and metadata are kept as JSON, their one notation.
pub fn put_change(out: &mut Vec<u8>, change: &CatalogChange) {
    match change {
        CatalogChange::Organization { id, name, created_at } => {
            out.push(TAG_ORGANIZATION);
            encoding::put_uuid(out, id.0);
            encoding::put_bytes(out, name.as_bytes());
            encoding::put_time(out, *created_at);
        }
        CatalogChange::Meter(meter) => {
            out.push(TAG_METER);
            put_meter(out, meter);
        }
        CatalogChange::Token(token) => {
            out.push(TAG_TOKEN);
            put_token(out, token);
        }
        CatalogChange::TokenRevoked(id) => {
            out.push(TAG_TOKEN_REVOKED);
            encoding::put_uuid(out, id.0);
        }
        CatalogChange::Benefit(benefit) => {
            out.push(TAG_BENEFIT);
            put_benefit(out, benefit);
        }
        CatalogChange::Product(product) => {
            out.push(TAG_PRODUCT);
            product::put(out, product);
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
            created_at: reader.time()?,
        }),
        TAG_METER => Ok(CatalogChange::Meter(Arc::new(read_meter(reader)?))),
        TAG_TOKEN => Ok(CatalogChange::Token(Arc::new(read_token(reader)?))),
        TAG_TOKEN_REVOKED => Ok(CatalogChange::TokenRevoked(TokenId(reader.uuid()?))),
        TAG_BENEFIT => Ok(CatalogChange::Benefit(Arc::new(read_benefit(reader)?))),
        TAG_PRODUCT => Ok(CatalogChange::Product(Arc::new(product::read(reader)?))),
        _ => Err(Malformed("unknown catalog change")),
    }
}

fn put_meter(out: &mut Vec<u8>, meter: &Meter) {
    encoding::put_uuid(out, meter.id.0);
    encoding::put_varint(out, u64::from(meter.number.0));
    encoding::put_varint(out, u64::from(meter.organization.0));
    encoding::put_bytes(out, meter.name.as_bytes());
    encoding::put_bytes(out, meter.filter.to_json().as_bytes());
    encoding::put_bytes(out, meter.aggregation.to_json().as_bytes());
    put_unit(out, &meter.unit);
    put_metadata(out, &meter.metadata);
    encoding::put_time(out, meter.created_at);
    encoding::put_optional_time(out, meter.modified_at);
    encoding::put_optional_time(out, meter.archived_at);
}

fn read_meter(reader: &mut Reader<'_>) -> Result<Meter, Malformed> {
    Ok(Meter {
        id: MeterId(reader.uuid()?),
        number: MeterNumber(reader.number()?),
        organization: OrganizationNumber(reader.number()?),
        name: reader.text()?.into(),
        filter: Filter::parse(reader.text()?).map_err(|_| Malformed("a meter's filter"))?,
        aggregation: Aggregation::parse(reader.text()?)
            .map_err(|_| Malformed("a meter's aggregation"))?,
        unit: read_unit(reader)?,
        metadata: read_metadata(reader)?,
        created_at: reader.time()?,
        modified_at: reader.optional_time()?,
        archived_at: reader.optional_time()?,
    })
}

fn put_unit(out: &mut Vec<u8>, unit: &MeterUnit) {
    match unit {
        MeterUnit::Scalar => out.push(1),
        MeterUnit::Token => out.push(2),
        MeterUnit::Custom { label, multiplier } => {
            out.push(3);
            encoding::put_bytes(out, label.as_bytes());
            // No multiplier is zero.
            encoding::put_varint(out, u64::from(multiplier.unwrap_or(0)));
        }
    }
}

fn read_unit(reader: &mut Reader<'_>) -> Result<MeterUnit, Malformed> {
    match reader.byte()? {
        1 => Ok(MeterUnit::Scalar),
        2 => Ok(MeterUnit::Token),
        3 => {
            let label = reader.text()?.into();
            let multiplier = Some(reader.number()?).filter(|multiplier| *multiplier > 0);
            Ok(MeterUnit::Custom { label, multiplier })
        }
        _ => Err(Malformed("unknown unit of a meter")),
    }
}

fn put_metadata(out: &mut Vec<u8>, metadata: &Metadata) {
    encoding::put_bytes(out, metadata.as_json().as_bytes());
}

fn read_metadata(reader: &mut Reader<'_>) -> Result<Metadata, Malformed> {
    Metadata::parse(reader.text()?).map_err(|_| Malformed("metadata"))
}

fn put_benefit(out: &mut Vec<u8>, benefit: &Benefit) {
    encoding::put_uuid(out, benefit.id.0);
    encoding::put_varint(out, u64::from(benefit.organization.0));
    encoding::put_bytes(out, benefit.description.as_bytes());
    encoding::put_varint(out, u64::from(benefit.meter.0));
    encoding::put_varint(out, u64::from(benefit.units));
    out.push(match benefit.rollover {
        Rollover::Ends => 0,
        Rollover::Carries => 1,
    });
    put_metadata(out, &benefit.metadata);
    encoding::put_time(out, benefit.created_at);
    encoding::put_optional_time(out, benefit.modified_at);
    encoding::put_optional_time(out, benefit.deleted_at);
}

fn read_benefit(reader: &mut Reader<'_>) -> Result<Benefit, Malformed> {
    Ok(Benefit {
        id: BenefitId(reader.uuid()?),
        organization: OrganizationNumber(reader.number()?),
        description: reader.text()?.into(),
        meter: MeterNumber(reader.number()?),
        units: reader.number()?,
        rollover: match reader.byte()? {
            0 => Rollover::Ends,
            1 => Rollover::Carries,
            _ => return Err(Malformed("unknown rollover of a benefit")),
        },
        metadata: read_metadata(reader)?,
        created_at: reader.time()?,
        modified_at: reader.optional_time()?,
        deleted_at: reader.optional_time()?,
    })
}

fn put_token(out: &mut Vec<u8>, token: &Token) {
    encoding::put_uuid(out, token.id.0);
    encoding::put_varint(out, u64::from(token.organization.0));
    encoding::put_varint(out, u64::from(token.scopes.bits()));
    out.extend_from_slice(&token.hash.0);
    encoding::put_bytes(out, token.comment.as_bytes());
    encoding::put_time(out, token.created_at);
    encoding::put_optional_time(out, token.expires_at);
}

fn read_token(reader: &mut Reader<'_>) -> Result<Token, Malformed> {
    Ok(Token {
        id: TokenId(reader.uuid()?),
        organization: OrganizationNumber(reader.number()?),
        scopes: Scopes::from_bits(reader.number()?).ok_or(Malformed("unknown token scopes"))?,
        hash: TokenHash(reader.array()?),
        comment: reader.text()?.into(),
        created_at: reader.time()?,
        expires_at: reader.optional_time()?,
    })
}

#[cfg(test)]
mod tests;
