//! Changes to a subscription that runs, by Polar's rules: its product, its trial, its benefits, and
//! whose overage is whose then.

use super::*;

#[test]
fn a_change_now_revokes_first_then_grants_and_leaves_what_is_shared() {
    check(
        "
        product small monthly fixed=500 credit=base:tokens:10 credit=old:tokens:5
        product large monthly fixed=900 credit=base:tokens:10 credit=new:tokens:50
        subscribe S small checkout
        use tokens 12                   -> tokens=15/12/3
        at 2026-01-10
        change S large now              -> granted=revoked,created did=updated order=none
        and                             -> tokens=60/12/48 base@S=live:10 S.amount=900
        and                             -> S.period=2026-01-01..2026-02-01
        at 2026-02-01                   -> tokens=60/0/60 order=cycle:900:pending
        and                             -> granted=cycled,cycled old@S=revoked:5
    ",
    );
    check(
        "
        product small monthly fixed=500
        product euro monthly fixed=500 currency=eur
        product pack once
        product odd every=3month meter=2month
        subscribe S small checkout
        change S euro now               -> refused=OtherCurrency
        change S pack now               -> refused=ProductNotRecurring
        change S odd next               -> refused=MeterIntervalDoesNotDivide
        subscribe T pack api            -> refused=ProductNotRecurring
        subscribe T odd api             -> refused=MeterIntervalDoesNotDivide
        buy O small                     -> refused=ProductRecurring
    ",
    );
}

#[test]
fn a_change_for_the_next_period_waits_for_it() {
    check(
        "
        product small monthly fixed=500 credit=old:tokens:5:rolls credit=base:tokens:10
        product large monthly fixed=900 price=tokens:1 credit=base:tokens:10 credit=new:tokens:50
        subscribe S small checkout
        change S large next             -> did=updated granted=none tokens=15/0/15 S.amount=500
        use tokens 20
        cycle S 0 large                 -> refused=PeriodNotOver
        at 2026-02-01                   -> billed=none order=cycle:900:pending lines=fixed:900
        and                             -> granted=revoked,cycled,created tokens=60/0/60
        use tokens 70
        at 2026-03-01                   -> billed=10 order=cycle:910:pending
    ",
    );
    // What is carried of a benefit that goes, goes with it.
    check(
        "
        product small monthly fixed=500 credit=old:tokens:5:rolls
        product large monthly fixed=900 credit=new:tokens:50
        subscribe S small checkout
        change S large next
        at 2026-02-01                   -> carried=5 tokens=50/0/50
    ",
    );
    check(
        "
        product small monthly fixed=500
        product large monthly fixed=900
        subscribe S small checkout
        clear S                         -> refused=NoChangePending
        change S large next
        clear S                         -> did=updated
        at 2026-02-01                   -> order=cycle:500:pending
    ",
    );
}

#[test]
fn a_change_for_the_next_period_may_change_its_pace() {
    check(
        "
        product small monthly fixed=500
        product large yearly fixed=5000
        at 2026-01-31
        subscribe S small checkout
        change S large next
        at 2026-02-28                   -> S.period=2026-02-28..2027-02-28 order=cycle:5000:pending
    ",
    );
    // A benefit that is new then comes with the payment, when credits wait for that.
    check(
        "
        product small monthly fixed=500 credit=base:tokens:10
        product large monthly fixed=900 credit=base:tokens:10 credit=new:tokens:50
        credit on paid
        subscribe S small checkout
        change S large next
        at 2026-02-01                   -> tokens=0/0/0 base@S=waits:10 new@S=none
        paid S/1                        -> granted=cycled,created tokens=60/0/60
    ",
    );
}

