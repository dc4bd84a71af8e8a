//! Polar's formulas, written down as naively as they read, against the customer: one subscription
//! with several benefits on one meter, uses of either sign, cycles, changes of product, payments that
//! fail and come, an end now or with the period.
//!
//! They differ in one case, which the last ledger shows: a revoke between a turnover and its credit.
//! Polar takes the last credit off whatever was carried; here each benefit loses what was carried of
//! itself. So payments fail here only once the period is credited, and no change waits for a period.
//! And where credits wait for the payment, Polar resets a meter without a price no sooner; here its
//! period ends at the boundary like every other.

use proptest::prelude::*;
use rust_decimal::RoundingStrategy;

use super::*;

const BENEFITS: u32 = 4;

/// What happens in a history.
#[derive(Debug, Clone)]
enum Happening {
    /// Tenths of a unit.
    Use(i64),
    /// To the next boundary, with so many tenths used before the order is paid.
    Cycle {
        before_payment: i64,
    },
    /// To the product with this number, within the period.
    Change(usize),
    /// The last order's payment fails, if it is open; then it is paid, or not.
    Fail {
        recovers: bool,
    },
    Revoke,
    EndWithPeriod,
}

/// Which benefits a product has, and the price of a unit in tenths of a cent, if any.
#[derive(Debug, Clone)]
struct Product {
    benefits: Vec<u32>,
    price: Option<i64>,
}

/// A benefit: whole units, and whether they roll.
type Benefit = (u32, Rollover);

/// The events of one meter since its last reset.
#[derive(Default)]
struct Window {
    used: Decimal,
    /// `meter.credited`: units, and whether they roll.
    credits: Vec<(Decimal, Rollover)>,
}

impl Window {
    /// The running sum that never falls below zero.
    fn credited(&self, counts: impl Fn(Rollover) -> bool) -> Decimal {
        let credits = self.credits.iter().filter(|(_, rollover)| counts(*rollover));
        credits.fold(Decimal::ZERO, |sum, (units, _)| (sum + units).max(Decimal::ZERO))
    }

    fn all_credited(&self) -> Decimal {
        self.credited(|_| true)
    }

    /// What is carried over a reset.
    fn rollover(&self) -> Decimal {
        let rolling = self.credited(|rollover| rollover == Rollover::Carries);
        let fixed = self.credited(|rollover| rollover == Rollover::Ends);
        (fixed + rolling - self.used).trunc().min(rolling).max(Decimal::ZERO)
    }

    /// Cents for what is beyond the credits.
    fn overage(&self, tenths: i64) -> i64 {
        let units = (self.used - self.all_credited()).max(Decimal::ZERO);
        let cents = units * Decimal::new(tenths, 1);
        let cents = cents.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero);
        i64::try_from(cents.mantissa() / 10_i128.pow(cents.scale())).unwrap()
    }
}

/// The subscription on both sides.
struct Both {
    benefits: Vec<Benefit>,
    products: Vec<Product>,
    product: usize,
    granted: Vec<u32>,
    window: Window,
    ended: bool,
    world: World,
}

impl Both {
    fn new(benefits: Vec<Benefit>, products: Vec<Product>, credit_on: CreditOn) -> Self {
        let mut world = World::new();
        world.credit_on = credit_on;
        let mut both = Self {
            benefits,
            products,
            product: 0,
            granted: Vec::new(),
            window: Window::default(),
            ended: false,
            world,
        };
        both.command(&CustomerCommand::Subscribe(Subscribe {
            subscription: subscription_id("S"),
            terms: both.terms(0),
            start: Start::Checkout(CheckoutId(id("S"))),
            trial_end: None,
        }));
        both.grant_missing();
        both
    }

