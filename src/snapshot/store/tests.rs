use super::*;
use crate::snapshot::fixture;
use crate::snapshot::format;

fn store_with(seqs: &[u64]) -> (tempfile::TempDir, SnapshotStore) {
    let dir = tempfile::tempdir().unwrap();
    let store = SnapshotStore::open(dir.path()).unwrap();
    for &seq in seqs {
        fixture::write(dir.path(), seq, &fixture::content());
    }
    (dir, store)
}

fn damage(dir: &Path, seq: u64) {
    fixture::flip_bit(&fixture::path(dir, seq), 40, 1);
}

fn newest_seq(store: &SnapshotStore) -> Option<u64> {
    let newest = store.newest_valid().unwrap();
    newest.snapshot.map(|reader| reader.summary().header.seq.0)
}

fn seqs(store: &SnapshotStore) -> Vec<u64> {
    store.list().unwrap().into_iter().map(|seq| seq.0).collect()
}

#[test]
fn an_empty_directory_is_made_and_holds_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let inner = dir.path().join("shard-000").join("snapshots");
    let store = SnapshotStore::open(&inner).unwrap();
    let newest = store.newest_valid().unwrap();
    assert!(newest.snapshot.is_none() && newest.rejected.is_empty());
    assert_eq!(store.retain(2).unwrap(), Seq::ZERO);
}

#[test]
fn the_newest_is_taken() {
    let (_dir, store) = store_with(&[900, 1_000, 99]);
    assert_eq!(seqs(&store), [1_000, 900, 99]);
    assert_eq!(newest_seq(&store), Some(1_000));
}

#[test]
fn leftovers_of_a_crash_are_removed_and_nothing_else() {
    let (dir, _) = store_with(&[5]);
    fs::write(dir.path().join(temporary_name(Seq(6))), b"half").unwrap();
    for other in ["notes.txt", "snapshot-6.image.tmp", "snapshot-x.image"] {
        fs::write(dir.path().join(other), b"not ours").unwrap();
    }
    let store = SnapshotStore::open(dir.path()).unwrap();
    assert_eq!(
        fixture::files_in(dir.path()),
        ["notes.txt", &file_name(Seq(5)), "snapshot-6.image.tmp", "snapshot-x.image"]
    );
    assert_eq!(newest_seq(&store), Some(5));
}

/// The crash falls between the rename and the sync of the directory. The disk may then hold either
/// name, and the file's content in both cases, for that was synced before.
#[test]
fn a_crash_around_the_rename_leaves_a_whole_snapshot_or_none() {
    let (dir, _) = store_with(&[5, 6]);
    let finished = fixture::path(dir.path(), 6);
    let unfinished = dir.path().join(temporary_name(Seq(6)));

    let reopened = SnapshotStore::open(dir.path()).unwrap();
    assert_eq!(newest_seq(&reopened), Some(6));

    fs::rename(&finished, &unfinished).unwrap();
    let reopened = SnapshotStore::open(dir.path()).unwrap();
    assert_eq!(newest_seq(&reopened), Some(5));
    assert!(!unfinished.exists());
}

#[test]
fn a_damaged_newest_gives_way_to_the_one_before() {
    let (dir, store) = store_with(&[5, 6, 7]);
    damage(dir.path(), 7);
    damage(dir.path(), 6);
    let newest = store.newest_valid().unwrap();
    assert_eq!(newest.snapshot.unwrap().summary().header.seq, Seq(5));
    let files: Vec<PathBuf> = newest
        .rejected
        .into_iter()
        .map(|error| {
            let SnapshotError::Damaged { file, position: 16, .. } = error else {
                panic!("damage of the header was expected, not {error}");
            };
            file
        })
        .collect();
    assert_eq!(files, [fixture::path(dir.path(), 7), fixture::path(dir.path(), 6)]);
}

