//! Customers as Polar shows them.

use serde::Serialize;
use uuid::Uuid;

use crate::engine::roll::CustomerView;

use super::CustomerStateMeter;
use super::Moment;
use super::NoMetadata;
use super::Nothing;

/// A customer. One who is known by use alone has an id of each kind and nothing else.
#[derive(Debug, Clone, Serialize)]
pub(in crate::http) struct Customer {
    id: Uuid,
    created_at: Moment,
    modified_at: Option<Moment>,
    metadata: NoMetadata,
    external_id: Box<str>,
    /// Polar's customers have an address, and its SDKs insist on text here. Nobody knows this one's.
    email: &'static str,
    email_verified: bool,
    #[serde(rename = "type")]
    kind: &'static str,
    name: Option<Box<str>>,
    billing_name: Option<Box<str>>,
    billing_address: Option<Nothing>,
    tax_id: Option<Nothing>,
    locale: Option<Box<str>>,
    organization_id: Uuid,
    default_payment_method_id: Option<Uuid>,
    deleted_at: Option<Moment>,
    first_user_event_at: Option<Moment>,
    avatar_url: Option<Box<str>>,
}

impl Customer {
    /// `view`, a customer of this organization.
    pub(in crate::http) fn of(view: &CustomerView, organization_id: Uuid) -> Self {
        Self {
            id: view.id.0,
            created_at: Moment(view.created_at),
            modified_at: None,
            metadata: NoMetadata {},
            external_id: view.external_id.clone(),
            email: "",
            email_verified: false,
            kind: "individual",
            name: None,
            billing_name: None,
            billing_address: None,
            tax_id: None,
            locale: None,
            organization_id,
            default_payment_method_id: None,
            deleted_at: None,
            first_user_event_at: None,
            avatar_url: None,
        }
    }
}

/// A customer with all that is live of it.
#[derive(Debug, Serialize)]
pub(in crate::http) struct CustomerState {
    #[serde(flatten)]
    pub(in crate::http) customer: Customer,
    pub(in crate::http) active_subscriptions: [Nothing; 0],
    pub(in crate::http) granted_benefits: [Nothing; 0],
    pub(in crate::http) active_meters: Vec<CustomerStateMeter>,
}
