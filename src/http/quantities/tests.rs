use super::*;

fn time(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn begun(from: &str, to: &str, interval: Interval, zone: &str) -> Vec<String> {
    let zone = TimeZone::get(zone).unwrap();
    starts(time(from), time(to), interval, &zone).iter().map(ToString::to_string).collect()
}

#[test]
fn stretches_follow_each_other_from_the_start_on() {
    assert_eq!(
        begun("2026-11-22T06:46:09.157574Z", "2026-11-22T08:46:09.2Z", Interval::Hour, "UTC"),
        [
            "2026-11-22T06:46:09.157574Z",
            "2026-11-22T07:46:09.157574Z",
            "2026-11-22T08:46:09.157574Z"
        ]
    );
    assert_eq!(
        begun("2026-01-31T00:00:00Z", "2026-03-31T00:00:00Z", Interval::Month, "UTC"),
        [
            "2026-01-31T00:00:00.000000Z",
            "2026-02-28T00:00:00.000000Z",
            "2026-03-31T00:00:00.000000Z"
        ]
    );
    let one = "2026-11-22T06:00:00.000000Z";
    assert_eq!(begun(one, one, Interval::Year, "UTC"), [one]);
}

#[test]
fn days_are_those_of_the_time_zone() {
    // The clocks go back on 25 October: that day has 25 hours.
    assert_eq!(
        begun("2026-10-24T22:00:00Z", "2026-10-27T00:00:00Z", Interval::Day, "Europe/Berlin"),
        [
            "2026-10-24T22:00:00.000000Z",
            "2026-10-25T23:00:00.000000Z",
            "2026-10-26T23:00:00.000000Z"
        ]
    );
}

#[test]
fn ranges_are_as_long_as_polar_allows() {
    let from = time("2026-01-01T00:00:00Z");
    for (interval, fits, exceeds) in [
        (Interval::Hour, "2026-01-08T00:00:00Z", "2026-01-08T00:00:00.000001Z"),
        (Interval::Day, "2027-01-02T00:00:00Z", "2027-01-02T00:00:01Z"),
        (Interval::Week, "2027-01-07T00:00:00Z", "2027-01-07T00:00:01Z"),
        (Interval::Month, "2030-01-01T00:00:00Z", "2030-01-01T00:00:01Z"),
        (Interval::Year, "2036-01-01T00:00:00Z", "2036-01-01T00:00:01Z"),
    ] {
        assert!(is_allowed(from, time(fits), interval), "{interval:?}");
        assert!(!is_allowed(from, time(exceeds), interval), "{interval:?}");
        let count = starts(from, time(fits), interval, &TimeZone::UTC).len();
        assert!(count < usize::try_from(STRETCHES_MAX).unwrap(), "{interval:?}: {count}");
    }
}
