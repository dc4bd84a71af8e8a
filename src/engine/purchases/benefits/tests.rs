use uuid::Uuid;

use crate::catalog::{NewBenefit, NewPrice, NewProduct, PriceAmount, Visibility};
use crate::customer::{ChangeWhen, CustomerCommand, Start, Subscribe};
use crate::cycle::{Interval, IntervalUnit};
use crate::engine::Engine;
use crate::engine::purchases::PurchaseError;
use crate::engine::purchases::tests::{Overage, Shop, at, balance, open, shop, subscribe, units};
use crate::grant::Rollover;
use crate::id::{BenefitId, OrganizationNumber, PriceId, ProductId, SubscriptionId};
use crate::metadata::Metadata;
use crate::money::{Currency, Money};
use crate::profile::{ProfileDetails, ProfileKind};

/// Reads of a balance before a test gives up on it.
const READS_MAX: usize = 10_000;

/// A benefit of so many tokens.
async fn credit(engine: &Engine, acme: OrganizationNumber, shop: &Shop, units: u32) -> BenefitId {
    let id = BenefitId(Uuid::new_v4());
    let new = NewBenefit {
        id,
        organization: acme,
        description: format!("{units} tokens").into(),
        meter: shop.meter.number,
        units,
        rollover: Rollover::Ends,
        metadata: Metadata::default(),
    };
    engine.create_benefit(new).await.unwrap();
    id
}

fn carried(engine: &Engine, product: ProductId) -> Vec<BenefitId> {
    engine.catalog().product(product).unwrap().benefits.clone()
}

#[tokio::test]
async fn subscriptions_follow_the_list_and_a_repeat_finds_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let (engine, acme) = open(dir.path());
    engine.move_clock(at("2026-01-01T00:00:00Z")).await.unwrap();
    let shop = shop(&engine, acme, Overage::Billed).await;
    subscribe(&engine, acme, &shop).await;
    engine.use_units(&shop.meter, "anna", units("30"), None).await.unwrap();
    assert_eq!(balance(&engine, &shop).await, "70");
    let hundred = carried(&engine, shop.product);

    // One more: it is granted in full, and what was there is not touched.
    let twenty = credit(&engine, acme, &shop, 20).await;
    let both = [hundred.clone(), vec![twenty]].concat();
    engine.set_product_benefits(shop.product, both).await.unwrap();
    assert_eq!(balance(&engine, &shop).await, "70");
    assert_eq!(engine.sync_benefits(acme, shop.product).await, Ok(1));
    assert_eq!(balance(&engine, &shop).await, "90");
    assert_eq!(engine.sync_benefits(acme, shop.product).await, Ok(0));
    assert_eq!(balance(&engine, &shop).await, "90");

    // In another order they are the same.
    engine.set_product_benefits(shop.product, [vec![twenty], hundred].concat()).await.unwrap();
    assert_eq!(engine.sync_benefits(acme, shop.product).await, Ok(0));

    // Without the hundred, the thirty that were used fall on what is left.
    engine.set_product_benefits(shop.product, vec![twenty]).await.unwrap();
    assert_eq!(engine.sync_benefits(acme, shop.product).await, Ok(1));
    assert_eq!(balance(&engine, &shop).await, "-10");

    // The next period is credited by the list that it begins with.
    engine.move_clock(at("2026-02-01T00:00:00Z")).await.unwrap();
    assert_eq!(balance(&engine, &shop).await, "20");
    engine.drain().await.unwrap();
}

#[tokio::test]
async fn whoever_was_not_reached_before_the_end_is_reached_at_start() {
    let dir = tempfile::tempdir().unwrap();
    let (engine, acme) = open(dir.path());
    engine.move_clock(at("2026-01-01T00:00:00Z")).await.unwrap();
    let shop = shop(&engine, acme, Overage::Free).await;
    subscribe(&engine, acme, &shop).await;
    let seven = credit(&engine, acme, &shop, 7).await;
    engine.set_product_benefits(shop.product, vec![seven]).await.unwrap();
    assert_eq!(balance(&engine, &shop).await, "100");
    engine.drain().await.unwrap();
    drop(engine);

    let (engine, _) = open(dir.path());
    let mut reads = 0;
    while balance(&engine, &shop).await != "7" {
        reads += 1;
        assert!(reads < READS_MAX, "the start reaches nobody");
    }
    assert_eq!(engine.sync_benefits(acme, shop.product).await, Ok(0));
    engine.drain().await.unwrap();
}

