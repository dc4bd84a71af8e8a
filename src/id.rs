//! What things are called: ids, numbers, positions and keys.
//!
//! An *id* is a UUIDv4 that the outside sees. A *number* is small, given in journal order, and names
//! the same thing inside: an organization or meter in the whole directory, a customer in its shard.

use std::fmt;

use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_128_with_seed;

macro_rules! uuid_newtype {
    ($(#[$doc:meta] $name:ident;)*) => {$(
        #[$doc]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

uuid_newtype! {
    /// An organization: whose meters, customers and tokens these are.
    OrganizationId;
    /// A customer of an organization.
    CustomerId;
    /// A meter of an organization.
    MeterId;
    /// A grant of credits.
    GrantId;
    /// A subscription of a customer to a product.
    SubscriptionId;
    /// An order of a customer.
    OrderId;
    /// A benefit that products carry.
    BenefitId;
    /// A credit of a benefit to a customer, for one purchase.
    BenefitGrantId;
    /// A product of an organization.
    ProductId;
    /// A price of a product.
    PriceId;
    /// A checkout of a product.
    CheckoutId;
    /// An access token.
    TokenId;
}

macro_rules! number_newtype {
    ($(#[$doc:meta] $name:ident($of:ty);)*) => {$(
        #[$doc]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $of);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

number_newtype! {
    /// An organization's place in the catalog.
    OrganizationNumber(u32);
    /// A meter's place in the catalog.
    MeterNumber(u32);
    /// A customer's place in its shard.
    CustomerNumber(u32);
    /// A shard of this directory.
    ShardNumber(u16);
    /// The position of a record in its shard's journal; the first one is 1.
    Seq(u64);
    /// A version of the catalog; every change makes the next one.
    CatalogVersion(u64);
    /// One term of writing a journal: each start of a server is a new, greater one.
    Epoch(u64);
}

impl Seq {
    /// Before the first record.
    pub const ZERO: Self = Self(0);

    /// The position after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// Longest idempotency key, in bytes.
pub const KEY_BYTES_MAX: usize = 256;

/// Longest external id of a customer, in bytes.
pub const EXTERNAL_ID_BYTES_MAX: usize = 256;

/// Which keys are compared with each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeySpace {
    /// `external_id` of events: an equal one is a duplicate whatever its body.
    Event,
    /// Keys of commands: an equal one with another body is a conflict.
    Command,
}

/// A customer's idempotency key as it is remembered: 128 bits of a hash seeded per directory.
///
/// Two different keys of a directory with 10^9 keys collide with probability under 2^-68; the seed
/// is secret, so that nobody can look for two that do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyHash(pub u128);

impl KeyHash {
    /// The hash of `key`, which `customer` sent in `space`.
    #[must_use]
    pub fn of(seed: u64, customer: CustomerNumber, space: KeySpace, key: &[u8]) -> Self {
        let space = match space {
            KeySpace::Event => 0,
            KeySpace::Command => 1,
        };
        // A seed of each customer's own, instead of a longer text: keys are short, and copying one
        // next to the customer would take longer than hashing it.
        let of_customer = (u64::from(customer.0) << 1 | space).wrapping_mul(SEED_SPREAD);
        Self(xxh3_128_with_seed(key, seed ^ of_customer))
    }
}

/// Odd, with as many ones as zeros: multiplication by it spreads small numbers over 64 bits.
pub(crate) const SEED_SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

impl GrantId {
    /// The id of the grant that the command with this key makes: the same key, the same id.
    #[must_use]
    pub fn of_key(key: KeyHash) -> Self {
        Self(uuid::Builder::from_random_bytes(key.0.to_be_bytes()).into_uuid())
    }

    /// The id of the grant that a record without a key makes, at its `place` in the record.
    #[must_use]
    pub fn of_record(seed: u64, shard: ShardNumber, seq: Seq, place: u32) -> Self {
        let mut text = [0_u8; 15];
        let parts =
            [b"g".as_slice(), &shard.0.to_le_bytes(), &seq.0.to_le_bytes(), &place.to_le_bytes()];
        for (byte, part) in text.iter_mut().zip(parts.into_iter().flatten()) {
            *byte = *part;
        }
        let hash = xxh3_128_with_seed(&text, seed);
        Self(uuid::Builder::from_random_bytes(hash.to_be_bytes()).into_uuid())
    }
}

/// An event of the retained journal. It says where the event stands, so it needs no memory; to those
/// who do not know the directory's secret it looks like a random UUIDv4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(pub Uuid);

/// Bits of an [`EventId`] that prove where the rest comes from, and hide it.
const EVENT_TAG_BITS: u32 = 42;
const EVENT_TAG: u128 = (1 << EVENT_TAG_BITS) - 1;

/// The other random bits: 56 of position, 16 of shard, 8 of the place in the record.
const EVENT_PLACE: u128 = (1 << 80) - 1;
const EVENT_SEQ_MAX: u64 = (1 << 56) - 1;

impl EventId {
    /// The id of the event that stands at `place` in record `seq` of `shard`.
    #[must_use]
    pub fn of(seed: u64, shard: ShardNumber, seq: Seq, place: u8) -> Self {
        let seq = u128::from(seq.0.min(EVENT_SEQ_MAX));
        let position = seq << 24 | u128::from(shard.0) << 8 | u128::from(place);
        let tag = Self::tag(seed, position);
        let random = (position ^ Self::mask(seed, tag)) << EVENT_TAG_BITS | tag;
        // Around the version, and around the variant.
        let (high, middle, low) = (random >> 74, random >> 62 & 0xfff, random & ((1 << 62) - 1));
        Self(Uuid::from_u128(high << 80 | 0x4 << 76 | middle << 64 | 0b10 << 62 | low))
    }

    /// Where the event stands; nothing when this was never an event's id in this directory.
    #[must_use]
    pub fn position(self, seed: u64) -> Option<(ShardNumber, Seq, u8)> {
        let bits = self.0.as_u128();
        let (high, middle, low) = (bits >> 80, bits >> 64 & 0xfff, bits & ((1 << 62) - 1));
        let random = high << 74 | middle << 62 | low;
        let tag = random & EVENT_TAG;
        let position = (random >> EVENT_TAG_BITS) ^ Self::mask(seed, tag);
        let shard = u16::try_from(position >> 8 & 0xffff).ok()?;
        let (seq, place) =
            (u64::try_from(position >> 24).ok()?, u8::try_from(position & 0xff).ok()?);
        let id = Self::of(seed, ShardNumber(shard), Seq(seq), place);
        (id == self).then_some((ShardNumber(shard), Seq(seq), place))
    }

    fn tag(seed: u64, position: u128) -> u128 {
        xxh3_128_with_seed(&position.to_le_bytes(), seed) & EVENT_TAG
    }

    fn mask(seed: u64, tag: u128) -> u128 {
        xxh3_128_with_seed(&tag.to_le_bytes(), !seed) & EVENT_PLACE
    }
}

/// A customer on a meter, as the outside calls it. It follows from the two ids and from nothing
/// else, so it needs no memory, and stays through every move of the customer between shards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CustomerMeterId(pub Uuid);

/// The bits of a UUIDv4 that are random.
const RANDOM_BITS: u128 = !0x0000_0000_0000_f000_c000_0000_0000_0000;

impl CustomerMeterId {
    /// The id of `customer` on `meter`: a UUIDv4 in shape.
    #[must_use]
    pub fn of(customer: CustomerId, meter: MeterId) -> Self {
        Self(Uuid::from_u128(customer.0.as_u128() ^ mask(meter)))
    }

    /// The one customer whose id on `meter` this would be; whether there is such a customer, the
    /// directory knows. Of a thousand meters a thousand customers come into question, and a random
    /// UUID is the id of one of them with a probability under 2^-80.
    #[must_use]
    pub fn customer_on(self, meter: MeterId) -> CustomerId {
        CustomerId(Uuid::from_u128(self.0.as_u128() ^ mask(meter)))
    }
}

/// Turns the customer's random bits over, for each meter in its own way, and leaves version and
/// variant as they are.
fn mask(meter: MeterId) -> u128 {
    xxh3_128_with_seed(meter.0.as_bytes(), SEED_SPREAD) & RANDOM_BITS
}

impl fmt::Display for CustomerMeterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests;
