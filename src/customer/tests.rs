//! Ledgers that anyone in billing can read. Only this file knows the API.
//!
//! A line is a step and, after `->`, what is seen then. Names in capitals are subscriptions (`S`) and
//! orders (`O`); meters, benefits and products have names in small letters.
//!
//! - `product pro monthly fixed=1000 price=tokens:0.5:cap credit=bonus:tokens:100[:rolls]
//!   trial=7day meter=1month`: what is sold; said again, it is what is sold from then on.
//! - `at 2026-02-28`: time passes, and every boundary is crossed when it is reached; `late ...`: it
//!   passes while nobody looks, then the boundaries are crossed; `now ...`: it passes, no more.
//! - `subscribe S pro api|checkout [trial=DATE]`, `use tokens 12`, `cancel S`, `uncancel S`,
//!   `revoke S`, `change S pro now|next|reset`, `clear S`, `period S DATE`, `trial S DATE|now`,
//!   `buy O pack [awaited]`, `paid O|S/1|S/DATE`, `failed ...`, `sync pro`, `delete`, `credit on
//!   paid|cycle`, `cycle S 0 pro`, `metercycle S DATE pro`,
//!   `forget COUNT DAYS`, `room COUNT`; `and` looks at the same step again.
//! - Seen: `tokens=credited/consumed/balance`, `S=status`, `S.period=from..to`, `S.meter=from..to`,
//!   `S.due=tokens:8` in cents, `S.next=DATE`, `bonus@S=live|revoked`, `billed=units`,
//!   `order=reason:cents:status`, `lines=fixed:1000,overage:15`, `carried=9`, `did=created,active`,
//!   `granted=created,cycled`, `orders=2`, `refused=why`, `error=why`.

#![expect(clippy::arithmetic_side_effects, reason = "a test that overflows fails, as it should")]

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use uuid::Uuid;

use super::*;
use crate::account::Action;
use crate::account::Effect;
use crate::account::Posting;
use crate::cycle::Interval;
use crate::cycle::IntervalUnit;
use crate::cycle::Period;
use crate::grant::Purchase;
use crate::grant::Rollover;
use crate::id::BenefitId;
use crate::id::CheckoutId;
use crate::id::PriceId;
use crate::id::ProductId;
use crate::money::Currency;
use crate::money::Money;
use crate::money::UnitPrice;
use crate::product::Credit;
use crate::product::FixedPrice;
use crate::product::MeteredPrice;
use crate::product::ProductTerms;
use crate::units::Draw;

mod changes;
mod cycles;
mod limits;
mod model;
mod parts;
mod polar;
mod properties;
mod table;
mod words;

/// A customer's accounts, in a map.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Store {
    accounts: BTreeMap<MeterNumber, Account>,
    /// How many it takes; as many as come, when absent.
    room: Option<usize>,
}

impl Accounts for Store {
    fn account(&self, meter: MeterNumber) -> Option<&Account> {
        self.accounts.get(&meter)
    }

    fn make_room(&mut self, accounts: usize) -> bool {
        self.room.is_none_or(|room| self.accounts.len() + accounts <= room)
    }

    fn replace(&mut self, meter: MeterNumber, account: Account) {
        self.accounts.insert(meter, account);
    }
}

impl Store {
    fn draw(&mut self, meter: MeterNumber, units: Decimal, now: Timestamp) {
        let action = Action::Use(Posting::Draw(Draw(units)));
        self.accounts.entry(meter).or_default().apply(&action, now).unwrap();
    }
}

/// Everything there is for one customer.
#[derive(Debug)]
struct World {
    customer: Customer,
    store: Store,
    now: Timestamp,
    products: BTreeMap<ProductId, Arc<ProductTerms>>,
    credit_on: CreditOn,
    /// What the last step did.
    effects: Vec<CustomerEffect>,
    refused: Option<CustomerRefusal>,
    error: Option<CustomerError>,
}