#[tokio::test]
async fn a_walk_reaches_everybody_on_every_shard_and_no_stranger() {
    let dir = tempfile::tempdir().unwrap();
    let (engine, acme) = open(dir.path());
    engine.move_clock(at("2026-01-01T00:00:00Z")).await.unwrap();
    let shop = shop(&engine, acme, Overage::Free).await;
    let names: Vec<String> = (0..40).map(|number| format!("customer-{number}")).collect();
    for name in &names {
        let details = ProfileDetails {
            email: format!("{name}@example.com").into(),
            name: None,
            kind: ProfileKind::Individual,
            billing_name: None,
            billing_address: None,
            tax_id: None,
            locale: None,
            metadata: Metadata::default(),
        };
        let id = engine.register_customer(acme, Some(name), details).await.unwrap().id;
        engine.subscribe(acme, id, shop.product, Start::Api, None).await.unwrap();
    }
    engine.use_units(&shop.meter, "stranger", units("1"), None).await.unwrap();
    let five = credit(&engine, acme, &shop, 5).await;
    engine.set_product_benefits(shop.product, vec![five]).await.unwrap();
    assert_eq!(engine.sync_benefits(acme, shop.product).await, Ok(40));
    for name in &names {
        assert_eq!(engine.balance(&shop.meter, name).await.unwrap().to_string(), "5", "{name}");
    }
    // Anna has bought nothing, and somebody who only draws down has not either.
    assert_eq!(balance(&engine, &shop).await, "0");
    assert_eq!(engine.balance(&shop.meter, "stranger").await.unwrap().to_string(), "-1");

    let other = engine.create_organization("other").await.unwrap();
    let theirs = engine.sync_benefits(other, shop.product).await;
    assert_eq!(theirs, Err(PurchaseError::UnknownProduct));
    engine.drain().await.unwrap();
}

/// Another plan beside the shop's, which carries nothing yet.
async fn second_plan(engine: &Engine, acme: OrganizationNumber) -> ProductId {
    let id = ProductId(Uuid::new_v4());
    let amount = PriceAmount::Fixed(Money::ZERO);
    let price = NewPrice { id: PriceId(Uuid::new_v4()), currency: Currency::USD, amount };
    let new = NewProduct {
        id,
        organization: acme,
        name: "second plan".into(),
        description: None,
        visibility: Visibility::Public,
        billing: Some(Interval { unit: IntervalUnit::Month, count: 1 }),
        metering: None,
        trial: None,
        prices: vec![price],
        metadata: Metadata::default(),
    };
    engine.create_product(new).await.unwrap();
    id
}

#[tokio::test]
async fn a_change_that_waits_takes_the_list_of_its_day_and_what_has_ended_none() {
    let dir = tempfile::tempdir().unwrap();
    let (engine, acme) = open(dir.path());
    engine.move_clock(at("2026-01-01T00:00:00Z")).await.unwrap();
    let shop = shop(&engine, acme, Overage::Free).await;
    let subscription = subscribe(&engine, acme, &shop).await;
    let second = second_plan(&engine, acme).await;
    let when = ChangeWhen::NextPeriod;
    engine.change_product(acme, shop.anna, subscription, second, when).await.unwrap();
    let forty = credit(&engine, acme, &shop, 40).await;
    engine.set_product_benefits(second, vec![forty]).await.unwrap();
    // It waits, and so nothing is granted before its time.
    assert_eq!(engine.sync_benefits(acme, second).await, Ok(0));
    assert_eq!(balance(&engine, &shop).await, "100");
    engine.move_clock(at("2026-02-01T00:00:00Z")).await.unwrap();
    assert_eq!(balance(&engine, &shop).await, "40");

    let revoke = CustomerCommand::Revoke { subscription };
    engine.purchase(acme, shop.anna, revoke).await.unwrap();
    assert_eq!(balance(&engine, &shop).await, "0");
    engine.set_product_benefits(second, Vec::new()).await.unwrap();
    assert_eq!(engine.sync_benefits(acme, second).await, Ok(0));
    assert_eq!(balance(&engine, &shop).await, "0");
    engine.drain().await.unwrap();
}

#[tokio::test]
async fn what_is_sold_while_a_list_is_edited_has_the_list_in_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let (engine, acme) = open(dir.path());
    engine.move_clock(at("2026-01-01T00:00:00Z")).await.unwrap();
    let shop = shop(&engine, acme, Overage::Free).await;
    let stale = engine.catalog().terms(shop.product).unwrap();
    let three = credit(&engine, acme, &shop, 3).await;
    engine.set_product_benefits(shop.product, vec![three]).await.unwrap();
    // Resolved before the edit, sequenced after the walk.
    let start = Subscribe {
        subscription: SubscriptionId(Uuid::new_v4()),
        terms: stale.clone().into(),
        start: Start::Api,
        trial_end: None,
    };
    engine.purchase(acme, shop.anna, CustomerCommand::Subscribe(start)).await.unwrap();
    assert_eq!(balance(&engine, &shop).await, "100");
    engine.catch_up_benefits(acme, shop.anna, &stale).await.unwrap();
    assert_eq!(balance(&engine, &shop).await, "3");
    engine.drain().await.unwrap();
}
