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
use drawdown::encoding::Reader;
use drawdown::grant::GrantTerms;
use drawdown::grant::Rollover;
use drawdown::grant::Source;
use drawdown::id::GrantId;
use drawdown::journal::action::put_action;
use drawdown::journal::action::read_action;
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

criterion_group!(benches, apply_to_one_account, apply_to_many_accounts, encode);
criterion_main!(benches);