impl World {
    fn new() -> Self {
        Self {
            customer: Customer::default(),
            store: Store::default(),
            now: at("2026-01-01"),
            products: BTreeMap::new(),
            credit_on: CreditOn::Cycle,
            effects: Vec::new(),
            refused: None,
            error: None,
        }
    }

    fn apply(&mut self, command: &CustomerCommand) {
        let before = (self.customer.clone(), self.store.clone());
        let twin = (before.0.clone(), before.1.clone());
        let applied = self.customer.apply(command, self.now, &mut self.store);
        let (mut customer, mut store) = twin;
        assert_eq!(customer.apply(command, self.now, &mut store), applied, "not deterministic");
        assert_eq!((&customer, &store), (&self.customer, &self.store), "not deterministic");
        let unchanged = before == (self.customer.clone(), self.store.clone());
        match applied {
            Ok(outcome) => {
                assert_eq!(outcome.next_due, self.customer.next_due());
                if let CustomerVerdict::Refused(refusal) = outcome.verdict {
                    assert!(unchanged && outcome.effects.is_empty(), "a refusal did something");
                    self.refused = Some(refusal);
                }
                self.effects.extend(outcome.effects);
            }
            Err(error) => {
                assert!(unchanged, "an error changed something: {error}");
                self.error = Some(error);
            }
        }
        let parts = self.customer.clone().into_parts();
        assert_eq!(Customer::try_from(parts).as_ref(), Ok(&self.customer));
    }

    /// Crosses every boundary up to `now`.
    fn catch_up(&mut self) {
        let mut crossed = 0;
        while let Some(due) = self.customer.due_at(self.now) {
            let terms = Arc::clone(&self.products[&due.product]);
            self.apply(&due.command(terms, self.credit_on));
            assert_eq!((self.refused, self.error), (None, None), "what is due is refused");
            crossed += 1;
            assert!(crossed < 10_000, "something stays due");
        }
    }

    fn pass_to(&mut self, then: Timestamp) {
        while let Some(due) = self.customer.due_at(then) {
            self.now = self.now.max(due.at);
            self.catch_up();
        }
        self.now = then;
    }

    fn standing(&self, meter: MeterNumber) -> [Decimal; 3] {
        let account = self.store.accounts.get(&meter).cloned().unwrap_or_default();
        let standing = account.standing_at(self.now);
        [standing.credited, standing.consumed, standing.balance().0]
    }
}

fn check(ledger: &str) {
    let mut world = World::new();
    for line in ledger.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (step, seen) = line.split_once("->").unwrap_or((line, ""));
        if step.trim() != "and" {
            world.effects.clear();
            (world.refused, world.error) = (None, None);
        }
        words::step(&mut world, &step.split_whitespace().collect::<Vec<_>>());
        let expects = |what: &str| seen.split_whitespace().any(|seen| seen.starts_with(what));
        assert!(world.refused.is_none() || expects("refused="), "{:?}: {line}", world.refused);
        assert!(world.error.is_none() || expects("error="), "{:?}: {line}", world.error);
        for expected in seen.split_whitespace() {
            assert_eq!(words::see(&world, expected), expected, "after {line}");
        }
    }
}

fn at(text: &str) -> Timestamp {
    let text = if text.contains('T') { text.to_owned() } else { format!("{text}T00:00:00Z") };
    Timestamp::parse(&text).unwrap()
}

/// Names are ids: up to sixteen letters.
fn id(name: &str) -> Uuid {
    let mut bytes = [0; 16];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    Uuid::from_bytes(bytes)
}

/// A meter's number follows from its name.
fn meter(name: &str) -> MeterNumber {
    MeterNumber(name.bytes().fold(0, |sum, byte| sum * 31 + u32::from(byte)) % 1_000_000)
}

fn subscription_id(name: &str) -> SubscriptionId {
    SubscriptionId(id(name))
}
