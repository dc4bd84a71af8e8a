use std::collections::BTreeSet;

use rust_decimal::Decimal;
use uuid::Uuid;

use super::*;
use crate::grant::{GrantTerms, Rollover, Source};
use crate::id::GrantId;
use crate::units::{Draw, Units};

const ANNA: CustomerNumber = CustomerNumber(4);
const TOKENS: MeterNumber = MeterNumber(2);
const SEED: u64 = 11;

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn debit(units: &str) -> Action {
    Action::Debit(Units::new(decimal(units)).unwrap())
}

fn uses(units: &str) -> Action {
    Action::Use(Posting::Draw(Draw(decimal(units))))
}

fn grant(units: &str, priority: i32, expires_at: Option<Timestamp>, now: i64) -> Action {
    Action::Grant(Box::new(GrantTerms {
        id: GrantId(Uuid::from_u128(9)),
        amount: decimal(units),
        priority,
        effective_at: Timestamp::EPOCH.saturating_add(now),
        expires_at,
        rollover: Rollover::Ends,
        source: Source::Manual,
    }))
}

fn fingerprint_on(meter: MeterNumber, action: &Action) -> u32 {
    EntryKey::of(SEED, ANNA, b"key", meter, action).unwrap().fingerprint
}

fn body(action: &Action) -> u32 {
    fingerprint_on(TOKENS, action)
}

#[test]
fn a_retry_has_the_same_body() {
    assert_eq!(body(&debit("2.5")), body(&debit("2.5")));
    for (one, same) in [("1", "1.0"), ("0", "0.00"), ("97.50", "97.5"), ("1000", "1000.000")] {
        assert_eq!(body(&debit(one)), body(&debit(same)));
        assert_eq!(body(&uses(one)), body(&uses(same)));
        assert_eq!(body(&grant(one, 0, None, 5)), body(&grant(same, 0, None, 5)));
    }
    assert_eq!(
        body(&grant("5", 0, None, 1)),
        body(&grant("5", 0, None, 2)),
        "the time at which it was sequenced is none of the body"
    );
}

#[test]
fn whatever_the_caller_said_otherwise_is_another_body() {
    let end = Some(Timestamp::EPOCH.saturating_add(99));
    let bodies = [
        debit("1"),
        debit("10"),
        debit("0.1"),
        debit("0"),
        uses("1"),
        uses("-1"),
        grant("1", 0, None, 0),
        grant("2", 0, None, 0),
        grant("1", 1, None, 0),
        grant("1", -1, None, 0),
        grant("1", 0, end, 0),
        Action::Void(GrantId(Uuid::from_u128(1))),
        Action::Void(GrantId(Uuid::from_u128(2))),
        Action::Advance,
        Action::Use(Posting::Max(decimal("1"))),
        Action::Use(Posting::Unique(1)),
    ];
    let different: BTreeSet<u32> = bodies.iter().map(body).collect();
    assert_eq!(different.len(), bodies.len());
    assert_ne!(body(&debit("1")), fingerprint_on(MeterNumber(3), &debit("1")));
}

#[test]
fn keys_of_events_and_commands_and_customers_are_apart() {
    let command = |customer| EntryKey::of(SEED, customer, b"key", TOKENS, &debit("1"));
    let event = |customer| {
        let record = Record::Event { customer, key: b"key", postings: Vec::new(), payload: b"{}" };
        let body = Entry::of(record, Timestamp::EPOCH, SEED).body;
        let EntryBody::Event(event) = body else { panic!("{body:?}") };
        event.key.unwrap()
    };
    let keys = [
        command(ANNA).unwrap().hash,
        command(CustomerNumber(5)).unwrap().hash,
        event(ANNA),
        event(CustomerNumber(5)),
    ];
    assert_eq!(keys.into_iter().collect::<BTreeSet<_>>().len(), keys.len());
    assert!(EntryKey::of(SEED, ANNA, b"", TOKENS, &debit("1")).is_none());
}
