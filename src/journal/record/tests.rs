use proptest::prelude::*;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::*;
use crate::journal::action::tests::{action, time};
use crate::units::{Draw, Units};

/// A record that owns what [`Record`] borrows.
#[derive(Debug, Clone)]
enum Owned {
    Customer { number: u32, organization: u32, id: u128, external_id: String },
    Command { customer: u32, meter: u32, action: Action, key: Vec<u8>, at: Option<Timestamp> },
    Event { customer: u32, key: Vec<u8>, postings: Vec<(u32, Posting)>, payload: Vec<u8> },
    Catalog(u64),
}

impl Owned {
    fn put(&self, out: &mut Vec<u8>, delta: u64) {
        match self {
            Self::Customer { number, organization, id, external_id } => put_customer(
                out,
                delta,
                CustomerNumber(*number),
                OrganizationNumber(*organization),
                CustomerId(Uuid::from_u128(*id)),
                external_id,
            ),
            Self::Command { customer, meter, action, key, at } => {
                let (customer, meter) = (CustomerNumber(*customer), MeterNumber(*meter));
                let head = CommandHead { customer, meter, key, at: *at };
                put_command(out, delta, &head, action);
            }
            Self::Event { customer, key, postings, payload } => {
                let postings = numbered(postings);
                put_event(out, delta, CustomerNumber(*customer), key, &postings, payload);
            }
            Self::Catalog(version) => put_catalog(out, delta, CatalogVersion(*version)),
        }
    }

    fn record(&self) -> Record<'_> {
        match self {
            Self::Customer { number, organization, id, external_id } => Record::Customer {
                number: CustomerNumber(*number),
                organization: OrganizationNumber(*organization),
                id: CustomerId(Uuid::from_u128(*id)),
                external_id,
            },
            Self::Command { customer, meter, action, key, at } => Record::Command {
                customer: CustomerNumber(*customer),
                meter: MeterNumber(*meter),
                action: action.clone(),
                key,
                at: *at,
            },
            Self::Event { customer, key, postings, payload } => Record::Event {
                customer: CustomerNumber(*customer),
                key,
                postings: numbered(postings),
                payload,
            },
            Self::Catalog(version) => Record::Catalog { version: CatalogVersion(*version) },
        }
    }
}

fn numbered(postings: &[(u32, Posting)]) -> Vec<(MeterNumber, Posting)> {
    postings.iter().map(|(meter, posting)| (MeterNumber(*meter), *posting)).collect()
}

fn posting() -> impl Strategy<Value = Posting> {
    action().prop_filter_map("a use", |action| {
        if let Action::Use(posting) = action { Some(posting) } else { None }
    })
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..40)
}

fn record() -> impl Strategy<Value = Owned> {
    let postings = prop::collection::vec((any::<u32>(), posting()), 0..4);
    prop_oneof![
        (any::<u32>(), any::<u32>(), any::<u128>(), "\\PC{0,20}").prop_map(
            |(number, organization, id, external_id)| Owned::Customer {
                number,
                organization,
                id,
                external_id
            }
        ),
        (any::<u32>(), any::<u32>(), action(), bytes(), prop::option::of(time())).prop_map(
            |(customer, meter, action, key, at)| Owned::Command {
                customer,
                meter,
                action,
                key,
                at
            }
        ),
        (any::<u32>(), bytes(), postings, bytes()).prop_map(
            |(customer, key, postings, payload)| Owned::Event { customer, key, postings, payload }
        ),
        any::<u64>().prop_map(Owned::Catalog),
    ]
}

proptest! {
    #[test]
    fn what_was_put_is_read(records in prop::collection::vec((record(), any::<u64>()), 0..4)) {
        let mut out = Vec::new();
        for (record, delta) in &records {
            record.put(&mut out, *delta);
        }
        let mut reader = Reader::new(&out);
        for (record, delta) in &records {
            prop_assert_eq!(read_record(&mut reader), Ok((*delta, record.record())));
        }
        prop_assert!(reader.is_empty());
    }

    #[test]
    fn a_record_that_is_cut_is_refused(record in record(), cut in any::<prop::sample::Index>()) {
        let mut out = Vec::new();
        record.put(&mut out, 3);
        let length = cut.index(out.len());
        prop_assert!(read_record(&mut Reader::new(&out[..length])).is_err());
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes: Vec<u8>) {
        let _ = read_record(&mut Reader::new(&bytes));
    }
}

fn put(record: &Owned, delta: u64) -> Vec<u8> {
    let mut out = Vec::new();
    record.put(&mut out, delta);
    out
}

/// A journal must be readable for ever, so the bytes are fixed here.
#[test]
fn records_keep_their_bytes() {
    let customer = Owned::Customer {
        number: 300,
        organization: 1,
        id: u128::from_be_bytes([0xab; 16]),
        external_id: "anna".to_owned(),
    };
    let mut expected = vec![0x01, 0x85, 0x01, 0xac, 0x02, 1];
    expected.extend([0xab; 16]);
    expected.extend(b"\x04anna");
    assert_eq!(put(&customer, 133), expected);

    let debit = Action::Debit(Units::new(Decimal::from(3)).unwrap());
    let command = |at| Owned::Command {
        customer: 7,
        meter: 2,
        action: debit.clone(),
        key: b"key".to_vec(),
        at,
    };
    assert_eq!(put(&command(None), 0), b"\x02\x00\x07\x02\x03key\x02\x00\x03");
    let at = Timestamp::from_microseconds(-1).unwrap();
    assert_eq!(put(&command(Some(at)), 0), b"\x03\x00\x07\x02\x03key\x01\x02\x00\x03");

    let event = Owned::Event {
        customer: 7,
        key: b"e-1".to_vec(),
        postings: vec![(2, Posting::Draw(Draw(Decimal::ONE))), (3, Posting::Max(Decimal::TEN))],
        payload: b"{}".to_vec(),
    };
    assert_eq!(put(&event, 9), b"\x04\x09\x07\x03e-1\x02\x02\x01\x00\x01\x03\x03\x00\x0a\x02{}");
    assert_eq!(put(&Owned::Catalog(5), 1), b"\x05\x01\x05");
}

#[test]
fn what_no_version_wrote_is_refused() {
    for tag in [0x00, 0x06, 0x0f, 0x10, 0x1f, 0x20, 0xff] {
        assert!(read_record(&mut Reader::new(&[tag, 0, 0, 0, 0])).is_err(), "tag {tag:#x}");
    }
    let debits = b"\x04\x00\x07\x00\x01\x02\x02\x00\x03\x00";
    let refused = read_record(&mut Reader::new(debits)).unwrap_err();
    assert_eq!(refused, Malformed("an event does something else than use"));
    let forged = b"\x04\x00\x07\x00\xff\xff\xff\xff\x0f";
    assert_eq!(
        read_record(&mut Reader::new(forged)).unwrap_err(),
        Malformed("more postings than bytes")
    );
}

/// What the design promises of the common record.
#[test]
fn a_keyed_debit_is_short() {
    let action = Action::Debit(Units::new(Decimal::from(17)).unwrap());
    let (customer, key) = (99_999, b"request-1".to_vec());
    let record = Owned::Command { customer, meter: 3, action, key, at: None };
    let bytes = put(&record, 40).len();
    assert!(bytes <= 20, "{bytes} bytes");
}
