//! `/engine/v1/` and checkouts: purchases whose payment is the caller's affair, credits and draws
//! with keys, and errors as RFC 9457 has them.

use super::sales::{Shop, text};
use super::*;

const CHECKOUTS: &str = "/v1/checkouts/";

/// Asks with a key, and gives `status verdict balance`.
fn keyed(shop: &mut Shop, path: &str, key: &str, body: &Value) -> String {
    let headers = [("idempotency-key", key)];
    let answer = shop.client.ask("POST", path, &headers, Some(body.to_string().as_bytes()));
    let told = answer.json();
    if answer.status == 200 {
        return format!("200 {} {}", text(&told["verdict"]), text(&told["balance"]));
    }
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    assert_eq!(told["status"], json!(answer.status));
    format!("{} {}", answer.status, text(&told["code"]))
}

#[test]
fn credits_and_draws_have_keys() {
    let temp = TempDir::new().unwrap();
    let mut shop = Shop::open(&temp);
    let of =
        |units: Value| json!({"external_customer_id": "ada", "meter": "tokens", "units": units});
    for (path, key, units, said) in [
        ("grants", "g1", json!(100), "200 applied 100"),
        ("grants", "g1", json!("100.0"), "200 duplicate 100"),
        ("grants", "g1", json!(99), "409 key_conflict"),
        ("debits", "d1", json!("130"), "200 refused 100"),
        ("debits", "d2", json!("0.5"), "200 applied 99.5"),
        ("debits", "d1", json!("130"), "200 duplicate-refused 99.5"),
        ("uses", "u1", json!(130), "200 applied -30.5"),
        ("uses", "u1", json!(130), "200 duplicate -30.5"),
        ("uses", "u2", json!("many"), "422 invalid"),
        ("uses", "u2", json!(0), "422 invalid"),
        ("uses", "u2", json!("-1"), "422 invalid"),
        ("uses", "", json!(1), "422 invalid"),
    ] {
        let found = keyed(&mut shop, &format!("/engine/v1/{path}"), key, &of(units.clone()));
        assert_eq!(found, said, "{path} {key} {units}");
    }
    // A key may stand in the body, where it is the same one.
    let mut body = of(json!(130));
    body["key"] = json!("u1");
    assert_eq!(shop.says(200, "POST", "/engine/v1/uses", &body)["verdict"], "duplicate");
    assert_eq!(keyed(&mut shop, "/engine/v1/uses", "u9", &body), "422 invalid");
    // Credits that burn first, and end.
    let mut promo = of(json!(50));
    promo["priority"] = json!(-1);
    promo["expires_at"] = json!("1970-01-03T00:00:00Z");
    assert_eq!(keyed(&mut shop, "/engine/v1/grants", "g2", &promo), "200 applied 19.5");
    promo["expires_at"] = json!("1969-01-03T00:00:00Z");
    assert_eq!(keyed(&mut shop, "/engine/v1/grants", "g3", &promo), "422 rule");

    let unknown = json!({"external_customer_id": "ada", "meter": "nothing", "units": 1});
    assert_eq!(keyed(&mut shop, "/engine/v1/uses", "u3", &unknown), "422 unknown_meter");
    let nobody = "5041180b-748b-4ea6-afce-2e30ea5be902";
    let unknown = json!({"customer_id": nobody, "meter": "tokens", "units": 1});
    assert_eq!(keyed(&mut shop, "/engine/v1/uses", "u3", &unknown), "422 invalid");
    assert_eq!(keyed(&mut shop, "/engine/v1/nothing", "u3", &unknown), "404 not_found");

    // Who may only read draws nothing, and nobody without a token.
    let mut reader = Client::with_token(&shop.server, &token(&shop.server, "read"));
    let refused = reader.post("/engine/v1/uses", &of(json!(1)));
    assert_eq!((refused.status, &refused.json()["code"]), (403, &json!("insufficient_scope")));
    let refused = Client::stranger(shop.server.http).get("/engine/v1/clock");
    assert_eq!(refused.status, 401);
    assert!(refused.header("www-authenticate").is_some());
    // A connection whose body was not read is closed.
    let mut reader = Client::with_token(&shop.server, &token(&shop.server, "read"));
    let moved = json!({"now": "2030-01-01T00:00:00Z"});
    assert_eq!(reader.post("/engine/v1/clock", &moved).status, 403);
}

