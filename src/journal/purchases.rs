//! Purchases as bytes: what is asked of a customer in records, what a customer has in images.

use rust_decimal::Decimal;

use crate::customer::{
    BenefitGrant, BillingReason, Buy, ChangeProduct, ChangeWhen, CreditOn, CustomerCommand,
    CustomerParts, Cycle, LastCredit, MeterCycle, MeterPeriod, Order, OrderLine, OrderLineId,
    OrderLineKind, OrderStatus, Payment, PendingChange, Retention, Schedule, Start, Subscribe,
    Subscription, SubscriptionStatus, TrialEnd,
};
use crate::cycle::{Interval, IntervalUnit, Period};
use crate::encoding::{Malformed, Reader};
use crate::grant::{Purchase, Rollover};
use crate::id::{
    BenefitGrantId, BenefitId, CheckoutId, MeterNumber, OrderId, PriceId, ProductId, SubscriptionId,
};
use crate::journal::wire::{Wire, wire_ids, wire_names, wire_struct};
use crate::money::{Currency, Money, UnitPrice};
use crate::product::{Credit, FixedPrice, MeteredPrice, ProductTerms};
use crate::time::Timestamp;

wire_ids!(
    BenefitGrantId,
    BenefitId,
    CheckoutId,
    OrderId,
    OrderLineId,
    PriceId,
    ProductId,
    SubscriptionId,
);

impl Wire for MeterNumber {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        u32::read(reader).map(Self)
    }
}

impl Wire for Money {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        i64::read(reader).map(Self)
    }
}

impl Wire for Currency {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.code().as_bytes());
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let code: [u8; 3] = reader.array()?;
        let code = std::str::from_utf8(&code).map_err(|_| Malformed("currency is no text"))?;
        Self::parse(code).ok_or(Malformed("unknown currency"))
    }
}

impl Wire for UnitPrice {
    fn put(&self, out: &mut Vec<u8>) {
        self.cents().put(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Self::new(Decimal::read(reader)?).ok_or(Malformed("a unit price out of range"))
    }
}

impl Wire for Interval {
    fn put(&self, out: &mut Vec<u8>) {
        self.unit.put(out);
        self.count.put(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let (unit, count) = (IntervalUnit::read(reader)?, u16::read(reader)?);
        if count == 0 { Err(Malformed("an interval of nothing")) } else { Ok(Self { unit, count }) }
    }
}

wire_names!(IntervalUnit { Day = 1, Week = 2, Month = 3, Year = 4 });
wire_names!(Rollover { Ends = 0, Carries = 1 });
wire_names!(ChangeWhen { Now = 1, NextPeriod = 2, Reset = 3 });
wire_names!(CreditOn { Cycle = 1, Paid = 2 });
wire_names!(Payment { Received = 1, Awaited = 2 });
wire_names!(SubscriptionStatus { Trialing = 1, Active = 2, PastDue = 3, Canceled = 4 });
wire_names!(OrderStatus { Pending = 1, Paid = 2, Void = 3 });
wire_names!(BillingReason {
    Purchase = 1,
    SubscriptionCreate = 2,
    SubscriptionCycle = 3,
    SubscriptionCycleAfterTrial = 4,
    SubscriptionUpdate = 5,
    SubscriptionCancel = 6,
});

wire_struct!(Period { start, end });
wire_struct!(FixedPrice { price, amount });
wire_struct!(MeteredPrice { price, meter, unit_amount, cap });
wire_struct!(Credit { benefit, meter, units, rollover });
wire_struct!(ProductTerms { product, currency, billing, metering, trial, fixed, metered, credits });
wire_struct!(Subscribe { subscription, terms, start, trial_end });
wire_struct!(Cycle { subscription, index, terms, credit_on });
wire_struct!(MeterCycle { subscription, end, terms, credit_on });
wire_struct!(ChangeProduct { subscription, terms, when });
wire_struct!(Buy { order, terms, checkout, payment });
wire_struct!(Retention { closed_orders_max, age_max });
wire_struct!(Schedule { anchor, index });
wire_struct!(MeterPeriod { index, period });
wire_struct!(PendingChange { terms, since });
wire_struct!(LastCredit { meter, units, at });
wire_struct!(Subscription {
    id,
    start,
    started_at,
    modified_at,
    status,
    terms,
    pending_change,
    schedule,
    index,
    period,
    meter_period,
    trial,
    cancel_at_period_end,
    canceled_at,
    ends_at,
    ended_at,
    past_due_at,
    leftover,
});
wire_struct!(OrderLine { id, kind, price, amount, period });
wire_struct!(Order {
    id,
    created_at,
    modified_at,
    status,
    reason,
    product,
    subscription,
    checkout,
    currency,
    lines,
    awaited,
});
wire_struct!(BenefitGrant {
    id,
    purchase,
    benefit,
    created_at,
    modified_at,
    granted_at,
    revoked_at,
    last_credit,
    credits_made,
    awaits,
});
wire_struct!(CustomerParts { subscriptions, orders, benefit_grants });

impl Wire for Start {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Checkout(checkout) => {
                out.push(1);
                checkout.put(out);
            }
            Self::Api => out.push(2),
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        match reader.byte()? {
            1 => CheckoutId::read(reader).map(Self::Checkout),
            2 => Ok(Self::Api),
            _ => Err(Malformed("unknown start of a subscription")),
        }
    }
}

impl Wire for Purchase {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Subscription(subscription) => {
                out.push(1);
                subscription.put(out);
            }
            Self::Order(order) => {
                out.push(2);
                order.put(out);
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        match reader.byte()? {
            1 => SubscriptionId::read(reader).map(Self::Subscription),
            2 => OrderId::read(reader).map(Self::Order),
            _ => Err(Malformed("unknown kind of purchase")),
        }
    }
}

impl Wire for TrialEnd {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Now => None,
            Self::At(end) => Some(*end),
        }
        .put(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Option::<Timestamp>::read(reader)?.map_or(Self::Now, Self::At))
    }
}

