//! Customers and what they buy: subscriptions, orders, benefit grants, checkouts, and what the
//! engine itself is told of them. The clock is moved by hand.

use super::*;

const DAY: i64 = 86_400;

/// A server whose clock is moved by hand.
pub(super) fn server_by_hand(temp: &TempDir) -> Server {
    Options::on(&temp.path().join("data")).with(&["--shards", "2", "--clock", "manual"]).start()
}

/// A shop: the meter `tokens`, fed by `call`s with `n`, and products that credit it.
pub(super) struct Shop {
    pub(super) server: Server,
    pub(super) client: Client,
    pub(super) meter: String,
    pub(super) benefit: String,
}

pub(super) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

impl Shop {
    pub(super) fn open(temp: &TempDir) -> Self {
        let server = server_by_hand(temp);
        let mut client = Client::of(&server);
        let filter = json!({"conjunction": "and", "clauses": [
            {"property": "name", "operator": "eq", "value": "call"}
        ]});
        let aggregation = json!({"func": "sum", "property": "n"});
        let meter = json!({"name": "tokens", "filter": filter, "aggregation": aggregation});
        let meter = text(&client.post("/v1/meters/", &meter).json()["id"]);
        let benefit = json!({
            "type": "meter_credit", "description": "100 tokens",
            "properties": {"units": 100, "rollover": false, "meter_id": meter},
        });
        let benefit = client.post("/v1/benefits/", &benefit);
        assert_eq!(benefit.status, 201, "{benefit:?}");
        let benefit = text(&benefit.json()["id"]);
        Self { server, client, meter, benefit }
    }

    /// A product with the benefit: billed each month unless it is sold once, at this price, and with
    /// half a cent for each token beyond the credits.
    pub(super) fn product(&mut self, name: &str, interval: Option<&str>, price: i64) -> String {
        let mut prices = vec![json!({"amount_type": "fixed", "price_amount": price})];
        if interval.is_some() {
            let metered = json!({
                "amount_type": "metered_unit", "meter_id": self.meter, "unit_amount": "0.5",
            });
            prices.push(metered);
        }
        let product = json!({"name": name, "prices": prices, "recurring_interval": interval});
        let product = self.says(201, "POST", "/v1/products/", &product);
        let id = text(&product["id"]);
        let benefits = json!({"benefits": [self.benefit]});
        self.says(200, "POST", &format!("/v1/products/{id}/benefits"), &benefits);
        id
    }

    pub(super) fn customer(&mut self, name: &str) -> String {
        let body = json!({"email": format!("{name}@example.com"), "external_id": name});
        text(&self.says(201, "POST", "/v1/customers/", &body)["id"])
    }

    /// Asks, and expects this status.
    pub(super) fn says(&mut self, status: u16, method: &str, path: &str, body: &Value) -> Value {
        let bytes = body.to_string();
        let body = (!body.is_null()).then_some(bytes.as_bytes());
        let answer = self.client.ask(method, path, &[], body);
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        if answer.body.is_empty() { Value::Null } else { answer.json() }
    }

    pub(super) fn read(&mut self, path: &str) -> Value {
        self.says(200, "GET", path, &Value::Null)
    }

    /// The names of broken rules.
    pub(super) fn faults(&mut self, method: &str, path: &str, body: &Value) -> Vec<String> {
        self.client.ask(method, path, &[], Some(body.to_string().as_bytes())).faults()
    }

    pub(super) fn uses(&mut self, name: &str, n: i64) {
        let event = json!({"name": "call", "external_customer_id": name, "metadata": {"n": n}});
        self.says(200, "POST", INGEST, &json!({"events": [event]}));
    }

    /// Credited, consumed and balance on the one meter.
    pub(super) fn standing(&mut self, name: &str) -> String {
        let state = self.read(&format!("/v1/customers/external/{name}/state"));
        let meters = state["active_meters"].as_array().unwrap();
        assert_eq!(meters.len(), 1, "{state}");
        let meter = &meters[0];
        format!("{} {} {}", meter["credited_units"], meter["consumed_units"], meter["balance"])
    }

    /// Moves the clock this far.
    pub(super) fn days_later(&mut self, days: i64) {
        let now = self.read("/engine/v1/clock");
        let now = drawdown::time::Timestamp::parse(&text(&now["now"])).unwrap();
        let then = now.saturating_add(days * DAY * 1_000_000).to_string();
        let moved = self.says(200, "POST", "/engine/v1/clock", &json!({"now": then}));
        assert_eq!(moved["now"], json!(then));
    }

