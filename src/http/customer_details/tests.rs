use serde_json::value::to_raw_value;

use super::*;

fn read(text: &str) -> Result<String, ()> {
    let raw = to_raw_value(text).unwrap();
    email(&raw).map(String::from).map_err(|_| ())
}

#[test]
fn an_address_has_a_local_part_and_a_domain_with_a_dot() {
    for good in ["ada@example.com", "a.b+c@sub.example.org", "o'neil@example.co", "ö@bücher.de"] {
        assert_eq!(read(good), Ok(good.to_owned()));
    }
    let longest = format!("{}@example.com", "a".repeat(64));
    assert!(read(&longest).is_ok());
    let too_long = format!("a{longest}");
    for bad in [
        "",
        "ada",
        "@example.com",
        "ada@",
        "ada@localhost",
        "ada@.com",
        "ada@example..com",
        "a b@example.com",
        "a@b@example.com",
        ".a@example.com",
        "ada@-x.com",
        "ada@x-.com",
        "ada@example.com\n",
        &too_long,
    ] {
        assert_eq!(read(bad), Err(()), "{bad:?}");
    }
}

#[test]
fn a_domain_is_kept_in_lower_case() {
    assert_eq!(read("Ada@EXAMPLE.Com"), Ok("Ada@example.com".to_owned()));
}

#[test]
fn an_address_is_kept_with_every_line() {
    let of = |text: &str| {
        let raw = RawValue::from_string(text.to_owned()).unwrap();
        address(&raw).map(String::from).map_err(|_| ())
    };
    let kept = of(r#"{"country":"FR","city":"Paris","line1":null,"more":1}"#).unwrap();
    let expected = r#"{"city":"Paris","country":"FR","line1":null,"line2":null,"postal_code":null,"state":null}"#;
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(json(&kept), json(expected));
    for bad in ["{}", "[]", r#"{"country":"fr"}"#, r#"{"country":"FR","city":1}"#] {
        assert_eq!(of(bad), Err(()), "{bad}");
    }
}