#[test]
fn a_clock_of_the_system_is_not_moved() {
    let temp = TempDir::new().unwrap();
    let server = server(&temp);
    let answer =
        Client::of(&server).post("/engine/v1/clock", &json!({"now": "2030-01-01T00:00:00Z"}));
    assert_eq!((answer.status, &answer.json()["code"]), (409, &json!("clock_fixed")));
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    assert_eq!(answer.json()["title"], "Conflict");
}

#[test]
fn a_paid_subscription_is_the_callers_to_start() {
    let temp = TempDir::new().unwrap();
    let mut shop = Shop::open(&temp);
    let (plan, other) =
        (shop.product("Plan", Some("month"), 900), shop.product("Other", Some("year"), 0));
    let ada = shop.customer("ada");
    shop.uses("ada", 30);
    // As through a checkout, the meter counts from zero.
    let body = json!({"product_id": plan, "customer_id": ada, "key": "s1"});
    let made = shop.says(201, "POST", "/engine/v1/subscriptions", &body);
    assert_eq!(shop.standing("ada"), "100 0.0 100.0");
    assert_eq!(shop.orders(&ada), ["subscription_create paid 900"]);
    let again = shop.says(200, "POST", "/engine/v1/subscriptions", &body);
    assert_eq!(again["id"], made["id"]);
    let conflict = json!({"product_id": other, "customer_id": ada, "key": "s1"});
    let problem = shop.says(409, "POST", "/engine/v1/subscriptions", &conflict);
    assert_eq!(problem["code"], "key_conflict");

    // A payment that fails takes the credits back; one that comes late gives them again.
    shop.uses("ada", 120);
    shop.days_later(31);
    let orders = shop.orders(&ada);
    assert_eq!(orders, ["subscription_create paid 900", "subscription_cycle pending 910"]);
    let order = shop.read("/v1/orders/?limit=1")["items"][0]["id"].clone();
    let path = format!("/engine/v1/orders/{}", text(&order));
    shop.says(200, "POST", &format!("{path}/failed"), &json!({}));
    let subscription = format!("/v1/subscriptions/{}", text(&made["id"]));
    assert_eq!(shop.read(&subscription)["status"], "past_due");
    assert_eq!(shop.standing("ada"), "0 0.0 0.0");
    shop.says(200, "POST", &format!("{path}/paid"), &json!({}));
    assert_eq!(shop.read(&subscription)["status"], "active");
    assert_eq!(shop.standing("ada"), "100 0.0 100.0");

    // What is sold once is credited when it is paid for.
    let pack = shop.product("Pack", None, 700);
    let buy = json!({"product_id": pack, "customer_id": ada, "key": "o1", "payment": "awaited"});
    let order = shop.says(201, "POST", "/engine/v1/orders", &buy);
    assert_eq!(shop.says(200, "POST", "/engine/v1/orders", &buy)["id"], order["id"]);
    assert_eq!((&order["status"], &order["due_amount"]), (&json!("pending"), &json!(700)));
    assert_eq!(shop.standing("ada"), "100 0.0 100.0");
    shop.says(200, "POST", &format!("/engine/v1/orders/{}/paid", text(&order["id"])), &json!({}));
    assert_eq!(shop.standing("ada"), "200 0.0 200.0");
    let nobody = "5041180b-748b-4ea6-afce-2e30ea5be902";
    let problem = shop.says(404, "POST", &format!("/engine/v1/orders/{nobody}/paid"), &json!({}));
    assert_eq!(problem["code"], "not_found");
}