#[test]
fn what_is_past_due_changes_too_and_goes_on_where_it_stood() {
    check(
        "
        product small yearly meter=1month fixed=500 price=tokens:1 credit=base:tokens:10
        product large yearly meter=3month fixed=900 price=tokens:1 credit=base:tokens:10
        subscribe S small checkout
        use tokens 12
        at 2026-02-01                   -> order=cycle:2:pending
        failed S/2026-02-01             -> S=past_due S.meter=2026-02-01..2026-03-01
        at 2026-03-20
        change S large now              -> granted=none S.meter=2026-01-01..2026-04-01
        paid S/2026-02-01               -> S=active tokens=10/0/10 due=2026-04-01
        at 2026-04-01                   -> S.meter=2026-04-01..2026-07-01 granted=cycled orders=3
    ",
    );
}

#[test]
fn a_change_with_reset_starts_a_period_and_resets_no_meter() {
    check(
        "
        product small monthly fixed=500 price=tokens:1 credit=base:tokens:10
        product large monthly fixed=900 price=tokens:1 credit=base:tokens:10 credit=new:tokens:50
        subscribe S small checkout
        use tokens 15                   -> S.due=tokens:5
        at 2026-01-20
        change S large reset            -> order=update:900:pending S.index=1 billed=none
        and                             -> S.period=2026-01-20..2026-02-20 tokens=60/15/45
        at 2026-02-20                   -> billed=0 tokens=60/0/60 due=2026-03-20
    ",
    );
    // Another interval has no place in the current period.
    check(
        "
        product small monthly fixed=500 credit=base:tokens:10
        product large yearly fixed=5000 credit=base:tokens:10
        subscribe S small checkout
        at 2026-01-20
        change S large now              -> order=update:5000:pending tokens=10/0/10
        and                             -> S.period=2026-01-20..2027-01-20
    ",
    );
}

#[test]
fn overage_changes_hands_without_being_billed() {
    // To a product with a price: what was used before is not billed by it.
    check(
        "
        product plain monthly fixed=0
        product metered monthly fixed=0 price=tokens:1
        subscribe S plain api
        use tokens 30
        change S metered now            -> tokens=0/30/-30 S.due=tokens:0
        use tokens 12                   -> S.due=tokens:12
        at 2026-02-01                   -> billed=12 tokens=0/0/0
    ",
    );
    // From one subscription to the next.
    check(
        "
        product metered monthly fixed=0 price=tokens:1 credit=one:tokens:100
        product other monthly fixed=0 price=tokens:1 credit=two:tokens:100
        subscribe S metered api
        subscribe T other api
        use tokens 230                  -> S.due=tokens:30 T.due=tokens:0
        revoke S                        -> tokens=100/230/-130 T.due=tokens:0
        use tokens 7                    -> T.due=tokens:7
        at 2026-02-01                   -> billed=7 order=cycle:7:pending tokens=100/0/100
    ",
    );
    // A price that is gone bills nothing any more.
    check(
        "
        product metered monthly fixed=0 price=tokens:1
        product plain monthly fixed=0
        subscribe S metered api
        use tokens 30                   -> S.due=tokens:30
        change S plain now
        at 2026-02-01                   -> billed=none order=cycle:0:paid
    ",
    );
}

#[test]
fn a_trial_credits_at_once_and_bills_nothing_that_was_used_on_it() {
    check(
        "
        product pro monthly fixed=1500 price=tokens:1 credit=bonus:tokens:100
        subscribe S pro checkout trial=2026-01-15   -> order=create:0:paid lines=trial:0 S=trialing
        and                             -> tokens=100/0/100 S.period=2026-01-01..2026-01-15
        use tokens 130                  -> S.due=tokens:0
        at 2026-01-15                   -> order=after_trial:1500:pending S=active billed=none
        and                             -> tokens=100/0/100 S.period=2026-01-15..2026-02-15
        and                             -> S.trial=2026-01-01..2026-01-15 S.index=1
        use tokens 101
        at 2026-02-15                   -> order=cycle:1501:pending
    ",
    );
    check(
        "
        product pro monthly fixed=1500 price=tokens:1 credit=bonus:tokens:100
        subscribe S pro checkout trial=2026-01-15
        use tokens 130
        cancel S                        -> S.ends=2026-01-15
        at 2026-01-15                   -> order=none S=canceled tokens=0/0/0
        subscribe T pro api trial=2026-01-15    -> refused=EndTooEarly
    ",
    );
    // A trial that ends on the last of February starts periods on the 28th.
    check(
        "
        product pro monthly fixed=1500
        at 2026-01-31
        subscribe S pro checkout trial=2026-02-28
        at 2026-02-28                   -> S.period=2026-02-28..2026-03-28
    ",
    );
}

