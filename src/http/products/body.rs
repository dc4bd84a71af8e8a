//! Products and prices as clients describe them.

use serde_json::value::RawValue;
use uuid::Uuid;

use crate::catalog::{
    AMOUNT_MAX, Catalog, INTERVAL_COUNT_MAX, NewPrice, PRODUCT_NAME_CHARS_MAX,
    PRODUCT_NAME_CHARS_MIN, PriceAmount, PriceEdit, Product, Visibility,
};
use crate::cycle::{Interval, IntervalUnit};
use crate::http::auth::Caller;
use crate::http::benefits::meter;
use crate::http::fields::{self, Broken, Fields, Read};
use crate::id::{BenefitId, PriceId};
use crate::money::{Currency, Money, UnitPrice};
use crate::product::PRODUCT_PARTS_MAX;
use crate::units::parse_decimal;

/// Fewest and most characters of a name.
pub(super) const NAME_CHARS: std::ops::RangeInclusive<usize> =
    PRODUCT_NAME_CHARS_MIN..=PRODUCT_NAME_CHARS_MAX;

/// Most characters of a description.
const DESCRIPTION_CHARS_MAX: usize = 10_000;

/// Who gets to see a product.
pub(super) const VISIBILITIES: [(&str, Visibility); 3] = [
    ("public", Visibility::Public),
    ("private", Visibility::Private),
    ("draft", Visibility::Draft),
];

/// What recurs.
const UNITS: [(&str, IntervalUnit); 4] = [
    ("day", IntervalUnit::Day),
    ("week", IntervalUnit::Week),
    ("month", IntervalUnit::Month),
    ("year", IntervalUnit::Year),
];

/// The kinds of price.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Free,
    Fixed,
    MeteredUnit,
}

const KINDS: [(&str, Kind); 3] =
    [("fixed", Kind::Fixed), ("free", Kind::Free), ("metered_unit", Kind::MeteredUnit)];

/// What people read about a product.
pub(super) fn description(raw: &RawValue) -> Read<Box<str>> {
    fields::text(raw, 0..=DESCRIPTION_CHARS_MAX)
}

/// The interval of so many units under two names; one of them unless a count is sent.
pub(super) fn interval(
    fields: &mut Fields<'_>,
    unit: &'static str,
    count: &'static str,
) -> Option<Interval> {
    let unit = fields.optional(unit, |raw| fields::word(raw, &UNITS));
    let count = fields
        .optional(count, |raw| fields::whole(raw, 1..=u32::from(INTERVAL_COUNT_MAX)))
        .and_then(|count| u16::try_from(count).ok());
    unit.map(|unit| Interval { unit, count: count.unwrap_or(1) })
}

/// Notes a fault when other intervals are asked for than those that `product` has for ever.
pub(super) fn check_intervals(fields: &mut Fields<'_>, product: &Product) {
    let billing = ("recurring_interval", "recurring_interval_count", product.billing);
    let metering = ("meter_interval", "meter_interval_count", product.metering);
    for (unit_name, count_name, own) in [billing, metering] {
        let differs = |name: &'static str, sent: bool| {
            sent.then(|| (name, Broken::new("value_error", "Value error, It can't be changed.")))
        };
        let unit = fields.optional(unit_name, |raw| fields::word(raw, &UNITS));
        let count = fields
            .optional(count_name, |raw| fields::whole(raw, 1..=u32::from(INTERVAL_COUNT_MAX)));
        let other_unit = unit.is_some() && unit != own.map(|own| own.unit);
        let other_count = count.is_some() && count != own.map(|own| u32::from(own.count));
        let broken = [differs(unit_name, other_unit), differs(count_name, other_count)];
        for (name, broken) in broken.into_iter().flatten() {
            fields.break_rule(name, broken, None);
        }
    }
}

/// The prices of a new product.
pub(super) fn new_prices(
    fields: &mut Fields<'_>,
    catalog: &Catalog,
    caller: Caller,
) -> Option<Vec<NewPrice>> {
    fields.objects("prices", PRODUCT_PARTS_MAX, |fields| new_price(fields, catalog, caller))
}

/// The prices of a product from now on: those with an id stay.
pub(super) fn price_edits(
    fields: &mut Fields<'_>,
    catalog: &Catalog,
    caller: Caller,
) -> Option<Vec<PriceEdit>> {
    if !fields.has_value("prices") {
        return None;
    }
    fields.objects("prices", PRODUCT_PARTS_MAX, |fields| {
        if fields.has_value("id") {
            let id = fields.required("id", fields::id)?;
            return Some(PriceEdit::Keep(PriceId(id)));
        }
        new_price(fields, catalog, caller).map(PriceEdit::New)
    })
}

fn new_price(fields: &mut Fields<'_>, catalog: &Catalog, caller: Caller) -> Option<NewPrice> {
    let kind = fields.required("amount_type", |raw| fields::word(raw, &KINDS));
    let currency = fields.optional("price_currency", currency).unwrap_or(Currency::USD);
    let amount = match kind? {
        Kind::Free => PriceAmount::Free,
        Kind::Fixed => PriceAmount::Fixed(fields.required("price_amount", cents)?),
        Kind::MeteredUnit => {
            let meter = fields.required("meter_id", |raw| meter(raw, catalog, caller));
            let unit_amount = fields.required("unit_amount", unit_amount);
            let cap = fields.optional("cap_amount", cents);
            PriceAmount::MeteredUnit { meter: meter?, unit_amount: unit_amount?, cap }
        }
    };
    Some(NewPrice { id: PriceId(Uuid::new_v4()), currency, amount })
}

fn currency(raw: &RawValue) -> Read<Currency> {
    let text = fields::text(raw, 3..=3)?;
    Currency::parse(&text).ok_or_else(|| Broken::new("enum", "Input should be a currency"))
}

fn cents(raw: &RawValue) -> Read<Money> {
    let most = u32::try_from(AMOUNT_MAX.0).unwrap_or(u32::MAX);
    fields::whole(raw, 0..=most).map(|cents| Money(i64::from(cents)))
}

/// Cents as a number or as text, read from their digits.
fn unit_amount(raw: &RawValue) -> Read<UnitPrice> {
    let digits = raw.get().trim_matches('"').as_bytes();
    let price = parse_decimal(digits).ok().and_then(UnitPrice::new);
    price.ok_or_else(|| {
        let msg = "Input should be a decimal above 0 with at most 17 digits and 12 decimal places";
        Broken::new("decimal_parsing", msg)
    })
}

/// The benefits that a product is to carry; `own` finds those that there are.
pub(super) fn benefits(
    raw: &RawValue,
    own: impl Fn(Uuid) -> Option<BenefitId>,
) -> Read<Vec<BenefitId>> {
    let items: Vec<&RawValue> = serde_json::from_str(raw.get())
        .map_err(|_| Broken::new("list_type", "Input should be a valid list"))?;
    if items.len() > PRODUCT_PARTS_MAX {
        let msg = format!("List should have at most {PRODUCT_PARTS_MAX} items");
        return Err(Broken::new("too_long", msg));
    }
    let mut benefits = Vec::with_capacity(items.len());
    for (place, item) in items.into_iter().enumerate() {
        let id = fields::id(item).map_err(|broken| broken.below(place.into()))?;
        let known = own(id).ok_or_else(|| {
            Broken::new("value_error", "Benefit does not exist.").below(place.into())
        })?;
        benefits.push(known);
    }
    Ok(benefits)
}
