use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const WINDOW: i64 = 4_000;
const EPOCH: i64 = WINDOW / 4;

fn at(microseconds: i64) -> Timestamp {
    Timestamp::from_microseconds(microseconds).unwrap()
}

fn key(number: u64) -> KeyHash {
    KeyHash(xxhash_rust::xxh3::xxh3_128(&number.to_le_bytes()))
}

fn applied(fingerprint: u32) -> Remembered {
    Remembered { fingerprint, verdict: KeyVerdict::Applied }
}

/// `count` keys from `first` on, each with its number as fingerprint.
fn remember_many(keys: &mut Keys, first: u64, count: u64, now: Timestamp) {
    for number in first..first + count {
        let fingerprint = u32::try_from(number).unwrap();
        keys.remember(key(number), fingerprint, KeyVerdict::Applied, now);
    }
}

fn image_all(keys: &mut Keys) -> Vec<Vec<u8>> {
    let mut blocks = Vec::new();
    loop {
        let mut block = Vec::new();
        match keys.image_next(&mut block) {
            Some(_) => blocks.push(block),
            None => return blocks,
        }
    }
}

fn restored(window: i64, blocks: &[Vec<u8>]) -> Keys {
    let mut keys = Keys::new(window);
    for block in blocks {
        keys.restore(block).unwrap();
    }
    keys
}

#[test]
fn a_key_is_found_with_its_fingerprint_and_verdict() {
    let mut keys = Keys::new(WINDOW);
    assert!(keys.is_empty());
    assert_eq!(keys.find(key(1)), None);
    keys.remember(key(1), 0xfedc_ba98, KeyVerdict::Applied, at(0));
    keys.remember(key(2), 7, KeyVerdict::Refused, at(0));
    assert_eq!(keys.find(key(1)), Some(applied(0xfedc_ba98)));
    let refused = Remembered { fingerprint: 7, verdict: KeyVerdict::Refused };
    assert_eq!(keys.find(key(2)), Some(refused));
    assert_eq!(keys.find(key(3)), None);
    assert_eq!(keys.len(), 2);
}

#[test]
fn hashes_that_differ_in_their_last_kept_bit_are_told_apart() {
    let mut keys = Keys::new(WINDOW);
    for hash in [0, 1 << 40, u128::MAX, u128::MAX - (1 << 40)] {
        assert_eq!(keys.find(KeyHash(hash)), None);
        keys.remember(KeyHash(hash), 1, KeyVerdict::Refused, at(0));
        assert!(keys.find(KeyHash(hash)).is_some());
    }
}

#[test]
fn a_key_is_remembered_for_the_window_and_forgotten_a_quarter_later() {
    for came in [0, 1, EPOCH - 1, 5 * EPOCH, -1, -EPOCH, -7 * EPOCH + 3] {
        let mut keys = Keys::new(WINDOW);
        keys.remember(key(1), 1, KeyVerdict::Applied, at(came));
        keys.advance_to(at(came + WINDOW));
        assert!(keys.find(key(1)).is_some(), "came at {came}");
        keys.advance_to(at(came + WINDOW + EPOCH));
        assert!(keys.find(key(1)).is_none(), "came at {came}");
    }
}

#[test]
fn time_never_goes_back() {
    let mut keys = Keys::new(WINDOW);
    keys.remember(key(1), 1, KeyVerdict::Applied, at(0));
    keys.advance_to(at(2 * WINDOW));
    keys.remember(key(2), 2, KeyVerdict::Applied, at(0));
    assert_eq!(keys.find(key(1)), None);
    keys.advance_to(at(3 * WINDOW));
    assert!(keys.find(key(2)).is_some(), "it counts from when it came, not from what it said");
}

#[test]
fn an_expired_key_can_come_again() {
    let mut keys = Keys::new(WINDOW);
    for round in 0..20 {
        let now = at(round * 2 * WINDOW);
        keys.advance_to(now);
        assert_eq!(keys.find(key(1)), None);
        let fingerprint = u32::try_from(round).unwrap();
        keys.remember(key(1), fingerprint, KeyVerdict::Applied, now);
        assert_eq!(keys.find(key(1)), Some(applied(fingerprint)));
    }
}

