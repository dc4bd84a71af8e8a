//! A customer's purchases: subscriptions, orders and benefit grants, as one state machine.
//!
//! It decides when a benefit credits an account and when a turnover settles it, and what that costs.
//! Balances themselves are the accounts' affair. It does no I/O, reads no clock and asks no catalog:
//! same customer, accounts, command and time, same outcome.
//!
//! A command is played through on copies of what it touches, and those take the place of the
//! originals at the very end. So an error, or a refusal, changes nothing, on any account.
#![deny(clippy::arithmetic_side_effects)]

use std::sync::Arc;

use crate::account::Account;
use crate::id::BenefitGrantId;
use crate::id::MeterNumber;
use crate::id::OrderId;
use crate::id::SubscriptionId;
use crate::product::ProductTerms;
use crate::time::Timestamp;

mod benefit_grant;
mod change;
mod command;
mod credit;
pub mod derived_id;
mod draft;
mod due;
mod ending;
mod order;
mod outcome;
mod overage;
mod parts;
mod payment;
mod retention;
mod start;
mod subscription;
mod turnover;
mod view;

pub use benefit_grant::BenefitGrant;
pub use benefit_grant::LastCredit;
pub use command::Buy;
pub use command::ChangeProduct;
pub use command::ChangeWhen;
pub use command::CreditOn;
pub use command::CustomerCommand;
pub use command::Cycle;
pub use command::MeterCycle;
pub use command::Payment;
pub use command::Start;
pub use command::Subscribe;
pub use command::TrialEnd;
pub use due::Due;
pub use due::DueWhat;
pub use order::BillingReason;
pub use order::Order;
pub use order::OrderLine;
pub use order::OrderLineId;
pub use order::OrderLineKind;
pub use order::OrderStatus;
pub use outcome::BenefitGrantChange;
pub use outcome::CustomerEffect;
pub use outcome::CustomerError;
pub use outcome::CustomerOutcome;
pub use outcome::CustomerRefusal;
pub use outcome::CustomerVerdict;
pub use outcome::OrderChange;
pub use outcome::SubscriptionChange;
pub use parts::CustomerParts;
pub use retention::Retention;
pub use subscription::MeterPeriod;
pub use subscription::PendingChange;
pub use subscription::Schedule;
pub use subscription::Subscription;
pub use subscription::SubscriptionStatus;
pub use view::SubscriptionMeter;

use draft::Draft;
use draft::Stop;

/// Most subscriptions of a customer, ended ones that are remembered included.
pub const SUBSCRIPTIONS_MAX: usize = 1_024;

/// Most orders of a customer. When there are as many, the oldest closed one makes room.
pub const ORDERS_MAX: usize = 4_096;

/// Most benefit grants of a customer, revoked ones that are remembered included.
pub const BENEFIT_GRANTS_MAX: usize = 8_192;

/// What a customer has bought.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Customer {
    /// In the order of their start, which is what decides whose overage is whose.
    subscriptions: Vec<Subscription>,
    /// In the order in which they were made.
    orders: Vec<Arc<Order>>,
    /// In the order in which they were made.
    benefit_grants: Vec<BenefitGrant>,
}

/// The customer's accounts, one a meter.
///
/// Contract: [`Accounts::account`] gives what [`Accounts::replace`] put there last. A command first
/// reads, then asks for room once, then replaces; between those nothing else moves an account.
pub trait Accounts {
    /// The account on this meter; none when nothing happened there yet.
    fn account(&self, meter: MeterNumber) -> Option<&Account>;

    /// Makes sure that this many accounts can be added. Nothing changes when they cannot.
    fn make_room(&mut self, accounts: usize) -> bool;

    /// Puts an account in its new state in place of what was there.
    fn replace(&mut self, meter: MeterNumber, account: Account);
}

