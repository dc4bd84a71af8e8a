use super::check;

#[test]
fn a_later_grant_pays_what_was_uncovered() {
    check(
        "
        grant a 100
        use 130      ->  100/130/-30 uncovered=30 a=gone ended=a:Spent:100:100
        grant b 50   ->  150/130/20 b=20 uncovered=0
        ",
    );
}

#[test]
fn a_revoke_leaves_what_was_used() {
    check(
        "
        grant plan 100 of S/credits
        use 30                  ->  100/30/70
        revoke S/credits 100    ->  0/30/-30 plan=gone ended=plan:Revoked:100:0
        revoke S/credits 100    ->  0/30/-30 refused=NothingToRevoke
        ",
    );
}

#[test]
fn what_a_revoked_grant_covered_is_drawn_again_from_the_others() {
    check(
        "
        grant once 50 order O/credits
        grant plan 100 of S/credits
        use 30                  ->  150/30/120 plan=70 once=50
        revoke S/credits 100    ->  50/30/20 once=20
        revoke order O/credits 50  ->  0/30/-30 once=gone
        ",
    );
}

#[test]
fn a_revoke_takes_the_last_credit_and_then_what_was_carried() {
    check(
        "
        grant a 40 of S/credits rolls
        turnover S clears carries then b 100 of S/credits rolls  ->  140/0/140 carried=40 a=40 b=100
        use 50                  ->  140/50/90 a=0 b=90
        revoke S/credits 100    ->  40/50/-10 b=gone a=0 uncovered=10
        revoke S/credits 100    ->  0/50/-50 a=gone ended=a:Revoked:40:0
        ",
    );
}

#[test]
fn a_revoke_of_less_than_the_grant_takes_only_that() {
    check(
        "
        grant a 140 of S/credits
        use 100
        revoke S/credits 100    ->  40/100/-60 a=0 ended=a:Revoked:100:0
        ",
    );
}

#[test]
fn an_expired_grant_leaves_both_sums() {
    check(
        "
        grant manual 50 expires=day3  ->  due=day3
        use 20.5
        day 2   ->  50/20.5/29.5 manual=29.5
        day 3   ->  0/0/0 manual=gone ended=manual:Expired:50:20.5 due=never
        ",
    );
}

#[test]
fn one_time_credits_survive_a_turnover_with_what_is_drawn() {
    check(
        "
        grant once 50 order O/credits
        grant plan 100 of S/credits
        use 120         ->  150/120/30 plan=0 once=30
        turnover S clears carries then next 100  ->  150/20/130 plan=gone once=30 next=100 carried=0
        ",
    );
}

#[test]
fn units_that_do_not_roll_burn_first() {
    check(
        "
        grant rolling 10 of S/a rolls
        use 6
        grant fixed 5 of S/b
        turnover S clears carries   ->  9/0/9 carried=9 rolling=9 fixed=gone
        ",
    );
}

#[test]
fn what_is_given_back_beyond_all_grants_raises_the_balance() {
    check(
        "
        use -10      ->  0/-10/10 uncovered=-10
        debit 4      ->  0/-6/6 refused=no
        grant a 5    ->  5/-6/11 a=5
        use 8        ->  5/2/3 a=3 uncovered=0
        ",
    );
}

#[test]
fn credits_of_another_subscription_pay_the_overage_too() {
    check(
        "
        turnover S1 starts then one 100
        use 130                          ->  100/130/-30
        turnover S2 leaves then two 100  ->  200/130/70 billed=nothing
        turnover S1 bills                ->  100/30/70 billed=0 two=70
        ",
    );
}

#[test]
fn the_turnover_of_another_subscription_leaves_the_overage() {
    check(
        "
        turnover S1 starts then one 100
        grant two 10 of S2/plan rolls
        use 130                   ->  110/130/-20
        turnover S2 leaves carries then more 5  ->  105/120/-15 carried=0 uncovered=15 billed=nothing
        turnover S1 bills         ->  5/5/0 billed=15 uncovered=0
        ",
    );
}

