use super::*;

fn sum(numbers: &[Decimal]) -> ExactSum {
    let mut sum = ExactSum::default();
    for &number in numbers {
        sum.add(number);
    }
    sum
}

fn text(numbers: &[&str]) -> String {
    let numbers: Vec<Decimal> = numbers.iter().map(|number| number.parse().unwrap()).collect();
    sum(&numbers).to_string()
}

#[test]
fn sums_are_exact_and_plain() {
    assert_eq!(text(&[]), "0");
    assert_eq!(text(&["97.50"]), "97.5");
    assert_eq!(text(&["-0.25"]), "-0.25");
    assert_eq!(text(&["-3"]), "-3");
    assert_eq!(text(&["-3", "0.5"]), "-2.5");
    assert_eq!(text(&["0.1", "0.2", "-0.3"]), "0");
    assert_eq!(text(&["0.6", "0.6"]), "1.2");
    assert_eq!(text(&["-0.6", "-0.6"]), "-1.2");
}

#[test]
fn a_sum_holds_what_no_decimal_can() {
    let largest = "79228162514264337593543950335";
    let smallest = "0.0000000000000000000000000001";
    assert_eq!(
        text(&[largest, largest, smallest]),
        "158456325028528675187087900670.0000000000000000000000000001"
    );
    assert_eq!(
        text(&["-79228162514264337593543950335", smallest]),
        "-79228162514264337593543950334.9999999999999999999999999999"
    );
}

proptest::proptest! {
    #[test]
    fn order_does_not_matter(
        mut parts in proptest::collection::vec((proptest::prelude::any::<i64>(), 0_u32..=28), 0..20),
    ) {
        let decimals = |parts: &[(i64, u32)]| -> Vec<Decimal> {
            parts.iter().map(|&(mantissa, scale)| Decimal::new(mantissa, scale)).collect()
        };
        let forth = sum(&decimals(&parts));
        parts.reverse();
        proptest::prop_assert_eq!(forth, sum(&decimals(&parts)));
    }

    #[test]
    fn a_sum_equals_the_decimals_where_they_are_exact(
        parts in proptest::collection::vec((-1_000_000_000_i64..1_000_000_000, 0_u32..=6), 0..20),
    ) {
        let numbers: Vec<Decimal> =
            parts.iter().map(|&(mantissa, scale)| Decimal::new(mantissa, scale)).collect();
        let exact: Decimal = numbers.iter().sum();
        let sum = sum(&numbers);
        proptest::prop_assert_eq!(sum.to_string(), exact.normalize().to_string());
        let mut bytes = Vec::new();
        sum.put(&mut bytes);
        proptest::prop_assert_eq!(ExactSum::read(&mut Reader::new(&bytes)), Ok(sum));
    }
}
