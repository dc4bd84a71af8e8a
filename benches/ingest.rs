//! What the whole engine does in process: debits with their keys, each durable before its answer.
//!
//! `cargo bench --bench ingest`. One caller, no sockets; the disk is the one of `TMPDIR`.

#![expect(clippy::expect_used, reason = "a bench that cannot run has nothing to report")]

use std::num::NonZeroU32;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use drawdown::engine::{Engine, EngineOptions};
use drawdown::journal::sled::Durability;
use drawdown::units::Units;
use drawdown::workload::{Shape, Skew, Workload};

use pipeline::Pipeline;

#[path = "load/pipeline.rs"]
mod pipeline;

/// As in the server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CUSTOMERS: NonZeroU32 = NonZeroU32::new(100_000).expect("not zero");
const UNITS_MAX: NonZeroU32 = NonZeroU32::new(100).expect("not zero");

/// Debits of one sample.
const DEBITS: u32 = 50_000;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime")
}

fn pipelined(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pipelined debits");
    group
        .sample_size(20)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(4))
        .throughput(Throughput::Elements(DEBITS.into()));
    for (durability, name) in [(Durability::Fsync, "fsync"), (Durability::Os, "os")] {
        for skew in [Skew::Uniform, Skew::Zipf] {
            let dir = tempfile::tempdir().expect("temporary directory");
            let options = EngineOptions { durability, ..EngineOptions::default() };
            let engine = Engine::open(dir.path(), &options).expect("open");
            let runtime = runtime();
            let mut pipeline = runtime.block_on(Pipeline::open(&engine));
            runtime.block_on(async {
                for customer in 0..CUSTOMERS.get() {
                    pipeline.grant(customer, 0).await;
                }
                pipeline.finish().await;
            });
            let shape = Shape { customers: CUSTOMERS, units_max: UNITS_MAX, skew };
            let mut load = Workload::new(1, shape);
            group.bench_function(format!("{name}, {skew:?}"), |bencher| {
                bencher.iter(|| {
                    runtime.block_on(async {
                        for _ in 0..DEBITS {
                            let pick = load.pick();
                            pipeline.debit(pick.customer, pick.units, pick.key).await;
                        }
                        pipeline.finish().await;
                    });
                });
            });
            runtime.block_on(engine.drain()).expect("drain");
        }
    }
    group.finish();
}

fn one_at_a_time(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("one call at a time");
    group
        .sample_size(20)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(2));
    let dir = tempfile::tempdir().expect("temporary directory");
    let engine = Engine::open(dir.path(), &EngineOptions::default()).expect("open");
    let runtime = runtime();
    let tokens = runtime.block_on(pipeline::meter(&engine));
    let one = Units::new(1.into()).expect("units");
    group.bench_function("use, fsync", |bencher| {
        bencher.iter(|| runtime.block_on(engine.use_units(&tokens, "anna", one, None)));
    });
    group.bench_function("balance", |bencher| {
        bencher.iter(|| runtime.block_on(engine.balance(&tokens, "anna")));
    });
    group.finish();
    runtime.block_on(engine.drain()).expect("drain");
}

criterion_group!(benches, pipelined, one_at_a_time);
criterion_main!(benches);
