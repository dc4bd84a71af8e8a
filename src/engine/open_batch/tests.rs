use super::*;

fn at(microseconds: i64) -> Timestamp {
    Timestamp::from_microseconds(microseconds).unwrap()
}

fn append(batch: &OpenBatch, time: i64, length: usize) -> Result<(Seq, u64), TooLarge> {
    let mut seen = 0;
    let seq = batch.lock().append(at(time), |out, delta| {
        seen = delta;
        out.resize(out.len() + length, 7);
    });
    seq.map(|seq| (seq, seen))
}

#[test]
fn records_are_numbered_and_timed_from_the_one_before() {
    let batch = OpenBatch::new(Seq(41), at(1_000));
    assert_eq!(append(&batch, 1_005, 10), Ok((Seq(42), 5)));
    assert_eq!(append(&batch, 1_005, 10), Ok((Seq(43), 0)));
    let frames = batch.take(Vec::new(), None).unwrap();
    assert_eq!(frames.len(), 1);
    assert_eq!((frames[0].first, frames[0].last), (Seq(42), Seq(43)));
    assert_eq!((frames[0].base_time, frames[0].bytes.len()), (at(1_000), 20));
    assert_eq!(append(&batch, 1_009, 1), Ok((Seq(44), 4)));
    batch.close();
    let frames = batch.take(frames, None).unwrap();
    assert_eq!((frames[0].first, frames[0].base_time), (Seq(44), at(1_005)));
    assert!(batch.take(frames, None).is_none());
}

#[test]
fn a_full_frame_is_followed_by_another() {
    let batch = OpenBatch::new(Seq::ZERO, at(0));
    let length = FRAME_BODY_BYTES_MAX / 2 + 1;
    assert_eq!(append(&batch, 1, length), Ok((Seq(1), 1)));
    assert_eq!(append(&batch, 3, length), Ok((Seq(2), 2)));
    let frames = batch.take(Vec::new(), None).unwrap();
    assert_eq!(frames.len(), 2);
    assert_eq!((frames[1].first, frames[1].last, frames[1].base_time), (Seq(2), Seq(2), at(1)));
    assert_eq!((frames[0].bytes.len(), frames[1].bytes.len()), (length, length));
}

#[test]
fn a_record_that_is_too_large_leaves_nothing() {
    let batch = OpenBatch::new(Seq::ZERO, at(0));
    assert_eq!(append(&batch, 1, RECORD_BYTES_MAX + 1), Err(TooLarge));
    batch.close();
    assert!(batch.take(Vec::new(), None).is_none());
}
