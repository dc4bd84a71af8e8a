//! Customers on meters as Polar shows them.

use rust_decimal::Decimal;
use serde::Serialize;
use uuid::Uuid;

use crate::engine::roll::MeterView;
use crate::id::{CustomerId, CustomerMeterId};
use crate::meter;
use crate::units::subtract;

use super::Customer;
use super::Float;
use super::Integer;
use super::Meter;
use super::Moment;

/// The three numbers of a customer meter as Polar has them: credits are whole there, and what was
/// consumed makes up for it, so that the balance is the exact one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(in crate::http) struct Standing {
    pub(in crate::http) consumed_units: Float,
    pub(in crate::http) credited_units: Integer,
    pub(in crate::http) balance: Float,
}

impl Standing {
    /// What `credited` and `consumed` are in Polar's numbers.
    pub(in crate::http) fn of(credited: Decimal, consumed: Decimal) -> Self {
        let whole = Integer::of(credited);
        // An account admits nothing that would take its sums or its balance out of range, so the
        // fallbacks are never shown.
        let balance = subtract(credited, consumed).unwrap_or_default();
        let consumed = subtract(whole.decimal(), balance).unwrap_or(consumed);
        Self { consumed_units: Float(consumed), credited_units: whole, balance: Float(balance) }
    }
}

/// What every view of a customer meter has.
#[derive(Debug, Clone, Serialize)]
pub(in crate::http) struct CustomerStateMeter {
    id: Uuid,
    created_at: Moment,
    modified_at: Option<Moment>,
    meter_id: Uuid,
    #[serde(flatten)]
    standing: Standing,
}

impl CustomerStateMeter {
    /// `view` of this customer on `meter`.
    pub(in crate::http) fn of(
        customer: CustomerId,
        meter: &meter::Meter,
        view: &MeterView,
    ) -> Self {
        let changed = view.moments.last != view.moments.first;
        Self {
            id: CustomerMeterId::of(customer, meter.id).0,
            created_at: Moment(view.moments.first),
            modified_at: changed.then_some(Moment(view.moments.last)),
            meter_id: meter.id.0,
            standing: Standing::of(view.credited, view.consumed),
        }
    }
}

/// A customer on a meter, with both.
#[derive(Debug, Serialize)]
pub(in crate::http) struct CustomerMeter {
    customer_id: Uuid,
    #[serde(flatten)]
    own: CustomerStateMeter,
    customer: Customer,
    meter: Meter,
}

impl CustomerMeter {
    /// `view` of `customer`, whose id this is, on `meter`.
    pub(in crate::http) fn of(
        customer_id: CustomerId,
        customer: Customer,
        meter: &meter::Meter,
        organization_id: Uuid,
        view: &MeterView,
    ) -> Self {
        Self {
            customer_id: customer_id.0,
            own: CustomerStateMeter::of(customer_id, meter, view),
            customer,
            meter: Meter::of(meter, organization_id),
        }
    }
}