    /// The orders of a customer, the oldest first: reason, status and total.
    pub(super) fn orders(&mut self, customer: &str) -> Vec<String> {
        let orders = self.read(&format!("/v1/orders/?customer_id={customer}&sorting=created_at"));
        let line = |order: &Value| {
            let (reason, status) = (text(&order["billing_reason"]), text(&order["status"]));
            format!("{reason} {status} {}", order["total_amount"])
        };
        orders["items"].as_array().unwrap().iter().map(line).collect()
    }
}

const INGEST: &str = "/v1/events/ingest";
const CUSTOMERS: &str = "/v1/customers/";
const SUBSCRIPTIONS: &str = "/v1/subscriptions/";

#[test]
fn a_customer_is_registered_changed_and_deleted() {
    let temp = TempDir::new().unwrap();
    let server = server_by_hand(&temp);
    let mut shop =
        Shop { client: Client::of(&server), server, meter: String::new(), benefit: String::new() };
    let body = json!({
        "email": "Ada@EXAMPLE.com", "external_id": "ada", "name": "Ada",
        "metadata": {"tier": "gold"}, "billing_address": {"country": "FR", "city": "Paris"},
    });
    let ada = shop.says(201, "POST", CUSTOMERS, &body);
    assert_eq!(ada["email"], "Ada@example.com");
    assert_eq!(ada["billing_address"]["line1"], Value::Null);
    let id = text(&ada["id"]);
    assert_eq!(shop.read(&format!("/v1/customers/{id}")), ada);
    assert_eq!(shop.read("/v1/customers/external/ada/"), ada);

    // One address and one name is one customer's.
    let again = json!({"email": "ada@example.COM"});
    assert_eq!(shop.faults("POST", CUSTOMERS, &again), ["body.email value_error"]);
    let again = json!({"email": "other@example.com", "external_id": "ada"});
    assert_eq!(shop.faults("POST", CUSTOMERS, &again), ["body.external_id value_error"]);
    let wrong = json!({"email": "ada", "name": 1, "metadata": {"k": null}});
    assert_eq!(
        shop.faults("POST", CUSTOMERS, &wrong),
        ["body.email value_error", "body.name string_type", "body.metadata.k value_error"]
    );

    // What is not named stays; an external id is given once.
    let path = format!("/v1/customers/{id}");
    let change = json!({"name": null, "email": "a@example.com", "external_id": "ada"});
    let changed = shop.says(200, "PATCH", &path, &change);
    assert_eq!(
        (&changed["name"], &changed["email"], &changed["metadata"]["tier"]),
        (&Value::Null, &json!("a@example.com"), &json!("gold"))
    );
    let other = json!({"external_id": "eve"});
    assert_eq!(shop.faults("PATCH", &path, &other), ["body.external_id value_error"]);
    let bob = shop.says(201, "POST", CUSTOMERS, &json!({"email": "bob@example.com"}));
    assert_eq!(bob["external_id"], Value::Null);
    let path_of_bob = format!("/v1/customers/{}", text(&bob["id"]));
    assert_eq!(
        shop.faults("PATCH", &path_of_bob, &json!({"email": "A@example.com"})),
        ["body.email value_error"]
    );
    assert_eq!(
        shop.faults("PATCH", &path_of_bob, &json!({"external_id": "ada"})),
        ["body.external_id value_error"]
    );
    shop.says(200, "PATCH", &path_of_bob, &json!({"external_id": "bob"}));
    assert_eq!(shop.read("/v1/customers/external/bob")["id"], bob["id"]);

    // Who is gone is gone, and its names are free.
    shop.says(204, "DELETE", "/v1/customers/external/ada", &Value::Null);
    shop.says(404, "GET", &path, &Value::Null);
    shop.says(404, "GET", "/v1/customers/external/ada", &Value::Null);
    shop.says(404, "GET", &format!("{path}/state"), &Value::Null);
    shop.says(404, "DELETE", &path, &Value::Null);
    let new =
        shop.says(201, "POST", CUSTOMERS, &json!({"email": "a@example.com", "external_id": "ada"}));
    assert_ne!(new["id"], ada["id"]);
    shop.says(204, "DELETE", &format!("{path_of_bob}?anonymize=true"), &Value::Null);
}

