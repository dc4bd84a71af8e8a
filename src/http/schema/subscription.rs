//! Subscriptions as Polar shows them.

use serde::Serialize;
use uuid::Uuid;

use crate::catalog;
use crate::catalog::Catalog;
use crate::customer;
use crate::customer::{PendingChange, Start, SubscriptionStatus};
use crate::cycle::{Interval, Period};
use crate::engine::roll::CustomerView;
use crate::product::ProductTerms;

use super::Customer;
use super::Float;
use super::Integer;
use super::Meter;
use super::Moment;
use super::NoMetadata;
use super::Nothing;
use super::Price;
use super::Product;
use super::Standing;
use super::interval_word;

/// What every view of a subscription has: as much as the customer's state shows of it.
#[derive(Debug, Clone, Serialize)]
pub(in crate::http) struct SubscriptionState {
    created_at: Moment,
    modified_at: Option<Moment>,
    id: Uuid,
    amount: i64,
    currency: Box<str>,
    recurring_interval: &'static str,
    status: &'static str,
    current_period_start: Moment,
    current_period_end: Moment,
    trial_start: Option<Moment>,
    trial_end: Option<Moment>,
    cancel_at_period_end: bool,
    canceled_at: Option<Moment>,
    started_at: Option<Moment>,
    ends_at: Option<Moment>,
    product_id: Uuid,
    discount_id: Option<Uuid>,
    seats: Option<Nothing>,
    units: Option<Nothing>,
    metadata: NoMetadata,
    custom_field_data: NoMetadata,
}

/// What a subscription itself has, beside what it belongs to.
#[derive(Debug, Clone, Serialize)]
pub(in crate::http) struct SubscriptionSummary {
    #[serde(flatten)]
    state: SubscriptionState,
    recurring_interval_count: u16,
    current_meter_period_start: Option<Moment>,
    current_meter_period_end: Option<Moment>,
    ended_at: Option<Moment>,
    past_due_at: Option<Moment>,
    pause_at_period_end: bool,
    paused_at: Option<Moment>,
    resumes_at: Option<Moment>,
    customer_id: Uuid,
    checkout_id: Option<Uuid>,
    customer_cancellation_reason: Option<Nothing>,
    customer_cancellation_comment: Option<Nothing>,
}

/// A subscription with its customer, product, prices and meters.
#[derive(Debug, Serialize)]
pub(in crate::http) struct Subscription {
    #[serde(flatten)]
    summary: SubscriptionSummary,
    customer: Customer,
    product: Product,
    discount: Option<Nothing>,
    prices: Vec<Price>,
    meters: Vec<MeteredPart>,
    pending_update: Option<PendingUpdate>,
}

/// What a metered price of a subscription comes to by now.
#[derive(Debug, Clone, Serialize)]
pub(in crate::http) struct SubscriptionPart {
    created_at: Moment,
    modified_at: Option<Moment>,
    id: Uuid,
    consumed_units: Float,
    credited_units: Integer,
    amount: i64,
    meter_id: Uuid,
}

/// The same with its meter.
#[derive(Debug, Serialize)]
struct MeteredPart {
    #[serde(flatten)]
    part: SubscriptionPart,
    meter: Meter,
}

/// A change of product that waits for the next period.
#[derive(Debug, Serialize)]
struct PendingUpdate {
    created_at: Moment,
    modified_at: Option<Moment>,
    id: Uuid,
    applies_at: Moment,
    product_id: Option<Uuid>,
    seats: Option<Nothing>,
    units: Option<Nothing>,
}

impl SubscriptionState {
    /// `subscription` as it stands.
    pub(in crate::http) fn of(subscription: &customer::Subscription) -> Self {
        let (trial_start, trial_end) = moments(subscription.trial);
        Self {
            created_at: Moment(subscription.started_at),
            modified_at: subscription.modified_at.map(Moment),
            id: subscription.id.0,
            amount: subscription.amount().0,
            currency: subscription.terms.currency.code().into(),
            recurring_interval: interval_word(billing(&subscription.terms).unit),
            status: status_word(subscription.status),
            current_period_start: Moment(subscription.period.start),
            current_period_end: Moment(subscription.period.end),
            trial_start,
            trial_end,
            cancel_at_period_end: subscription.cancel_at_period_end,
            canceled_at: subscription.canceled_at.map(Moment),
            started_at: Some(Moment(subscription.started_at)),
            ends_at: subscription.ends_at.map(Moment),
            product_id: subscription.terms.product.0,
            discount_id: None,
            seats: None,
            units: None,
            metadata: NoMetadata {},
            custom_field_data: NoMetadata {},
        }
    }
}

