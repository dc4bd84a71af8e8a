//! When things happen: month ends, moved periods, meter periods, and coming late.

use super::*;

#[test]
fn the_31st_comes_back_after_february() {
    check(
        "
        product pro monthly fixed=0 credit=bonus:tokens:100
        at 2026-01-31
        subscribe S pro api             -> S.period=2026-01-31..2026-02-28
        at 2026-02-28                   -> S.period=2026-02-28..2026-03-31
        at 2026-04-29                   -> S.period=2026-03-31..2026-04-30
        at 2028-02-29                   -> S.period=2028-02-29..2028-03-31
    ",
    );
    check(
        "
        product pro yearly fixed=0 credit=bonus:tokens:100
        at 2028-02-29
        subscribe S pro api             -> S.period=2028-02-29..2029-02-28
        at 2031-05-01                   -> S.period=2031-02-28..2032-02-29 S.index=3
        at 2032-02-29                   -> S.period=2032-02-29..2033-02-28
    ",
    );
}

#[test]
fn a_period_turns_over_once_whoever_asks_how_often() {
    check(
        "
        product pro monthly fixed=100 credit=bonus:tokens:100
        product other monthly fixed=100 credit=bonus:tokens:100
        subscribe S pro api
        cycle S 0 pro                   -> refused=PeriodNotOver
        cycle S 1 pro                   -> refused=NotTheCurrentPeriod
        at 2026-02-01                   -> orders=1 tokens=100/0/100
        use tokens 40
        cycle S 0 pro                   -> refused=NotTheCurrentPeriod orders=1 tokens=100/40/60
        cycle S 1 pro                   -> refused=PeriodNotOver
        now 2026-03-01
        cycle S 1 other                 -> refused=TermsOfAnotherProduct
        cycle S 0 pro                   -> refused=NotTheCurrentPeriod
        cycle S 1 pro                   -> order=cycle:100:pending
        cycle S 1 pro                   -> refused=NotTheCurrentPeriod
        cycle T 0 pro                   -> refused=NoSuchSubscription
    ",
    );
    check(
        "
        product pro yearly meter=1month fixed=100
        product other monthly fixed=100
        subscribe S pro api
        now 2027-01-01
        cycle S 0 pro                   -> refused=PeriodNotOver
        metercycle S 2026-02-01 other   -> refused=TermsOfAnotherProduct
        metercycle S 2026-03-01 pro     -> refused=NotTheCurrentPeriod
        metercycle S 2026-02-01 pro     -> S.meter=2026-02-01..2026-03-01
        metercycle S 2026-02-01 pro     -> refused=NotTheCurrentPeriod
        late 2027-01-01                 -> S.index=1
    ",
    );
}

#[test]
fn who_comes_late_crosses_every_boundary() {
    check(
        "
        product pro monthly fixed=100 price=tokens:1 credit=roll:tokens:10:rolls
        subscribe S pro api
        use tokens 4
        at 2026-02-01                   -> carried=6
        at 2026-03-01                   -> carried=16
        at 2026-04-15                   -> S.index=3 orders=3 tokens=36/0/36
    ",
    );
    check(
        "
        product pro monthly fixed=100 price=tokens:1 credit=roll:tokens:10:rolls
        subscribe S pro api
        use tokens 4
        late 2026-04-15                 -> S.index=3 orders=3 tokens=36/0/36 carried=48
        and                             -> S.period=2026-04-01..2026-05-01
    ",
    );
}

#[test]
fn a_moved_end_is_the_new_anchor() {
    check(
        "
        product pro monthly fixed=100 credit=bonus:tokens:100
        at 2026-01-31
        subscribe S pro api             -> S.period=2026-01-31..2026-02-28
        at 2026-02-10
        period S 2026-02-10             -> refused=EndTooEarly
        period S 2026-02-12             -> did=updated due=2026-02-12
        at 2026-02-12                   -> S.period=2026-02-12..2026-03-12
        at 2026-03-12                   -> S.period=2026-03-12..2026-04-12
        period S 2026-08-31             -> S.period=2026-03-12..2026-08-31
        at 2026-08-31                   -> S.period=2026-08-31..2026-09-30
        at 2026-09-30                   -> S.period=2026-09-30..2026-10-31
        period S 2026-10-31             -> due=2026-10-31
        revoke S
        period S 2026-12-31             -> refused=SubscriptionAlreadyCanceled
    ",
    );
}

