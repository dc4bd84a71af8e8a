use std::path::Path;
use std::sync::Arc;

use uuid::Uuid;

use super::PurchaseError;
use crate::catalog::{NewBenefit, NewPrice, NewProduct, PriceAmount, Visibility};
use crate::customer::{BillingReason, CustomerCommand, CustomerRefusal, Start};
use crate::cycle::{Interval, IntervalUnit};
use crate::data_dir::{ClockKind, DataDir, Term, Terms};
use crate::engine::{Engine, EngineOptions};
use crate::grant::Rollover;
use crate::id::{BenefitId, CustomerId, OrganizationNumber, PriceId, ProductId, SubscriptionId};
use crate::metadata::Metadata;
use crate::meter::{Aggregation, Meter};
use crate::money::{Currency, Money, UnitPrice};
use crate::profile::{ProfileDetails, ProfileKind};
use crate::time::Timestamp;
use crate::units::Units;

const MONTHLY: Interval = Interval { unit: IntervalUnit::Month, count: 1 };

pub(super) fn open(path: &Path) -> (Engine, OrganizationNumber) {
    let terms = Terms { shards: Term::Suggested(2), clock: Term::Suggested(ClockKind::Manual) };
    let (data_dir, _) = DataDir::open_or_create(path, terms).unwrap();
    let engine = Engine::open_in(data_dir, &EngineOptions::default()).unwrap();
    let organization = engine.catalog().organization_named("default").unwrap().number;
    (engine, organization)
}

pub(super) fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

pub(super) fn units(text: &str) -> Units {
    Units::parse(text.as_bytes()).unwrap()
}

/// A meter, a product for it and a customer.
pub(super) struct Shop {
    pub(super) meter: Arc<Meter>,
    pub(super) product: ProductId,
    pub(super) anna: CustomerId,
}

/// What a token beyond the credits costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overage {
    /// Half a cent.
    Billed,
    /// Nothing.
    Free,
}

/// Sells 100 tokens a month for nothing.
pub(super) async fn shop(engine: &Engine, acme: OrganizationNumber, overage: Overage) -> Shop {
    let meter = engine.create_meter(acme, "tokens", "call", Aggregation::Count).await.unwrap();
    let price = |amount| NewPrice { id: PriceId(Uuid::new_v4()), currency: Currency::USD, amount };
    let mut prices = vec![price(PriceAmount::Fixed(Money::ZERO))];
    if overage == Overage::Billed {
        let unit_amount = UnitPrice::new("0.5".parse().unwrap()).unwrap();
        let amount = PriceAmount::MeteredUnit { meter: meter.number, unit_amount, cap: None };
        prices.push(price(amount));
    }
    let product = ProductId(Uuid::new_v4());
    let new = NewProduct {
        id: product,
        organization: acme,
        name: "plan".into(),
        description: None,
        visibility: Visibility::Public,
        billing: Some(MONTHLY),
        metering: None,
        trial: None,
        prices,
        metadata: Metadata::default(),
    };
    engine.create_product(new).await.unwrap();
    let benefit = BenefitId(Uuid::new_v4());
    let new = NewBenefit {
        id: benefit,
        organization: acme,
        description: "100 tokens".into(),
        meter: meter.number,
        units: 100,
        rollover: Rollover::Ends,
        metadata: Metadata::default(),
    };
    engine.create_benefit(new).await.unwrap();
    engine.set_product_benefits(product, vec![benefit]).await.unwrap();
    let details = ProfileDetails {
        email: "anna@example.com".into(),
        name: None,
        kind: ProfileKind::Individual,
        billing_name: None,
        billing_address: None,
        tax_id: None,
        locale: None,
        metadata: Metadata::default(),
    };
    let anna = engine.register_customer(acme, Some("anna"), details).await.unwrap().id;
    Shop { meter, product, anna }
}

pub(super) async fn balance(engine: &Engine, shop: &Shop) -> String {
    engine.balance(&shop.meter, "anna").await.unwrap().to_string()
}

/// Reason, total in cents and time of every order.
async fn orders(
    engine: &Engine,
    acme: OrganizationNumber,
    shop: &Shop,
) -> Vec<(BillingReason, i64, String)> {
    let place = engine.directory().by_id(acme, shop.anna).unwrap();
    let view = engine.customer_at(acme, place).await.unwrap().unwrap();
    let purchases = view.purchases.unwrap();
    let day = |time: Timestamp| time.to_string().chars().take(10).collect();
    purchases.orders().map(|order| (order.reason, order.total().0, day(order.created_at))).collect()
}

pub(super) async fn subscribe(
    engine: &Engine,
    acme: OrganizationNumber,
    shop: &Shop,
) -> SubscriptionId {
    engine.subscribe(acme, shop.anna, shop.product, Start::Api, None).await.unwrap()
}

