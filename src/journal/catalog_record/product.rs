//! Products and their prices, as bytes.

use crate::catalog::{Price, PriceAmount, Product, Standing, Visibility};
use crate::cycle::{Interval, IntervalUnit};
use crate::encoding::{self, Malformed, Reader};
use crate::id::{BenefitId, MeterNumber, OrganizationNumber, PriceId, ProductId};
use crate::money::{Currency, Money, UnitPrice};

use super::{put_metadata, read_metadata};

const AMOUNT_FREE: u8 = 1;
const AMOUNT_FIXED: u8 = 2;
const AMOUNT_METERED: u8 = 3;
const AMOUNT_METERED_CAPPED: u8 = 4;

pub(super) fn put(out: &mut Vec<u8>, product: &Product) {
    encoding::put_uuid(out, product.id.0);
    encoding::put_varint(out, u64::from(product.organization.0));
    encoding::put_bytes(out, product.name.as_bytes());
    match &product.description {
        None => out.push(0),
        Some(description) => {
            out.push(1);
            encoding::put_bytes(out, description.as_bytes());
        }
    }
    out.push(match product.visibility {
        Visibility::Public => 0,
        Visibility::Private => 1,
        Visibility::Draft => 2,
    });
    for interval in [product.billing, product.metering, product.trial] {
        put_interval(out, interval);
    }
    put_list(out, &product.prices, put_price);
    put_list(out, &product.archived_prices, put_price);
    put_list(out, &product.benefits, |out, benefit| encoding::put_uuid(out, benefit.0));
    put_metadata(out, &product.metadata);
    encoding::put_time(out, product.created_at);
    encoding::put_optional_time(out, product.modified_at);
    out.push(match product.standing {
        Standing::Live => 0,
        Standing::Archived => 1,
    });
}

pub(super) fn read(reader: &mut Reader<'_>) -> Result<Product, Malformed> {
    Ok(Product {
        id: ProductId(reader.uuid()?),
        organization: OrganizationNumber(reader.number()?),
        name: reader.text()?.into(),
        description: match reader.byte()? {
            0 => None,
            1 => Some(reader.text()?.into()),
            _ => return Err(Malformed("unknown presence byte")),
        },
        visibility: match reader.byte()? {
            0 => Visibility::Public,
            1 => Visibility::Private,
            2 => Visibility::Draft,
            _ => return Err(Malformed("unknown visibility of a product")),
        },
        billing: read_interval(reader)?,
        metering: read_interval(reader)?,
        trial: read_interval(reader)?,
        prices: read_list(reader, read_price)?,
        archived_prices: read_list(reader, read_price)?,
        benefits: read_list(reader, |reader| Ok(BenefitId(reader.uuid()?)))?,
        metadata: read_metadata(reader)?,
        created_at: reader.time()?,
        modified_at: reader.optional_time()?,
        standing: match reader.byte()? {
            0 => Standing::Live,
            1 => Standing::Archived,
            _ => return Err(Malformed("unknown standing of a product")),
        },
    })
}

fn put_list<T>(out: &mut Vec<u8>, list: &[T], put: impl Fn(&mut Vec<u8>, &T)) {
    encoding::put_varint(out, u64::try_from(list.len()).unwrap_or(u64::MAX));
    for each in list {
        put(out, each);
    }
}

/// A length is not trusted: room is made as the elements come.
fn read_list<T>(
    reader: &mut Reader<'_>,
    read: impl Fn(&mut Reader<'_>) -> Result<T, Malformed>,
) -> Result<Vec<T>, Malformed> {
    let length = reader.varint()?;
    (0..length).map(|_| read(reader)).collect()
}

fn put_interval(out: &mut Vec<u8>, interval: Option<Interval>) {
    let Some(Interval { unit, count }) = interval else { return out.push(0) };
    out.push(match unit {
        IntervalUnit::Day => 1,
        IntervalUnit::Week => 2,
        IntervalUnit::Month => 3,
        IntervalUnit::Year => 4,
    });
    encoding::put_varint(out, u64::from(count));
}

fn read_interval(reader: &mut Reader<'_>) -> Result<Option<Interval>, Malformed> {
    let unit = match reader.byte()? {
        0 => return Ok(None),
        1 => IntervalUnit::Day,
        2 => IntervalUnit::Week,
        3 => IntervalUnit::Month,
        4 => IntervalUnit::Year,
        _ => return Err(Malformed("unknown interval")),
    };
    Ok(Some(Interval { unit, count: reader.number()? }))
}

fn put_price(out: &mut Vec<u8>, price: &Price) {
    encoding::put_uuid(out, price.id.0);
    out.extend_from_slice(price.currency.code().as_bytes());
    match price.amount {
        PriceAmount::Free => out.push(AMOUNT_FREE),
        PriceAmount::Fixed(amount) => {
            out.push(AMOUNT_FIXED);
            encoding::put_signed(out, amount.0);
        }
        PriceAmount::MeteredUnit { meter, unit_amount, cap } => {
            out.push(if cap.is_some() { AMOUNT_METERED_CAPPED } else { AMOUNT_METERED });
            encoding::put_varint(out, u64::from(meter.0));
            encoding::put_decimal(out, unit_amount.cents());
            if let Some(cap) = cap {
                encoding::put_signed(out, cap.0);
            }
        }
    }
    encoding::put_time(out, price.created_at);
    encoding::put_optional_time(out, price.modified_at);
}

fn read_price(reader: &mut Reader<'_>) -> Result<Price, Malformed> {
    Ok(Price {
        id: PriceId(reader.uuid()?),
        currency: std::str::from_utf8(reader.take(3)?)
            .ok()
            .and_then(Currency::parse)
            .ok_or(Malformed("a price's currency"))?,
        amount: read_amount(reader)?,
        created_at: reader.time()?,
        modified_at: reader.optional_time()?,
    })
}

fn read_amount(reader: &mut Reader<'_>) -> Result<PriceAmount, Malformed> {
    let kind = reader.byte()?;
    match kind {
        AMOUNT_FREE => Ok(PriceAmount::Free),
        AMOUNT_FIXED => Ok(PriceAmount::Fixed(Money(reader.signed()?))),
        AMOUNT_METERED | AMOUNT_METERED_CAPPED => {
            let meter = MeterNumber(reader.number()?);
            let cents = reader.decimal()?;
            let unit_amount = UnitPrice::new(cents).ok_or(Malformed("the price of a unit"))?;
            let capped = kind == AMOUNT_METERED_CAPPED;
            let cap = if capped { Some(Money(reader.signed()?)) } else { None };
            Ok(PriceAmount::MeteredUnit { meter, unit_amount, cap })
        }
        _ => Err(Malformed("unknown kind of price")),
    }
}
