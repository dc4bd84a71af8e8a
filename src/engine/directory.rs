//! The directory: who is where. Shared by everything that serves, written by the shards alone.
//!
//! An id and an external id of one customer lie in the same slot (see [`crate::slot`]), so the slot
//! of either names the shard; the directory tells the number in it.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use foldhash::fast::RandomState;
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_128_with_seed;

use crate::id::{CustomerId, CustomerNumber, OrganizationNumber, SEED_SPREAD, ShardNumber};
use crate::profile::email_key;

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

/// An email address that is taken: by whom, and how often. A customer that changes it away and back
/// holds it twice until the first change is applied.
#[derive(Debug, Clone, Copy)]
struct TakenEmail {
    place: CustomerPlace,
    holds: u32,
}

/// Id, external id and email address to customer, of every organization.
#[derive(Debug)]
pub struct Directory {
    seed: u64,
    by_external_id: DashMap<NameHash, CustomerPlace, BuildHasherDefault<AlreadyHashed>>,
    by_id: DashMap<CustomerId, (OrganizationNumber, CustomerPlace), RandomState>,
    /// Subscriptions and orders.
    by_purchase: DashMap<Uuid, CustomerPlace, RandomState>,
    by_email: DashMap<NameHash, TakenEmail, BuildHasherDefault<AlreadyHashed>>,
    /// External ids whose slot does not name their customer's shard.
    strays: AtomicUsize,
}

impl Directory {
    /// Nobody, yet; names are hashed with this secret.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            by_external_id: DashMap::default(),
            by_id: DashMap::default(),
            by_purchase: DashMap::default(),
            by_email: DashMap::default(),
            strays: AtomicUsize::new(0),
        }
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

    /// The id of a customer that is called by it.
    #[must_use]
    pub fn id_at(&self, organization: OrganizationNumber, name: &[u8]) -> Option<CustomerId> {
        let id = CustomerId(Uuid::try_parse_ascii(name).ok()?);
        self.by_id(organization, id).map(|_| id)
    }

    /// The customer with this id.
    #[must_use]
    pub fn by_id(&self, organization: OrganizationNumber, id: CustomerId) -> Option<CustomerPlace> {
        let found = self.by_id.get(&id)?;
        let (owner, place) = *found;
        (owner == organization).then_some(place)
    }

    /// The customers of `organization`, by shard. Reads the whole directory.
    #[must_use]
    pub fn customers_of(
        &self,
        organization: OrganizationNumber,
    ) -> HashMap<ShardNumber, HashSet<CustomerNumber>> {
        let mut customers: HashMap<ShardNumber, HashSet<CustomerNumber>> = HashMap::new();
        for entry in &self.by_id {
            let (owner, place) = *entry.value();
            if owner == organization {
                customers.entry(place.shard).or_default().insert(place.number);
            }
        }
        customers
    }

    /// Enters a customer. `false`, and nothing changes, when its external id or id is taken. An
    /// empty external id is none.
    #[must_use]
    pub fn enter(
        &self,
        organization: OrganizationNumber,
        id: CustomerId,
        external_id: &str,
        place: CustomerPlace,
    ) -> bool {
        let Entry::Vacant(identified) = self.by_id.entry(id) else { return false };
        if !external_id.is_empty() && !self.name(organization, external_id, place) {
            return false;
        }
        identified.insert((organization, place));
        true
    }

    /// Enters the external id of a customer. `false`, and nothing changes, when it is taken.
    #[must_use]
    pub fn name(
        &self,
        organization: OrganizationNumber,
        external_id: &str,
        place: CustomerPlace,
    ) -> bool {
        let name = self.name_hash(organization, external_id.as_bytes());
        let Entry::Vacant(named) = self.by_external_id.entry(name) else { return false };
        named.insert(place);
        true
    }

    /// The external id of the customer at `place` is free again.
    pub fn unname(
        &self,
        organization: OrganizationNumber,
        external_id: &str,
        place: CustomerPlace,
    ) {
        let name = self.name_hash(organization, external_id.as_bytes());
        self.by_external_id.remove_if(&name, |_, of| *of == place);
    }

    /// Whose subscription or order this is. Callers check the organization.
    #[must_use]
    pub fn by_purchase(&self, id: Uuid) -> Option<CustomerPlace> {
        self.by_purchase.get(&id).map(|place| *place)
    }

    /// Enters a subscription or an order of the customer at `place`.
    pub fn enter_purchase(&self, id: Uuid, place: CustomerPlace) {
        self.by_purchase.insert(id, place);
    }

    /// A subscription or an order is no longer remembered.
    pub fn forget_purchase(&self, id: Uuid) {
        self.by_purchase.remove(&id);
    }

    /// Counts an external id whose slot does not name its customer's shard.
    pub fn add_stray(&self) {
        self.strays.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether an external id may be one whose slot does not name its customer's shard.
    #[must_use]
    pub fn has_strays(&self) -> bool {
        self.strays.load(Ordering::Relaxed) > 0
    }

    /// Takes an email address for the customer at `place`. `false` when another one has it.
    #[must_use]
    pub fn take_email(
        &self,
        organization: OrganizationNumber,
        email: &str,
        place: CustomerPlace,
    ) -> bool {
        let mut taken = self
            .by_email
            .entry(self.email_hash(organization, email))
            .or_insert(TakenEmail { place, holds: 0 });
        let own = taken.place == place;
        if own {
            taken.holds = taken.holds.saturating_add(1);
        }
        own
    }

    /// Gives back what [`Directory::take_email`] took once.
    pub fn release_email(
        &self,
        organization: OrganizationNumber,
        email: &str,
        place: CustomerPlace,
    ) {
        let hash = self.email_hash(organization, email);
        if let Entry::Occupied(mut taken) = self.by_email.entry(hash)
            && taken.get().place == place
        {
            let held = taken.get_mut();
            held.holds = held.holds.saturating_sub(1);
            if held.holds == 0 {
                taken.remove();
            }
        }
    }

    /// The customer with this email address.
    #[must_use]
    pub fn by_email(&self, organization: OrganizationNumber, email: &str) -> Option<CustomerPlace> {
        self.by_email.get(&self.email_hash(organization, email)).map(|taken| taken.place)
    }

    fn email_hash(&self, organization: OrganizationNumber, email: &str) -> NameHash {
        self.name_hash(organization, email_key(email).as_bytes())
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
/// for all of them at once. An external id keeps its customer until that is deleted, which [`Recall::forget`] is told of.
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

    /// Recalls a name no longer: it is free again.
    pub fn forget(&mut self, name: NameHash) {
        let place = self.place(name);
        if let Some(entry) = self.entries.get_mut(place)
            && entry.0 == name.high
        {
            entry.1 = NOBODY;
        }
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
