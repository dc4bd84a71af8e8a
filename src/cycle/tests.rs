//! Every boundary is compared with a calendar that is written out here by hand, so that a fault of
//! the one in use, or of how it is used, would show.

#![expect(clippy::arithmetic_side_effects, reason = "a test that overflows fails, as it should")]

use super::*;

fn at(text: &str) -> Timestamp {
    let text = if text.contains('T') { text.to_owned() } else { format!("{text}T00:00:00Z") };
    Timestamp::parse(&text).unwrap()
}

const fn every(count: u16, unit: IntervalUnit) -> Interval {
    Interval { unit, count }
}

/// A date as anybody would write it, and the slow way to count with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Date {
    year: i64,
    month: i64,
    day: i64,
}

impl Date {
    fn leaps(year: i64) -> bool {
        (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
    }

    fn days_of(year: i64, month: i64) -> i64 {
        match month {
            2 if Self::leaps(year) => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }

    /// One month after the other from the anchor's, whose day is kept in mind.
    fn months_on(self, months: i64) -> Self {
        let (mut year, mut month) = (self.year, self.month);
        for _ in 0..months {
            month += 1;
            if month == 13 {
                (year, month) = (year + 1, 1);
            }
        }
        Self { year, month, day: self.day.min(Self::days_of(year, month)) }
    }

    fn days_on(self, days: i64) -> Self {
        let mut date = self;
        for _ in 0..days {
            date.day += 1;
            if date.day > Self::days_of(date.year, date.month) {
                date.day = 1;
                date.month += 1;
            }
            if date.month == 13 {
                (date.year, date.month) = (date.year + 1, 1);
            }
        }
        date
    }

    fn at(self, time: &str) -> Timestamp {
        at(&format!("{:04}-{:02}-{:02}T{time}Z", self.year, self.month, self.day))
    }
}

/// Compares boundaries, periods and the search for them, up to the `last` one.
fn check(interval: Interval, anchor: Date, time: &str, last: u32, on: impl Fn(Date, i64) -> Date) {
    let start = anchor.at(time);
    for n in 0..=last {
        let expected = on(anchor, i64::from(n)).at(time);
        assert_eq!(interval.boundary(start, n), Some(expected), "{interval:?} {anchor:?} {n}");
        assert_eq!(interval.index_at(start, expected), Some(n), "at {expected}");
        let before = expected.saturating_add(-1);
        assert_eq!(interval.index_at(start, before), n.checked_sub(1), "before {expected}");
        let period = interval.period(start, n).unwrap();
        assert!(period.contains(period.start) && !period.contains(period.end));
        assert_eq!(period.start, expected);
        assert!(period.length() > 0);
    }
}

#[test]
fn monthly_from_every_day_of_every_month_for_48_months() {
    for year in [2023, 2024] {
        for month in 1..=12 {
            for day in 1..=Date::days_of(year, month) {
                let anchor = Date { year, month, day };
                check(
                    every(1, IntervalUnit::Month),
                    anchor,
                    "17:30:59.123456",
                    48,
                    Date::months_on,
                );
            }
        }
    }
}

#[test]
fn every_few_months_from_every_day_of_january() {
    for count in [2_u16, 3, 5, 6, 12, 18] {
        for day in 1..=31 {
            let anchor = Date { year: 2023, month: 1, day };
            let months = i64::from(count);
            check(
                every(count, IntervalUnit::Month),
                anchor,
                "00:00:00",
                48 / u32::from(count),
                |from, n| from.months_on(n * months),
            );
        }
    }
}

#[test]
fn yearly_from_29_february_and_from_every_other_day() {
    let leap_day = Date { year: 2024, month: 2, day: 29 };
    check(every(1, IntervalUnit::Year), leap_day, "23:59:59.999999", 80, |from, n| {
        from.months_on(n * 12)
    });
    check(every(4, IntervalUnit::Year), leap_day, "00:00:00", 20, |from, n| from.months_on(n * 48));
    for days in 0..366 {
        let anchor = Date { year: 2024, month: 1, day: 1 }.days_on(days);
        check(every(1, IntervalUnit::Year), anchor, "12:00:00", 5, |from, n| {
            from.months_on(n * 12)
        });
    }
}

#[test]
fn days_and_weeks_take_no_heed_of_months() {
    for anchor in [
        Date { year: 2024, month: 2, day: 27 },
        Date { year: 2023, month: 12, day: 31 },
        Date { year: 1969, month: 12, day: 30 },
    ] {
        for count in [1_u16, 2, 10, 30] {
            let days = i64::from(count);
            check(every(count, IntervalUnit::Day), anchor, "06:07:08", 60, |from, n| {
                from.days_on(n * days)
            });
            check(every(count, IntervalUnit::Week), anchor, "06:07:08", 20, |from, n| {
                from.days_on(n * days * 7)
            });
        }
    }
}

#[test]
fn a_boundary_is_counted_from_the_anchor_and_not_from_the_one_before() {
    let monthly = every(1, IntervalUnit::Month);
    let anchor = at("2026-01-31");
    let february = monthly.boundary(anchor, 1).unwrap();
    assert_eq!(february, at("2026-02-28"));
    assert_eq!(monthly.boundary(anchor, 2), Some(at("2026-03-31")));
    assert_eq!(monthly.boundary(february, 1), Some(at("2026-03-28")));
    assert_eq!(every(1, IntervalUnit::Year).boundary(at("2024-02-29"), 4), Some(at("2028-02-29")));
}

#[test]
fn nothing_lies_beyond_the_calendar() {
    let last = Timestamp::MAX;
    for unit in [IntervalUnit::Day, IntervalUnit::Week, IntervalUnit::Month, IntervalUnit::Year] {
        assert_eq!(every(1, unit).boundary(last, 1), None);
        assert_eq!(every(u16::MAX, unit).boundary(at("2026-01-01"), u32::MAX), None);
        assert_eq!(every(1, unit).boundary(at("2026-01-01"), 0), Some(at("2026-01-01")));
        assert_eq!(every(1, unit).index_at(at("2026-01-01"), at("2025-12-31")), None);
        assert_eq!(every(0, unit).boundary(at("2026-01-01"), 1), None);
        assert_eq!(every(0, unit).index_at(at("2026-01-01"), last), None);
    }
    let days = every(1, IntervalUnit::Day).index_at(Timestamp::MIN, last).unwrap();
    assert_eq!(days, 3_652_057);
}

#[test]
fn an_interval_divides_its_multiples_of_the_same_kind() {
    use IntervalUnit::{Day, Month, Week, Year};
    for (short, long, divides) in [
        ((1, Month), (1, Year), true),
        ((1, Month), (3, Month), true),
        ((1, Month), (1, Month), true),
        ((2, Month), (3, Month), false),
        ((3, Month), (1, Year), true),
        ((5, Month), (1, Year), false),
        ((1, Year), (1, Month), false),
        ((12, Month), (1, Year), true),
        ((1, Day), (1, Week), true),
        ((2, Day), (1, Week), false),
        ((1, Week), (14, Day), true),
        ((1, Day), (1, Month), false),
        ((1, Week), (1, Year), false),
        ((1, Month), (30, Day), false),
        ((0, Month), (1, Year), false),
        ((1, Month), (0, Year), false),
    ] {
        let (short, long) = (every(short.0, short.1), every(long.0, long.1));
        assert_eq!(short.divides(long), divides, "{short:?} divides {long:?}");
        if divides {
            // What it means: the longer one's boundaries are all among the shorter one's.
            let anchor = at("2024-01-31T10:00:00Z");
            for n in 0..40 {
                let boundary = long.boundary(anchor, n).unwrap();
                let index = short.index_at(anchor, boundary).unwrap();
                assert_eq!(short.boundary(anchor, index), Some(boundary), "{short:?} {long:?} {n}");
            }
        }
    }
}
