//! Changes to a subscription that runs: its product, the end of its period, its trial, and the
//! benefits of its product.

use std::sync::Arc;

use crate::customer::BillingReason;
use crate::customer::ChangeProduct;
use crate::customer::ChangeWhen;
use crate::customer::CustomerRefusal;
use crate::customer::PendingChange;
use crate::customer::Schedule;
use crate::customer::Subscription;
use crate::customer::SubscriptionChange;
use crate::customer::SubscriptionStatus;
use crate::customer::TrialEnd;
use crate::customer::derived_id;
use crate::customer::draft::Draft;
use crate::customer::draft::Stop;
use crate::customer::overage::hand_over;
use crate::customer::start::fixed_line;
use crate::customer::start::order_for;
use crate::customer::start::recurring;
use crate::customer::subscription::with_benefits_of;
use crate::customer::turnover::enter_period;
use crate::cycle::Period;
use crate::id::SubscriptionId;
use crate::product::ProductTerms;
use crate::time::Timestamp;

/// Moves a subscription to another product. Meters are never reset by it: what is used stays, and
/// is settled by the next turnover at the prices that are in force then.
pub(super) fn change_product(draft: &mut Draft<'_>, command: &ChangeProduct) -> Result<(), Stop> {
    let (id, now) = (command.subscription, draft.now);
    let billing = recurring(&command.terms)?;
    let owners = draft.customer.overage_owners();
    let subscription = draft.change(id)?;
    if subscription.status == SubscriptionStatus::Canceled || subscription.cancel_at_period_end {
        return Err(CustomerRefusal::SubscriptionAlreadyCanceled.into());
    }
    if subscription.terms.currency != command.terms.currency {
        return Err(CustomerRefusal::OtherCurrency.into());
    }
    if command.when == ChangeWhen::NextPeriod {
        let terms = Arc::clone(&command.terms);
        subscription.pending_change = Some(PendingChange { terms, since: now });
        draft.subscription_changed(id, SubscriptionChange::Updated);
        return Ok(());
    }
    let interval_changed = subscription.terms.billing != Some(billing);
    let metering_changed = subscription.terms.metering != command.terms.metering;
    subscription.pending_change = None;
    subscription.terms = Arc::clone(&command.terms);
    let mut new_period = false;
    match subscription.status {
        SubscriptionStatus::Trialing => adapt_trial(subscription, now),
        SubscriptionStatus::Active if interval_changed || command.when == ChangeWhen::Reset => {
            let index = subscription.index.saturating_add(1);
            subscription.schedule = Schedule { anchor: now, index };
            enter_period(subscription, index, now);
            new_period = true;
        }
        SubscriptionStatus::Active if metering_changed => {
            subscription.meter_period = subscription.meter_period_at(now);
        }
        // It stands still where the payment failed, and goes on from there.
        SubscriptionStatus::PastDue if metering_changed => {
            let still = subscription.usage_period().start;
            subscription.meter_period = subscription.meter_period_at(still);
        }
        SubscriptionStatus::Active | SubscriptionStatus::PastDue | SubscriptionStatus::Canceled => {
        }
    }
    let (index, period) = (subscription.index, subscription.period);
    let active = subscription.status.is_active();
    draft.subscription_changed(id, SubscriptionChange::Updated);
    if new_period {
        let order = derived_id::order_of_period(id, index);
        let lines = fixed_line(&command.terms, period).into_iter().collect();
        order_for(draft, id, order, BillingReason::SubscriptionUpdate, lines)?;
    }
    if active { draft.sync_grants(id, &owners) } else { Ok(hand_over(draft, &owners)?) }
}

/// The trial lasts as long as the new product's would have from its start; without one it ends.
fn adapt_trial(subscription: &mut Subscription, now: Timestamp) {
    let trial = subscription.trial.unwrap_or(subscription.period);
    let end = subscription.terms.trial.and_then(|trial_of| trial_of.boundary(trial.start, 1));
    let end = end.map_or(now, |end| end.max(now));
    subscription.trial = Some(Period { start: trial.start, end });
    subscription.period.end = end;
}