impl Wire for OrderLineKind {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Purchase => out.push(1),
            Self::Fixed => out.push(2),
            Self::Trial => out.push(3),
            Self::Overage { meter, units } => {
                out.push(4);
                meter.put(out);
                units.put(out);
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        match reader.byte()? {
            1 => Ok(Self::Purchase),
            2 => Ok(Self::Fixed),
            3 => Ok(Self::Trial),
            4 => Ok(Self::Overage { meter: Wire::read(reader)?, units: Wire::read(reader)? }),
            _ => Err(Malformed("unknown kind of order line")),
        }
    }
}

// Tags are for ever.
const SUBSCRIBE: u8 = 1;
const CYCLE: u8 = 2;
const METER_CYCLE: u8 = 3;
const CANCEL_AT_PERIOD_END: u8 = 4;
const UNCANCEL: u8 = 5;
const REVOKE: u8 = 6;
const CHANGE_PRODUCT: u8 = 7;
const CLEAR_CHANGE: u8 = 8;
const SET_PERIOD_END: u8 = 9;
const SET_TRIAL_END: u8 = 10;
const BUY: u8 = 11;
const PAID: u8 = 12;
const FAILED: u8 = 13;
const SYNC_BENEFITS: u8 = 14;
const DELETE: u8 = 15;
const FORGET: u8 = 16;

impl Wire for CustomerCommand {
    fn put(&self, out: &mut Vec<u8>) {
        let mut tagged = |tag: u8, body: &dyn Fn(&mut Vec<u8>)| {
            out.push(tag);
            body(out);
        };
        match self {
            Self::Subscribe(body) => tagged(SUBSCRIBE, &|out| body.put(out)),
            Self::Cycle(body) => tagged(CYCLE, &|out| body.put(out)),
            Self::MeterCycle(body) => tagged(METER_CYCLE, &|out| body.put(out)),
            Self::CancelAtPeriodEnd { subscription } => {
                tagged(CANCEL_AT_PERIOD_END, &|out| subscription.put(out));
            }
            Self::Uncancel { subscription } => tagged(UNCANCEL, &|out| subscription.put(out)),
            Self::Revoke { subscription } => tagged(REVOKE, &|out| subscription.put(out)),
            Self::ChangeProduct(body) => tagged(CHANGE_PRODUCT, &|out| body.put(out)),
            Self::ClearChange { subscription } => {
                tagged(CLEAR_CHANGE, &|out| subscription.put(out));
            }
            Self::SetPeriodEnd { subscription, end } => tagged(SET_PERIOD_END, &|out| {
                subscription.put(out);
                end.put(out);
            }),
            Self::SetTrialEnd { subscription, end } => tagged(SET_TRIAL_END, &|out| {
                subscription.put(out);
                end.put(out);
            }),
            Self::Buy(body) => tagged(BUY, &|out| body.put(out)),
            Self::Paid { order } => tagged(PAID, &|out| order.put(out)),
            Self::Failed { order } => tagged(FAILED, &|out| order.put(out)),
            Self::SyncBenefits { terms } => tagged(SYNC_BENEFITS, &|out| terms.put(out)),
            Self::Delete => tagged(DELETE, &|_| {}),
            Self::Forget(retention) => tagged(FORGET, &|out| retention.put(out)),
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(match reader.byte()? {
            SUBSCRIBE => Self::Subscribe(Wire::read(reader)?),
            CYCLE => Self::Cycle(Wire::read(reader)?),
            METER_CYCLE => Self::MeterCycle(Wire::read(reader)?),
            CANCEL_AT_PERIOD_END => Self::CancelAtPeriodEnd { subscription: Wire::read(reader)? },
            UNCANCEL => Self::Uncancel { subscription: Wire::read(reader)? },
            REVOKE => Self::Revoke { subscription: Wire::read(reader)? },
            CHANGE_PRODUCT => Self::ChangeProduct(Wire::read(reader)?),
            CLEAR_CHANGE => Self::ClearChange { subscription: Wire::read(reader)? },
            SET_PERIOD_END => {
                Self::SetPeriodEnd { subscription: Wire::read(reader)?, end: Wire::read(reader)? }
            }
            SET_TRIAL_END => {
                Self::SetTrialEnd { subscription: Wire::read(reader)?, end: Wire::read(reader)? }
            }
            BUY => Self::Buy(Wire::read(reader)?),
            PAID => Self::Paid { order: Wire::read(reader)? },
            FAILED => Self::Failed { order: Wire::read(reader)? },
            SYNC_BENEFITS => Self::SyncBenefits { terms: Wire::read(reader)? },
            DELETE => Self::Delete,
            FORGET => Self::Forget(Wire::read(reader)?),
            _ => return Err(Malformed("unknown command of a customer")),
        })
    }
}

#[cfg(test)]
mod tests;
