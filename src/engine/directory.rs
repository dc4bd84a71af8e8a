//! The directory: who is where. Shared by everything that serves, written by the shards alone.
//!
//! An id and an external id of one customer lie in the same slot (see [`crate::slot`]), so the slot
//! of either names the shard; the directory tells the number in it.

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use foldhash::fast::RandomState;
use smallvec::SmallVec;
use uuid::Uuid;

use crate::id::{CustomerId, CustomerNumber, OrganizationNumber, ShardNumber};

/// Where a customer is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CustomerPlace {
    /// Its shard.
    pub shard: ShardNumber,
    /// Its number there.
    pub number: CustomerNumber,
}

/// Bytes of an organization's number and an external id that are put together without allocating.
const NAME_BYTES_INLINE: usize = 60;

/// Id and external id to customer, of every organization.
#[derive(Debug, Default)]
pub struct Directory {
    by_external_id: DashMap<Box<[u8]>, CustomerPlace, RandomState>,
    by_id: DashMap<CustomerId, (OrganizationNumber, CustomerPlace), RandomState>,
}

impl Directory {
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
        let name = full_name(organization, external_id);
        self.by_external_id.get(name.as_slice()).map(|place| *place)
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
        let name = full_name(organization, external_id.as_bytes());
        let Entry::Vacant(named) = self.by_external_id.entry(name.as_slice().into()) else {
            return false;
        };
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
}

fn full_name(
    organization: OrganizationNumber,
    external_id: &[u8],
) -> SmallVec<[u8; NAME_BYTES_INLINE]> {
    let mut name = SmallVec::from_slice(&organization.0.to_be_bytes());
    name.extend_from_slice(external_id);
    name
}

#[cfg(test)]
mod tests;
