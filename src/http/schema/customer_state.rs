//! All that is live of a customer, as Polar shows it at once.

use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::catalog::Catalog;
use crate::customer;
use crate::engine::roll::CustomerView;

use super::Benefit;
use super::Customer;
use super::CustomerStateMeter;
use super::GrantProperties;
use super::Moment;
use super::SubscriptionPart;
use super::SubscriptionState;
use super::json;

/// A customer with its running subscriptions, granted benefits, and meters.
#[derive(Debug, Serialize)]
pub(in crate::http) struct CustomerState {
    #[serde(flatten)]
    customer: Customer,
    active_subscriptions: Vec<ActiveSubscription>,
    granted_benefits: Vec<GrantedBenefit>,
    active_meters: Vec<ActiveMeter>,
}

/// A subscription that is active or on trial.
#[derive(Debug, Serialize)]
struct ActiveSubscription {
    #[serde(flatten)]
    subscription: SubscriptionState,
    meters: Vec<SubscriptionPart>,
}

/// A benefit that is granted.
#[derive(Debug, Serialize)]
struct GrantedBenefit {
    id: Uuid,
    created_at: Moment,
    modified_at: Option<Moment>,
    granted_at: Moment,
    benefit_id: Uuid,
    benefit_type: &'static str,
    benefit_metadata: Box<RawValue>,
    properties: GrantProperties,
}

/// A meter that is not archived.
#[derive(Debug, Serialize)]
struct ActiveMeter {
    customer_id: Uuid,
    #[serde(flatten)]
    meter: CustomerStateMeter,
}

impl CustomerState {
    /// `view`, a customer of this organization; what it names is looked up in `catalog`.
    pub(in crate::http) fn of(
        view: &CustomerView,
        catalog: &Catalog,
        organization_id: Uuid,
    ) -> Self {
        let purchases = view.purchases.as_deref();
        let subscriptions = purchases.map_or(&[][..], customer::Customer::subscriptions);
        let subscriptions = subscriptions.iter().filter(|found| found.status.is_active());
        let benefit_grants = purchases.map_or(&[][..], customer::Customer::benefit_grants);
        let benefit_grants = benefit_grants.iter().filter(|grant| grant.is_live());
        let meters = view.meters.iter().filter_map(|standing| {
            let meter = catalog.meter(standing.meter).filter(|meter| !meter.is_archived())?;
            let meter = CustomerStateMeter::of(view.id, meter, standing);
            Some(ActiveMeter { customer_id: view.id.0, meter })
        });
        Self {
            customer: Customer::of(view, organization_id),
            active_subscriptions: subscriptions
                .map(|subscription| ActiveSubscription {
                    subscription: SubscriptionState::of(subscription),
                    meters: SubscriptionPart::all_of(view, subscription, catalog),
                })
                .collect(),
            granted_benefits: benefit_grants
                .map(|grant| GrantedBenefit::of(grant, catalog))
                .collect(),
            active_meters: meters.collect(),
        }
    }
}

impl GrantedBenefit {
    fn of(grant: &customer::BenefitGrant, catalog: &Catalog) -> Self {
        let metadata = catalog.benefit(grant.benefit).map(|benefit| benefit.metadata.as_json());
        Self {
            id: grant.id.0,
            created_at: Moment(grant.created_at),
            modified_at: grant.modified_at.map(Moment),
            granted_at: Moment(grant.granted_at),
            benefit_id: grant.benefit.0,
            benefit_type: Benefit::KIND,
            benefit_metadata: json(metadata.unwrap_or("{}")),
            properties: GrantProperties::of(grant, catalog),
        }
    }
}
