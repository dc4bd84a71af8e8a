//! How long it takes when every subscription turns over at the same instant, and what that does to
//! those who ask meanwhile.
//!
//! `cargo bench --bench turnovers [-- DIR [SUBSCRIPTIONS]]` works in a folder of its own below `DIR`,
//! or below the system's temporary directory.

#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a bench measures, or it fails"
)]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use drawdown::catalog::{NewBenefit, NewPrice, NewProduct, PriceAmount, Visibility};
use drawdown::customer::{CustomerCommand, CustomerVerdict, Start, Subscribe};
use drawdown::cycle::{Interval, IntervalUnit};
use drawdown::data_dir::{ClockKind, DataDir, Term, Terms};
use drawdown::engine::call::{Call, CallBody};
use drawdown::engine::reply::Reply;
use drawdown::engine::{Engine, EngineOptions};
use drawdown::grant::Rollover;
use drawdown::id::{BenefitId, OrganizationNumber, PriceId, ProductId, SubscriptionId};
use drawdown::metadata::Metadata;
use drawdown::meter::{Aggregation, Meter};
use drawdown::money::{Currency, Money, UnitPrice};
use drawdown::product::ProductTerms;
use drawdown::span::Span;
use drawdown::time::Timestamp;
use drawdown::units::Units;
use hdrhistogram::Histogram;
use uuid::Uuid;

/// As in the server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SUBSCRIPTIONS: u32 = 1_000_000;

/// Calls that are submitted together.
const GROUP_CALLS: u32 = 500;

/// Callers who ask one thing at a time while the subscriptions turn over.
const CALLERS: u32 = 16;

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let below = arguments.next().map_or_else(std::env::temp_dir, Into::into);
    let subscriptions = arguments
        .next()
        .map_or(SUBSCRIPTIONS, |text| text.parse().expect("a number of subscriptions"));
    let dir = tempfile::tempdir_in(below).expect("a folder");
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, run(dir.path(), subscriptions));
}

async fn run(dir: &Path, subscriptions: u32) {
    let terms = Terms { shards: Term::Suggested(1), clock: Term::Suggested(ClockKind::Manual) };
    let (data_dir, _) = DataDir::open_or_create(dir.join("data").as_path(), terms).expect("new");
    let options =
        EngineOptions { snapshot_interval: Duration::from_hours(24), ..EngineOptions::default() };
    let engine = Engine::open_in(data_dir, &options).expect("open");
    let start = Timestamp::parse("2026-01-31T00:00:00Z").expect("a time");
    engine.move_clock(start).await.expect("a manual clock");
    let organization = engine.catalog().organization_named("default").expect("default").number;
    let (meter, product) = shop(&engine, organization).await;
    let sold = Arc::new(engine.catalog().terms(product).expect("terms"));

    let begun = Instant::now();
    subscribe(&engine, &meter, &sold, subscriptions).await;
    println!("{subscriptions} subscriptions made in {:.2} s", begun.elapsed().as_secs_f64());

    let quiet = ask_until(&engine, &meter, || begun.elapsed() > Duration::from_secs(0), 2).await;
    println!("| | p50 ms | p99 ms | max ms |");
    show("nothing falls due", &quiet);

    let done = AtomicBool::new(false);
    let due = Timestamp::parse("2026-02-28T00:00:00Z").expect("a time");
    let begun = Instant::now();
    let turn_over = async {
        engine.move_clock(due).await.expect("a manual clock");
        done.store(true, Ordering::Relaxed);
        begun.elapsed()
    };
    let (took, busy) =
        tokio::join!(turn_over, ask_until(&engine, &meter, || done.load(Ordering::Relaxed), 0));
    show("all of them turn over", &busy);
    println!("{subscriptions} turned over in {:.2} s", took.as_secs_f64());
    engine.drain().await.expect("drain");
}

fn show(what: &str, latencies: &Histogram<u64>) {
    // From tenths of a microsecond.
    let text = |tenths: u64| format!("{}.{:02}", tenths / 10_000, tenths % 10_000 / 100);
    let [p50, p99] = [0.5, 0.99].map(|q| text(latencies.value_at_quantile(q)));
    println!("| {what} | {p50} | {p99} | {} |", text(latencies.max()));
}

