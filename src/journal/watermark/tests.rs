use super::*;

fn mark(batch: u64) -> Mark {
    Mark {
        journal: JournalId(5),
        epoch: Epoch(1),
        batch: BatchNumber(batch),
        last: Seq(batch * 10),
        hash: FrameHash(u128::from(batch)),
    }
}

fn break_slot(directory: &Path, offset: u64) {
    let file = OpenOptions::new().write(true).open(directory.join(FILE_NAME)).unwrap();
    file.write_all_at(b"broken", offset + 30).unwrap();
}

#[test]
fn the_newest_mark_is_read_back_and_the_file_keeps_its_length() {
    let directory = tempfile::tempdir().unwrap();
    Watermark::create(directory.path(), JournalId(5)).unwrap();
    for batch in 1..6 {
        let (mut watermark, _) = Watermark::open(directory.path()).unwrap();
        watermark.write(&mark(batch)).unwrap();
        assert_eq!(Watermark::open(directory.path()).unwrap().1, mark(batch));
        let bytes = std::fs::metadata(directory.path().join(FILE_NAME)).unwrap().len();
        assert_eq!(bytes, 2 * SLOT_BYTES);
    }
}

#[test]
fn a_broken_slot_leaves_the_mark_before_and_two_leave_none() {
    let directory = tempfile::tempdir().unwrap();
    Watermark::create(directory.path(), JournalId(5)).unwrap();
    let (mut watermark, _) = Watermark::open(directory.path()).unwrap();
    watermark.write(&mark(1)).unwrap();
    watermark.write(&mark(2)).unwrap();
    // The second write went to the first slot.
    break_slot(directory.path(), 0);
    let (mut watermark, newest) = Watermark::open(directory.path()).unwrap();
    assert_eq!(newest, mark(1));
    watermark.write(&mark(3)).unwrap();
    assert_eq!(Watermark::open(directory.path()).unwrap().1, mark(3), "the broken one is replaced");
    break_slot(directory.path(), 0);
    break_slot(directory.path(), SLOT_BYTES);
    let refused = Watermark::open(directory.path()).unwrap_err();
    assert!(refused.to_string().contains("watermark at byte 0: fails its checksum"), "{refused}");
}