#[test]
fn customers_are_listed_once_they_are_registered() {
    let temp = TempDir::new().unwrap();
    let server = server_by_hand(&temp);
    let mut shop =
        Shop { client: Client::of(&server), server, meter: String::new(), benefit: String::new() };
    Caller::of(&shop.server).says("METER CREATE tokens EVENT call SUM n");
    for (name, tier) in [("ada", "gold"), ("bob", "silver"), ("cy", "gold")] {
        let email = format!("{name}@example.com");
        let body = json!({"email": email, "name": name, "metadata": {"tier": tier}});
        shop.says(201, "POST", CUSTOMERS, &body);
    }
    shop.uses("dan", 5);
    let names = |shop: &mut Shop, query: &str| -> Vec<String> {
        let listed = shop.read(&format!("{CUSTOMERS}?{query}"));
        listed["items"].as_array().unwrap().iter().map(|item| text(&item["name"])).collect()
    };
    assert_eq!(names(&mut shop, "sorting=name"), ["ada", "bob", "cy"]);
    assert_eq!(names(&mut shop, "sorting=-email"), ["cy", "bob", "ada"]);
    assert_eq!(names(&mut shop, "metadata[tier]=gold&sorting=name"), ["ada", "cy"]);
    assert_eq!(names(&mut shop, "email=BOB@example.com"), ["bob"]);
    assert_eq!(names(&mut shop, "email=nobody@example.com"), [""; 0]);
    assert_eq!(names(&mut shop, "query=Y@ex"), ["cy"]);
    assert_eq!(names(&mut shop, "active=true"), [""; 0]);
    assert_eq!(names(&mut shop, "sorting=name&limit=2&page=2"), ["cy"]);

    // Dan drew before anybody said who he is; his balance is his when somebody does.
    shop.says(404, "GET", "/v1/customers/external/dan", &Value::Null);
    assert_eq!(shop.standing("dan"), "0 5.0 -5.0");
    let dan = shop.customer("dan");
    assert_eq!(shop.read("/v1/customers/external/dan/state")["id"], json!(dan));
    assert_eq!(shop.standing("dan"), "0 5.0 -5.0");
}

#[test]
fn a_free_subscription_credits_turns_over_and_bills_what_is_beyond() {
    let temp = TempDir::new().unwrap();
    let mut shop = Shop::open(&temp);
    let (plan, ada) = (shop.product("Plan", Some("month"), 0), shop.customer("ada"));
    let body = json!({"product_id": plan, "external_customer_id": "ada"});
    let made = shop.says(201, "POST", SUBSCRIPTIONS, &body);
    let id = text(&made["id"]);
    assert_eq!((&made["status"], &made["checkout_id"]), (&json!("active"), &Value::Null));
    assert_eq!(shop.standing("ada"), "100 0.0 100.0");

    shop.uses("ada", 130);
    assert_eq!(shop.standing("ada"), "100 130.0 -30.0");
    let path = format!("{SUBSCRIPTIONS}{id}");
    let seen = shop.read(&path);
    let part = &seen["meters"][0];
    assert_eq!((&part["amount"], &part["consumed_units"]), (&json!(15), &json!(130.0)));
    assert_eq!(part["meter"]["id"], json!(shop.meter));
    let state = shop.read("/v1/customers/external/ada/state");
    assert_eq!(state["active_subscriptions"][0]["id"], json!(id));
    assert_eq!(state["active_subscriptions"][0]["meters"][0]["amount"], 15);
    let granted = &state["granted_benefits"][0];
    assert_eq!(granted["properties"]["last_credited_units"], 100);
    assert!(shop.orders(&ada).is_empty());

    // The order waits for its payment; the credits do not.
    shop.days_later(31);
    assert_eq!(shop.standing("ada"), "100 0.0 100.0");
    assert_eq!(shop.orders(&ada), ["subscription_cycle pending 15"]);
    let order = shop.read("/v1/orders/")["items"][0].clone();
    let order_id = text(&order["id"]);
    assert_eq!(order["items"].as_array().unwrap().last().unwrap()["label"], "tokens: 30 units");
    assert_eq!(order["subscription"]["id"], json!(id));
    assert_eq!(shop.read(&format!("/v1/orders/{order_id}/")), order);
    let paid = shop.says(200, "POST", &format!("/engine/v1/orders/{order_id}/paid"), &json!({}));
    assert_eq!((&paid["status"], &paid["due_amount"]), (&json!("paid"), &json!(0)));
    assert_eq!(shop.standing("ada"), "100 0.0 100.0");
    let failed = format!("/engine/v1/orders/{order_id}/failed");
    let problem = shop.says(409, "POST", &failed, &json!({}));
    assert_eq!(problem["code"], "order_already_paid");
    // Payment systems say things twice.
    shop.says(200, "POST", &format!("/engine/v1/orders/{order_id}/paid"), &json!({}));
    assert_eq!(shop.standing("ada"), "100 0.0 100.0");

    // A month without overage is billed nothing, and credited at once.
    shop.uses("ada", 40);
    shop.days_later(31);
    assert_eq!(shop.orders(&ada), ["subscription_cycle paid 15", "subscription_cycle paid 0"]);
    assert_eq!(shop.standing("ada"), "100 0.0 100.0");
}

