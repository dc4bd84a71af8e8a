//! What is closed and old is forgotten, so that a customer's memory does not grow for ever.

use std::sync::Arc;

use crate::customer::Customer;
use crate::customer::draft::Draft;
use crate::customer::order::Order;
use crate::customer::outcome::BenefitGrantChange;
use crate::customer::outcome::OrderChange;
use crate::customer::outcome::SubscriptionChange;
use crate::grant::Purchase;
use crate::id::BenefitGrantId;
use crate::id::OrderId;
use crate::id::SubscriptionId;
use crate::time::Timestamp;

/// How much is remembered of what is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Most closed orders; the oldest are forgotten first.
    pub closed_orders_max: u32,
    /// For how long a closed order, an ended subscription or a revoked benefit grant is remembered,
    /// in microseconds since it last changed.
    pub age_max: i64,
}

impl Retention {
    /// Two years of days: closed orders of ten years by the month, and of two by the day.
    pub const DEFAULT: Self = Self { closed_orders_max: 732, age_max: 63_244_800_000_000 };
}

impl Default for Retention {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Customer {
    /// Whether [`super::CustomerCommand::Forget`] would forget anything at `now`.
    #[must_use]
    pub fn has_forgettable(&self, now: Timestamp, retention: Retention) -> bool {
        let mut rest = self.clone();
        sort_out(&mut rest, now, retention) != Forgotten::default()
    }
}

/// What was forgotten.
#[derive(Debug, Default, PartialEq, Eq)]
struct Forgotten {
    orders: Vec<OrderId>,
    subscriptions: Vec<SubscriptionId>,
    benefit_grants: Vec<BenefitGrantId>,
}

/// See [`super::CustomerCommand::Forget`]. What is open, runs or is granted is never forgotten, nor
/// an ended subscription that an account still holds credits of. A subscription is remembered as
/// long as any of its orders: their ids follow from its own.
pub(super) fn forget(draft: &mut Draft<'_>, retention: Retention) {
    let forgotten = sort_out(&mut draft.customer, draft.now, retention);
    for order in forgotten.orders {
        draft.order_changed(order, OrderChange::Forgotten);
    }
    for benefit_grant in forgotten.benefit_grants {
        draft.benefit_grant_changed(benefit_grant, BenefitGrantChange::Forgotten);
    }
    for subscription in forgotten.subscriptions {
        draft.subscription_changed(subscription, SubscriptionChange::Forgotten);
    }
}

fn sort_out(customer: &mut Customer, now: Timestamp, retention: Retention) -> Forgotten {
    let old = |since: Timestamp| now.since(since) >= retention.age_max;
    let mut forgotten = Forgotten::default();

    let closed = |order: &Arc<Order>| order.is_closed();
    let kept = usize::try_from(retention.closed_orders_max).unwrap_or(usize::MAX);
    let mut surplus = customer.orders.iter().filter(|order| closed(order)).count();
    surplus = surplus.saturating_sub(kept);
    customer.orders.retain(|order| {
        let too_many = closed(order) && surplus > 0;
        surplus = surplus.saturating_sub(usize::from(too_many));
        let goes =
            too_many || (closed(order) && old(order.modified_at.unwrap_or(order.created_at)));
        if goes {
            forgotten.orders.push(order.id);
        }
        !goes
    });

    let orders = &customer.orders;
    customer.subscriptions.retain(|subscription| {
        let ordered = orders.iter().any(|order| order.subscription == Some(subscription.id));
        let ended = subscription.ended_at.is_some_and(old);
        let goes = ended && !ordered && subscription.leftover.is_empty();
        if goes {
            forgotten.subscriptions.push(subscription.id);
        }
        !goes
    });

    let subscriptions = &forgotten.subscriptions;
    customer.benefit_grants.retain(|grant| {
        let goes = match grant.purchase {
            Purchase::Subscription(subscription) => subscriptions.contains(&subscription),
            Purchase::Order(_) => grant.revoked_at.is_some_and(old),
        };
        if goes {
            forgotten.benefit_grants.push(grant.id);
        }
        !goes
    });
    forgotten
}