#[test]
fn a_meter_interval_turns_meters_over_within_the_billing_period() {
    check(
        "
        product pro yearly meter=1month fixed=9000 price=tokens:2 credit=bonus:tokens:100
        at 2026-01-31
        subscribe S pro checkout        -> S.meter=2026-01-31..2026-02-28 due=2026-02-28
        use tokens 103
        at 2026-02-28                   -> order=cycle:6:pending lines=3u:6 tokens=100/0/100
        and                             -> times=2026-01-31..2026-02-28 granted=cycled did=updated
        and                             -> S.meter=2026-02-28..2026-03-31 S/2026-02-28=cycle:6:pending
        metercycle S 2026-02-28 pro     -> refused=NotTheCurrentPeriod
        metercycle S 2026-03-31 pro     -> refused=PeriodNotOver
        use tokens 5
        at 2026-03-31                   -> order=cycle:0:paid
        at 2027-01-30                   -> S.meter=2026-12-31..2027-01-31 orders=12
        use tokens 101
        at 2027-01-31                   -> order=cycle:9002:pending lines=fixed:9000,1u:2
        and                             -> S.meter=2027-01-31..2027-02-28 S.index=1
        and                             -> times=2027-01-31..2028-01-31,2026-12-31..2027-01-31
    ",
    );
    // Quarters by the month keep to the anchor's day.
    check(
        "
        product pro every=3month meter=1month fixed=0 credit=bonus:tokens:100
        at 2026-01-31
        subscribe S pro api
        at 2026-05-01                   -> S.period=2026-04-30..2026-07-31
        and                             -> S.meter=2026-04-30..2026-05-31
        at 2026-05-31                   -> order=none tokens=100/0/100
    ",
    );
}

#[test]
fn meter_periods_stand_still_while_a_payment_is_missing_and_on_trial() {
    check(
        "
        product pro yearly meter=1month fixed=9000 price=tokens:2 credit=bonus:tokens:100
        subscribe S pro checkout trial=2026-03-01   -> S.meter=none
        at 2026-02-15                   -> tokens=100/0/100
        use tokens 150
        at 2026-03-01                   -> order=after_trial:9000:pending S.meter=2026-03-01..2026-04-01
        failed S/1                      -> S=past_due due=never
        use tokens 20
        at 2026-05-15                   -> S.meter=2026-03-01..2026-04-01
        paid S/1                        -> due=2026-04-01
        late 2026-05-15                 -> S.meter=2026-05-01..2026-06-01 tokens=100/0/100
    ",
    );
}

#[test]
fn meter_credits_wait_for_the_meter_order() {
    check(
        "
        product pro yearly meter=1month fixed=9000 price=tokens:2 credit=bonus:tokens:100
        credit on paid
        subscribe S pro checkout
        use tokens 103
        at 2026-02-01                   -> order=cycle:6:pending tokens=0/0/0 bonus@S=waits:100
        paid S/2026-02-01               -> tokens=100/0/100 granted=cycled
        use tokens 5
        at 2026-03-01                   -> order=cycle:0:paid tokens=100/0/100
    ",
    );
    // Without a price there is no order to wait for.
    check(
        "
        product pro yearly meter=1month fixed=9000 credit=bonus:tokens:100
        credit on paid
        subscribe S pro checkout
        use tokens 103
        at 2026-02-01                   -> order=none tokens=100/0/100
    ",
    );
}

#[test]
fn a_moved_end_cuts_the_meter_period_and_a_later_one_frees_it() {
    check(
        "
        product pro yearly meter=1month fixed=9000 credit=bonus:tokens:100
        subscribe S pro checkout
        at 2026-01-10
        period S 2026-01-20             -> S.meter=2026-01-01..2026-01-20 due=2026-01-20
        period S 2026-02-10             -> S.meter=2026-01-01..2026-02-01 due=2026-02-01
        at 2026-02-10                   -> S.meter=2026-02-10..2026-03-10 S.period=2026-02-10..2027-02-10
    ",
    );
}

#[test]
fn a_change_of_the_meter_interval_takes_the_period_that_runs() {
    check(
        "
        product pro yearly meter=1month fixed=9000 credit=bonus:tokens:100
        product wide yearly meter=3month fixed=9000 credit=bonus:tokens:100
        product flat yearly fixed=9000 credit=bonus:tokens:100
        subscribe S pro checkout
        at 2026-05-15
        change S wide now               -> S.meter=2026-04-01..2026-07-01 due=2026-07-01
        change S flat now               -> S.meter=none due=2027-01-01
    ",
    );
}

#[test]
fn the_calendar_has_an_end() {
    check(
        "
        product pro every=65535year fixed=0 credit=bonus:tokens:100
        subscribe S pro api             -> due=never tokens=100/0/100
        at 2999-01-01                   -> S.index=0 tokens=100/0/100
    ",
    );
}
