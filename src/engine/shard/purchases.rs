//! What customers of a shard have bought: commands to it, and when its periods end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::account::Account;
use crate::customer::{self, Accounts, CustomerCommand, CustomerEffect, SubscriptionMeter};
use crate::engine::customer_meter::{CustomerMeter, Moments, Replace};
use crate::engine::entry::PurchaseEntry;
use crate::engine::reply::{EngineError, Reply};
use crate::engine::shard::{Effects, Shard};
use crate::id::{CustomerNumber, MeterNumber, SubscriptionId};
use crate::product::ProductTerms;
use crate::time::Timestamp;

/// When whose next period ends.
#[derive(Debug, Default)]
pub(super) struct Calendar(BTreeSet<(Timestamp, CustomerNumber)>);

impl Calendar {
    fn move_due(
        &mut self,
        customer: CustomerNumber,
        from: Option<Timestamp>,
        to: Option<Timestamp>,
    ) {
        if from != to {
            if let Some(from) = from {
                self.0.remove(&(from, customer));
            }
            self.0.extend(to.map(|to| (to, customer)));
        }
    }
}

impl Shard {
    /// Applies a command to a customer's purchases, and to the accounts that it concerns.
    pub(super) fn purchase(&mut self, entry: &PurchaseEntry, effects: &mut Effects) -> Reply {
        let (number, now) = (entry.customer, self.time);
        let Some(customer) = self.customer_mut(number) else {
            return Reply::Error(EngineError::UnknownCustomer);
        };
        let mut purchases = customer.purchases.take().unwrap_or_default();
        let due = due_of(&purchases);
        let mut accounts = LiveAccounts { shard: self, customer: number };
        let outcome = purchases.apply(&entry.command, now, &mut accounts);
        self.calendar.move_due(number, due, due_of(&purchases));
        if let Some(customer) = self.customer_mut(number) {
            customer.purchases = (*purchases != customer::Customer::default()).then_some(purchases);
        }
        match outcome {
            Ok(outcome) => {
                for effect in outcome.effects {
                    match effect {
                        CustomerEffect::Account { meter, effect } => {
                            effects.push((number, meter, effect));
                        }
                        CustomerEffect::Subscription { .. }
                        | CustomerEffect::Order { .. }
                        | CustomerEffect::BenefitGrant { .. }
                        | CustomerEffect::MeterReset { .. }
                        | CustomerEffect::MeterCredited { .. } => {
                            self.happened.push((number, effect));
                        }
                    }
                }
                Reply::Purchase(outcome.verdict)
            }
            Err(error) => Reply::Error(error.into()),
        }
    }

    /// Puts what a customer of a snapshot has bought in its place.
    pub(super) fn recover_purchases(
        &mut self,
        number: CustomerNumber,
        purchases: Option<Box<customer::Customer>>,
    ) {
        self.calendar.move_due(number, None, purchases.as_deref().and_then(due_of));
        if let Some(customer) = self.customer_mut(number) {
            customer.purchases = purchases;
        }
    }

    /// What the metered prices of a customer's subscriptions come to at `now`.
    #[must_use]
    pub fn subscription_meters(
        &self,
        number: CustomerNumber,
        now: Timestamp,
    ) -> Vec<(SubscriptionId, SubscriptionMeter)> {
        let Some(purchases) = self.customer(number).and_then(|of| of.purchases.as_deref()) else {
            return Vec::new();
        };
        let accounts = CopiedAccounts { shard: self, customer: number, copies: BTreeMap::new() };
        let subscriptions = purchases.subscriptions().iter();
        subscriptions
            .flat_map(|subscription| {
                let meters = purchases.subscription_meters(subscription.id, &accounts, now);
                meters.into_iter().map(|meter| (subscription.id, meter))
            })
            .collect()
    }

    /// When the next period of anybody ends, or should have ended.
    #[must_use]
    pub fn next_turnover(&self) -> Option<Timestamp> {
        self.calendar.0.first().map(|(at, _)| *at)
    }

    /// When the next period of this customer ends, or should have ended.
    #[must_use]
    pub fn next_turnover_of(&self, number: CustomerNumber) -> Option<Timestamp> {
        due_of(self.customer(number)?.purchases.as_deref()?)
    }

    /// Every customer with a period that will end.
    pub fn turnovers(&self) -> impl Iterator<Item = (Timestamp, CustomerNumber)> {
        self.calendar.0.iter().copied()
    }

    /// The commands that end this customer's periods that are over at `now`, in their order: each
    /// one is played through on copies, since it decides when the next is due. `command` makes them,
    /// given what the subscription is sold on.
    #[must_use]
    pub fn turnovers_due(
        &self,
        number: CustomerNumber,
        now: Timestamp,
        mut command: impl FnMut(customer::Due, &Arc<ProductTerms>) -> CustomerCommand,
    ) -> Vec<CustomerCommand> {
        let mut commands = Vec::new();
        let Some(purchases) = self.customer(number).and_then(|of| of.purchases.as_deref()) else {
            return commands;
        };
        let mut ahead = purchases.clone();
        let mut accounts =
            CopiedAccounts { shard: self, customer: number, copies: BTreeMap::new() };
        while let Some(due) = ahead.due_at(now) {
            let Some(subscription) = ahead.subscription(due.subscription) else { break };
            let next = command(due, subscription.next_terms());
            let played = ahead.apply(&next, now, &mut accounts);
            commands.push(next);
            // One that is not possible now, or changes nothing, must not be asked for for ever.
            if played.is_err() || ahead.next_due() == Some(due) {
                break;
            }
        }
        commands
    }
}

fn due_of(purchases: &customer::Customer) -> Option<Timestamp> {
    purchases.next_due().map(|due| due.at)
}

/// The accounts of a customer, as they are.
struct LiveAccounts<'a> {
    shard: &'a mut Shard,
    customer: CustomerNumber,
}

impl Accounts for LiveAccounts<'_> {
    fn account(&self, meter: MeterNumber) -> Option<&Account> {
        self.shard.account(self.customer, meter)
    }

    fn make_room(&mut self, accounts: usize) -> bool {
        self.shard.meters.has_room(accounts)
    }

    fn replace(&mut self, meter: MeterNumber, account: Account) {
        let time = self.shard.time;
        if let Some(place) = self.shard.place(self.customer, meter) {
            self.shard.meters.call(place, Replace { account, time });
            return;
        }
        let begun = CustomerMeter::recovered(account, Moments::once(time));
        let started = self.shard.start_meter(self.customer, meter, begun);
        assert!(started.is_ok(), "room was made for every account");
    }
}

/// The accounts of a customer, and what would become of them.
struct CopiedAccounts<'a> {
    shard: &'a Shard,
    customer: CustomerNumber,
    copies: BTreeMap<MeterNumber, Account>,
}

impl Accounts for CopiedAccounts<'_> {
    fn account(&self, meter: MeterNumber) -> Option<&Account> {
        self.copies.get(&meter).or_else(|| self.shard.account(self.customer, meter))
    }

    fn make_room(&mut self, _: usize) -> bool {
        true
    }

    fn replace(&mut self, meter: MeterNumber, account: Account) {
        self.copies.insert(meter, account);
    }
}
