use std::fs;

use proptest::collection::vec;
use proptest::prelude::any;

use super::*;
use crate::snapshot::fixture::{self, Content};
use crate::snapshot::{BLOCK_BYTES_MAX, WriteOptions};

/// What is wrong with these bytes, read as the snapshot at seq 7.
fn error_of(bytes: &[u8]) -> SnapshotError {
    let dir = tempfile::tempdir().unwrap();
    let file = fixture::path(dir.path(), 7);
    fs::write(&file, bytes).unwrap();
    let found = verify(&file);
    assert!(SnapshotReader::open(&file).is_err(), "the reader is no more lenient");
    found.unwrap_err()
}

fn position_of(error: &SnapshotError) -> u64 {
    let SnapshotError::Damaged { position, .. } = error else {
        panic!("damage was expected, not {error}");
    };
    *position
}

fn written() -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    fs::read(fixture::write(dir.path(), 7, &fixture::content()).file).unwrap()
}

/// Where each block begins, and the end.
fn borders(bytes: &[u8]) -> Vec<usize> {
    let mut borders = vec![PREAMBLE_BYTES];
    while let Some(head) = bytes[borders[borders.len() - 1]..].first_chunk() {
        let length = format::decode_head(*head).unwrap().length;
        borders.push(borders[borders.len() - 1] + HEAD_BYTES + length);
    }
    borders
}

#[test]
fn what_was_written_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let summary = fixture::write(dir.path(), 7, &fixture::content());
    assert_eq!(summary.header, fixture::header(7));
    assert_eq!(summary.totals, fixture::totals());
    assert_eq!(summary.bytes, fs::metadata(&summary.file).unwrap().len());
    assert_eq!(verify(&summary.file).unwrap(), summary);

    let mut reader = SnapshotReader::open(&summary.file).unwrap();
    assert_eq!(reader.summary(), &summary);
    assert_eq!(fixture::read(&mut reader).unwrap(), fixture::content());
    assert_eq!(reader.next_block().unwrap(), None);
}

#[test]
fn the_largest_block_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let content = vec![(BlockKind::CUSTOMERS, vec![7; BLOCK_BYTES_MAX])];
    let summary = fixture::write(dir.path(), 7, &content);
    let mut reader = SnapshotReader::open(&summary.file).unwrap();
    assert!(fixture::read(&mut reader).unwrap() == content);
}

#[test]
fn every_flipped_bit_is_found() {
    let whole = written();
    let borders = borders(&whole);
    for byte in 0..whole.len() {
        for bit in 0..8 {
            let mut bytes = whole.clone();
            bytes[byte] ^= 1 << bit;
            let position = usize::try_from(position_of(&error_of(&bytes))).unwrap();
            let block = borders.iter().rev().find(|&&border| border <= byte).copied().unwrap_or(0);
            assert_eq!(position, block, "byte {byte}, bit {bit}");
        }
    }
}

#[test]
fn every_truncation_is_found() {
    let whole = written();
    for length in 0..whole.len() {
        position_of(&error_of(&whole[..length]));
    }
}

#[test]
fn bytes_after_the_footer_are_found() {
    let mut bytes = written();
    let length = bytes.len();
    bytes.push(0);
    assert_eq!(position_of(&error_of(&bytes)), u64::try_from(length).unwrap());
}

#[test]
fn swapped_missing_and_repeated_blocks_are_found() {
    let whole = written();
    let at = borders(&whole);
    let block = |number: usize| &whole[at[number]..at[number + 1]];
    // 0 is the header, 1 and 2 are customers of equal length, 3 holds keys, 4 is the footer.
    let begin = &whole[..at[1]];
    let arrange = |order: &[usize]| {
        let mut bytes = begin.to_vec();
        for &number in order {
            bytes.extend_from_slice(block(number));
        }
        bytes
    };
    assert_eq!(arrange(&[1, 2, 3, 4]), whole);
    for order in
        [[2, 1, 3, 4].as_slice(), &[1, 3, 4], &[1, 2, 2, 3, 4], &[1, 2, 3], &[0, 1, 2, 3, 4]]
    {
        position_of(&error_of(&arrange(order)));
    }
}

#[test]
fn a_block_of_another_snapshot_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let mut content = fixture::content();
    content[1].1 = b"bert -14.".to_vec();
    let other = fs::read(fixture::write(dir.path(), 7, &content).file).unwrap();
    let mut bytes = written();
    let at = borders(&bytes);
    bytes[at[2]..at[3]].copy_from_slice(&other[at[2]..at[3]]);
    // Each block is whole and in its place; only the digest knows.
    assert_eq!(position_of(&error_of(&bytes)), u64::try_from(at[4]).unwrap());
}

#[test]
fn a_snapshot_under_the_name_of_another_seq_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let summary = fixture::write(dir.path(), 7, &fixture::content());
    let renamed = fixture::path(dir.path(), 8);
    fs::rename(summary.file, &renamed).unwrap();
    position_of(&verify(&renamed).unwrap_err());
}

#[test]
fn a_newer_version_is_refused_by_name() {
    let mut bytes = written();
    bytes[..PREAMBLE_BYTES].copy_from_slice(&format::preamble(FORMAT_VERSION + 1));
    let error = error_of(&bytes);
    assert!(matches!(error, SnapshotError::NewerFormat { found: 2, supported: 1, .. }), "{error}");
    assert!(error.to_string().contains("format version 2"), "{error}");
}

#[test]
fn damage_after_the_first_reading_is_found_by_the_second() {
    let dir = tempfile::tempdir().unwrap();
    // Larger than the buffer of the reader, which has read the beginning when it is opened.
    let content = vec![(BlockKind::CUSTOMERS, vec![7; 100_000]); 6];
    let summary = fixture::write(dir.path(), 7, &content);
    let mut reader = SnapshotReader::open(&summary.file).unwrap();
    fixture::flip_bit(&summary.file, 550_000, 0);
    position_of(&fixture::read(&mut reader).unwrap_err());
}

#[test]
fn the_message_names_file_and_position() {
    let error = SnapshotError::damaged(Path::new("shard-000/x.image"), 42, "why");
    assert_eq!(error.to_string(), "snapshot shard-000/x.image is damaged at byte 42: why");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(32))]
    #[test]
    fn any_content_is_read_back(
        blocks in vec((any::<u8>(), vec(any::<u8>(), 0..2_000)), 0..12),
        sync_bytes in 1_u64..4_000,
        counts in any::<[u64; 3]>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let content: Content =
            blocks.into_iter().map(|(kind, bytes)| (BlockKind(kind), bytes)).collect();
        let [customers, accounts, keys] = counts;
        let totals = Totals { customers, accounts, keys, ..fixture::totals() };
        let options =
            WriteOptions { sync_bytes: sync_bytes.try_into().unwrap(), ..fixture::OPTIONS };
        let mut writer =
            crate::snapshot::SnapshotWriter::create(dir.path(), &fixture::header(1), options).unwrap();
        for (kind, bytes) in &content {
            writer.write_block(*kind, bytes).unwrap();
        }
        let summary = writer.finish(&totals).unwrap();
        proptest::prop_assert_eq!(summary.totals, totals);
        let mut reader = SnapshotReader::open(&summary.file).unwrap();
        proptest::prop_assert_eq!(fixture::read(&mut reader).unwrap(), content);
    }
}
