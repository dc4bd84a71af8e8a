//! Meters that come later, or back, count what they missed: once, also over a crash.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::http::Client;
use crate::server::{Options, Server};

/// A meter that has not caught up after so many looks never will.
const LOOKS_MAX: usize = 20_000;

fn report(client: &mut Client, events: &[(&str, Value)]) {
    let event = |(customer, metadata): &(&str, Value)| json!({"name": "call", "external_customer_id": customer, "metadata": metadata});
    let events: Vec<Value> = events.iter().map(event).collect();
    let answer = client.post("/v1/events/ingest", &json!({ "events": events }));
    assert_eq!(answer.status, 200, "{answer:?}");
}

fn meter(client: &mut Client, name: &str, aggregation: &Value) -> String {
    let call = json!({"property": "name", "operator": "eq", "value": "call"});
    let filter = json!({"conjunction": "and", "clauses": [call]});
    let meter = json!({"name": name, "filter": filter, "aggregation": aggregation});
    let made = client.post("/v1/meters/", &meter);
    assert_eq!(made.status, 201, "{made:?}");
    made.json()["id"].as_str().unwrap().to_owned()
}

/// What customers consumed on the meter, as `customer units`, by customer.
fn consumed(client: &mut Client, meter: &str) -> Vec<String> {
    let list = client.get(&format!("/v1/customer-meters/?meter_id={meter}&limit=100")).json();
    let line = |item: &Value| {
        let name = item["customer"]["external_id"].as_str().unwrap().to_owned();
        format!("{name} {}", item["consumed_units"])
    };
    let mut lines: Vec<String> = list["items"].as_array().unwrap().iter().map(line).collect();
    lines.sort();
    lines
}

fn catches_up(client: &mut Client, meter: &str, expected: &[&str]) {
    let mut found = Vec::new();
    for _ in 0..LOOKS_MAX {
        found = consumed(client, meter);
        if found == expected {
            return;
        }
    }
    assert_eq!(found, expected);
}

fn start(options: Options) -> (Server, Client) {
    let server = options.start();
    let client = Client::of(&server);
    (server, client)
}

#[test]
fn a_meter_made_later_counts_what_is_retained_once() {
    let temp = TempDir::new().unwrap();
    let options = Options::on(&temp.path().join("data"));
    let (server, mut client) = start(options.with(&["--shards", "2", "--segment-bytes-max", "1B"]));
    for round in 0..3 {
        report(
            &mut client,
            &[
                ("ada", json!({"n": round, "model": "large"})),
                ("bob", json!({"n": 2.5, "model": "small"})),
                ("cy", json!({"n": "many"})),
            ],
        );
    }
    let sum = meter(&mut client, "sum", &json!({"func": "sum", "property": "n"}));
    let count = meter(&mut client, "count", &json!({"func": "count"}));
    let most = meter(&mut client, "most", &json!({"func": "max", "property": "n"}));
    let mean = meter(&mut client, "mean", &json!({"func": "avg", "property": "n"}));
    let kinds = meter(&mut client, "kinds", &json!({"func": "unique", "property": "model"}));
    let all: [(&str, &[&str]); 5] = [
        (&sum, &["ada 3.0", "bob 7.5"]),
        (&count, &["ada 3.0", "bob 3.0", "cy 3.0"]),
        (&most, &["ada 2.0", "bob 2.5"]),
        (&mean, &["ada 1.0", "bob 2.5"]),
        (&kinds, &["ada 1.0", "bob 1.0"]),
    ];
    for (meter, expected) in all {
        catches_up(&mut client, meter, expected);
    }
    let (server, mut client) = start(server.kill());
    for (meter, expected) in all {
        catches_up(&mut client, meter, expected);
    }
    report(&mut client, &[("ada", json!({"n": 4, "model": "small"}))]);
    assert_eq!(consumed(&mut client, &sum), ["ada 7.0", "bob 7.5"]);
    assert_eq!(consumed(&mut client, &mean), ["ada 1.75", "bob 2.5"]);
    assert_eq!(consumed(&mut client, &kinds), ["ada 2.0", "bob 1.0"]);
    // Catching up is no event, and no direct use.
    let day =
        "interval=year&start_timestamp=2025-01-01T00:00:00Z&end_timestamp=2034-01-01T00:00:00Z";
    let measured = client.get(&format!("/v1/meters/{count}/quantities?{day}")).json();
    assert_eq!(measured["total"].to_string(), "10.0");
    let (status, _) = server.stop();
    assert_eq!(status.code(), Some(0));
}

#[test]
fn a_meter_that_comes_back_counts_what_came_while_it_was_archived() {
    let temp = TempDir::new().unwrap();
    let (server, mut client) = start(Options::on(&temp.path().join("data")));
    report(&mut client, &[("ada", json!({})), ("bob", json!({}))]);
    let calls = meter(&mut client, "calls", &json!({"func": "count"}));
    catches_up(&mut client, &calls, &["ada 1.0", "bob 1.0"]);
    let archive = |client: &mut Client, archived: bool| {
        let body = json!({"is_archived": archived}).to_string();
        let path = format!("/v1/meters/{calls}");
        assert_eq!(client.ask("PATCH", &path, &[], Some(body.as_bytes())).status, 200);
    };
    report(&mut client, &[("ada", json!({}))]);
    assert_eq!(consumed(&mut client, &calls), ["ada 2.0", "bob 1.0"]);
    archive(&mut client, true);
    report(&mut client, &[("ada", json!({})), ("ada", json!({})), ("cy", json!({}))]);
    assert_eq!(consumed(&mut client, &calls), ["ada 2.0", "bob 1.0"]);
    archive(&mut client, false);
    catches_up(&mut client, &calls, &["ada 4.0", "bob 1.0", "cy 1.0"]);
    let (server, mut client) = start(server.kill());
    catches_up(&mut client, &calls, &["ada 4.0", "bob 1.0", "cy 1.0"]);
    drop(server);
}
