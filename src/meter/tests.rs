use proptest::prelude::*;
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::event::PropertyError;
use crate::time::Timestamp;
use crate::units::Draw;

use super::*;

fn event(metadata: &str) -> Event {
    let json = format!(
        r#"{{"name":"call","external_customer_id":"acme","metadata":{metadata},
            "timestamp":"2026-01-01T00:00:00Z"}}"#
    );
    Event::parse(json.as_bytes(), Timestamp::MAX).unwrap()
}

fn filter(json: &str) -> Filter {
    Filter::parse(json).unwrap()
}

fn one_clause(property: &str, operator: &str, value: &str) -> Filter {
    filter(&format!(
        r#"{{"conjunction":"and","clauses":[
            {{"property":"{property}","operator":"{operator}","value":{value}}}]}}"#
    ))
}

/// Which operators accept the property `p` with this value against the clause's value.
fn accepted(property: &str, value: &str) -> Vec<&'static str> {
    let event = event(&format!(r#"{{"p":{property}}}"#));
    ["eq", "ne", "gt", "gte", "lt", "lte", "like", "not_like"]
        .into_iter()
        .filter(|operator| one_clause("p", operator, value).matches(&event))
        .collect()
}

#[test]
fn numbers_compare_with_numbers() {
    assert_eq!(accepted("5", "5"), ["eq", "gte", "lte"]);
    assert_eq!(accepted("5.0", "5"), ["eq", "gte", "lte"]);
    assert_eq!(accepted("5.000000000000000000001", "5"), ["ne", "gt", "gte"]);
    assert_eq!(accepted("-1e20", "-2147483648"), ["ne", "lt", "lte"]);
}

#[test]
fn text_compares_with_text() {
    assert_eq!(accepted(r#""large""#, r#""large""#), ["eq", "gte", "lte", "like"]);
    assert_eq!(accepted(r#""x-large-1""#, r#""large""#), ["ne", "gt", "gte", "like"]);
    assert_eq!(accepted(r#""Large""#, r#""large""#), ["ne", "lt", "lte", "not_like"]);
    assert_eq!(accepted(r#""a%b""#, r#""%""#), ["ne", "gt", "gte", "like"]);
    assert_eq!(accepted(r#""a""#, r#""%""#), ["ne", "gt", "gte", "not_like"]);
}

#[test]
fn truth_compares_with_truth() {
    assert_eq!(accepted("true", "true"), ["eq", "gte", "lte"]);
    assert_eq!(accepted("true", "false"), ["ne", "gt", "gte"]);
}

#[test]
fn another_kind_never_matches() {
    for (property, value) in [
        (r#""5""#, "5"),
        ("5", r#""5""#),
        ("true", "1"),
        ("1", "true"),
        (r#""true""#, "true"),
        ("true", r#""true""#),
    ] {
        assert!(accepted(property, value).is_empty(), "{property} {value}");
    }
}

#[test]
fn what_is_missing_never_matches() {
    let event = event(r#"{"_cost":{"amount":1,"currency":"usd"}}"#);
    for operator in ["eq", "ne", "gt", "gte", "lt", "lte", "like", "not_like"] {
        for property in ["p", "_cost", "_cost.p", "_cost.amount.p"] {
            for value in ["1", r#""1""#, "true"] {
                assert!(!one_clause(property, operator, value).matches(&event));
            }
        }
    }
}

#[test]
fn dots_and_the_prefix_lead_into_the_metadata() {
    let event = event(r#"{"a":1,"_cost":{"amount":"2","currency":"usd"}}"#);
    assert!(one_clause("metadata.a", "eq", "1").matches(&event));
    assert!(one_clause("_cost.amount", "eq", "2").matches(&event));
    assert!(one_clause("metadata._cost.currency", "eq", r#""usd""#).matches(&event));
}

#[test]
fn the_event_itself_has_properties() {
    let event = event("{}");
    assert!(one_clause("name", "eq", r#""call""#).matches(&event));
    assert!(one_clause("source", "eq", r#""user""#).matches(&event));
    assert!(one_clause("timestamp", "eq", "1767225600").matches(&event));
    assert!(!one_clause("timestamp", "ne", r#""1767225600""#).matches(&event));
    assert!(!one_clause("name", "not_like", "1").matches(&event));
}

#[test]
fn conjunctions_nest_and_an_empty_one_matches_all() {
    let yes = r#"{"property":"name","operator":"eq","value":"call"}"#;
    let no = r#"{"property":"name","operator":"eq","value":"other"}"#;
    let of = |conjunction: &str, clauses: &[&str]| {
        format!(r#"{{"conjunction":"{conjunction}","clauses":[{}]}}"#, clauses.join(","))
    };
    let matches = |json: &str| filter(json).matches(&event("{}"));
    assert!(matches(&of("and", &[])));
    assert!(matches(&of("or", &[])));
    assert!(matches(&of("and", &[yes, yes])));
    assert!(!matches(&of("and", &[yes, no])));
    assert!(matches(&of("or", &[no, yes])));
    assert!(!matches(&of("or", &[no, no])));
    assert!(matches(&of("and", &[yes, &of("or", &[no, yes])])));
    assert!(!matches(&of("or", &[no, &of("and", &[yes, no])])));
    assert!(matches(&of("or", &[no, &of("and", &[])])));
}

#[test]
fn a_filter_knows_the_name_it_demands() {
    let name = |value: &str| format!(r#"{{"property":"name","operator":"eq","value":"{value}"}}"#);
    let other = r#"{"property":"p","operator":"eq","value":1}"#;
    let of = |conjunction: &str, clauses: &[&str]| {
        format!(r#"{{"conjunction":"{conjunction}","clauses":[{}]}}"#, clauses.join(","))
    };
    let demanded = |json: &str| {
        filter(json).event_names().map(|names| names.iter().map(ToString::to_string).collect())
    };
    let some = |names: &[&str]| -> Option<Vec<String>> {
        Some(names.iter().map(ToString::to_string).collect())
    };
    let (a, b) = (name("a"), name("b"));
    assert_eq!(demanded(&of("and", &[])), None);
    assert_eq!(demanded(&of("or", &[])), None);
    assert_eq!(demanded(&of("and", &[other, &a])), some(&["a"]));
    assert_eq!(demanded(&of("or", &[&a])), some(&["a"]));
    assert_eq!(demanded(&of("or", &[&a, &a])), some(&["a"]));
    assert_eq!(demanded(&of("or", &[&b, &a])), some(&["a", "b"]));
    assert_eq!(demanded(&of("and", &[&of("or", &[&b, &a]), &b, other])), some(&["b"]));
    assert_eq!(demanded(&of("or", &[&of("and", &[&b, other]), &a])), some(&["a", "b"]));
    assert_eq!(demanded(&of("or", &[&a, other])), None);
    assert_eq!(demanded(&of("or", &[&a, &of("and", &[])])), None);
    assert_eq!(demanded(&of("and", &[&of("or", &[&b, &b])])), some(&["b"]));
    let unlike = r#"{"property":"name","operator":"ne","value":"a"}"#;
    assert_eq!(demanded(&of("and", &[unlike])), None);
    assert_eq!(Filter::named("a"), filter(&of("and", &[&a])));
    assert_eq!(Filter::named("a").event_names(), Some(["a".into()].as_slice()));
}

#[test]
fn a_filter_is_written_as_it_was_read_without_the_prefix() {
    let json = r#"{"conjunction":"or","clauses":[{"property":"tokens","operator":"not_like","value":"a\"b"},{"conjunction":"and","clauses":[{"property":"n","operator":"lte","value":-7},{"property":"source","operator":"ne","value":false}]}]}"#;
    assert_eq!(filter(json).to_json(), json);
    assert_eq!(filter(&json.replace("tokens", "metadata.tokens")).to_json(), json);
    assert_eq!(filter(&json.replace("tokens", "metadata.tokens")), filter(json));
}

#[test]
fn what_is_no_filter_is_refused_with_its_place() {
    let refused = |json: &str, place: &str, fault: FilterFault| {
        let error = Filter::parse(json).unwrap_err();
        assert_eq!((error.loc.join("."), error.fault), (place.to_owned(), fault), "{json}");
    };
    let clause = |json: &str| format!(r#"{{"conjunction":"and","clauses":[{json}]}}"#);
    refused("", "", FilterFault::NotJson);
    refused("[]", "", FilterFault::NotAFilter);
    refused(r#"{"property":"p","operator":"eq","value":1}"#, "", FilterFault::NotAFilter);
    refused(r#"{"clauses":[]}"#, "conjunction", FilterFault::Missing);
    refused(r#"{"conjunction":"and"}"#, "clauses", FilterFault::Missing);
    refused(r#"{"conjunction":"and","clauses":{}}"#, "clauses", FilterFault::NotAFilter);
    refused(
        r#"{"conjunction":"xor","clauses":[]}"#,
        "conjunction",
        FilterFault::UnknownConjunction,
    );
    refused(&clause("1"), "clauses.0", FilterFault::NotAFilter);
    refused(&clause("{}"), "clauses.0", FilterFault::NotAFilter);
    let missing = r#"{"property":"p","operator":"eq"}"#;
    refused(&clause(missing), "clauses.0.value", FilterFault::Missing);
    let unknown = r#"{"property":"p","operator":"is","value":1}"#;
    refused(&clause(unknown), "clauses.0.operator", FilterFault::UnknownOperator);
    let nameless = r#"{"property":"","operator":"eq","value":1}"#;
    let empty = FilterFault::Property(PropertyError::Empty);
    refused(&clause(nameless), "clauses.0.property", empty);
    for value in ["1.5", "2147483648", "null", "[]"] {
        let json = clause(&format!(r#"{{"property":"p","operator":"eq","value":{value}}}"#));
        refused(&clause(&json), "clauses.0.clauses.0.value", FilterFault::UnknownValue);
    }
    let long = format!(r#"{{"property":"p","operator":"eq","value":"{}"}}"#, "x".repeat(1_001));
    refused(&clause(&long), "clauses.0.value", FilterFault::TextTooLong);
    assert_eq!(
        Filter::parse(&clause(unknown)).unwrap_err().to_string(),
        "clauses.0.operator: none of eq, ne, gt, gte, lt, lte, like and not_like"
    );
    assert_eq!(Filter::parse("").unwrap_err().to_string(), "not JSON");
}

#[test]
fn filters_are_bounded() {
    let nested = |depth: usize| {
        (1..depth).fold(r#"{"conjunction":"and","clauses":[]}"#.to_owned(), |inner, _| {
            format!(r#"{{"conjunction":"and","clauses":[{inner}]}}"#)
        })
    };
    assert!(Filter::parse(&nested(FILTER_DEPTH_MAX)).is_ok());
    let error = Filter::parse(&nested(FILTER_DEPTH_MAX + 1)).unwrap_err();
    assert_eq!(error.fault, FilterFault::TooDeep);
    let wide = |count: usize| {
        let clauses = vec![r#"{"property":"p","operator":"eq","value":1}"#; count];
        format!(r#"{{"conjunction":"and","clauses":[{}]}}"#, clauses.join(","))
    };
    assert!(Filter::parse(&wide(FILTER_CLAUSES_MAX)).is_ok());
    let error = Filter::parse(&wide(FILTER_CLAUSES_MAX + 1)).unwrap_err();
    assert_eq!(error.fault, FilterFault::TooManyClauses);
}

fn meter(aggregation: &str) -> Meter {
    Meter {
        id: MeterId(Uuid::nil()),
        number: MeterNumber(1),
        organization: OrganizationNumber(1),
        name: "calls".into(),
        filter: Filter::named("call"),
        aggregation: Aggregation::parse(aggregation).unwrap(),
        unit: MeterUnit::Scalar,
        metadata: Metadata::default(),
        created_at: Timestamp::EPOCH,
        modified_at: None,
        archived_at: None,
    }
}

#[test]
fn count_draws_one_for_each_match() {
    let mut meter = meter(r#"{"func":"count"}"#);
    assert_eq!(meter.posting(&event("{}")), Some(Posting::Draw(Draw(Decimal::ONE))));
    meter.filter = Filter::named("other");
    assert_eq!(meter.posting(&event("{}")), None);
}

#[test]
fn the_other_functions_take_numbers_only() {
    let posting = |function: &str, metadata: &str| {
        let json = format!(r#"{{"func":"{function}","property":"metadata.n"}}"#);
        meter(&json).posting(&event(metadata))
    };
    let n = Decimal::new(-15, 1);
    let of = r#"{"n":-1.5}"#;
    assert_eq!(posting("sum", of), Some(Posting::Draw(Draw(n))));
    assert_eq!(posting("max", of), Some(Posting::Max(n)));
    assert_eq!(posting("min", of), Some(Posting::Min(n)));
    assert_eq!(posting("avg", of), Some(Posting::Average(n)));
    for function in ["sum", "max", "min", "avg"] {
        for metadata in ["{}", r#"{"n":"1"}"#, r#"{"n":true}"#] {
            assert_eq!(posting(function, metadata), None);
        }
    }
}

#[test]
fn the_events_own_properties_are_numbers_only_in_their_time() {
    let posting = |property: &str| {
        meter(&format!(r#"{{"func":"sum","property":"{property}"}}"#)).posting(&event("{}"))
    };
    assert_eq!(posting("name"), None);
    assert_eq!(posting("source"), None);
    assert_eq!(posting("timestamp"), Some(Posting::Draw(Draw(Decimal::from(1_767_225_600)))));
}

#[test]
fn unique_tells_json_values_apart() {
    let hash = |value: &str| {
        let meter = meter(r#"{"func":"unique","property":"v"}"#);
        match meter.posting(&event(&format!(r#"{{"v":{value}}}"#))) {
            Some(Posting::Unique(hash)) => hash,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(hash("1"), hash("1.0"));
    assert_eq!(hash("1"), hash("10e-1"));
    assert_eq!(hash(r#""\u0061""#), hash(r#""a""#));
    let different = ["1", r#""1""#, "true", r#""true""#, "false", "0", "-1", r#""a""#, r#""A""#];
    for (place, one) in different.iter().enumerate() {
        for other in &different[..place] {
            assert_ne!(hash(one), hash(other), "{one} {other}");
        }
    }
    let cost = |json: &str| {
        meter(r#"{"func":"unique","property":"_cost"}"#)
            .posting(&event(&format!(r#"{{"_cost":{json}}}"#)))
    };
    let one = cost(r#"{"amount":1,"currency":"usd"}"#);
    assert_eq!(one, cost(r#"{"currency":"usd","amount":"1.0"}"#));
    assert_ne!(one, cost(r#"{"amount":2,"currency":"usd"}"#));
    assert_eq!(meter(r#"{"func":"unique","property":"v"}"#).posting(&event("{}")), None);
}

#[test]
fn aggregations_are_written_as_they_were_read() {
    for (json, shown) in [
        (r#"{"func":"count"}"#, "COUNT"),
        (r#"{"func":"sum","property":"tokens"}"#, "SUM tokens"),
        (r#"{"func":"max","property":"_llm.total_tokens"}"#, "MAX _llm.total_tokens"),
        (r#"{"func":"min","property":"timestamp"}"#, "MIN timestamp"),
        (r#"{"func":"avg","property":"a\"b"}"#, "AVG a\"b"),
        (r#"{"func":"unique","property":"name"}"#, "UNIQUE name"),
    ] {
        let aggregation = Aggregation::parse(json).unwrap();
        assert_eq!(
            (aggregation.to_json().as_str(), aggregation.to_string().as_str()),
            (json, shown)
        );
    }
    for (json, error) in [
        ("[]", AggregationError::NotAnAggregation),
        (r#"{"func":"median","property":"p"}"#, AggregationError::UnknownFunction),
        (r#"{"func":"sum"}"#, AggregationError::PropertyMissing),
        (r#"{"func":"sum","property":"metadata."}"#, PropertyError::Empty.into()),
    ] {
        assert_eq!(Aggregation::parse(json), Err(error));
    }
}

/// Filters as JSON, valid ones.
fn filters() -> impl Strategy<Value = String> {
    let property = prop_oneof!["name", "source", "timestamp", "[ab]", "_cost\\.amount"];
    let operator = prop_oneof!["eq", "ne", "gt", "gte", "lt", "lte", "like", "not_like"];
    let value = prop_oneof![
        any::<i32>().prop_map(|number| number.to_string()),
        any::<bool>().prop_map(|truth| truth.to_string()),
        "[a-c]{0,2}".prop_map(|text| format!("{text:?}")),
        Just(r#""call""#.to_owned()),
    ];
    let clause = (property, operator, value).prop_map(|(property, operator, value)| {
        format!(r#"{{"property":"{property}","operator":"{operator}","value":{value}}}"#)
    });
    let group = |clauses: Vec<String>, conjunction: &str| {
        format!(r#"{{"conjunction":"{conjunction}","clauses":[{}]}}"#, clauses.join(","))
    };
    let nested = clause.prop_recursive(3, 16, 4, move |inner| {
        (prop::collection::vec(inner, 0..4), prop_oneof!["and", "or"])
            .prop_map(move |(clauses, conjunction)| group(clauses, &conjunction))
    });
    prop::collection::vec(nested, 0..4)
        .prop_map(|clauses| format!(r#"{{"conjunction":"and","clauses":[{}]}}"#, clauses.join(",")))
}

proptest! {
    #[test]
    fn a_filter_survives_its_json(json in filters()) {
        let filter = filter(&json);
        prop_assert_eq!(filter.to_json(), json);
        prop_assert_eq!(Filter::parse(&filter.to_json()), Ok(filter));
    }

    #[test]
    fn what_matches_has_the_demanded_name(json in filters(), a in -2..2_i32, b in "[a-c]{1,2}") {
        let filter = filter(&json);
        let event = event(&format!(r#"{{"a":{a},"b":"{b}"}}"#));
        if let Some(names) = filter.event_names() && filter.matches(&event) {
            prop_assert!(names.contains(&event.name));
        }
    }

    #[test]
    fn no_text_panics(json in r#"[{}\[\]":,a-z0-9_. -]{0,60}"#) {
        let _ = Filter::parse(&json);
        let _ = Aggregation::parse(&json);
    }
}
