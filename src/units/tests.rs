use super::*;

fn decimal(text: &str) -> Decimal {
    parse_decimal(text.as_bytes()).unwrap()
}

fn text(number: Decimal) -> String {
    let mut out = Vec::new();
    write_decimal(&mut out, number);
    String::from_utf8(out).unwrap()
}

#[test]
fn numbers_are_read_exactly() {
    for (written, plain) in [
        ("0", "0"),
        ("-0", "0"),
        ("97.50", "97.5"),
        ("-15", "-15"),
        ("007", "7"),
        ("12345678901234567.89", "12345678901234567.89"),
        ("9999999999999999999999999999", "9999999999999999999999999999"),
        ("0.0000000000000000000000000001", "0.0000000000000000000000000001"),
        ("1e3", "1000"),
        ("1E+3", "1000"),
        ("2.5e-3", "0.0025"),
        ("0e99", "0"),
        ("-1.25e1", "-12.5"),
    ] {
        assert_eq!(text(decimal(written)), plain, "{written}");
    }
}

#[test]
fn what_is_no_number_is_refused() {
    for written in
        ["", "-", ".", "5.", ".5", "+5", "1_000", "0x10", "1e", "e3", "1.2.3", "NaN", " 1", "1 "]
    {
        assert_eq!(parse_decimal(written.as_bytes()), Err(UnitsError::NotANumber), "{written}");
    }
    assert_eq!(parse_decimal(b"\xff"), Err(UnitsError::NotANumber));
}

#[test]
fn what_would_be_rounded_is_refused() {
    for written in [
        "10000000000000000000000000000",
        "0.00000000000000000000000000001",
        "1e28",
        "1e-29",
        "1e999",
        "12345678901234567890123456789",
    ] {
        assert_eq!(parse_decimal(written.as_bytes()), Err(UnitsError::TooLong), "{written}");
    }
}

#[test]
fn units_are_never_negative() {
    assert_eq!(Units::parse(b"-1"), Err(UnitsError::Negative));
    assert_eq!(Units::parse_positive(b"0.00"), Err(UnitsError::Zero));
    assert_eq!(Units::parse(b"-0"), Ok(Units::ZERO));
}

#[test]
fn sums_are_exact_or_refused() {
    let large = decimal("9999999999999999999999999999");
    assert_eq!(add(large, decimal("0.1")), Err(Overflow));
    assert_eq!(add(large, decimal("1")).map(text).as_deref(), Ok("10000000000000000000000000000"));
    assert_eq!(add(Decimal::MAX, decimal("1")), Err(Overflow));
    assert_eq!(subtract(decimal("0.3"), decimal("0.1")), Ok(decimal("0.2")));
    assert_eq!(subtract(decimal("1.5"), decimal("1.50")).map(text).as_deref(), Ok("0"));
    // Trailing zeros are no reason to refuse.
    assert_eq!(
        add(large, decimal("1.0")).map(text).as_deref(),
        Ok("10000000000000000000000000000")
    );
}

proptest::proptest! {
    #[test]
    fn text_is_read_back(mantissa in -79_228_162_514_264_337_593_543_950_335_i128..79_228_162_514_264_337_593_543_950_335_i128, scale in 0_u32..=28) {
        let number = Decimal::from_i128_with_scale(mantissa, scale);
        proptest::prop_assert_eq!(text(number), number.normalize().to_string());
    }

    #[test]
    fn both_readers_agree(mantissa in -99_999_999_999_i64..99_999_999_999_i64, scale in 0_u32..=6) {
        let number = Decimal::new(mantissa, scale);
        let written = number.to_string();
        proptest::prop_assert_eq!(parse_short(written.as_bytes()), Some(number));
        proptest::prop_assert_eq!(parse_long(written.as_bytes()), Ok(number));
    }
}
