use super::*;

#[test]
fn both_notations_name_the_same_instant() {
    let written = Timestamp::parse("2026-11-01T02:00:00+02:00").unwrap();
    assert_eq!(written, Timestamp::parse("1793491200000").unwrap());
    assert_eq!(written.to_string(), "2026-11-01T00:00:00.000000Z");
}

#[test]
fn what_is_no_time_is_refused() {
    for text in ["", "-", "tomorrow", "2026-11-01", "2026-11-01T00:00:00", "99999999999999999999"] {
        assert_eq!(Timestamp::parse(text), Err(TimestampError), "{text}");
    }
}

#[test]
fn the_range_is_kept() {
    assert_eq!(Timestamp::MAX.to_string(), "9999-12-30T21:59:59.999999Z");
    assert_eq!(Timestamp::MIN.to_string(), "0001-01-01T00:00:00.000000Z");
    assert_eq!(Timestamp::from_microseconds(i64::MAX), None);
    assert_eq!(Timestamp::MAX.saturating_add(1), Timestamp::MAX);
}

#[test]
fn a_manual_clock_never_goes_back() {
    let clock = ManualClock::new(Timestamp::EPOCH);
    clock.advance_to(Timestamp::EPOCH.saturating_add(5));
    clock.advance_to(Timestamp::EPOCH);
    assert_eq!(clock.now().since(Timestamp::EPOCH), 5);
}
