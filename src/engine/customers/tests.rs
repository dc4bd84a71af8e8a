use crate::data_dir::Term;
use crate::engine::reply::EngineError;
use crate::engine::{Engine, EngineOptions};
use crate::id::OrganizationNumber;
use crate::metadata::Metadata;
use crate::meter::Aggregation;
use crate::profile::{ProfileChange, ProfileDetails, ProfileKind};
use crate::units::Units;

fn open(path: &std::path::Path) -> (Engine, OrganizationNumber) {
    let shards = Term::Suggested(4);
    let engine = Engine::open(path, &EngineOptions { shards, ..EngineOptions::default() }).unwrap();
    let organization = engine.catalog().organization_named("default").unwrap().number;
    (engine, organization)
}

fn details(email: &str) -> ProfileDetails {
    ProfileDetails {
        email: email.into(),
        name: None,
        kind: ProfileKind::Individual,
        billing_name: None,
        billing_address: None,
        tax_id: None,
        locale: None,
        metadata: Metadata::parse(r#"{"plan":"pro"}"#).unwrap(),
    }
}

fn email_to(email: &str) -> ProfileChange {
    ProfileChange { email: Some(email.into()), ..ProfileChange::default() }
}

fn units(text: &str) -> Units {
    Units::parse(text.as_bytes()).unwrap()
}

#[tokio::test]
async fn who_drew_before_registering_is_the_same_customer() {
    let dir = tempfile::tempdir().unwrap();
    let (engine, acme) = open(dir.path());
    let calls = engine.create_meter(acme, "calls", "call", Aggregation::Count).await.unwrap();
    engine.use_units(&calls, "anna", units("3"), None).await.unwrap();
    let anna = engine.register_customer(acme, Some("anna"), details("a@x.io")).await.unwrap();
    assert_eq!(engine.balance(&calls, "anna").await.unwrap().to_string(), "-3");
    assert_eq!(engine.balance(&calls, &anna.id.to_string()).await.unwrap().to_string(), "-3");
    // Nobody else gets the name, or the address in another case.
    let again = engine.register_customer(acme, Some("anna"), details("other@x.io")).await;
    assert_eq!(again, Err(EngineError::ExternalIdTaken));
    let same = engine.register_customer(acme, None, details("A@X.IO")).await;
    assert_eq!(same, Err(EngineError::EmailTaken));
    // What the failed attempt had asked for is free.
    engine.register_customer(acme, None, details("other@x.io")).await.unwrap();
    engine.drain().await.unwrap();
}

#[tokio::test]
async fn names_hold_over_a_restart_with_and_without_a_snapshot() {
    let dir = tempfile::tempdir().unwrap();
    let (engine, acme) = open(dir.path());
    let calls = engine.create_meter(acme, "calls", "call", Aggregation::Count).await.unwrap();
    let mut ids = Vec::new();
    for n in 0..16 {
        let email = format!("c{n}@x.io");
        let customer = engine.register_customer(acme, None, details(&email)).await.unwrap();
        let name = format!("later-{n}");
        let named =
            engine.amend_customer(acme, customer.id, Some(&name), ProfileChange::default()).await;
        assert_eq!(&*named.unwrap().external_id, name.as_str());
        // Whatever slot the name lies in, it finds its customer.
        engine.use_units(&calls, &name, units("1"), None).await.unwrap();
        ids.push(customer.id);
    }
    let renamed = engine.amend_customer(acme, ids[0], Some("other"), ProfileChange::default());
    assert_eq!(renamed.await, Err(EngineError::ExternalIdFixed));
    let taken = engine.amend_customer(acme, ids[0], None, email_to("c1@x.io")).await;
    assert_eq!(taken, Err(EngineError::EmailTaken));
    engine.snapshot().await.unwrap();
    // Behind the snapshot: an address moves on, a customer goes.
    engine.amend_customer(acme, ids[2], None, email_to("new@x.io")).await.unwrap();
    engine.delete_customer(acme, ids[3]).await.unwrap();
    let gone = engine.delete_customer(acme, ids[3]).await;
    assert_eq!(gone, Err(EngineError::UnknownCustomer));
    engine.drain().await.unwrap();
    drop(engine);

    for _ in 0..2 {
        let (engine, acme) = open(dir.path());
        for (n, id) in ids.iter().enumerate() {
            let place = engine.directory().by_id(acme, *id).unwrap();
            let view = engine.customer_at(acme, place).await.unwrap().unwrap();
            let profile = view.profile.unwrap();
            let email = if n == 2 { "new@x.io".to_owned() } else { format!("c{n}@x.io") };
            assert_eq!(&*profile.details.email, email.as_str());
            assert_eq!(profile.is_live(), n != 3);
            let found = engine.directory().by_email(acme, &email);
            assert_eq!(found, (n != 3).then_some(place), "{email}");
        }
        assert_eq!(engine.directory().by_email(acme, "c2@x.io"), None);
        assert_eq!(engine.balance(&calls, "later-5").await.unwrap().to_string(), "-1");
        // The name of the one who went is a new customer's.
        assert_eq!(engine.balance(&calls, "later-3").await.unwrap().to_string(), "0");
        engine.drain().await.unwrap();
        drop(engine);
    }
}
