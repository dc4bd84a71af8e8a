//! Orders as Polar shows them. There are no taxes, discounts and refunds here, so what Polar has
//! several amounts for is one.

use serde::Serialize;
use uuid::Uuid;

use crate::catalog::Catalog;
use crate::customer;
use crate::customer::{BillingReason, OrderLine, OrderLineKind, OrderStatus};
use crate::engine::roll::CustomerView;
use crate::units::write_decimal;

use super::Customer;
use super::Moment;
use super::NoMetadata;
use super::Nothing;
use super::ProductSummary;
use super::SubscriptionSummary;

/// An order with its lines, customer, product and subscription.
#[derive(Debug, Serialize)]
pub(in crate::http) struct Order {
    id: Uuid,
    created_at: Moment,
    modified_at: Option<Moment>,
    status: &'static str,
    paid: bool,
    #[serde(flatten)]
    amounts: Amounts,
    currency: Box<str>,
    billing_reason: &'static str,
    billing_name: Option<Box<str>>,
    billing_address: Option<Nothing>,
    invoice_number: Option<Nothing>,
    is_invoice_generated: bool,
    receipt_number: Option<Nothing>,
    seats: Option<Nothing>,
    units: Option<Nothing>,
    customer_id: Uuid,
    product_id: Uuid,
    discount_id: Option<Uuid>,
    subscription_id: Option<Uuid>,
    checkout_id: Option<Uuid>,
    next_payment_attempt_at: Option<Moment>,
    metadata: NoMetadata,
    custom_field_data: NoMetadata,
    items: Vec<Item>,
    description: Box<str>,
    customer: Customer,
    discount: Option<Nothing>,
    product: Option<ProductSummary>,
    subscription: Option<SubscriptionSummary>,
}

/// What an order comes to, in cents.
#[derive(Debug, Serialize)]
struct Amounts {
    subtotal_amount: i64,
    discount_amount: i64,
    net_amount: i64,
    tax_amount: i64,
    total_amount: i64,
    applied_balance_amount: i64,
    due_amount: i64,
    refunded_amount: i64,
    refunded_tax_amount: i64,
    refundable_amount: i64,
    refundable_tax_amount: i64,
    platform_fee_amount: i64,
    platform_fee_currency: Option<Nothing>,
}

/// A line of an order.
#[derive(Debug, Serialize)]
struct Item {
    created_at: Moment,
    modified_at: Option<Moment>,
    id: Uuid,
    label: String,
    amount: i64,
    tax_amount: i64,
    proration: bool,
    product_price_id: Option<Uuid>,
    start_timestamp: Option<Moment>,
    end_timestamp: Option<Moment>,
}

impl Order {
    /// `order` of `view`, a customer of this organization; what it names is looked up in `catalog`.
    pub(in crate::http) fn of(
        view: &CustomerView,
        order: &customer::Order,
        catalog: &Catalog,
        organization_id: Uuid,
    ) -> Self {
        let product = catalog.product(order.product);
        let name: &str = product.map_or("", |product| &product.name);
        let subscription = order.subscription.and_then(|id| view.subscription(id));
        let items = order.lines.iter().map(|line| Item::of(order, line, name, catalog));
        let details = view.profile.as_deref().map(|profile| &profile.details);
        Self {
            id: order.id.0,
            created_at: Moment(order.created_at),
            modified_at: order.modified_at.map(Moment),
            status: order_status_word(order.status),
            paid: order.status == OrderStatus::Paid,
            amounts: Amounts::of(order),
            currency: order.currency.code().into(),
            billing_reason: reason_word(order.reason),
            billing_name: details
                .and_then(|details| details.billing_name.clone().or_else(|| details.name.clone())),
            billing_address: None,
            invoice_number: None,
            is_invoice_generated: false,
            receipt_number: None,
            seats: None,
            units: None,
            customer_id: view.id.0,
            product_id: order.product.0,
            discount_id: None,
            subscription_id: order.subscription.map(|id| id.0),
            checkout_id: order.checkout.map(|id| id.0),
            next_payment_attempt_at: None,
            metadata: NoMetadata {},
            custom_field_data: NoMetadata {},
            items: items.collect(),
            description: name.into(),
            customer: Customer::of(view, organization_id),
            discount: None,
            product: product.map(|product| ProductSummary::of(product, organization_id)),
            subscription: subscription
                .map(|subscription| SubscriptionSummary::of(view.id, subscription)),
        }
    }
}

impl Amounts {
    fn of(order: &customer::Order) -> Self {
        let total = order.total().0;
        let paid = order.status == OrderStatus::Paid;
        Self {
            subtotal_amount: total,
            discount_amount: 0,
            net_amount: total,
            tax_amount: 0,
            total_amount: total,
            applied_balance_amount: 0,
            due_amount: order.amount_due().0,
            refunded_amount: 0,
            refunded_tax_amount: 0,
            refundable_amount: if paid { total } else { 0 },
            refundable_tax_amount: 0,
            platform_fee_amount: 0,
            platform_fee_currency: None,
        }
    }
}

impl Item {
    fn of(order: &customer::Order, line: &OrderLine, product: &str, catalog: &Catalog) -> Self {
        let label = match line.kind {
            OrderLineKind::Purchase | OrderLineKind::Fixed => product.to_owned(),
            OrderLineKind::Trial => format!("Trial period for {product}"),
            OrderLineKind::Overage { meter, units } => {
                let meter = catalog.meter(meter).map_or("", |meter| &meter.name);
                let mut number = Vec::new();
                write_decimal(&mut number, units);
                format!("{meter}: {} units", String::from_utf8_lossy(&number))
            }
        };
        Self {
            created_at: Moment(order.created_at),
            modified_at: None,
            id: line.id.0,
            label,
            amount: line.amount.0,
            tax_amount: 0,
            proration: false,
            product_price_id: line.price.map(|price| price.0),
            start_timestamp: line.period.map(|period| Moment(period.start)),
            end_timestamp: line.period.map(|period| Moment(period.end)),
        }
    }
}

/// An order's status in Polar's words.
pub(in crate::http) const fn order_status_word(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::Pending => "pending",
        OrderStatus::Paid => "paid",
        OrderStatus::Void => "void",
    }
}

/// Why an order was made. Polar's SDKs know four reasons: the end of a trial and the end of a
/// subscription are shown as the cycles that they are.
const fn reason_word(reason: BillingReason) -> &'static str {
    match reason {
        BillingReason::Purchase => "purchase",
        BillingReason::SubscriptionCreate => "subscription_create",
        BillingReason::SubscriptionCycle
        | BillingReason::SubscriptionCycleAfterTrial
        | BillingReason::SubscriptionCancel => "subscription_cycle",
        BillingReason::SubscriptionUpdate => "subscription_update",
    }
}
