//! Turnovers: a period ends and the next one begins, in one step: settle overage, roll over, reset,
//! make the order, credit anew.

use std::sync::Arc;

use crate::customer::BenefitGrantChange;
use crate::customer::BillingReason;
use crate::customer::CreditOn;
use crate::customer::CustomerRefusal;
use crate::customer::Cycle;
use crate::customer::MeterCycle;
use crate::customer::Schedule;
use crate::customer::Subscription;
use crate::customer::SubscriptionChange;
use crate::customer::SubscriptionStatus;
use crate::customer::credit::CreditTime;
use crate::customer::credit::names;
use crate::customer::derived_id;
use crate::customer::draft::Draft;
use crate::customer::draft::Stop;
use crate::customer::ending;
use crate::customer::overage::Owners;
use crate::customer::overage::hand_over;
use crate::customer::overage::turn_over;
use crate::customer::start::fixed_line;
use crate::customer::start::order_for;
use crate::customer::subscription::with_benefits_of;
use crate::cycle::Period;
use crate::grant::Purchase;
use crate::grant::Rollover;
use crate::id::OrderId;
use crate::id::SubscriptionId;
use crate::product::ProductTerms;
use crate::time::Timestamp;

/// Ends a billing period.
pub(super) fn cycle(draft: &mut Draft<'_>, command: &Cycle) -> Result<(), Stop> {
    let id = command.subscription;
    let subscription = draft.find(id)?;
    if !subscription.status.is_active() {
        return Err(CustomerRefusal::SubscriptionInactive.into());
    }
    if subscription.index != command.index {
        return Err(CustomerRefusal::NotTheCurrentPeriod.into());
    }
    let end = subscription.period.end;
    let meter_open = subscription.meter_period.is_some_and(|meter| meter.period.end < end);
    if draft.now < end || meter_open {
        return Err(CustomerRefusal::PeriodNotOver.into());
    }
    if subscription.cancel_at_period_end {
        return ending::end_with_period(draft, id);
    }
    if subscription.next_terms().product != command.terms.product {
        return Err(CustomerRefusal::TermsOfAnotherProduct.into());
    }
    let reason = match subscription.status {
        SubscriptionStatus::Trialing => BillingReason::SubscriptionCycleAfterTrial,
        SubscriptionStatus::Active | SubscriptionStatus::PastDue | SubscriptionStatus::Canceled => {
            BillingReason::SubscriptionCycle
        }
    };
    let owners = draft.customer.overage_owners();
    let overage = turn_over(draft, id, end, Rollover::Carries)?;
    let subscription = draft.change(id)?;
    begin_next(subscription, &command.terms);
    let (index, period) = (subscription.index, subscription.period);
    let terms = Arc::clone(&subscription.terms);
    draft.subscription_changed(id, SubscriptionChange::Updated);
    draft.subscription_changed(id, SubscriptionChange::Cycled);
    let lines = fixed_line(&terms, period).into_iter().chain(overage).collect();
    let order = derived_id::order_of_period(id, index);
    let paid = order_for(draft, id, order, reason, lines)?;
    let awaits = (!paid && command.credit_on == CreditOn::Paid).then_some(order);
    renew_grants(draft, id, &owners, end, awaits)
}

/// Moves a subscription into its next billing period.
fn begin_next(subscription: &mut Subscription, current: &Arc<ProductTerms>) {
    let ended = subscription.period.end;
    let index = subscription.index.saturating_add(1);
    let before = subscription.terms.billing;
    let terms = with_benefits_of(subscription.next_terms(), current);
    let as_planned = before.is_some_and(|billing| {
        subscription.schedule.period_end(billing, subscription.index) == ended
    });
    // After a trial, after a period whose end was moved, and at another pace, boundaries are counted
    // from here.
    let goes_on =
        as_planned && subscription.status == SubscriptionStatus::Active && terms.billing == before;
    if !goes_on {
        subscription.schedule = Schedule { anchor: ended, index };
    }
    subscription.terms = terms;
    subscription.pending_change = None;
    subscription.status = SubscriptionStatus::Active;
    enter_period(subscription, index, ended);
}

/// Sets the period with this number, which starts at `start` and ends by the schedule.
pub(super) fn enter_period(subscription: &mut Subscription, index: u32, start: Timestamp) {
    let billing = subscription.terms.billing;
    let end =
        billing.map_or(Timestamp::MAX, |every| subscription.schedule.period_end(every, index));
    subscription.index = index;
    subscription.period = Period { start, end };
    subscription.meter_period = subscription.meter_period_at(start);
}

/// Ends a meter period within a billing period.
pub(super) fn meter_cycle(draft: &mut Draft<'_>, command: &MeterCycle) -> Result<(), Stop> {
    let (id, end) = (command.subscription, command.end);
    let subscription = draft.find(id)?;
    if !subscription.status.is_active() {
        return Err(CustomerRefusal::SubscriptionInactive.into());
    }
    // A meter period that ends with its billing period is that one's to end.
    let billing_end = subscription.period.end;
    let meter = subscription.meter_period.filter(|meter| meter.period.end == end);
    let meter = meter.filter(|_| end < billing_end).ok_or(CustomerRefusal::NotTheCurrentPeriod)?;
    if draft.now < end {
        return Err(CustomerRefusal::PeriodNotOver.into());
    }
    if subscription.terms.product != command.terms.product {
        return Err(CustomerRefusal::TermsOfAnotherProduct.into());
    }
    let owners = draft.customer.overage_owners();
    let lines = turn_over(draft, id, end, Rollover::Carries)?;
    let subscription = draft.change(id)?;
    subscription.terms = with_benefits_of(&subscription.terms, &command.terms);
    subscription.meter_period = subscription.terms.metering.and_then(|metering| {
        subscription.meter_period_numbered(metering, meter.index.saturating_add(1))
    });
    draft.subscription_changed(id, SubscriptionChange::Updated);
    let mut awaits = None;
    if !lines.is_empty() {
        let order = derived_id::order_of_meter_period(id, end);
        let paid = order_for(draft, id, order, BillingReason::SubscriptionCycle, lines)?;
        awaits = (!paid && command.credit_on == CreditOn::Paid).then_some(order);
    }
    renew_grants(draft, id, &owners, end, awaits)
}

/// Credits the benefits of the new period, which began at `start`; or lets them wait for an order.
fn renew_grants(
    draft: &mut Draft<'_>,
    id: SubscriptionId,
    owners: &Owners,
    start: Timestamp,
    awaits: Option<OrderId>,
) -> Result<(), Stop> {
    let subscription = draft.find(id)?;
    let terms = Arc::clone(&subscription.terms);
    let time = CreditTime { start, end: subscription.credits_end() };
    let purchase = Purchase::Subscription(id);
    // Their units have turned over: this takes what was carried of them.
    draft.revoke_grants(purchase, |benefit| !names(&terms.credits, benefit))?;
    hand_over(draft, owners)?;
    let live = draft.live_grants(purchase);
    for credit in &terms.credits {
        let grant = live.iter().find(|grant| grant.benefit == credit.benefit);
        match (grant, awaits) {
            (Some(grant), None) => {
                draft.credit(grant.id, credit, time, BenefitGrantChange::Cycled)?;
            }
            (Some(grant), Some(order)) => draft.await_payment(grant.id, order),
            (None, None) => draft.grant(purchase, credit, time)?,
            // It is granted with the payment.
            (None, Some(_)) => {}
        }
    }
    Ok(())
}
