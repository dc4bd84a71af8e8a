use std::num::NonZeroU32;

use super::{Pick, Random, Shape, Skew, Workload};

fn shape(customers: u32, skew: Skew) -> Shape {
    Shape {
        customers: NonZeroU32::new(customers).unwrap(),
        units_max: NonZeroU32::new(100).unwrap(),
        skew,
    }
}

/// How often each customer is drawn, most often first.
fn counts(customers: u32, skew: Skew, draws: usize) -> Vec<u32> {
    let mut counts = vec![0; usize::try_from(customers).unwrap()];
    for pick in Workload::new(7, shape(customers, skew)).take(draws) {
        let count = &mut counts[usize::try_from(pick.customer).unwrap()];
        *count = u32::saturating_add(*count, 1);
    }
    counts.sort_unstable_by(|a, b| b.cmp(a));
    counts
}

#[test]
fn random_bits_are_those_of_splitmix64() {
    // The reference implementation's first outputs for the seed 1234567.
    let mut random = Random::new(1_234_567);
    assert_eq!(random.bits(), 6_457_827_717_110_365_317);
    assert_eq!(random.bits(), 3_203_168_211_198_807_973);
}

#[test]
fn a_seed_gives_the_same_load_everywhere() {
    let picks: Vec<Pick> = Workload::new(1, shape(1_000, Skew::Zipf)).take(3).collect();
    let again: Vec<Pick> = Workload::new(1, shape(1_000, Skew::Zipf)).take(3).collect();
    let other: Vec<Pick> = Workload::new(2, shape(1_000, Skew::Zipf)).take(3).collect();
    assert_eq!(picks, again);
    assert_ne!(picks, other);
    // Literal values: a change of them changes every quoted figure.
    assert_eq!(picks, FIRST_PICKS);
}

const FIRST_PICKS: [Pick; 3] = [
    Pick { customer: 233, units: 47, key: 0 },
    Pick { customer: 488, units: 28, key: 1 },
    Pick { customer: 198, units: 23, key: 2 },
];

#[test]
fn keys_count_up_and_units_stay_in_range() {
    for (place, pick) in Workload::new(3, shape(10, Skew::Uniform)).take(10_000).enumerate() {
        assert_eq!(pick.key, u64::try_from(place).unwrap());
        assert!((1..=100).contains(&pick.units), "{pick:?}");
        assert!(pick.customer < 10, "{pick:?}");
    }
}

#[test]
fn uniform_draws_every_customer_alike() {
    let counts = counts(100, Skew::Uniform, 1_000_000);
    assert!(counts[0] < 10_500 && counts[99] > 9_500, "{counts:?}");
}

#[test]
fn zipf_draws_the_kth_customer_k_times_less_often() {
    // The sum of 1/k for k to 1,000 is 7.4855, so the first one gets 13.36 % of the draws.
    let counts = counts(1_000, Skew::Zipf, 1_000_000);
    for rank in [1, 2, 3, 5, 10, 100] {
        let expected = 133_592 / u32::try_from(rank).unwrap();
        let found = counts[rank - 1];
        assert!(found.abs_diff(expected) < expected / 10, "rank {rank}: {found}, not {expected}");
    }
    assert!(counts[999] > 0, "nobody is left out");
}

#[test]
fn one_customer_takes_it_all() {
    for skew in [Skew::Uniform, Skew::Zipf] {
        assert!(Workload::new(5, shape(1, skew)).take(100).all(|pick| pick.customer == 0));
    }
}

#[test]
fn hot_customers_are_not_neighbours() {
    let mut drawn = vec![0_u32; 1_000];
    for pick in Workload::new(7, shape(1_000, Skew::Zipf)).take(100_000) {
        let count = &mut drawn[usize::try_from(pick.customer).unwrap()];
        *count = u32::saturating_add(*count, 1);
    }
    let hottest = drawn.iter().zip(0_u32..).max().unwrap().1;
    let second = drawn.iter().zip(0_u32..).filter(|&(_, at)| at != hottest).max().unwrap().1;
    assert!(hottest.abs_diff(second) > 1, "{hottest} and {second}");
}