#[test]
fn when_all_are_damaged_all_are_named() {
    let (dir, store) = store_with(&[5, 6]);
    damage(dir.path(), 5);
    damage(dir.path(), 6);
    let newest = store.newest_valid().unwrap();
    assert!(newest.snapshot.is_none());
    assert_eq!(newest.rejected.len(), 2);
}

#[test]
fn a_newer_format_is_not_passed_over() {
    let (dir, store) = store_with(&[5, 6]);
    let file = fixture::path(dir.path(), 6);
    let mut bytes = fs::read(&file).unwrap();
    bytes[..format::PREAMBLE_BYTES].copy_from_slice(&format::preamble(9));
    fs::write(&file, bytes).unwrap();
    let refused = store.newest_valid();
    assert!(matches!(refused, Err(SnapshotError::NewerFormat { found: 9, .. })), "{refused:?}");
}

#[test]
fn the_newest_two_are_kept() {
    let (_dir, store) = store_with(&[1, 2, 3, 4]);
    assert_eq!(store.retain(2).unwrap(), Seq(3));
    assert_eq!(seqs(&store), [4, 3]);
    assert_eq!(store.retain(2).unwrap(), Seq(3));
}

#[test]
fn never_fewer_than_two_are_kept() {
    let (_dir, store) = store_with(&[1, 2, 3]);
    assert_eq!(store.retain(0).unwrap(), Seq(2));
    assert_eq!(seqs(&store), [3, 2]);
}

#[test]
fn with_too_few_the_whole_journal_is_needed() {
    let (_dir, store) = store_with(&[4]);
    assert_eq!(store.retain(2).unwrap(), Seq::ZERO);
    assert_eq!(seqs(&store), [4]);
}

#[test]
fn a_damaged_one_does_not_count_as_kept() {
    let (dir, _) = store_with(&[1, 2, 3]);
    damage(dir.path(), 2);
    // A store that has read nothing yet looks before it relies on a file.
    let store = SnapshotStore::open(dir.path()).unwrap();
    assert_eq!(store.retain(2).unwrap(), Seq(1));
    assert_eq!(seqs(&store), [3, 2, 1]);
    fixture::write(dir.path(), 4, &fixture::content());
    assert_eq!(store.retain(2).unwrap(), Seq(3));
    assert_eq!(seqs(&store), [4, 3]);
}

#[test]
fn a_snapshot_written_over_a_damaged_one_counts() {
    let (dir, store) = store_with(&[1, 2]);
    damage(dir.path(), 2);
    assert_eq!(newest_seq(&store), Some(1));
    assert_eq!(store.retain(2).unwrap(), Seq::ZERO);
    fixture::write(dir.path(), 2, &fixture::content());
    store.remember_written(Seq(2));
    assert_eq!(store.retain(2).unwrap(), Seq(1));
}

#[test]
fn a_large_file_shrinks_before_it_goes() {
    let (dir, store) = store_with(&[2, 3]);
    let block = (crate::snapshot::BlockKind::KEYS, vec![0; 3 * 1024 * 1024]);
    fixture::write(dir.path(), 1, &vec![block; 6]);
    assert_eq!(store.retain(2).unwrap(), Seq(2));
    assert_eq!(fixture::files_in(dir.path()), [file_name(Seq(2)), file_name(Seq(3))]);
}

#[test]
fn verifying_a_directory_reads_all_and_changes_nothing() {
    let (dir, _) = store_with(&[5, 6]);
    damage(dir.path(), 6);
    let unfinished = dir.path().join(temporary_name(Seq(7)));
    fs::write(&unfinished, b"half").unwrap();
    let checked = verify_directory(dir.path()).unwrap();
    let whole: Vec<bool> = checked.iter().map(|checked| checked.found.is_ok()).collect();
    assert_eq!(whole, [false, true]);
    assert_eq!(checked[0].file, fixture::path(dir.path(), 6));
    assert!(unfinished.exists());
}
