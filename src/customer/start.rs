//! Starts: a subscription begins, or a product that is sold once is bought.

use std::sync::Arc;

use crate::account::Action;
use crate::account::Settlement;
use crate::account::Turnover;
use crate::customer::BillingReason;
use crate::customer::Buy;
use crate::customer::CustomerRefusal;
use crate::customer::Order;
use crate::customer::OrderLine;
use crate::customer::OrderLineKind;
use crate::customer::OrderStatus;
use crate::customer::Payment;
use crate::customer::Schedule;
use crate::customer::Start;
use crate::customer::Subscribe;
use crate::customer::Subscription;
use crate::customer::SubscriptionChange;
use crate::customer::SubscriptionStatus;
use crate::customer::credit::CreditTime;
use crate::customer::derived_id;
use crate::customer::draft::Draft;
use crate::customer::draft::Stop;
use crate::customer::overage::LineDraft;
use crate::cycle::Interval;
use crate::cycle::Period;
use crate::grant::Purchase;
use crate::grant::Rollover;
use crate::id::OrderId;
use crate::id::SubscriptionId;
use crate::money::Money;
use crate::product::ProductTerms;
use crate::time::Timestamp;

pub(super) fn subscribe(draft: &mut Draft<'_>, command: &Subscribe) -> Result<(), Stop> {
    let id = command.subscription;
    if draft.customer.subscription(id).is_some() {
        return Err(CustomerRefusal::SubscriptionAlreadyMade.into());
    }
    let billing = recurring(&command.terms)?;
    if command.trial_end.is_some_and(|end| end <= draft.now) {
        return Err(CustomerRefusal::EndTooEarly.into());
    }
    let owners = draft.customer.overage_owners();
    let subscription = started(command, billing, draft.now);
    if let Start::Checkout(_) = command.start {
        clear_meters(draft, &subscription)?;
    }
    let (trial, period) = (subscription.trial, subscription.period);
    draft.add_subscription(subscription)?;
    for change in
        [SubscriptionChange::Created, SubscriptionChange::Active, SubscriptionChange::Updated]
    {
        draft.subscription_changed(id, change);
    }
    if let Start::Checkout(checkout) = command.start {
        let line = match trial {
            Some(_) => Some(trial_line(period)),
            None => fixed_line(&command.terms, period),
        };
        let mut order = new_order(
            draft,
            derived_id::order_of_period(id, 0),
            BillingReason::SubscriptionCreate,
            &command.terms,
            line.into_iter().collect(),
        );
        order.subscription = Some(id);
        order.checkout = Some(checkout);
        order.status = OrderStatus::Paid;
        draft.add_order(order)?;
    }
    draft.sync_grants(id, &owners)
}

fn started(command: &Subscribe, billing: Interval, now: Timestamp) -> Subscription {
    let schedule = Schedule { anchor: now, index: 0 };
    let trial = command.trial_end.map(|end| Period { start: now, end });
    let end = trial.map_or_else(|| schedule.period_end(billing, 0), |trial| trial.end);
    let status = match trial {
        Some(_) => SubscriptionStatus::Trialing,
        None => SubscriptionStatus::Active,
    };
    let mut subscription = Subscription {
        id: command.subscription,
        start: command.start,
        started_at: now,
        modified_at: None,
        status,
        terms: Arc::clone(&command.terms),
        pending_change: None,
        schedule,
        index: 0,
        period: Period { start: now, end },
        meter_period: None,
        trial,
        cancel_at_period_end: false,
        canceled_at: None,
        ends_at: None,
        ended_at: None,
        past_due_at: None,
        leftover: Vec::new(),
    };
    if trial.is_none() {
        subscription.meter_period = subscription.meter_period_at(now);
    }
    subscription
}

/// Lets the meters with a price count from zero, where no other subscription pays for what is used.
fn clear_meters(draft: &mut Draft<'_>, subscription: &Subscription) -> Result<(), Stop> {
    for price in &subscription.terms.metered {
        let meter = price.meter;
        if draft.customer.overage_owner(meter).is_none() && draft.account(meter).is_some() {
            let turnover = Turnover {
                subscription: subscription.id,
                at: draft.now,
                settlement: Settlement::Cleared,
                rollover: Rollover::Carries,
                credits: Vec::new(),
            };
            draft.act(meter, &Action::Reset(Box::new(turnover)))?;
        }
    }
    Ok(())
}

