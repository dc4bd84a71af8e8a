//! The event history as Polar's clients read it: what was reported, once each, and nothing else.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::caller::Caller;
use crate::http::Client;
use crate::server::{Options, Server};

const INGEST: &str = "/v1/events/ingest";

fn server(temp: &TempDir) -> Server {
    Options::on(&temp.path().join("data")).with(&["--shards", "2"]).start()
}

fn report(client: &mut Client, events: &[Value]) -> Value {
    let answer = client.post(INGEST, &json!({ "events": events }));
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// An event of `customer` on 1 June 2026 at this hour.
fn event(name: &str, customer: &str, hour: u8, metadata: &Value) -> Value {
    let timestamp = format!("2026-06-01T{hour:02}:00:00Z");
    json!({
        "name": name, "external_customer_id": customer, "timestamp": timestamp,
        "metadata": metadata,
    })
}

/// The list as `hour customer name`, in its order, and how many there are in all.
fn lines(client: &mut Client, query: &str) -> (Vec<String>, u64) {
    let answer = client.get(&format!("/v1/events/?{query}"));
    assert_eq!(answer.status, 200, "{query}: {answer:?}");
    let list = answer.json();
    let line = |item: &Value| {
        let text = |key: &str| item[key].as_str().unwrap().to_owned();
        format!("{} {} {}", &text("timestamp")[11..13], text("external_customer_id"), text("name"))
    };
    let items = list["items"].as_array().unwrap();
    (items.iter().map(line).collect(), list["pagination"]["total_count"].as_u64().unwrap())
}

/// What [`populated`] reports, as [`lines`] tells it.
const ALL: [&str; 6] =
    ["12 cy call", "10 bob page", "09 ada call", "08 ada page", "07 bob call", "06 ada call"];

fn populated(temp: &TempDir) -> (Server, Client, Caller) {
    let server = server(temp);
    let mut redis = Caller::of(&server);
    redis.says("METER CREATE tokens EVENT call SUM n");
    let mut client = Client::of(&server);
    // Backdated ones come after younger ones: time decides, not arrival.
    report(
        &mut client,
        &[
            event("call", "ada", 9, &json!({"n": 5, "model": "large"})),
            event("call", "bob", 7, &json!({"n": 2.5, "model": "small", "deep": true})),
            event("page", "ada", 8, &json!({"path": "/Index"})),
        ],
    );
    report(
        &mut client,
        &[
            event("call", "cy", 12, &json!({"n": 40})),
            event("call", "ada", 6, &json!({"n": "many"})),
            event("page", "bob", 10, &json!({})),
        ],
    );
    (server, client, redis)
}

#[test]
fn events_are_listed_by_time_and_paged() {
    let temp = TempDir::new().unwrap();
    let (server, mut client, mut redis) = populated(&temp);
    let all = ALL;
    assert_eq!(lines(&mut client, ""), (all.map(str::to_owned).to_vec(), 6));
    let mut turned = all;
    turned.reverse();
    let listed = lines(&mut client, "sorting=timestamp").0;
    assert_eq!(listed, turned);
    assert_eq!(lines(&mut client, "limit=2&page=2"), (vec![all[2].into(), all[3].into()], 6));
    assert_eq!(lines(&mut client, "limit=4&page=2&sorting=timestamp").0, [all[1], all[0]]);
    assert_eq!(lines(&mut client, "page=9"), (vec![], 6));

    let cursor = client.get("/v1/events/?cursor_pagination=true&limit=4").json();
    assert_eq!(cursor["pagination"], json!({"has_next_page": true}));
    // What another organization reports is its own.
    let made = redis.says("TOKEN CREATE other admin");
    let mut other = Client::with_token(&server, made.split(' ').nth(1).unwrap());
    assert_eq!(lines(&mut other, "").1, 0);
    report(&mut other, &[event("theirs", "ada", 1, &json!({}))]);
    assert_eq!(lines(&mut other, "").0, ["01 ada theirs"]);
    assert_eq!(lines(&mut client, ""), (all.map(str::to_owned).to_vec(), 6));
    assert_eq!(names(&mut client, "sorting=name"), ["call 4 06 12", "page 2 08 10"]);
    assert_eq!(names(&mut other, ""), ["theirs 1 01 01"]);
    let id = client.get("/v1/events/").json()["items"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(client.get(&format!("/v1/events/{id}")).status, 200);
    assert_eq!(other.get(&format!("/v1/events/{id}")).status, 404);
}

#[test]
fn events_are_filtered() {
    let temp = TempDir::new().unwrap();
    let (_server, mut client, _redis) = populated(&temp);
    let all = ALL;
    let ada = client.get("/v1/customers/external/ada/state").json()["id"].clone();
    let ada = ada.as_str().unwrap();
    let meter = client.get("/v1/meters/").json()["items"][0]["id"].clone();
    let meter = meter.as_str().unwrap();
    let large =
        r#"{"conjunction":"and","clauses":[{"property":"model","operator":"eq","value":"large"}]}"#;
    let organization = client.get("/v1/meters/").json()["items"][0]["organization_id"].clone();
    let nobody = "5041180b-748b-4ea6-afce-2e30ea5be902";
    for (query, expected) in [
        ("external_customer_id=ada".to_owned(), vec![2, 3, 5]),
        (format!("customer_id={ada}"), vec![2, 3, 5]),
        (format!("customer_id={ada}&external_customer_id=bob"), vec![]),
        ("external_customer_id=ada&external_customer_id=cy&name=call".into(), vec![0, 2, 5]),
        (format!("customer_id={nobody}"), vec![]),
        ("external_customer_id=nobody".into(), vec![]),
        ("name=page".into(), vec![1, 3]),
        ("name=page&name=call".into(), vec![0, 1, 2, 3, 4, 5]),
        ("name=none".into(), vec![]),
        ("source=user".into(), vec![0, 1, 2, 3, 4, 5]),
        ("source=system".into(), vec![]),
        ("start_timestamp=2026-06-01T08:00:00Z".into(), vec![0, 1, 2, 3]),
        (
            "start_timestamp=2026-06-01T08:00:00Z&end_timestamp=2026-06-01T09:00:00Z".into(),
            vec![2, 3],
        ),
        ("end_timestamp=2026-06-01T09:30:00%2B02:00".into(), vec![4, 5]),
        ("metadata[model]=large".into(), vec![2]),
        ("metadata[model]=large&metadata[model]=small".into(), vec![2, 4]),
        ("metadata[model]=small&metadata[deep]=true&metadata[n]=2.5".into(), vec![4]),
        ("metadata[n]=many".into(), vec![5]),
        (format!("filter={large}"), vec![2]),
        // A meter counts what has a number.
        (format!("meter_id={meter}"), vec![0, 2, 4]),
        (format!("meter_id={meter}&name=page"), vec![]),
        ("query=INDEX".into(), vec![3]),
        (format!("organization_id={}", organization.as_str().unwrap()), vec![0, 1, 2, 3, 4, 5]),
        (format!("organization_id={nobody}"), vec![]),
        ("depth=0".into(), vec![0, 1, 2, 3, 4, 5]),
    ] {
        let wanted: Vec<String> =
            expected.iter().map(|place: &usize| all[*place].to_owned()).collect();
        let total = wanted.len() as u64;
        assert_eq!(lines(&mut client, &escape(&query)), (wanted, total), "{query}");
    }
}

#[test]
fn a_filter_that_breaks_a_rule_is_named() {
    let temp = TempDir::new().unwrap();
    let (_server, mut client, _redis) = populated(&temp);
    for (query, broken) in [
        ("meter_id=5041180b-748b-4ea6-afce-2e30ea5be902", "query.meter_id value_error"),
        ("meter_id=x", "query.meter_id uuid_parsing"),
        ("customer_id=x", "query.customer_id uuid_parsing"),
        ("filter=x", "query.filter value_error"),
        ("source=nobody", "query.source.0 enum"),
        ("start_timestamp=yesterday", "query.start_timestamp datetime_parsing"),
        ("end_timestamp=2026-06-01T09:00:00", "query.end_timestamp datetime_parsing"),
        ("query=ab", "query.query string_too_short"),
        ("depth=6", "query.depth int_parsing"),
        ("sorting=name", "query.sorting.0 enum"),
        ("page=100000", "query.page value_error"),
    ] {
        assert_eq!(client.get(&format!("/v1/events/?{query}")).faults(), [broken]);
    }
}

fn escape(query: &str) -> String {
    let escaped = |letter: char| match letter {
        '"' | '{' | '}' | '[' | ']' => format!("%{:02X}", u32::from(letter)),
        other => other.to_string(),
    };
    query.chars().map(escaped).collect()
}

/// The names as `name occurrences first last`.
fn names(client: &mut Client, query: &str) -> Vec<String> {
    let answer = client.get(&format!("/v1/events/names?{query}"));
    assert_eq!(answer.status, 200, "{answer:?}");
    let hour = |time: &Value| time.as_str().unwrap()[11..13].to_owned();
    let line = |item: &Value| {
        assert_eq!((&item["label"], &item["source"]), (&item["name"], &json!("user")));
        let (first, last) = (hour(&item["first_seen"]), hour(&item["last_seen"]));
        format!("{} {} {first} {last}", item["name"].as_str().unwrap(), item["occurrences"])
    };
    answer.json()["items"].as_array().unwrap().iter().map(line).collect()
}

#[test]
fn names_are_counted() {
    let temp = TempDir::new().unwrap();
    let (_server, mut client, _redis) = populated(&temp);
    assert_eq!(names(&mut client, ""), ["call 4 06 12", "page 2 08 10"]);
    assert_eq!(names(&mut client, "sorting=occurrences"), ["page 2 08 10", "call 4 06 12"]);
    assert_eq!(names(&mut client, "sorting=-first_seen&limit=1"), ["page 2 08 10"]);
    assert_eq!(names(&mut client, "query=AG"), ["page 2 08 10"]);
    assert_eq!(names(&mut client, "external_customer_id=ada"), ["call 2 06 09", "page 1 08 08"]);
    assert!(names(&mut client, "source=system").is_empty());
    assert_eq!(client.get("/v1/events/names?sorting=source").faults(), ["query.sorting.0 enum"]);
}

#[test]
fn an_event_is_shown_as_polar_shows_it() {
    let temp = TempDir::new().unwrap();
    let server = server(&temp);
    let mut client = Client::of(&server);
    let member = "9bf1d2a5-5041-4a6e-8f7d-7a1e66b4b0aa";
    let parent = "7f1f6c1e-27a7-4c38-b1dd-4b6ac7e3b1a5";
    report(&mut client, &[json!({"name": "first", "external_customer_id": "ada"})]);
    let ada = client.get("/v1/customers/external/ada/state").json()["id"].clone();
    let metadata = json!({
        "text": "a\"b\\c", "whole": 3, "part": 0.1, "flag": false,
        "_cost": {"amount": 12.5, "currency": "usd"},
        "_llm": {"vendor": "v", "model": "m", "input_tokens": 1, "output_tokens": 2, "total_tokens": 3},
    });
    report(
        &mut client,
        &[json!({
            "name": "second", "customer_id": ada, "member_id": member, "parent_id": parent,
            "timestamp": "2026-06-01T08:00:00.25Z", "external_id": "e2", "metadata": metadata,
        })],
    );
    let listed = client.get("/v1/events/?name=second").json()["items"][0].clone();
    let mut shown = metadata;
    shown["_cost"]["amount"] = json!("12.5");
    let organization = listed["organization_id"].clone();
    let id = listed["id"].as_str().unwrap().to_owned();
    assert_eq!(listed["customer"]["id"], ada);
    let mut rest = listed.clone();
    rest["customer"] = Value::Null;
    assert_eq!(
        rest,
        json!({
            "id": id, "timestamp": "2026-06-01T08:00:00.250000Z", "organization_id": organization,
            "customer_id": ada, "customer": null, "external_customer_id": "ada",
            "member_id": member, "external_member_id": null, "child_count": 0,
            "parent_id": parent, "label": "second", "name": "second", "source": "user",
            "metadata": shown,
        })
    );
    assert_eq!(client.get(&format!("/v1/events/{id}")).json(), listed);
    assert_eq!(client.get(&format!("/v1/events/{parent}")).status, 404);
    assert_eq!(client.get("/v1/events/second").faults(), ["path.id uuid_parsing"]);
    let children = client.get(&format!("/v1/events/?parent_id={parent}")).json();
    assert_eq!(children["pagination"]["total_count"], 1);
    let roots = client.get("/v1/events/?depth=0").json();
    assert_eq!(roots["items"][0]["name"], "first");
    // A child may name its parent by either id.
    let second = json!({"name": "third", "external_customer_id": "ada", "parent_id": "e2"});
    report(&mut client, &[second]);
    let children = client.get(&format!("/v1/events/?parent_id={id}")).json();
    assert_eq!(children["items"][0]["name"], "third");
}

/// Every index of the directory.
fn indexes(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(indexes(&path));
        } else if path.file_name().is_some_and(|name| name == "history") {
            found.push(path);
        }
    }
    found
}

