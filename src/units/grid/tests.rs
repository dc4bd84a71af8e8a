use super::*;

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[test]
fn a_grid_holds_what_has_no_more_decimals_and_less_than_28_digits_of_steps() {
    let cents = Grid::WHOLE.refined_by(decimal("0.25"));
    assert_eq!(cents, Grid::with_decimals(2).unwrap());
    assert!(cents.holds(decimal("1.25")));
    assert!(cents.holds(decimal("-99999999999999999999999999.99")));
    assert!(cents.holds(decimal("99999999999999999999999999")));
    assert!(!cents.holds(decimal("100000000000000000000000000")));
    assert!(!cents.holds(decimal("0.125")));
    assert_eq!(Grid::with_decimals(29), None);
}

#[test]
fn sums_of_totals_at_the_limit_are_exact() {
    let finest = Grid::with_decimals(28).unwrap();
    let most = decimal("0.9999999999999999999999999999");
    assert!(finest.holds(most));
    assert_eq!(sum(most, most), decimal("1.9999999999999999999999999998"));
    assert_eq!(difference(-most, most), decimal("-1.9999999999999999999999999998"));
}