#[test]
fn a_leap_of_the_clock_does_not_make_old_keys_young() {
    for epochs in 5..64 {
        let mut keys = Keys::new(WINDOW);
        remember_many(&mut keys, 0, 50, at(0));
        keys.advance_to(at(epochs * EPOCH));
        assert!((0..50).all(|number| keys.find(key(number)).is_none()), "{epochs} epochs");
    }
}

#[test]
fn expired_keys_give_their_memory_back() {
    let mut keys = Keys::new(WINDOW);
    remember_many(&mut keys, 0, 100_000, at(0));
    let full = keys.bytes();
    remember_many(&mut keys, 100_000, 10_000, at(WINDOW + EPOCH));
    assert_eq!(keys.len(), 10_000);
    assert!(keys.bytes() < full / 5, "{} of {full} bytes", keys.bytes());
}

#[test]
fn a_key_takes_at_most_32_bytes() {
    let mut keys = Keys::new(WINDOW);
    assert!(keys.bytes() < 1_024);
    for thousand in 0..120 {
        remember_many(&mut keys, thousand * 1_000, 1_000, at(0));
        assert!(keys.bytes() <= 32 * keys.len(), "{} of {}", keys.bytes(), keys.len());
    }
}

#[test]
fn sub_tables_stay_small_and_are_not_split_all_at_once() {
    let mut keys = Keys::new(WINDOW);
    let mut tables = keys.tables.len();
    for thousand in 0..120 {
        remember_many(&mut keys, thousand * 1_000, 1_000, at(0));
        assert!(keys.tables.len() <= tables + 2, "{tables} became {}", keys.tables.len());
        tables = keys.tables.len();
        let longest = keys.tables.iter().map(Table::bytes).max().unwrap();
        assert!(longest <= 32 * TABLE_KEYS_MAX);
    }
    assert!(tables > 120_000 / TABLE_KEYS_MAX);
    for number in 0..120_000 {
        assert!(keys.find(key(number)).is_some());
    }
}

#[test]
fn hashes_of_one_place_only_make_it_slow() {
    let mut keys = Keys::new(WINDOW);
    for number in 0..200_u32 {
        let hash = KeyHash(u128::from(number) << 40);
        keys.remember(hash, number, KeyVerdict::Applied, at(0));
    }
    for number in 0..200_u32 {
        assert_eq!(keys.find(KeyHash(u128::from(number) << 40)), Some(applied(number)));
    }
}

#[test]
fn warming_reads_what_is_there_or_nothing() {
    let mut keys = Keys::new(WINDOW);
    assert_eq!(keys.warm(key(1)), 0);
    remember_many(&mut keys, 0, 30, at(0));
    assert!((0..30).any(|number| keys.warm(key(number)) != 0));
}

#[test]
fn an_image_holds_what_was_there_at_the_seal() {
    let mut keys = Keys::new(WINDOW);
    remember_many(&mut keys, 0, 60_000, at(0));
    keys.seal();
    let mut blocks = Vec::new();
    let mut imaged = 0;
    let mut number = 60_000;
    loop {
        let mut block = Vec::new();
        let Some(part) = keys.image_next(&mut block) else { break };
        imaged += part.keys;
        blocks.push(block);
        // These make sub-tables grow and split, imaged and not yet imaged ones.
        remember_many(&mut keys, number, 6_000, at(1));
        number += 6_000;
    }
    assert_eq!(imaged, 60_000);
    let again = restored(WINDOW, &blocks);
    assert_eq!(again.len(), 60_000);
    assert!((0..60_000).all(|number| again.find(key(number)) == keys.find(key(number))));
    assert!((60_000..number).all(|number| again.find(key(number)).is_none()));

    keys.seal();
    let all = restored(WINDOW, &image_all(&mut keys));
    assert_eq!(all.len(), keys.len(), "no flag of the first seal is left");
}

