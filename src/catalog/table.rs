//! Things of the catalog by place, by id and by organization.

use std::hash::Hash;
use std::sync::Arc;

use super::chunks::Chunks;
use super::shared_map::SharedMap;
use crate::id::OrganizationNumber;

/// Things that are never taken away, in the order in which they were made. The numbers of meters
/// are their places.
#[derive(Debug, Clone)]
pub(super) struct Table<I, T> {
    rows: Chunks<Arc<T>>,
    places: SharedMap<I, u32>,
    owned: SharedMap<OrganizationNumber, Chunks<u32>>,
}

impl<I, T> Default for Table<I, T> {
    fn default() -> Self {
        Self { rows: Chunks::default(), places: SharedMap::default(), owned: SharedMap::default() }
    }
}

impl<I: Hash + Eq + Clone, T> Table<I, T> {
    pub(super) const fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn at(&self, place: u32) -> Option<&Arc<T>> {
        self.rows.get(usize::try_from(place).ok()?)
    }

    pub(super) fn find(&self, id: &I) -> Option<&Arc<T>> {
        self.at(*self.places.get(id)?)
    }

    /// Puts `thing` in the place of the one with this id, or behind all others.
    pub(super) fn put(&mut self, id: I, owner: OrganizationNumber, thing: Arc<T>) {
        if let Some(&place) = self.places.get(&id) {
            self.rows.replace(usize::try_from(place).unwrap_or(usize::MAX), thing);
            return;
        }
        // The tables are bounded far below this.
        let place = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        self.rows.push(thing);
        self.places.insert(id, place);
        self.owned.change(owner, |places| places.push(place));
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Arc<T>> + Clone {
        self.rows.iter()
    }

    /// Those of one organization, oldest first.
    pub(super) fn of(&self, owner: OrganizationNumber) -> impl DoubleEndedIterator<Item = &Arc<T>> {
        let places = self.owned.get(&owner).into_iter().flat_map(Chunks::iter);
        places.filter_map(|place| self.at(*place))
    }
}
