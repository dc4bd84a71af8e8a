//! A row of things whose copies share all that did not change.

use std::sync::Arc;

/// Things in a leaf, and leaves in a branch: 2 to the power of this.
const BITS: u32 = 5;
const WIDTH: usize = 1 << BITS;
const MASK: usize = WIDTH - 1;

type Leaf<T> = Arc<Vec<T>>;

/// A vector in leaves and branches. A copy takes one pointer for every 1,024 things, and a change
/// of a copy one leaf and one branch: so each version of the catalog can have one of its own.
#[derive(Debug, Clone)]
pub(super) struct Chunks<T> {
    branches: Vec<Arc<Vec<Leaf<T>>>>,
    len: usize,
}

impl<T> Default for Chunks<T> {
    fn default() -> Self {
        Self { branches: Vec::new(), len: 0 }
    }
}

impl<T: Clone> Chunks<T> {
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) fn get(&self, place: usize) -> Option<&T> {
        let branch = self.branches.get(place >> (2 * BITS))?;
        branch.get((place >> BITS) & MASK)?.get(place & MASK)
    }

    pub(super) fn push(&mut self, thing: T) {
        if self.branches.last().is_none_or(|branch| is_full(branch)) {
            self.branches.push(Arc::default());
        }
        let Some(branch) = self.branches.last_mut().map(Arc::make_mut) else { return };
        if branch.last().is_none_or(|leaf| leaf.len() == WIDTH) {
            branch.push(Arc::default());
        }
        let Some(leaf) = branch.last_mut().map(Arc::make_mut) else { return };
        leaf.push(thing);
        self.len = self.len.saturating_add(1);
    }

    /// Puts `thing` in the place of the one at `place`, which has to be there.
    pub(super) fn replace(&mut self, place: usize, thing: T) {
        let branch = self.branches.get_mut(place >> (2 * BITS)).map(Arc::make_mut);
        let leaf = branch.and_then(|branch| branch.get_mut((place >> BITS) & MASK));
        if let Some(old) = leaf.map(Arc::make_mut).and_then(|leaf| leaf.get_mut(place & MASK)) {
            *old = thing;
        }
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> + Clone {
        self.branches.iter().flat_map(|branch| branch.iter()).flat_map(|leaf| leaf.iter())
    }
}

impl<T: Clone> FromIterator<T> for Chunks<T> {
    fn from_iter<I: IntoIterator<Item = T>>(things: I) -> Self {
        let mut chunks = Self::default();
        things.into_iter().for_each(|thing| chunks.push(thing));
        chunks
    }
}

fn is_full<T>(branch: &[Leaf<T>]) -> bool {
    branch.len() == WIDTH && branch.last().is_some_and(|leaf| leaf.len() == WIDTH)
}
