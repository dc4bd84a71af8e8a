//! Checkouts as Polar shows them. There are no payments, discounts, taxes and seats here, so most of
//! what Polar's have is always the same.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::catalog;
use crate::catalog::{Catalog, Organization};
use crate::http::checkouts::{Checkout, Standing, Trial};
use crate::time::Timestamp;

use super::Moment;
use super::NoMetadata;
use super::Nothing;
use super::Price;
use super::Product;
use super::interval_word;
use super::json;

/// Where a checkout of a free product would go to pay: nowhere. Polar's SDKs insist on a name.
const PAYMENT_PROCESSOR: &str = "stripe";

/// A checkout.
#[derive(Debug, Serialize)]
pub(in crate::http) struct CheckoutView {
    id: Uuid,
    created_at: Moment,
    modified_at: Option<Moment>,
    custom_field_data: NoMetadata,
    payment_processor: &'static str,
    status: &'static str,
    client_secret: String,
    url: String,
    expires_at: Moment,
    success_url: String,
    return_url: Option<Box<str>>,
    embed_origin: Option<Nothing>,
    #[serde(flatten)]
    amounts: Amounts,
    currency: Box<str>,
    #[serde(flatten)]
    trial: TrialView,
    organization_id: Uuid,
    product_id: Uuid,
    product_price_id: Option<Uuid>,
    discount_id: Option<Nothing>,
    #[serde(flatten)]
    rules: Rules,
    customer_id: Option<Uuid>,
    is_business_customer: bool,
    customer_name: Option<Box<str>>,
    customer_email: Option<Box<str>>,
    customer_ip_address: Option<Nothing>,
    customer_billing_name: Option<Nothing>,
    customer_billing_address: Option<Nothing>,
    customer_tax_id: Option<Nothing>,
    locale: Option<Nothing>,
    payment_method_type: Option<Nothing>,
    payment_processor_metadata: NoMetadata,
    billing_address_fields: AddressFields,
    metadata: Box<RawValue>,
    external_customer_id: Option<Box<str>>,
    products: Vec<Product>,
    product: Product,
    product_price: Option<Price>,
    prices: BTreeMap<Uuid, Vec<Price>>,
    discount: Option<Nothing>,
    subscription_id: Option<Uuid>,
    attached_custom_fields: [Nothing; 0],
    customer_metadata: Box<RawValue>,
}

/// A checkout as whoever has its secret sees it.
#[derive(Debug, Serialize)]
pub(in crate::http) struct ClientCheckout {
    #[serde(flatten)]
    checkout: CheckoutView,
    organization: CheckoutOrganization,
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_session_token: Option<NoSession>,
}

/// No session is opened: `null`.
#[derive(Debug, Clone, Copy, Serialize)]
struct NoSession;

/// What everything costs that is free.
#[derive(Debug, Serialize)]
struct Amounts {
    amount: i64,
    seats: Option<Nothing>,
    min_seats: Option<Nothing>,
    max_seats: Option<Nothing>,
    units: Option<Nothing>,
    min_units: Option<Nothing>,
    max_units: Option<Nothing>,
    discount_amount: i64,
    net_amount: i64,
    tax_amount: i64,
    tax_behavior: Option<Nothing>,
    total_amount: i64,
}

/// What is said of a trial.
#[derive(Debug, Serialize)]
struct TrialView {
    allow_trial: Option<bool>,
    active_trial_interval: Option<&'static str>,
    active_trial_interval_count: Option<u16>,
    trial_end: Option<Moment>,
    trial_interval: Option<&'static str>,
    trial_interval_count: Option<u16>,
}

/// What has to be filled in, and what can be.
#[derive(Debug, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "Polar's object has them")]
struct Rules {
    allow_discount_codes: bool,
    require_billing_address: bool,
    is_discount_applicable: bool,
    is_free_product_price: bool,
    is_payment_required: bool,
    is_payment_setup_required: bool,
    is_payment_form_required: bool,
}

/// What is asked of an address.
#[derive(Debug, Serialize)]
struct AddressFields {
    country: &'static str,
    state: &'static str,
    city: &'static str,
    postal_code: &'static str,
    line1: &'static str,
    line2: &'static str,
}

/// Whose checkout it is.
#[derive(Debug, Serialize)]
struct CheckoutOrganization {
    created_at: Moment,
    modified_at: Option<Moment>,
    id: Uuid,
    name: String,
    slug: String,
    avatar_url: Option<Nothing>,
    proration_behavior: &'static str,
    allow_customer_updates: bool,
}

/// What a checkout is shown with.
pub(in crate::http) struct CheckoutSetting<'a> {
    /// Where its products are looked up.
    pub(in crate::http) catalog: &'a Catalog,
    /// Whose it is.
    pub(in crate::http) organization: &'a Organization,
    /// Where the server is reached.
    pub(in crate::http) base_url: String,
    /// The present.
    pub(in crate::http) now: Timestamp,
}

