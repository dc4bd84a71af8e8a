//! Endings: a subscription ends with its period or now, and a customer is deleted.

use crate::customer::BenefitGrant;
use crate::customer::BillingReason;
use crate::customer::CustomerRefusal;
use crate::customer::Order;
use crate::customer::OrderChange;
use crate::customer::OrderStatus;
use crate::customer::SubscriptionChange;
use crate::customer::SubscriptionStatus;
use crate::customer::derived_id;
use crate::customer::draft::Draft;
use crate::customer::draft::Stop;
use crate::customer::overage::LineDraft;
use crate::customer::overage::hand_over;
use crate::customer::overage::settle_now;
use crate::customer::overage::turn_over;
use crate::customer::start::order_for;
use crate::grant::Purchase;
use crate::grant::Rollover;
use crate::id::OrderId;
use crate::id::SubscriptionId;
use crate::time::Timestamp;

pub(super) fn cancel_at_period_end(draft: &mut Draft<'_>, id: SubscriptionId) -> Result<(), Stop> {
    let now = draft.now;
    let subscription = draft.change(id)?;
    if subscription.status == SubscriptionStatus::Canceled || subscription.cancel_at_period_end {
        return Err(CustomerRefusal::SubscriptionAlreadyCanceled.into());
    }
    subscription.cancel_at_period_end = true;
    subscription.canceled_at = Some(now);
    subscription.ends_at = Some(subscription.period.end);
    draft.subscription_changed(id, SubscriptionChange::Updated);
    draft.subscription_changed(id, SubscriptionChange::Canceled);
    Ok(())
}

pub(super) fn uncancel(draft: &mut Draft<'_>, id: SubscriptionId) -> Result<(), Stop> {
    let subscription = draft.change(id)?;
    if subscription.status == SubscriptionStatus::Canceled || !subscription.cancel_at_period_end {
        return Err(CustomerRefusal::SubscriptionNotCanceled.into());
    }
    subscription.cancel_at_period_end = false;
    subscription.canceled_at = None;
    subscription.ends_at = None;
    draft.subscription_changed(id, SubscriptionChange::Updated);
    draft.subscription_changed(id, SubscriptionChange::Uncanceled);
    Ok(())
}

/// The turnover of a subscription that was cancelled: it carries and credits nothing, and makes the
/// last order if there is anything to bill.
pub(super) fn end_with_period(draft: &mut Draft<'_>, id: SubscriptionId) -> Result<(), Stop> {
    let end = draft.find(id)?.period.end;
    let owners = draft.customer.overage_owners();
    let lines = turn_over(draft, id, end, Rollover::Ends)?;
    mark_ended(draft, id, end)?;
    last_order(draft, id, lines)?;
    // The turnover has ended their units.
    for grant in draft.live_grants(Purchase::Subscription(id)) {
        draft.end_grant(grant.id);
    }
    Ok(hand_over(draft, &owners)?)
}

/// Ends a subscription now. What it used is billed only when it has a meter interval, as in Polar;
/// otherwise it stays unbilled, and what was credited last is taken back.
pub(super) fn revoke(draft: &mut Draft<'_>, id: SubscriptionId) -> Result<(), Stop> {
    if draft.status(id)? == SubscriptionStatus::Canceled {
        return Err(CustomerRefusal::SubscriptionAlreadyCanceled.into());
    }
    let owners = draft.customer.overage_owners();
    end_now(draft, id)?;
    draft.revoke_grants(Purchase::Subscription(id), |_| true)?;
    Ok(hand_over(draft, &owners)?)
}

/// Ends every subscription and takes every credit back.
pub(super) fn delete(draft: &mut Draft<'_>) -> Result<(), Stop> {
    let subscriptions = draft.customer.subscriptions().iter();
    let running = subscriptions.filter(|found| found.status != SubscriptionStatus::Canceled);
    let running: Vec<SubscriptionId> = running.map(|subscription| subscription.id).collect();
    for id in running {
        end_now(draft, id)?;
    }
    void_orders(draft, |order| order.subscription.is_none())?;
    let grants: Vec<BenefitGrant> = {
        let grants = draft.customer.benefit_grants().iter();
        grants.filter(|grant| grant.is_live()).cloned().collect()
    };
    // All of them end before any is taken back: none is left for another to be shared with.
    for grant in &grants {
        draft.end_grant(grant.id);
    }
    for grant in &grants {
        draft.take_back(grant)?;
    }
    Ok(())
}

/// Ends a subscription now, its grants not included.
fn end_now(draft: &mut Draft<'_>, id: SubscriptionId) -> Result<(), Stop> {
    let now = draft.now;
    let bills = draft.find(id)?.meter_period.is_some();
    let lines = if bills { settle_now(draft, id)? } else { Vec::new() };
    void_orders(draft, |order| order.subscription == Some(id))?;
    let subscription = draft.change(id)?;
    subscription.canceled_at = Some(now);
    subscription.ends_at = Some(now);
    mark_ended(draft, id, now)?;
    last_order(draft, id, lines)
}

fn mark_ended(draft: &mut Draft<'_>, id: SubscriptionId, at: Timestamp) -> Result<(), Stop> {
    let subscription = draft.change(id)?;
    subscription.status = SubscriptionStatus::Canceled;
    subscription.ended_at = Some(at);
    subscription.past_due_at = None;
    subscription.pending_change = None;
    for change in
        [SubscriptionChange::Updated, SubscriptionChange::Canceled, SubscriptionChange::Revoked]
    {
        draft.subscription_changed(id, change);
    }
    Ok(())
}

/// The order of the period that would have come next, if there is anything to bill.
fn last_order(
    draft: &mut Draft<'_>,
    id: SubscriptionId,
    lines: Vec<LineDraft>,
) -> Result<(), Stop> {
    if !lines.is_empty() {
        let index = draft.find(id)?.index.saturating_add(1);
        let order = derived_id::order_of_period(id, index);
        order_for(draft, id, order, BillingReason::SubscriptionCancel, lines)?;
    }
    Ok(())
}

fn void_orders(draft: &mut Draft<'_>, goes: impl Fn(&Order) -> bool) -> Result<(), Stop> {
    let orders = draft.customer.orders().filter(|order| !order.is_closed() && goes(order));
    let orders: Vec<OrderId> = orders.map(|order| order.id).collect();
    for id in orders {
        let order = draft.change_order(id)?;
        order.status = OrderStatus::Void;
        order.awaited = Vec::new();
        draft.order_changed(id, OrderChange::Voided);
    }
    Ok(())
}
