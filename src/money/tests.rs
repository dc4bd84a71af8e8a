use rust_decimal::Decimal;

use super::{Currency, UnitPrice};

#[test]
fn a_currency_is_three_letters_in_any_case() {
    assert_eq!(Currency::parse("USD"), Some(Currency::USD));
    assert_eq!(Currency::parse("eur").unwrap().code(), "eur");
    for wrong in ["", "us", "usdt", "u5d", "é1"] {
        assert_eq!(Currency::parse(wrong), None, "{wrong}");
    }
}

#[test]
fn a_unit_price_is_above_zero_and_fits_the_column() {
    let price = |text: &str| UnitPrice::new(text.parse::<Decimal>().unwrap());
    assert_eq!(price("0.50").unwrap().to_string(), "0.5");
    assert_eq!(price("0.000000000001").unwrap().to_string(), "0.000000000001");
    assert_eq!(price("12345.678901234567").unwrap().to_string(), "12345.678901234567");
    for wrong in ["0", "-1", "0.0000000000001", "123456.789012345678", "123456789012345678"] {
        assert_eq!(price(wrong), None, "{wrong}");
    }
}
