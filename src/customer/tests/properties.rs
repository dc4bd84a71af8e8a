//! What holds for every history, whatever happens in it. [`World`] checks each command besides: that
//! it is deterministic, that a refusal or an error changes nothing, and that the customer can be
//! taken apart and put together.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::account::GrantEnd;

/// What there is to buy. Of `pro` the benefits are edited now and then.
const PRODUCTS: [&str; 7] = [
    "product free monthly fixed=0 credit=a:tokens:10 credit=b:tokens:5:rolls",
    "product pro monthly fixed=900 price=tokens:0.5 price=calls:2:100 credit=a:tokens:10",
    "product max every=2week fixed=500 price=tokens:3 credit=c:calls:8:rolls credit=b:tokens:5:rolls",
    "product year yearly meter=1month trial=14day fixed=0 price=tokens:1 price=bytes:0.25 credit=d:bytes:100",
    "product pack once fixed=300 credit=a:tokens:10 credit=e:calls:20",
    "product half every=6month meter=3month fixed=70 price=bytes:0.25 credit=d:bytes:100",
    "product pro monthly fixed=900 price=tokens:0.5 price=calls:2:100 credit=f:bytes:7",
];

const SUBSCRIPTIONS: [&str; 3] = ["S", "T", "U"];
const METERS: [&str; 3] = ["tokens", "calls", "bytes"];
const RECURRING: [&str; 5] = ["free", "pro", "max", "year", "half"];

/// A step as it is written in a ledger.
fn step() -> impl Strategy<Value = String> {
    let name = || prop::sample::select(SUBSCRIPTIONS.to_vec());
    let product = || prop::sample::select(RECURRING.to_vec());
    let index = 0_u32..4;
    prop_oneof![
        10 => (prop::sample::select(METERS.to_vec()), -40_i64..160)
            .prop_map(|(meter, tenths)| format!("use {meter} {}", Decimal::new(tenths, 1))),
        4 => (name(), product(), prop::sample::select(vec!["api", "checkout"]))
            .prop_map(|(name, product, start)| format!("subscribe {name} {product} {start}")),
        1 => (name(), product(), 1_u32..28).prop_map(|(name, product, day)| {
            format!("subscribe {name} {product} checkout trial=2026-03-{day:02}")
        }),
        1 => name().prop_map(|name| format!("cancel {name}")),
        1 => name().prop_map(|name| format!("uncancel {name}")),
        1 => name().prop_map(|name| format!("revoke {name}")),
        3 => (name(), product(), prop::sample::select(vec!["now", "next", "reset"]))
            .prop_map(|(name, product, when)| format!("change {name} {product} {when}")),
        1 => name().prop_map(|name| format!("clear {name}")),
        1 => (name(), 1_u32..28).prop_map(|(name, day)| format!("period {name} 2026-04-{day:02}")),
        1 => (name(), 1_u32..28).prop_map(|(name, day)| format!("trial {name} 2026-04-{day:02}")),
        1 => name().prop_map(|name| format!("trial {name} now")),
        2 => prop::sample::select(vec!["Oa", "Ob", "Oc", "Od"])
            .prop_map(|order| format!("buy {order} pack awaited")),
        2 => prop::sample::select(vec!["Oa", "Ob", "Oc", "Od"])
            .prop_map(|order| format!("paid {order}")),
        4 => (name(), index.clone()).prop_map(|(name, index)| format!("paid {name}/{index}")),
        3 => (name(), index.clone()).prop_map(|(name, index)| format!("failed {name}/{index}")),
        1 => (name(), index).prop_map(|(name, index)| format!("cycle {name} {index} pro")),
        1 => (prop::sample::select(vec!["paid", "failed"]), name(), 1_u32..12)
            .prop_map(|(what, name, month)| format!("{what} {name}/2026-{month:02}-01")),
        1 => prop::sample::select(vec![1_usize, 6])
            .prop_map(|edition| format!("{}; sync pro", PRODUCTS[edition])),
        1 => prop::sample::select(vec!["credit on paid", "credit on cycle"]).prop_map(str::to_owned),
        1 => Just("forget 3 40".to_owned()),
    ]
}

/// Units that were credited and are neither held nor ended, for each meter: there are none.
#[derive(Default)]
struct Books(BTreeMap<MeterNumber, Decimal>);

