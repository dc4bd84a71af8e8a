use super::*;

fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.to_owned()).unwrap()
}

fn kind<T: std::fmt::Debug>(read: Read<T>) -> &'static str {
    read.unwrap_err().kind
}

#[test]
fn texts_numbers_and_words_keep_their_rules() {
    assert_eq!(&*text(&raw(r#""\u00e4b""#), 2..=2).unwrap(), "äb");
    assert_eq!(kind(text(&raw(r#""a""#), 2..=3)), "string_too_short");
    assert_eq!(kind(text(&raw(r#""äöüß""#), 2..=3)), "string_too_long");
    assert_eq!(kind(text(&raw(r#""a\u0000""#), 0..=9)), "value_error");
    assert_eq!(kind(text(&raw("7"), 0..=9)), "string_type");
    assert_eq!(whole(&raw("7"), 1..=7).unwrap(), 7);
    assert_eq!(kind(whole(&raw("0"), 1..=7)), "greater_than_equal");
    assert_eq!(kind(whole(&raw("8"), 1..=7)), "less_than_equal");
    assert_eq!(kind(whole(&raw("99999999999"), 1..=u32::MAX)), "less_than_equal");
    for json in ["1.0", "1.5", "1e2", "\"1\"", "true", "99999999999999999999"] {
        assert_eq!(kind(whole(&raw(json), 1..=7)), "int_type", "{json}");
    }
    assert!(truth(&raw("true")).unwrap());
    assert_eq!(kind(truth(&raw("1"))), "bool_type");
    assert_eq!(word(&raw(r#""b""#), &[("a", 1), ("b", 2)]).unwrap(), 2);
    assert_eq!(kind(word(&raw(r#""c""#), &[("a", 1)])), "enum");
    assert_eq!(kind(id(&raw(r#""x""#))), "uuid_parsing");
}

#[test]
fn metadata_matches_by_text() {
    let own = Metadata::parse(r#"{"tier":"gold","n":3,"flag":true}"#).unwrap();
    let has = |pairs: &[(&'static str, &[&'static str])]| {
        let asked = pairs.iter().map(|(key, values)| (*key, values.to_vec())).collect();
        has_metadata(&own, &asked)
    };
    assert!(has(&[]));
    assert!(has(&[("tier", &["silver", "gold"]), ("n", &["3"]), ("flag", &["true"])]));
    assert!(!has(&[("tier", &["gold"]), ("n", &["4"])]));
    assert!(!has(&[("colour", &["gold"])]));
}
