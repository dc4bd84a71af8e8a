//! Payments: an order was paid, or its payment failed.

use std::sync::Arc;

use crate::customer::BenefitGrantChange;
use crate::customer::CustomerRefusal;
use crate::customer::OrderChange;
use crate::customer::OrderStatus;
use crate::customer::SubscriptionChange;
use crate::customer::SubscriptionStatus;
use crate::customer::credit::CreditTime;
use crate::customer::derived_id;
use crate::customer::draft::Draft;
use crate::customer::draft::Stop;
use crate::customer::start::credit_purchase;
use crate::grant::Purchase;
use crate::id::OrderId;
use crate::id::SubscriptionId;

/// Credits what waited for the payment. A subscription that was past due is active again, and its
/// benefits are granted anew.
pub(super) fn paid(draft: &mut Draft<'_>, id: OrderId) -> Result<(), Stop> {
    let order = draft.change_order(id)?;
    match order.status {
        OrderStatus::Paid => return Err(CustomerRefusal::OrderAlreadyPaid.into()),
        OrderStatus::Void => return Err(CustomerRefusal::OrderVoided.into()),
        OrderStatus::Pending => order.status = OrderStatus::Paid,
    }
    let credits = std::mem::take(&mut order.awaited);
    let subscription = order.subscription;
    draft.order_changed(id, OrderChange::Paid);
    credit_purchase(draft, id, &credits)?;
    // Its subscription may be forgotten by now; the order is paid all the same.
    let subscription = subscription.and_then(|id| draft.customer.subscription(id));
    match subscription.map(|subscription| (subscription.id, subscription.status)) {
        Some((subscription, SubscriptionStatus::PastDue)) => recover(draft, subscription),
        Some((subscription, SubscriptionStatus::Active)) => credit_awaited(draft, subscription, id),
        // On trial nothing waits, and what has ended gets nothing any more.
        Some((_, SubscriptionStatus::Trialing | SubscriptionStatus::Canceled)) | None => Ok(()),
    }
}

/// What has become of the periods that passed meanwhile is for the turnovers that are due now.
fn recover(draft: &mut Draft<'_>, id: SubscriptionId) -> Result<(), Stop> {
    let owners = draft.customer.overage_owners();
    let subscription = draft.change(id)?;
    subscription.status = SubscriptionStatus::Active;
    subscription.past_due_at = None;
    draft.subscription_changed(id, SubscriptionChange::Updated);
    draft.subscription_changed(id, SubscriptionChange::Active);
    draft.sync_grants(id, &owners)
}

/// Makes the credits of the current period that waited for `order`.
fn credit_awaited(draft: &mut Draft<'_>, id: SubscriptionId, order: OrderId) -> Result<(), Stop> {
    let subscription = draft.find(id)?;
    let terms = Arc::clone(&subscription.terms);
    let time = CreditTime { start: draft.now, end: subscription.credits_end() };
    let is_current = order == derived_id::order_of_period(id, subscription.index);
    let purchase = Purchase::Subscription(id);
    let live = draft.live_grants(purchase);
    for credit in &terms.credits {
        let grant = live.iter().find(|grant| grant.benefit == credit.benefit);
        match grant.map(|grant| (grant.id, grant.awaits == Some(order))) {
            Some((id, true)) => draft.credit(id, credit, time, BenefitGrantChange::Cycled)?,
            // A benefit that is new in this period.
            None if is_current => draft.grant(purchase, credit, time)?,
            Some((_, false)) | None => {}
        }
    }
    Ok(())
}

/// Lets the subscription of an order be past due, and revokes its benefits: Polar grants no grace.
pub(super) fn failed(draft: &mut Draft<'_>, id: OrderId) -> Result<(), Stop> {
    let now = draft.now;
    let order = draft.customer.order(id).ok_or(CustomerRefusal::NoSuchOrder)?;
    match order.status {
        OrderStatus::Paid => return Err(CustomerRefusal::OrderAlreadyPaid.into()),
        OrderStatus::Void => return Err(CustomerRefusal::OrderVoided.into()),
        OrderStatus::Pending => {}
    }
    let subscription = order.subscription.and_then(|id| draft.customer.subscription(id));
    let Some(subscription) = subscription.filter(|found| found.status.is_active()) else {
        return Ok(());
    };
    let id = subscription.id;
    let subscription = draft.change(id)?;
    subscription.status = SubscriptionStatus::PastDue;
    subscription.past_due_at = Some(now);
    draft.subscription_changed(id, SubscriptionChange::Updated);
    draft.subscription_changed(id, SubscriptionChange::PastDue);
    draft.revoke_grants(Purchase::Subscription(id), |_| true)?;
    Ok(())
}
