//! The roll is called through an engine with threads and files.

use tempfile::TempDir;

use super::*;
use crate::data_dir::Term;
use crate::engine::EngineOptions;
use crate::engine::call::GrantCall;
use crate::journal::sled::Durability;
use crate::meter::Aggregation;
use crate::units::Units;

const ACME: OrganizationNumber = OrganizationNumber(0);

/// More than one slice of a shard.
const CUSTOMERS: u32 = 2 * SLICE_CUSTOMERS + 10;

fn open(dir: &TempDir, shards: u16) -> Engine {
    let shards = Term::Suggested(shards);
    let options = EngineOptions { shards, durability: Durability::Os, ..EngineOptions::default() };
    Engine::open(dir.path(), &options).unwrap()
}

async fn everybody(engine: &Engine, organization: OrganizationNumber) -> Vec<CustomerView> {
    let mut all = Vec::new();
    for shard in (0..engine.shards()).map(ShardNumber) {
        let mut from = Some(CustomerNumber(0));
        while let Some(number) = from {
            let slice = engine.customers_from(organization, shard, number).await.unwrap();
            assert!(slice.customers.len() <= usize::try_from(SLICE_CUSTOMERS).unwrap());
            all.extend(slice.customers);
            from = slice.next;
        }
    }
    all
}

#[tokio::test]
async fn every_customer_is_called_once_and_only_by_its_organization() {
    let dir = TempDir::new().unwrap();
    let engine = open(&dir, 2);
    let calls = engine.create_meter(ACME, "calls", "call", Aggregation::Count).await.unwrap();
    let other = engine.create_organization("other").await.unwrap();
    let theirs = engine.create_meter(other, "calls", "call", Aggregation::Count).await.unwrap();
    let event = |number: u32| format!(r#"{{"name":"call","external_customer_id":"c{number}"}}"#);
    let events: Vec<String> = (0..CUSTOMERS).map(event).collect();
    let events: Vec<&str> = events.iter().map(String::as_str).collect();
    assert_eq!(engine.ingest(ACME, &events).await.unwrap(), (CUSTOMERS, 0));
    assert_eq!(engine.ingest(other, &events[..3]).await.unwrap(), (3, 0));

    let mut all = everybody(&engine, ACME).await;
    all.sort_unstable_by_key(|view| view.external_id[1..].parse::<u32>().unwrap());
    assert_eq!(all.len(), events.len());
    for (number, view) in all.iter().enumerate() {
        assert_eq!(*view.external_id, format!("c{number}"));
        let [meter] = view.meters[..] else { panic!("{view:?}") };
        assert_eq!((meter.meter, meter.consumed), (calls.number, 1.into()));
        assert_eq!((meter.moments.first, meter.moments.last), (view.created_at, view.created_at));
    }
    let strangers = everybody(&engine, other).await;
    assert_eq!(strangers.len(), 3);
    assert_eq!(strangers[0].meters[0].meter, theirs.number);

    let place = engine.directory().by_external_id(ACME, b"c7").unwrap();
    let seven = engine.customer_at(ACME, place).await.unwrap();
    assert_eq!(seven.as_ref(), all.get(7));
    assert_eq!(engine.customer_at(other, place).await.unwrap(), None);
    engine.drain().await.unwrap();
    assert_eq!(engine.customer_at(ACME, place).await, Err(EngineError::Stopping));
}

#[tokio::test]
async fn what_stands_there_outlives_a_snapshot_and_the_journal() {
    let dir = TempDir::new().unwrap();
    let engine = open(&dir, 1);
    let calls = engine.create_meter(ACME, "calls", "call", Aggregation::Count).await.unwrap();
    let grant = |units: u32| GrantCall {
        units: Units::new(units.into()).unwrap(),
        priority: 0,
        effective_at: None,
        expires_at: None,
    };
    engine.grant(&calls, "anna", grant(100), None).await.unwrap();
    engine.snapshot().await.unwrap();
    engine.grant(&calls, "bob", grant(5), None).await.unwrap();
    engine.use_units(&calls, "anna", Units::new(30.into()).unwrap(), None).await.unwrap();
    // A refusal moves nothing.
    engine.debit(&calls, "anna", Units::new(71.into()).unwrap(), None).await.unwrap();
    let before = everybody(&engine, ACME).await;
    let moments = before[0].meters[0].moments;
    assert!(moments.first < moments.last, "{moments:?}");
    assert_eq!(moments.first, before[0].created_at);
    let standing = |view: &CustomerView| (view.meters[0].credited, view.meters[0].consumed);
    assert_eq!(standing(&before[0]), (100.into(), 30.into()));
    assert_eq!(standing(&before[1]), (5.into(), 0.into()));
    engine.drain().await.unwrap();
    drop(engine);

    let engine = open(&dir, 1);
    assert_eq!(everybody(&engine, ACME).await, before);
    engine.drain().await.unwrap();
}