impl Books {
    fn enter(&mut self, effects: &[CustomerEffect]) {
        for effect in effects {
            if let CustomerEffect::MeterCredited { meter, units, .. } = effect {
                *self.0.entry(*meter).or_default() += *units;
            }
            // What was revoked is told in credits already.
            if let CustomerEffect::Account { meter, effect: Effect::GrantEnded { end, amount, .. } } =
                effect
                && *end != GrantEnd::Revoked
            {
                *self.0.entry(*meter).or_default() -= *amount;
            }
        }
    }

    fn balance_with(&self, store: &Store, now: Timestamp) {
        for (meter, account) in &store.accounts {
            let held: Decimal =
                account.grants_at(now).iter().map(crate::grant::Grant::amount).sum();
            let entered = self.0.get(meter).copied().unwrap_or_default();
            assert_eq!(entered, held, "credited units are held or ended");
            assert_eq!(account.standing_at(now).credited, held, "credited is what is held");
        }
    }
}

/// What must be true of a customer for whom nothing is due.
fn check_invariants(world: &World) {
    let customer = &world.customer;
    assert_eq!(customer.due_at(world.now), None);
    for subscription in customer.subscriptions() {
        let purchase = Purchase::Subscription(subscription.id);
        let grants = customer.benefit_grants().iter();
        let live: BTreeSet<BenefitId> = grants
            .filter(|grant| grant.purchase == purchase && grant.is_live())
            .map(|grant| grant.benefit)
            .collect();
        let sold: BTreeSet<BenefitId> =
            subscription.credits().iter().map(|credit| credit.benefit).collect();
        if subscription.status.is_active() {
            assert!(subscription.period.contains(world.now), "{subscription:?}");
            assert!(live.is_subset(&sold), "a benefit of nowhere");
            if world.credit_on == CreditOn::Cycle
                && subscription.status == SubscriptionStatus::Trialing
            {
                assert!(!live.is_empty() || sold.is_empty());
            }
        } else {
            assert!(live.is_empty(), "a benefit of what does not run");
        }
        if let Some(meter) = subscription.meter_period {
            assert!(meter.period.start < meter.period.end);
            assert!(meter.period.end <= subscription.period.end);
            assert!(subscription.period.start <= meter.period.start);
        }
        check_orders(customer, subscription);
        // It must not fail, whatever there is to see.
        let meters = customer.subscription_meters(subscription.id, &world.store, world.now);
        assert!(meters.iter().all(|meter| meter.amount >= Money::ZERO));
    }
}

/// One order a period, whose id says which; and no time is paid for in advance twice, unless a new
/// period was begun within it.
fn check_orders(customer: &Customer, subscription: &Subscription) {
    let orders: Vec<&Order> =
        customer.orders().filter(|order| order.subscription == Some(subscription.id)).collect();
    let ids: BTreeSet<OrderId> = orders.iter().map(|order| order.id).collect();
    assert_eq!(ids.len(), orders.len());
    let last = subscription.index + 1;
    let of_periods: BTreeSet<OrderId> =
        (0..=last).map(|index| derived_id::order_of_period(subscription.id, index)).collect();
    let mut starts = Vec::new();
    for order in orders {
        let in_advance = order
            .lines
            .iter()
            .find(|line| matches!(line.kind, OrderLineKind::Fixed | OrderLineKind::Trial));
        starts.extend(in_advance.and_then(|line| line.period).map(|period| period.start));
        assert!(in_advance.is_none() || of_periods.contains(&order.id));
        assert!(order.total() >= Money::ZERO);
        assert!(order.total() > Money::ZERO || order.status == OrderStatus::Paid);
    }
    assert!(starts.is_sorted(), "{starts:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_customer_keeps_its_invariants(
        history in prop::collection::vec((0_i64..12, step()), 1..40),
    ) {
        let mut world = World::new();
        let mut books = Books::default();
        for product in &PRODUCTS[..6] {
            words::step(&mut world, &product.split_whitespace().collect::<Vec<_>>());
        }
        for (days, step) in &history {
            world.effects.clear();
            (world.refused, world.error) = (None, None);
            world.pass_to(world.now.saturating_add(days * 86_400_000_000));
            for step in step.split(';') {
                words::step(&mut world, &step.split_whitespace().collect::<Vec<_>>());
            }
            prop_assert_eq!(world.error, None);
            world.refused = None;
            // A trial that ends now is due now.
            world.catch_up();
            books.enter(&world.effects);
            books.balance_with(&world.store, world.now);
            check_invariants(&world);
        }
    }
}
