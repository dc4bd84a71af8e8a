//! Errors that change nothing, limits with a name, and what is forgotten.

use super::*;

#[test]
fn an_account_that_cannot_take_its_part_stops_all_of_it() {
    check(
        "
        product pack once credit=one:calls:50 credit=two:tokens:2000000000
        product pro monthly fixed=100 credit=one:calls:50 credit=two:tokens:2000000000
        use tokens 0.00000000000000000001
        buy O pack                      -> error=Overflow calls=0/0/0 orders=0 grants=0
        subscribe S pro checkout        -> error=Overflow calls=0/0/0 orders=0 S=none due=never
    ",
    );
    check(
        "
        product pays yearly fixed=0 price=tokens:1
        product pro monthly fixed=100 credit=one:calls:50 credit=two:tokens:1
        subscribe T pays api
        subscribe S pro checkout
        product pro monthly fixed=100 credit=one:calls:50 credit=two:tokens:2000000000
        use tokens 2
        use tokens 0.00000000000000000001
        use calls 10
        now 2026-02-01
        cycle S 0 pro                   -> error=Overflow calls=50/10/40 S.index=0 orders=1
        product pro monthly fixed=100 credit=one:calls:50 credit=two:tokens:1
        cycle S 0 pro                   -> calls=50/0/50 S.index=1 orders=2
    ",
    );
}

#[test]
fn a_shard_without_room_takes_nothing() {
    check(
        "
        product pro monthly fixed=100 credit=one:calls:50 credit=two:tokens:100
        room 1
        subscribe S pro checkout        -> error=NoRoom S=none orders=0 calls=0/0/0
        room 2
        subscribe S pro checkout        -> calls=50/0/50 tokens=100/0/100
        at 2026-02-01                   -> orders=2
    ",
    );
    // A price alone starts no account.
    check(
        "
        product metered monthly fixed=0 price=tokens:1
        room 0
        subscribe S metered checkout
        at 2026-02-01                   -> lines=fixed:0,0u:0
    ",
    );
}

#[test]
fn a_price_without_measure_does_not_stop_the_cycle() {
    check(
        "
        product metered monthly fixed=1 price=tokens:10000000
        subscribe S metered checkout
        use tokens 9000000000000000000000
        at 2026-02-01                   -> order=cycle:9223372036854775807:pending S.index=1
    ",
    );
}

/// Applies without the checks of a ledger, which take longer with every order.
fn apply(
    customer: &mut Customer,
    command: &CustomerCommand,
) -> Result<CustomerVerdict, CustomerError> {
    let outcome = customer.apply(command, at("2026-01-01"), &mut Store::default())?;
    Ok(outcome.verdict)
}

fn terms(billing: Option<Interval>, fixed: i64) -> Arc<ProductTerms> {
    Arc::new(ProductTerms {
        product: ProductId(id("p")),
        currency: Currency::USD,
        billing,
        metering: None,
        trial: None,
        fixed: Some(FixedPrice { price: PriceId(id("p")), amount: Money(fixed) }),
        metered: Vec::new(),
        credits: Vec::new(),
    })
}

fn buy(customer: &mut Customer, nth: usize, fixed: i64) -> Result<CustomerVerdict, CustomerError> {
    let command = CustomerCommand::Buy(Buy {
        order: OrderId(Uuid::from_u128(nth as u128)),
        terms: terms(None, fixed),
        checkout: None,
        payment: Payment::Awaited,
    });
    apply(customer, &command)
}

#[test]
fn a_closed_order_makes_room_and_an_open_one_does_not() {
    let mut customer = Customer::default();
    buy(&mut customer, 0, 0).unwrap();
    for nth in 1..ORDERS_MAX {
        buy(&mut customer, nth, 100).unwrap();
    }
    assert_eq!(customer.orders().len(), ORDERS_MAX);
    buy(&mut customer, ORDERS_MAX, 100).unwrap();
    assert_eq!(customer.orders().len(), ORDERS_MAX);
    assert_eq!(customer.order(OrderId(Uuid::from_u128(0))), None);
    let before = customer.clone();
    assert_eq!(buy(&mut customer, ORDERS_MAX + 1, 0), Err(CustomerError::OrdersFull));
    assert_eq!(customer, before);
}

