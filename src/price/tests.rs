#![expect(clippy::arithmetic_side_effects, reason = "a test that overflows fails, as it should")]

use std::str::FromStr;

use proptest::prelude::*;

use super::*;

fn unit_price(text: &str) -> UnitPrice {
    UnitPrice::new(Decimal::from_str(text).unwrap()).unwrap()
}

fn cents(price: &str, units: &str, cap: Option<i64>) -> i64 {
    overage(unit_price(price), Decimal::from_str(units).unwrap(), cap.map(Money)).0
}

#[test]
fn half_a_cent_is_rounded_away_from_zero() {
    for (price, units, expected) in [
        ("0.5", "15", 8),
        ("0.5", "14", 7),
        ("0.5", "1", 1),
        ("0.5", "0.999999", 0),
        ("0.25", "2", 1),
        ("0.25", "6", 2),
        ("0.25", "10", 3),
        ("1", "2.5", 3),
        ("1", "2.4999999999999999999999999999", 2),
        ("1", "0.5", 1),
        ("10", "0.05", 1),
        ("10", "0.04999999999999999999999999", 0),
        ("0.000000000001", "499999999999", 0),
        ("0.000000000001", "500000000000", 1),
        ("0.3", "1.666666666666666666666666666", 0),
        ("0.3", "1.666666666666666666666666667", 1),
    ] {
        assert_eq!(cents(price, units, None), expected, "{price} x {units}");
    }
}

#[test]
fn nothing_and_less_cost_nothing() {
    assert_eq!(cents("10", "0", None), 0);
    assert_eq!(cents("10", "-3", None), 0);
    assert_eq!(cents("10", "-3", Some(5)), 0);
}

#[test]
fn the_cap_comes_after_the_rounding() {
    assert_eq!(cents("0.5", "15", Some(8)), 8);
    assert_eq!(cents("0.5", "15", Some(7)), 7);
    assert_eq!(cents("0.5", "15", Some(0)), 0);
    assert_eq!(cents("0.5", "15", Some(5_000)), 8);
}

#[test]
fn huge_amounts_are_held_and_a_cap_still_counts() {
    let most = "79228162514264337593543950335";
    assert_eq!(cents("12345678901234567", most, None), i64::MAX);
    assert_eq!(cents("12345678901234567", most, Some(5_000)), 5_000);
    assert_eq!(cents("0.000000000001", most, None), 79_228_162_514_264_338);
    assert_eq!(cents("1", "9223372036854775807", None), i64::MAX);
    assert_eq!(cents("1", "9223372036854775806.4999", None), i64::MAX - 1);
    assert_eq!(cents("1", "9223372036854775807.5", None), i64::MAX);
}

/// Long multiplication and division on paper, digit by digit.
fn on_paper(price: Decimal, units: Decimal) -> Option<i64> {
    let digits = |number: Decimal| -> Vec<u32> {
        number.mantissa().to_string().chars().rev().map(|d| d.to_digit(10).unwrap()).collect()
    };
    let (a, b) = (digits(price), digits(units));
    let mut product = vec![0_u32; a.len() + b.len()];
    for (i, x) in a.iter().enumerate() {
        for (j, y) in b.iter().enumerate() {
            product[i + j] += x * y;
        }
    }
    for place in 0..product.len() - 1 {
        product[place + 1] += product[place] / 10;
        product[place] %= 10;
    }
    let scale = (price.scale() + units.scale()) as usize;
    let up = scale > 0 && product.get(scale - 1).is_some_and(|digit| *digit >= 5);
    let whole = product.get(scale..).unwrap_or(&[]);
    let whole = whole
        .iter()
        .rev()
        .fold(0_i128, |sum, digit| sum.saturating_mul(10).saturating_add(i128::from(*digit)));
    i64::try_from(whole.saturating_add(i128::from(up))).ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn it_equals_the_multiplication_on_paper(
        price in 1_i64..99_999_999_999_999_999,
        price_scale in 0_u32..=12,
        units in 0_i128..79_228_162_514_264_337_593_543_950_335,
        digits in 0_u32..28,
        units_scale in 0_u32..=28,
    ) {
        let price = Decimal::new(price, price_scale);
        let units = Decimal::from_i128_with_scale(units / 10_i128.pow(digits), units_scale);
        let expected = on_paper(price, units).unwrap_or(i64::MAX);
        let price = UnitPrice::new(price).unwrap();
        prop_assert_eq!(overage(price, units, None), Money(expected));
        prop_assert_eq!(overage(price, units, Some(Money(500))), Money(expected.min(500)));
    }
}
