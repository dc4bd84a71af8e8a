//! Benefits, products and prices as Polar shows them.

use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::benefit;
use crate::catalog::{self, Catalog, PriceAmount, Visibility};
use crate::cycle::{Interval, IntervalUnit};
use crate::grant::Rollover;

use super::Moment;
use super::Nothing;
use super::json;
use super::meter::NamedMeter;

/// A benefit: credits on a meter.
#[derive(Debug, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "they are Polar's")]
pub(in crate::http) struct Benefit {
    id: Uuid,
    created_at: Moment,
    modified_at: Option<Moment>,
    #[serde(rename = "type")]
    kind: &'static str,
    description: Box<str>,
    selectable: bool,
    deletable: bool,
    is_deleted: bool,
    organization_id: Uuid,
    metadata: Box<RawValue>,
    visibility: &'static str,
    visibility_configurable: bool,
    properties: BenefitProperties,
}

/// What a benefit credits.
#[derive(Debug, Serialize)]
struct BenefitProperties {
    units: u32,
    rollover: bool,
    meter_id: Uuid,
}

impl Benefit {
    /// `benefit` of this organization, whose meter is in `catalog`.
    pub(in crate::http) fn of(
        benefit: &benefit::Benefit,
        catalog: &Catalog,
        organization_id: Uuid,
    ) -> Self {
        let meter = catalog.meter(benefit.meter);
        Self {
            id: benefit.id.0,
            created_at: Moment(benefit.created_at),
            modified_at: benefit.modified_at.map(Moment),
            kind: "meter_credit",
            description: benefit.description.clone(),
            selectable: true,
            deletable: true,
            is_deleted: benefit.is_deleted(),
            organization_id,
            metadata: json(benefit.metadata.as_json()),
            visibility: "public",
            visibility_configurable: true,
            properties: BenefitProperties {
                units: benefit.units,
                rollover: benefit.rollover == Rollover::Carries,
                meter_id: meter.map_or(Uuid::nil(), |meter| meter.id.0),
            },
        }
    }
}

/// What is sold.
#[derive(Debug, Serialize)]
pub(in crate::http) struct Product {
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
    is_deletable: bool,
    prices: Vec<Price>,
    benefits: Vec<Benefit>,
    medias: [Nothing; 0],
    attached_custom_fields: [Nothing; 0],
}

/// What it costs. Polar's free price is a fixed one of nothing.
#[derive(Debug, Serialize)]
struct Price {
    id: Uuid,
    created_at: Moment,
    modified_at: Option<Moment>,
    source: &'static str,
    amount_type: &'static str,
    #[serde(rename = "price_currency")]
    currency: String,
    tax_behavior: Option<Nothing>,
    is_archived: bool,
    product_id: Uuid,
    #[serde(flatten)]
    amount: Amount,
}

/// How much.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Amount {
    Fixed { price_amount: i64 },
    MeteredUnit { unit_amount: String, cap_amount: Option<i64>, meter_id: Uuid, meter: NamedMeter },
}

impl Product {
    /// `product` of this organization; what it refers to is in `catalog`.
    pub(in crate::http) fn of(
        product: &catalog::Product,
        catalog: &Catalog,
        organization_id: Uuid,
    ) -> Self {
        let unit = |interval: Option<Interval>| interval.map(|interval| unit_name(interval.unit));
        let count = |interval: Option<Interval>| interval.map(|interval| interval.count);
        let price = |price| Price::of(price, product.id.0, catalog);
        let benefits = product.benefits.iter().filter_map(|id| catalog.benefit(*id));
        Self {
            id: product.id.0,
            created_at: Moment(product.created_at),
            modified_at: product.modified_at.map(Moment),
            trial_interval: unit(product.trial),
            trial_interval_count: count(product.trial),
            name: product.name.clone(),
            description: product.description.clone(),
            visibility: visibility_name(product.visibility),
            recurring_interval: unit(product.billing),
            recurring_interval_count: count(product.billing),
            meter_interval: unit(product.metering),
            meter_interval_count: count(product.metering),
            is_recurring: product.billing.is_some(),
            is_archived: product.is_archived(),
            organization_id,
            metadata: json(product.metadata.as_json()),
            is_deletable: true,
            prices: product.prices.iter().filter_map(price).collect(),
            benefits: benefits
                .map(|benefit| Benefit::of(benefit, catalog, organization_id))
                .collect(),
            medias: [],
            attached_custom_fields: [],
        }
    }
}

impl Price {
    fn of(price: &catalog::Price, product_id: Uuid, catalog: &Catalog) -> Option<Self> {
        let (amount_type, amount) = match &price.amount {
            PriceAmount::Free => ("fixed", Amount::Fixed { price_amount: 0 }),
            PriceAmount::Fixed(amount) => ("fixed", Amount::Fixed { price_amount: amount.0 }),
            PriceAmount::MeteredUnit { meter, unit_amount, cap } => {
                let meter = catalog.meter(*meter)?;
                let amount = Amount::MeteredUnit {
                    unit_amount: unit_amount.to_string(),
                    cap_amount: cap.map(|cap| cap.0),
                    meter_id: meter.id.0,
                    meter: NamedMeter::of(meter),
                };
                ("metered_unit", amount)
            }
        };
        Some(Self {
            id: price.id.0,
            created_at: Moment(price.created_at),
            modified_at: price.modified_at.map(Moment),
            source: "catalog",
            amount_type,
            currency: price.currency.to_string(),
            tax_behavior: None,
            is_archived: false,
            product_id,
            amount,
        })
    }
}

const fn unit_name(unit: IntervalUnit) -> &'static str {
    match unit {
        IntervalUnit::Day => "day",
        IntervalUnit::Week => "week",
        IntervalUnit::Month => "month",
        IntervalUnit::Year => "year",
    }
}

const fn visibility_name(visibility: Visibility) -> &'static str {
    match visibility {
        Visibility::Public => "public",
        Visibility::Private => "private",
        Visibility::Draft => "draft",
    }
}