    fn terms(&self, product: usize) -> Arc<ProductTerms> {
        let Product { benefits, price } = &self.products[product];
        let credit = |benefit: &u32| Credit {
            benefit: BenefitId(Uuid::from_u128(u128::from(*benefit))),
            meter: meter("tokens"),
            units: self.benefits[*benefit as usize].0,
            rollover: self.benefits[*benefit as usize].1,
        };
        let price = price.map(|tenths| MeteredPrice {
            price: PriceId(id("tokens")),
            meter: meter("tokens"),
            unit_amount: UnitPrice::new(Decimal::new(tenths, 1)).unwrap(),
            cap: None,
        });
        Arc::new(ProductTerms {
            product: ProductId(Uuid::from_u128(product as u128)),
            currency: Currency::USD,
            billing: Some(Interval { unit: IntervalUnit::Month, count: 1 }),
            metering: None,
            trial: None,
            fixed: Some(FixedPrice { price: PriceId(id("fixed")), amount: Money(100) }),
            metered: price.into_iter().collect(),
            credits: benefits.iter().map(credit).collect(),
        })
    }

    /// Applies without the checks that the ledgers make: there are many histories.
    fn command(&mut self, command: &CustomerCommand) -> CustomerOutcome {
        let World { customer, store, now, .. } = &mut self.world;
        let outcome = customer.apply(command, *now, store).unwrap();
        assert_eq!(outcome.verdict, CustomerVerdict::Applied, "{command:?}");
        outcome
    }

    fn order(&self) -> OrderId {
        let index = self.world.customer.subscriptions()[0].index;
        derived_id::order_of_period(subscription_id("S"), index)
    }

    fn use_units(&mut self, tenths: i64) {
        let units = Decimal::new(tenths, 1);
        self.window.used += units;
        self.world.store.draw(meter("tokens"), units, self.world.now);
    }

    fn credit(&mut self, benefit: u32) {
        let (units, rollover) = self.benefits[benefit as usize];
        self.window.credits.push((Decimal::from(units), rollover));
    }

    fn revoke(&mut self, goes: impl Fn(u32) -> bool) {
        let (gone, stay): (Vec<u32>, Vec<u32>) = self.granted.iter().partition(|one| goes(**one));
        for benefit in gone {
            let (units, rollover) = self.benefits[benefit as usize];
            self.window.credits.push((-Decimal::from(units), rollover));
        }
        self.granted = stay;
    }

    fn grant_missing(&mut self) {
        for benefit in self.products[self.product].benefits.clone() {
            if !self.granted.contains(&benefit) {
                self.granted.push(benefit);
                self.credit(benefit);
            }
        }
    }

    fn cycle(&mut self, before_payment: i64) {
        let due = self.world.customer.next_due().unwrap();
        self.world.now = due.at;
        let outcome = self.command(&due.command(self.terms(self.product), self.world.credit_on));
        let price = self.products[self.product].price;
        let expected = 100 + price.map_or(0, |tenths| self.window.overage(tenths));
        let order = self.world.customer.order(self.order()).unwrap();
        assert_eq!(order.total(), Money(expected), "the order of the cycle");
        assert_eq!(outcome.orders_made().collect::<Vec<_>>(), [order.id]);
        if self.resets() {
            let carried = self.window.rollover();
            self.window =
                Window { used: Decimal::ZERO, credits: vec![(carried, Rollover::Carries)] };
        }
        if self.world.credit_on == CreditOn::Paid {
            self.compare();
            self.use_units(before_payment);
            self.command(&CustomerCommand::Paid { order: self.order() });
        }
        for benefit in self.granted.clone() {
            self.credit(benefit);
        }
    }

    fn happen(&mut self, happening: &Happening) {
        let subscription = subscription_id("S");
        self.world.now = self.world.now.saturating_add(1);
        match happening {
            Happening::Use(tenths) => self.use_units(*tenths),
            Happening::Cycle { before_payment } => self.cycle(*before_payment),
            Happening::Change(product) => {
                self.product = product % self.products.len();
                let terms = self.terms(self.product);
                let when = ChangeWhen::Now;
                let change = ChangeProduct { subscription, terms, when };
                self.command(&CustomerCommand::ChangeProduct(change));
                let kept = self.products[self.product].benefits.clone();
                self.revoke(|benefit| !kept.contains(&benefit));
                self.grant_missing();
            }
            Happening::Fail { recovers } => {
                let order = self.order();
                if self.world.customer.order(order).is_none_or(Order::is_closed) {
                    return;
                }
                self.command(&CustomerCommand::Failed { order });
                self.revoke(|_| true);
                self.compare();
                if *recovers {
                    self.command(&CustomerCommand::Paid { order });
                    self.grant_missing();
                } else {
                    self.ended = true;
                }
            }
            Happening::Revoke => {
                let outcome = self.command(&CustomerCommand::Revoke { subscription });
                assert_eq!(outcome.orders_made().count(), 0);
                self.revoke(|_| true);
                self.ended = true;
            }
            Happening::EndWithPeriod => self.end_with_period(subscription),
        }
    }

