use std::sync::Arc;

use rust_decimal::Decimal;
use uuid::Uuid;

use crate::account::Account;
use crate::customer::{
    Accounts, Buy, ChangeProduct, ChangeWhen, CreditOn, Customer, CustomerCommand, CustomerParts,
    CustomerVerdict, Cycle, MeterCycle, Payment, Retention, Start, Subscribe, TrialEnd,
};
use crate::cycle::{Interval, IntervalUnit};
use crate::encoding::Reader;
use crate::grant::Rollover;
use crate::id::{BenefitId, CheckoutId, MeterNumber, OrderId, PriceId, ProductId, SubscriptionId};
use crate::journal::wire::Wire;
use crate::money::{Currency, Money, UnitPrice};
use crate::product::{Credit, FixedPrice, MeteredPrice, ProductTerms};
use crate::time::Timestamp;

const TOKENS: MeterNumber = MeterNumber(3);

fn uuid(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn second(number: i64) -> Timestamp {
    Timestamp::EPOCH.saturating_add(number * 1_000_000)
}

fn terms(billing: Option<Interval>) -> Arc<ProductTerms> {
    Arc::new(ProductTerms {
        product: ProductId(uuid(1)),
        currency: Currency::USD,
        billing,
        metering: billing.map(|_| Interval { unit: IntervalUnit::Day, count: 7 }),
        trial: None,
        fixed: Some(FixedPrice { price: PriceId(uuid(2)), amount: Money(990) }),
        metered: vec![MeteredPrice {
            price: PriceId(uuid(3)),
            meter: TOKENS,
            unit_amount: UnitPrice::new(Decimal::new(5, 1)).unwrap(),
            cap: Some(Money(5_000)),
        }],
        credits: vec![Credit {
            benefit: BenefitId(uuid(4)),
            meter: TOKENS,
            units: 100,
            rollover: Rollover::Carries,
        }],
    })
}

const FORTNIGHT: Interval = Interval { unit: IntervalUnit::Week, count: 2 };
const SUBSCRIPTION: SubscriptionId = SubscriptionId(Uuid::from_u128(7));

fn commands() -> Vec<CustomerCommand> {
    let (subscription, order) = (SUBSCRIPTION, OrderId(uuid(8)));
    let terms = terms(Some(FORTNIGHT));
    let checkout = CheckoutId(uuid(9));
    vec![
        CustomerCommand::Subscribe(Subscribe {
            subscription,
            terms: Arc::clone(&terms),
            start: Start::Checkout(checkout),
            trial_end: Some(second(9)),
        }),
        CustomerCommand::Cycle(Cycle {
            subscription,
            index: 300,
            terms: Arc::clone(&terms),
            credit_on: CreditOn::Paid,
        }),
        CustomerCommand::MeterCycle(MeterCycle {
            subscription,
            end: second(12),
            terms: Arc::clone(&terms),
            credit_on: CreditOn::Cycle,
        }),
        CustomerCommand::CancelAtPeriodEnd { subscription },
        CustomerCommand::Uncancel { subscription },
        CustomerCommand::Revoke { subscription },
        CustomerCommand::ChangeProduct(ChangeProduct {
            subscription,
            terms: Arc::clone(&terms),
            when: ChangeWhen::NextPeriod,
        }),
        CustomerCommand::ClearChange { subscription },
        CustomerCommand::SetPeriodEnd { subscription, end: second(-5) },
        CustomerCommand::SetTrialEnd { subscription, end: TrialEnd::Now },
        CustomerCommand::SetTrialEnd { subscription, end: TrialEnd::At(second(5)) },
        CustomerCommand::Buy(Buy {
            order,
            terms: self::terms(None),
            checkout: Some(checkout),
            payment: Payment::Awaited,
        }),
        CustomerCommand::Paid { order },
        CustomerCommand::Failed { order },
        CustomerCommand::SyncBenefits { terms },
        CustomerCommand::Delete,
        CustomerCommand::Forget(Retention::DEFAULT),
    ]
}

fn bytes_of(value: &impl Wire) -> Vec<u8> {
    let mut bytes = Vec::new();
    value.put(&mut bytes);
    bytes
}

#[test]
fn every_command_reads_back_and_none_is_cut_short() {
    for command in commands() {
        let bytes = bytes_of(&command);
        let mut reader = Reader::new(&bytes);
        assert_eq!(CustomerCommand::read(&mut reader).unwrap(), command);
        assert!(reader.is_empty());
        for end in 0..bytes.len() {
            let cut = CustomerCommand::read(&mut Reader::new(&bytes[..end]));
            assert!(cut.is_err(), "{command:?} cut at {end}");
        }
    }
}

#[test]
fn a_changed_byte_gives_another_command_or_none_and_never_a_panic() {
    for command in commands() {
        let bytes = bytes_of(&command);
        for place in 0..bytes.len() {
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[place] ^= 1 << bit;
                // A varint may be written in more than one way, so even the same command is fine.
                let _ = CustomerCommand::read(&mut Reader::new(&changed));
            }
        }
    }
}

/// Accounts of a customer who has one on the meter at most.
#[derive(Default)]
struct One(Option<Account>);

impl Accounts for One {
    fn account(&self, meter: MeterNumber) -> Option<&Account> {
        self.0.as_ref().filter(|_| meter == TOKENS)
    }

    fn make_room(&mut self, accounts: usize) -> bool {
        accounts <= 1
    }

    fn replace(&mut self, meter: MeterNumber, account: Account) {
        assert_eq!(meter, TOKENS);
        self.0 = Some(account);
    }
}

#[test]
fn a_customer_who_lived_a_little_reads_back_from_its_parts() {
    let mut customer = Customer::default();
    let mut accounts = One::default();
    let (subscription, order) = (SUBSCRIPTION, OrderId(uuid(8)));
    let history = [
        CustomerCommand::Subscribe(Subscribe {
            subscription,
            terms: terms(Some(FORTNIGHT)),
            start: Start::Checkout(CheckoutId(uuid(9))),
            trial_end: None,
        }),
        CustomerCommand::Buy(Buy {
            order,
            terms: terms(None),
            checkout: None,
            payment: Payment::Awaited,
        }),
        CustomerCommand::Paid { order },
        CustomerCommand::CancelAtPeriodEnd { subscription },
    ];
    for (day, command) in history.into_iter().enumerate() {
        let now = second(i64::try_from(day).unwrap() * 86_400);
        let outcome = customer.apply(&command, now, &mut accounts).unwrap();
        assert_eq!(outcome.verdict, CustomerVerdict::Applied, "{command:?}");
    }
    assert_eq!(customer.subscriptions().len(), 1);
    assert_eq!(customer.orders().len(), 2);
    assert!(!customer.benefit_grants().is_empty());

    let bytes = bytes_of(&customer.clone().into_parts());
    let mut reader = Reader::new(&bytes);
    let parts = CustomerParts::read(&mut reader).unwrap();
    assert!(reader.is_empty());
    assert_eq!(Customer::try_from(parts).unwrap(), customer);
    for end in 0..bytes.len() {
        let cut = CustomerParts::read(&mut Reader::new(&bytes[..end]));
        assert!(cut.is_err(), "cut at {end}");
    }
}
