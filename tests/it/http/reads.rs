//! Meters, customer meters and customer state, as far as no SDK asks: sorting, filters, odd input,
//! and what one organization sees of another.

use super::*;

const INGEST: &str = "/v1/events/ingest";

/// A server with the meters `calls` and `tokens`, and three customers: `ada` has 100 tokens of
/// which she used 12.5, `bob` used 3 and `cy` 40; each called once.
fn populated(temp: &TempDir) -> (Server, Client, Caller) {
    let server = server(temp);
    let mut redis = Caller::of(&server);
    redis.says("METER CREATE calls EVENT call");
    redis.says("METER CREATE tokens EVENT call SUM n");
    redis.says("GRANT ada tokens 100 ID g1");
    let mut client = Client::of(&server);
    let used = [("ada", "12.5"), ("bob", "3"), ("cy", "40")];
    let events: Vec<String> = used
        .iter()
        .map(|(name, n)| {
            format!(r#"{{"name":"call","external_customer_id":"{name}","metadata":{{"n":{n}}}}}"#)
        })
        .collect();
    let body = format!(r#"{{"events":[{}]}}"#, events.join(","));
    assert_eq!(client.ask("POST", INGEST, &[], Some(body.as_bytes())).status, 200);
    (server, client, redis)
}

/// The list as `customer meter balance`, in its order.
fn lines(client: &mut Client, query: &str) -> Vec<String> {
    let answer = client.get(&format!("/v1/customer-meters/?{query}"));
    assert_eq!(answer.status, 200, "{answer:?}");
    let line = |item: &Value| {
        let (customer, meter) = (&item["customer"]["external_id"], &item["meter"]["name"]);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        format!("{} {} {}", text(customer), text(meter), item["balance"])
    };
    answer.json()["items"].as_array().unwrap().iter().map(line).collect()
}

#[test]
fn customer_meters_are_sorted_filtered_and_paged() {
    let temp = TempDir::new().unwrap();
    let (server, mut client, mut redis) = populated(&temp);
    let sorted = |sorting: &str, client: &mut Client| lines(client, &format!("sorting={sorting}"));
    assert_eq!(
        sorted("balance&sorting=meter_name", &mut client),
        [
            "cy tokens -40.0",
            "bob tokens -3.0",
            // Three with the same balance and meter: by customer id, which is random.
            &sorted("balance", &mut client)[2],
            &sorted("balance", &mut client)[3],
            &sorted("balance", &mut client)[4],
            "ada tokens 87.5",
        ]
    );
    let most = sorted("-consumed_units", &mut client);
    assert_eq!(most[..3], ["cy tokens -40.0", "ada tokens 87.5", "bob tokens -3.0"]);
    assert_eq!(sorted("-credited_units", &mut client)[0], "ada tokens 87.5");
    assert_eq!(sorted("created_at", &mut client)[0], "ada tokens 87.5");
    let names = sorted("-meter_name&sorting=-balance", &mut client);
    assert_eq!(names[..3], ["ada tokens 87.5", "bob tokens -3.0", "cy tokens -40.0"]);
    // The last one to move is the first of the list.
    redis.says("USE bob tokens 1");
    assert_eq!(lines(&mut client, "")[0], "bob tokens -4.0");
    redis.says("GRANT cy tokens 10.9");
    assert_eq!(lines(&mut client, "")[0], "cy tokens -29.1");
    // Credits are whole in Polar; the balance is exact all the same.
    let cy = client.get("/v1/customer-meters?external_customer_id=cy&sorting=-meter_name").json();
    let numbers = ["credited_units", "consumed_units", "balance"].map(|key| &cy["items"][0][key]);
    assert_eq!(numbers.map(Value::to_string), ["10", "39.1", "-29.1"]);

    let meter = cy["items"][0]["meter_id"].as_str().unwrap().to_owned();
    let ada = client.get("/v1/customers/external/ada/state").json()["id"].clone();
    let (ada, bob) = (ada.as_str().unwrap(), "external_customer_id=bob");
    let nobody = "5041180b-748b-4ea6-afce-2e30ea5be902";
    for (query, expected) in [
        (format!("meter_id={meter}"), 3),
        (format!("meter_id={nobody}"), 0),
        (format!("meter_id={nobody}&meter_id={meter}"), 3),
        (format!("customer_id={ada}"), 2),
        (format!("customer_id={ada}&customer_id={nobody}&customer_id={ada}"), 2),
        (format!("customer_id={ada}&meter_id={meter}"), 1),
        (bob.to_owned(), 2),
        (format!("{bob}&external_customer_id=cy"), 4),
        ("external_customer_id=nobody".to_owned(), 0),
        (format!("customer_id={ada}&{bob}"), 0),
        (format!("organization_id={nobody}"), 0),
        ("limit=4&page=2".to_owned(), 2),
        ("limit=4&page=3".to_owned(), 0),
        ("limit=9999".to_owned(), 6),
    ] {
        assert_eq!(lines(&mut client, &query).len(), expected, "{query}");
    }
    let pages = client.get("/v1/customer-meters/?limit=4").json()["pagination"].clone();
    assert_eq!(pages, json!({"total_count": 6, "max_page": 2}));
    let empty = client.get("/v1/customer-meters/?external_customer_id=x").json();
    assert_eq!(empty, json!({"items": [], "pagination": {"total_count": 0, "max_page": 0}}));

    // After a restart everything is as it was, ids too.
    let before = client.get("/v1/customer-meters/?sorting=balance").body;
    let server = server.kill().start();
    assert_eq!(Client::of(&server).get("/v1/customer-meters/?sorting=balance").body, before);
}

#[test]
fn odd_questions_are_told_their_fault() {
    let temp = TempDir::new().unwrap();
    let (_server, mut client, _) = populated(&temp);
    for (path, fault) in [
        ("customer-meters/?page=0", "query.page greater_than_equal"),
        ("customer-meters/?page=-3", "query.page greater_than_equal"),
        ("customer-meters/?limit=0", "query.limit greater_than_equal"),
        ("customer-meters/?limit=ten", "query.limit int_parsing"),
        ("customer-meters/?sorting=colour", "query.sorting.0 enum"),
        ("customer-meters/?sorting=balance&sorting=--balance", "query.sorting.1 enum"),
        ("customer-meters/?customer_id=ada", "query.customer_id uuid_parsing"),
        ("customer-meters/?meter_id=", "query.meter_id uuid_parsing"),
        ("customer-meters/nobody", "path.id uuid_parsing"),
        ("customers/ada/state", "path.id uuid_parsing"),
        ("meters/calls", "path.id uuid_parsing"),
        ("meters/?is_archived=perhaps", "query.is_archived bool_parsing"),
    ] {
        assert_eq!(client.get(&format!("/v1/{path}")).faults(), [fault], "{path}");
    }
    let nobody = "5041180b-748b-4ea6-afce-2e30ea5be902";
    for path in ["customer-meters", "customers", "meters"] {
        let tail = if path == "customers" { "/state" } else { "" };
        let answer = client.get(&format!("/v1/{path}/{nobody}{tail}"));
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.json(), json!({"error": "ResourceNotFound", "detail": "Not found"}));
    }
    // A page far behind the end is empty, however far.
    let far = client.get("/v1/customer-meters/?page=4294967295&limit=100").json();
    assert_eq!((&far["items"], &far["pagination"]["total_count"]), (&json!([]), &json!(6)));
}

#[test]
fn one_organization_sees_nothing_of_another() {
    let temp = TempDir::new().unwrap();
    let (server, mut client, mut redis) = populated(&temp);
    let made = redis.says("TOKEN CREATE other admin");
    let mut other = Client::with_token(&server, made.split(' ').nth(1).unwrap());
    let own = client.get("/v1/customer-meters/?external_customer_id=ada").json();
    let line = &own["items"][0];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (id, meter) = (text(&line["id"]), text(&line["meter_id"]));
    let ada = text(&line["customer_id"]);
    for path in [
        format!("customer-meters/{id}"),
        format!("meters/{meter}"),
        format!("customers/{ada}/state"),
        "customers/external/ada/state".to_owned(),
    ] {
        assert_eq!(client.get(&format!("/v1/{path}")).status, 200, "{path}");
        assert_eq!(other.get(&format!("/v1/{path}")).status, 404, "{path}");
    }
    for path in ["customer-meters/", "meters/"] {
        assert_eq!(other.get(&format!("/v1/{path}")).json()["items"], json!([]), "{path}");
    }
    let patch = json!({"name": "theirs now"}).to_string();
    let answer = other.ask("PATCH", &format!("/v1/meters/{meter}"), &[], Some(patch.as_bytes()));
    assert_eq!(answer.status, 404);
    let event = json!({"events": [{"name": "call", "customer_id": ada}]});
    assert_eq!(other.post(INGEST, &event).faults(), ["body.events.0.customer_id customer_id"]);
    // The same external id is another customer there.
    let event = json!({"events": [{"name": "call", "external_customer_id": "ada"}]});
    assert_eq!(other.post(INGEST, &event).status, 200);
    assert_ne!(text(&other.get("/v1/customers/external/ada/state").json()["id"]), ada);
}

#[test]
fn a_meter_keeps_polars_rules() {
    let temp = TempDir::new().unwrap();
    let server = server(&temp);
    let mut client = Client::of(&server);
    let named = json!({"property": "metadata.tier", "operator": "eq", "value": "gold"});
    let filter = json!({"conjunction": "and", "clauses": [named]});
    let count = json!({"func": "count"});
    let mut post = |body: Value| client.post("/v1/meters/", &body);
    let missing = ["body.name missing", "body.filter missing", "body.aggregation missing"];
    assert_eq!(post(json!({})).faults(), missing);
    let with = |key: &str, value: Value| {
        let mut body = json!({"name": "Gold", "filter": filter, "aggregation": count});
        body[key] = value;
        body
    };
    let clause =
        json!({"conjunction": "and", "clauses": [{"property": "a", "operator": "is", "value": 1}]});
    for (key, value, fault) in [
        ("name", json!("Go"), "body.name string_too_short"),
        ("name", json!(7), "body.name string_type"),
        ("name", json!("a\0b"), "body.name value_error"),
        ("filter", clause, "body.filter.clauses.0.operator value_error"),
        ("aggregation", json!({"func": "median"}), "body.aggregation value_error"),
        ("aggregation", json!({"func": "sum"}), "body.aggregation value_error"),
        ("unit", json!("litre"), "body.unit enum"),
        ("unit", json!("custom"), "body.custom_label value_error"),
        ("custom_multiplier", json!(0), "body.custom_multiplier greater_than_equal"),
        ("metadata", json!({"a": null}), "body.metadata.a value_error"),
        ("metadata", json!([]), "body.metadata value_error"),
        ("organization_id", json!("x"), "body.organization_id organization_token"),
    ] {
        assert_eq!(post(with(key, value.clone())).faults(), [fault], "{key} {value}");
    }
    let answer = post(with("metadata", json!({"n": 1.50})));
    assert_eq!(answer.status, 201);
    let made = answer.json();
    // The prefix is taken off, as Polar shows it.
    assert_eq!(made["filter"]["clauses"][0]["property"], "tier");
    let path = format!("/v1/meters/{}", made["id"].as_str().unwrap());
    let change = |client: &mut Client, body: Value| {
        client.ask("PATCH", &path, &[], Some(body.to_string().as_bytes()))
    };
    // Nothing was counted yet, so the definition may change; afterwards it may not.
    let sum = json!({"func": "sum", "property": "n"});
    let answer = change(&mut client, json!({"aggregation": sum}));
    assert_eq!((answer.status, &answer.json()["aggregation"]), (200, &sum));
    let event =
        json!({"name": "x", "external_customer_id": "ada", "metadata": {"tier": "gold", "n": 5}});
    assert_eq!(client.post(INGEST, &json!({"events": [event]})).json()["inserted"], 1);
    let answer = change(&mut client, json!({"aggregation": count}));
    assert_eq!(answer.faults(), ["body.filter forbidden"]);
    // What says the same is no change, and `null` says nothing.
    assert_eq!(change(&mut client, json!({"aggregation": sum, "name": null})).status, 200);
    let answer = change(&mut client, json!({"is_archived": true}));
    assert_eq!(answer.status, 200);
    assert!(answer.json()["archived_at"].is_string());
    // An archived meter collects nothing.
    let event =
        json!({"name": "x", "external_customer_id": "ada", "metadata": {"tier": "gold", "n": 6}});
    assert_eq!(client.post(INGEST, &json!({"events": [event]})).json()["inserted"], 1);
    let id = made["id"].as_str().unwrap();
    let line = client.get(&format!("/v1/customer-meters/?meter_id={id}")).json();
    assert_eq!(line["items"][0]["balance"].to_string(), "-5.0");
    let state = client.get("/v1/customers/external/ada/state").json();
    assert_eq!(state["active_meters"], json!([]));
}

#[test]
fn lists_are_compressed_for_those_who_read_that() {
    let temp = TempDir::new().unwrap();
    let (_server, mut client, _) = populated(&temp);
    let plain = client.get("/v1/customer-meters/");
    assert_eq!(plain.header("content-encoding"), None);
    let headers = [("accept-encoding", "gzip")];
    let squeezed = client.ask("GET", "/v1/customer-meters/", &headers, None);
    assert_eq!(squeezed.header("content-encoding"), Some("gzip"));
}
