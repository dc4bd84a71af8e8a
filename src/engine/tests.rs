//! The engine as a program that embeds it meets it: threads, actors and files, but no sockets.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use uuid::Uuid;

use super::*;
use crate::account::{Revoke, Settlement, Turnover};
use crate::catalog::CatalogError;
use crate::engine::catalog_actor::ChangeError;
use crate::grant::{GrantTerms, Purchase, Rollover, Source};
use crate::id::{BenefitId, GrantId, MeterNumber, OrderId, SubscriptionId};
use crate::journal::sled::Durability;
use crate::meter::Aggregation;
use crate::slot::Slot;
use crate::snapshot::{WriteOptions, WriteRate};
use crate::token::{Scope, TokenText};

const ACME: OrganizationNumber = OrganizationNumber(0);

fn options(shards: u16) -> EngineOptions {
    EngineOptions {
        shards: Term::Suggested(shards),
        durability: Durability::Os,
        snapshot_interval: Duration::from_hours(1),
        snapshot_writes: WriteOptions {
            rate: WriteRate::Unlimited,
            sync_bytes: WriteOptions::SYNC_BYTES,
        },
        ..EngineOptions::default()
    }
}

fn open(dir: &Path, shards: u16) -> Engine {
    Engine::open(dir, &options(shards)).unwrap()
}

async fn tokens(engine: &Engine) -> Arc<Meter> {
    engine.create_meter(ACME, "tokens", "call", sum_of("tokens")).await.unwrap()
}

