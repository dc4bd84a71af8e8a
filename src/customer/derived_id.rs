//! Ids that follow from what they name, so that the same thing is never made under two of them.
//!
//! A cycle's order is named by its subscription and period: whoever asks twice, also after a crash,
//! asks for the same order.

use sha2::Digest;
use sha2::Sha256;
use uuid::Uuid;

use crate::customer::order::OrderLineId;
use crate::grant::Purchase;
use crate::id::BenefitGrantId;
use crate::id::BenefitId;
use crate::id::CheckoutId;
use crate::id::CustomerId;
use crate::id::GrantId;
use crate::id::MeterNumber;
use crate::id::OrderId;
use crate::id::SubscriptionId;
use crate::time::Timestamp;

/// The subscription that a checkout starts: one, however often it is confirmed.
#[must_use]
pub fn subscription_of_checkout(checkout: CheckoutId) -> SubscriptionId {
    SubscriptionId(derive(b"subscription of checkout", &[checkout.0.as_bytes()]))
}

/// The order that a checkout of a product makes that is sold once.
#[must_use]
pub fn order_of_checkout(checkout: CheckoutId) -> OrderId {
    OrderId(derive(b"order of checkout", &[checkout.0.as_bytes()]))
}

/// What stands for a checkout when the caller has taken the payment itself, and gave its request
/// this idempotency key. A repeat is the same one.
#[must_use]
pub fn checkout_of_key(customer: CustomerId, key: &[u8]) -> CheckoutId {
    // The key comes last, so its length does not have to be told.
    CheckoutId(derive(b"checkout of key", &[customer.0.as_bytes(), key]))
}

/// The order that a subscription makes when its period with this number begins, or would begin.
#[must_use]
pub fn order_of_period(subscription: SubscriptionId, index: u32) -> OrderId {
    OrderId(derive(b"order of period", &[subscription.0.as_bytes(), &index.to_be_bytes()]))
}

/// The order that a subscription makes when a meter period ends then, within a billing period.
///
/// Meter periods are not numbered for it: their numbers change when the meter interval does.
#[must_use]
pub fn order_of_meter_period(subscription: SubscriptionId, end: Timestamp) -> OrderId {
    let end = end.microseconds().to_be_bytes();
    OrderId(derive(b"order of meter period", &[subscription.0.as_bytes(), &end]))
}

/// The line at this `place` of an order.
#[must_use]
pub fn order_line(order: OrderId, place: u32) -> OrderLineId {
    OrderLineId(derive(b"order line", &[order.0.as_bytes(), &place.to_be_bytes()]))
}

/// The grant of a benefit for a purchase.
#[must_use]
pub fn benefit_grant(purchase: Purchase, benefit: BenefitId) -> BenefitGrantId {
    let (kind, bought) = match purchase {
        Purchase::Subscription(subscription) => (&b"subscription"[..], subscription.0),
        Purchase::Order(order) => (&b"order"[..], order.0),
    };
    let parts: [&[u8]; 3] = [kind, bought.as_bytes(), benefit.0.as_bytes()];
    BenefitGrantId(derive(b"benefit grant", &parts))
}

/// The `n`th credit of a benefit grant.
#[must_use]
pub fn credit(benefit_grant: BenefitGrantId, n: u32) -> GrantId {
    GrantId(derive(b"credit", &[benefit_grant.0.as_bytes(), &n.to_be_bytes()]))
}

/// What a subscription's part of a meter is called.
#[must_use]
pub fn subscription_meter(subscription: SubscriptionId, meter: MeterNumber) -> Uuid {
    derive(b"subscription meter", &[subscription.0.as_bytes(), &meter.0.to_be_bytes()])
}

/// A UUIDv4 of the parts' SHA-256: nobody can find two sets of parts with the same one. The parts of
/// one kind have the same lengths, so that they cannot run into each other.
fn derive(kind: &[u8], parts: &[&[u8]]) -> Uuid {
    let mut hash = Sha256::new();
    hash.update(kind);
    hash.update([0]);
    for part in parts {
        hash.update(part);
    }
    let hash = hash.finalize();
    let mut bytes = [0_u8; 16];
    for (byte, hashed) in bytes.iter_mut().zip(hash) {
        *byte = hashed;
    }
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}
