use std::fs;

use proptest::prelude::*;
use tempfile::TempDir;
use uuid::Uuid;

use super::*;
use crate::catalog::{
    CatalogEdit, Edit, MeterPatch, NewBenefit, NewMeter, NewPrice, NewProduct, NewToken,
    PriceAmount, PriceEdit, ProductPatch, Standing, Visibility,
};
use crate::cycle::{Interval, IntervalUnit};
use crate::grant::Rollover;
use crate::id::{
    BenefitId, Epoch, MeterId, MeterNumber, OrganizationId, OrganizationNumber, PriceId, ProductId,
    Seq, TokenId,
};
use crate::metadata::Metadata;
use crate::meter::{Aggregation, Filter, MeterUnit};
use crate::money::{Currency, Money, UnitPrice};
use crate::time::Timestamp;
use crate::token::{Scope, TokenHash};

fn id(number: u8) -> Uuid {
    Uuid::from_u128(number.into())
}

fn metadata(number: u8) -> Metadata {
    Metadata::parse(&format!(r#"{{"number":{number}}}"#)).unwrap()
}

fn standing(number: u8) -> Edit<Standing> {
    Edit::To(if number.is_multiple_of(2) { Standing::Live } else { Standing::Archived })
}

fn new_price(number: u8, meter: u8) -> NewPrice {
    let unit_amount = UnitPrice::new(rust_decimal::Decimal::new(i64::from(number) + 1, 3)).unwrap();
    let amount = match number % 3 {
        0 => PriceAmount::Free,
        1 => PriceAmount::Fixed(Money(number.into())),
        _ => PriceAmount::MeteredUnit { meter: MeterNumber(meter.into()), unit_amount, cap: None },
    };
    NewPrice { id: PriceId(id(number)), currency: Currency::USD, amount }
}

/// Edits that mostly make sense: of few things, so that they refer to each other.
fn edit() -> impl Strategy<Value = CatalogEdit> {
    let owner = (0..2_u32).prop_map(OrganizationNumber);
    (owner, 0..13_u8, 0..6_u8, any::<u8>()).prop_map(|(organization, kind, a, b)| {
        let number = b % 6;
        match kind {
            0 => CatalogEdit::Organization(OrganizationId(id(a)), format!("organization {a}")),
            1 | 2 => CatalogEdit::Meter(Box::new(NewMeter {
                id: MeterId(id(b)),
                organization,
                name: format!("meter {number}").into(),
                filter: Filter::named("call"),
                aggregation: Aggregation::Count,
                unit: MeterUnit::Token,
                metadata: metadata(b),
            })),
            3 | 4 => CatalogEdit::MeterPatch(
                MeterNumber(a.into()),
                Box::new(MeterPatch { standing: standing(b), ..MeterPatch::default() }),
            ),
            5 | 6 => CatalogEdit::Benefit(Box::new(NewBenefit {
                id: BenefitId(id(number)),
                organization,
                description: "some units".into(),
                meter: MeterNumber(a.into()),
                units: u32::from(b) + 1,
                rollover: Rollover::Carries,
                metadata: Metadata::default(),
            })),
            7 => CatalogEdit::BenefitDelete(BenefitId(id(a))),
            8 | 9 => CatalogEdit::Product(Box::new(NewProduct {
                id: ProductId(id(number)),
                organization,
                name: "product".into(),
                description: Some("all of it".into()),
                visibility: Visibility::Private,
                billing: Some(Interval { unit: IntervalUnit::Month, count: 1 }),
                metering: None,
                trial: None,
                prices: vec![new_price(b, a)],
                metadata: metadata(b),
            })),
            10 => CatalogEdit::ProductBenefits(ProductId(id(a)), vec![BenefitId(id(number))]),
            11 => CatalogEdit::ProductPatch(
                ProductId(id(a)),
                Box::new(ProductPatch {
                    standing: standing(b),
                    prices: Edit::To(vec![PriceEdit::New(new_price(b, a))]),
                    ..ProductPatch::default()
                }),
            ),
            _ if b.is_multiple_of(4) => CatalogEdit::TokenRevoke(TokenId(id(a))),
            _ => CatalogEdit::Token(Box::new(NewToken {
                id: TokenId(id(a)),
                organization,
                scopes: Scope::Read.into(),
                hash: TokenHash::of(&[b]),
                comment: "a token".into(),
                expires_at: None,
            })),
        }
    })
}

/// What comes of the edits, the refused ones left out.
fn catalog(edits: &[CatalogEdit]) -> Catalog {
    let begin = ["acme", "other"]
        .map(|name| CatalogEdit::Organization(OrganizationId(Uuid::nil()), name.to_owned()));
    let all = begin.iter().chain(edits).zip(1..);
    all.fold(Catalog::new(), |catalog, (edit, second)| {
        let now = Timestamp::EPOCH.saturating_add(second * 1_000_000);
        let change = catalog.resolve(edit.clone(), now).ok().flatten();
        change.and_then(|change| catalog.with(&change).ok()).unwrap_or(catalog)
    })
}

fn header(seq: u64) -> Header {
    Header {
        journal_id: Uuid::from_u128(0x5eed),
        epoch: Epoch(3),
        seq: Seq(seq),
        shard: CATALOG_SHARD,
        time: Timestamp::EPOCH,
    }
}

fn written(dir: &TempDir, catalog: &Catalog) -> SnapshotStore {
    let store = SnapshotStore::open(dir.path()).unwrap();
    write_catalog(&store, &header(9), WriteOptions::default(), catalog).unwrap();
    store
}

fn read(store: &SnapshotStore) -> Result<Catalog, CatalogImageError> {
    read_catalog(&mut store.newest_valid()?.snapshot.unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_catalog_is_read_as_it_was_written(edits in prop::collection::vec(edit(), 0..120)) {
        let catalog = catalog(&edits);
        let dir = TempDir::new().unwrap();
        let again = read(&written(&dir, &catalog)).unwrap();
        prop_assert_eq!(again.version, catalog.version);
        prop_assert_eq!(again.changes().collect::<Vec<_>>(), catalog.changes().collect::<Vec<_>>());
        // Both go on in the same way, whatever comes.
        for edit in &edits {
            let step = |catalog: &Catalog| {
                let change = catalog.resolve(edit.clone(), Timestamp::EPOCH)?;
                change.map(|change| catalog.with(&change).map(|next| next.version)).transpose()
            };
            prop_assert_eq!(step(&catalog), step(&again));
        }
    }
}

/// More than one block.
#[test]
fn a_large_catalog_is_read_as_it_was_written() {
    let mut catalog = catalog(&[]);
    for number in 0..3_000_u128 {
        let new = NewMeter {
            id: MeterId(Uuid::from_u128(number)),
            organization: OrganizationNumber(1),
            name: format!("meter {number}").into(),
            filter: Filter::named(&"e".repeat(100)),
            aggregation: Aggregation::Count,
            unit: MeterUnit::Scalar,
            metadata: Metadata::default(),
        };
        let edit = CatalogEdit::Meter(Box::new(new));
        let change = catalog.resolve(edit, Timestamp::EPOCH).unwrap().unwrap();
        catalog.apply(&change).unwrap();
    }
    let dir = TempDir::new().unwrap();
    let store = written(&dir, &catalog);
    let summary = store.newest_valid().unwrap().snapshot.unwrap().summary().clone();
    assert!(summary.bytes > 2 * u64::try_from(BLOCK_BYTES_TARGET).unwrap());
    assert_eq!((summary.totals.customers, summary.totals.accounts), (2, 3_000));
    assert!(read(&store).unwrap().changes().eq(catalog.changes()));
}

#[test]
fn what_does_not_add_up_is_refused() {
    let dir = TempDir::new().unwrap();
    let store = SnapshotStore::open(dir.path()).unwrap();
    let mut block = Vec::new();
    put_varint(&mut block, 2);
    let catalog = catalog(&[]);
    catalog.changes().for_each(|change| put_change(&mut block, &change));
    let mut seq = 0;
    let mut refused = |blocks: &[(BlockKind, &[u8])], totals: Totals| {
        seq += 1;
        let mut writer =
            SnapshotWriter::create(store.directory(), &header(seq), WriteOptions::default())
                .unwrap();
        for (kind, bytes) in blocks {
            writer.write_block(*kind, bytes).unwrap();
        }
        writer.finish(&totals).unwrap();
        read(&store).map(|_| ()).unwrap_err().to_string()
    };
    let two = Totals { customers: 2, ..Totals::default() };
    let one = Totals { customers: 1, ..two };
    let add_up = "add up";
    assert!(refused(&[(BlockKind::CATALOG, &block)], one).contains(add_up));
    assert!(refused(&[(BlockKind::KEYS, &block)], two).contains("unknown kind"));
    assert!(refused(&[], Totals::default()).contains("no catalog"));
    assert!(refused(&[(BlockKind::CATALOG, &block[..block.len() - 1])], two).contains("cut short"));
    let twice = [(BlockKind::CATALOG, &*block), (BlockKind::CATALOG, &block[1..])];
    assert!(refused(&twice, two).contains("refuses"), "the second acme is refused");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 5);
}
