//! A customer taken apart for its image, and put together again.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::customer::BENEFIT_GRANTS_MAX;
use crate::customer::BenefitGrant;
use crate::customer::Customer;
use crate::customer::ORDERS_MAX;
use crate::customer::Order;
use crate::customer::SUBSCRIPTIONS_MAX;
use crate::customer::Subscription;
use crate::customer::SubscriptionStatus;
use crate::customer::derived_id;
use crate::encoding::Malformed;

/// All that a customer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerParts {
    /// In the order of their start.
    pub subscriptions: Vec<Subscription>,
    /// In the order in which they were made.
    pub orders: Vec<Arc<Order>>,
    /// In the order in which they were made.
    pub benefit_grants: Vec<BenefitGrant>,
}

impl Customer {
    /// Takes it apart. What is read only can be had piece by piece without it.
    #[must_use]
    pub fn into_parts(self) -> CustomerParts {
        let Self { subscriptions, orders, benefit_grants } = self;
        CustomerParts { subscriptions, orders, benefit_grants }
    }
}

impl TryFrom<CustomerParts> for Customer {
    type Error = Malformed;

    fn try_from(parts: CustomerParts) -> Result<Self, Malformed> {
        let CustomerParts { subscriptions, orders, benefit_grants } = parts;
        if subscriptions.len() > SUBSCRIPTIONS_MAX
            || orders.len() > ORDERS_MAX
            || benefit_grants.len() > BENEFIT_GRANTS_MAX
        {
            return Err(Malformed("a customer with too many parts"));
        }
        if !subscriptions.is_sorted_by_key(|subscription| subscription.started_at) {
            return Err(Malformed("subscriptions are not in the order of their start"));
        }
        subscriptions.iter().try_for_each(verify_subscription)?;
        benefit_grants.iter().try_for_each(verify_benefit_grant)?;
        if has_twins(subscriptions.iter().map(|subscription| subscription.id))
            || has_twins(orders.iter().map(|order| order.id))
            || has_twins(benefit_grants.iter().map(|grant| grant.id))
        {
            return Err(Malformed("an id twice in one customer"));
        }
        Ok(Self { subscriptions, orders, benefit_grants })
    }
}

fn verify_subscription(subscription: &Subscription) -> Result<(), Malformed> {
    let Subscription { status, period, .. } = subscription;
    if period.end < period.start || subscription.index < subscription.schedule.index {
        return Err(Malformed("a subscription out of its time"));
    }
    let status_fits = (*status == SubscriptionStatus::Canceled) == subscription.ended_at.is_some()
        && (*status == SubscriptionStatus::PastDue) == subscription.past_due_at.is_some()
        && (*status != SubscriptionStatus::Trialing || subscription.trial.is_some());
    if !status_fits {
        return Err(Malformed("the status of a subscription does not fit its times"));
    }
    if subscription.terms.billing.is_none() {
        return Err(Malformed("a subscription to a product that is sold once"));
    }
    Ok(())
}

fn verify_benefit_grant(grant: &BenefitGrant) -> Result<(), Malformed> {
    if grant.id == derived_id::benefit_grant(grant.purchase, grant.benefit) {
        Ok(())
    } else {
        Err(Malformed("a benefit grant under another's id"))
    }
}

fn has_twins<T: Ord>(ids: impl Iterator<Item = T>) -> bool {
    let mut seen = BTreeSet::new();
    let mut ids = ids;
    ids.any(|id| !seen.insert(id))
}
