//! The histories of the design's table, with the customer in charge. Rows that purchases have no
//! part in are ledgers of the account.

use super::*;

#[test]
fn a_subscription_revoked_after_use_leaves_the_use() {
    check(
        "
        product pro monthly fixed=0 credit=bonus:tokens:100
        subscribe S pro api             -> tokens=100/0/100 bonus@S=live:100
        use tokens 30
        revoke S                        -> tokens=0/30/-30 S=canceled bonus@S=revoked:100
    ",
    );
}

#[test]
fn the_same_beside_a_purchase() {
    check(
        "
        product pro monthly fixed=0 credit=bonus:tokens:100
        product pack once credit=pack:tokens:50
        buy O pack                      -> order=purchase:0:paid tokens=50/0/50
        subscribe S pro api             -> tokens=150/0/150
        use tokens 30
        revoke S                        -> tokens=50/30/20
    ",
    );
}

#[test]
fn a_purchase_survives_the_turnover_of_a_later_subscription() {
    check(
        "
        product pro monthly fixed=0 credit=bonus:tokens:100
        product pack once credit=pack:tokens:50
        buy O pack
        at 2026-01-10
        subscribe S pro api             -> tokens=150/0/150
        use tokens 120
        at 2026-02-10                   -> tokens=150/20/130 order=cycle:0:paid
    ",
    );
}

#[test]
fn rolling_and_other_credits_of_one_subscription() {
    check(
        "
        product pro monthly fixed=0 credit=roll:tokens:10:rolls credit=stay:tokens:5
        subscribe S pro api
        use tokens 6
        at 2026-02-01                   -> carried=9 tokens=24/0/24
    ",
    );
}

#[test]
fn overage_belongs_to_the_subscription_that_has_the_price() {
    check(
        "
        product metered monthly fixed=0 price=tokens:1 credit=one:tokens:100
        product plain monthly fixed=0 credit=two:tokens:100
        subscribe S metered api
        subscribe T plain api           -> tokens=200/0/200
        revoke T                        -> tokens=100/0/100
        at 2026-01-02
        use tokens 130                  -> tokens=100/130/-30 S.due=tokens:30
        subscribe U plain api           -> tokens=200/130/70 S.due=tokens:0
        at 2026-02-01                   -> billed=0 order=cycle:0:paid
        use tokens 1                    -> tokens=200/31/169
    ",
    );
    check(
        "
        product metered monthly fixed=0 price=tokens:1 credit=one:tokens:100
        product plain every=1week fixed=0
        subscribe S metered api
        use tokens 130                  -> S.due=tokens:30
        subscribe T plain api
        product plain every=1week fixed=0 credit=two:tokens:100
        at 2026-01-08                   -> tokens=200/130/70 billed=none S.due=tokens:0
        at 2026-02-01                   -> billed=0
    ",
    );
}

#[test]
fn a_cancelled_subscription_bills_its_overage_once() {
    check(
        "
        product metered monthly fixed=700 price=tokens:2 credit=one:tokens:100
        subscribe S metered checkout    -> order=create:700:paid
        use tokens 130
        cancel S                        -> S=active S.ends=2026-02-01 did=updated,canceled
        at 2026-02-01                   -> billed=30 order=cancel:60:pending lines=30u:60
        and                             -> tokens=0/0/0 S=canceled S.ended=2026-02-01 due=never
        at 2026-06-01                   -> orders=2 tokens=0/0/0
    ",
    );
}

#[test]
fn what_was_used_before_a_start_by_the_api_is_never_billed() {
    check(
        "
        product metered monthly fixed=0 price=tokens:1 credit=one:tokens:100
        use tokens 30                   -> tokens=0/30/-30
        subscribe S metered api         -> tokens=100/30/70 S.due=tokens:0
        use tokens 120                  -> tokens=100/150/-50 S.due=tokens:20
        at 2026-02-01                   -> billed=20 order=cycle:20:pending tokens=100/0/100
        use tokens 110
        at 2026-03-01                   -> billed=10
    ",
    );
}

#[test]
fn a_start_through_a_checkout_counts_from_zero() {
    check(
        "
        product metered monthly fixed=0 price=tokens:1 credit=one:tokens:100
        use tokens 30                   -> tokens=0/30/-30
        subscribe S metered checkout    -> tokens=100/0/100 order=create:0:paid
        use tokens 120                  -> tokens=100/120/-20 S.due=tokens:20
        at 2026-02-01                   -> billed=20
    ",
    );
    check(
        "
        product metered monthly fixed=0 price=tokens:1 credit=one:tokens:100
        product pack once credit=pack:tokens:50
        buy O pack
        use tokens 20                   -> tokens=50/20/30
        subscribe S metered checkout    -> tokens=150/20/130
    ",
    );
    // Not where the overage is somebody else's.
    check(
        "
        product metered monthly fixed=0 price=tokens:1
        subscribe S metered checkout
        use tokens 30                   -> S.due=tokens:30
        subscribe T metered checkout    -> tokens=0/30/-30 S.due=tokens:30 T.due=tokens:0
        at 2026-02-01                   -> billed=30 tokens=0/0/0
    ",
    );
}

#[test]
fn without_a_price_anything_uncovered_is_cleared_and_never_billed() {
    check(
        "
        product plain monthly fixed=500 credit=bonus:tokens:100
        subscribe S plain checkout
        use tokens 130                  -> tokens=100/130/-30
        at 2026-02-01                   -> billed=none order=cycle:500:pending tokens=100/0/100
    ",
    );
}
