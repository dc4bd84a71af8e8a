//! The directory: who is where. Shared by everything that serves, written by the shards alone.
//!
//! An id and an external id of one customer lie in the same slot (see [`crate::slot`]), so the slot
//! of either names the shard; the directory tells the number in it.

use std::hash::{BuildHasherDefault, Hash, Hasher};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use foldhash::fast::RandomState;
use uuid::Uuid;
use xxhash_rust::xxh3::{Xxh3, xxh3_128_with_seed};

use crate::id::{CustomerId, CustomerNumber, OrganizationNumber, ShardNumber};

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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct NameHash {
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

/// Longest name that is hashed in one piece with its organization.
const NAME_BYTES_SHORT: usize = 60;

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
        self.by_external_id.get(&self.name_hash(organization, external_id)).map(|place| *place)
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

    fn name_hash(&self, organization: OrganizationNumber, external_id: &[u8]) -> NameHash {
        let head = organization.0.to_le_bytes();
        let mut text = [0_u8; NAME_BYTES_SHORT + 4];
        let total = head.len().saturating_add(external_id.len());
        let hash = if let Some((into_head, into_name)) =
            text.get_mut(..total).and_then(|text| text.split_at_mut_checked(head.len()))
        {
            into_head.copy_from_slice(&head);
            into_name.copy_from_slice(external_id);
            xxh3_128_with_seed(text.get(..total).unwrap_or(&[]), self.seed)
        } else {
            let mut hasher = Xxh3::with_seed(self.seed);
            hasher.update(&head);
            hasher.update(external_id);
            hasher.digest128()
        };
        let [low, high] = [hash, hash >> 64].map(|part| {
            u64::try_from(part & u128::from(u64::MAX)).unwrap_or(0)
        });
        NameHash { high, low }
    }
}

#[cfg(test)]
mod tests;
