//! What the engine is asked: calls, in groups that share one text.

use bytes::Bytes;

use crate::customer::CustomerCommand;
use crate::event::{Event, EventCustomer};
use crate::id::{
    CatalogVersion, CustomerId, CustomerNumber, MeterNumber, OrganizationNumber, ProductId,
};
use crate::profile::ProfileCommand;
use crate::slot::Slot;
use crate::span::Span;
use crate::time::Timestamp;
use crate::units::Units;

/// Calls of one caller, in order, whose customers lie on one shard.
#[derive(Debug)]
pub struct Group {
    /// Whose customers they name.
    pub organization: OrganizationNumber,
    /// What the spans are parts of.
    pub text: Bytes,
    /// The calls.
    pub calls: Vec<Call>,
}

/// One call.
#[derive(Debug)]
pub struct Call {
    /// The customer's external id or id.
    pub customer: Span,
    /// The idempotency key; empty when there is none.
    pub key: Span,
    /// What is asked.
    pub body: CallBody,
}

/// The kinds of [`Call`].
#[derive(Debug)]
pub enum CallBody {
    /// Draws down, always.
    Use {
        /// On this meter.
        meter: MeterNumber,
        /// This much.
        units: Units,
        /// When it happened, if the caller says so; not after now.
        at: Option<Timestamp>,
    },
    /// Draws down only if the balance covers it.
    Debit {
        /// On this meter.
        meter: MeterNumber,
        /// This much.
        units: Units,
    },
    /// Credits.
    Grant {
        /// On this meter.
        meter: MeterNumber,
        /// How, and how much.
        terms: Box<GrantCall>,
    },
    /// Ends the grant that was made with `grant_key`.
    Void {
        /// On this meter.
        meter: MeterNumber,
        /// The key of the command that made it.
        grant_key: Span,
    },
    /// Asks for the balance.
    Balance(MeterNumber),
    /// Asks for the live grants.
    Grants(MeterNumber),
    /// Asks for every meter of the customer.
    State,
    /// Reports a usage event. The customer is the event's.
    Event {
        /// The event.
        event: Box<Event>,
        /// Its JSON text.
        json: Span,
    },
    /// Registers, changes or deletes who the customer is to its organization.
    Profile {
        /// What becomes of the profile.
        command: Box<ProfileCommand>,
        /// The id of a customer who appears without an external id: the call names it by this.
        id: Option<CustomerId>,
    },
    /// Asks something of the purchases of a customer who is there already.
    Purchase(Box<CustomerCommand>),
    /// Any other action of the state machine, on a customer who is there already.
    Account {
        /// On this meter.
        meter: MeterNumber,
        /// What to do.
        action: crate::account::Action,
    },
}

impl Call {
    /// The call that reports `event`, whose text lies at `json`.
    #[must_use]
    pub fn event(event: Event, json: Span) -> Self {
        let body = CallBody::Event { event: Box::new(event), json };
        Self { customer: Span::default(), key: Span::default(), body }
    }

    /// What it calls its customer, unless that is certainly an id. The call's spans are parts of
    /// `text`.
    #[must_use]
    pub fn external_id<'a>(&'a self, text: &'a [u8]) -> Option<&'a [u8]> {
        match &self.body {
            CallBody::Event { event, .. } => match &event.customer {
                EventCustomer::ByExternalId(name) => Some(name.as_bytes()),
                EventCustomer::ByCustomerId(_) => None,
            },
            CallBody::Use { .. }
            | CallBody::Debit { .. }
            | CallBody::Grant { .. }
            | CallBody::Void { .. }
            | CallBody::Balance(_)
            | CallBody::Grants(_)
            | CallBody::State
            | CallBody::Profile { .. }
            | CallBody::Purchase(_)
            | CallBody::Account { .. } => Some(self.customer.of(text)),
        }
    }

    /// The slot of its customer. The call's spans are parts of `text`.
    #[must_use]
    pub fn slot(&self, text: &[u8]) -> Slot {
        match &self.body {
            CallBody::Event { event, .. } => match &event.customer {
                EventCustomer::ByExternalId(name) => Slot::of(name.as_bytes()),
                EventCustomer::ByCustomerId(id) => Slot::of(id.to_string().as_bytes()),
            },
            CallBody::Use { .. }
            | CallBody::Debit { .. }
            | CallBody::Grant { .. }
            | CallBody::Void { .. }
            | CallBody::Balance(_)
            | CallBody::Grants(_)
            | CallBody::State
            | CallBody::Profile { .. }
            | CallBody::Purchase(_)
            | CallBody::Account { .. } => Slot::of(self.customer.of(text)),
        }
    }
}

impl CallBody {
    /// Whether it only asks.
    #[must_use]
    pub const fn is_read(&self) -> bool {
        match self {
            Self::Balance(_) | Self::Grants(_) | Self::State => true,
            Self::Use { .. }
            | Self::Debit { .. }
            | Self::Grant { .. }
            | Self::Void { .. }
            | Self::Event { .. }
            | Self::Profile { .. }
            | Self::Purchase(_)
            | Self::Account { .. } => false,
        }
    }
}

/// What a grant is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantCall {
    /// Credited units, above zero.
    pub units: Units,
    /// Lower burns first.
    pub priority: i32,
    /// Counts from here on; from now when absent.
    pub effective_at: Option<Timestamp>,
    /// Counts no longer from here on.
    pub expires_at: Option<Timestamp>,
}

/// What the engine asks of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proposal {
    /// Grants of this customer meter expired or took effect.
    Advance {
        /// The customer.
        customer: CustomerNumber,
        /// The meter.
        meter: MeterNumber,
    },
    /// A period of one of this customer's subscriptions is over.
    TurnOver(CustomerNumber),
    /// This customer's subscriptions to a product are to have the benefits that it carries by the
    /// catalog in force when this is sequenced.
    SyncBenefits {
        /// The customer.
        customer: CustomerNumber,
        /// The product.
        product: ProductId,
    },
    /// A version of the catalog is in force.
    Catalog(CatalogVersion),
}