#[test]
fn the_end_of_a_trial_can_be_moved() {
    check(
        "
        product pro monthly fixed=1500 credit=bonus:tokens:100
        subscribe S pro checkout trial=2026-01-15
        trial S 2026-01-20              -> did=updated due=2026-01-20 S.trial=2026-01-01..2026-01-20
        trial S 2026-01-01              -> refused=EndTooEarly
        at 2026-01-05
        trial S now                     -> due=2026-01-05 S=trialing
        at 2026-01-05                   -> S=active S.period=2026-01-05..2026-02-05
        trial S now                     -> refused=NotOnTrial
        trial S 2026-02-01              -> refused=EndTooEarly
        use tokens 30
        trial S 2026-02-20              -> S=trialing S.period=2026-01-05..2026-02-20
        at 2026-02-20                   -> order=after_trial:1500:pending tokens=100/0/100
    ",
    );
    check(
        "
        product pro yearly meter=1month fixed=1500 credit=bonus:tokens:100
        subscribe S pro checkout        -> S.meter=2026-01-01..2026-02-01
        trial S 2027-03-01              -> S.meter=none due=2027-03-01
        cancel S                        -> S.ends=2027-03-01
        trial S 2027-02-01              -> S.ends=2027-02-01
        at 2027-02-01                   -> S=canceled S.ended=2027-02-01
    ",
    );
    // A product without a trial ends it, one with a shorter one shortens it.
    check(
        "
        product pro monthly fixed=1500 trial=14day
        product week monthly fixed=900 trial=7day
        product plain monthly fixed=700
        subscribe S pro checkout trial=2026-01-15
        at 2026-01-03
        change S week now               -> S.trial=2026-01-01..2026-01-08 order=none
        change S plain now              -> S.trial=2026-01-01..2026-01-03 due=2026-01-03
        at 2026-01-03                   -> order=after_trial:700:pending
    ",
    );
}

#[test]
fn edited_benefits_reach_running_subscriptions() {
    check(
        "
        product pro monthly fixed=1500 credit=base:tokens:10 credit=old:tokens:5
        subscribe S pro checkout
        use tokens 12
        product pro monthly fixed=9999 credit=base:tokens:40 credit=new:tokens:50
        sync pro                        -> granted=revoked,created tokens=60/12/48 base@S=live:10
        sync pro                        -> granted=none did=none tokens=60/12/48
        at 2026-02-01                   -> order=cycle:1500:pending tokens=90/0/90 base@S=live:40
        failed S/1                      -> tokens=0/0/0
        product pro monthly fixed=1500 credit=base:tokens:1
        sync pro                        -> granted=none tokens=0/0/0
        paid S/1                        -> granted=updated tokens=1/0/1
        product other monthly fixed=0 credit=base:tokens:7
        sync other                      -> granted=none tokens=1/0/1
    ",
    );
    // Without a sync the cycle finds the same.
    check(
        "
        product pro monthly fixed=0 credit=base:tokens:10 credit=old:tokens:5:rolls
        subscribe S pro api
        product pro monthly fixed=0 credit=base:tokens:40 credit=new:tokens:50
        at 2026-02-01                   -> granted=revoked,cycled,created tokens=90/0/90
    ",
    );
}
