//! What is put together from parts was checked: every history of the ledgers goes through it after
//! each step. Here is what is turned away.

use super::*;

/// A customer with one of everything.
fn parts() -> CustomerParts {
    let mut world = World::new();
    for line in [
        "product pro monthly fixed=700 credit=bonus:tokens:100",
        "subscribe S pro checkout",
        "subscribe T pro checkout trial=2026-05-01",
        "at 2026-02-01",
        "revoke S",
    ] {
        words::step(&mut world, &line.split_whitespace().collect::<Vec<_>>());
    }
    world.customer.into_parts()
}

fn refused(spoil: impl FnOnce(&mut CustomerParts)) -> bool {
    let mut parts = parts();
    spoil(&mut parts);
    Customer::try_from(parts).is_err()
}

#[test]
fn a_whole_customer_is_put_together_as_it_was() {
    let customer = Customer::try_from(parts()).unwrap();
    assert_eq!(customer.subscriptions().len(), 2);
    assert_eq!(customer.orders().len(), 3);
    assert_eq!(customer.benefit_grants().len(), 2);
    assert_eq!(customer.into_parts(), parts());
}

#[test]
fn what_no_history_leads_to_is_turned_away() {
    assert!(!refused(|_| {}));
    assert!(refused(|parts| parts.subscriptions[1].id = parts.subscriptions[0].id));
    assert!(refused(|parts| parts.orders.push(Arc::clone(&parts.orders[0]))));
    assert!(refused(|parts| parts.benefit_grants.push(parts.benefit_grants[0].clone())));
    assert!(refused(|parts| parts.benefit_grants[0].benefit = BenefitId(id("other"))));
    assert!(refused(|parts| parts.subscriptions[0].started_at = at("2027-01-01")));
    assert!(refused(|parts| parts.subscriptions[0].period.end = at("2020-01-01")));
    assert!(refused(|parts| parts.subscriptions[0].schedule.index = 9));
    assert!(refused(|parts| parts.subscriptions[0].ended_at = None));
    assert!(refused(|parts| parts.subscriptions[1].ended_at = Some(at("2026-02-01"))));
    assert!(refused(|parts| parts.subscriptions[1].status = SubscriptionStatus::PastDue));
    assert!(refused(|parts| parts.subscriptions[1].trial = None));
    assert!(refused(|parts| {
        let mut terms = ProductTerms::clone(&parts.subscriptions[0].terms);
        terms.billing = None;
        parts.subscriptions[0].terms = Arc::new(terms);
    }));
}

#[test]
fn ids_follow_from_what_they_name() {
    let (one, two) = (subscription_id("S"), subscription_id("T"));
    assert_eq!(derived_id::order_of_period(one, 3), derived_id::order_of_period(one, 3));
    let orders = [
        derived_id::order_of_period(one, 3),
        derived_id::order_of_period(one, 4),
        derived_id::order_of_period(two, 3),
        derived_id::order_of_meter_period(one, at("2026-03-01")),
        derived_id::order_of_meter_period(one, at("2026-04-01")),
    ];
    for (place, order) in orders.iter().enumerate() {
        assert!(!orders[..place].contains(order), "{place}");
        assert_eq!(order.0.get_version_num(), 4);
    }
    // Written down, because an id may never change: clients hold it.
    assert_eq!(orders[0].to_string(), ID_OF_PERIOD_3);
    let purchases = [Purchase::Subscription(one), Purchase::Order(OrderId(one.0))];
    let grants = purchases.map(|bought| derived_id::benefit_grant(bought, BenefitId(id("b"))));
    assert_ne!(grants[0], grants[1]);
    assert_ne!(derived_id::credit(grants[0], 0), derived_id::credit(grants[0], 1));
}

/// The first half of a SHA-256 that was computed elsewhere, with the bits of a UUIDv4.
const ID_OF_PERIOD_3: &str = "95250770-3edf-4de0-9727-c4b6d7b1a1c4";
