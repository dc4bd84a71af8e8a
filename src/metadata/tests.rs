use super::*;

fn read(json: &str) -> Result<String, (Option<String>, MetadataFault)> {
    Metadata::parse(json)
        .map(|metadata| metadata.to_string())
        .map_err(|error| (error.key.map(Into::into), error.fault))
}

fn fault(key: &str, fault: MetadataFault) -> Result<String, (Option<String>, MetadataFault)> {
    Err((Some(key.to_owned()), fault))
}

#[test]
fn metadata_has_one_text_whatever_it_was_written_like() {
    assert_eq!(read(r#" { "b" : 1.10, "a": "\u0041\n" } "#).unwrap(), r#"{"a":"A\n","b":1.10}"#);
    assert_eq!(read(r#"{"a":1,"a":true}"#).unwrap(), r#"{"a":true}"#);
    let digits = r#"{"n":12345678901234567890.123456789012345678}"#;
    assert_eq!(read(digits).unwrap(), digits, "no number becomes a float");
    assert_eq!(Metadata::parse("{}"), Ok(Metadata::default()));
    assert_eq!(Metadata::default().as_json(), "{}");
}

#[test]
fn what_is_read_again_stays_the_same() {
    for json in [r#"{"a":"\\\"","é":-0.5e-3,"z":false}"#, r#"{"k":"\u0001\ud83d\ude00"}"#, "{}"] {
        let once = read(json).unwrap();
        assert_eq!(read(&once).unwrap(), once);
    }
}

#[test]
fn the_limits_are_polars() {
    for json in ["", "[]", "1", "null", "{", "{}}", r#"{"a":}"#] {
        assert_eq!(read(json), Err((None, MetadataFault::NotAnObject)), "{json}");
    }
    let many = |count: usize| {
        let keys: Vec<String> = (0..count).map(|key| format!(r#""k{key}":1"#)).collect();
        format!("{{{}}}", keys.join(","))
    };
    assert!(read(&many(METADATA_KEYS_MAX)).is_ok());
    assert_eq!(read(&many(METADATA_KEYS_MAX + 1)), Err((None, MetadataFault::TooManyKeys)));

    let [long, longer] =
        [METADATA_KEY_CHARS_MAX, METADATA_KEY_CHARS_MAX + 1].map(|n| "é".repeat(n));
    assert!(read(&format!(r#"{{"{long}":1}}"#)).is_ok());
    assert_eq!(read(&format!(r#"{{"{longer}":1}}"#)), fault(&longer, MetadataFault::Key));
    assert_eq!(read(r#"{"":1}"#), fault("", MetadataFault::Key));
    assert_eq!(read(r#"{"a\u0000":1}"#), fault("a\0", MetadataFault::Key));

    let [long, longer] =
        [METADATA_TEXT_CHARS_MAX, METADATA_TEXT_CHARS_MAX + 1].map(|n| "é".repeat(n));
    assert!(read(&format!(r#"{{"a":"{long}"}}"#)).is_ok());
    assert_eq!(read(&format!(r#"{{"a":"{longer}"}}"#)), fault("a", MetadataFault::Text));
    assert_eq!(read(r#"{"a":""}"#), fault("a", MetadataFault::Text));
    assert_eq!(read(r#"{"a":"\u0000"}"#), fault("a", MetadataFault::Text));

    let number = "1".repeat(METADATA_NUMBER_CHARS_MAX + 1);
    assert_eq!(read(&format!(r#"{{"a":{number}}}"#)), fault("a", MetadataFault::NumberTooLong));
    for value in ["null", "[]", "{}"] {
        assert_eq!(read(&format!(r#"{{"a":{value}}}"#)), fault("a", MetadataFault::NotAScalar));
    }
}
