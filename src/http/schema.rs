//! Polar's wire types, and only here: what its SDKs read, field by field.
//!
//! Numbers are written from their decimals' digits. What Polar calls a float always has a point,
//! what it calls an integer never has one: its stricter SDKs tell them apart.

use rust_decimal::Decimal;
use serde::Serialize;
use serde::Serializer;
use serde::ser::Error;
use serde_json::value::RawValue;

use crate::time::Timestamp;
use crate::units::write_decimal;

mod benefit;
mod benefit_grant;
mod checkout;
mod customer;
mod customer_meter;
mod customer_state;
mod event;
mod meter;
mod order;
mod organization;
mod product;
mod subscription;

pub(super) use self::benefit::Benefit;
pub(super) use self::benefit_grant::BenefitGrant;
pub(super) use self::benefit_grant::GrantProperties;
pub(super) use self::checkout::CheckoutSetting;
pub(super) use self::checkout::CheckoutView;
pub(super) use self::checkout::ClientCheckout;
pub(super) use self::customer::Customer;
pub(super) use self::customer_meter::CustomerMeter;
pub(super) use self::customer_meter::CustomerStateMeter;
pub(super) use self::customer_meter::Standing;
pub(super) use self::customer_state::CustomerState;
pub(super) use self::event::Event;
pub(super) use self::event::EventName;
pub(super) use self::meter::Meter;
pub(super) use self::meter::NamedMeter;
pub(super) use self::order::Order;
pub(super) use self::order::order_status_word;
pub(super) use self::organization::Organization;
pub(super) use self::product::Price;
pub(super) use self::product::Product;
pub(super) use self::product::ProductSummary;
pub(super) use self::product::interval_word;
pub(super) use self::subscription::Subscription;
pub(super) use self::subscription::SubscriptionPart;
pub(super) use self::subscription::SubscriptionState;
pub(super) use self::subscription::SubscriptionSummary;
pub(super) use self::subscription::status_word;

/// A decimal as Polar's float: `115.0`, `-0.5`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Float(pub(super) Decimal);

/// A whole decimal as an integer: `115`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Integer(Decimal);

/// A time: RFC 3339 in UTC, with microseconds and `Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment(pub(super) Timestamp);

/// Metadata of something that has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct NoMetadata {}

/// A thing that is none of this server's yet: a list of it is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) enum Nothing {}

impl Integer {
    /// The whole part of `number`, towards zero.
    pub(super) fn of(number: Decimal) -> Self {
        Self(number.trunc())
    }

    /// The number itself.
    pub(super) const fn decimal(self) -> Decimal {
        self.0
    }
}

impl Serialize for Float {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = Vec::new();
        write_decimal(&mut text, self.0);
        if !text.contains(&b'.') {
            text.extend_from_slice(b".0");
        }
        put(text, serializer)
    }
}

impl Serialize for Integer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = Vec::new();
        write_decimal(&mut text, self.0);
        put(text, serializer)
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// `text`, which the domain wrote as JSON, as it stands.
fn json(text: impl Into<String>) -> Box<RawValue> {
    RawValue::from_string(text.into()).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

/// Writes `text`, which is JSON, as it stands.
fn put<S: Serializer>(text: Vec<u8>, serializer: S) -> Result<S::Ok, S::Error> {
    let text = String::from_utf8(text).map_err(S::Error::custom)?;
    RawValue::from_string(text).map_err(S::Error::custom)?.serialize(serializer)
}

#[cfg(test)]
mod tests;