impl SubscriptionSummary {
    /// `subscription` of the customer with this id.
    pub(in crate::http) fn of(
        customer: crate::id::CustomerId,
        subscription: &customer::Subscription,
    ) -> Self {
        let meter_period = subscription.meter_period.map(|meter| meter.period);
        let (current_meter_period_start, current_meter_period_end) = moments(meter_period);
        Self {
            state: SubscriptionState::of(subscription),
            recurring_interval_count: billing(&subscription.terms).count,
            current_meter_period_start,
            current_meter_period_end,
            ended_at: subscription.ended_at.map(Moment),
            past_due_at: subscription.past_due_at.map(Moment),
            pause_at_period_end: false,
            paused_at: None,
            resumes_at: None,
            customer_id: customer.0,
            checkout_id: match subscription.start {
                Start::Checkout(checkout) => Some(checkout.0),
                Start::Api => None,
            },
            customer_cancellation_reason: None,
            customer_cancellation_comment: None,
        }
    }
}

impl Subscription {
    /// `subscription` of `view`, a customer of this organization. Nothing when its product is not in
    /// `catalog`, which does not happen: products stay.
    pub(in crate::http) fn of(
        view: &CustomerView,
        subscription: &customer::Subscription,
        catalog: &Catalog,
        organization_id: Uuid,
    ) -> Option<Self> {
        let product = catalog.product(subscription.terms.product)?;
        let meters = parts(view, subscription, catalog);
        Some(Self {
            summary: SubscriptionSummary::of(view.id, subscription),
            customer: Customer::of(view, organization_id),
            product: Product::of(product, catalog, organization_id),
            discount: None,
            prices: prices_of(subscription, product, catalog),
            meters: meters
                .map(|(part, meter)| MeteredPart { part, meter: Meter::of(meter, organization_id) })
                .collect(),
            pending_update: subscription
                .pending_change
                .as_ref()
                .map(|change| PendingUpdate::of(subscription, change)),
        })
    }
}

/// The prices that `subscription` was made on, which are not those of `product` any more perhaps.
fn prices_of(
    subscription: &customer::Subscription,
    product: &catalog::Product,
    catalog: &Catalog,
) -> Vec<Price> {
    let terms = &subscription.terms;
    let fixed = terms.fixed.iter().map(|price| price.price);
    let agreed = fixed.chain(terms.metered.iter().map(|price| price.price));
    let known = || product.prices.iter().chain(&product.archived_prices);
    agreed
        .filter_map(|id| known().find(|price| price.id == id))
        .filter_map(|price| Price::of(price, product.id, catalog))
        .collect()
}

/// What the metered prices of `subscription` come to, each with its meter.
fn parts<'a>(
    view: &'a CustomerView,
    subscription: &'a customer::Subscription,
    catalog: &'a Catalog,
) -> impl Iterator<Item = (SubscriptionPart, &'a crate::meter::Meter)> {
    let own = view.subscription_meters.iter().filter(|(of, _)| *of == subscription.id);
    own.filter_map(|(_, part)| {
        let meter = catalog.meter(part.meter)?;
        let standing = Standing::of(part.credited, part.consumed);
        let moved = view.meters.iter().find(|meter| meter.meter == part.meter);
        let moved = moved.map(|meter| meter.moments.last);
        let shown = SubscriptionPart {
            created_at: Moment(subscription.started_at),
            modified_at: moved.filter(|at| *at > subscription.started_at).map(Moment),
            id: part.id,
            consumed_units: standing.consumed_units,
            credited_units: standing.credited_units,
            amount: part.amount.0,
            meter_id: meter.id.0,
        };
        Some((shown, meter.as_ref()))
    })
}

impl SubscriptionPart {
    /// What the metered prices of `subscription`, which is `view`'s, come to.
    pub(in crate::http) fn all_of(
        view: &CustomerView,
        subscription: &customer::Subscription,
        catalog: &Catalog,
    ) -> Vec<Self> {
        parts(view, subscription, catalog).map(|(part, _)| part).collect()
    }
}

impl PendingUpdate {
    fn of(subscription: &customer::Subscription, change: &PendingChange) -> Self {
        Self {
            created_at: Moment(change.since),
            modified_at: None,
            // There is one at most, so it goes by its subscription.
            id: subscription.id.0,
            applies_at: Moment(subscription.period.end),
            product_id: Some(change.terms.product.0),
            seats: None,
            units: None,
        }
    }
}

/// A subscription's status in Polar's words.
pub(in crate::http) const fn status_word(status: SubscriptionStatus) -> &'static str {
    match status {
        SubscriptionStatus::Trialing => "trialing",
        SubscriptionStatus::Active => "active",
        SubscriptionStatus::PastDue => "past_due",
        SubscriptionStatus::Canceled => "canceled",
    }
}

/// How often a subscription is billed. Every product that can be subscribed to says so.
fn billing(terms: &ProductTerms) -> Interval {
    terms.billing.unwrap_or(Interval { unit: crate::cycle::IntervalUnit::Month, count: 1 })
}

fn moments(period: Option<Period>) -> (Option<Moment>, Option<Moment>) {
    (period.map(|period| Moment(period.start)), period.map(|period| Moment(period.end)))
}
