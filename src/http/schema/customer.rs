//! Customers as Polar shows them.

use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::engine::roll::CustomerView;
use crate::profile::ProfileKind;

use super::Moment;
use super::json;

/// A customer. One who is known by use alone has an id of each kind and nothing else.
#[derive(Debug, Clone, Serialize)]
pub(in crate::http) struct Customer {
    id: Uuid,
    created_at: Moment,
    modified_at: Option<Moment>,
    metadata: Box<RawValue>,
    external_id: Option<Box<str>>,
    /// Polar's customers have an address, and its SDKs insist on text here: it is empty when nobody
    /// knows it.
    email: Box<str>,
    email_verified: bool,
    #[serde(rename = "type")]
    kind: &'static str,
    name: Option<Box<str>>,
    billing_name: Option<Box<str>>,
    billing_address: Option<Box<RawValue>>,
    tax_id: Option<Box<RawValue>>,
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
        let profile = view.profile.as_deref();
        let details = profile.map(|profile| &profile.details);
        let external_id = &view.external_id;
        Self {
            id: view.id.0,
            created_at: Moment(profile.map_or(view.created_at, |profile| profile.created_at)),
            modified_at: profile.and_then(|profile| profile.modified_at).map(Moment),
            metadata: json(details.map_or("{}", |details| details.metadata.as_json())),
            external_id: (!external_id.is_empty()).then(|| external_id.clone()),
            email: details.map(|details| details.email.clone()).unwrap_or_default(),
            email_verified: false,
            kind: match details.map_or(ProfileKind::Individual, |details| details.kind) {
                ProfileKind::Individual => "individual",
                ProfileKind::Team => "team",
            },
            name: details.and_then(|details| details.name.clone()),
            billing_name: details.and_then(|details| details.billing_name.clone()),
            billing_address: details.and_then(|of| of.billing_address.clone()).map(json),
            tax_id: details.and_then(|details| details.tax_id.clone()).map(json),
            locale: details.and_then(|details| details.locale.clone()),
            organization_id,
            default_payment_method_id: None,
            deleted_at: profile.and_then(|profile| profile.deleted_at).map(Moment),
            first_user_event_at: view.first_event_at.map(Moment),
            avatar_url: None,
        }
    }
}
