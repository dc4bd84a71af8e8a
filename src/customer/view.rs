//! Reads that need the accounts too.

use rust_decimal::Decimal;
use uuid::Uuid;

use crate::account::Account;
use crate::account::Settlement;
use crate::account::Standing;
use crate::customer::Accounts;
use crate::customer::Customer;
use crate::customer::derived_id;
use crate::customer::overage::units_to_bill;
use crate::id::MeterNumber;
use crate::id::PriceId;
use crate::id::SubscriptionId;
use crate::money::Money;
use crate::price;
use crate::time::Timestamp;

/// What a subscription's metered price comes to so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SubscriptionMeter {
    /// What this part of the meter is called.
    pub id: Uuid,
    /// Which meter.
    pub meter: MeterNumber,
    /// Which price.
    pub price: PriceId,
    /// Units consumed on the meter.
    pub consumed: Decimal,
    /// Units credited on the meter.
    pub credited: Decimal,
    /// What the turnover would bill if it came now; nothing on trial, and nothing where the overage
    /// is another subscription's.
    pub amount: Money,
}

impl Customer {
    /// The meters that a subscription has a price for, as they stand at `now`. One that was cancelled
    /// has none to bill.
    pub fn subscription_meters(
        &self,
        id: SubscriptionId,
        accounts: &dyn Accounts,
        now: Timestamp,
    ) -> Vec<SubscriptionMeter> {
        let Some(subscription) = self.subscription(id) else { return Vec::new() };
        let prices = subscription.terms.metered.iter();
        let meters = prices.map(|metered| {
            let meter = metered.meter;
            let account = accounts.account(meter);
            let none = Standing { credited: Decimal::ZERO, consumed: Decimal::ZERO };
            let standing = account.map_or(none, |account| account.standing_at(now));
            let billed = self.settlement(subscription, meter) == Settlement::Billed;
            let units = |account: &Account| units_to_bill(account, now);
            let units = account.filter(|_| billed).map_or(Decimal::ZERO, units);
            SubscriptionMeter {
                id: derived_id::subscription_meter(id, meter),
                meter,
                price: metered.price,
                consumed: standing.consumed,
                credited: standing.credited,
                amount: price::overage(metered.unit_amount, units, metered.cap),
            }
        });
        meters.collect()
    }
}