/// Takes back a change of product that waits for the next period.
pub(super) fn clear(draft: &mut Draft<'_>, id: SubscriptionId) -> Result<(), Stop> {
    draft.change(id)?.pending_change.take().ok_or(CustomerRefusal::NoChangePending)?;
    draft.subscription_changed(id, SubscriptionChange::Updated);
    Ok(())
}

/// Moves the end of the current period. The turnover there counts later boundaries from it.
pub(super) fn set_period_end(
    draft: &mut Draft<'_>,
    id: SubscriptionId,
    end: Timestamp,
) -> Result<(), Stop> {
    let now = draft.now;
    let subscription = draft.change(id)?;
    if subscription.status == SubscriptionStatus::Canceled || subscription.cancel_at_period_end {
        return Err(CustomerRefusal::SubscriptionAlreadyCanceled.into());
    }
    if !subscription.status.is_active() {
        return Err(CustomerRefusal::SubscriptionInactive.into());
    }
    if end <= now {
        return Err(CustomerRefusal::EndTooEarly.into());
    }
    move_end(subscription, end);
    draft.subscription_changed(id, SubscriptionChange::Updated);
    Ok(())
}

/// Moves the end of a trial, ends it now, or puts an active subscription on trial until later than
/// its period would have ended.
pub(super) fn set_trial_end(
    draft: &mut Draft<'_>,
    id: SubscriptionId,
    end: TrialEnd,
) -> Result<(), Stop> {
    let now = draft.now;
    let subscription = draft.change(id)?;
    let end = match (subscription.status, end) {
        (SubscriptionStatus::PastDue | SubscriptionStatus::Canceled, _) => {
            return Err(CustomerRefusal::SubscriptionInactive.into());
        }
        (SubscriptionStatus::Active, TrialEnd::Now) => {
            return Err(CustomerRefusal::NotOnTrial.into());
        }
        (SubscriptionStatus::Active, TrialEnd::At(end)) => {
            if end <= subscription.period.end {
                return Err(CustomerRefusal::EndTooEarly.into());
            }
            subscription.status = SubscriptionStatus::Trialing;
            subscription.trial = Some(Period { start: now, end });
            end
        }
        (SubscriptionStatus::Trialing, TrialEnd::Now) => now,
        (SubscriptionStatus::Trialing, TrialEnd::At(end)) if end <= now => {
            return Err(CustomerRefusal::EndTooEarly.into());
        }
        (SubscriptionStatus::Trialing, TrialEnd::At(end)) => end,
    };
    // Nothing turns over on trial but its end.
    subscription.meter_period = None;
    move_end(subscription, end);
    draft.subscription_changed(id, SubscriptionChange::Updated);
    Ok(())
}

fn move_end(subscription: &mut Subscription, end: Timestamp) {
    subscription.period.end = end;
    if subscription.status == SubscriptionStatus::Trialing
        && let Some(trial) = &mut subscription.trial
    {
        trial.end = end;
    }
    if subscription.cancel_at_period_end {
        subscription.ends_at = Some(end);
    }
    if let (Some(meter), Some(metering)) = (subscription.meter_period, subscription.terms.metering)
    {
        subscription.meter_period = subscription.meter_period_numbered(metering, meter.index);
    }
}

/// Lets every subscription to a product have the benefits that it has now. What stays is not
/// credited again, whatever became of its units: that shows with the next cycle.
pub(super) fn sync_benefits(draft: &mut Draft<'_>, terms: &Arc<ProductTerms>) -> Result<(), Stop> {
    let owners = draft.customer.overage_owners();
    let ids: Vec<SubscriptionId> =
        draft.customer.subscriptions().iter().map(|subscription| subscription.id).collect();
    for id in ids {
        let found = draft.customer.subscriptions.iter_mut().find(|found| found.id == id);
        let Some(subscription) = found else { continue };
        if subscription.terms.product != terms.product || !subscription.status.is_billable() {
            continue;
        }
        subscription.terms = with_benefits_of(&subscription.terms, terms);
        if subscription.status.is_active() {
            draft.sync_grants(id, &owners)?;
        }
    }
    Ok(())
}