#[test]
fn subscriptions_are_for_products_that_cost_nothing() {
    let temp = TempDir::new().unwrap();
    let mut shop = Shop::open(&temp);
    shop.customer("ada");
    let (paid, once) = (shop.product("Paid", Some("month"), 500), shop.product("Once", None, 0));
    let nobody = "5041180b-748b-4ea6-afce-2e30ea5be902";
    let of =
        |product: &str, name: &str| json!({"product_id": product, "external_customer_id": name});
    for product in [&paid, &once, nobody] {
        let faults = shop.faults("POST", SUBSCRIPTIONS, &of(product, "ada"));
        assert_eq!(faults, ["body.product_id value_error"], "{product}");
    }
    let free = shop.product("Free", Some("year"), 0);
    assert_eq!(
        shop.faults("POST", SUBSCRIPTIONS, &of(&free, "eve")),
        ["body.external_customer_id value_error"]
    );
    let by_id = json!({"product_id": free, "customer_id": nobody});
    assert_eq!(shop.faults("POST", SUBSCRIPTIONS, &by_id), ["body.customer_id value_error"]);
    assert_eq!(
        shop.faults("POST", SUBSCRIPTIONS, &json!({})),
        ["body.product_id missing", "body.customer_id missing"]
    );
    assert_eq!(shop.read(SUBSCRIPTIONS)["pagination"]["total_count"], 0);
}

#[test]
fn a_subscription_is_cancelled_moved_and_revoked() {
    let temp = TempDir::new().unwrap();
    let mut shop = Shop::open(&temp);
    let ada = shop.customer("ada");
    let (plan, other) =
        (shop.product("Plan", Some("month"), 0), shop.product("Other", Some("month"), 0));
    let made =
        shop.says(201, "POST", SUBSCRIPTIONS, &json!({"product_id": plan, "customer_id": ada}));
    let path = format!("{SUBSCRIPTIONS}{}", text(&made["id"]));

    // Cancelled at the end of the period, and not after all.
    let reasons = json!({"cancel_at_period_end": true, "customer_cancellation_reason": "unused"});
    let seen = shop.says(200, "PATCH", &path, &reasons);
    assert_eq!(
        (&seen["cancel_at_period_end"], &seen["ends_at"]),
        (&json!(true), &seen["current_period_end"])
    );
    let denied = shop.says(403, "PATCH", &path, &json!({"cancel_at_period_end": true}));
    assert_eq!(denied["error"], "AlreadyCanceledSubscription");
    let seen = shop.says(200, "PATCH", &path, &json!({"cancel_at_period_end": false}));
    assert_eq!(seen["ends_at"], Value::Null);
    shop.says(400, "PATCH", &path, &json!({"cancel_at_period_end": false}));

    // Another product, at the end of the period and now.
    let change = json!({"product_id": other, "proration_behavior": "next_period"});
    let seen = shop.says(200, "PATCH", &path, &change);
    assert_eq!(seen["pending_update"]["product_id"], json!(other));
    assert_eq!(seen["product_id"], json!(plan));
    let seen = shop.says(200, "PATCH", &path, &json!({"pending_update": null}));
    assert_eq!(seen["pending_update"], Value::Null);
    let seen = shop.says(200, "PATCH", &path, &json!({"product_id": other}));
    assert_eq!(seen["product"]["name"], "Other");

    // The end of the period, and a trial.
    let ends = json!({"current_billing_period_end": "1969-01-01T00:00:00Z"});
    let field = "body.current_billing_period_end";
    assert_eq!(shop.faults("PATCH", &path, &ends), [format!("{field} value_error")]);
    let now = text(&shop.read("/engine/v1/clock")["now"]);
    let now = drawdown::time::Timestamp::parse(&now).unwrap();
    let soon = now.saturating_add(5_000_000).to_string();
    let seen = shop.says(200, "PATCH", &path, &json!({"current_billing_period_end": soon}));
    assert_eq!(seen["current_period_end"], json!(soon));
    shop.days_later(1);
    assert_eq!(shop.read(&path)["current_period_start"], json!(soon));
    let trial = now.saturating_add(90 * DAY * 1_000_000).to_string();
    let seen = shop.says(200, "PATCH", &path, &json!({"trial_end": trial}));
    assert_eq!((&seen["status"], &seen["trial_end"]), (&json!("trialing"), &json!(trial)));
    let seen = shop.says(200, "PATCH", &path, &json!({"trial_end": "now"}));
    assert_eq!(seen["status"], "active");

    // One thing at a time, and nothing that nobody knows.
    for (body, fault) in [
        (json!({}), "body.product_id missing"),
        (json!({"revoke": false}), "body.revoke literal_error"),
        (json!({"seats": 5}), "body.seats extra_forbidden"),
        (json!({"revoke": true, "cancel_at_period_end": true}), "body.revoke extra_forbidden"),
    ] {
        assert_eq!(shop.faults("PATCH", &path, &body)[0], fault, "{body}");
    }

    let seen = shop.says(200, "DELETE", &path, &Value::Null);
    assert_eq!(seen["status"], "canceled");
    let denied = shop.says(403, "DELETE", &path, &Value::Null);
    assert_eq!(denied["error"], "AlreadyCanceledSubscription");
    shop.says(403, "PATCH", &path, &json!({"revoke": true}));
    assert_eq!(shop.standing("ada"), "0 0.0 0.0");
    let nobody = "5041180b-748b-4ea6-afce-2e30ea5be902";
    shop.says(404, "DELETE", &format!("{SUBSCRIPTIONS}{nobody}"), &Value::Null);
}