pub(super) fn buy(draft: &mut Draft<'_>, command: &Buy) -> Result<(), Stop> {
    let terms = &command.terms;
    if draft.customer.order(command.order).is_some() {
        return Err(CustomerRefusal::OrderAlreadyMade.into());
    }
    if terms.billing.is_some() {
        return Err(CustomerRefusal::ProductRecurring.into());
    }
    let line = LineDraft {
        kind: OrderLineKind::Purchase,
        price: terms.fixed.map(|fixed| fixed.price),
        amount: terms.fixed.map_or(Money::ZERO, |fixed| fixed.amount),
        period: None,
    };
    let mut order = new_order(draft, command.order, BillingReason::Purchase, terms, vec![line]);
    order.checkout = command.checkout;
    if command.payment == Payment::Received {
        order.status = OrderStatus::Paid;
    }
    let paid = order.status == OrderStatus::Paid;
    if !paid {
        order.awaited.clone_from(&terms.credits);
    }
    draft.add_order(order)?;
    if paid {
        credit_purchase(draft, command.order, &terms.credits)?;
    }
    Ok(())
}

/// Credits what was bought once.
pub(super) fn credit_purchase(
    draft: &mut Draft<'_>,
    order: OrderId,
    credits: &[crate::product::Credit],
) -> Result<(), Stop> {
    let time = CreditTime { start: draft.now, end: Timestamp::MAX };
    for credit in credits {
        draft.grant(Purchase::Order(order), credit, time)?;
    }
    Ok(())
}

/// An order that is not added yet. One over nothing is paid.
pub(super) fn new_order(
    draft: &Draft<'_>,
    id: OrderId,
    reason: BillingReason,
    terms: &ProductTerms,
    lines: Vec<LineDraft>,
) -> Order {
    let lines = lines.into_iter().zip(0_u32..).map(|(line, place)| OrderLine {
        id: derived_id::order_line(id, place),
        kind: line.kind,
        price: line.price,
        amount: line.amount,
        period: line.period,
    });
    let mut order = Order {
        id,
        created_at: draft.now,
        modified_at: None,
        status: OrderStatus::Pending,
        reason,
        product: terms.product,
        subscription: None,
        checkout: None,
        currency: terms.currency,
        lines: lines.collect(),
        awaited: Vec::new(),
    };
    if order.total() == Money::ZERO {
        order.status = OrderStatus::Paid;
    }
    order
}

/// Adds the order of a subscription. Returns whether it is paid.
pub(super) fn order_for(
    draft: &mut Draft<'_>,
    subscription: SubscriptionId,
    id: OrderId,
    reason: BillingReason,
    lines: Vec<LineDraft>,
) -> Result<bool, Stop> {
    let terms = Arc::clone(&draft.find(subscription)?.terms);
    let mut order = new_order(draft, id, reason, &terms, lines);
    order.subscription = Some(subscription);
    let paid = order.status == OrderStatus::Paid;
    draft.add_order(order)?;
    Ok(paid)
}

/// What `period` costs in advance, if the product has a fixed price.
pub(super) fn fixed_line(terms: &ProductTerms, period: Period) -> Option<LineDraft> {
    let fixed = terms.fixed?;
    Some(LineDraft {
        kind: OrderLineKind::Fixed,
        price: Some(fixed.price),
        amount: fixed.amount,
        period: Some(period),
    })
}

fn trial_line(period: Period) -> LineDraft {
    LineDraft { kind: OrderLineKind::Trial, price: None, amount: Money::ZERO, period: Some(period) }
}

/// The billing interval of a product that can be subscribed to.
pub(super) fn recurring(terms: &ProductTerms) -> Result<Interval, CustomerRefusal> {
    let billing = terms.billing.ok_or(CustomerRefusal::ProductNotRecurring)?;
    if terms.metering.is_some_and(|metering| !metering.divides(billing)) {
        return Err(CustomerRefusal::MeterIntervalDoesNotDivide);
    }
    Ok(billing)
}
