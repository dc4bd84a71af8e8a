//! A hash map whose copies share all that did not change.

use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::Equivalent;

/// Bits of the hash that one branch looks at.
const BITS: u32 = 4;
const WIDTH: usize = 1 << BITS;
const MASK: u64 = (1 << BITS) - 1;

/// A leaf with more entries becomes a branch, as long as there are bits of the hash left.
const LEAF_LEN_MAX: usize = 16;

/// A trie over the bits of a key's hash. A copy takes one pointer; a change of a copy takes one leaf
/// and the branches above it: so each version of the catalog can have one of its own.
#[derive(Debug, Clone)]
pub(super) struct SharedMap<K, V> {
    root: Arc<Node<K, V>>,
}

#[derive(Debug, Clone)]
enum Node<K, V> {
    Leaf(Vec<Entry<K, V>>),
    /// [`WIDTH`] of them.
    Branch(Vec<Arc<Self>>),
}

#[derive(Debug, Clone)]
struct Entry<K, V> {
    hash: u64,
    key: K,
    value: V,
}

impl<K, V> Default for SharedMap<K, V> {
    fn default() -> Self {
        Self { root: Arc::new(Node::Leaf(Vec::new())) }
    }
}

impl<K: Hash + Eq + Clone, V: Clone> SharedMap<K, V> {
    pub(super) fn get<Q: Hash + Equivalent<K> + ?Sized>(&self, key: &Q) -> Option<&V> {
        let hash = hash_of(key);
        let (mut node, mut shift) = (&*self.root, 0);
        loop {
            match node {
                Node::Branch(nodes) => {
                    node = nodes.get(place(hash, shift))?;
                    shift = next(shift);
                }
                Node::Leaf(entries) => {
                    let own =
                        |entry: &&Entry<K, V>| entry.hash == hash && key.equivalent(&entry.key);
                    return entries.iter().find(own).map(|entry| &entry.value);
                }
            }
        }
    }

    /// Puts `value` under `key`, in the place of what is there.
    pub(super) fn insert(&mut self, key: K, value: V) {
        let hash = hash_of(&key);
        Arc::make_mut(&mut self.root).insert(Entry { hash, key, value }, 0);
    }

    /// Takes away what is under `key`, if anything is.
    pub(super) fn remove<Q: Hash + Equivalent<K> + ?Sized>(&mut self, key: &Q) {
        if self.get(key).is_some() {
            Arc::make_mut(&mut self.root).remove(key, hash_of(key), 0);
        }
    }

    /// Changes what is under `key`, which begins as the default.
    pub(super) fn change(&mut self, key: K, change: impl FnOnce(&mut V))
    where
        V: Default,
    {
        let mut value = self.get(&key).cloned().unwrap_or_default();
        change(&mut value);
        self.insert(key, value);
    }
}

impl<K: Eq + Clone, V: Clone> Node<K, V> {
    fn insert(&mut self, new: Entry<K, V>, shift: u32) {
        match self {
            Self::Branch(nodes) => {
                if let Some(node) = nodes.get_mut(place(new.hash, shift)) {
                    Arc::make_mut(node).insert(new, next(shift));
                }
            }
            Self::Leaf(entries) => {
                let own = |entry: &&mut Entry<K, V>| entry.hash == new.hash && entry.key == new.key;
                if let Some(entry) = entries.iter_mut().find(own) {
                    *entry = new;
                    return;
                }
                entries.push(new);
                if entries.len() > LEAF_LEN_MAX && shift < u64::BITS {
                    *self = split(std::mem::take(entries), shift);
                }
            }
        }
    }

    fn remove<Q: Equivalent<K> + ?Sized>(&mut self, key: &Q, hash: u64, shift: u32) {
        match self {
            Self::Branch(nodes) => {
                if let Some(node) = nodes.get_mut(place(hash, shift)) {
                    Arc::make_mut(node).remove(key, hash, next(shift));
                }
            }
            Self::Leaf(entries) => {
                entries.retain(|entry| entry.hash != hash || !key.equivalent(&entry.key));
            }
        }
    }
}

fn split<K, V>(entries: Vec<Entry<K, V>>, shift: u32) -> Node<K, V> {
    let mut leaves: Vec<Vec<Entry<K, V>>> = (0..WIDTH).map(|_| Vec::new()).collect();
    for entry in entries {
        if let Some(leaf) = leaves.get_mut(place(entry.hash, shift)) {
            leaf.push(entry);
        }
    }
    Node::Branch(leaves.into_iter().map(|leaf| Arc::new(Node::Leaf(leaf))).collect())
}

/// Fixed, so that the same history makes the same tree; it shows in no outcome.
fn hash_of<Q: Hash + ?Sized>(key: &Q) -> u64 {
    FixedState::default().hash_one(key)
}

fn place(hash: u64, shift: u32) -> usize {
    let bits = hash.checked_shr(shift).unwrap_or(0);
    usize::try_from(bits & MASK).unwrap_or(0)
}

const fn next(shift: u32) -> u32 {
    shift.saturating_add(BITS)
}
