//! Products and their prices as Polar shows them.

use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::catalog;
use crate::catalog::{Catalog, PriceAmount, Visibility};
use crate::cycle::{Interval, IntervalUnit};
use crate::id::ProductId;

use super::Benefit;
use super::Moment;
use super::NamedMeter;
use super::Nothing;
use super::json;

/// What every view of a product has.
#[derive(Debug, Clone, Serialize)]
pub(in crate::http) struct ProductSummary {
    id: Uuid,
    created_at: Moment,
    modified_at: Option<Moment>,
    trial_interval: Option<&'static str>,
    trial_interval_count: Option<u16>,
    name: Box<str>,
    description: Option<Box<str>>,
    visibility: &'static str,
    recurring_interval: Option<&'static str>,
    recurring_interval_count: Option<u16>,
    meter_interval: Option<&'static str>,
    meter_interval_count: Option<u16>,
    is_recurring: bool,
    is_archived: bool,
    organization_id: Uuid,
    metadata: Box<RawValue>,
}

/// A product with its prices and benefits.
#[derive(Debug, Clone, Serialize)]
pub(in crate::http) struct Product {
    #[serde(flatten)]
    summary: ProductSummary,
    is_deletable: bool,
    prices: Vec<Price>,
    benefits: Vec<Benefit>,
    medias: [Nothing; 0],
    attached_custom_fields: [Nothing; 0],
}

/// A price of a product.
#[expect(clippy::struct_field_names, reason = "the fields are Polar's")]
#[derive(Debug, Clone, Serialize)]
pub(in crate::http) struct Price {
    created_at: Moment,
    modified_at: Option<Moment>,
    pub(in crate::http) id: Uuid,
    source: &'static str,
    price_currency: Box<str>,
    tax_behavior: Option<Nothing>,
    is_archived: bool,
    product_id: Uuid,
    #[serde(flatten)]
    amount: Amount,
}

/// What a price asks for.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "amount_type", rename_all = "snake_case")]
enum Amount {
    Fixed { price_amount: i64 },
    MeteredUnit { unit_amount: String, cap_amount: Option<i64>, meter_id: Uuid, meter: NamedMeter },
}

/// An interval's unit in Polar's words.
pub(in crate::http) const fn interval_word(unit: IntervalUnit) -> &'static str {
    match unit {
        IntervalUnit::Day => "day",
        IntervalUnit::Week => "week",
        IntervalUnit::Month => "month",
        IntervalUnit::Year => "year",
    }
}

impl ProductSummary {
    /// `product`, which is this organization's.
    pub(in crate::http) fn of(product: &catalog::Product, organization_id: Uuid) -> Self {
        let unit = |interval: Option<Interval>| interval.map(|of| interval_word(of.unit));
        let count = |interval: Option<Interval>| interval.map(|of| of.count);
        Self {
            id: product.id.0,
            created_at: Moment(product.created_at),
            modified_at: product.modified_at.map(Moment),
            trial_interval: unit(product.trial),
            trial_interval_count: count(product.trial),
            name: product.name.clone(),
            description: product.description.clone(),
            visibility: match product.visibility {
                Visibility::Public => "public",
                Visibility::Private => "private",
                Visibility::Draft => "draft",
            },
            recurring_interval: unit(product.billing),
            recurring_interval_count: count(product.billing),
            meter_interval: unit(product.metering),
            meter_interval_count: count(product.metering),
            is_recurring: product.billing.is_some(),
            is_archived: product.is_archived(),
            organization_id,
            metadata: json(product.metadata.as_json()),
        }
    }
}

impl Product {
    /// `product`, which is this organization's; what it names is looked up in `catalog`.
    pub(in crate::http) fn of(
        product: &catalog::Product,
        catalog: &Catalog,
        organization_id: Uuid,
    ) -> Self {
        let prices = product.prices.iter();
        let benefits = product.benefits.iter().filter_map(|id| catalog.benefit(*id));
        Self {
            summary: ProductSummary::of(product, organization_id),
            is_deletable: true,
            prices: prices.filter_map(|price| Price::of(price, product.id, catalog)).collect(),
            benefits: benefits
                .map(|benefit| Benefit::of(benefit, catalog, organization_id))
                .collect(),
            medias: [],
            attached_custom_fields: [],
        }
    }
}

impl Price {
    /// `price` of the product with this id. Nothing when its meter is not in `catalog`, which does
    /// not happen: meters stay.
    pub(in crate::http) fn of(
        price: &catalog::Price,
        product: ProductId,
        catalog: &Catalog,
    ) -> Option<Self> {
        let amount = match price.amount {
            // Polar shows a free price as a fixed one over nothing.
            PriceAmount::Free => Amount::Fixed { price_amount: 0 },
            PriceAmount::Fixed(amount) => Amount::Fixed { price_amount: amount.0 },
            PriceAmount::MeteredUnit { meter, unit_amount, cap } => {
                let meter = catalog.meter(meter)?;
                Amount::MeteredUnit {
                    unit_amount: unit_amount.to_string(),
                    cap_amount: cap.map(|cap| cap.0),
                    meter_id: meter.id.0,
                    meter: NamedMeter::of(meter),
                }
            }
        };
        Some(Self {
            created_at: Moment(price.created_at),
            modified_at: price.modified_at.map(Moment),
            id: price.id.0,
            source: "catalog",
            price_currency: price.currency.code().into(),
            tax_behavior: None,
            is_archived: price.modified_at.is_some(),
            product_id: product.0,
            amount,
        })
    }
}