impl CheckoutView {
    /// `checkout` in its setting. Nothing when its product is not in the catalog, which does not
    /// happen: products stay.
    pub(in crate::http) fn of(checkout: &Checkout, setting: &CheckoutSetting<'_>) -> Option<Self> {
        let order = &checkout.order;
        let (catalog, organization_id) = (setting.catalog, setting.organization.id.0);
        let sold = catalog.product(order.product)?;
        let shown = |product: &catalog::Product| Product::of(product, catalog, organization_id);
        let price_of = |product: &catalog::Product| -> Vec<Price> {
            let prices = product.prices.iter();
            prices.filter_map(|price| Price::of(price, product.id, catalog)).collect()
        };
        let choices = || order.products.iter().filter_map(|id| catalog.product(*id));
        let fixed = sold.prices.iter().find(|price| price.fixed().is_some());
        let url = format!("{}/v1/checkouts/client/{}", setting.base_url, checkout.secret);
        let success_url = order.success_url.as_deref().unwrap_or(&url);
        Some(Self {
            id: checkout.id.0,
            created_at: Moment(checkout.created_at),
            modified_at: checkout.modified_at.map(Moment),
            custom_field_data: NoMetadata {},
            payment_processor: PAYMENT_PROCESSOR,
            status: match checkout.standing {
                Standing::Open if checkout.is_expired(setting.now) => "expired",
                Standing::Open => "open",
                Standing::Confirming => "confirmed",
                Standing::Succeeded { .. } => "succeeded",
            },
            client_secret: checkout.secret.clone(),
            success_url: success_url.replace("{CHECKOUT_ID}", &checkout.id.to_string()),
            url,
            expires_at: Moment(checkout.expires_at),
            return_url: order.return_url.clone(),
            embed_origin: None,
            amounts: Amounts::NOTHING,
            currency: sold.currency().code().into(),
            trial: TrialView::of(sold, order.trial, setting.now),
            organization_id,
            product_id: sold.id.0,
            product_price_id: fixed.map(|price| price.id.0),
            discount_id: None,
            rules: Rules::FREE,
            customer_id: order.customer.map(|id| id.0),
            is_business_customer: false,
            customer_name: order.name.clone(),
            customer_email: order.email.clone(),
            customer_ip_address: None,
            customer_billing_name: None,
            customer_billing_address: None,
            customer_tax_id: None,
            locale: None,
            payment_method_type: None,
            payment_processor_metadata: NoMetadata {},
            billing_address_fields: AddressFields::NONE,
            metadata: json(order.metadata.as_json()),
            external_customer_id: order.external_customer_id.clone(),
            products: choices().map(|product| shown(product)).collect(),
            product: shown(sold),
            product_price: fixed.and_then(|price| Price::of(price, sold.id, catalog)),
            prices: choices().map(|product| (product.id.0, price_of(product))).collect(),
            discount: None,
            subscription_id: match checkout.standing {
                Standing::Succeeded { subscription } => subscription.map(|id| id.0),
                Standing::Open | Standing::Confirming => None,
            },
            attached_custom_fields: [],
            customer_metadata: json(order.customer_metadata.as_json()),
        })
    }
}

impl ClientCheckout {
    /// `checkout` for whoever has its secret.
    pub(in crate::http) fn of(checkout: &Checkout, setting: &CheckoutSetting<'_>) -> Option<Self> {
        let organization = setting.organization;
        Some(Self {
            checkout: CheckoutView::of(checkout, setting)?,
            organization: CheckoutOrganization {
                created_at: Moment(organization.created_at),
                modified_at: None,
                id: organization.id.0,
                name: organization.name.clone(),
                slug: organization.name.clone(),
                avatar_url: None,
                proration_behavior: "prorate",
                allow_customer_updates: false,
            },
            customer_session_token: None,
        })
    }

    /// The same as the answer to its confirmation, which Polar calls by a status of its own. No
    /// session of the customer is opened with it.
    pub(in crate::http) fn confirmed(mut self) -> Self {
        self.checkout.status = "confirmed";
        self.customer_session_token = Some(NoSession);
        self
    }
}

impl Amounts {
    const NOTHING: Self = Self {
        amount: 0,
        seats: None,
        min_seats: None,
        max_seats: None,
        units: None,
        min_units: None,
        max_units: None,
        discount_amount: 0,
        net_amount: 0,
        tax_amount: 0,
        tax_behavior: None,
        total_amount: 0,
    };
}

impl TrialView {
    fn of(product: &catalog::Product, trial: Trial, now: Timestamp) -> Self {
        let own = product.trial;
        let active = own.filter(|_| trial == Trial::Allowed);
        Self {
            allow_trial: (trial == Trial::Waived).then_some(false),
            active_trial_interval: active.map(|of| interval_word(of.unit)),
            active_trial_interval_count: active.map(|of| of.count),
            trial_end: active.and_then(|of| of.boundary(now, 1)).map(Moment),
            trial_interval: None,
            trial_interval_count: None,
        }
    }
}

impl Rules {
    const FREE: Self = Self {
        allow_discount_codes: false,
        require_billing_address: false,
        is_discount_applicable: false,
        is_free_product_price: true,
        is_payment_required: false,
        is_payment_setup_required: false,
        is_payment_form_required: false,
    };
}

impl AddressFields {
    const NONE: Self = Self {
        country: "disabled",
        state: "disabled",
        city: "disabled",
        postal_code: "disabled",
        line1: "disabled",
        line2: "disabled",
    };
}