#[test]
fn the_history_is_the_same_after_a_crash_whatever_became_of_its_indexes() {
    let temp = TempDir::new().unwrap();
    let options = Options::on(&temp.path().join("data"));
    let mut server = options.with(&["--shards", "2", "--segment-bytes-max", "1B"]).start();
    let mut client = Client::of(&server);
    let mut expected = Vec::new();
    let all = "/v1/events/?limit=100&sorting=timestamp";
    for round in 0..6_u8 {
        let named = |place: u8| {
            let mut one =
                event("call", &format!("c{}", place % 4), round * 3 + place % 3, &json!({}));
            one["external_id"] = json!(format!("k{round}-{place}"));
            one
        };
        let events: Vec<Value> = (0..6).map(named).collect();
        assert_eq!(report(&mut client, &events), json!({"inserted": 6, "duplicates": 0}));
        // A repeat is answered, and no event.
        assert_eq!(report(&mut client, &events), json!({"inserted": 0, "duplicates": 6}));
        let before = client.get(all).json();
        assert_eq!(before["pagination"]["total_count"], 6 * (u64::from(round) + 1));
        expected = before["items"].as_array().unwrap().clone();
        let options = server.kill();
        let found = indexes(options.data());
        for (place, index) in found.iter().enumerate() {
            match place % 3 {
                0 => fs::remove_file(index).unwrap(),
                1 => fs::write(index, b"DDJH").unwrap(),
                _ => {}
            }
        }
        server = options.start();
        client = Client::of(&server);
        assert_eq!(client.get(all).json()["items"].as_array().unwrap(), &expected);
    }
    let one = client.get("/v1/events/?external_customer_id=c3&limit=100").json();
    let own = expected.iter().filter(|item| item["external_customer_id"] == "c3").count();
    assert_eq!(one["items"].as_array().unwrap().len(), own);
    let (_, options) = server.stop();
    assert!(!indexes(options.data()).is_empty());
}