#[test]
fn an_image_given_up_leaves_nothing_behind() {
    let mut keys = Keys::new(WINDOW);
    remember_many(&mut keys, 0, 30_000, at(0));
    keys.seal();
    keys.image_next(&mut Vec::new()).unwrap();
    remember_many(&mut keys, 30_000, 30_000, at(0));
    keys.seal();
    remember_many(&mut keys, 60_000, 1_000, at(0));
    assert_eq!(restored(WINDOW, &image_all(&mut keys)).len(), 60_000);
}

#[test]
fn an_image_keeps_what_expires_while_it_is_made() {
    for epochs in [1, 5, 11, 12, 16, 41] {
        let mut keys = Keys::new(WINDOW);
        remember_many(&mut keys, 0, 40_000, at(0));
        keys.seal();
        let mut first = Vec::new();
        keys.image_next(&mut first).unwrap();
        // Sweeps run, and entries come to look young again, if they are let.
        remember_many(&mut keys, 40_000, 20_000, at(epochs * EPOCH));
        let mut blocks = vec![first];
        blocks.extend(image_all(&mut keys));
        let again = restored(WINDOW, &blocks);
        assert_eq!(again.len(), 40_000, "{epochs} epochs");
        assert!((0..40_000).all(|number| again.find(key(number)).is_some()));
    }
}

#[test]
fn no_keys_have_no_image() {
    let mut keys = Keys::new(WINDOW);
    assert_eq!(keys.image_next(&mut Vec::new()), None, "there is no seal");
    keys.seal();
    assert_eq!(keys.image_next(&mut Vec::new()), None);
}

#[test]
fn another_window_forgets_no_key_too_early() {
    let mut keys = Keys::new(WINDOW);
    remember_many(&mut keys, 0, 10, at(0));
    remember_many(&mut keys, 10, 10, at(WINDOW));
    keys.seal();
    let blocks = image_all(&mut keys);

    let mut longer = restored(10 * WINDOW, &blocks);
    longer.advance_to(at(10 * WINDOW));
    assert!((0..20).all(|number| longer.find(key(number)).is_some()));

    let shorter = restored(WINDOW / 2, &blocks);
    assert!((0..10).all(|number| shorter.find(key(number)).is_none()));
    assert!((10..20).all(|number| shorter.find(key(number)).is_some()));
}

#[test]
fn a_damaged_block_is_refused_and_changes_nothing() {
    let mut keys = Keys::new(WINDOW);
    remember_many(&mut keys, 0, 10, at(0));
    keys.seal();
    let block = image_all(&mut keys).remove(0);
    let mut again = Keys::new(WINDOW);
    let head = block.len() - 10 * 16;
    assert!(again.restore(&block[..head - 1]).is_err());
    assert!(again.restore(&block[..block.len() - 1]).is_err());
    // The first byte of an entry holds the mark of the seal, the verdict and the epoch.
    for damage in [0x80, 0x70, 0x05] {
        let mut damaged = block.clone();
        damaged[head + 9 * 16] ^= damage;
        assert!(again.restore(&damaged).is_err(), "{damage:#x}");
    }
    let mut swapped = block.clone();
    swapped[head..].rotate_left(16);
    assert!(again.restore(&swapped).is_err());
    assert!(again.is_empty());
    assert_eq!(again.restore(&block), Ok(ImagedKeys { keys: 10 }));
}

/// What [`Keys`] does, without its means.
#[derive(Clone, Default)]
struct Model {
    came: BTreeMap<u64, (Remembered, i64)>,
    now: i64,
}

impl Model {
    fn find(&self, number: u64) -> Option<Remembered> {
        let (remembered, came) = self.came.get(&number)?;
        let age = self.now.div_euclid(EPOCH) - came.div_euclid(EPOCH);
        (age < EPOCHS_LIVE).then_some(*remembered)
    }

    fn live(&self) -> Vec<u64> {
        self.came.keys().copied().filter(|&number| self.find(number).is_some()).collect()
    }
}