#[test]
fn subscriptions_have_a_limit() {
    let mut customer = Customer::default();
    let monthly = Some(Interval { unit: IntervalUnit::Month, count: 1 });
    let mut subscribe = |nth: usize| {
        let command = CustomerCommand::Subscribe(Subscribe {
            subscription: SubscriptionId(Uuid::from_u128(nth as u128)),
            terms: terms(monthly, 0),
            start: Start::Api,
            trial_end: None,
        });
        apply(&mut customer, &command)
    };
    for nth in 0..SUBSCRIPTIONS_MAX {
        assert_eq!(subscribe(nth), Ok(CustomerVerdict::Applied));
    }
    assert_eq!(subscribe(SUBSCRIPTIONS_MAX), Err(CustomerError::SubscriptionsFull));
}

#[test]
fn benefit_grants_have_a_limit() {
    let mut parts = Customer::default().into_parts();
    for nth in 0..BENEFIT_GRANTS_MAX {
        let purchase = Purchase::Order(OrderId(Uuid::from_u128(nth as u128)));
        let benefit = BenefitId(id("bonus"));
        parts.benefit_grants.push(BenefitGrant {
            id: derived_id::benefit_grant(purchase, benefit),
            purchase,
            benefit,
            created_at: at("2026-01-01"),
            modified_at: None,
            granted_at: at("2026-01-01"),
            revoked_at: None,
            last_credit: None,
            credits_made: 0,
            awaits: None,
        });
    }
    let mut customer = Customer::try_from(parts).unwrap();
    let mut pack = ProductTerms::clone(&terms(None, 0));
    pack.credits.push(Credit {
        benefit: BenefitId(id("bonus")),
        meter: meter("tokens"),
        units: 1,
        rollover: Rollover::Ends,
    });
    let command = CustomerCommand::Buy(Buy {
        order: OrderId(id("O")),
        terms: Arc::new(pack),
        checkout: None,
        payment: Payment::Received,
    });
    assert_eq!(apply(&mut customer, &command), Err(CustomerError::BenefitGrantsFull));
}

#[test]
fn closed_orders_are_forgotten_by_age_and_by_number() {
    check(
        "
        product pro monthly fixed=0 credit=bonus:tokens:100
        subscribe S pro checkout
        at 2026-06-01                   -> orders=6
        forget 10 1000                  -> ordered=none orders=6
        forget 4 1000                   -> ordered=forgotten,forgotten orders=4 S/0=none S/1=none
        forget 4 31                     -> ordered=forgotten,forgotten,forgotten orders=1
        and                             -> S/5=cycle:0:paid S=active tokens=100/0/100
        at 2026-07-01                   -> orders=2 order=cycle:0:paid
    ",
    );
    check(
        "
        product pro monthly fixed=700
        subscribe S pro checkout
        at 2026-04-01                   -> orders=4
        forget 0 0                      -> ordered=forgotten orders=3 S/1=cycle:700:pending
        paid S/1
        forget 0 0                      -> orders=2
    ",
    );
}

#[test]
fn what_has_ended_is_forgotten_once_it_leaves_nothing() {
    check(
        "
        product pro monthly fixed=700 credit=bonus:tokens:100
        product pack once credit=pack:tokens:5
        buy O pack
        subscribe S pro checkout
        at 2026-02-01
        cancel S
        at 2026-03-01                   -> S=canceled
        forget 100 10                   -> did=none subscriptions=1
        at 2026-03-11
        forget 100 10                   -> did=none subscriptions=1 S/1=cycle:700:pending
        paid S/1
        forget 100 10                   -> did=none subscriptions=1 S/0=none S/1=cycle:700:paid
        at 2026-03-21
        forget 100 10                   -> did=forgotten granted=forgotten subscriptions=0 grants=1
        and                             -> pack@O=live:5 tokens=5/0/5
    ",
    );
    // Credits that nobody took back keep it in mind, for the turnover that ends them.
    check(
        "
        product pro monthly fixed=0 credit=bonus:tokens:100
        subscribe S pro api
        subscribe T pro api
        revoke S
        at 2026-01-20
        forget 0 0                      -> subscriptions=2
        at 2026-02-01
        forget 0 0                      -> subscriptions=1 grants=1 S=none
    ",
    );
}

#[test]
fn it_says_whether_there_is_anything_to_forget() {
    let mut customer = Customer::default();
    let now = at("2026-01-01");
    let all = Retention { closed_orders_max: 0, age_max: 0 };
    assert!(!customer.has_forgettable(now, all));
    buy(&mut customer, 1, 0).unwrap();
    assert!(customer.has_forgettable(now, all));
    assert!(!customer.has_forgettable(now, Retention::default()));
    apply(&mut customer, &CustomerCommand::Forget(all)).unwrap();
    assert_eq!(customer, Customer::default());
}