#[test]
fn a_checkout_of_a_free_product_is_confirmed_by_its_secret() {
    let temp = TempDir::new().unwrap();
    let mut shop = Shop::open(&temp);
    let (pack, plan) = (shop.product("Pack", None, 0), shop.product("Plan", Some("month"), 0));
    let ada = shop.customer("ada");
    let body = json!({"products": [pack], "external_customer_id": "ada", "metadata": {"a": 1}});
    let made = shop.says(201, "POST", CHECKOUTS, &body);
    assert_eq!((&made["status"], &made["customer_id"]), (&json!("open"), &json!(ada)));
    let path = format!("{CHECKOUTS}{}", text(&made["id"]));
    assert_eq!(shop.read(&path), made);
    let secret = text(&made["client_secret"]);

    // The secret is enough, and nothing else is.
    let mut buyer = Client::stranger(shop.server.http);
    let client = format!("{CHECKOUTS}client/{secret}");
    assert_eq!(buyer.get(&client).json()["organization"]["name"], "default");
    assert_eq!(buyer.get(&path).status, 401);
    let mut guesser = Client::stranger(shop.server.http);
    assert_eq!(guesser.post(&format!("{client}x/confirm"), &json!({})).status, 404);
    let confirmed = buyer.post(&format!("{client}/confirm"), &json!({}));
    assert_eq!((confirmed.status, &confirmed.json()["status"]), (200, &json!("confirmed")));
    let denied = buyer.post(&format!("{client}/confirm"), &json!({}));
    assert_eq!((denied.status, &denied.json()["error"]), (403, &json!("NotOpenCheckout")));
    assert_eq!(shop.read(&path)["status"], "succeeded");
    assert_eq!(shop.orders(&ada), ["purchase paid 0"]);
    let order = &shop.read("/v1/orders/")["items"][0];
    assert_eq!(order["checkout_id"], made["id"]);
    assert_eq!(shop.standing("ada"), "100 0.0 100.0");

    // Somebody new says who they are when they confirm.
    let made = shop.says(201, "POST", CHECKOUTS, &json!({"products": [pack, plan]}));
    let client = format!("{CHECKOUTS}client/{}/confirm", text(&made["client_secret"]));
    let missing = buyer.post(&client, &json!({}));
    assert_eq!(missing.faults(), ["body.customer_email missing"]);
    let body = json!({"customer_email": "bob@example.com", "product_id": plan});
    let confirmed = buyer.post(&client, &body);
    assert_eq!(confirmed.status, 200, "{confirmed:?}");
    let subscription = text(&confirmed.json()["subscription_id"]);
    let seen = shop.read(&format!("/v1/subscriptions/{subscription}"));
    assert_eq!(seen["customer"]["email"], "bob@example.com");
    assert_eq!(seen["checkout_id"], made["id"]);
    let bob = text(&seen["customer_id"]);
    assert_eq!(shop.orders(&bob), ["subscription_create paid 0"]);

    // One that waited too long is over.
    let made = shop.says(201, "POST", CHECKOUTS, &json!({"products": [pack]}));
    let client = format!("{CHECKOUTS}client/{}", text(&made["client_secret"]));
    shop.days_later(1);
    let gone =
        buyer.post(&format!("{client}/confirm"), &json!({"customer_email": "c@example.com"}));
    assert_eq!((gone.status, &gone.json()["error"]), (410, &json!("ExpiredCheckoutError")));
    assert_eq!(shop.read(&format!("{CHECKOUTS}{}", text(&made["id"])))["status"], "expired");
}

#[test]
fn a_checkout_of_what_costs_something_is_refused() {
    let temp = TempDir::new().unwrap();
    let mut shop = Shop::open(&temp);
    let (free, paid) = (shop.product("Free", None, 0), shop.product("Paid", None, 100));
    let nobody = "5041180b-748b-4ea6-afce-2e30ea5be902";
    for (body, fault) in [
        (json!({"products": [free, paid]}), "body.products.1 value_error"),
        (json!({"products": [nobody]}), "body.products.0 value_error"),
        (json!({"products": ["no"]}), "body.products.0 uuid_parsing"),
        (json!({"products": []}), "body.products value_error"),
        (json!({}), "body.products missing"),
        (json!({"products": [free], "customer_id": nobody}), "body.customer_id value_error"),
    ] {
        assert_eq!(shop.faults("POST", CHECKOUTS, &body), [fault], "{body}");
    }
}
