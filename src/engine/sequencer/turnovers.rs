//! Turnovers that are due come ahead of whatever else is asked of their customer.

use std::sync::Arc;

use crate::customer::{CustomerCommand, CustomerEffect, OrderChange, SubscriptionChange};
use crate::engine::directory::{CustomerPlace, Directory};
use crate::engine::entry::{Entry, EntryBody, PurchaseEntry};
use crate::engine::reply::EngineError;
use crate::engine::sequencer::{Answers, At, Sequencer, Step, StepBody};
use crate::engine::shard::Shard;
use crate::id::{CustomerNumber, ProductId};
use crate::journal::record;
use crate::product::ProductTerms;

/// Enters a subscription or an order that was made, and forgets one that is forgotten.
pub fn enter_purchase(directory: &Directory, place: CustomerPlace, effect: CustomerEffect) {
    match effect {
        CustomerEffect::Subscription { subscription, change: SubscriptionChange::Created } => {
            directory.enter_purchase(subscription.0, place);
        }
        CustomerEffect::Order { order, change: OrderChange::Created } => {
            directory.enter_purchase(order.0, place);
        }
        CustomerEffect::Subscription { subscription, change: SubscriptionChange::Forgotten } => {
            directory.forget_purchase(subscription.0);
        }
        CustomerEffect::Order { order, change: OrderChange::Forgotten } => {
            directory.forget_purchase(order.0);
        }
        CustomerEffect::Subscription { .. }
        | CustomerEffect::Order { .. }
        | CustomerEffect::BenefitGrant { .. }
        | CustomerEffect::MeterReset { .. }
        | CustomerEffect::MeterCredited { .. }
        | CustomerEffect::Account { .. } => {}
    }
}

impl Sequencer {
    /// Sequences what ends the periods of `customer` that are over, unless that was done and waits
    /// to be applied.
    pub(super) fn catch_up(
        &mut self,
        customer: CustomerNumber,
        at: &mut At<'_, '_>,
    ) -> Result<(), EngineError> {
        let Some(shard) = at.overdue else { return Ok(()) };
        let Some(due) = shard.next_turnover_of(customer).filter(|due| *due <= at.time) else {
            return Ok(());
        };
        if self.caught_up.get(&customer).is_some_and(|through| due <= *through) {
            return Ok(());
        }
        self.caught_up.insert(customer, at.time);
        let credit_on = self.credit_on;
        let commands = shard.turnovers_due(customer, at.time, |due, sold| {
            // A product that is no longer in the catalog goes on as it was sold.
            let terms = self.terms_of(due.product).unwrap_or_else(|| Arc::clone(sold));
            due.command(terms, credit_on)
        });
        for command in commands {
            let step = Self::purchase(customer, command, at)?;
            at.steps.push_back(Step { body: step, answers: Answers::Nobody });
        }
        Ok(())
    }

    /// Lets a customer's subscriptions to `product` follow its benefits, unless there is no such
    /// product any more.
    pub(super) fn sync_benefits(
        &mut self,
        customer: CustomerNumber,
        product: ProductId,
        at: &mut At<'_, '_>,
    ) -> Result<Option<StepBody>, EngineError> {
        self.catch_up(customer, at)?;
        let Some(terms) = self.terms_of(product) else { return Ok(None) };
        Self::purchase(customer, CustomerCommand::SyncBenefits { terms }, at).map(Some)
    }

    /// A command to a customer's purchases.
    pub(super) fn purchase(
        customer: CustomerNumber,
        command: CustomerCommand,
        at: &mut At<'_, '_>,
    ) -> Result<StepBody, EngineError> {
        at.append(|out, delta| record::put_purchase(out, delta, customer, &command))?;
        let body = EntryBody::Purchase(Box::new(PurchaseEntry { customer, command }));
        Ok(StepBody::Apply(Entry { time: at.time, body }))
    }

    /// What a product sells now; everybody who buys it shares one copy.
    fn terms_of(&mut self, product: ProductId) -> Option<Arc<ProductTerms>> {
        if let Some(terms) = self.terms.get(&product) {
            return Some(Arc::clone(terms));
        }
        let terms = Arc::new(self.catalog.terms(product)?);
        self.terms.insert(product, Arc::clone(&terms));
        Some(terms)
    }

    /// Enters in the directory what became of purchases.
    pub fn note_purchases(&self, shard: &mut Shard) {
        for (number, effect) in shard.happened.drain(..) {
            let place = CustomerPlace { shard: self.shard, number };
            enter_purchase(&self.directory, place, effect);
        }
    }

    /// Whether anything of `shard` is overdue now; forgets what was caught up when nothing is.
    pub fn overdue<'s>(&mut self, shard: &'s Shard) -> Option<&'s Shard> {
        let now = self.now();
        let overdue = shard.next_turnover().is_some_and(|due| due <= now);
        if !overdue && !self.caught_up.is_empty() {
            self.caught_up.clear();
        }
        overdue.then_some(shard)
    }
}
