use proptest::prelude::*;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::*;

fn id() -> impl Strategy<Value = Uuid> {
    any::<u128>().prop_map(Uuid::from_u128)
}

pub(in crate::journal) fn decimal() -> impl Strategy<Value = Decimal> {
    (-(1_i128 << 95)..(1_i128 << 95), 0_u32..=28)
        .prop_map(|(mantissa, scale)| Decimal::from_i128_with_scale(mantissa, scale))
}

fn units() -> impl Strategy<Value = Units> {
    decimal().prop_map(|number| Units::new(number.abs()).unwrap())
}

pub(in crate::journal) fn time() -> impl Strategy<Value = Timestamp> {
    (Timestamp::MIN.microseconds()..=Timestamp::MAX.microseconds())
        .prop_map(|microseconds| Timestamp::from_microseconds(microseconds).unwrap())
}

fn rollover() -> impl Strategy<Value = Rollover> {
    prop_oneof![Just(Rollover::Ends), Just(Rollover::Carries)]
}

fn source() -> impl Strategy<Value = Source> {
    prop_oneof![
        Just(Source::Manual),
        (id(), id(), time()).prop_map(|(subscription, benefit, period_end)| {
            Source::Subscription {
                subscription: SubscriptionId(subscription),
                benefit: BenefitId(benefit),
                period_end,
            }
        }),
        (id(), id()).prop_map(|(order, benefit)| Source::Order {
            order: OrderId(order),
            benefit: BenefitId(benefit),
        }),
    ]
}

fn terms() -> impl Strategy<Value = GrantTerms> {
    (id(), decimal(), any::<i32>(), time(), prop::option::of(time()), rollover(), source())
        .prop_map(|(id, amount, priority, effective_at, expires_at, rollover, source)| GrantTerms {
            id: GrantId(id),
            amount,
            priority,
            effective_at,
            expires_at,
            rollover,
            source,
        })
}

fn revoke() -> impl Strategy<Value = Revoke> {
    let purchase = prop_oneof![
        id().prop_map(|id| Purchase::Subscription(SubscriptionId(id))),
        id().prop_map(|id| Purchase::Order(OrderId(id))),
    ];
    (purchase, id(), units()).prop_map(|(purchase, benefit, units)| Revoke {
        purchase,
        benefit: BenefitId(benefit),
        units,
    })
}

fn turnover() -> impl Strategy<Value = Turnover> {
    let settlement = prop_oneof![
        Just(Settlement::Billed),
        Just(Settlement::Cleared),
        Just(Settlement::Left),
        Just(Settlement::Baseline),
    ];
    (id(), time(), settlement, rollover(), prop::collection::vec(terms(), 0..4)).prop_map(
        |(subscription, at, settlement, rollover, credits)| Turnover {
            subscription: SubscriptionId(subscription),
            at,
            settlement,
            rollover,
            credits,
        },
    )
}

pub(in crate::journal) fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        decimal().prop_map(|number| Action::Use(Posting::Draw(Draw(number)))),
        decimal().prop_map(|number| Action::Use(Posting::Max(number))),
        decimal().prop_map(|number| Action::Use(Posting::Min(number))),
        decimal().prop_map(|number| Action::Use(Posting::Average(number))),
        any::<u128>().prop_map(|hash| Action::Use(Posting::Unique(hash))),
        units().prop_map(Action::Debit),
        terms().prop_map(|terms| Action::Grant(Box::new(terms))),
        id().prop_map(|id| Action::Void(GrantId(id))),
        revoke().prop_map(|revoke| Action::Revoke(Box::new(revoke))),
        turnover().prop_map(|turnover| Action::Reset(Box::new(turnover))),
        turnover().prop_map(|turnover| Action::Turnover(Box::new(turnover))),
        Just(Action::Advance),
    ]
}

proptest! {
    #[test]
    fn what_was_put_is_read(action in action()) {
        let mut record = Vec::new();
        put_action(&mut record, &action);
        let mut reader = Reader::new(&record);
        prop_assert_eq!(read_action(&mut reader), Ok(action));
        prop_assert!(reader.is_empty());
    }

    #[test]
    fn a_record_that_is_cut_is_refused(action in action(), cut in any::<prop::sample::Index>()) {
        let mut record = Vec::new();
        put_action(&mut record, &action);
        let length = cut.index(record.len());
        prop_assert!(read_action(&mut Reader::new(&record[..length])).is_err());
    }

    #[test]
    fn any_bytes_are_read_without_panic(bytes: Vec<u8>) {
        let _ = read_action(&mut Reader::new(&bytes));
    }
}

/// A journal must be readable for ever, so the bytes are fixed here.
#[test]
fn records_keep_their_bytes() {
    let bytes = |action: Action| {
        let mut record = Vec::new();
        put_action(&mut record, &action);
        record
    };
    assert_eq!(bytes(Action::Use(Posting::Draw(Draw(Decimal::from(-5))))), [1, 0x20, 5]);
    assert_eq!(bytes(Action::Debit(Units::new(Decimal::new(205, 1)).unwrap())), [2, 1, 0xcd, 1]);
    assert_eq!(bytes(Action::Use(Posting::Max(Decimal::ONE))), [3, 0, 1]);
    assert_eq!(bytes(Action::Use(Posting::Min(Decimal::ONE))), [4, 0, 1]);
    assert_eq!(bytes(Action::Use(Posting::Average(Decimal::ONE))), [5, 0, 1]);
    assert_eq!(bytes(Action::Use(Posting::Unique(7)))[..2], [6, 7]);
    assert_eq!(bytes(Action::Void(GrantId(Uuid::from_u128(1))))[..2], [8, 0]);
    assert_eq!(bytes(Action::Advance), [12]);
    let grant = GrantTerms {
        id: GrantId(Uuid::from_u128(u128::MAX)),
        amount: Decimal::from(100),
        priority: -1,
        effective_at: Timestamp::EPOCH,
        expires_at: Some(Timestamp::from_microseconds(1).unwrap()),
        rollover: Rollover::Carries,
        source: Source::Manual,
    };
    let mut expected = vec![7, 0x1c];
    expected.extend([0xff; 16]);
    expected.extend([0, 100, 0, 2, 1]);
    assert_eq!(bytes(Action::Grant(Box::new(grant))), expected);
}
