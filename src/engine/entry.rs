//! A record as memory applies it: the same for a live command and a replayed one.

use rust_decimal::Decimal;
use xxhash_rust::xxh3::xxh3_64;

use crate::account::{Action, Posting};
use crate::customer::CustomerCommand;
use crate::encoding;
use crate::id::{
    CatalogVersion, CustomerId, CustomerNumber, KeyHash, KeySpace, MeterNumber, OrganizationNumber,
};
use crate::journal::action::put_action;
use crate::journal::record::Record;
use crate::profile::ProfileCommand;
use crate::time::Timestamp;

/// A committed record, as memory applies it.
#[derive(Debug)]
pub struct Entry {
    /// When it was sequenced.
    pub time: Timestamp,
    /// What it says.
    pub body: EntryBody,
}

/// The kinds of [`Entry`].
#[derive(Debug)]
pub enum EntryBody {
    /// A customer appears.
    Customer(Box<NewCustomer>),
    /// A command to one customer meter.
    Command {
        /// The customer.
        customer: CustomerNumber,
        /// The meter.
        meter: MeterNumber,
        /// The idempotency key, if there is one.
        key: Option<EntryKey>,
        /// What to do.
        action: Action,
    },
    /// A usage event.
    Event(Box<EventEntry>),
    /// Who a customer is to its organization.
    Profile(Box<ProfileEntry>),
    /// A command to what a customer has bought.
    Purchase(Box<PurchaseEntry>),
    /// A version of the catalog came into force.
    Catalog(CatalogVersion),
}

/// What is asked of whose purchases.
#[derive(Debug)]
pub struct PurchaseEntry {
    /// The customer.
    pub customer: CustomerNumber,
    /// What is asked.
    pub command: CustomerCommand,
}

/// What becomes of whose profile.
#[derive(Debug)]
pub struct ProfileEntry {
    /// The customer.
    pub customer: CustomerNumber,
    /// What becomes of it.
    pub command: ProfileCommand,
}

/// Who appears.
#[derive(Debug)]
pub struct NewCustomer {
    /// Its place in the shard: the next free one.
    pub number: CustomerNumber,
    /// Whose customer it is.
    pub organization: OrganizationNumber,
    /// Its id for ever.
    pub id: CustomerId,
    /// The application's own id; empty when it has none yet.
    pub external_id: Box<str>,
    /// When it appeared.
    pub created_at: Timestamp,
}

/// What an event adds to whose meters.
#[derive(Debug)]
pub struct EventEntry {
    /// The customer.
    pub customer: CustomerNumber,
    /// The event's `external_id`, if it has one.
    pub key: Option<KeyHash>,
    /// What it adds to which meters.
    pub postings: Vec<(MeterNumber, Posting)>,
}

/// A key and the body it came with.
#[derive(Debug, Clone, Copy)]
pub struct EntryKey {
    /// The customer's key.
    pub hash: KeyHash,
    /// Tells another body from the same one.
    pub fingerprint: u32,
}

impl Entry {
    /// The entry that `record` holds, which was sequenced at `time` in a directory with this seed.
    #[must_use]
    pub fn of(record: Record<'_>, time: Timestamp, seed: u64) -> Self {
        let body = match record {
            Record::Customer { number, organization, id, external_id } => {
                EntryBody::Customer(Box::new(NewCustomer {
                    number,
                    organization,
                    id,
                    external_id: external_id.into(),
                    created_at: time,
                }))
            }
            Record::Command { customer, meter, action, key, at: _ } => {
                let key = EntryKey::of(seed, customer, key, meter, &action);
                EntryBody::Command { customer, meter, key, action }
            }
            Record::Event { customer, key, postings, payload: _ } => {
                let key =
                    (!key.is_empty()).then(|| KeyHash::of(seed, customer, KeySpace::Event, key));
                EntryBody::Event(Box::new(EventEntry { customer, key, postings }))
            }
            Record::Profile { customer, command } => {
                EntryBody::Profile(Box::new(ProfileEntry { customer, command }))
            }
            Record::Purchase { customer, command } => {
                EntryBody::Purchase(Box::new(PurchaseEntry { customer, command }))
            }
            Record::Catalog { version } => EntryBody::Catalog(version),
        };
        Self { time, body }
    }

    /// The customer whose state this entry may change.
    #[must_use]
    pub const fn customer(&self) -> Option<CustomerNumber> {
        match &self.body {
            EntryBody::Command { customer, .. } => Some(*customer),
            EntryBody::Event(event) => Some(event.customer),
            EntryBody::Profile(profile) => Some(profile.customer),
            EntryBody::Purchase(purchase) => Some(purchase.customer),
            EntryBody::Customer(_) | EntryBody::Catalog(_) => None,
        }
    }
}

impl EntryKey {
    /// The key that `customer` sent with a command; none when it is empty.
    #[must_use]
    pub fn of(
        seed: u64,
        customer: CustomerNumber,
        key: &[u8],
        meter: MeterNumber,
        action: &Action,
    ) -> Option<Self> {
        if key.is_empty() {
            return None;
        }
        let hash = KeyHash::of(seed, customer, KeySpace::Command, key);
        Some(Self { hash, fingerprint: fingerprint(meter, action) })
    }
}

/// 32 bits that tell another body from the same one. What a retry cannot repeat, the time at which
/// it was sequenced, is left out; `1` and `1.0` are the same body.
fn fingerprint(meter: MeterNumber, action: &Action) -> u32 {
    let short = |tag: u8, amount: Decimal| {
        let amount = if amount.scale() == 0 { amount } else { amount.normalize() };
        let [head, tail] = [[tag; 4], meter.0.to_le_bytes()];
        let mut text = [0; 24];
        let (into_head, rest) = text.split_at_mut(4);
        let (into_tail, into_amount) = rest.split_at_mut(4);
        into_head.copy_from_slice(&head);
        into_tail.copy_from_slice(&tail);
        into_amount.copy_from_slice(&amount.serialize());
        xxh3_64(&text)
    };
    let hash = match action {
        Action::Use(Posting::Draw(draw)) => short(1, draw.0),
        Action::Debit(units) => short(2, units.decimal()),
        Action::Grant(terms) => {
            let mut text = Vec::from([3]);
            text.extend_from_slice(&meter.0.to_le_bytes());
            text.extend_from_slice(&terms.amount.normalize().serialize());
            text.extend_from_slice(&terms.priority.to_le_bytes());
            encoding::put_optional_time(&mut text, terms.expires_at);
            xxh3_64(&text)
        }
        Action::Use(_)
        | Action::Void(_)
        | Action::Revoke(_)
        | Action::Reset(_)
        | Action::Turnover(_)
        | Action::Advance => {
            let mut text = Vec::from([4]);
            text.extend_from_slice(&meter.0.to_le_bytes());
            put_action(&mut text, action);
            xxh3_64(&text)
        }
    };
    let [a, b, c, d, ..] = hash.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests;
