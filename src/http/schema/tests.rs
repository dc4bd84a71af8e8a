use rust_decimal::Decimal;
use serde_json::to_string;

use super::*;

fn decimal(text: &str) -> Decimal {
    Decimal::from_str_exact(text).unwrap()
}

#[test]
fn floats_have_a_point_and_integers_have_none() {
    for (number, float, integer) in [
        ("0", "0.0", "0"),
        ("-15", "-15.0", "-15"),
        ("115.50", "115.5", "115"),
        ("-0.9", "-0.9", "0"),
        ("12345678901234567.89", "12345678901234567.89", "12345678901234567"),
        ("0.0000000000000000000000000001", "0.0000000000000000000000000001", "0"),
        (
            "9999999999999999999999999999",
            "9999999999999999999999999999.0",
            "9999999999999999999999999999",
        ),
    ] {
        assert_eq!(to_string(&Float(decimal(number))).unwrap(), float);
        assert_eq!(to_string(&Integer::of(decimal(number))).unwrap(), integer);
    }
}

#[test]
fn credits_are_whole_and_the_balance_is_exact() {
    for (credited, consumed, shown) in [
        ("100", "115", r#"{"consumed_units":115.0,"credited_units":100,"balance":-15.0}"#),
        ("10.9", "40", r#"{"consumed_units":39.1,"credited_units":10,"balance":-29.1}"#),
        ("0.5", "0", r#"{"consumed_units":-0.5,"credited_units":0,"balance":0.5}"#),
        ("0", "-10", r#"{"consumed_units":-10.0,"credited_units":0,"balance":10.0}"#),
    ] {
        let standing = customer_meter::Standing::of(decimal(credited), decimal(consumed));
        assert_eq!(to_string(&standing).unwrap(), shown);
    }
}

#[test]
fn times_are_written_as_polar_writes_them() {
    let time = Timestamp::parse("2026-11-22T09:45:53+01:00").unwrap();
    assert_eq!(to_string(&Moment(time)).unwrap(), r#""2026-11-22T08:45:53.000000Z""#);
    assert_eq!(to_string(&NoMetadata {}).unwrap(), "{}");
}