#[test]
fn a_subscription_cancelled_at_its_end_bills_and_credits_nothing() {
    check(
        "
        turnover S starts then plan 100 rolls
        use 130            ->  100/130/-30
        turnover S bills   ->  0/0/0 billed=30 carried=0 ended=plan:TurnedOver:100:100
        ",
    );
}

#[test]
fn what_was_uncovered_before_a_subscription_by_the_api_is_never_billed() {
    check(
        "
        use 30
        turnover S starts then plan 100  ->  100/30/70 plan=70
        use 120                          ->  100/150/-50
        turnover S bills then next 100   ->  100/0/100 billed=20
        use 130
        turnover S bills                 ->  0/0/0 billed=30
        ",
    );
}

#[test]
fn a_subscription_through_a_checkout_clears_what_was_uncovered() {
    check(
        "
        use 30
        turnover S clears then plan 100  ->  100/0/100 billed=nothing
        use 120
        turnover S bills                 ->  0/0/0 billed=20
        ",
    );
}

#[test]
fn a_late_turnover_is_decided_as_of_its_boundary() {
    check(
        "
        grant plan 100 of S/plan until=day3
        use 130
        grant soon 50 expires=day6
        grant later 30 from=day5
        turnover S bills at=day0 then next 10  ->  60/30/30 billed=0
        use 70             ->  60/100/-40 soon=gone next=0
        day 4
        void nothing       ->  refused=NoSuchGrant
        ",
    );
    check(
        "
        turnover S starts then plan 100
        use 130
        grant later 30 from=day5
        day 4              ->  100/130/-30
        turnover S bills at=day4 then next 10  ->  10/0/10 billed=30
        day 5              ->  40/0/40 later=30
        ",
    );
}

#[test]
fn the_grant_nearest_expiry_burns_first() {
    check(
        "
        grant plan 100
        grant promo 10 expires=day3
        use 12  ->  promo=gone plan=98 uncovered=0 ended=promo:Spent:10:10
        ",
    );
}

#[test]
fn a_lower_priority_burns_before_a_nearer_expiry() {
    check(
        "
        grant promo 10 expires=day3
        grant first 10 priority=-1
        use 4  ->  promo=10 first=6
        ",
    );
}

#[test]
fn a_cycle_grant_ends_with_its_period_unless_it_rolls() {
    check(
        "
        grant never 10
        grant rolling 10 of S/a rolls until=day3
        grant far 10 expires=day40
        grant cycle 10 of S/b until=day30
        grant near 10 expires=day20
        use 1   ->  near=9 cycle=10 far=10 rolling=10 never=10
        use 10  ->  near=gone cycle=9
        use 10  ->  cycle=0 far=9
        use 10  ->  far=gone rolling=9
        use 10  ->  rolling=0 never=9
        use -20 ->  never=10 rolling=10 cycle=9
        ",
    );
}

#[test]
fn among_equals_the_earliest_effective_and_then_the_first_made_burns_first() {
    check(
        "
        day 5
        grant b 10
        grant c 10
        grant a 10 from=day4
        use 1   ->  a=9 b=10 c=10
        use 10  ->  b=9 c=10
        use 10  ->  c=9
        ",
    );
}

#[test]
fn a_negative_draw_undoes_against_the_burn_order() {
    check(
        "
        grant a 10 of S/a until=day1
        grant b 10 of S/b until=day2
        use 25   ->  20/25/-5 uncovered=5
        use -8   ->  20/17/3 uncovered=0 a=0 b=3
        use -20  ->  20/-3/23 a=10 b=10 uncovered=-3
        use 5    ->  20/2/18 a=8 uncovered=0
        ",
    );
}

