//! The catalog as bytes, for snapshots: its version, then everything in it as changes that make it
//! anew, in the words of its journal.

use crate::catalog::Catalog;
use crate::encoding::{Malformed, Reader, put_varint};
use crate::id::{CatalogVersion, ShardNumber};
use crate::journal::catalog_record::{put_change, read_change};
use crate::snapshot::{
    BLOCK_BYTES_TARGET, BlockKind, Header, RETAINED_MIN, SnapshotDone, SnapshotError,
    SnapshotReader, SnapshotStore, SnapshotWriter, Totals, WriteOptions,
};

/// What stands for the catalog where a header names a shard: no directory has that many.
pub const CATALOG_SHARD: ShardNumber = ShardNumber(u16::MAX);

/// Why a snapshot holds no catalog.
#[derive(Debug, thiserror::Error)]
pub enum CatalogImageError {
    /// The file.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// What its blocks say.
    #[error(transparent)]
    Malformed(#[from] Malformed),
}

/// Writes the snapshot of `catalog` that `header` describes, and retains as for any other. Takes as
/// long as the disk does.
///
/// # Errors
/// [`SnapshotError`]; then it does not count, and nothing of it is left.
pub fn write_catalog(
    store: &SnapshotStore,
    header: &Header,
    options: WriteOptions,
    catalog: &Catalog,
) -> Result<SnapshotDone, SnapshotError> {
    let mut writer = SnapshotWriter::create(store.directory(), header, options)?;
    let mut block = Vec::new();
    put_varint(&mut block, catalog.version.0);
    for change in catalog.changes() {
        put_change(&mut block, &change);
        if block.len() >= BLOCK_BYTES_TARGET {
            writer.write_block(BlockKind::CATALOG, &block)?;
            block.clear();
        }
    }
    if !block.is_empty() {
        writer.write_block(BlockKind::CATALOG, &block)?;
    }
    let summary = writer.finish(&count(catalog))?;
    store.remember_written(header.seq);
    Ok(SnapshotDone { summary, trim_through: store.retain(RETAINED_MIN) })
}

/// Reads what [`write_catalog`] wrote. The rules of the catalog are checked again on the way.
///
/// # Errors
/// [`CatalogImageError`].
pub fn read_catalog(reader: &mut SnapshotReader) -> Result<Catalog, CatalogImageError> {
    let totals = reader.summary().totals;
    let mut catalog = Catalog::new();
    let mut version = None;
    while let Some((kind, bytes)) = reader.next_block()? {
        if kind != BlockKind::CATALOG {
            return Err(Malformed("it holds blocks of an unknown kind").into());
        }
        let mut changes = Reader::new(bytes);
        if version.is_none() {
            version = Some(CatalogVersion(changes.varint()?));
        }
        while !changes.is_empty() {
            let change = read_change(&mut changes)?;
            let made = catalog.apply(&change);
            made.map_err(|_| Malformed("it holds what the catalog refuses"))?;
        }
    }
    if count(&catalog) != totals {
        let what = "its contents do not add up to what its footer says";
        return Err(Malformed(what).into());
    }
    catalog.version = version.ok_or(Malformed("it holds no catalog"))?;
    Ok(catalog)
}

/// The footer counts organizations as customers, what they have as accounts, and tokens as keys.
fn count(catalog: &Catalog) -> Totals {
    let mut totals = Totals::default();
    for change in catalog.changes() {
        use crate::catalog::CatalogChange::{
            Benefit, Meter, Organization, Product, Token, TokenRevoked,
        };
        let counted = match change {
            Organization { .. } => &mut totals.customers,
            Meter(_) | Benefit(_) | Product(_) => &mut totals.accounts,
            Token(_) | TokenRevoked(_) => &mut totals.keys,
        };
        *counted = counted.saturating_add(1);
    }
    totals
}

#[cfg(test)]
mod tests;
