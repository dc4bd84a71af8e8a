//! Benefits and products, as far as no SDK asks: the rules that Polar has for them.

use super::*;

struct Shop {
    client: Client,
    meter: String,
    _server: Server,
}

impl Shop {
    fn open(temp: &TempDir) -> Self {
        let server = server(temp);
        let meter = Caller::of(&server).says("METER CREATE tokens EVENT call SUM n");
        Self { client: Client::of(&server), meter, _server: server }
    }

    fn benefit(&mut self, units: u32) -> String {
        let properties = json!({"units": units, "rollover": false, "meter_id": self.meter});
        let body =
            json!({"type": "meter_credit", "description": "Some tokens", "properties": properties});
        let answer = self.client.post("/v1/benefits/", &body);
        assert_eq!(answer.status, 201, "{answer:?}");
        text(&answer.json()["id"])
    }

    fn product(&mut self, more: &Value) -> Answer {
        let free = json!([{"amount_type": "fixed", "price_amount": 0}]);
        let mut body = json!({"name": "Pro", "recurring_interval": "month", "prices": free});
        for (key, value) in more.as_object().unwrap() {
            body[key] = value.clone();
        }
        self.client.post("/v1/products/", &body)
    }

    fn patch(&mut self, path: &str, body: &Value) -> Answer {
        self.client.ask("PATCH", path, &[], Some(body.to_string().as_bytes()))
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[test]
fn a_benefit_keeps_polars_rules() {
    let temp = TempDir::new().unwrap();
    let mut shop = Shop::open(&temp);
    let good = json!({"units": 10, "rollover": true, "meter_id": shop.meter});
    let mut body =
        json!({"type": "meter_credit", "description": "Some tokens", "properties": good});
    let path = "/v1/benefits/";
    let missing = ["body.type missing", "body.description missing", "body.properties missing"];
    assert_eq!(shop.client.post(path, &json!({})).faults(), missing);
    let nobody = "5041180b-748b-4ea6-afce-2e30ea5be902";
    for (place, value, fault) in [
        ("/type", json!("discord"), "body.type enum"),
        ("/description", json!("ab"), "body.description string_too_short"),
        ("/description", json!("a".repeat(43)), "body.description string_too_long"),
        ("/properties", json!([]), "body.properties dict_type"),
        ("/properties/units", json!(0), "body.properties.units greater_than_equal"),
        ("/properties/units", json!(2_147_483_648_u32), "body.properties.units less_than_equal"),
        ("/properties/units", json!(1.5), "body.properties.units int_type"),
        ("/properties/rollover", json!("no"), "body.properties.rollover bool_type"),
        ("/properties/meter_id", json!(nobody), "body.properties.meter_id value_error"),
        ("/properties/meter_id", json!("tokens"), "body.properties.meter_id uuid_parsing"),
    ] {
        let kept = std::mem::replace(body.pointer_mut(place).unwrap(), value);
        assert_eq!(shop.client.post(path, &body).faults(), [fault], "{place}");
        *body.pointer_mut(place).unwrap() = kept;
    }
    let id = text(&shop.client.post(path, &body).json()["id"]);
    // A meter that a benefit credits is not archived.
    let meter = format!("/v1/meters/{}", shop.meter);
    let archived = shop.patch(&meter, &json!({"is_archived": true}));
    assert_eq!(archived.faults(), ["body.is_archived forbidden"]);
    let deleted = shop.client.ask("DELETE", &format!("/v1/benefits/{id}"), &[], None);
    assert_eq!((deleted.status, deleted.body.as_str()), (204, ""));
    let again = shop.client.ask("DELETE", &format!("/v1/benefits/{id}"), &[], None);
    assert_eq!(again.status, 404);
    assert_eq!(shop.patch(&meter, &json!({"is_archived": true})).status, 200);
}

#[test]
fn a_product_keeps_polars_rules() {
    let temp = TempDir::new().unwrap();
    let mut shop = Shop::open(&temp);
    let meter = shop.meter.clone();
    let free = json!({"amount_type": "free"});
    let metered = |unit: Value| json!({"amount_type": "metered_unit", "meter_id": meter, "unit_amount": unit});
    for (more, fault) in [
        (json!({"name": "ab"}), "body.name string_too_short"),
        (json!({"prices": {}}), "body.prices list_type"),
        (json!({"prices": []}), "body.prices value_error"),
        (json!({"prices": [7]}), "body.prices.0 dict_type"),
        (json!({"prices": [free, {"amount_type": "custom"}]}), "body.prices.1.amount_type enum"),
        (json!({"prices": [free, free]}), "body.prices value_error"),
        (json!({"prices": [{"amount_type": "fixed"}]}), "body.prices.0.price_amount missing"),
        (
            json!({"prices": [{"amount_type": "fixed", "price_amount": -1}]}),
            "body.prices.0.price_amount greater_than_equal",
        ),
        (json!({"prices": [metered(json!(0))]}), "body.prices.0.unit_amount decimal_parsing"),
        (
            json!({"prices": [metered(json!("0.0000000000001"))]}),
            "body.prices.0.unit_amount decimal_parsing",
        ),
        (json!({"prices": [metered(json!(1)), metered(json!(2))]}), "body.prices value_error"),
        (
            json!({"recurring_interval": null, "prices": [metered(json!(1))]}),
            "body.recurring_interval value_error",
        ),
        (json!({"recurring_interval": "hour"}), "body.recurring_interval enum"),
        (
            json!({"recurring_interval_count": 0}),
            "body.recurring_interval_count greater_than_equal",
        ),
        (json!({"meter_interval": "day"}), "body.recurring_interval value_error"),
        (json!({"visibility": "secret"}), "body.visibility enum"),
    ] {
        assert_eq!(shop.product(&more).faults(), [fault], "{more}");
    }
}

#[test]
fn intervals_are_for_ever_and_prices_are_kept_by_id() {
    let temp = TempDir::new().unwrap();
    let mut shop = Shop::open(&temp);
    let meter = shop.meter.clone();
    let yearly = json!({"recurring_interval": "year", "meter_interval": "month", "trial_interval": "day", "trial_interval_count": 14});
    let made = shop.product(&yearly).json();
    let intervals =
        ["recurring_interval", "meter_interval", "trial_interval", "trial_interval_count"];
    assert_eq!(
        intervals.map(|key| made[key].clone()),
        [json!("year"), json!("month"), json!("day"), json!(14)]
    );
    let path = format!("/v1/products/{}", text(&made["id"]));
    // What recurs is for ever; saying the same is no change.
    let changed = shop.patch(&path, &json!({"recurring_interval": "month"}));
    assert_eq!(changed.faults(), ["body.recurring_interval value_error"]);
    let same = json!({"recurring_interval": "year", "trial_interval": null, "description": "Ours"});
    let same = shop.patch(&path, &same).json();
    assert_eq!((&same["trial_interval"], &same["description"]), (&json!(null), &json!("Ours")));
    // A price is kept by its id; a cent is asked for with all its decimals.
    let price = json!({"amount_type": "metered_unit", "meter_id": meter, "unit_amount": 0.25});
    let kept = text(&same["prices"][0]["id"]);
    let priced = shop.patch(&path, &json!({"prices": [{"id": kept}, price]})).json();
    assert_eq!(
        (&priced["prices"][0]["id"], &priced["prices"][1]["unit_amount"]),
        (&json!(kept), &json!("0.25"))
    );
    let strange = json!({"prices": [{"id": text(&made["id"])}]});
    assert_eq!(shop.patch(&path, &strange).faults(), ["body.prices value_error"]);
}

#[test]
fn a_product_carries_live_benefits_once_and_in_order() {
    let temp = TempDir::new().unwrap();
    let mut shop = Shop::open(&temp);
    let made = shop.product(&json!({})).json();
    let path = format!("/v1/products/{}", text(&made["id"]));
    let (ten, twenty) = (shop.benefit(10), shop.benefit(20));
    let benefits = format!("{path}/benefits");
    let carried = |answer: Answer| {
        let product = answer.json();
        product["benefits"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| text(&one["id"]))
            .collect::<Vec<_>>()
    };
    let both = shop.client.post(&benefits, &json!({"benefits": [twenty, ten]}));
    assert_eq!(carried(both), [twenty.clone(), ten.clone()]);
    let twice = shop.client.post(&benefits, &json!({"benefits": [ten, ten]}));
    assert_eq!(twice.faults(), ["body.benefits value_error"]);
    let unknown = shop.client.post(&benefits, &json!({"benefits": [ten, "x"]}));
    assert_eq!(unknown.faults(), ["body.benefits.1 uuid_parsing"]);
    // A benefit that is deleted is carried no more.
    shop.client.ask("DELETE", &format!("/v1/benefits/{twenty}"), &[], None);
    let left = shop.client.get(&path);
    assert_eq!(carried(left), [ten]);
    let gone = shop.client.post(&benefits, &json!({"benefits": [twenty]}));
    assert_eq!(gone.faults(), ["body.benefits.0 value_error"]);
}