#[test]
fn lists_of_what_was_bought_are_filtered() {
    let temp = TempDir::new().unwrap();
    let mut shop = Shop::open(&temp);
    let (plan, pack) = (shop.product("Plan", Some("month"), 0), shop.product("Pack", None, 0));
    for name in ["ada", "bob"] {
        shop.customer(name);
        let body = json!({"product_id": plan, "external_customer_id": name});
        let id = text(&shop.says(201, "POST", SUBSCRIPTIONS, &body)["id"]);
        if name == "bob" {
            shop.says(200, "DELETE", &format!("{SUBSCRIPTIONS}{id}"), &Value::Null);
        }
        let buy = json!({"product_id": pack, "external_customer_id": name, "payment": "received"});
        shop.says(201, "POST", "/engine/v1/orders", &buy);
    }
    let count = |shop: &mut Shop, path: &str| {
        shop.read(path)["pagination"]["total_count"].as_u64().unwrap()
    };
    let benefit = shop.benefit.clone();
    for (path, expected) in [
        ("/v1/subscriptions/", 2),
        ("/v1/subscriptions/?active=true", 1),
        ("/v1/subscriptions/?status=canceled", 1),
        ("/v1/subscriptions/?external_customer_id=ada&active=false", 0),
        ("/v1/orders/", 2),
        ("/v1/orders/?product_billing_type=recurring", 0),
        ("/v1/orders/?product_billing_type=one_time&external_customer_id=ada", 1),
        ("/v1/benefit-grants/", 4),
        ("/v1/benefit-grants/?is_granted=true", 3),
        ("/v1/benefit-grants/?external_customer_id=bob&is_granted=false", 1),
        (&format!("/v1/benefits/{benefit}/grants?is_granted=true"), 3),
        (&format!("/v1/subscriptions/?product_id={plan}"), 2),
        (&format!("/v1/subscriptions/?product_id={pack}"), 0),
    ] {
        assert_eq!(count(&mut shop, path), expected, "{path}");
    }
    let sorted = shop.read("/v1/orders/?sorting=customer");
    let names: Vec<&Value> =
        sorted["items"].as_array().unwrap().iter().map(|o| &o["customer"]["external_id"]).collect();
    assert_eq!(names, ["ada", "bob"]);
    assert_eq!(shop.client.get("/v1/subscriptions/?status=odd&").faults(), ["query.status enum"]);
    assert_eq!(shop.client.get("/v1/orders/?sorting=odd").faults(), ["query.sorting.0 enum"]);
    let nobody = "5041180b-748b-4ea6-afce-2e30ea5be902";
    shop.says(404, "GET", &format!("/v1/benefits/{nobody}/grants"), &Value::Null);

    // With the customer goes what it had; its orders stay.
    shop.says(204, "DELETE", "/v1/customers/external/ada", &Value::Null);
    assert_eq!(count(&mut shop, "/v1/subscriptions/?active=true"), 0);
    assert_eq!(count(&mut shop, "/v1/benefit-grants/?is_granted=true"), 1);
    assert_eq!(count(&mut shop, "/v1/orders/"), 2);
}
