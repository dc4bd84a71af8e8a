//! A command in the making: copies of the customer and of the accounts that it touches.

use std::collections::BTreeMap;
use std::sync::Arc;

use rust_decimal::Decimal;

use crate::account::Account;
use crate::account::Action;
use crate::account::Effect;
use crate::account::GrantEnd;
use crate::customer::Accounts;
use crate::customer::BENEFIT_GRANTS_MAX;
use crate::customer::BenefitGrant;
use crate::customer::BenefitGrantChange;
use crate::customer::Customer;
use crate::customer::CustomerEffect;
use crate::customer::CustomerError;
use crate::customer::CustomerRefusal;
use crate::customer::ORDERS_MAX;
use crate::customer::Order;
use crate::customer::OrderChange;
use crate::customer::OrderStatus;
use crate::customer::SUBSCRIPTIONS_MAX;
use crate::customer::Subscription;
use crate::customer::SubscriptionChange;
use crate::customer::SubscriptionStatus;
use crate::grant::Rollover;
use crate::id::BenefitGrantId;
use crate::id::MeterNumber;
use crate::id::OrderId;
use crate::id::SubscriptionId;
use crate::time::Timestamp;
use crate::units::grid::difference;

/// What a command has done so far. Dropped, it has done nothing.
pub(super) struct Draft<'a> {
    pub(super) customer: Customer,
    pub(super) now: Timestamp,
    accounts: &'a dyn Accounts,
    touched: BTreeMap<MeterNumber, Account>,
    effects: Vec<CustomerEffect>,
}

/// Why a command goes no further.
#[derive(Debug)]
pub(super) enum Stop {
    Refused(CustomerRefusal),
    Error(CustomerError),
}

