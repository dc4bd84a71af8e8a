//! `POST /v1/events/ingest`: all of a request or nothing, counted once, durable when answered.

use super::*;

const INGEST: &str = "/v1/events/ingest";

fn event(customer: &str, more: &str) -> Value {
    let text = format!(r#"{{"name":"call","external_customer_id":"{customer}"{more}}}"#);
    serde_json::from_str(&text).unwrap()
}

fn counted(inserted: u64, duplicates: u64) -> Value {
    json!({"inserted": inserted, "duplicates": duplicates})
}

#[test]
fn events_count_once_and_are_there_when_answered() {
    let temp = TempDir::new().unwrap();
    let server = server(&temp);
    let mut redis = Caller::of(&server);
    redis.says("METER CREATE tokens EVENT call SUM tokens");
    let mut client = Client::with_token(&server, &token(&server, "ingest"));
    let ten =
        |id: &str| event("ada", &format!(r#","external_id":"{id}","metadata":{{"tokens":10.5}}"#));

    let answer = client.post(INGEST, &json!({"events": [ten("a"), ten("b"), ten("a")]}));
    assert_eq!((answer.status, answer.json()), (200, counted(2, 1)));
    assert_eq!(redis.says("BALANCE ada tokens"), "-21");
    // Another body under the same id is a duplicate all the same, and so is one on the other door.
    let other = event("ada", r#","external_id":"a","metadata":{"tokens":99}"#);
    assert_eq!(client.post(INGEST, &json!({"events": [other]})).json(), counted(0, 1));
    assert_eq!(redis.asks(&["INGEST", &ten("b").to_string()]), "0 1");
    // Events without an id never collide.
    let plain = event("ada", r#","metadata":{"tokens":1}"#);
    assert_eq!(client.post(INGEST, &json!({"events": [plain, plain]})).json(), counted(2, 0));
    assert_eq!(client.post(INGEST, &json!({"events": []})).json(), counted(0, 0));
    assert_eq!(redis.says("BALANCE ada tokens"), "-23");

    let server = server.kill().start();
    let mut client = Client::of(&server);
    assert_eq!(client.post(INGEST, &json!({"events": [ten("a"), ten("c")]})).json(), counted(1, 1));
    assert_eq!(Caller::of(&server).says("BALANCE ada tokens"), "-33.5");
}

#[test]
fn one_bad_event_stops_all_of_them() {
    let temp = TempDir::new().unwrap();
    let server = server(&temp);
    let mut redis = Caller::of(&server);
    redis.says("METER CREATE calls EVENT call");
    let mut client = Client::of(&server);
    let nobody = "5041180b-748b-4ea6-afce-2e30ea5be902";
    let bad = [
        (json!({"name": "call"}), "external_customer_id missing"),
        (json!({"external_customer_id": "ada"}), "name missing"),
        (event("ada", r#","timestamp":"2999-01-01T00:00:00Z""#), "timestamp value_error"),
        (event("ada", r#","timestamp":"2026-01-01T00:00:00""#), "timestamp timezone_aware"),
        (event("ada", r#","metadata":{"n":null}"#), "metadata.n metadata_type"),
        (event("ada", r#","metadata":{"_cost":{"amount":1}}"#), "metadata._cost.currency missing"),
        (
            event("ada", &format!(r#","organization_id":"{nobody}""#)),
            "organization_id organization_token",
        ),
        (json!({"name": "call", "customer_id": "ada"}), "customer_id uuid_parsing"),
        (json!({"name": "call", "customer_id": nobody}), "customer_id customer_id"),
    ];
    for (wrong, rule) in &bad {
        let answer = client.post(INGEST, &json!({"events": [event("ada", ""), wrong]}));
        assert_eq!(answer.faults(), [format!("body.events.1.{rule}")]);
    }
    let answer = client.post(INGEST, &json!({"events": [7, event("ada", ""), {}]}));
    let expected = [
        "body.events.0 dict_type",
        "body.events.2.name missing",
        "body.events.2.external_customer_id missing",
    ];
    assert_eq!(answer.faults(), expected);
    // What was there is given back, digit by digit.
    let text =
        r#"{"events":[{"name":"call","external_customer_id":"a","metadata":{"n":1.10e99}}]}"#;
    let answer = client.ask("POST", INGEST, &[], Some(text.as_bytes()));
    assert!(answer.body.contains(r#""input":1.10e99"#), "{answer:?}");
    let answer = client.post(INGEST, &json!({"events": [{"name": "call", "customer_id": nobody}]}));
    let fault = &answer.json()["detail"][0];
    assert_eq!((&fault["msg"], &fault["input"]), (&json!("Customer not found."), &json!(nobody)));
    // However many are wrong, the answer stays short.
    let many: Vec<Value> = (0..10_000).map(Value::from).collect();
    assert_eq!(client.post(INGEST, &json!({"events": many})).faults().len(), 64);
    assert_eq!(redis.asks(&["STATE", "ada"]), "", "nothing was taken in");
}

#[test]
fn a_customer_is_named_by_either_id() {
    let temp = TempDir::new().unwrap();
    let server = server(&temp);
    let mut redis = Caller::of(&server);
    redis.says("METER CREATE calls EVENT call");
    let mut client = Client::of(&server);
    for number in 0..20 {
        let name = format!("customer-{number}");
        assert_eq!(
            client.post(INGEST, &json!({"events": [event(&name, "")]})).json(),
            counted(1, 0)
        );
        assert_eq!(redis.says(&format!("BALANCE {name} calls")), "-1");
    }
    // Members are taken in whatever they are called.
    let member = r#","external_member_id":"m""#;
    assert_eq!(client.post(INGEST, &json!({"events": [event("m", member)]})).json(), counted(1, 0));
}

#[test]
fn an_event_that_overflows_is_named() {
    let temp = TempDir::new().unwrap();
    let server = server(&temp);
    Caller::of(&server).says("METER CREATE tokens EVENT call SUM n");
    let mut client = Client::of(&server);
    let most = format!(r#","metadata":{{"n":{}}}"#, "9".repeat(28));
    let body = format!(r#"{{"events":[{{"name":"call","external_customer_id":"eve"{most}}}]}}"#);
    let mut post = || client.ask("POST", INGEST, &[], Some(body.as_bytes()));
    assert_eq!(post().status, 200);
    assert_eq!(post().faults(), ["body.events.0 value_error"]);
}

#[test]
fn many_connections_at_once_lose_nothing() {
    let temp = TempDir::new().unwrap();
    let server = server(&temp);
    let mut redis = Caller::of(&server);
    redis.says("METER CREATE calls EVENT call");
    thread::scope(|scope| {
        for connection in 0..8 {
            let server = &server;
            scope.spawn(move || {
                let mut client = Client::of(server);
                for round in 0..10 {
                    // Every second event repeats one of its neighbour's.
                    let one = |number: u32| {
                        let id = (connection / 2) * 1_000 + round * 50 + number;
                        event(&format!("c{}", id % 7), &format!(r#","external_id":"{id}""#))
                    };
                    let events: Vec<Value> = (0..50).map(one).collect();
                    let answer = client.post(INGEST, &json!({"events": events})).json();
                    let sum = answer["inserted"].as_u64().unwrap()
                        + answer["duplicates"].as_u64().unwrap();
                    assert_eq!(sum, 50);
                }
            });
        }
    });
    let total: i64 = (0..7)
        .map(|number| redis.says(&format!("BALANCE c{number} calls")).parse::<i64>().unwrap())
        .sum();
    assert_eq!(total, -4 * 500);
}