#[test]
fn quantities_are_measured_stretch_by_stretch() {
    let temp = TempDir::new().unwrap();
    let (_server, mut client, mut redis) = populated(&temp);
    let call = json!({"property": "name", "operator": "eq", "value": "call"});
    for (name, aggregation) in [
        ("largest", json!({"func": "max", "property": "n"})),
        ("mean", json!({"func": "avg", "property": "n"})),
        ("models", json!({"func": "unique", "property": "model"})),
        ("calls", json!({"func": "count"})),
    ] {
        let filter = json!({"conjunction": "and", "clauses": [call]});
        let meter = json!({"name": name, "filter": filter, "aggregation": aggregation});
        assert_eq!(client.post("/v1/meters/", &meter).status, 201);
    }
    let meters = client.get("/v1/meters/").json();
    let id = |name: &str| {
        let mut all = meters["items"].as_array().unwrap().iter();
        all.find(|meter| meter["name"] == name).unwrap()["id"].as_str().unwrap().to_owned()
    };
    let mut measured = |name: &str, query: &str| {
        let answer = client.get(&format!("/v1/meters/{}/quantities?{query}", id(name)));
        assert_eq!(answer.status, 200, "{answer:?}");
        let told = answer.json();
        let of = |line: &Value| {
            let time = line["timestamp"].as_str().unwrap();
            format!("{} {}", &time[11..16], line["quantity"])
        };
        let each: Vec<String> = told["quantities"].as_array().unwrap().iter().map(of).collect();
        (each, told["total"].to_string())
    };
    let hours =
        "interval=hour&start_timestamp=2026-06-01T06:30:00Z&end_timestamp=2026-06-01T09:30:00Z";
    let lines = |each: [&str; 4]| each.map(str::to_owned).to_vec();
    let expected = lines(["06:30 2.5", "07:30 0.0", "08:30 5.0", "09:30 0.0"]);
    assert_eq!(measured("tokens", hours), (expected, "7.5".into()));
    let day =
        "interval=day&start_timestamp=2026-06-01T00:00:00Z&end_timestamp=2026-06-01T23:00:00Z";
    assert_eq!(measured("tokens", day), (vec!["00:00 47.5".into()], "47.5".into()));
    assert_eq!(measured("largest", day).1, "40.0");
    assert_eq!(measured("mean", day).1, "15.833333333333");
    assert_eq!(measured("models", day).1, "2.0");
    assert_eq!(measured("calls", day).1, "4.0");
    assert_eq!(measured("calls", &format!("{day}&external_customer_id=ada")).1, "2.0");
    assert_eq!(measured("calls", &format!("{day}&metadata[model]=small")).1, "1.0");
    assert_eq!(measured("tokens", &format!("{day}&timezone=America/New_York")).1, "47.5");
    let nobody = "5041180b-748b-4ea6-afce-2e30ea5be902";
    assert_eq!(client.get(&format!("/v1/meters/{nobody}/quantities?{day}")).status, 404);
    // A direct use counts, and is no event.
    redis.says("USE ada calls 7 ID u1");
    redis.says("USE ada calls 7 ID u1");
    let year =
        "interval=year&start_timestamp=2026-01-01T00:00:00Z&end_timestamp=2030-01-01T00:00:00Z";
    let path = format!("/v1/meters/{}/quantities?{year}", id("calls"));
    assert_eq!(client.get(&path).json()["total"].to_string(), "11.0");
    assert_eq!(client.get("/v1/events/").json()["pagination"]["total_count"], 6);
}