impl From<CustomerRefusal> for Stop {
    fn from(refusal: CustomerRefusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<CustomerError> for Stop {
    fn from(error: CustomerError) -> Self {
        Self::Error(error)
    }
}

/// What a finished draft leaves: the customer, the accounts that moved, and the effects.
pub(super) type Finished = (Customer, BTreeMap<MeterNumber, Account>, Vec<CustomerEffect>);

impl<'a> Draft<'a> {
    pub(super) fn new(customer: Customer, accounts: &'a dyn Accounts, now: Timestamp) -> Self {
        Self { customer, now, accounts, touched: BTreeMap::new(), effects: Vec::new() }
    }

    pub(super) fn finish(self) -> Finished {
        (self.customer, self.touched, self.effects)
    }

    /// The account as the command has it by now.
    pub(super) fn account(&self, meter: MeterNumber) -> Option<&Account> {
        self.touched.get(&meter).or_else(|| self.accounts.account(meter))
    }

    /// Moves the copy of an account. What it carries and takes back is told in credits too.
    pub(super) fn act(
        &mut self,
        meter: MeterNumber,
        action: &Action,
    ) -> Result<Vec<Effect>, CustomerError> {
        let account = self
            .touched
            .entry(meter)
            .or_insert_with(|| self.accounts.account(meter).cloned().unwrap_or_default());
        let outcome = account
            .apply(action, self.now)
            .map_err(|error| CustomerError::Account { meter, error })?;
        if let Action::Reset(turnover) | Action::Turnover(turnover) = action
            && turnover.settlement.clears()
        {
            let subscription = turnover.subscription;
            self.effects.push(CustomerEffect::MeterReset { meter, subscription });
        }
        for effect in &outcome.effects {
            self.effects.push(CustomerEffect::Account { meter, effect: *effect });
            self.effects.extend(credited(meter, effect));
        }
        if let Action::Grant(terms) = action {
            let rollover = Rollover::Ends;
            let units = terms.amount;
            self.effects.push(CustomerEffect::MeterCredited { meter, units, rollover });
        }
        Ok(outcome.effects)
    }

    pub(super) fn subscription_changed(
        &mut self,
        subscription: SubscriptionId,
        change: SubscriptionChange,
    ) {
        self.effects.push(CustomerEffect::Subscription { subscription, change });
    }

    pub(super) fn order_changed(&mut self, order: OrderId, change: OrderChange) {
        self.effects.push(CustomerEffect::Order { order, change });
    }

    pub(super) fn benefit_grant_changed(
        &mut self,
        benefit_grant: BenefitGrantId,
        change: BenefitGrantChange,
    ) {
        self.effects.push(CustomerEffect::BenefitGrant { benefit_grant, change });
    }

    pub(super) fn find(&self, id: SubscriptionId) -> Result<&Subscription, CustomerRefusal> {
        self.customer.subscription(id).ok_or(CustomerRefusal::NoSuchSubscription)
    }

    /// A subscription of which something is about to change.
    pub(super) fn change(
        &mut self,
        id: SubscriptionId,
    ) -> Result<&mut Subscription, CustomerRefusal> {
        let now = self.now;
        let subscription = self.customer.subscriptions.iter_mut().find(|found| found.id == id);
        let subscription = subscription.ok_or(CustomerRefusal::NoSuchSubscription)?;
        subscription.modified_at = Some(now);
        Ok(subscription)
    }

    pub(super) fn add_subscription(
        &mut self,
        subscription: Subscription,
    ) -> Result<(), CustomerError> {
        if self.customer.subscriptions.len() >= SUBSCRIPTIONS_MAX {
            return Err(CustomerError::SubscriptionsFull);
        }
        self.customer.subscriptions.push(subscription);
        Ok(())
    }

    /// Makes an order. One over nothing is paid at once.
    pub(super) fn add_order(&mut self, order: Order) -> Result<(), CustomerError> {
        let orders = &mut self.customer.orders;
        let mut forgotten = None;
        if orders.len() >= ORDERS_MAX {
            let oldest = orders.iter().position(|order| order.is_closed());
            forgotten = Some(orders.remove(oldest.ok_or(CustomerError::OrdersFull)?).id);
        }
        let (id, paid) = (order.id, order.status == OrderStatus::Paid);
        orders.push(Arc::new(order));
        if let Some(forgotten) = forgotten {
            self.order_changed(forgotten, OrderChange::Forgotten);
        }
        self.order_changed(id, OrderChange::Created);
        if paid {
            self.order_changed(id, OrderChange::Paid);
        }
        Ok(())
    }

    pub(super) fn change_order(&mut self, id: OrderId) -> Result<&mut Order, CustomerRefusal> {
        let now = self.now;
        let order = self.customer.orders.iter_mut().find(|order| order.id == id);
        let order = Arc::make_mut(order.ok_or(CustomerRefusal::NoSuchOrder)?);
        order.modified_at = Some(now);
        Ok(order)
    }

    pub(super) fn add_benefit_grant(&mut self, grant: BenefitGrant) -> Result<(), CustomerError> {
        if self.customer.benefit_grants.len() >= BENEFIT_GRANTS_MAX {
            return Err(CustomerError::BenefitGrantsFull);
        }
        self.customer.benefit_grants.push(grant);
        Ok(())
    }

    /// The status of a subscription that exists.
    pub(super) fn status(&self, id: SubscriptionId) -> Result<SubscriptionStatus, CustomerRefusal> {
        Ok(self.find(id)?.status)
    }
}

/// The credit that an account's effect amounts to.
fn credited(meter: MeterNumber, effect: &Effect) -> Option<CustomerEffect> {
    let (units, rollover): (Decimal, Rollover) = match effect {
        Effect::Carried { amount, .. } => (*amount, Rollover::Carries),
        Effect::GrantEnded { end: GrantEnd::Revoked, amount, .. } => {
            (difference(Decimal::ZERO, *amount), Rollover::Ends)
        }
        Effect::GrantEnded {
            end: GrantEnd::Spent | GrantEnd::Expired | GrantEnd::Voided | GrantEnd::TurnedOver,
            ..
        }
        | Effect::Overage { .. }
        | Effect::DueAt(_) => return None,
    };
    Some(CustomerEffect::MeterCredited { meter, units, rollover })
}