#[test]
fn a_debit_is_refused_unless_the_balance_covers_it() {
    check(
        "
        debit 1      ->  0/0/0 refused=InsufficientBalance
        grant a 10
        debit 10.01  ->  10/0/10 refused=InsufficientBalance
        debit 10     ->  10/10/0 refused=no
        debit 0      ->  10/10/0 refused=no
        use 1
        debit 0      ->  10/11/-1 refused=InsufficientBalance
        ",
    );
}

#[test]
fn a_grant_counts_from_its_effective_time() {
    check(
        "
        use 5
        grant later 10 from=day2 expires=day4  ->  0/5/-5 later=gone due=day2
        debit 1   ->  refused=InsufficientBalance
        day 2     ->  10/5/5 later=5 due=day4
        day 4     ->  0/0/0 ended=later:Expired:10:5
        ",
    );
}

#[test]
fn a_waiting_grant_can_be_voided_and_revoked() {
    check(
        "
        grant later 10 from=day2
        grant cycle 10 of S/a from=day3
        void later       ->  0/0/0 refused=no ended=later:Voided:10:0 due=day3
        revoke S/a 10    ->  0/0/0 refused=no ended=cycle:Revoked:10:0 due=never
        day 9            ->  0/0/0
        ",
    );
}

#[test]
fn a_void_takes_the_grant_with_what_is_drawn_of_it() {
    check(
        "
        grant a 10
        grant b 10
        use 4
        void a  ->  10/0/10 refused=no ended=a:Voided:10:4
        void a  ->  10/0/10 refused=NoSuchGrant
        ",
    );
}

#[test]
fn spent_grants_stay_in_the_sums_until_the_next_turnover() {
    check(
        "
        grant a 10 expires=day3
        use 10                ->  10/10/0 a=gone ended=a:Spent:10:10
        day 4                 ->  10/10/0
        void a                ->  refused=NoSuchGrant
        turnover S clears     ->  0/0/0
        ",
    );
}

#[test]
fn carried_units_of_one_benefit_become_one_grant() {
    check(
        "
        grant a 10 of S/credits rolls
        turnover S clears carries then b 10 of S/credits rolls  ->  20/0/20 carried=10
        turnover S clears carries then c 10 of S/credits rolls  ->  30/0/30 carried=20 b=20 a=gone
        use 25                                                  ->  b=0 c=5
        turnover S clears carries then d 10 of S/credits rolls  ->  15/0/15 carried=5
        ",
    );
}

#[test]
fn only_whole_units_are_carried() {
    check(
        "
        grant a 10 of S/credits rolls
        use 2.5
        turnover S clears carries  ->  7/0/7 carried=7
        ",
    );
}

#[test]
fn what_was_given_back_is_carried_when_it_is_cleared() {
    check(
        "
        grant a 10 of S/a rolls
        grant b 5 of S/b
        use -3
        turnover S clears carries  ->  10/0/10 carried=10
        use -3
        turnover S clears          ->  0/0/0 carried=0
        ",
    );
}

#[test]
fn aggregations_draw_the_difference_that_a_value_makes() {
    check(
        "
        grant a 100
        max 10  ->  100/10/90
        max 7   ->  100/10/90
        max 12  ->  100/12/88
        ",
    );
    check(
        "
        min 10  ->  0/10/-10
        min 12  ->  0/10/-10
        min -2  ->  0/-2/2
        ",
    );
    check(
        "
        avg 10  ->  0/10/-10
        avg 5   ->  0/7.5/-7.5
        avg 5   ->  0/6.666666666667/-6.666666666667
        ",
    );
    check(
        "
        unique a  ->  0/1/-1
        unique a  ->  0/1/-1
        unique b  ->  0/2/-2
        ",
    );
}

#[test]
fn a_turnover_that_clears_starts_the_aggregation_anew() {
    check(
        "
        max 10
        turnover S bills   ->  0/0/0 billed=10
        max 4              ->  0/4/-4
        turnover S leaves  ->  0/4/-4
        max 5              ->  0/5/-5
        ",
    );
}
