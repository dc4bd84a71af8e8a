use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::sync::mpsc::Receiver;

use rustix::fs::{CWD, FileType, Mode};

use super::*;
use crate::snapshot::{SnapshotReader, fixture, store};

type Outcome = Result<SnapshotDone, SnapshotError>;

fn start(store: &SnapshotStore, seq: u64) -> (ImageHandle, Receiver<Outcome>) {
    let (tell, told) = mpsc::channel();
    let outcome: OnOutcome = Box::new(move |outcome| tell.send(outcome).unwrap());
    let header = fixture::header(seq);
    let image = ImageHandle::start(store.clone(), header, fixture::OPTIONS, outcome).unwrap();
    (image, told)
}

fn block(bytes: &[u8]) -> Block {
    Block { kind: BlockKind::CUSTOMERS, bytes: bytes.to_vec() }
}

fn write(store: &SnapshotStore, seq: u64) -> Outcome {
    let (mut image, told) = start(store, seq);
    for (kind, bytes) in fixture::content() {
        image.send(Block { kind, bytes }).unwrap();
    }
    image.finish(fixture::totals());
    told.recv().unwrap()
}

fn opened(dir: &Path) -> SnapshotStore {
    SnapshotStore::open(dir).unwrap()
}

#[test]
fn the_outcome_tells_what_was_written_and_what_the_journal_may_drop() {
    let dir = tempfile::tempdir().unwrap();
    let store = opened(dir.path());
    let through = |seq| write(&store, seq).unwrap().trim_through.unwrap();
    assert_eq!(through(10), Seq::ZERO);
    assert_eq!(through(20), Seq(10));
    assert_eq!(through(30), Seq(20));
    assert_eq!(store.list().unwrap(), [Seq(30), Seq(20)]);

    let done = write(&store, 40).unwrap();
    assert_eq!(done.summary.totals, fixture::totals());
    let mut reader = SnapshotReader::open(&done.summary.file).unwrap();
    assert_eq!(fixture::read(&mut reader).unwrap(), fixture::content());
}

#[test]
fn a_dropped_handle_gives_the_snapshot_up() {
    let dir = tempfile::tempdir().unwrap();
    let (mut image, told) = start(&opened(dir.path()), 10);
    image.send(block(b"anna")).unwrap();
    drop(image);
    let outcome = told.recv().unwrap();
    assert!(matches!(outcome, Err(SnapshotError::Abandoned { seq: Seq(10) })), "{outcome:?}");
    assert!(fixture::files_in(dir.path()).is_empty());
}

#[test]
fn after_a_failure_blocks_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let store = opened(dir.path());
    fs::remove_dir(dir.path()).unwrap();
    let (mut image, told) = start(&store, 10);
    assert!(matches!(told.recv().unwrap(), Err(SnapshotError::Io { .. })));
    assert_eq!(image.send(block(b"anna")), Err(Unsent::Ended(block(b"anna"))));
}

/// The disk is a pipe here: it stands still until somebody reads from it.
#[test]
fn while_the_disk_is_behind_the_shard_is_told_and_never_waits() {
    let dir = tempfile::tempdir().unwrap();
    let store = opened(dir.path());
    let pipe = dir.path().join(store::temporary_name(Seq(10)));
    rustix::fs::mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();

    let (mut image, told) = start(&store, 10);
    for _ in 0..BLOCKS_QUEUED_MAX {
        assert!(image.room());
        image.send(block(b"anna")).unwrap();
    }
    assert!(!image.room());
    assert_eq!(image.send(block(b"bert")), Err(Unsent::Full(block(b"bert"))));
    image.finish(fixture::totals());

    let mut arrived = Vec::new();
    File::open(&pipe).unwrap().read_to_end(&mut arrived).unwrap();
    let sent = arrived.windows(4).filter(|window| window == b"anna").count();
    assert_eq!(sent, BLOCKS_QUEUED_MAX);
    // A pipe cannot be synced, so this snapshot must not count.
    let outcome = told.recv().unwrap();
    assert!(matches!(outcome, Err(SnapshotError::Io { .. })), "{outcome:?}");
    assert!(fixture::files_in(dir.path()).is_empty());
}
