//! Whose overage is whose, and what becomes of it.
//!
//! What no grant covers on a meter belongs to the earliest-started billable subscription that has a
//! metered price there. When that becomes another one, what is uncovered by then is nobody's: it
//! stays in the balance and is never billed.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use rust_decimal::Decimal;
use uuid::Uuid;

use crate::account::Account;
use crate::account::Action;
use crate::account::Effect;
use crate::account::Settlement;
use crate::account::Turnover;
use crate::customer::Customer;
use crate::customer::CustomerError;
use crate::customer::OrderLineKind;
use crate::customer::Subscription;
use crate::customer::SubscriptionStatus;
use crate::customer::draft::Draft;
use crate::customer::draft::Stop;
use crate::cycle::Period;
use crate::grant::Purchase;
use crate::grant::Rollover;
use crate::grant::Source;
use crate::id::MeterNumber;
use crate::id::PriceId;
use crate::id::SubscriptionId;
use crate::money::Money;
use crate::price;
use crate::time::Timestamp;

/// Names nobody's subscription, so that its turnover ends nobody's grants.
const NOBODY: SubscriptionId = SubscriptionId(Uuid::nil());

/// Whose overage is whose on every meter that has an owner.
pub(super) type Owners = BTreeMap<MeterNumber, SubscriptionId>;

/// A line of an order that still lacks an id.
#[derive(Debug, Clone)]
pub(super) struct LineDraft {
    pub(super) kind: OrderLineKind,
    pub(super) price: Option<PriceId>,
    pub(super) amount: Money,
    pub(super) period: Option<Period>,
}

impl Customer {
    /// The subscription that pays for what no grant covers on `meter`, if there is one.
    #[must_use]
    pub fn overage_owner(&self, meter: MeterNumber) -> Option<&Subscription> {
        self.subscriptions.iter().find(|subscription| {
            subscription.status.is_billable() && subscription.metered_price(meter).is_some()
        })
    }

    pub(super) fn overage_owners(&self) -> Owners {
        let mut owners = Owners::new();
        for subscription in self.subscriptions.iter().filter(|found| found.status.is_billable()) {
            for price in &subscription.terms.metered {
                owners.entry(price.meter).or_insert(subscription.id);
            }
        }
        owners
    }

    /// What a turnover of this subscription does with what is uncovered on `meter`.
    pub(super) fn settlement(&self, subscription: &Subscription, meter: MeterNumber) -> Settlement {
        match self.overage_owner(meter) {
            None => Settlement::Cleared,
            Some(owner) if owner.id != subscription.id => Settlement::Left,
            // What is used on trial is never billed.
            Some(_) if subscription.status == SubscriptionStatus::Trialing => Settlement::Cleared,
            Some(_) => Settlement::Billed,
        }
    }
}

/// Units that `account` would bill at `now`: what is uncovered above the baseline.
pub(super) fn units_to_bill(account: &Account, now: Timestamp) -> Decimal {
    let mut copy = account.clone();
    let turnover = Turnover {
        subscription: NOBODY,
        at: now,
        settlement: Settlement::Billed,
        rollover: Rollover::Ends,
        credits: Vec::new(),
    };
    let outcome = copy.apply(&Action::Reset(Box::new(turnover)), now);
    outcome.map_or(Decimal::ZERO, |outcome| billed(&outcome.effects).unwrap_or_default())
}

fn billed(effects: &[Effect]) -> Option<Decimal> {
    effects.iter().find_map(|effect| match effect {
        Effect::Overage { units, .. } => Some(*units),
        Effect::GrantEnded { .. } | Effect::Carried { .. } | Effect::DueAt(_) => None,
    })
}

/// Lets overage change hands where its owner is another one than before.
pub(super) fn hand_over(draft: &mut Draft<'_>, before: &Owners) -> Result<(), CustomerError> {
    for (meter, owner) in draft.customer.overage_owners() {
        if before.get(&meter) != Some(&owner) {
            set_baseline(draft, meter)?;
        }
    }
    Ok(())
}

/// Makes what is uncovered by now nobody's.
pub(super) fn set_baseline(draft: &mut Draft<'_>, meter: MeterNumber) -> Result<(), CustomerError> {
    let at = draft.now;
    if draft.account(meter).is_some() {
        let turnover = Turnover {
            subscription: NOBODY,
            at,
            settlement: Settlement::Baseline,
            rollover: Rollover::Ends,
            credits: Vec::new(),
        };
        draft.act(meter, &Action::Reset(Box::new(turnover)))?;
    }
    Ok(())
}

/// The meters that a subscription has a part in now: it has a price there, or a benefit.
fn live_meters(customer: &Customer, subscription: &Subscription) -> BTreeSet<MeterNumber> {
    let purchase = Purchase::Subscription(subscription.id);
    let grants = customer.benefit_grants.iter();
    let grants = grants.filter(|grant| grant.purchase == purchase && grant.is_live());
    let mut meters: BTreeSet<MeterNumber> =
        grants.filter_map(|grant| grant.last_credit).map(|last| last.meter).collect();
    if subscription.status.is_billable() {
        meters.extend(subscription.terms.metered.iter().map(|price| price.meter));
    }
    if subscription.status.is_active() {
        meters.extend(subscription.terms.credits.iter().map(|credit| credit.meter));
    }
    meters
}

