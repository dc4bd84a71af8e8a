//! What a command did to a customer, or why it could not be decided.

use rust_decimal::Decimal;

use crate::account::AccountError;
use crate::account::Effect;
use crate::customer::due::Due;
use crate::grant::Rollover;
use crate::id::BenefitGrantId;
use crate::id::MeterNumber;
use crate::id::OrderId;
use crate::id::SubscriptionId;

/// What came of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerOutcome {
    /// Whether it was applied.
    pub verdict: CustomerVerdict,
    /// What others are to do, or to know, in the order in which it came about. Empty when refused.
    pub effects: Vec<CustomerEffect>,
    /// What is due next, as [`super::Customer::next_due`] says afterwards.
    pub next_due: Option<Due>,
}

impl CustomerOutcome {
    /// The orders that it made.
    pub fn orders_made(&self) -> impl Iterator<Item = OrderId> {
        self.effects.iter().filter_map(|effect| match effect {
            CustomerEffect::Order { order, change: OrderChange::Created } => Some(*order),
            CustomerEffect::Subscription { .. }
            | CustomerEffect::Order { .. }
            | CustomerEffect::BenefitGrant { .. }
            | CustomerEffect::MeterReset { .. }
            | CustomerEffect::MeterCredited { .. }
            | CustomerEffect::Account { .. } => None,
        })
    }
}

/// Whether a command was applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CustomerVerdict {
    /// It was.
    Applied,
    /// It was not, and nothing changed.
    Refused(CustomerRefusal),
}

/// Why a command was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CustomerRefusal {
    /// There is no subscription with this id.
    NoSuchSubscription,
    /// There is no order with this id.
    NoSuchOrder,
    /// A subscription with this id was made before.
    SubscriptionAlreadyMade,
    /// An order with this id was made before.
    OrderAlreadyMade,
    /// The product is sold once, and a subscription was asked for.
    ProductNotRecurring,
    /// The product is sold as a subscription, and a purchase was asked for.
    ProductRecurring,
    /// The meter interval does not divide the billing interval.
    MeterIntervalDoesNotDivide,
    /// The product is priced in another currency than the subscription.
    OtherCurrency,
    /// The terms are of another product than the next period is on.
    TermsOfAnotherProduct,
    /// The period that was to end is not the current one: it has ended, or has not begun.
    NotTheCurrentPeriod,
    /// The period has not reached its end.
    PeriodNotOver,
    /// The subscription is neither active nor on trial.
    SubscriptionInactive,
    /// The subscription has ended, or will with its period.
    SubscriptionAlreadyCanceled,
    /// The subscription is not about to end, or has ended already.
    SubscriptionNotCanceled,
    /// No change of product waits.
    NoChangePending,
    /// The subscription is not on trial.
    NotOnTrial,
    /// The new end of the period lies in the past, or a trial would end within what is paid for.
    EndTooEarly,
    /// The order was paid before.
    OrderAlreadyPaid,
    /// The order was voided when its subscription ended.
    OrderVoided,
}

/// What others are to do, or to know, because of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CustomerEffect {
    /// Something happened to a subscription.
    Subscription {
        /// Which one.
        subscription: SubscriptionId,
        /// What.
        change: SubscriptionChange,
    },
    /// Something happened to an order.
    Order {
        /// Which one.
        order: OrderId,
        /// What.
        change: OrderChange,
    },
    /// Something happened to a benefit grant.
    BenefitGrant {
        /// Which one.
        benefit_grant: BenefitGrantId,
        /// What.
        change: BenefitGrantChange,
    },
    /// A meter counts from zero again, as far as this subscription goes.
    MeterReset {
        /// Which meter.
        meter: MeterNumber,
        /// Whose cycle ended or began.
        subscription: SubscriptionId,
    },
    /// A benefit credited a meter, or took its credit back.
    MeterCredited {
        /// Which meter.
        meter: MeterNumber,
        /// How many units; below zero when they were taken back.
        units: Decimal,
        /// Whether they were carried into this cycle.
        rollover: Rollover,
    },
    /// What an account had to say.
    Account {
        /// On which meter.
        meter: MeterNumber,
        /// What it said.
        effect: Effect,
    },
}

/// What happened to a subscription, in Polar's words for its webhooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubscriptionChange {
    /// It was made.
    Created,
    /// It became active or started a trial; or it is active again after it was past due.
    Active,
    /// Anything about it changed. Comes before the word for what it was.
    Updated,
    /// A new period began.
    Cycled,
    /// It will end with its period, or has ended.
    Canceled,
    /// It will not end with its period after all.
    Uncanceled,
    /// It has ended.
    Revoked,
    /// A payment failed.
    PastDue,
    /// It had ended long ago, and is no longer remembered.
    Forgotten,
}

/// What happened to an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderChange {
    /// It was made.
    Created,
    /// It was paid.
    Paid,
    /// It is not to be paid any more, because its subscription was revoked.
    Voided,
    /// It was closed long ago, and is no longer remembered.
    Forgotten,
}

/// What happened to a benefit grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BenefitGrantChange {
    /// It was made, and credited for the first time.
    Created,
    /// It credited anew for another period.
    Cycled,
    /// It had been revoked, and is granted again.
    Updated,
    /// It was revoked.
    Revoked,
    /// It was revoked long ago, and is no longer remembered.
    Forgotten,
}

/// Why a command could not be decided. It changed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CustomerError {
    /// An account could not take its part.
    #[error("{error}")]
    Account {
        /// On which meter.
        meter: MeterNumber,
        /// Why.
        error: AccountError,
    },
    /// There is no room for another account.
    #[error("no room for another customer meter")]
    NoRoom,
    /// The customer would have more subscriptions than it may.
    #[error("more than {} subscriptions", super::SUBSCRIPTIONS_MAX)]
    SubscriptionsFull,
    /// The customer would have more open orders than it may.
    #[error("more than {} orders", super::ORDERS_MAX)]
    OrdersFull,
    /// The customer would have more benefit grants than it may.
    #[error("more than {} benefit grants", super::BENEFIT_GRANTS_MAX)]
    BenefitGrantsFull,
}