/// One product a month for nothing, with 100 units; what is used beyond costs half a cent.
async fn shop(engine: &Engine, organization: OrganizationNumber) -> (Arc<Meter>, ProductId) {
    let meter = engine
        .create_meter(organization, "tokens", "call", Aggregation::Count)
        .await
        .expect("a meter");
    let price = |amount| NewPrice { id: PriceId(Uuid::new_v4()), currency: Currency::USD, amount };
    let unit_amount = UnitPrice::new("0.5".parse().expect("half")).expect("a price");
    let metered = PriceAmount::MeteredUnit { meter: meter.number, unit_amount, cap: None };
    let product = ProductId(Uuid::new_v4());
    let new = NewProduct {
        id: product,
        organization,
        name: "plan".into(),
        description: None,
        visibility: Visibility::Public,
        billing: Some(Interval { unit: IntervalUnit::Month, count: 1 }),
        metering: None,
        trial: None,
        prices: vec![price(PriceAmount::Fixed(Money::ZERO)), price(metered)],
        metadata: Metadata::default(),
    };
    engine.create_product(new).await.expect("a product");
    let benefit = BenefitId(Uuid::new_v4());
    let new = NewBenefit {
        id: benefit,
        organization,
        description: "100 tokens".into(),
        meter: meter.number,
        units: 100,
        rollover: Rollover::Ends,
        metadata: Metadata::default(),
    };
    engine.create_benefit(new).await.expect("a benefit");
    engine.set_product_benefits(product, vec![benefit]).await.expect("its benefit");
    (meter, product)
}

fn name(text: &mut Vec<u8>, customer: u32) -> Span {
    let start = u32::try_from(text.len()).expect("a short text");
    text.extend_from_slice(format!("customer-{customer:07}").as_bytes());
    Span { start, end: u32::try_from(text.len()).expect("a short text") }
}

/// Each customer uses 130 units and subscribes.
async fn subscribe(engine: &Engine, meter: &Meter, sold: &Arc<ProductTerms>, subscriptions: u32) {
    let mut session = engine.session();
    for first in (0..subscriptions).step_by(usize::try_from(GROUP_CALLS).expect("small")) {
        let (mut text, mut calls) = (Vec::new(), Vec::new());
        for customer in first..(first + GROUP_CALLS).min(subscriptions) {
            let customer = name(&mut text, customer);
            let units = Units::parse(b"130").expect("units");
            let body = CallBody::Use { meter: meter.number, units, at: None };
            calls.push(Call { customer, key: Span::default(), body });
            let subscribe = Subscribe {
                subscription: SubscriptionId(Uuid::new_v4()),
                terms: Arc::clone(sold),
                start: Start::Api,
                trial_end: None,
            };
            let body = CallBody::Purchase(Box::new(CustomerCommand::Subscribe(subscribe)));
            calls.push(Call { customer, key: Span::default(), body });
        }
        session.submit(meter.organization, &text.into(), calls);
        while session.in_flight() > 16_384 {
            hear(session.replies().await);
        }
    }
    while !session.is_idle() {
        hear(session.replies().await);
    }
}

fn hear(replies: Vec<Reply>) {
    for reply in replies {
        assert!(
            matches!(reply, Reply::Verdict { .. } | Reply::Purchase(CustomerVerdict::Applied)),
            "{reply:?}"
        );
    }
}

/// Callers who use one unit at a time, for so many seconds and until `done`. In tenths of a
/// microsecond.
async fn ask_until(
    engine: &Engine,
    meter: &Meter,
    done: impl Fn() -> bool,
    seconds: u64,
) -> Histogram<u64> {
    let begun = Instant::now();
    let callers = (0..CALLERS).map(|caller| {
        let done = &done;
        async move {
            let mut latencies = Histogram::<u64>::new(3).expect("a histogram");
            let one = Units::parse(b"1").expect("units");
            let mut turn = 0_u32;
            while begun.elapsed() < Duration::from_secs(seconds) || !done() {
                // Customers of their own, who have no subscription.
                let customer = format!("bystander-{caller}-{}", turn % 100);
                turn += 1;
                let asked = Instant::now();
                engine.use_units(meter, &customer, one, None).await.expect("used");
                let took = u64::try_from(asked.elapsed().as_nanos() / 100).expect("short");
                latencies.record(took).expect("in range");
            }
            latencies
        }
    });
    let mut all = Histogram::<u64>::new(3).expect("a histogram");
    for latencies in futures_of(callers).await {
        all.add(latencies).expect("the same range");
    }
    all
}

/// Drives futures on this thread until all have ended.
async fn futures_of<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut waiting: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        let mut all = true;
        for (future, output) in &mut waiting {
            if output.is_none() {
                match future.as_mut().poll(context) {
                    std::task::Poll::Ready(value) => *output = Some(value),
                    std::task::Poll::Pending => all = false,
                }
            }
        }
        if all { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    waiting.into_iter().filter_map(|(_, output)| output).collect()
}