#[test]
fn quantities_are_asked_for_by_polars_rules() {
    let temp = TempDir::new().unwrap();
    let (_server, mut client, _redis) = populated(&temp);
    let meters = client.get("/v1/meters/").json();
    let tokens = meters["items"][0]["id"].as_str().unwrap().to_owned();
    for (query, broken) in [
        ("interval=day", "query.start_timestamp missing"),
        ("interval=day&start_timestamp=2026-06-01T00:00:00Z", "query.end_timestamp missing"),
        (
            "start_timestamp=2026-06-01T00:00:00Z&end_timestamp=2026-06-02T00:00:00Z",
            "query.interval missing",
        ),
        (
            "interval=age&start_timestamp=2026-06-01T00:00:00Z&end_timestamp=2026-06-02T00:00:00Z",
            "query.interval enum",
        ),
        (
            "interval=hour&start_timestamp=2026-06-01T00:00:00Z&end_timestamp=2026-06-09T00:00:00Z",
            "query.interval value_error",
        ),
        (
            "interval=day&start_timestamp=2022-06-01T00:00:00Z&end_timestamp=2022-06-09T00:00:00Z",
            "query.start_timestamp value_error",
        ),
        (
            "interval=day&start_timestamp=2026-06-01T00:00:00Z&end_timestamp=2026-05-09T00:00:00Z",
            "query.end_timestamp value_error",
        ),
        (
            "interval=day&start_timestamp=2026-06-01T00:00:00Z&end_timestamp=2026-06-02T00:00:00Z&timezone=Mars/Base",
            "query.timezone timezone",
        ),
    ] {
        let path = format!("/v1/meters/{tokens}/quantities?{query}");
        assert_eq!(client.get(&path).faults(), [broken], "{query}");
    }
}
