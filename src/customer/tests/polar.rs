//! Polar's rules, each as a history.

use super::*;

#[test]
fn a_checkout_makes_the_first_order_and_the_api_none() {
    check(
        "
        product pro monthly fixed=1500 credit=bonus:tokens:100
        subscribe S pro checkout        -> did=created,active,updated order=create:1500:paid
        and                             -> tokens=100/0/100 bonus@S=live:100 S=active
        and                             -> S.period=2026-01-01..2026-02-01 S.amount=1500
        subscribe T pro api             -> did=created,active,updated order=none orders=1
        and                             -> tokens=200/0/200
        subscribe S pro api             -> refused=SubscriptionAlreadyMade
    ",
    );
}

#[test]
fn a_cycle_settles_resets_orders_and_credits_in_one_step() {
    check(
        "
        product pro monthly fixed=1500 price=tokens:0.5:5000 credit=bonus:tokens:100
        subscribe S pro checkout
        use tokens 115                  -> tokens=100/115/-15 S.due=tokens:8
        at 2026-02-01                   -> did=updated,cycled order=cycle:1508:pending
        and                             -> S.period=2026-02-01..2026-03-01 S.index=1
        and                             -> tokens=100/0/100 bonus@S=live:100 S.due=tokens:0
        use tokens 20100                -> S.due=tokens:5000
        at 2026-03-01                   -> lines=fixed:1500,20000u:5000 granted=cycled
    ",
    );
    check(
        "
        product pro monthly fixed=1500 price=tokens:0.5 credit=bonus:tokens:100
        subscribe S pro checkout
        at 2026-02-01                   -> lines=fixed:1500,0u:0 ordered=created
        and                             -> orders=2
        paid S/1                        -> ordered=paid did=none granted=none tokens=100/0/100
        paid S/1                        -> refused=OrderAlreadyPaid
        failed S/1                      -> refused=OrderAlreadyPaid
        paid S/7                        -> refused=NoSuchOrder
        failed S/7                      -> refused=NoSuchOrder
    ",
    );
    // The fixed price is for the time ahead, the overage for the time behind.
    check(
        "
        product pro monthly fixed=1500 price=tokens:1
        subscribe S pro checkout        -> times=2026-01-01..2026-02-01
        use tokens 3
        at 2026-02-01                   -> times=2026-02-01..2026-03-01,2026-01-01..2026-02-01
    ",
    );
}

#[test]
fn credits_wait_for_the_payment_when_they_are_due_on_it() {
    check(
        "
        product pro monthly fixed=1500 credit=roll:tokens:10:rolls credit=stay:tokens:100
        credit on paid
        subscribe S pro checkout        -> tokens=110/0/110
        use tokens 102
        at 2026-02-01                   -> order=cycle:1500:pending tokens=8/0/8 carried=8
        and                             -> roll@S=waits:10 stay@S=waits:100 granted=none
        use tokens 3
        at 2026-02-04
        paid S/1                        -> granted=cycled,cycled tokens=118/3/115 stay@S=live:100
        at 2026-03-01                   -> tokens=18/0/18
        at 2026-04-01                   -> tokens=18/0/18 orders=4
        paid S/2                        -> granted=none tokens=18/0/18
        paid S/3                        -> granted=cycled,cycled tokens=128/0/128
    ",
    );
    // An order over nothing is paid at once.
    check(
        "
        product free monthly fixed=0 credit=bonus:tokens:100
        credit on paid
        subscribe S free api
        use tokens 30
        at 2026-02-01                   -> order=cycle:0:paid tokens=100/0/100 granted=cycled
    ",
    );
    // Overage is part of what is to be paid.
    check(
        "
        product free monthly fixed=0 price=tokens:1 credit=bonus:tokens:100
        credit on paid
        subscribe S free api
        use tokens 130
        at 2026-02-01                   -> order=cycle:30:pending tokens=0/0/0 bonus@S=waits:100
        paid S/1                        -> tokens=100/0/100
    ",
    );
}

#[test]
fn a_failed_payment_revokes_and_a_later_one_grants_again() {
    check(
        "
        product pro monthly fixed=1500 credit=bonus:tokens:100
        subscribe S pro checkout
        use tokens 30
        at 2026-02-01
        use tokens 10                   -> tokens=100/10/90
        failed S/1                      -> did=updated,pastdue granted=revoked S=past_due
        and                             -> tokens=0/10/-10 bonus@S=revoked:100 due=never
        and                             -> S.overdue=2026-02-01
        failed S/1                      -> did=none
        at 2026-02-20
        cycle S 1 pro                   -> refused=SubscriptionInactive
        paid S/1                        -> did=updated,active granted=updated S=active
        and                             -> tokens=100/10/90 S.overdue=no due=2026-03-01
        at 2026-03-01                   -> tokens=100/0/100
    ",
    );
    // What passed meanwhile is crossed afterwards, boundary by boundary.
    check(
        "
        product pro monthly fixed=1500 credit=bonus:tokens:100
        subscribe S pro checkout
        at 2026-02-01
        failed S/1
        at 2026-05-10                   -> S=past_due S.index=1
        paid S/1                        -> due=2026-03-01
        late 2026-05-10                 -> S.index=4 S.period=2026-05-01..2026-06-01 orders=5
        and                             -> tokens=100/0/100
    ",
    );
    // Under payment first: between turnover and payment there is only what was carried.
    check(
        "
        product pro monthly fixed=1500 credit=roll:tokens:10:rolls
        credit on paid
        subscribe S pro checkout
        use tokens 4
        at 2026-02-01                   -> tokens=6/0/6
        failed S/1                      -> tokens=0/0/0 S=past_due
        paid S/1                        -> tokens=10/0/10 roll@S=live:10
    ",
    );
}

