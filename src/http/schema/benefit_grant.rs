//! Benefit grants as Polar shows them.

use serde::Serialize;
use uuid::Uuid;

use crate::catalog::Catalog;
use crate::customer;
use crate::engine::roll::CustomerView;
use crate::grant::Purchase;

use super::Benefit;
use super::Customer;
use super::Moment;
use super::Nothing;

/// That a customer has a benefit, or had it, because of one purchase.
#[derive(Debug, Serialize)]
pub(in crate::http) struct BenefitGrant {
    created_at: Moment,
    modified_at: Option<Moment>,
    id: Uuid,
    granted_at: Option<Moment>,
    is_granted: bool,
    revoked_at: Option<Moment>,
    is_revoked: bool,
    subscription_id: Option<Uuid>,
    order_id: Option<Uuid>,
    customer_id: Uuid,
    member_id: Option<Nothing>,
    benefit_id: Uuid,
    error: Option<Nothing>,
    properties: GrantProperties,
    customer: Customer,
    member: Option<Nothing>,
    benefit: Benefit,
}

/// What it credited last; nothing at all as long as it never did.
#[derive(Debug, Clone, Copy, Serialize)]
pub(in crate::http) struct GrantProperties {
    #[serde(flatten)]
    last: Option<LastCredited>,
}

/// Polar's words for a [`customer::LastCredit`].
#[derive(Debug, Clone, Copy, Serialize)]
struct LastCredited {
    #[serde(rename = "last_credited_meter_id")]
    meter_id: Uuid,
    #[serde(rename = "last_credited_units")]
    units: u32,
    #[serde(rename = "last_credited_at")]
    at: Moment,
}

impl GrantProperties {
    /// What `grant` credited last, on a meter of `catalog`.
    pub(in crate::http) fn of(grant: &customer::BenefitGrant, catalog: &Catalog) -> Self {
        let last = grant.last_credit.and_then(|last| {
            let meter = catalog.meter(last.meter)?;
            Some(LastCredited { meter_id: meter.id.0, units: last.units, at: Moment(last.at) })
        });
        Self { last }
    }
}

impl BenefitGrant {
    /// `grant` of `view`, a customer of this organization. Nothing when its benefit is not in
    /// `catalog`, which does not happen: benefits stay, deleted ones too.
    pub(in crate::http) fn of(
        view: &CustomerView,
        grant: &customer::BenefitGrant,
        catalog: &Catalog,
        organization_id: Uuid,
    ) -> Option<Self> {
        let benefit = catalog.benefit(grant.benefit)?;
        let (subscription_id, order_id) = match grant.purchase {
            Purchase::Subscription(subscription) => (Some(subscription.0), None),
            Purchase::Order(order) => (None, Some(order.0)),
        };
        Some(Self {
            created_at: Moment(grant.created_at),
            modified_at: grant.modified_at.map(Moment),
            id: grant.id.0,
            granted_at: grant.is_live().then_some(Moment(grant.granted_at)),
            is_granted: grant.is_live(),
            revoked_at: grant.revoked_at.map(Moment),
            is_revoked: !grant.is_live(),
            subscription_id,
            order_id,
            customer_id: view.id.0,
            member_id: None,
            benefit_id: grant.benefit.0,
            error: None,
            properties: GrantProperties::of(grant, catalog),
            customer: Customer::of(view, organization_id),
            member: None,
            benefit: Benefit::of(benefit, catalog, organization_id),
        })
    }
}
