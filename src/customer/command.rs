//! What is asked of a customer. Everything that a command needs is in it: what a product sells was
//! looked up when the command was sequenced, so that replay never asks the catalog.

use std::sync::Arc;

use crate::customer::retention::Retention;
use crate::id::CheckoutId;
use crate::id::OrderId;
use crate::id::SubscriptionId;
use crate::product::ProductTerms;
use crate::time::Timestamp;

/// What a command does to a customer and to the accounts that belong to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CustomerCommand {
    /// Starts a subscription.
    Subscribe(Subscribe),
    /// Ends a billing period, at its end or later, and starts the next one.
    Cycle(Cycle),
    /// Ends a meter period within a billing period, and starts the next one.
    MeterCycle(MeterCycle),
    /// Lets a subscription end with its period.
    CancelAtPeriodEnd {
        /// Which one.
        subscription: SubscriptionId,
    },
    /// Takes [`CustomerCommand::CancelAtPeriodEnd`] back.
    Uncancel {
        /// Which one.
        subscription: SubscriptionId,
    },
    /// Ends a subscription now, and takes its credits back.
    Revoke {
        /// Which one.
        subscription: SubscriptionId,
    },
    /// Moves a subscription to another product.
    ChangeProduct(ChangeProduct),
    /// Takes back a change that waits for the next period.
    ClearChange {
        /// Of which subscription.
        subscription: SubscriptionId,
    },
    /// Moves the end of the current period; later periods are counted from it.
    SetPeriodEnd {
        /// Of which subscription.
        subscription: SubscriptionId,
        /// The new end, later than now.
        end: Timestamp,
    },
    /// Moves the end of a trial, ends it, or puts an active subscription on trial.
    SetTrialEnd {
        /// Of which subscription.
        subscription: SubscriptionId,
        /// The new end.
        end: TrialEnd,
    },
    /// Buys a product that is sold once.
    Buy(Buy),
    /// An order was paid.
    Paid {
        /// Which one.
        order: OrderId,
    },
    /// The payment of an order failed.
    Failed {
        /// Which one.
        order: OrderId,
    },
    /// The benefits of a product were edited: its subscriptions follow.
    SyncBenefits {
        /// The product with the benefits that it has now. Its prices are not looked at.
        terms: Arc<ProductTerms>,
    },
    /// The customer is deleted: every subscription ends now, every credit is taken back.
    Delete,
    /// Forgets what is closed and old.
    Forget(Retention),
}

/// See [`CustomerCommand::Subscribe`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscribe {
    /// Its id for ever; the ids of its orders and credits follow from it.
    pub subscription: SubscriptionId,
    /// What it is made on.
    pub terms: Arc<ProductTerms>,
    /// Where it comes from.
    pub start: Start,
    /// When its trial ends, if it has one. Polar gives trials through checkouts alone.
    pub trial_end: Option<Timestamp>,
}

/// How a subscription started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Through a checkout, which settled the first payment: the meters with a price count from zero,
    /// and there is an order.
    Checkout(CheckoutId),
    /// By the API, which takes no payment: meters go on, and there is no order.
    Api,
}

/// See [`CustomerCommand::Cycle`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cycle {
    /// Whose period ends.
    pub subscription: SubscriptionId,
    /// The number of the period that ends. Any other than the current one is refused.
    pub index: u32,
    /// The product of the next period. Of it the benefits are taken as they are now; the prices are
    /// those that the subscription was made on.
    pub terms: Arc<ProductTerms>,
    /// When its credits are due.
    pub credit_on: CreditOn,
}

/// See [`CustomerCommand::MeterCycle`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeterCycle {
    /// Whose meter period ends.
    pub subscription: SubscriptionId,
    /// When the meter period ends that is meant. Any other than the current one is refused.
    pub end: Timestamp,
    /// The subscription's product, as in [`Cycle::terms`].
    pub terms: Arc<ProductTerms>,
    /// When its credits are due.
    pub credit_on: CreditOn,
}

/// When a period's credits are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreditOn {
    /// With the turnover, whoever pays the order later.
    Cycle,
    /// When the order of the turnover is paid, as Polar does. An order over nothing is paid at once.
    Paid,
}

/// See [`CustomerCommand::ChangeProduct`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeProduct {
    /// Which subscription.
    pub subscription: SubscriptionId,
    /// What it is on afterwards.
    pub terms: Arc<ProductTerms>,
    /// When.
    pub when: ChangeWhen,
}

/// When a change of product takes effect. No fixed price is ever prorated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeWhen {
    /// Now, within the current period. When the billing interval differs there is no such period,
    /// and a new one starts now.
    Now,
    /// With the next period.
    NextPeriod,
    /// Now, and a new period starts now, with its order.
    Reset,
}

/// When a trial ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrialEnd {
    /// Now; the turnover into the first paid period is due at once.
    Now,
    /// Then.
    At(Timestamp),
}

/// See [`CustomerCommand::Buy`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buy {
    /// The order's id for ever; the ids of its credits follow from it.
    pub order: OrderId,
    /// What is bought.
    pub terms: Arc<ProductTerms>,
    /// The checkout it comes from, if it does.
    pub checkout: Option<CheckoutId>,
    /// Whether it is paid for.
    pub payment: Payment,
}

/// Whether money has come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payment {
    /// It has.
    Received,
    /// It has not: credits wait for [`CustomerCommand::Paid`], unless the order is over nothing.
    Awaited,
}