/// Turns every meter that a subscription has a part in over at `at` and returns the lines of what
/// that costs.
pub(super) fn turn_over(
    draft: &mut Draft<'_>,
    id: SubscriptionId,
    at: Timestamp,
    rollover: Rollover,
) -> Result<Vec<LineDraft>, Stop> {
    let mut lines = Vec::new();
    let subscription = draft.find(id)?.clone();
    for meter in live_meters(&draft.customer, &subscription) {
        end_leftovers(draft, meter, at)?;
        let settlement = draft.customer.settlement(&subscription, meter);
        if draft.account(meter).is_none() {
            // Never used: it is not started for this.
            if settlement == Settlement::Billed {
                lines.extend(line_of(&subscription, meter, Decimal::ZERO));
            }
            continue;
        }
        let turnover = Turnover { subscription: id, at, settlement, rollover, credits: Vec::new() };
        let effects = draft.act(meter, &Action::Turnover(Box::new(turnover)))?;
        lines.extend(billed(&effects).and_then(|units| line_of(&subscription, meter, units)));
    }
    Ok(lines)
}

/// Bills what a subscription owns on its metered meters up to now, and ends its credits there.
pub(super) fn settle_now(
    draft: &mut Draft<'_>,
    id: SubscriptionId,
) -> Result<Vec<LineDraft>, Stop> {
    let mut lines = Vec::new();
    let subscription = draft.find(id)?.clone();
    let (at, rollover) = (draft.now, Rollover::Ends);
    for price in &subscription.terms.metered {
        let meter = price.meter;
        let settlement = draft.customer.settlement(&subscription, meter);
        if settlement == Settlement::Billed && draft.account(meter).is_some() {
            let turnover =
                Turnover { subscription: id, at, settlement, rollover, credits: Vec::new() };
            let effects = draft.act(meter, &Action::Reset(Box::new(turnover)))?;
            lines.extend(billed(&effects).and_then(|units| line_of(&subscription, meter, units)));
        }
    }
    Ok(lines)
}

fn line_of(subscription: &Subscription, meter: MeterNumber, units: Decimal) -> Option<LineDraft> {
    let price = subscription.metered_price(meter)?;
    Some(LineDraft {
        kind: OrderLineKind::Overage { meter, units },
        price: Some(price.price),
        amount: price::overage(price.unit_amount, units, price.cap),
        period: Some(subscription.usage_period()),
    })
}

/// Ends what other subscriptions have left on `meter` without having a part in it any more, as
/// Polar's reset of the meter would: what rolls over stays.
fn end_leftovers(
    draft: &mut Draft<'_>,
    meter: MeterNumber,
    at: Timestamp,
) -> Result<(), CustomerError> {
    let others = draft.customer.subscriptions.iter();
    let others = others.filter(|subscription| subscription.leftover.contains(&meter));
    let others: Vec<SubscriptionId> = others.map(|subscription| subscription.id).collect();
    for subscription in others {
        let (settlement, rollover) = (Settlement::Left, Rollover::Carries);
        let turnover = Turnover { subscription, at, settlement, rollover, credits: Vec::new() };
        draft.act(meter, &Action::Turnover(Box::new(turnover)))?;
    }
    Ok(())
}

/// Notes for every subscription which meters hold credits of it though it has no part in them any
/// more: nobody took them back, because the benefit is granted for another purchase too, or they
/// had been carried.
pub(super) fn find_leftovers(draft: &mut Draft<'_>) {
    let subscriptions = draft.customer.subscriptions.iter();
    let found: Vec<Vec<MeterNumber>> =
        subscriptions.map(|subscription| leftovers(draft, subscription)).collect();
    for (subscription, leftover) in draft.customer.subscriptions.iter_mut().zip(found) {
        subscription.leftover = leftover;
    }
}

fn leftovers(draft: &Draft<'_>, subscription: &Subscription) -> Vec<MeterNumber> {
    let purchase = Purchase::Subscription(subscription.id);
    let grants = draft.customer.benefit_grants.iter();
    let gone = grants.filter(|grant| grant.purchase == purchase && !grant.is_live());
    let mut meters: BTreeSet<MeterNumber> =
        gone.filter_map(|grant| grant.last_credit).map(|last| last.meter).collect();
    if meters.is_empty() {
        return Vec::new();
    }
    let live = live_meters(&draft.customer, subscription);
    meters
        .retain(|meter| !live.contains(meter) && holds_credits_of(draft, *meter, subscription.id));
    meters.into_iter().collect()
}

fn holds_credits_of(draft: &Draft<'_>, meter: MeterNumber, of: SubscriptionId) -> bool {
    draft.account(meter).is_some_and(|account| {
        account.grants_at(draft.now).iter().any(|grant| match grant.source() {
            Source::Subscription { subscription, .. } => subscription == of,
            Source::Manual | Source::Order { .. } => false,
        })
    })
}
