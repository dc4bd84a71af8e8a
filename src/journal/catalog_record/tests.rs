use proptest::option;
use proptest::prelude::*;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::*;
use crate::catalog::{Price, PriceAmount, Product, Standing, Visibility};
use crate::cycle::{Interval, IntervalUnit};
use crate::id::{PriceId, ProductId};
use crate::journal::action::tests::time;
use crate::money::{Currency, Money, UnitPrice};
use crate::time::Timestamp;
use crate::token::Scope;

fn id() -> impl Strategy<Value = Uuid> {
    any::<u128>().prop_map(Uuid::from_u128)
}

fn property() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z_.]{1,12}",
        Just("name".to_owned()),
        "(metadata\\.){1,3}[a-z]{1,4}",
        Just("metadata.metadata.name".to_owned()),
    ]
}

fn filter() -> impl Strategy<Value = Filter> {
    let operator = prop_oneof!["eq", "ne", "gt", "like"];
    let value = prop_oneof![
        any::<i32>().prop_map(|number| number.to_string()),
        Just("true".into()),
        "\"[a-z]{0,4}\""
    ];
    let clause = (property(), operator, value).prop_map(|(property, operator, value)| {
        format!(r#"{{"property":"{property}","operator":"{operator}","value":{value}}}"#)
    });
    prop::collection::vec(clause, 0..4).prop_map(|clauses| {
        let clauses = clauses.join(",");
        let json = format!(r#"{{"conjunction":"or","clauses":[{clauses}]}}"#);
        Filter::parse(&json).unwrap()
    })
}

fn aggregation() -> impl Strategy<Value = Aggregation> {
    let function = prop_oneof!["sum", "max", "min", "avg", "unique"];
    let of_property = (function, property()).prop_map(|(function, property)| {
        Aggregation::parse(&format!(r#"{{"func":"{function}","property":"{property}"}}"#)).unwrap()
    });
    prop_oneof![Just(Aggregation::Count), of_property]
}

fn text(most: usize) -> impl Strategy<Value = Box<str>> {
    prop::collection::vec(any::<char>(), 0..most)
        .prop_map(|letters| letters.into_iter().collect::<String>().into())
}

fn metadata() -> impl Strategy<Value = Metadata> {
    let value = prop_oneof![
        "-?[1-9][0-9]{0,20}(\\.[0-9]{1,9})?",
        Just("true".to_owned()),
        "\"[a-z]{1,9}\""
    ];
    prop::collection::btree_map("[a-z]{1,9}", value, 0..5).prop_map(|values| {
        let values: Vec<String> =
            values.iter().map(|(key, value)| format!(r#""{key}":{value}"#)).collect();
        Metadata::parse(&format!("{{{}}}", values.join(","))).unwrap()
    })
}

fn unit() -> impl Strategy<Value = MeterUnit> {
    prop_oneof![
        Just(MeterUnit::Scalar),
        Just(MeterUnit::Token),
        (text(9), prop::option::of(1..=u32::MAX))
            .prop_map(|(label, multiplier)| MeterUnit::Custom { label, multiplier }),
    ]
}

fn meter() -> impl Strategy<Value = Meter> {
    let what = (id(), any::<[u32; 2]>(), text(20), filter(), aggregation());
    let rest = (unit(), metadata(), time(), option::of(time()), option::of(time()));
    (what, rest).prop_map(|((id, [number, organization], name, filter, aggregation), rest)| {
        let (unit, metadata, created_at, modified_at, archived_at) = rest;
        Meter {
            id: MeterId(id),
            number: MeterNumber(number),
            organization: OrganizationNumber(organization),
            name,
            filter,
            aggregation,
            unit,
            metadata,
            created_at,
            modified_at,
            archived_at,
        }
    })
}

fn benefit() -> impl Strategy<Value = Benefit> {
    let what = (id(), any::<[u32; 3]>(), text(42), any::<bool>(), metadata());
    let times = (time(), option::of(time()), option::of(time()));
    (what, times).prop_map(
        |((id, [organization, meter, units], description, rolls, metadata), times)| Benefit {
            id: BenefitId(id),
            organization: OrganizationNumber(organization),
            description,
            meter: MeterNumber(meter),
            units,
            rollover: if rolls { Rollover::Carries } else { Rollover::Ends },
            metadata,
            created_at: times.0,
            modified_at: times.1,
            deleted_at: times.2,
        },
    )
}

fn interval() -> impl Strategy<Value = Option<Interval>> {
    use IntervalUnit::{Day, Month, Week, Year};
    let unit = prop_oneof![Just(Day), Just(Week), Just(Month), Just(Year)];
    option::of((unit, any::<u16>()).prop_map(|(unit, count)| Interval { unit, count }))
}

fn price() -> impl Strategy<Value = Price> {
    let unit_amount = (1..10_i64.pow(17), 0..=12_u32)
        .prop_map(|(digits, scale)| UnitPrice::new(Decimal::new(digits, scale)).unwrap());
    let metered = (any::<u32>(), unit_amount, option::of(any::<i64>()));
    let amount = prop_oneof![
        Just(PriceAmount::Free),
        any::<i64>().prop_map(|cents| PriceAmount::Fixed(Money(cents))),
        metered.prop_map(|(meter, unit_amount, cap)| PriceAmount::MeteredUnit {
            meter: MeterNumber(meter),
            unit_amount,
            cap: cap.map(Money),
        }),
    ];
    (id(), "[a-z]{3}", amount, time(), option::of(time())).prop_map(
        |(id, currency, amount, created_at, modified_at)| Price {
            id: PriceId(id),
            currency: Currency::parse(&currency).unwrap(),
            amount,
            created_at,
            modified_at,
        },
    )
}

fn product() -> impl Strategy<Value = Product> {
    use prop::collection::vec;
    let visibility =
        prop_oneof![Just(Visibility::Public), Just(Visibility::Private), Just(Visibility::Draft)];
    let standing = prop_oneof![Just(Standing::Live), Just(Standing::Archived)];
    let what = (id(), any::<u32>(), text(64), option::of(text(20)), visibility, standing);
    let parts = (vec(price(), 0..4), vec(price(), 0..4), vec(id(), 0..4), metadata());
    let intervals = [(); 3].map(|()| interval());
    (what, parts, intervals, (time(), option::of(time()))).prop_map(
        |((id, organization, name, description, visibility, standing), parts, intervals, times)| {
            let (prices, archived_prices, benefits, metadata) = parts;
            let [billing, metering, trial] = intervals;
            Product {
                id: ProductId(id),
                organization: OrganizationNumber(organization),
                name,
                description,
                visibility,
                billing,
                metering,
                trial,
                prices,
                archived_prices,
                benefits: benefits.into_iter().map(BenefitId).collect(),
                metadata,
                created_at: times.0,
                modified_at: times.1,
                standing,
            }
        },
    )
}

fn token() -> impl Strategy<Value = Token> {
    let scopes = prop::collection::vec(prop::sample::select(&Scope::ALL[..]), 0..4);
    let what = (id(), any::<u32>(), scopes, any::<[u8; 32]>(), text(20));
    (what, time(), option::of(time())).prop_map(
        |((id, organization, scopes, hash, comment), created_at, expires_at)| Token {
            id: TokenId(id),
            organization: OrganizationNumber(organization),
            scopes: Scopes::of(scopes),
            hash: TokenHash(hash),
            comment,
            created_at,
            expires_at,
        },
    )
}

fn change() -> impl Strategy<Value = CatalogChange> {
    prop_oneof![
        (id(), text(20), time()).prop_map(|(id, name, created_at)| {
            CatalogChange::Organization { id: OrganizationId(id), name: name.into(), created_at }
        }),
        meter().prop_map(|meter| CatalogChange::Meter(Arc::new(meter))),
        benefit().prop_map(|benefit| CatalogChange::Benefit(Arc::new(benefit))),
        product().prop_map(|product| CatalogChange::Product(Arc::new(product))),
        token().prop_map(|token| CatalogChange::Token(Arc::new(token))),
        id().prop_map(|id| CatalogChange::TokenRevoked(TokenId(id))),
    ]
}

fn put(change: &CatalogChange) -> Vec<u8> {
    let mut out = Vec::new();
    put_change(&mut out, change);
    out
}

proptest! {
    #[test]
    fn what_was_put_is_read(change in change()) {
        let bytes = put(&change);
        let mut reader = Reader::new(&bytes);
        let read = read_change(&mut reader).unwrap();
        prop_assert!(reader.is_empty());
        prop_assert_eq!(put(&read), bytes);
        prop_assert_eq!(read, change);
    }

    /// Checksums find these; the codec still may neither panic nor make up what cannot be written.
    #[test]
    fn a_flipped_bit_is_refused_or_another_change(
        change in change(),
        place in any::<prop::sample::Index>(),
        bit in 0..8_u32,
    ) {
        let mut bytes = put(&change);
        let place = place.index(bytes.len());
        bytes[place] ^= 1 << bit;
        if let Ok(read) = read_change(&mut Reader::new(&bytes)) {
            prop_assert_eq!(read_change(&mut Reader::new(&put(&read))), Ok(read));
        }
    }

    #[test]
    fn any_bytes_are_read_without_panic(tag in 0..8_u8, mut bytes: Vec<u8>) {
        bytes.insert(0, tag);
        let _ = read_change(&mut Reader::new(&bytes));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_change_that_is_cut_anywhere_is_refused(change in change()) {
        let bytes = put(&change);
        for length in 0..bytes.len() {
            prop_assert!(read_change(&mut Reader::new(&bytes[..length])).is_err(), "{length}");
        }
    }
}

fn second(number: i64) -> Timestamp {
    Timestamp::EPOCH.saturating_add(number * 1_000_000)
}

/// A journal must be readable for ever, so the bytes are fixed here.
#[test]
fn changes_keep_their_bytes() {
    let id = Uuid::from_bytes([0xab; 16]);
    let with_id =
        |tag: u8, rest: &[&[u8]]| [&[tag], [0xab; 16].as_slice(), &rest.concat()].concat();
    let time = [0x80, 0x89, 0x7a]; // One second, in zigzag microseconds.
    let created_at = second(1);
    let organization =
        CatalogChange::Organization { id: OrganizationId(id), name: "acme".to_owned(), created_at };
    assert_eq!(put(&organization), with_id(1, &[b"\x04acme", &time]));

    let meter = Meter {
        id: MeterId(id),
        number: MeterNumber(300),
        organization: OrganizationNumber(3),
        name: "tokens".into(),
        filter: Filter::named("call"),
        aggregation: Aggregation::Count,
        unit: MeterUnit::Custom { label: "page".into(), multiplier: Some(1_000) },
        metadata: Metadata::parse(r#"{"a":1}"#).unwrap(),
        created_at,
        modified_at: None,
        archived_at: Some(created_at),
    };
    let filter =
        r#"{"conjunction":"and","clauses":[{"property":"name","operator":"eq","value":"call"}]}"#;
    let expected = [
        b"\xac\x02\x03\x06tokens".as_slice(),
        &[u8::try_from(filter.len()).unwrap()],
        filter.as_bytes(),
        b"\x10{\"func\":\"count\"}",
        b"\x03\x04page\xe8\x07",
        b"\x07{\"a\":1}",
        &time,
        &[0, 1],
        &time,
    ];
    assert_eq!(put(&CatalogChange::Meter(Arc::new(meter))), with_id(2, &expected));

    for (scope, bits) in [
        (Scope::Admin, [0xff, 0xff, 0xff, 0x07].as_slice()),
        (Scope::Ingest, &[0xbe, 0xab, 0x8d, 0x02]),
        (Scope::Read, &[0xac, 0xab, 0x8d, 0x02]),
        (Scope::EventsWrite, &[0x10]),
        (Scope::OrganizationsWrite, &[0x80, 0x80, 0x80, 0x04]),
    ] {
        let token = Token {
            id: TokenId(id),
            organization: OrganizationNumber(3),
            scopes: scope.into(),
            hash: TokenHash([7; 32]),
            comment: "ci".into(),
            created_at,
            expires_at: Some(created_at),
        };
        let expected = [[3].as_slice(), bits, &[7; 32], b"\x02ci", &time, &[1], &time];
        assert_eq!(put(&CatalogChange::Token(Arc::new(token))), with_id(3, &expected), "{scope}");
    }
    assert_eq!(put(&CatalogChange::TokenRevoked(TokenId(id))), with_id(4, &[]));

    let benefit = Benefit {
        id: BenefitId(id),
        organization: OrganizationNumber(3),
        description: "five".into(),
        meter: MeterNumber(2),
        units: 5,
        rollover: Rollover::Carries,
        metadata: Metadata::default(),
        created_at,
        modified_at: None,
        deleted_at: None,
    };
    let expected = [b"\x03\x04five\x02\x05\x01\x02{}".as_slice(), &time, &[0, 0]];
    assert_eq!(put(&CatalogChange::Benefit(Arc::new(benefit))), with_id(5, &expected));
}

#[test]
fn a_product_keeps_its_bytes() {
    let id = [0xab; 16];
    let uuid = Uuid::from_bytes(id);
    let time = [0x80, 0x89, 0x7a];
    let price = |amount| Price {
        id: PriceId(uuid),
        currency: Currency::USD,
        amount,
        created_at: second(1),
        modified_at: None,
    };
    let metered = |cap| PriceAmount::MeteredUnit {
        meter: MeterNumber(2),
        unit_amount: UnitPrice::new(Decimal::new(5, 1)).unwrap(),
        cap,
    };
    let product = Product {
        id: ProductId(uuid),
        organization: OrganizationNumber(3),
        name: "plan".into(),
        description: Some("all".into()),
        visibility: Visibility::Draft,
        billing: Some(Interval { unit: IntervalUnit::Year, count: 1 }),
        metering: Some(Interval { unit: IntervalUnit::Month, count: 6 }),
        trial: None,
        prices: vec![
            price(PriceAmount::Free),
            price(metered(None)),
            price(metered(Some(Money(64)))),
        ],
        archived_prices: vec![price(PriceAmount::Fixed(Money(63)))],
        benefits: vec![BenefitId(uuid)],
        metadata: Metadata::default(),
        created_at: second(1),
        modified_at: Some(second(1)),
        standing: Standing::Archived,
    };
    let priced = |amount: &[u8]| [id.as_slice(), b"usd", amount, &time, &[0]].concat();
    let expected = [
        [6].as_slice(),
        &id,
        b"\x03\x04plan\x01\x03all\x02\x04\x01\x03\x06\x00",
        &[3],
        &priced(&[1]),
        &priced(&[3, 2, 1, 5]),
        &priced(&[4, 2, 1, 5, 0x80, 1]),
        &[1],
        &priced(&[2, 126]),
        &[1],
        &id,
        b"\x02{}",
        &time,
        &[1],
        &time,
        &[1],
    ];
    assert_eq!(put(&CatalogChange::Product(Arc::new(product))), expected.concat());
}
