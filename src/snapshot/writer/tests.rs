use super::*;
use crate::snapshot::{BLOCK_BYTES_MAX, fixture};

#[test]
fn a_dropped_snapshot_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer =
        SnapshotWriter::create(dir.path(), &fixture::header(7), fixture::OPTIONS).unwrap();
    writer.write_block(BlockKind::CUSTOMERS, b"anna").unwrap();
    assert_eq!(fixture::files_in(dir.path()), ["snapshot-00000000000000000007.image.tmp"]);
    drop(writer);
    assert!(fixture::files_in(dir.path()).is_empty());
}

#[test]
fn a_finished_snapshot_is_the_only_file() {
    let dir = tempfile::tempdir().unwrap();
    fixture::write(dir.path(), 7, &fixture::content());
    assert_eq!(fixture::files_in(dir.path()), ["snapshot-00000000000000000007.image"]);
}

#[test]
fn a_block_over_the_limit_is_refused_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer =
        SnapshotWriter::create(dir.path(), &fixture::header(7), fixture::OPTIONS).unwrap();
    let refused = writer.write_block(BlockKind::KEYS, &vec![0; BLOCK_BYTES_MAX + 1]);
    assert!(
        matches!(refused, Err(SnapshotError::BlockTooLarge { bytes }) if bytes > BLOCK_BYTES_MAX)
    );
    writer.write_block(BlockKind::KEYS, b"small").unwrap();
    writer.finish(&fixture::totals()).unwrap();
}

#[test]
fn after_a_failed_write_nothing_counts() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer =
        SnapshotWriter::create(dir.path(), &fixture::header(7), fixture::OPTIONS).unwrap();
    let whole = std::mem::replace(&mut writer.file, File::open(dir.path()).unwrap());
    let failed = writer.write_block(BlockKind::KEYS, b"lost");
    assert!(matches!(failed, Err(SnapshotError::Io { position, .. }) if position > 0));
    writer.file = whole;
    let refused = writer.write_block(BlockKind::KEYS, b"after");
    assert!(matches!(refused, Err(SnapshotError::Poisoned { .. })));
    let refused = writer.finish(&fixture::totals());
    assert!(matches!(refused, Err(SnapshotError::Poisoned { .. })));
    assert!(fixture::files_in(dir.path()).is_empty());
}

#[test]
fn what_reads_back_otherwise_never_counts() {
    let dir = tempfile::tempdir().unwrap();
    fixture::write(dir.path(), 7, &fixture::content());
    let mut writer =
        SnapshotWriter::create(dir.path(), &fixture::header(7), fixture::OPTIONS).unwrap();
    writer.write_block(BlockKind::KEYS, b"to be damaged").unwrap();
    fixture::flip_bit(&writer.temporary, 60, 3);
    let refused = writer.finish(&fixture::totals());
    assert!(matches!(refused, Err(SnapshotError::Damaged { .. })), "{refused:?}");
    // The one that stood under this name still does.
    assert_eq!(fixture::files_in(dir.path()), ["snapshot-00000000000000000007.image"]);
    assert!(reader::verify(&fixture::path(dir.path(), 7)).is_ok());
}
