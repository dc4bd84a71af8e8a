//! The structures behind the versions: each is what a plain one would be, and a copy stays what it was.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::super::chunks::Chunks;
use super::super::shared_map::SharedMap;
use super::*;

/// What happens to a map, at keys of which some meet in one leaf and some share long beginnings.
#[derive(Debug, Clone)]
enum Step {
    Insert(u16, u32),
    Remove(u16),
    Keep,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..600_u16, any::<u32>()).prop_map(|(key, value)| Step::Insert(key, value)),
        3 => (0..600_u16).prop_map(Step::Remove),
        1 => Just(Step::Keep),
    ];
    prop::collection::vec(step, 0..400)
}

fn same(map: &SharedMap<u16, u32>, plain: &BTreeMap<u16, u32>) -> bool {
    (0..600).all(|key| map.get(&key) == plain.get(&key))
}

proptest! {
    #[test]
    fn a_shared_map_is_a_map_and_copies_stay(steps in steps()) {
        let mut map = SharedMap::default();
        let mut plain = BTreeMap::new();
        let mut kept = Vec::new();
        for step in steps {
            match step {
                Step::Insert(key, value) => {
                    map.insert(key, value);
                    plain.insert(key, value);
                }
                Step::Remove(key) => {
                    map.remove(&key);
                    plain.remove(&key);
                }
                Step::Keep => kept.push((map.clone(), plain.clone())),
            }
        }
        prop_assert!(same(&map, &plain));
        prop_assert!(kept.iter().all(|(map, plain)| same(map, plain)));
    }

    #[test]
    fn chunks_are_a_vector_and_copies_stay(len in 0..3_000_usize, edits in prop::collection::vec(any::<(u16, u32)>(), 0..20)) {
        let mut plain: Vec<u32> = (0..u32::try_from(len).unwrap()).collect();
        let mut chunks: Chunks<u32> = plain.iter().copied().collect();
        let (before, was) = (chunks.clone(), plain.clone());
        for (place, value) in edits {
            let place = usize::from(place) % (len + 1);
            chunks.replace(place, value);
            if let Some(old) = plain.get_mut(place) {
                *old = value;
            } else {
                chunks.push(value);
                plain.push(value);
            }
        }
        prop_assert_eq!(chunks.len(), plain.len());
        prop_assert_eq!(chunks.iter().copied().collect::<Vec<_>>(), plain.clone());
        prop_assert!((0..=plain.len()).all(|place| chunks.get(place) == plain.get(place)));
        prop_assert_eq!(before.iter().copied().collect::<Vec<_>>(), was);
    }
}

/// A step copies what it touches, so that ten thousand of them do not copy ten thousand things each.
#[test]
fn a_version_shares_with_the_one_before_what_it_does_not_touch() {
    let mut catalog = catalog(&[]);
    for number in 0..2_000 {
        let name = format!("meter {number}");
        let event = format!("event {number}");
        catalog = after(&catalog, &meter(ACME, &name, &named(&event), COUNT), 9);
    }
    let next = after(&catalog, &meter(ACME, "one more", &named("more"), COUNT), 9);
    let rows = |catalog: &Catalog| -> BTreeSet<usize> {
        catalog.meters().map(|meter| Arc::as_ptr(meter).addr()).collect()
    };
    assert_eq!(rows(&next).difference(&rows(&catalog)).count(), 1, "no meter was copied");
    let event = CALL.replace("call", "event 1234");
    assert_eq!(fed(&next, ACME, &event), [(1_234, "1".to_owned())]);
    assert_eq!(next.meters_of(ACME).count(), 2_001);
}