#[test]
fn a_revoke_bills_only_with_a_meter_interval() {
    check(
        "
        product pro monthly fixed=1500 price=tokens:1 credit=bonus:tokens:100
        subscribe S pro checkout
        use tokens 130
        revoke S                        -> did=updated,canceled,revoked order=none billed=none
        and                             -> tokens=0/130/-130 S=canceled S.ended=2026-01-01
        revoke S                        -> refused=SubscriptionAlreadyCanceled
        cancel S                        -> refused=SubscriptionAlreadyCanceled
        uncancel S                      -> refused=SubscriptionNotCanceled
    ",
    );
    check(
        "
        product pro yearly meter=1month fixed=1500 price=tokens:1 credit=bonus:tokens:100
        subscribe S pro checkout
        use tokens 130
        at 2026-01-10
        revoke S                        -> billed=30 order=cancel:30:pending tokens=0/0/0
        and                             -> granted=revoked
        paid S/1                        -> did=none tokens=0/0/0
    ",
    );
}

#[test]
fn a_revoke_voids_what_is_still_to_be_paid() {
    check(
        "
        product pro monthly fixed=1500
        subscribe S pro checkout
        at 2026-02-01                   -> order=cycle:1500:pending
        revoke S                        -> ordered=voided
        and                             -> S/1=cycle:1500:void S/0=create:1500:paid
        paid S/1                        -> refused=OrderVoided
        failed S/1                      -> refused=OrderVoided
    ",
    );
}

#[test]
fn a_cancellation_can_be_taken_back() {
    check(
        "
        product pro monthly fixed=1500 credit=bonus:tokens:100
        subscribe S pro checkout
        at 2026-01-20
        cancel S                        -> S=active S.ends=2026-02-01 S.canceled=2026-01-20
        cancel S                        -> refused=SubscriptionAlreadyCanceled
        change S pro now                -> refused=SubscriptionAlreadyCanceled
        period S 2026-03-01             -> refused=SubscriptionAlreadyCanceled
        uncancel S                      -> did=updated,uncanceled S.ends=never S.canceled=no
        uncancel S                      -> refused=SubscriptionNotCanceled
        at 2026-02-01                   -> did=updated,cycled tokens=100/0/100
        cancel T                        -> refused=NoSuchSubscription
    ",
    );
}

#[test]
fn an_end_without_anything_to_bill_makes_no_order_and_carries_nothing() {
    check(
        "
        product pro monthly fixed=1500 credit=roll:tokens:10:rolls
        subscribe S pro checkout
        cancel S
        at 2026-02-01                   -> did=updated,canceled,revoked order=none carried=none
        and                             -> tokens=0/0/0 roll@S=revoked:10 granted=revoked
    ",
    );
}

#[test]
fn the_same_benefit_twice_is_taken_back_with_the_last_one() {
    check(
        "
        product pro monthly fixed=0 credit=bonus:tokens:100
        subscribe S pro api
        subscribe T pro api             -> tokens=200/0/200
        use tokens 30
        revoke S                        -> tokens=200/30/170 bonus@S=revoked:100 S.leftover=1
        at 2026-02-01                   -> tokens=100/0/100 S.leftover=0
        revoke T                        -> tokens=0/0/0
    ",
    );
    // As with Polar's reset, what rolls over stays until it is used.
    check(
        "
        product pro monthly fixed=0 credit=bonus:tokens:100:rolls
        subscribe S pro api
        subscribe T pro api             -> tokens=200/0/200
        revoke S                        -> tokens=200/0/200
        use tokens 30
        at 2026-02-01                   -> carried=170 tokens=270/0/270 S.leftover=1
        use tokens 250
        at 2026-03-01                   -> carried=20 tokens=120/0/120 S.leftover=0
    ",
    );
    check(
        "
        product pro monthly fixed=0 credit=bonus:tokens:100
        product pack once credit=bonus:tokens:100
        buy O pack
        subscribe S pro api             -> tokens=200/0/200
        failed S/1                      -> refused=NoSuchOrder
        revoke S                        -> tokens=200/0/200 bonus@O=live:100
        delete                          -> tokens=100/0/100 bonus@O=revoked:100
    ",
    );
}

#[test]
fn a_purchase_credits_once_when_it_is_paid() {
    check(
        "
        product pack once fixed=900 credit=pack:tokens:50
        product gift once credit=pack:tokens:50
        buy O pack                      -> order=purchase:900:paid tokens=50/0/50 pack@O=live:50
        buy O pack                      -> refused=OrderAlreadyMade
        buy Oa pack awaited             -> order=purchase:900:pending tokens=50/0/50 pack@Oa=none
        failed Oa                       -> did=none tokens=50/0/50
        paid Oa                         -> granted=created tokens=100/0/100
        paid Oa                         -> refused=OrderAlreadyPaid tokens=100/0/100
        buy Ob gift awaited             -> order=purchase:0:paid tokens=150/0/150
        at 2027-01-01                   -> tokens=150/0/150
    ",
    );
}

#[test]
fn a_deleted_customer_keeps_nothing() {
    check(
        "
        product pro monthly fixed=1500 credit=bonus:tokens:100
        product metered yearly meter=1month fixed=0 price=calls:2 credit=more:calls:10
        product pack once fixed=900 credit=pack:tokens:50
        subscribe S pro checkout
        subscribe T metered api
        buy O pack
        buy Oa pack awaited
        use tokens 30
        use calls 25
        at 2026-01-20
        delete                          -> order=cancel:30:pending ordered=created,voided billed=15
        and                             -> tokens=0/30/-30 calls=0/0/0 S=canceled T=canceled
        and                             -> granted=revoked,revoked,revoked due=never
        delete                          -> did=none granted=none
        paid Oa                         -> refused=OrderVoided
    ",
    );
}
