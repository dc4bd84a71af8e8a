use proptest::prelude::*;

use super::*;

const ID: JournalId = JournalId(0x0123_4567_89ab_cdef);

fn frames(count: u64) -> Vec<Vec<u8>> {
    let mut chain = Chain::start(ID);
    (0..count)
        .map(|index| {
            let mut frame = Vec::new();
            let bytes = index.to_le_bytes();
            let seq = Seq(index + 1);
            let base_time = Timestamp::EPOCH;
            let records = Records { first: seq, last: seq, base_time, bytes: &bytes };
            chain.encode(Epoch(1), &records, &mut frame).unwrap();
            frame
        })
        .collect()
}

#[test]
fn a_chain_is_followed_from_its_start_and_from_its_middle() {
    let frames = frames(5);
    let mut chain = Chain::start(ID);
    for frame in &frames {
        chain.follow(frame).unwrap();
    }
    assert_eq!((chain.batch, chain.last), (BatchNumber(5), Seq(5)));
    let (mut middle, batch) = Chain::begin(ID, &frames[2]).unwrap();
    assert_eq!((batch.number, batch.bytes), (BatchNumber(3), 2_u64.to_le_bytes().as_slice()));
    middle.follow(&frames[3]).unwrap();
    middle.follow(&frames[4]).unwrap();
    assert_eq!(middle, chain);
}

#[test]
fn a_frame_that_is_missing_repeated_exchanged_or_foreign_does_not_follow() {
    let frames = frames(4);
    let mut chain = Chain::start(ID);
    chain.follow(&frames[0]).unwrap();
    let before = chain;
    assert!(chain.follow(&frames[2]).is_err());
    assert!(chain.follow(&frames[0]).is_err());
    assert_eq!(chain, before, "a refused frame changes nothing");

    let mut foreign = Chain { journal: JournalId(1), ..before };
    assert_eq!(foreign.follow(&frames[1]), Err(Malformed("frame of another journal")));

    let mut later_epoch = Chain { epoch: Epoch(2), ..before };
    assert_eq!(later_epoch.follow(&frames[1]), Err(Malformed("epoch goes back")));

    // Same place, another history: everything fits but the hash of the frame before.
    let mut other = Chain { hash: FrameHash(9), ..before };
    assert_eq!(other.follow(&frames[1]), Err(Malformed("frame does not follow the one before it")));
}

proptest! {
    #[test]
    fn any_flipped_bit_is_found(bytes: Vec<u8>, place: prop::sample::Index, bit in 0_u8..8) {
        let mut frame = Vec::new();
        let records =
            Records { first: Seq(1), last: Seq(3), base_time: Timestamp::MAX, bytes: &bytes };
        Chain::start(ID).encode(Epoch(4), &records, &mut frame).unwrap();
        prop_assert_eq!(frame.len(), HEADER_BYTES + bytes.len());
        prop_assert_eq!(Frame::decode(&frame).unwrap().batch.bytes, bytes.as_slice());
        let place = place.index(frame.len());
        frame[place] ^= 1 << bit;
        prop_assert!(Frame::decode(&frame).is_err());
    }

    #[test]
    fn any_bytes_are_read_without_panic(mut bytes: Vec<u8>) {
        prop_assert!(Frame::decode(&bytes).is_err());
        bytes.splice(0..0, [b'D', b'D', b'J', b'F', 1, 0, 0, 0]);
        prop_assert!(Frame::decode(&bytes).is_err());
    }
}