#[derive(Debug, Clone)]
enum Step {
    Remember { number: u64, refused: bool },
    RememberMany { count: u64 },
    Wait { microseconds: i64 },
    Seal,
    Image { blocks: usize },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0..40_u64, any::<bool>())
            .prop_map(|(number, refused)| Step::Remember { number, refused }),
        2 => (1..4_000_u64).prop_map(|count| Step::RememberMany { count }),
        3 => (0..2 * EPOCH).prop_map(|microseconds| Step::Wait { microseconds }),
        1 => (0..20 * EPOCH).prop_map(|microseconds| Step::Wait { microseconds }),
        1 => Just(Step::Seal),
        3 => (1..4_usize).prop_map(|blocks| Step::Image { blocks }),
    ];
    prop::collection::vec(step, 1..30)
}

/// An image under way: what was there at the seal, and the blocks so far.
struct Imaging {
    sealed: Model,
    blocks: Vec<Vec<u8>>,
}

impl Imaging {
    fn check(&self) {
        let again = restored(WINDOW, &self.blocks);
        let live = self.sealed.live();
        assert_eq!(again.len(), live.len());
        for number in live {
            assert_eq!(again.find(key(number)), self.sealed.find(number));
        }
    }
}

fn check_against_model(steps: &[Step]) {
    let mut keys = Keys::new(WINDOW);
    let mut model = Model::default();
    let mut imaging: Option<Imaging> = None;
    let mut fresh = 1_000_000;
    for step in steps {
        match *step {
            Step::Remember { number, refused } => {
                assert_eq!(keys.find(key(number)), model.find(number));
                if model.find(number).is_none() {
                    let verdict = if refused { KeyVerdict::Refused } else { KeyVerdict::Applied };
                    let fingerprint = u32::try_from(model.now % 1_000_000).unwrap();
                    keys.remember(key(number), fingerprint, verdict, at(model.now));
                    model.came.insert(number, (Remembered { fingerprint, verdict }, model.now));
                }
            }
            Step::RememberMany { count } => {
                remember_many(&mut keys, fresh, count, at(model.now));
                for number in fresh..fresh + count {
                    let fingerprint = u32::try_from(number).unwrap();
                    model.came.insert(number, (applied(fingerprint), model.now));
                }
                fresh += count;
            }
            Step::Wait { microseconds } => {
                model.now += microseconds;
                keys.advance_to(at(model.now));
            }
            Step::Seal => {
                keys.seal();
                imaging = Some(Imaging { sealed: model.clone(), blocks: Vec::new() });
            }
            Step::Image { blocks } => {
                for _ in 0..blocks {
                    let mut block = Vec::new();
                    match (keys.image_next(&mut block), imaging.as_mut()) {
                        (Some(_), Some(imaging)) => imaging.blocks.push(block),
                        (Some(_), None) => panic!("an image without a seal"),
                        (None, Some(imaging)) => imaging.check(),
                        (None, None) => {}
                    }
                    if keys.seal.is_none() {
                        imaging = None;
                    }
                }
            }
        }
    }
    if let Some(mut imaging) = imaging {
        imaging.blocks.extend(image_all(&mut keys));
        imaging.check();
    }
    for number in (0..40).chain(1_000_000..fresh) {
        assert_eq!(keys.find(key(number)), model.find(number));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn keys_do_what_the_model_does(steps in steps()) {
        check_against_model(&steps);
    }

    #[test]
    fn the_same_history_gives_the_same_image(numbers in prop::collection::vec(0..5_000_u64, 0..400)) {
        let image = || {
            let mut keys = Keys::new(WINDOW);
            for (&number, now) in numbers.iter().zip((0..).step_by(50)) {
                keys.advance_to(at(now));
                if keys.find(key(number)).is_none() {
                    keys.remember(key(number), 1, KeyVerdict::Applied, at(now));
                }
            }
            keys.seal();
            image_all(&mut keys)
        };
        prop_assert_eq!(image(), image());
    }
}
