use proptest::prelude::*;
use rust_decimal::Decimal;

use super::*;

const CUSTOMER: &str = "25ec27b4-9804-45c0-b149-fbb3c7c0a5ab";

fn now() -> Timestamp {
    Timestamp::parse("2026-11-22T08:46:07.980806Z").unwrap()
}

fn parse(json: &str) -> Result<Event, EventError> {
    Event::parse(json.as_bytes(), now())
}

/// An event of one customer with `more` fields.
fn event(more: &str) -> Result<Event, EventError> {
    parse(&format!(r#"{{"name":"call","external_customer_id":"acme"{more}}}"#))
}

fn metadata(json: &str) -> Result<Event, EventError> {
    event(&format!(r#","metadata":{json}"#))
}

/// The faults as `path type`, in order.
fn faults(result: Result<Event, EventError>) -> Vec<String> {
    let error = result.unwrap_err();
    assert!(!error.faults.is_empty());
    error.faults.iter().map(|f| format!("{} {}", f.loc.join("."), f.kind.name())).collect()
}

fn number(text: &str) -> Value {
    Value::Number(Decimal::from_str_exact(text).unwrap())
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

#[test]
fn an_event_of_a_known_customer() {
    let event = parse(&format!(
        r#" {{"name":"kit.tokens","customer_id":"{CUSTOMER}","member_id":"{CUSTOMER}",
            "timestamp":"2026-11-22T09:45:58+01:00","external_id":"e1","parent_id":"e0",
            "organization_id":null,"metadata":{{"tokens":95.5,"model":"large","cached":true}}}} "#
    ))
    .unwrap();
    let id = Uuid::parse_str(CUSTOMER).unwrap();
    assert_eq!(&*event.name, "kit.tokens");
    assert_eq!(event.source, EventSource::User);
    assert_eq!(event.customer, EventCustomer::ByCustomerId(CustomerId(id)));
    assert_eq!(event.member, Some(EventMember::ById(id)));
    assert_eq!(event.timestamp.to_string(), "2026-11-22T08:45:58.000000Z");
    assert_eq!(event.external_id.as_deref(), Some("e1"));
    assert_eq!(event.parent_id.as_deref(), Some("e0"));
    let properties: Vec<_> = event.metadata.iter().collect();
    assert_eq!(
        properties,
        [("tokens", &number("95.5")), ("model", &text("large")), ("cached", &Value::Bool(true)),]
    );
}

#[test]
fn an_event_of_a_customer_to_be_needs_only_name_and_customer() {
    let event = event("").unwrap();
    assert_eq!(event.customer, EventCustomer::ByExternalId("acme".into()));
    assert_eq!(event.timestamp, now());
    assert_eq!((event.member, event.external_id, event.parent_id), (None, None, None));
    assert!(event.metadata.is_empty());
}

#[test]
fn the_customer_key_tells_the_shapes_apart() {
    let both = event(&format!(r#","customer_id":"{CUSTOMER}","external_member_id":"m""#)).unwrap();
    assert!(matches!(both.customer, EventCustomer::ByCustomerId(_)));
    assert_eq!(both.member, None, "this member is of the other shape");
    let external = event(r#","customer_id":null,"external_member_id":"m""#).unwrap();
    assert_eq!(external.member, Some(EventMember::ByExternalId("m".into())));
    assert_eq!(faults(parse(r#"{"name":"call"}"#)), ["external_customer_id missing"]);
}

#[test]
fn every_fault_is_told_with_its_place() {
    let result = parse(
        r#"{"name":7,"customer_id":"acme","timestamp":"yesterday","external_id":"",
            "organization_id":"0f5b7a52-6c0e-4f0e-9a55-5a0f4c1d2e3b",
            "metadata":{"a":null,"b":[1],"c":{},"d":"","_cost":{"amount":true}}}"#,
    );
    assert_eq!(
        faults(result),
        [
            "name string_type",
            "customer_id uuid_parsing",
            "timestamp datetime_parsing",
            "external_id string_too_short",
            "organization_id organization_token",
            "metadata.a metadata_type",
            "metadata.b metadata_type",
            "metadata.c metadata_type",
            "metadata.d string_too_short",
            "metadata._cost.amount decimal_parsing",
            "metadata._cost.currency missing",
        ]
    );
}

#[test]
fn an_error_reads_as_one_line() {
    let error = metadata(r#"{"tokens":null,"n":1e99}"#).unwrap_err();
    assert_eq!(
        error.to_string(),
        "metadata.tokens: Input should be a valid string, number or boolean; \
         metadata.n: Number should have at most 28 digits"
    );
}

#[test]
fn faults_are_told_up_to_a_number() {
    let nulls: Vec<String> = (0..100).map(|place| format!(r#""p{place}":null"#)).collect();
    let error = metadata(&format!("{{{}}}", nulls.join(","))).unwrap_err();
    assert_eq!(error.faults.len(), FAULTS_MAX);
}

#[test]
fn what_is_no_json_object_is_refused() {
    for json in ["", "{", r#"{"name":"a",}"#, r#"{"name":"a"} x"#, "{\"name\":\"\u{1}\"}", "nul"] {
        assert_eq!(faults(parse(json)), [" json_invalid"], "{json}");
    }
    for json in ["[]", "7", "null", r#""{}""#] {
        assert_eq!(faults(parse(json)), [" dict_type"], "{json}");
    }
    let not_utf8 = b"{\"name\":\"\xff\"}";
    assert_eq!(faults(Event::parse(not_utf8, now())), [" json_invalid"]);
    assert_eq!(faults(metadata("null")), ["metadata dict_type"]);
    assert_eq!(faults(metadata("[]")), ["metadata dict_type"]);
}

#[test]
fn numbers_are_the_decimals_of_their_text() {
    for digits in [
        "12345678901234567.89",
        "0.1",
        "-0.000000000000000001",
        "9999999999999999999999999999",
        "-3",
    ] {
        let event = metadata(&format!(r#"{{"n":{digits}}}"#)).unwrap();
        assert_eq!(event.property("n"), Some(&number(digits)));
    }
    let event = metadata(r#"{"a":1e3,"b":2.5E-3,"c":1E+2,"d":-0.0}"#).unwrap();
    let values: Vec<_> = event.metadata.iter().map(|(_, value)| value.clone()).collect();
    assert_eq!(values, [number("1000"), number("0.0025"), number("100"), number("0")]);
    for digits in ["1e29", "99999999999999999999999999999", "1e-29", "1e999999999999", "1e-400"] {
        let result = metadata(&format!(r#"{{"n":{digits}}}"#));
        assert_eq!(faults(result), ["metadata.n number_too_long"], "{digits}");
    }
}

#[test]
fn text_has_bounds() {
    let of = |count: usize| "ä".repeat(count);
    assert!(metadata(&format!(r#"{{"t":"{}"}}"#, of(500))).is_ok());
    let too_long = metadata(&format!(r#"{{"t":"{}"}}"#, of(501)));
    assert_eq!(faults(too_long), ["metadata.t string_too_long"]);
    let named = |name: &str| parse(&format!(r#"{{"name":"{name}","external_customer_id":"a"}}"#));
    assert!(named("").is_ok());
    assert!(named(&of(128)).is_ok());
    assert_eq!(faults(named(&of(129))), ["name string_too_long"]);
    assert!(event(&format!(r#","external_id":"{}""#, of(128))).is_ok());
    let too_long = event(&format!(r#","external_id":"{}""#, of(129)));
    assert_eq!(faults(too_long), ["external_id string_too_long"]);
}

#[test]
fn nul_is_refused_everywhere() {
    assert_eq!(faults(event(r#","external_id":"a\u0000""#)), ["external_id value_error"]);
    assert_eq!(faults(metadata(r#"{"t":"\u0000"}"#)), ["metadata.t value_error"]);
    assert_eq!(faults(metadata(r#"{"t\u0000":1}"#)), ["metadata value_error"]);
    assert_eq!(faults(event(r#","other\u0000":1"#)), [" value_error"]);
}

#[test]
fn escapes_are_read() {
    let event = metadata(r#"{"a\u00e4":"\"\\\n\ud83d\ude00"}"#).unwrap();
    assert_eq!(event.property("aä"), Some(&text("\"\\\n\u{1f600}")));
    assert_eq!(faults(metadata(r#"{"t":"\ud83d"}"#)), ["metadata.t json_invalid"]);
}

#[test]
fn a_repeated_name_has_its_last_value() {
    let event = metadata(r#"{"a":null,"b":1,"a":2}"#).unwrap();
    assert_eq!(event.property("a"), Some(&number("2")));
    assert_eq!(event.metadata.len(), 2);
    let many: Vec<String> = (0..100).map(|place| format!(r#""p{}":{place}"#, place % 50)).collect();
    let event = metadata(&format!("{{{}}}", many.join(","))).unwrap();
    assert_eq!(event.metadata.len(), 50);
    assert_eq!(event.property("p7"), Some(&number("57")));
    let renamed = super::tests::event(r#","name":"second""#).unwrap();
    assert_eq!(&*renamed.name, "second");
}

#[test]
fn times_have_an_offset_and_are_past() {
    let at = |time: &str| event(&format!(r#","timestamp":{time}"#));
    assert!(at(r#""0001-01-01T00:00:00Z""#).is_ok());
    assert_eq!(at(r#""2026-11-22T08:46:07.980806Z""#).unwrap().timestamp, now());
    assert_eq!(faults(at(r#""2026-11-22T08:46:07.980807Z""#)), ["timestamp value_error"]);
    assert_eq!(faults(at(r#""2026-11-22T08:46:07""#)), ["timestamp timezone_aware"]);
    for time in [r#""""#, r#""1700000000""#, "1700000000", "null", r#""2026-11-22""#, "{}"] {
        let kinds = faults(at(time));
        assert!(
            kinds == ["timestamp datetime_parsing"] || kinds == ["timestamp timezone_aware"],
            "{time}: {kinds:?}"
        );
    }
}

#[test]
fn ids_are_random_uuids() {
    let of = |id: &str| parse(&format!(r#"{{"name":"a","customer_id":"{id}"}}"#));
    assert!(of(&CUSTOMER.to_uppercase()).is_ok());
    assert_eq!(faults(of("25ec27b4-9804-15c0-b149-fbb3c7c0a5ab")), ["customer_id uuid_version"]);
    assert_eq!(faults(of("")), ["customer_id uuid_parsing"]);
}

#[test]
fn cost_is_an_amount_of_cents() {
    let cost = |json: &str| metadata(&format!(r#"{{"_cost":{json}}}"#));
    for amount in ["0.000000000001", r#""12345.5""#, "-3", "12345.123456789012"] {
        let event = cost(&format!(r#"{{"amount":{amount},"currency":"usd","note":1}}"#)).unwrap();
        assert_eq!(event.property("_cost.amount"), Some(&number(amount.trim_matches('"'))));
        assert_eq!(event.property("_cost.currency"), Some(&text("usd")));
        assert_eq!(event.property("_cost.note"), None);
    }
    for (amount, kind) in [
        ("123456", "decimal_whole_digits"),
        ("0.0000000000001", "decimal_max_places"),
        ("123456.123456789012", "decimal_max_digits"),
        ("null", "decimal_parsing"),
        (r#""NaN""#, "decimal_parsing"),
    ] {
        let result = cost(&format!(r#"{{"amount":{amount},"currency":"usd"}}"#));
        assert_eq!(faults(result), [format!("metadata._cost.amount {kind}")]);
    }
    let euro = cost(r#"{"amount":1,"currency":"eur"}"#);
    assert_eq!(faults(euro), ["metadata._cost.currency string_pattern_mismatch"]);
    assert_eq!(faults(cost("1")), ["metadata._cost dict_type"]);
}

#[test]
fn llm_counts_tokens() {
    let llm = |json: &str| metadata(&format!(r#"{{"_llm":{json}}}"#));
    let event = llm(r#"{"vendor":"v","model":"m","prompt":null,"response":"r","input_tokens":3,
            "cached_input_tokens":1,"output_tokens":4.0,"total_tokens":7}"#)
    .unwrap();
    assert_eq!(event.property("_llm.total_tokens"), Some(&number("7")));
    assert_eq!(event.property("_llm.response"), Some(&text("r")));
    assert_eq!(event.property("_llm.prompt"), None);
    assert_eq!(
        faults(llm(r#"{"vendor":1,"input_tokens":"3","output_tokens":0.5,"total_tokens":1}"#)),
        [
            "metadata._llm.vendor string_type",
            "metadata._llm.model missing",
            "metadata._llm.input_tokens int_type",
            "metadata._llm.output_tokens int_type",
        ]
    );
}

#[test]
fn dots_lead_into_objects_only() {
    let event = metadata(r#"{"a":1,"a.b":2,"_cost":{"amount":1,"currency":"usd"}}"#).unwrap();
    assert_eq!(event.property("a.b"), None);
    assert_eq!(event.property("_cost.amount.x"), None);
    assert!(matches!(event.property("_cost"), Some(Value::Object(cost)) if cost.len() == 2));
}

#[test]
fn unknown_fields_are_ignored_up_to_a_depth() {
    let nested = |depth: usize| format!(r#","x":{}{}"#, "[".repeat(depth), "]".repeat(depth));
    assert!(event(&nested(EVENT_DEPTH_MAX - 1)).is_ok());
    assert_eq!(faults(event(&nested(EVENT_DEPTH_MAX))), ["x recursion_loop"]);
    assert_eq!(faults(event(&nested(20_000))), ["x recursion_loop"]);
    assert!(event(&format!(r#","x":"{}\"[""#, "[".repeat(40))).is_ok());
    assert!(metadata(&format!(r#"{{"x":{}}}"#, "[".repeat(20_000))).is_err());
}

#[test]
fn an_event_fits_a_record() {
    let sized = |bytes: usize| {
        let empty = r#"{"name":"a","external_customer_id":"b","x":""}"#.len();
        format!(r#"{{"name":"a","external_customer_id":"b","x":"{}"}}"#, "y".repeat(bytes - empty))
    };
    assert!(parse(&sized(EVENT_BYTES_MAX)).is_ok());
    assert_eq!(faults(parse(&sized(EVENT_BYTES_MAX + 1))), [" event_too_large"]);
}

#[test]
fn properties_are_parts_of_the_event_or_of_its_metadata() {
    let event = event(r#","timestamp":"2026-01-01T00:00:00.9Z","metadata":{"n":2,"name":"x"}"#);
    let event = event.unwrap();
    let of = |text: &str| Property::parse(text).unwrap().of(&event);
    assert_eq!(of("name"), Some(PropertyValue::Text("call")));
    assert_eq!(of("metadata.name"), Some(PropertyValue::Text("call")));
    assert_eq!(of("source"), Some(PropertyValue::Text("user")));
    assert_eq!(of("timestamp"), Some(PropertyValue::Number(Decimal::from(1_767_225_600))));
    assert_eq!(of("metadata.n"), Some(PropertyValue::Number(Decimal::TWO)));
    assert_eq!(of("n"), of("metadata.n"));
    assert_eq!(of("missing"), None);
    assert_eq!(Property::parse("metadata.").unwrap_err(), PropertyError::Empty);
    assert_eq!(Property::parse(&"p".repeat(257)).unwrap_err(), PropertyError::TooLong);
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Event::parse(&bytes, now());
    }

    #[test]
    fn damaged_events_do_not_panic(place in 0..230_usize, byte in any::<u8>()) {
        let mut json = br#"{"name":"call","customer_id":"25ec27b4-9804-45c0-b149-fbb3c7c0a5ab",
            "timestamp":"2026-11-22T08:45:58Z","external_id":"e\u0031","metadata":{"n":1.5e3,
            "_cost":{"amount":"1.5","currency":"usd"},"t":"\ud83d\ude00"}}"#.to_vec();
        let place = place % json.len();
        json[place] = byte;
        let _ = Event::parse(&json, now());
    }

    #[test]
    fn exact_decimals_survive(mantissa in -9_999_999_999_999_999_999_999_999_999_i128
        ..=9_999_999_999_999_999_999_999_999_999, scale in 0..=28_u32) {
        let exact = Decimal::from_i128_with_scale(mantissa, scale);
        let parsed = metadata(&format!(r#"{{"n":{exact}}}"#)).unwrap();
        prop_assert_eq!(parsed.property("n"), Some(&Value::Number(exact)));
    }

    #[test]
    fn any_text_is_given_back(text in "[^\u{0}]{1,500}") {
        let json = serde_json::to_string(&text).unwrap();
        let parsed = metadata(&format!(r#"{{"t":{json}}}"#)).unwrap();
        prop_assert_eq!(parsed.property("t"), Some(&Value::Text(text.as_str().into())));
    }
}
