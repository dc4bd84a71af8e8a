use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::journal::action::tests::time;
use crate::token::TokenHash;

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

fn change() -> impl Strategy<Value = CatalogChange> {
    let scope = prop_oneof![Just(Scope::Admin), Just(Scope::Ingest), Just(Scope::Read)];
    prop_oneof![
        (id(), "\\PC{0,20}")
            .prop_map(|(id, name)| CatalogChange::Organization { id: OrganizationId(id), name }),
        (id(), any::<u32>(), "\\PC{0,20}", filter(), aggregation()).prop_map(
            |(id, organization, name, filter, aggregation)| CatalogChange::Meter {
                id: MeterId(id),
                organization: OrganizationNumber(organization),
                name,
                filter,
                aggregation,
            }
        ),
        (id(), any::<u32>(), scope, any::<[u8; 32]>(), time()).prop_map(
            |(id, organization, scope, hash, created_at)| CatalogChange::Token(Token {
                id: TokenId(id),
                organization: OrganizationNumber(organization),
                scope,
                hash: TokenHash(hash),
                created_at,
            })
        ),
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
        prop_assert_eq!(format!("{read:?}"), format!("{change:?}"));
    }

    #[test]
    fn a_change_that_is_cut_is_refused(change in change(), cut in any::<prop::sample::Index>()) {
        let bytes = put(&change);
        let length = cut.index(bytes.len());
        prop_assert!(read_change(&mut Reader::new(&bytes[..length])).is_err());
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes: Vec<u8>) {
        let _ = read_change(&mut Reader::new(&bytes));
    }
}

/// A journal must be readable for ever, so the bytes are fixed here.
#[test]
fn changes_keep_their_bytes() {
    let id = Uuid::from_bytes([0xab; 16]);
    let with_id = |tag: u8, rest: &[u8]| [&[tag], [0xab; 16].as_slice(), rest].concat();
    let organization =
        CatalogChange::Organization { id: OrganizationId(id), name: "acme".to_owned() };
    assert_eq!(put(&organization), with_id(1, b"\x04acme"));
    let meter = CatalogChange::Meter {
        id: MeterId(id),
        organization: OrganizationNumber(3),
        name: "tokens".to_owned(),
        filter: Filter::named("call"),
        aggregation: Aggregation::Count,
    };
    let filter =
        r#"{"conjunction":"and","clauses":[{"property":"name","operator":"eq","value":"call"}]}"#;
    let expected = [
        b"\x03\x06tokens".as_slice(),
        &[u8::try_from(filter.len()).unwrap()],
        filter.as_bytes(),
        b"\x10{\"func\":\"count\"}",
    ];
    assert_eq!(put(&meter), with_id(2, &expected.concat()));
    for (scope, tag) in [(Scope::Admin, 1), (Scope::Ingest, 2), (Scope::Read, 3)] {
        let token = CatalogChange::Token(Token {
            id: TokenId(id),
            organization: OrganizationNumber(3),
            scope,
            hash: TokenHash([7; 32]),
            created_at: crate::time::Timestamp::EPOCH,
        });
        let expected = [[3, tag].as_slice(), &[7; 32], &[0]].concat();
        assert_eq!(put(&token), with_id(3, &expected));
    }
    assert_eq!(put(&CatalogChange::TokenRevoked(TokenId(id))), with_id(4, b""));
}
