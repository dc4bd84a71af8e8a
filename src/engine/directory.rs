//! The directory: who is where. Shared by everything that serves, written by the shards alone.
//!
//! An id and an external id of one customer lie in the same slot (see [`crate::slot`]), so the slot
//! of either names the shard; the directory tells the number in it.

use std::hash::{BuildHasherDefault, Hash, Hasher};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use foldhash::fast::RandomState;
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_128_with_seed;

use crate::id::{CustomerId, CustomerNumber, OrganizationNumber, SEED_SPREAD, ShardNumber};

/// Where a customer is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CustomerPlace {
    /// Its shard.
    pub shard: ShardNumber,
    /// Its number there.
    pub number: CustomerNumber,
}

/// An external id of an organization, as it is looked up: 128 bits of a hash whose seed is secret.
///
/// Two of 10^9 names have the same hash with a probability under 2^-68, and nobody can look for two
/// that do. The text itself stands with the customer: a look-up that had to compare it would miss
/// the cache once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NameHash {
    high: u64,
    low: u64,
}

impl Hash for NameHash {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.low);
    }
}

/// Takes a hash for what it is.
#[derive(Debug, Default)]
struct AlreadyHashed(u64);

impl Hasher for AlreadyHashed {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Id and external id to customer, of every organization.
#[derive(Debug)]
pub struct Directory {
    seed: u64,
    by_external_id: DashMap<NameHash, CustomerPlace, BuildHasherDefault<AlreadyHashed>>,
    by_id: DashMap<CustomerId, (OrganizationNumber, CustomerPlace), RandomState>,
}

impl Directory {
    /// Nobody, yet; names are hashed with this secret.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed, by_external_id: DashMap::default(), by_id: DashMap::default() }
    }

    /// The customer whom `organization` calls `name`: tried as external id, then as UUID.
    #[must_use]
    pub fn find(&self, organization: OrganizationNumber, name: &[u8]) -> Option<CustomerPlace> {
        self.by_external_id(organization, name).or_else(|| {
            // Only the usual notation names a customer, so that one customer has two names at most.
            let id = Uuid::try_parse_ascii(name).ok().filter(|_| name.len() == 36)?;
            self.by_id(organization, CustomerId(id))
        })
    }

    /// The customer with this external id.
    #[must_use]
    pub fn by_external_id(
        &self,
        organization: OrganizationNumber,
        external_id: &[u8],
    ) -> Option<CustomerPlace> {
        self.by_name_hash(self.name_hash(organization, external_id))
    }

    /// The customer whose external id has this hash.
    #[must_use]
    pub fn by_name_hash(&self, name: NameHash) -> Option<CustomerPlace> {
        self.by_external_id.get(&name).map(|place| *place)
    }

    /// The customer with this id.
    #[must_use]
    pub fn by_id(&self, organization: OrganizationNumber, id: CustomerId) -> Option<CustomerPlace> {
        let found = self.by_id.get(&id)?;
        let (owner, place) = *found;
        (owner == organization).then_some(place)
    }

    /// Enters a customer. `false`, and nothing changes, when its external id or id is taken.
    #[must_use]
    pub fn enter(
        &self,
        organization: OrganizationNumber,
        id: CustomerId,
        external_id: &str,
        place: CustomerPlace,
    ) -> bool {
        let name = self.name_hash(organization, external_id.as_bytes());
        let Entry::Vacant(named) = self.by_external_id.entry(name) else { return false };
        let Entry::Vacant(identified) = self.by_id.entry(id) else { return false };
        named.insert(place);
        identified.insert((organization, place));
        true
    }

    /// How many customers there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether nobody is there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// What an external id of an organization is looked up by.
    #[must_use]
    pub fn name_hash(&self, organization: OrganizationNumber, external_id: &[u8]) -> NameHash {
        let of_organization = u64::from(organization.0).wrapping_mul(SEED_SPREAD);
        let hash = xxh3_128_with_seed(external_id, self.seed ^ of_organization);
        let [low, high] =
            [hash, hash >> 64].map(|part| u64::try_from(part & u128::from(u64::MAX)).unwrap_or(0));
        NameHash { high, low }
    }
}

/// Entries that a recall begins with.
const RECALL_ENTRIES_MIN: usize = 1 << 10;

/// Most entries of a recall: 16 MiB.
const RECALL_ENTRIES_MAX: usize = 1 << 20;

/// What one shard recalls of the directory: external ids that it looked up before.
///
/// The directory is shared, so each look-up takes a lock, and a processor does not read ahead over
/// a lock. Here nothing is locked: [`Recall::touch`] for a few names in a row lets the memory answer
/// for all of them at once. An external id keeps its customer for ever, so nothing here gets old.
#[derive(Debug)]
pub struct Recall {
    entries: Vec<(u64, u32)>,
    used: usize,
}

/// No customer has this number: a shard is full before.
const NOBODY: u32 = u32::MAX;

impl Default for Recall {
    fn default() -> Self {
        Self { entries: vec![(0, NOBODY); RECALL_ENTRIES_MIN], used: 0 }
    }
}

impl Recall {
    fn place(&self, name: NameHash) -> usize {
        // The length is a power of two.
        usize::try_from(name.low).unwrap_or(0) & self.entries.len().wrapping_sub(1)
    }

    /// Reads what [`Recall::find`] will read, and returns some of it, for the caller to fold into a
    /// `black_box`.
    #[must_use]
    pub fn touch(&self, name: NameHash) -> u64 {
        self.entries.get(self.place(name)).map_or(0, |entry| entry.0)
    }

    /// The customer with this external id, if it is recalled.
    #[must_use]
    pub fn find(&self, name: NameHash) -> Option<CustomerNumber> {
        let (high, number) = *self.entries.get(self.place(name))?;
        (high == name.high && number != NOBODY).then_some(CustomerNumber(number))
    }

    /// Recalls a customer from now on, in place of another one perhaps.
    pub fn enter(&mut self, name: NameHash, customer: CustomerNumber) {
        if self.used >= self.entries.len() && self.entries.len() < RECALL_ENTRIES_MAX {
            // What was recalled is looked up once more: that costs less than to keep whole hashes.
            let larger = self.entries.len().saturating_mul(4).min(RECALL_ENTRIES_MAX);
            *self = Self { entries: vec![(0, NOBODY); larger], used: 0 };
        }
        let place = self.place(name);
        if let Some(entry) = self.entries.get_mut(place) {
            *entry = (name.high, customer.0);
            self.used = self.used.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests;
