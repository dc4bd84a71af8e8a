//! How long one customer's events take to come, out of many that are retained.
//!
//! `cargo bench --bench history [-- EVENTS [DIR]]` reports 10,000,000 small events of 100,000
//! customers to an engine in a folder of its own below `DIR`, or below the system's temporary
//! directory, waits until every sealed segment is indexed, and asks.

#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a bench measures, or it fails"
)]

use std::fs;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use bytes::Bytes;
use drawdown::data_dir::Term;
use drawdown::engine::call::Call;
use drawdown::engine::history::{EventOrder, EventQuery, EventTest, NamesQuery};
use drawdown::engine::reply::Reply;
use drawdown::engine::{Engine, EngineOptions};
use drawdown::event::Event;
use drawdown::id::OrganizationNumber;
use drawdown::journal::sled::Durability;
use drawdown::span::Span;
use drawdown::workload::{Shape, Skew, Workload};

/// As in the server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const EVENTS: u32 = 10_000_000;
const CUSTOMERS: NonZeroU32 = NonZeroU32::new(100_000).expect("not zero");
const UNITS_MAX: NonZeroU32 = NonZeroU32::new(100).expect("not zero");

/// Events that are reported together, and that may wait for their answer.
const GROUP_EVENTS: u32 = 500;
const IN_FLIGHT_MAX: usize = 16_384;

/// Customers that are asked for.
const ASKED: u32 = 50;

fn main() {
    // Cargo passes `--bench`.
    let mut said = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let events = said.next().map_or(EVENTS, |text| text.parse().expect("a number of events"));
    let below = said.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let dir = tempfile::tempdir_in(below).expect("temporary directory");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("runtime").block_on(measure(dir.path(), events));
}

async fn measure(dir: &Path, events: u32) {
    let options = EngineOptions {
        shards: Term::Suggested(1),
        durability: Durability::Os,
        snapshot_interval: Duration::from_hours(24),
        snapshot_records: u64::MAX,
        ..EngineOptions::default()
    };
    let engine = Engine::open(dir, &options).expect("open");
    let organization = engine.catalog().organization_named("default").expect("made").number;
    let begun = Instant::now();
    report(&engine, organization, events).await;
    println!("{events} events reported in {:.1} s", begun.elapsed().as_secs_f64());
    let begun = Instant::now();
    while unindexed(dir) > 0 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!("indexed {:.1} s later", begun.elapsed().as_secs_f64());
    let names = NamesQuery { organization, organizations: 1, customers: None };
    let names = engine.event_names(names).await.expect("names");
    assert_eq!(names.iter().map(|name| name.count).sum::<u64>(), u64::from(events));
    println!("| one customer's newest ten | total | time |");
    let mut took = Vec::new();
    for asked in 0..ASKED {
        // From all over: the workload decides who is busy.
        let customer = asked * (CUSTOMERS.get() / ASKED);
        let name = format!("c{customer:06}");
        let Some(place) = engine.directory().by_external_id(organization, name.as_bytes()) else {
            continue;
        };
        let begun = Instant::now();
        let query = EventQuery { customers: Some(vec![place]), ..all(organization) };
        let page = engine.events(query).await.expect("events");
        took.push(begun.elapsed());
        if asked.is_multiple_of(10) {
            println!("| {name} | {} | {:?} |", page.total, begun.elapsed());
        }
    }
    took.sort_unstable();
    let (median, worst) = (took.get(took.len() / 2), took.last());
    println!("median {median:?}, worst {worst:?}");
    for (what, query) in [
        ("everybody's newest ten", all(organization)),
        ("one name's", EventQuery { names: Some(vec!["page".into()]), ..all(organization) }),
    ] {
        let begun = Instant::now();
        let page = engine.events(query).await.expect("events");
        println!("{what}: {} in {:?}", page.total, begun.elapsed());
    }
    engine.drain().await.expect("drain");
}

fn all(organization: OrganizationNumber) -> EventQuery {
    EventQuery {
        organization,
        organizations: 1,
        customers: None,
        names: None,
        from: None,
        to: None,
        test: EventTest::default(),
        order: EventOrder::NewestFirst,
        skip: 0,
        limit: 10,
    }
}

async fn report(engine: &Engine, organization: OrganizationNumber, events: u32) {
    let shape = Shape { customers: CUSTOMERS, units_max: UNITS_MAX, skew: Skew::Zipf };
    let mut load = Workload::new(1, shape);
    let mut session = engine.session();
    let mut reported = 0;
    while reported < events {
        let (mut text, mut calls) = (Vec::new(), Vec::new());
        for _ in 0..GROUP_EVENTS.min(events - reported) {
            let pick = load.pick();
            let name = if pick.units.is_multiple_of(4) { "page" } else { "call" };
            let json = format!(
                r#"{{"name":"{name}","external_customer_id":"c{:06}","metadata":{{"n":{}}}}}"#,
                pick.customer, pick.units
            );
            let event = Event::parse(json.as_bytes(), engine.now()).expect("an event");
            let start = u32::try_from(text.len()).expect("a short text");
            text.extend_from_slice(json.as_bytes());
            let end = u32::try_from(text.len()).expect("a short text");
            calls.push(Call::event(event, Span { start, end }));
            reported += 1;
        }
        session.submit(organization, &Bytes::from(text), calls);
        while session.in_flight() > IN_FLIGHT_MAX {
            hear(&mut session).await;
        }
    }
    while !session.is_idle() {
        hear(&mut session).await;
    }
}

async fn hear(session: &mut drawdown::engine::session::Session) {
    for reply in session.replies().await {
        assert!(matches!(reply, Reply::Ingested { inserted: 1, .. }), "{reply:?}");
    }
}

/// Sealed segments without an index.
fn unindexed(dir: &Path) -> usize {
    let journal = dir.join("shard-000/journal");
    let segments = fs::read_dir(journal).expect("journal").filter_map(Result::ok);
    let waits = |path: &PathBuf| path.join("seal").exists() && !path.join("history").exists();
    segments.map(|entry| entry.path()).filter(waits).count()
}
