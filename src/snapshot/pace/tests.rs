use super::*;

fn rate(per_second: u64) -> WriteRate {
    WriteRate::BytesPerSecondMax(NonZeroU64::new(per_second).unwrap())
}

#[test]
fn bytes_take_their_time() {
    let began = now();
    let mut pace = Pace::new(rate(1_000_000));
    for _ in 0..5 {
        pace.spend(4_000);
    }
    assert!(began.elapsed() >= Duration::from_millis(20));
}

#[test]
fn unused_time_is_not_saved_up() {
    let mut pace = Pace::new(rate(1_000_000));
    pace.free_at -= Duration::from_secs(1);
    let began = now();
    pace.spend(10_000);
    assert!(began.elapsed() >= Duration::from_millis(10));
}

#[test]
fn without_a_ceiling_nothing_waits() {
    assert_eq!(worth(1, NonZeroU64::MAX), Duration::ZERO);
    let mut pace = Pace::new(WriteRate::Unlimited);
    let free_at = pace.free_at;
    pace.spend(usize::MAX);
    assert_eq!(pace.free_at, free_at);
}
