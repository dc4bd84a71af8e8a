//! The codec alone: frame, typed request, reply, and the oracle's time for the same bytes.

use std::hint::black_box;

use criterion::Criterion;
use criterion::Throughput;
use criterion::criterion_group;
use criterion::criterion_main;
use drawdown::resp::Arguments;
use drawdown::resp::Limits;
use drawdown::resp::client;
use drawdown::resp::command;
use drawdown::resp::frame;
use drawdown::resp::frame::Progress;
use drawdown::resp::reply;
use rust_decimal::Decimal;

/// Commands in one buffer, about what one socket read brings at depth 1,000.
const COMMANDS: u32 = 1_000;

/// `USE` with a key, as the canonical workload sends it: 87 bytes a command.
fn uses() -> Vec<u8> {
    let mut bytes = Vec::new();
    for number in 0..COMMANDS {
        let customer = format!("customer-{number:06}");
        let key = format!("k{:018}", u64::from(number).wrapping_mul(0x9e37_79b9_7f4a));
        let units = (number % 7 + 1).to_string();
        let arguments = ["USE", &customer, "tokens", &units, "ID", &key].map(str::as_bytes);
        client::write_command(&mut bytes, &arguments);
    }
    bytes
}

fn commands(criterion: &mut Criterion) {
    let bytes = uses();
    let mut group = criterion.benchmark_group("resp");
    group.throughput(Throughput::Elements(u64::from(COMMANDS)));

    let mut arguments = Arguments::new();
    group.bench_function("frame", |bencher| {
        bencher.iter(|| {
            let mut at = 0;
            while let Ok(Progress::Command { next }) =
                frame::read_command(black_box(&bytes), at, &Limits::AFTER_AUTH, &mut arguments)
            {
                black_box(&arguments);
                at = next;
            }
            assert_eq!(at, bytes.len());
        });
    });

    group.bench_function("request", |bencher| {
        bencher.iter(|| {
            let mut at = 0;
            while let Ok(Progress::Command { next }) =
                frame::read_command(black_box(&bytes), at, &Limits::AFTER_AUTH, &mut arguments)
            {
                assert!(black_box(command::parse_request(&bytes, &arguments)).is_ok());
                at = next;
            }
            assert_eq!(at, bytes.len());
        });
    });

    group.bench_function("frame by redis-protocol", |bencher| {
        bencher.iter(|| {
            let mut rest = black_box(bytes.as_slice());
            while let Ok(Some((command, next))) = redis_protocol::resp2::decode::decode_range(rest)
            {
                black_box(command);
                rest = rest.get(next..).unwrap_or(&[]);
            }
            assert!(rest.is_empty());
        });
    });
    group.finish();
}

fn replies(criterion: &mut Criterion) {
    let balances: Vec<Decimal> =
        (0..COMMANDS).map(|number| Decimal::new(i64::from(number) * 7_919 + 1_000, 2)).collect();
    let mut out = Vec::with_capacity(64 * 1_024);
    let mut group = criterion.benchmark_group("resp");
    group.throughput(Throughput::Elements(u64::from(COMMANDS)));

    group.bench_function("verdict", |bencher| {
        bencher.iter(|| {
            out.clear();
            for balance in &balances {
                reply::write_verdict(&mut out, b"applied", *black_box(balance));
            }
            black_box(&out);
        });
    });

    group.bench_function("skip reply", |bencher| {
        bencher.iter(|| {
            let mut at = 0;
            while let Some(next) = client::skip_reply(black_box(&out), at) {
                at = next;
            }
            assert_eq!(at, out.len());
        });
    });
    group.finish();
}

criterion_group!(benches, commands, replies);
criterion_main!(benches);
