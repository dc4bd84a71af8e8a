//! A snapshot is the shard as it was when it began, whatever happens while it is made.

use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::engine::directory::Directory;
use crate::engine::recovery;
use crate::engine::rig::script::Script;
use crate::engine::rig::{JOURNAL, Rig, SEED, SHARD, State, replayed, terms};
use crate::engine::shard_core::Place;
use crate::journal::Opened;
use crate::keys::WINDOW_MICROSECONDS;
use crate::metrics::Metrics;
use crate::snapshot::WriteRate;

/// More than three slices, so that customers change before, in and after their turn.
const CUSTOMERS: u32 = 3 * SLICE_CUSTOMERS + 40;

fn taker(dir: &Path) -> SnapshotTaker {
    SnapshotTaker {
        store: SnapshotStore::open(dir).unwrap(),
        shard: SHARD,
        journal_id: Uuid::from_u128(JOURNAL.0),
        epoch: Epoch(1),
        options: WriteOptions { rate: WriteRate::Unlimited, sync_bytes: WriteOptions::SYNC_BYTES },
        metrics: Metrics::new(1).shards()[0].clone(),
    }
}

/// Begins a snapshot; hears how it ended.
fn begin(rig: &mut Rig, taker: &SnapshotTaker) -> oneshot::Receiver<Result<Seq, String>> {
    let (heard, ended) = oneshot::channel();
    let journal = Arc::new(JournalState::default());
    rig.core.imaging = Imaging::begin(&mut rig.core.shard, taker, &journal, Pace::Beside, heard);
    ended
}

/// One step of the snapshot under way. Whether there is more to do.
fn step(rig: &mut Rig) -> bool {
    let Some(imaging) = &mut rig.core.imaging else { return false };
    if imaging.step(&mut rig.core.shard).is_none() {
        rig.core.imaging = None;
    }
    true
}

fn finish(rig: &mut Rig, ended: oneshot::Receiver<Result<Seq, String>>) -> Seq {
    while step(rig) {
        std::thread::yield_now();
    }
    ended.blocking_recv().unwrap().unwrap()
}

/// What the newest snapshot in `dir` holds, and that with the journal behind it.
fn recovered(rig: &Rig, dir: &Path) -> (State, State) {
    let load = || {
        let newest = SnapshotStore::open(dir).unwrap().newest_valid().unwrap();
        let opened = Opened {
            id: JOURNAL,
            first: Seq(1),
            last: rig.core.shard.applied,
            epoch: Epoch(1),
            torn_batches: 0,
        };
        let directory = Directory::new(SEED);
        let mut shard = Shard::new(WINDOW_MICROSECONDS);
        let reader = newest.snapshot.unwrap();
        recovery::load(reader, SHARD, &opened, &mut shard, &terms(&directory)).unwrap();
        (shard, directory)
    };
    let (shard, _) = load();
    let imaged = rig.state_of(&shard);
    let (shard, directory) = load();
    (imaged, rig.state_of(&replayed(&rig.disk, shard, &directory)))
}

fn populated(script: &mut Script) -> Rig {
    let mut rig = Rig::new();
    for number in 0..CUSTOMERS {
        let customer = format!("customer-{number}");
        let line = format!("grant {customer} tokens 50 expires={} key=g", 3 + number % 9);
        let then = script.line_of(&customer);
        rig.submit(&[&line, &then], Place::Behind);
    }
    rig.commit().unwrap();
    rig.apply();
    rig
}

fn ask_some(rig: &mut Rig, script: &mut Script) {
    let lines: Vec<String> = (0..script.below(30)).map(|_| script.line()).collect();
    rig.submit(&lines.iter().map(String::as_str).collect::<Vec<_>>(), Place::Behind);
    rig.submit(&[&format!("use late-{} tokens 1 key=late", script.below(9))], Place::Behind);
    rig.sleep(i64::from(script.below(3)));
    rig.fire_timers();
    if script.below(3) > 0 {
        rig.commit().unwrap();
        rig.apply();
    }
}

#[test]
fn a_grant_that_expires_while_it_is_imaged_stands_as_it_did() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::new();
    rig.check(
        "
        grant anna tokens 10 expires=5   -> applied 10
        grant bert tokens 20             -> applied 20
        ",
    );
    let at_seal = rig.state();
    let ended = begin(&mut rig, &taker(dir.path()));
    rig.sleep(6);
    rig.check("use bert tokens 1 -> applied 19");
    finish(&mut rig, ended);
    let (imaged, now) = recovered(&rig, dir.path());
    assert!(imaged.same_as(&at_seal));
    assert_eq!(now, rig.state());
}

#[test]
fn nothing_new_needs_no_snapshot() {
    let dir = tempfile::tempdir().unwrap();
    let (mut rig, taker) = (Rig::new(), taker(dir.path()));
    let ended = begin(&mut rig, &taker);
    assert_eq!(ended.blocking_recv().unwrap(), Ok(Seq::ZERO), "an empty shard");
    rig.check("use anna tokens 1 -> applied -1");
    let ended = begin(&mut rig, &taker);
    assert_eq!(finish(&mut rig, ended), Seq(2));
    let ended = begin(&mut rig, &taker);
    assert!(rig.core.imaging.is_none());
    assert_eq!(ended.blocking_recv().unwrap(), Ok(Seq(2)));
    assert_eq!(taker.store.list().unwrap(), [Seq(2)]);
}

#[test]
fn everybody_who_asked_hears_of_the_snapshot_under_way() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = Rig::new();
    rig.check("use anna tokens 1 -> applied -1");
    let ended = begin(&mut rig, &taker(dir.path()));
    let (heard, also_ended) = oneshot::channel();
    rig.core.imaging.as_mut().unwrap().also_tell(heard);
    assert_eq!(finish(&mut rig, ended), Seq(2));
    assert_eq!(also_ended.blocking_recv().unwrap(), Ok(Seq(2)));
}

#[test]
fn a_snapshot_that_was_given_up_leaves_the_next_one_whole() {
    let dir = tempfile::tempdir().unwrap();
    let (mut rig, taker) = (Rig::new(), taker(dir.path()));
    rig.check("use anna tokens 1 key=a -> applied -1");
    let ended = begin(&mut rig, &taker);
    rig.check("use anna tokens 1 key=b -> applied -2");
    rig.core.imaging = None;
    assert!(ended.blocking_recv().unwrap().is_err());
    let ended = begin(&mut rig, &taker);
    finish(&mut rig, ended);
    let (imaged, _) = recovered(&rig, dir.path());
    assert_eq!(imaged, rig.state());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn a_snapshot_is_its_instant_and_with_the_journal_behind_it_the_present(seed: u64) {
        let dir = tempfile::tempdir().unwrap();
        let taker = taker(dir.path());
        let mut script = Script::new(seed, CUSTOMERS);
        let mut rig = populated(&mut script);
        for _ in 0..2 {
            ask_some(&mut rig, &mut script);
            let at_seal = rig.state();
            let ended = begin(&mut rig, &taker);
            loop {
                if script.below(2) == 0 {
                    ask_some(&mut rig, &mut script);
                } else if !step(&mut rig) {
                    break;
                }
            }
            finish(&mut rig, ended);
            rig.commit().unwrap();
            rig.apply();
            let (imaged, now) = recovered(&rig, dir.path());
            prop_assert!(imaged.same_as(&at_seal));
            prop_assert_eq!(now, rig.state());
        }
    }
}
