//! An order: what was bought, or what a period costs, line by line.

use rust_decimal::Decimal;
use uuid::Uuid;

use crate::cycle::Period;
use crate::id::CheckoutId;
use crate::id::MeterNumber;
use crate::id::OrderId;
use crate::id::PriceId;
use crate::id::ProductId;
use crate::id::SubscriptionId;
use crate::money::Currency;
use crate::money::Money;
use crate::product::Credit;
use crate::time::Timestamp;

/// An order of a customer. There are no taxes and no discounts in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Its id for ever.
    pub id: OrderId,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it changed last, if it did.
    pub modified_at: Option<Timestamp>,
    /// How far it has come.
    pub status: OrderStatus,
    /// Why it was made.
    pub reason: BillingReason,
    /// Which product it is for.
    pub product: ProductId,
    /// Which subscription it is for, if it is for one.
    pub subscription: Option<SubscriptionId>,
    /// The checkout it comes from, if it does.
    pub checkout: Option<CheckoutId>,
    /// What its amounts are in.
    pub currency: Currency,
    /// What it is over; may be nothing.
    pub lines: Vec<OrderLine>,
    /// What it credits when it is paid; nothing once it is. A subscription's credits are not here.
    pub awaited: Vec<Credit>,
}

/// How far an order has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderStatus {
    /// It waits for its payment.
    Pending,
    /// It is paid.
    Paid,
    /// It is not to be paid any more.
    Void,
}

/// Why an order was made, in Polar's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BillingReason {
    /// A product that is sold once was bought.
    Purchase,
    /// A subscription started.
    SubscriptionCreate,
    /// A period, or a meter period, of a subscription ended.
    SubscriptionCycle,
    /// The trial of a subscription ended.
    SubscriptionCycleAfterTrial,
    /// A subscription changed its product, and a new period began.
    SubscriptionUpdate,
    /// A subscription ended.
    SubscriptionCancel,
}

/// What a line of an order is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderLineId(pub Uuid);

/// A line of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderLine {
    /// Its id for ever.
    pub id: OrderLineId,
    /// What it is over.
    pub kind: OrderLineKind,
    /// By which price.
    pub price: Option<PriceId>,
    /// How much.
    pub amount: Money,
    /// For which time, if for any.
    pub period: Option<Period>,
}

/// What a line of an order is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderLineKind {
    /// A product that is sold once.
    Purchase,
    /// A period of a subscription, in advance.
    Fixed,
    /// A trial, which costs nothing.
    Trial,
    /// Units beyond credits, in arrears.
    Overage {
        /// On which meter.
        meter: MeterNumber,
        /// How many, zero or more.
        units: Decimal,
    },
}

impl Order {
    /// What it comes to: the sum of its lines, held at the largest amount there is.
    #[must_use]
    pub fn total(&self) -> Money {
        self.lines.iter().fold(Money::ZERO, |total, line| total.saturating_add(line.amount))
    }

    /// What is still to be paid.
    #[must_use]
    pub fn amount_due(&self) -> Money {
        match self.status {
            OrderStatus::Pending => self.total(),
            OrderStatus::Paid | OrderStatus::Void => Money::ZERO,
        }
    }

    /// Whether nothing will happen to it any more.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        match self.status {
            OrderStatus::Pending => false,
            OrderStatus::Paid | OrderStatus::Void => true,
        }
    }
}