fn sum_of(property: &str) -> Aggregation {
    Aggregation::parse(&format!(r#"{{"func":"sum","property":"{property}"}}"#)).unwrap()
}

fn units(count: i64) -> Units {
    Units::new(count.into()).unwrap()
}

fn credit(count: i64) -> GrantCall {
    GrantCall { units: units(count), priority: 0, effective_at: None, expires_at: None }
}

#[expect(clippy::unnecessary_wraps, reason = "it is compared with what the engine returns")]
fn said(said: Said, balance: i64) -> Result<(Said, Balance), EngineError> {
    Ok((said, Balance(balance.into())))
}

fn customer(number: u32) -> String {
    format!("customer-{number}")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The ids of the customers in a directory that is not open, by organization and external id.
fn ids(dir: &Path) -> BTreeMap<(u64, String), String> {
    let data_dir = DataDir::open(dir).unwrap();
    let everything = offline::Extract { shard: None, customer: None, lines_max: u64::MAX };
    let mut out = Vec::new();
    offline::write_accounts(&data_dir, &everything, &mut out).unwrap();
    let lines = serde_json::Deserializer::from_slice(&out).into_iter::<serde_json::Value>();
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    lines
        .map(Result::unwrap)
        .map(|line| {
            let organization = line["organization"].as_u64().unwrap();
            ((organization, text(&line["customer"])), text(&line["customer_id"]))
        })
        .collect()
}

#[tokio::test]
async fn a_customer_from_the_first_grant_to_the_next_start() {
    let dir = TempDir::new().unwrap();
    let engine = open(dir.path(), 1);
    let meter = tokens(&engine).await;
    let (anna, key) = ("anna", Some("key-1"));
    assert_eq!(engine.balance(&meter, anna).await, Ok(Balance::default()));
    let granted = engine.grant(&meter, anna, credit(100), Some("welcome")).await;
    assert_eq!(granted, said(Said::Applied, 100));
    assert_eq!(engine.debit(&meter, anna, units(30), key).await, said(Said::Applied, 70));
    assert_eq!(engine.debit(&meter, anna, units(30), key).await, said(Said::Duplicate, 70));
    let other = engine.debit(&meter, anna, units(31), key).await;
    assert_eq!(other, Err(EngineError::KeyConflict));
    assert_eq!(engine.debit(&meter, anna, units(71), None).await, said(Said::Refused, 70));
    assert_eq!(engine.use_units(&meter, anna, units(75), None).await, said(Said::Applied, -5));
    let grants = engine.grants(&meter, anna).await.unwrap();
    assert!(grants.is_empty(), "it is spent");
    let voided = engine.void(&meter, anna, "welcome", Some("void-1")).await;
    assert_eq!(voided, said(Said::Refused, -5));
    let event = r#"{"name":"call","external_customer_id":"anna","external_id":"e","metadata":{"tokens":2}}"#;
    assert_eq!(engine.ingest(ACME, &[event, event]).await.unwrap(), (1, 1));
    let state = engine.state(ACME, anna).await.unwrap();
    let [MeterState { meter: number, credited, consumed }] = *state else { panic!("{state:?}") };
    assert_eq!((number, credited, consumed), (meter.number, 100.into(), 107.into()));
    engine.drain().await.unwrap();
    assert_eq!(engine.balance(&meter, anna).await, Err(EngineError::Stopping));
    drop(engine);

    let engine = open(dir.path(), 1);
    let again = tokens(&engine).await;
    assert_eq!((again.id, again.number), (meter.id, meter.number));
    assert_eq!(engine.balance(&meter, anna).await, Ok(Balance((-7).into())));
    assert_eq!(engine.debit(&meter, anna, units(30), key).await, said(Said::Duplicate, -7));
    assert_eq!(
        engine.void(&meter, anna, "welcome", Some("void-1")).await,
        said(Said::DuplicateRefused, -7)
    );
    assert_eq!(engine.ingest(ACME, &[event]).await.unwrap(), (0, 1));
    engine.drain().await.unwrap();
}

#[tokio::test]
async fn either_name_of_a_customer_will_do() {
    let dir = TempDir::new().unwrap();
    let engine = open(dir.path(), 3);
    let meter = tokens(&engine).await;
    for number in 0..20 {
        engine.grant(&meter, &customer(number), credit(5), None).await.unwrap();
    }
    engine.drain().await.unwrap();
    drop(engine);
    let ids = ids(dir.path());
    assert_eq!(ids.len(), 20);
    let engine = open(dir.path(), 3);
    for ((_, name), id) in &ids {
        assert_eq!(engine.balance(&meter, id).await, Ok(Balance(5.into())));
        assert_eq!(engine.debit(&meter, id, units(1), None).await, said(Said::Applied, 4));
        let event = format!(r#"{{"name":"call","customer_id":"{id}","metadata":{{"tokens":1}}}}"#);
        assert_eq!(engine.ingest(ACME, &[&event]).await.unwrap(), (1, 0));
        assert_eq!(engine.balance(&meter, name).await, Ok(Balance(3.into())));
    }
    let nobody = r#"{"name":"call","customer_id":"3b241101-e2bb-4255-8caf-4136c566a962"}"#;
    let unknown = engine.ingest(ACME, &[nobody]).await.unwrap_err();
    assert!(matches!(unknown, IngestError::Engine(EngineError::UnknownCustomer)));
    engine.drain().await.unwrap();
}

/// One at a time, an event goes to the shard of its own customer, too.
#[tokio::test]
async fn a_single_event_finds_its_shard() {
    let dir = TempDir::new().unwrap();
    let engine = open(dir.path(), 3);
    let meter = tokens(&engine).await;
    for number in 0..20 {
        let name = customer(number);
        let json = format!(
            r#"{{"name":"call","external_customer_id":"{name}","metadata":{{"tokens":1}}}}"#
        );
        let event = Event::parse(json.as_bytes(), engine.now()).unwrap();
        let mut text = Vec::new();
        let call = Call::event(event, put(&mut text, &json));
        let reply = engine.call(ACME, text.into(), call).await;
        assert_eq!(reply, Reply::Ingested { inserted: 1, duplicates: 0 });
        assert_eq!(engine.balance(&meter, &name).await, Ok(Balance((-1).into())));
    }
    engine.drain().await.unwrap();
}

#[tokio::test]
async fn every_action_of_an_account_can_be_asked_for() {
    let dir = TempDir::new().unwrap();
    let engine = open(dir.path(), 1);
    let meter = tokens(&engine).await;
    let (order, benefit) = (OrderId(Uuid::from_u128(1)), BenefitId(Uuid::from_u128(2)));
    let terms = GrantTerms {
        id: GrantId(Uuid::from_u128(3)),
        amount: 40.into(),
        priority: 0,
        effective_at: engine.now(),
        expires_at: None,
        rollover: Rollover::Ends,
        source: Source::Order { order, benefit },
    };
    let turnover = Turnover {
        subscription: SubscriptionId(Uuid::from_u128(4)),
        at: engine.now(),
        settlement: Settlement::Cleared,
        rollover: Rollover::Ends,
        credits: Vec::new(),
    };
    let revoke = Revoke { purchase: Purchase::Order(order), benefit, units: units(40) };
    for (action, key, expected) in [
        (Action::Grant(Box::new(terms)), "a", 40),
        (Action::Revoke(Box::new(revoke)), "b", 0),
        (Action::Use(crate::account::Posting::Draw(units(9).into())), "c", -9),
        (Action::Reset(Box::new(turnover.clone())), "d", 0),
        (Action::Turnover(Box::new(turnover)), "e", 0),
    ] {
        let acted = engine.act(&meter, "anna", action.clone(), Some(key)).await;
        assert_eq!(acted, said(Said::Applied, expected), "{action:?}");
        let again = engine.act(&meter, "anna", action, Some(key)).await;
        assert_eq!(again, said(Said::Duplicate, expected));
    }
    engine.drain().await.unwrap();
}

#[tokio::test]
async fn two_who_make_a_meter_at_once_get_the_same_one() {
    let dir = TempDir::new().unwrap();
    let engine = open(dir.path(), 2);
    let (one, two, three) = tokio::join!(tokens(&engine), tokens(&engine), tokens(&engine));
    assert!(one.id == two.id && two.id == three.id);
    assert_eq!(engine.catalog().meters().count(), 1);
    let differs = engine.create_meter(ACME, "tokens", "call", Aggregation::Count).await;
    assert_eq!(differs.unwrap_err(), ChangeError::Refused(CatalogError::MeterDiffers));
    // The asker is answered when every shard knows it: the next event feeds it.
    engine.create_meter(ACME, "calls", "call", Aggregation::Count).await.unwrap();
    let events: Vec<String> = (0..30)
        .map(|number| format!(r#"{{"name":"call","external_customer_id":"{}"}}"#, customer(number)))
        .collect();
    let events: Vec<&str> = events.iter().map(String::as_str).collect();
    assert_eq!(engine.ingest(ACME, &events).await.unwrap(), (30, 0));
    let state = engine.state(ACME, &customer(7)).await.unwrap();
    assert_eq!(state.len(), 1, "it has no tokens");
    engine.drain().await.unwrap();
}

/// It would be journaled, and no later start could read it.
#[tokio::test]
async fn a_meter_whose_definition_is_too_long_is_refused_and_harms_nothing() {
    let dir = TempDir::new().unwrap();
    let engine = open(dir.path(), 1);
    let too_long = Err(ChangeError::Refused(CatalogError::TooLong));
    for length in [1_001, 100_000] {
        let made = engine.create_meter(ACME, "m", &"x".repeat(length), Aggregation::Count).await;
        assert_eq!(made.map(|meter| meter.id), too_long);
    }
    let meter = tokens(&engine).await;
    engine.drain().await.unwrap();
    drop(engine);
    let engine = open(dir.path(), 1);
    assert_eq!(tokens(&engine).await.id, meter.id);
    engine.drain().await.unwrap();
}

#[tokio::test]
async fn organizations_share_nothing_but_the_machine() {
    let dir = TempDir::new().unwrap();
    let engine = open(dir.path(), 1);
    let other = engine.create_organization("other").await.unwrap();
    let taken = engine.create_organization("other").await.unwrap_err();
    assert_eq!(taken, ChangeError::Refused(CatalogError::NameTaken));
    let ours = tokens(&engine).await;
    let theirs = engine.create_meter(other, "tokens", "call", sum_of("tokens")).await.unwrap();
    assert_ne!(ours.id, theirs.id);
    engine.grant(&ours, "anna", credit(5), Some("key")).await.unwrap();
    engine.grant(&theirs, "anna", credit(7), Some("key")).await.unwrap();
    let event = r#"{"name":"call","external_customer_id":"anna","external_id":"e","metadata":{"tokens":1}}"#;
    assert_eq!(engine.ingest(ACME, &[event]).await.unwrap(), (1, 0));
    assert_eq!(engine.balance(&ours, "anna").await, Ok(Balance(4.into())));
    assert_eq!(engine.balance(&theirs, "anna").await, Ok(Balance(7.into())));
    assert_eq!(engine.ingest(other, &[event]).await.unwrap(), (1, 0));
    engine.drain().await.unwrap();
    drop(engine);
    let ids = ids(dir.path());
    let id = &ids[&(0, "anna".to_owned())];
    assert_ne!(id, &ids[&(1, "anna".to_owned())]);
    let engine = open(dir.path(), 1);
    assert_eq!(engine.balance(&ours, id).await, Ok(Balance(4.into())));
    assert_eq!(engine.balance(&theirs, id).await, Ok(Balance::default()), "it is a stranger");
    engine.drain().await.unwrap();
}

#[tokio::test]
async fn a_token_opens_until_it_is_revoked_and_that_is_kept() {
    let dir = TempDir::new().unwrap();
    let engine = open(dir.path(), 1);
    let (kept, gone) = (TokenText::mint(&[1; 32]), TokenText::mint(&[2; 32]));
    let kept_id = engine.create_token(ACME, Scope::Ingest, &kept).await.unwrap();
    let gone_id = engine.create_token(ACME, Scope::Read, &gone).await.unwrap();
    let opens = |engine: &Engine, secret: &TokenText| {
        let catalog = engine.catalog();
        catalog.token_presented(secret.as_str().as_bytes(), engine.now()).cloned()
    };
    assert!(opens(&engine, &gone).is_some());
    engine.revoke_token(gone_id).await.unwrap();
    let unknown = engine.revoke_token(gone_id).await.unwrap_err();
    assert_eq!(unknown, ChangeError::Refused(CatalogError::UnknownToken));
    engine.drain().await.unwrap();
    drop(engine);
    let engine = open(dir.path(), 1);
    let presented = opens(&engine, &kept).unwrap();
    assert_eq!((presented.id, presented.scopes), (kept_id, Scope::Ingest.into()));
    assert!(opens(&engine, &gone).is_none());
    engine.drain().await.unwrap();
}

fn asked(
    number: u32,
    call: impl FnOnce(MeterNumber) -> CallBody,
    text: &mut Vec<u8>,
    meter: &Meter,
) -> Call {
    let customer = put(text, &customer(number));
    Call { customer, key: Span::default(), body: call(meter.number) }
}

#[tokio::test]
async fn a_pipeline_over_many_shards_comes_back_in_its_order() {
    let dir = TempDir::new().unwrap();
    let engine = open(dir.path(), 3);
    let meter = tokens(&engine).await;
    let shard = |number: u32| Slot::of(customer(number).as_bytes()).shard(3);
    assert_eq!((0..50).map(shard).collect::<std::collections::BTreeSet<_>>().len(), 3);
    let mut random = crate::workload::Random::new(5);
    let mut below = |bound: u32| random.below(bound.try_into().unwrap());
    let mut session = engine.session();
    let (mut balances, mut expected) = (BTreeMap::<u32, i64>::new(), Vec::new());
    for _ in 0..60 {
        let (mut text, mut calls, mut replies) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..=below(20) {
            let number = below(50);
            let balance = balances.entry(number).or_default();
            if below(3) == 0 {
                calls.push(asked(number, CallBody::Balance, &mut text, &meter));
                replies.push(Reply::Balance((*balance).into()));
            } else {
                let used = i64::from(below(9));
                *balance -= used;
                let using = |meter| CallBody::Use { meter, units: units(used), at: None };
                calls.push(asked(number, using, &mut text, &meter));
                replies.push(Reply::verdict(Said::Applied, Balance((*balance).into())));
            }
        }
        expected.push(replies);
        session.submit(ACME, &text.into(), calls);
    }
    assert!(!session.is_idle());
    for replies in expected {
        assert_eq!(session.replies().await, replies);
    }
    assert!(session.is_idle() && session.in_flight() == 0);
    engine.drain().await.unwrap();
}

#[tokio::test]
async fn a_copy_of_the_directory_in_mid_run_holds_all_that_was_acknowledged() {
    let dir = TempDir::new().unwrap();
    let engine = open(&dir.path().join("live"), 3);
    let meter = tokens(&engine).await;
    for round in 0..4_u32 {
        for number in 0..30 {
            let key = format!("round-{round}");
            engine.use_units(&meter, &customer(number), units(2), Some(&key)).await.unwrap();
        }
        if round % 2 == 1 {
            let positions = engine.snapshot().await.unwrap();
            assert!(positions.len() == 3 && positions.iter().all(|seq| seq.0 > 0));
        }
        let copied = dir.path().join(format!("copy-{round}"));
        copy(&dir.path().join("live"), &copied);
        let reopened = open(&copied, 3);
        let expected = Balance((-2 * i64::from(round + 1)).into());
        for number in 0..30 {
            assert_eq!(reopened.balance(&meter, &customer(number)).await, Ok(expected));
        }
        let repeated = reopened.use_units(&meter, &customer(7), units(2), Some("round-0")).await;
        assert_eq!(repeated, Ok((Said::Duplicate, expected)));
        reopened.drain().await.unwrap();
    }
    engine.drain().await.unwrap();
}

#[tokio::test]
async fn a_directory_is_opened_once() {
    let dir = TempDir::new().unwrap();
    let engine = open(dir.path(), 2);
    let again = Engine::open(dir.path(), &options(2)).unwrap_err();
    assert!(matches!(again, OpenError::DataDir(crate::data_dir::DataDirError::Locked { .. })));
    engine.drain().await.unwrap();
    drop(engine);
    let asked = EngineOptions { shards: Term::Asked(3), ..options(2) };
    let differs = Engine::open(dir.path(), &asked).unwrap_err();
    assert!(matches!(differs, OpenError::DataDir(crate::data_dir::DataDirError::Differs { .. })));
    open(dir.path(), 9).drain().await.unwrap();
}

#[tokio::test]
async fn a_full_disk_refuses_writes_and_goes_on_reading() {
    let dir = TempDir::new().unwrap();
    let full = EngineOptions { reserve_bytes: u64::MAX, ..options(1) };
    let engine = Engine::open(dir.path(), &full).unwrap();
    let meter = tokens(&engine).await;
    let mut written = 0;
    while engine.use_units(&meter, "anna", units(1), None).await != Err(EngineError::DiskFull) {
        written += 1;
        assert!(written < 10_000, "the room is looked at after every commit");
    }
    assert_eq!(engine.balance(&meter, "anna").await, Ok(Balance((-written).into())));
    engine.drain().await.unwrap();
}
