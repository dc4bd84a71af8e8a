use super::*;

#[test]
fn a_dropped_segment_is_removed_in_steps() {
    let journal = tempfile::tempdir().unwrap();
    let directory = segment::path(journal.path(), 1);
    fs::create_dir(&directory).unwrap();
    let data = File::create(directory.join(store::DATA_FILE)).unwrap();
    data.set_len(2 * REMOVE_STEP_BYTES + 1).unwrap();
    let (ready, _) = sync_channel(1);
    let mut work = Work {
        journal: JournalId(1),
        directory: journal.path().to_owned(),
        ready,
        removals: VecDeque::new(),
    };
    work.perform(Job::Remove(vec![directory.clone()]));
    assert!(!directory.exists(), "no segment any more from the first moment");
    assert_eq!(segment::list(journal.path()).unwrap().leftovers.len(), 1);
    for left in [REMOVE_STEP_BYTES + 1, 1] {
        work.remove_a_step();
        assert_eq!(data.metadata().unwrap().len(), left);
    }
    work.remove_a_step();
    assert!(work.removals.is_empty());
    assert_eq!(fs::read_dir(journal.path()).unwrap().count(), 0);
}
