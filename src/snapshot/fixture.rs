//! Small snapshots for the tests of this module.

use std::fs;
use std::path::{Path, PathBuf};

use rust_decimal::Decimal;
use uuid::Uuid;

use crate::id::{Epoch, Seq, ShardNumber};
use crate::snapshot::{
    BlockKind, Header, SnapshotError, SnapshotReader, SnapshotSummary, SnapshotWriter, Totals,
    WriteOptions, WriteRate,
};
use crate::time::Timestamp;

pub(super) const OPTIONS: WriteOptions =
    WriteOptions { rate: WriteRate::Unlimited, sync_bytes: WriteOptions::SYNC_BYTES };

pub(super) fn header(seq: u64) -> Header {
    Header {
        journal_id: Uuid::from_u128(0x5eed),
        epoch: Epoch(3),
        seq: Seq(seq),
        shard: ShardNumber(1),
        time: Timestamp::from_microseconds(1_795_000_000_000_000).unwrap(),
    }
}

pub(super) fn totals() -> Totals {
    let mut totals = Totals { customers: 2, accounts: 3, keys: 1, ..Totals::default() };
    totals.credited.add(Decimal::new(1_005, 1));
    totals.consumed.add(Decimal::new(-15, 0));
    totals
}

pub(super) type Content = Vec<(BlockKind, Vec<u8>)>;

pub(super) fn content() -> Content {
    vec![
        (BlockKind::CUSTOMERS, b"anna 97.5".to_vec()),
        (BlockKind::CUSTOMERS, b"bert -15.".to_vec()),
        (BlockKind::KEYS, Vec::new()),
    ]
}

pub(super) fn write(dir: &Path, seq: u64, content: &Content) -> SnapshotSummary {
    let mut writer = SnapshotWriter::create(dir, &header(seq), OPTIONS).unwrap();
    for (kind, bytes) in content {
        writer.write_block(*kind, bytes).unwrap();
    }
    writer.finish(&totals()).unwrap()
}

pub(super) fn read(reader: &mut SnapshotReader) -> Result<Content, SnapshotError> {
    let mut content = Vec::new();
    while let Some((kind, bytes)) = reader.next_block()? {
        content.push((kind, bytes.to_vec()));
    }
    Ok(content)
}

/// Changes one bit of `file`, as a failing disk does.
pub(super) fn flip_bit(file: &Path, byte: usize, bit: u32) {
    let mut bytes = fs::read(file).unwrap();
    bytes[byte] ^= 1 << bit;
    fs::write(file, bytes).unwrap();
}

pub(super) fn files_in(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

pub(super) fn path(dir: &Path, seq: u64) -> PathBuf {
    dir.join(format!("snapshot-{seq:020}.image"))
}
