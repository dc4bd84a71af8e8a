//! What a commit costs beside the disk's own sync, and how fast a journal is filled and read back.
//!
//! `cargo bench --bench journal`. The disk is the one of `TMPDIR`.

#![expect(clippy::expect_used, reason = "a bench that cannot run has nothing to report")]

use std::fs::File;
use std::hint::black_box;
use std::io::Write;
use std::time::Duration;

use criterion::BenchmarkId;
use criterion::Criterion;
use criterion::Throughput;
use criterion::criterion_group;
use criterion::criterion_main;

use drawdown::id::Seq;
use drawdown::journal::FRAME_BODY_BYTES_MAX;
use drawdown::journal::Journal;
use drawdown::journal::Records;
use drawdown::journal::sled::Durability;
use drawdown::journal::sled::Options;
use drawdown::journal::sled::SledJournal;
use drawdown::time::Timestamp;

/// A group of one small frame, and of several full ones.
const GROUPS: [(usize, usize); 3] =
    [(1, 1_500), (1, FRAME_BODY_BYTES_MAX), (4, FRAME_BODY_BYTES_MAX)];

/// Read back by the replay bench.
const REPLAY_FRAMES: usize = 1_000;

/// Appends groups of one record a frame.
struct Appender {
    journal: SledJournal,
    last: Seq,
    bytes: Vec<u8>,
}

impl Appender {
    fn open(directory: &std::path::Path, durability: Durability, bytes: usize) -> Self {
        let options = Options { durability, ..Options::default() };
        let (mut journal, opened) = SledJournal::open(directory, options).expect("open");
        journal.acquire().expect("acquire");
        let bytes = (0..bytes).map(|at| at.to_le_bytes()[0] ^ at.to_le_bytes()[1]).collect();
        Self { journal, last: opened.last, bytes }
    }

    fn group(&mut self, frames: usize) {
        for _ in 0..frames {
            self.last = self.last.next();
            let (first, last) = (self.last, self.last);
            let records = Records { first, last, base_time: Timestamp::EPOCH, bytes: &self.bytes };
            self.journal.submit(records).expect("submit");
        }
        self.journal.commit().expect("commit");
        self.journal.trim(self.last).expect("trim");
    }
}

fn commits(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("commit");
    group
        .sample_size(20)
        .measurement_time(Duration::from_secs(4))
        .warm_up_time(Duration::from_secs(1));
    for (frames, bytes) in GROUPS {
        let total = frames * bytes;
        group.throughput(Throughput::Bytes(u64::try_from(total).unwrap_or(0)));
        let name = format!("{frames}x{bytes}");
        group.bench_function(BenchmarkId::new("plain file, fdatasync", &name), |bencher| {
            let directory = tempfile::tempdir().expect("temporary directory");
            let mut file = File::create(directory.path().join("plain")).expect("create");
            let content = vec![7; total];
            bencher.iter(|| {
                file.write_all(&content).expect("write");
                file.sync_data().expect("sync");
            });
        });
        for (label, durability) in
            [("sled, fsync", Durability::Fsync), ("sled, os", Durability::Os)]
        {
            group.bench_function(BenchmarkId::new(label, &name), |bencher| {
                let directory = tempfile::tempdir().expect("temporary directory");
                let mut appender = Appender::open(directory.path(), durability, bytes);
                bencher.iter(|| appender.group(frames));
            });
        }
    }
    group.finish();
}

fn replay(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().expect("temporary directory");
    let mut appender = Appender::open(directory.path(), Durability::Os, FRAME_BODY_BYTES_MAX);
    for _ in 0..REPLAY_FRAMES {
        appender.last = appender.last.next();
        let (first, last) = (appender.last, appender.last);
        let bytes = &appender.bytes;
        let records = Records { first, last, base_time: Timestamp::EPOCH, bytes };
        appender.journal.submit(records).expect("submit");
    }
    appender.journal.commit().expect("commit");
    drop(appender);
    let mut group = criterion.benchmark_group("replay");
    group.sample_size(10);
    group.throughput(Throughput::Bytes(
        u64::try_from(REPLAY_FRAMES * FRAME_BODY_BYTES_MAX).unwrap_or(0),
    ));
    group.bench_function("open and read 64 MB", |bencher| {
        bencher.iter(|| {
            let (mut journal, _) =
                SledJournal::open(directory.path(), Options::default()).expect("open");
            journal
                .replay(Seq(1), &mut |batch| {
                    black_box(batch.bytes);
                    Ok(())
                })
                .expect("replay");
        });
    });
    group.finish();
}

criterion_group!(benches, commits, replay);
criterion_main!(benches);