impl Customer {
    /// Applies one command that is no repeat at `now`, which is not earlier than the time of the last
    /// one, nor than that of the last action on any of the accounts.
    ///
    /// Whoever puts commands in order crosses first what [`Customer::due_at`] names; a command does not
    /// look whether a boundary was missed.
    ///
    /// # Errors
    /// [`CustomerError`]; nothing is changed then, neither here nor on any account.
    pub fn apply(
        &mut self,
        command: &CustomerCommand,
        now: Timestamp,
        accounts: &mut dyn Accounts,
    ) -> Result<CustomerOutcome, CustomerError> {
        let mut draft = Draft::new(self.clone(), accounts, now);
        match decide(&mut draft, command) {
            Ok(()) => overage::find_leftovers(&mut draft),
            Err(Stop::Refused(refusal)) => {
                return Ok(CustomerOutcome {
                    verdict: CustomerVerdict::Refused(refusal),
                    effects: Vec::new(),
                    next_due: self.next_due(),
                });
            }
            Err(Stop::Error(error)) => return Err(error),
        }
        let (customer, touched, effects) = draft.finish();
        let started = touched.keys().filter(|meter| accounts.account(**meter).is_none()).count();
        if started > 0 && !accounts.make_room(started) {
            return Err(CustomerError::NoRoom);
        }
        // Checks end here.
        for (meter, account) in touched {
            accounts.replace(meter, account);
        }
        *self = customer;
        let next_due = self.next_due();
        Ok(CustomerOutcome { verdict: CustomerVerdict::Applied, effects, next_due })
    }

    /// Its subscriptions, ended ones included, in the order of their start.
    #[must_use]
    pub fn subscriptions(&self) -> &[Subscription] {
        &self.subscriptions
    }

    /// The subscription with this id.
    #[must_use]
    pub fn subscription(&self, id: SubscriptionId) -> Option<&Subscription> {
        self.subscriptions.iter().find(|subscription| subscription.id == id)
    }

    /// What its subscriptions that run are on. What one changes to with its next period is looked up
    /// when that begins, and is not among it.
    pub fn terms_in_use(&self) -> impl Iterator<Item = &Arc<ProductTerms>> {
        let runs = |subscription: &&Subscription| subscription.status.is_billable();
        self.subscriptions.iter().filter(runs).map(|subscription| &subscription.terms)
    }

    /// Its orders, oldest first.
    pub fn orders(&self) -> impl DoubleEndedIterator<Item = &Order> + ExactSizeIterator {
        self.orders.iter().map(Arc::as_ref)
    }

    /// The order with this id.
    #[must_use]
    pub fn order(&self, id: OrderId) -> Option<&Order> {
        self.orders().find(|order| order.id == id)
    }

    /// Its benefit grants, revoked ones included, oldest first.
    #[must_use]
    pub fn benefit_grants(&self) -> &[BenefitGrant] {
        &self.benefit_grants
    }

    /// The benefit grant with this id.
    #[must_use]
    pub fn benefit_grant(&self, id: BenefitGrantId) -> Option<&BenefitGrant> {
        self.benefit_grants.iter().find(|grant| grant.id == id)
    }
}

fn decide(draft: &mut Draft<'_>, command: &CustomerCommand) -> Result<(), Stop> {
    match command {
        CustomerCommand::Subscribe(subscribe) => start::subscribe(draft, subscribe),
        CustomerCommand::Buy(buy) => start::buy(draft, buy),
        CustomerCommand::Cycle(cycle) => turnover::cycle(draft, cycle),
        CustomerCommand::MeterCycle(cycle) => turnover::meter_cycle(draft, cycle),
        CustomerCommand::CancelAtPeriodEnd { subscription } => {
            ending::cancel_at_period_end(draft, *subscription)
        }
        CustomerCommand::Uncancel { subscription } => ending::uncancel(draft, *subscription),
        CustomerCommand::Revoke { subscription } => ending::revoke(draft, *subscription),
        CustomerCommand::Delete => ending::delete(draft),
        CustomerCommand::ChangeProduct(change) => change::change_product(draft, change),
        CustomerCommand::ClearChange { subscription } => change::clear(draft, *subscription),
        CustomerCommand::SetPeriodEnd { subscription, end } => {
            change::set_period_end(draft, *subscription, *end)
        }
        CustomerCommand::SetTrialEnd { subscription, end } => {
            change::set_trial_end(draft, *subscription, *end)
        }
        CustomerCommand::SyncBenefits { terms } => change::sync_benefits(draft, terms),
        CustomerCommand::Paid { order } => payment::paid(draft, *order),
        CustomerCommand::Failed { order } => payment::failed(draft, *order),
        CustomerCommand::Forget(retention) => {
            retention::forget(draft, *retention);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests;