#[tokio::test]
async fn a_year_of_cycles_bills_overage_and_credits_again_over_restarts() {
    let dir = tempfile::tempdir().unwrap();
    let (mut engine, acme) = open(dir.path());
    engine.move_clock(at("2026-01-31T10:00:00Z")).await.unwrap();
    let shop = shop(&engine, acme, Overage::Billed).await;
    let subscription = subscribe(&engine, acme, &shop).await;
    assert_eq!(balance(&engine, &shop).await, "100");
    let boundaries = ["02-28", "03-31", "04-30", "05-31", "06-30", "07-31", "08-31", "09-30"];
    for (month, boundary) in boundaries.into_iter().enumerate() {
        engine.use_units(&shop.meter, "anna", units("130"), None).await.unwrap();
        assert_eq!(balance(&engine, &shop).await, "-30");
        // Whether the scheduler or a read comes first makes no difference, nor does a restart.
        match month % 3 {
            0 => {
                engine.move_clock(at(&format!("2026-{boundary}T10:00:00Z"))).await.unwrap();
            }
            1 => {
                engine.drain().await.unwrap();
                drop(engine);
                engine = open(dir.path()).0;
                engine.move_clock(at(&format!("2026-{boundary}T10:00:00Z"))).await.unwrap();
            }
            _ => {
                engine.snapshot().await.unwrap();
                engine.move_clock(at(&format!("2026-{boundary}T10:00:00Z"))).await.unwrap();
            }
        }
        assert_eq!(balance(&engine, &shop).await, "100", "{boundary}");
        let orders = orders(&engine, acme, &shop).await;
        let last = orders.last().unwrap();
        // 30 tokens at half a cent.
        assert_eq!(*last, (BillingReason::SubscriptionCycle, 15, format!("2026-{boundary}")));
        assert_eq!(orders.len(), month + 1);
    }
    assert!(engine.directory().by_purchase(subscription.0).is_some());
    engine.drain().await.unwrap();
}

#[tokio::test]
async fn periods_that_were_missed_are_caught_up_one_by_one() {
    let dir = tempfile::tempdir().unwrap();
    let (engine, acme) = open(dir.path());
    engine.move_clock(at("2026-01-15T00:00:00Z")).await.unwrap();
    let shop = shop(&engine, acme, Overage::Billed).await;
    subscribe(&engine, acme, &shop).await;
    engine.use_units(&shop.meter, "anna", units("101"), None).await.unwrap();
    engine.drain().await.unwrap();
    drop(engine);

    // Nobody was here for five months.
    let (engine, _) = open(dir.path());
    engine.move_clock(at("2026-06-20T00:00:00Z")).await.unwrap();
    assert_eq!(balance(&engine, &shop).await, "100");
    let orders = orders(&engine, acme, &shop).await;
    let totals: Vec<i64> = orders.iter().map(|(_, total, _)| *total).collect();
    // Half a cent is rounded away from zero.
    assert_eq!(totals, [1, 0, 0, 0, 0]);
    engine.drain().await.unwrap();
}

#[tokio::test]
async fn without_a_metered_price_nothing_is_billed_and_cancelling_ends_it() {
    let dir = tempfile::tempdir().unwrap();
    let (engine, acme) = open(dir.path());
    engine.move_clock(at("2026-01-01T00:00:00Z")).await.unwrap();
    let shop = shop(&engine, acme, Overage::Free).await;
    let subscription = subscribe(&engine, acme, &shop).await;
    engine.use_units(&shop.meter, "anna", units("250"), None).await.unwrap();
    engine.move_clock(at("2026-02-01T00:00:00Z")).await.unwrap();
    assert_eq!(balance(&engine, &shop).await, "100");
    let cancel = CustomerCommand::CancelAtPeriodEnd { subscription };
    engine.purchase(acme, shop.anna, cancel.clone()).await.unwrap();
    let again = engine.purchase(acme, shop.anna, cancel).await;
    assert_eq!(again, Err(PurchaseError::Refused(CustomerRefusal::SubscriptionAlreadyCanceled)));
    engine.use_units(&shop.meter, "anna", units("40"), None).await.unwrap();
    engine.move_clock(at("2026-03-02T00:00:00Z")).await.unwrap();
    assert_eq!(balance(&engine, &shop).await, "0");
    engine.move_clock(at("2026-09-01T00:00:00Z")).await.unwrap();
    assert_eq!(balance(&engine, &shop).await, "0");
    let billed: i64 = orders(&engine, acme, &shop).await.iter().map(|order| order.1).sum();
    assert_eq!(billed, 0);
    engine.drain().await.unwrap();
}
