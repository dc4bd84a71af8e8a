//! What a snapshot costs: how fast one is written and read, and how much it delays the journal.
//!
//! `cargo bench --bench snapshot [-- DIR]` works in a folder of its own below `DIR`, or below the
//! system's temporary directory: put it on the disk in question. The journal is played by a loop
//! that appends 4 KiB and calls fdatasync, over and over.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a bench measures, or it fails")]

use std::fs::{self, File};
use std::io::Write;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use drawdown::id::{Epoch, Seq, ShardNumber};
use drawdown::snapshot::{
    BLOCK_BYTES_TARGET, BlockKind, Header, SnapshotReader, SnapshotStore, SnapshotWriter, Totals,
    WriteOptions, WriteRate,
};
use drawdown::time::Timestamp;
use hdrhistogram::Histogram;
use uuid::Uuid;

const ACCOUNTS: u64 = 1_000_000;
const ACCOUNT_BYTES: u64 = 150;
const BESIDE_JOURNAL_BYTES: u64 = 500_000_000;
const ALONE: Duration = Duration::from_secs(6);

fn main() {
    // Cargo passes `--bench`.
    let below = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let below = below.map_or_else(std::env::temp_dir, PathBuf::from);
    let dir = tempfile::tempdir_in(below).unwrap();
    speed(dir.path());
    interference(dir.path());
}

fn speed(dir: &Path) {
    let bytes = ACCOUNTS * ACCOUNT_BYTES;
    let began = Instant::now();
    let file = write(dir, 1, bytes, options(WriteRate::Unlimited, WriteOptions::SYNC_BYTES));
    report("written, synced, read back and verified", bytes, began.elapsed());
    for cache in ["from the disk", "from memory"] {
        let began = Instant::now();
        let mut reader = SnapshotReader::open(&file).unwrap();
        report(&format!("verified {cache}"), bytes, began.elapsed());
        let began = Instant::now();
        let mut read = 0;
        while let Some((_, block)) = reader.next_block().unwrap() {
            read += block.len();
        }
        assert!(u64::try_from(read).unwrap() >= bytes);
        report("read block by block", bytes, began.elapsed());
    }
}

fn report(what: &str, bytes: u64, took: Duration) {
    let milliseconds = took.as_millis().max(1);
    let speed = u128::from(bytes) / 1_000 / milliseconds;
    println!("{what}: {} MB in {milliseconds} ms, {speed} MB/s", bytes / 1_000_000);
}

/// How long the journal's syncs take beside a snapshot, written in several ways.
fn interference(dir: &Path) {
    println!(
        "\n4 KiB append + fdatasync beside | runs | p50 us | p99 us | p99.9 us | max us | MB/s"
    );
    journal_beside(dir, "nothing", 0, || thread::sleep(ALONE));
    let whole = NonZeroU64::MAX;
    let pieces = WriteOptions::SYNC_BYTES;
    for (name, rate, sync_bytes) in [
        ("no ceiling, one sync", WriteRate::Unlimited, whole),
        ("no ceiling, 8 MiB pieces", WriteRate::Unlimited, pieces),
        ("64 MiB/s, one sync", mebibytes_per_second(64), whole),
        ("64 MiB/s, 8 MiB pieces", mebibytes_per_second(64), pieces),
        ("64 MiB/s, 2 MiB pieces", mebibytes_per_second(64), mebibytes(2)),
        ("32 MiB/s, 8 MiB pieces", mebibytes_per_second(32), pieces),
    ] {
        let mut file = None;
        journal_beside(dir, name, BESIDE_JOURNAL_BYTES, || {
            file = Some(write(dir, 2, BESIDE_JOURNAL_BYTES, options(rate, sync_bytes)));
        });
        // Out of the way before the next row: a rename over it would be a removal too.
        fs::remove_file(file.unwrap()).unwrap();
        File::open(dir).unwrap().sync_all().unwrap();
    }
    removal(dir);
}

/// Removes a snapshot as the store does, and at once.
fn removal(dir: &Path) {
    let fast = options(WriteRate::Unlimited, WriteOptions::SYNC_BYTES);
    let store = SnapshotStore::open(dir).unwrap();
    write(dir, 1, BESIDE_JOURNAL_BYTES, fast);
    write(dir, 3, 1, fast);
    write(dir, 4, 1, fast);
    store.newest_valid().unwrap();
    let large = write(dir, 2, BESIDE_JOURNAL_BYTES, fast);
    journal_beside(dir, "removal at once", 0, || {
        thread::sleep(Duration::from_secs(1));
        fs::remove_file(large).unwrap();
        thread::sleep(Duration::from_secs(1));
    });
    journal_beside(dir, "removal in steps", 0, || {
        assert_eq!(store.retain(2).unwrap(), Seq(3));
    });
}

fn journal_beside(dir: &Path, name: &str, bytes: u64, work: impl FnOnce()) {
    let file = dir.join("journal");
    let done = AtomicBool::new(false);
    let (latencies, took) = thread::scope(|scope| {
        let journal = scope.spawn(|| append_until(&file, &done));
        let began = Instant::now();
        work();
        let took = began.elapsed();
        done.store(true, Ordering::Release);
        (journal.join().unwrap(), took)
    });
    fs::remove_file(&file).unwrap();
    println!(
        "{name} | {} | {} | {} | {} | {} | {}",
        latencies.len(),
        latencies.value_at_quantile(0.5),
        latencies.value_at_quantile(0.99),
        latencies.value_at_quantile(0.999),
        latencies.max(),
        u128::from(bytes) / took.as_micros().max(1),
    );
}

fn append_until(file: &Path, done: &AtomicBool) -> Histogram<u64> {
    let mut file = File::create(file).unwrap();
    let mut latencies = Histogram::new(3).unwrap();
    while !done.load(Ordering::Acquire) {
        let began = Instant::now();
        file.write_all(&[7; 4096]).unwrap();
        file.sync_data().unwrap();
        latencies.record(u64::try_from(began.elapsed().as_micros()).unwrap()).unwrap();
    }
    latencies
}

fn write(dir: &Path, seq: u64, bytes: u64, options: WriteOptions) -> PathBuf {
    let header = Header {
        journal_id: Uuid::nil(),
        epoch: Epoch(1),
        seq: Seq(seq),
        shard: ShardNumber(0),
        time: Timestamp::EPOCH,
    };
    let mut block = Vec::with_capacity(BLOCK_BYTES_TARGET);
    let mut state = 1_u64;
    while block.len() < BLOCK_BYTES_TARGET {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        block.extend_from_slice(&state.to_le_bytes());
    }
    let mut writer = SnapshotWriter::create(dir, &header, options).unwrap();
    for _ in 0..bytes.div_ceil(u64::try_from(block.len()).unwrap()) {
        writer.write_block(BlockKind::CUSTOMERS, &block).unwrap();
    }
    writer.finish(&Totals::default()).unwrap().file
}

fn options(rate: WriteRate, sync_bytes: NonZeroU64) -> WriteOptions {
    WriteOptions { rate, sync_bytes }
}

fn mebibytes_per_second(count: u64) -> WriteRate {
    WriteRate::BytesPerSecondMax(mebibytes(count))
}

fn mebibytes(count: u64) -> NonZeroU64 {
    NonZeroU64::new(count * 1024 * 1024).unwrap()
}
