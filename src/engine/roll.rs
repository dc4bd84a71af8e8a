//! The roll of customers: who is there, and where each of their meters stands.
//!
//! What is read is applied, and so it is durable. A whole shard is read in slices, so that commands
//! go on between them: a list that takes many slices shows each customer at its own instant.

use actix::Message;
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::account::Standing;
use crate::customer::{self, Order, Subscription, SubscriptionMeter};
use crate::engine::Engine;
use crate::engine::customer_meter::Moments;
use crate::engine::directory::CustomerPlace;
use crate::engine::reply::EngineError;
use crate::engine::shard::Shard;
use crate::id::{
    CustomerId, CustomerNumber, MeterNumber, OrderId, OrganizationNumber, ShardNumber,
    SubscriptionId,
};
use crate::profile::Profile;
use crate::time::Timestamp;

/// Customers that are read in one slice, those of other organizations counted.
pub const SLICE_CUSTOMERS: u32 = 512;

/// A customer as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerView {
    /// Its id for ever.
    pub id: CustomerId,
    /// The application's own id.
    pub external_id: Box<str>,
    /// When it appeared.
    pub created_at: Timestamp,
    /// Who it is to its organization, once it is registered.
    pub profile: Option<Box<Profile>>,
    /// What it has bought.
    pub purchases: Option<Box<customer::Customer>>,
    /// What the metered prices of its subscriptions come to now, each with its subscription.
    pub subscription_meters: Vec<(SubscriptionId, SubscriptionMeter)>,
    /// When its first event came in.
    pub first_event_at: Option<Timestamp>,
    /// Its meters that ever moved, by meter number.
    pub meters: Vec<MeterView>,
}

impl CustomerView {
    /// Whether it was deleted.
    #[must_use]
    pub fn is_deleted(&self) -> bool {
        self.profile.as_deref().is_some_and(|profile| !profile.is_live())
    }

    /// Whether a period of one of its subscriptions should have ended at `now`.
    fn is_overdue(&self, now: Timestamp) -> bool {
        self.purchases.as_deref().is_some_and(|purchases| purchases.due_at(now).is_some())
    }

    /// What people know it by: its name, else its address, else the application's own id.
    #[must_use]
    pub fn name_shown(&self) -> &str {
        let details = self.profile.as_deref().map(|profile| &profile.details);
        let name = details.map(|details| details.name.as_deref().unwrap_or(&details.email));
        name.unwrap_or(&self.external_id)
    }

    /// The subscription with this id, if it is this customer's.
    #[must_use]
    pub fn subscription(&self, id: SubscriptionId) -> Option<&Subscription> {
        self.purchases.as_deref()?.subscription(id)
    }

    /// The order with this id, if it is this customer's.
    #[must_use]
    pub fn order(&self, id: OrderId) -> Option<&Order> {
        self.purchases.as_deref()?.order(id)
    }
}

/// A customer on one meter as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MeterView {
    /// The meter.
    pub meter: MeterNumber,
    /// Units credited by live grants.
    pub credited: Decimal,
    /// Units drawn from them, and what no grant covered.
    pub consumed: Decimal,
    /// When it moved.
    pub moments: Moments,
}

/// A slice of a shard's customers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RollSlice {
    /// Those of the organization, by number.
    pub customers: Vec<CustomerView>,
    /// Where the next slice begins; nothing when this was the last.
    pub next: Option<CustomerNumber>,
}

/// Whom a reading is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whom {
    /// One customer.
    One(CustomerNumber),
    /// [`SLICE_CUSTOMERS`] customers from this number on.
    From(CustomerNumber),
}

/// Read customers of one organization.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "RollSlice")]
pub struct CallRoll {
    /// Whose customers; others are left out.
    pub organization: OrganizationNumber,
    /// Which.
    pub whom: Whom,
}

impl CallRoll {
    /// What `shard` holds of them at `now`.
    pub(super) fn of(self, shard: &Shard, now: Timestamp) -> RollSlice {
        let end = u32::try_from(shard.customers_len()).unwrap_or(u32::MAX);
        let (from, to) = match self.whom {
            Whom::One(CustomerNumber(one)) => (one, one.saturating_add(1)),
            Whom::From(CustomerNumber(from)) => (from, from.saturating_add(SLICE_CUSTOMERS)),
        };
        let next = match self.whom {
            Whom::From(_) if to < end => Some(CustomerNumber(to)),
            Whom::From(_) | Whom::One(_) => None,
        };
        let numbers = (from..to.min(end)).map(CustomerNumber);
        let customers = numbers.filter_map(|number| self.view(shard, number, now)).collect();
        RollSlice { customers, next }
    }

    fn view(self, shard: &Shard, number: CustomerNumber, now: Timestamp) -> Option<CustomerView> {
        let customer = shard.customer(number)?;
        if customer.organization != self.organization {
            return None;
        }
        let mut meters: Vec<MeterView> = shard
            .customer_meters(number)
            .map(|(meter, actor)| {
                let Standing { credited, consumed } = actor.account().standing_at(now);
                MeterView { meter, credited, consumed, moments: actor.moments() }
            })
            .collect();
        meters.sort_unstable_by_key(|view| view.meter);
        Some(CustomerView {
            id: customer.id,
            external_id: customer.external_id.clone(),
            created_at: customer.created_at,
            profile: customer.profile.clone(),
            purchases: customer.purchases.clone(),
            subscription_meters: shard.subscription_meters(number, now),
            first_event_at: customer.first_event_at,
            meters,
        })
    }
}

impl Engine {
    /// The customer of `organization` at `place`, if it is there. Its periods that are over by now
    /// have ended.
    ///
    /// # Errors
    /// [`EngineError::Stopping`].
    pub async fn customer_at(
        &self,
        organization: OrganizationNumber,
        place: CustomerPlace,
    ) -> Result<Option<CustomerView>, EngineError> {
        let call = CallRoll { organization, whom: Whom::One(place.number) };
        let view = self.call_roll(place.shard, call).await?.customers.pop();
        let Some(overdue) = view.as_ref().filter(|view| view.is_overdue(self.now())) else {
            return Ok(view);
        };
        // Whatever is asked in turn comes behind the turnovers that are due; its answer is not needed.
        self.state(organization, &overdue.id.to_string()).await?;
        Ok(self.call_roll(place.shard, call).await?.customers.pop())
    }

    /// The customer of `organization` whose subscription or order this is.
    ///
    /// # Errors
    /// [`EngineError::Stopping`].
    pub async fn customer_with_purchase(
        &self,
        organization: OrganizationNumber,
        purchase: Uuid,
    ) -> Result<Option<CustomerView>, EngineError> {
        let Some(place) = self.directory().by_purchase(purchase) else { return Ok(None) };
        // The place may be another organization's: then nobody is there for this one.
        self.customer_at(organization, place).await
    }

    /// The next customers of `organization` on a shard, from the number on with which the slice
    /// before ended.
    ///
    /// # Errors
    /// [`EngineError::Stopping`].
    pub async fn customers_from(
        &self,
        organization: OrganizationNumber,
        shard: ShardNumber,
        from: CustomerNumber,
    ) -> Result<RollSlice, EngineError> {
        self.call_roll(shard, CallRoll { organization, whom: Whom::From(from) }).await
    }

    async fn call_roll(
        &self,
        shard: ShardNumber,
        call: CallRoll,
    ) -> Result<RollSlice, EngineError> {
        let handle = self.inner.shards.get(usize::from(shard.0)).ok_or(EngineError::Stopping)?;
        handle.call_roll(call).await.map_err(|_| EngineError::Stopping)
    }
}

#[cfg(test)]
mod tests;
