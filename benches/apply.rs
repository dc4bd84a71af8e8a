//! What one action on one account costs: the state machine alone, no journal, no sockets.

use std::hint::black_box;

use criterion::BatchSize;
use criterion::Criterion;
use criterion::criterion_group;
use criterion::criterion_main;
use rust_decimal::Decimal;
use uuid::Uuid;

use drawdown::account::Account;
use drawdown::account::Action;
use drawdown::account::Posting;
use drawdown::catalog::Catalog;
use drawdown::catalog::CatalogEdit;
use drawdown::catalog::NewMeter;
use drawdown::encoding::Reader;
use drawdown::event::Event;
use drawdown::grant::GrantTerms;
use drawdown::grant::Rollover;
use drawdown::grant::Source;
use drawdown::id::GrantId;
use drawdown::id::MeterId;
use drawdown::id::OrganizationId;
use drawdown::id::OrganizationNumber;
use drawdown::journal::action::put_action;
use drawdown::journal::action::read_action;
use drawdown::metadata::Metadata;
use drawdown::meter::Aggregation;
use drawdown::meter::Filter;
use drawdown::meter::MeterUnit;
use drawdown::snapshot::account_image::put_account;
use drawdown::snapshot::account_image::read_account;
use drawdown::time::Timestamp;
use drawdown::units::Draw;
use drawdown::units::Units;

/// Accounts that the cold bench walks through: more than the caches hold.
const ACCOUNTS: usize = 200_000;

const NOW: Timestamp = Timestamp::EPOCH;

fn use_of(units: Decimal) -> Action {
    Action::Use(Posting::Draw(Draw(units)))
}

fn debit_of(units: Decimal) -> Action {
    Action::Debit(Units::new(units).unwrap_or_default())
}

fn grant_of(number: u128, amount: Decimal) -> Action {
    Action::Grant(Box::new(GrantTerms {
        id: GrantId(Uuid::from_u128(number)),
        amount,
        priority: 0,
        effective_at: NOW,
        expires_at: NOW.saturating_add(1).into(),
        rollover: Rollover::Ends,
        source: Source::Manual,
    }))
}

/// An account with so many grants that nothing exhausts.
fn account_with(grants: u128) -> Account {
    let mut account = Account::default();
    for number in 0..grants {
        let made = account.apply(&grant_of(number, Decimal::from(1_000_000_000_000_u64)), NOW);
        assert!(made.is_ok(), "grant {number}");
    }
    account
}

fn apply_to_one_account(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("apply");
    let actions = [
        ("use whole units", use_of(Decimal::from(3))),
        ("use fractions", use_of(Decimal::new(125, 2))),
        ("debit", debit_of(Decimal::from(3))),
    ];
    for grants in [0, 1, 2] {
        for (name, action) in &actions {
            let mut account = account_with(grants);
            group.bench_function(format!("{name}, {grants} grants"), |bencher| {
                bencher.iter(|| black_box(account.apply(black_box(action), NOW)));
            });
        }
    }
    let account = account_with(2);
    group.bench_function("balance, 2 grants", |bencher| {
        bencher.iter(|| black_box(black_box(&account).balance_at(NOW)));
    });
    group.bench_function("grant, third one", |bencher| {
        let action = grant_of(9, Decimal::from(10));
        bencher.iter_batched_ref(
            || account_with(2),
            |account| black_box(account.apply(&action, NOW)),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

fn apply_to_many_accounts(criterion: &mut Criterion) {
    let mut accounts = vec![account_with(2); ACCOUNTS];
    let action = use_of(Decimal::from(3));
    let mut place = 0_usize;
    criterion.bench_function("apply/use, 200,000 accounts at random", |bencher| {
        bencher.iter(|| {
            // A full-period walk: every account once before any comes again.
            place = (place * 21 + 12_347) % ACCOUNTS;
            if let Some(account) = accounts.get_mut(place) {
                let _outcome = black_box(account.apply(&action, NOW));
            }
        });
    });
}

fn encode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("encode");
    let action = use_of(Decimal::new(1250, 2));
    let mut record = Vec::new();
    put_action(&mut record, &action);
    group.bench_function("put use", |bencher| {
        let mut out = Vec::with_capacity(64);
        bencher.iter(|| {
            out.clear();
            put_action(&mut out, black_box(&action));
        });
    });
    group.bench_function("read use", |bencher| {
        bencher.iter(|| black_box(read_action(&mut Reader::new(black_box(&record)))));
    });
    let account = account_with(2);
    let mut image = Vec::new();
    put_account(&mut image, &account);
    group.bench_function("put account, 2 grants", |bencher| {
        let mut out = Vec::with_capacity(256);
        bencher.iter(|| {
            out.clear();
            put_account(&mut out, black_box(&account));
        });
    });
    group.bench_function("read account, 2 grants", |bencher| {
        bencher.iter(|| black_box(read_account(&mut Reader::new(black_box(&image)))));
    });
    group.finish();
}

/// A catalog of one organization with so many meters, one of them for each event name, as the
/// catalog actor makes it: every meter a version of its own.
fn catalog_with(meters: u128) -> Catalog {
    let made = |catalog: Catalog, edit: CatalogEdit| {
        let change = catalog.resolve(edit, NOW).ok().flatten();
        change.and_then(|change| catalog.with(&change).ok()).unwrap_or(catalog)
    };
    let organization =
        CatalogEdit::Organization(OrganizationId(Uuid::from_u128(1)), "acme".to_owned());
    let filter = |number: u128| {
        Filter::parse(&format!(
            r#"{{"conjunction":"and","clauses":[
                {{"property":"tokens","operator":"gt","value":1}},
                {{"property":"name","operator":"eq","value":"event-{number}"}}]}}"#
        ))
        .unwrap_or_else(|_| Filter::named("none"))
    };
    (0..meters).fold(made(Catalog::new(), organization), |catalog, number| {
        let new = NewMeter {
            id: MeterId(Uuid::from_u128(number)),
            organization: OrganizationNumber(0),
            name: format!("meter {number}").into(),
            filter: filter(number),
            aggregation: Aggregation::Count,
            unit: MeterUnit::Scalar,
            metadata: Metadata::default(),
        };
        made(catalog, CatalogEdit::Meter(Box::new(new)))
    })
}

/// What an organization's meters cost each of its events: those of other names nothing.
fn resolve_postings(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("postings");
    let json = br#"{"name":"event-7","external_customer_id":"anna","metadata":{"tokens":3}}"#;
    let Ok(event) = Event::parse(json, NOW) else { return };
    for meters in [10, 1_000, 10_000] {
        let catalog = catalog_with(meters);
        assert_eq!(catalog.postings(OrganizationNumber(0), &event).len(), 1, "{meters} meters");
        group.bench_function(format!("{meters} meters"), |bencher| {
            bencher.iter(|| black_box(catalog.postings(OrganizationNumber(0), black_box(&event))));
        });
    }
    group.finish();
}

/// What a version costs: the ten-thousandth about what the first one does.
fn grow_catalog(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("catalog");
    group.sample_size(10);
    for meters in [1_000, 10_000] {
        group.bench_function(format!("make {meters} meters one by one"), |bencher| {
            bencher.iter_with_large_drop(|| catalog_with(meters));
        });
    }
    group.finish();
}

criterion_group!(
    benches,
    apply_to_one_account,
    apply_to_many_accounts,
    encode,
    resolve_postings,
    grow_catalog
);
criterion_main!(benches);