    fn end_with_period(&mut self, subscription: SubscriptionId) {
        self.command(&CustomerCommand::CancelAtPeriodEnd { subscription });
        let due = self.world.customer.next_due().unwrap();
        self.world.now = due.at;
        let outcome = self.command(&due.command(self.terms(self.product), self.world.credit_on));
        let total = outcome
            .orders_made()
            .next()
            .map(|order| self.world.customer.order(order).unwrap().total().0);
        let price = self.products[self.product].price;
        assert_eq!(total, price.map(|tenths| self.window.overage(tenths)), "the last order");
        // The turnover ends what Polar would take back, and clears what is billed.
        if self.resets() {
            self.window = Window::default();
        }
        self.ended = true;
    }

    /// Whether a cycle resets the meter: for its price, or for a benefit that cycles.
    fn resets(&self) -> bool {
        self.products[self.product].price.is_some() || !self.granted.is_empty()
    }

    fn compare(&self) {
        let [credited, consumed, balance] = self.world.standing(meter("tokens"));
        assert_eq!(credited, self.window.all_credited(), "credited");
        assert_eq!(consumed, self.window.used, "consumed");
        assert_eq!(balance, self.window.all_credited() - self.window.used, "balance");
    }
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        8 => (-60_i64..250).prop_map(Happening::Use),
        4 => (-20_i64..100).prop_map(|before_payment| Happening::Cycle { before_payment }),
        2 => (0_usize..3).prop_map(Happening::Change),
        1 => prop::bool::weighted(0.8).prop_map(|recovers| Happening::Fail { recovers }),
        1 => prop_oneof![Just(Happening::Revoke), Just(Happening::EndWithPeriod)],
    ]
}

fn benefit() -> impl Strategy<Value = Benefit> {
    (1_u32..40, prop_oneof![Just(Rollover::Ends), Just(Rollover::Carries)])
}

/// Products that have a price all of them, or none: what a price that comes or goes in mid-period
/// bills is Polar's watermark, not its formulas, and has ledgers of its own.
fn products() -> impl Strategy<Value = Vec<Product>> {
    let benefits = prop::sample::subsequence((0..BENEFITS).collect::<Vec<_>>(), 0..=3);
    (prop::collection::vec((benefits, 1_i64..40), 1..4), prop::bool::ANY).prop_map(
        |(products, priced)| {
            let product = |(benefits, price)| Product { benefits, price: priced.then_some(price) };
            products.into_iter().map(product).collect()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn one_subscription_equals_polar(
        benefits in prop::collection::vec(benefit(), BENEFITS as usize),
        products in products(),
        credit_on in prop_oneof![Just(CreditOn::Cycle), Just(CreditOn::Paid)],
        happenings in prop::collection::vec(happening(), 1..24),
    ) {
        let mut both = Both::new(benefits, products, credit_on);
        both.compare();
        for happening in &happenings {
            if both.ended {
                break;
            }
            both.happen(happening);
            both.compare();
        }
    }
}

#[test]
fn a_revoke_between_a_turnover_and_its_credit_takes_only_its_own() {
    // 9 are carried: 6 of `one`, 3 of `two`. Polar takes 10 off those 9, and nothing is left. Here the
    // 3 of `two` stay.
    check(
        "
        product both monthly fixed=100 credit=one:tokens:10:rolls credit=two:tokens:3:rolls
        product rest monthly fixed=100 credit=two:tokens:3:rolls
        credit on paid
        subscribe S both checkout
        use tokens 4
        at 2026-02-01                   -> carried=9 tokens=9/0/9
        change S rest now               -> granted=revoked tokens=3/0/3
        paid S/1                        -> tokens=6/0/6
    ",
    );
}
