use super::*;

#[test]
fn an_account_stays_small() {
    assert!(size_of::<Account>() <= 104, "an account takes {} bytes", size_of::<Account>());
    let mut account = Account::default();
    for name in ["a", "b"] {
        let terms = parse(&["grant", name, "10"], Timestamp::EPOCH);
        account.apply(&terms, Timestamp::EPOCH).unwrap();
    }
    assert_eq!(account.ledger.grants.capacity(), 2, "room for grants nobody made");
}

#[test]
fn a_total_that_would_be_rounded_is_refused() {
    check(
        "
        grant a 9999999999999999999999999999
        grant b 1       ->  error=Overflow
        use 0.1         ->  error=Overflow
        use 9999999999999999999999999999  ->  a=gone
        use 1           ->  error=Overflow
        turnover S clears  ->  0/0/0
        use 0.0000000000000000000000000001  ->  0/0.0000000000000000000000000001/-0.0000000000000000000000000001
        grant c 1       ->  error=Overflow
        use -0.0000000000000000000000000001
        turnover S clears
        grant c 1       ->  1/0/1
        ",
    );
}

#[test]
fn a_grant_that_waits_leaves_room_for_its_start() {
    check(
        "
        grant a 9999999999999999999999999998 from=day1
        use 0.1     ->  error=Overflow
        grant b 2   ->  error=Overflow
        grant b 1
        day 1       ->  9999999999999999999999999999/0/9999999999999999999999999999
        ",
    );
}

#[test]
fn grants_that_cannot_be_made_are_named() {
    check(
        "
        day 5
        grant a 0             ->  error=GrantNotPositive
        grant a -1            ->  error=GrantNotPositive
        grant a 1 expires=day5          ->  refused=GrantAlreadyExpired
        grant a 1 from=day7 expires=day7  ->  refused=GrantAlreadyExpired
        grant a 1 from=day7
        grant a 1             ->  error=GrantAlreadyMade
        turnover S clears then b 1 then b 1  ->  error=GrantAlreadyMade
        ",
    );
}

#[test]
fn grants_and_unique_values_are_bounded() {
    let mut account = Account::default();
    let now = Timestamp::EPOCH;
    for number in 0..GRANTS_MAX {
        account.apply(&parse(&["grant", &format!("g{number}"), "1"], now), now).unwrap();
    }
    let more = parse(&["grant", "more", "1"], now);
    assert_eq!(account.apply(&more, now), Err(AccountError::GrantsFull));
    assert_eq!(account.check(&more, now), Err(AccountError::GrantsFull));

    let mut account = Account::default();
    for value in 0..UNIQUE_VALUES_MAX {
        let value = Action::Use(Posting::Unique(value as u128));
        account.apply(&value, now).unwrap();
    }
    let more = Action::Use(Posting::Unique(u128::MAX));
    assert_eq!(account.apply(&more, now), Err(AccountError::UniqueValuesFull));
    assert_eq!(account.check(&more, now), Err(AccountError::UniqueValuesFull));
    let again = Action::Use(Posting::Unique(0));
    assert_eq!(account.apply(&again, now).unwrap().balance.0, -Decimal::from(50_000));
}

#[test]
fn an_error_leaves_what_was_due_undone() {
    let mut account = Account::default();
    let now = Timestamp::EPOCH;
    account.apply(&parse(&["grant", "a", "1", "expires=day1"], now), now).unwrap();
    let before = account.clone();
    let too_much = parse(&["grant", "b", "9999999999999999999999999999.9"], day("1"));
    assert_eq!(account.apply(&too_much, day("1")), Err(AccountError::Overflow));
    assert_eq!(account, before);
}

#[test]
fn a_refusal_does_not_keep_what_was_due_from_happening() {
    let mut account = Account::default();
    let now = Timestamp::EPOCH;
    account.apply(&parse(&["grant", "a", "5", "expires=day1"], now), now).unwrap();
    let outcome = account.apply(&parse(&["debit", "1"], now), day("1")).unwrap();
    assert_eq!(outcome.verdict, Verdict::Refused(Refusal::InsufficientBalance));
    assert_eq!(outcome.balance.0, Decimal::ZERO);
    assert_eq!(outcome.effects.len(), 1, "{:?}", outcome.effects);
    assert_eq!(account.next_due(), None);
}

#[test]
fn a_revoke_that_counts_finer_than_the_totals_can_is_refused() {
    check(
        "
        use 9223372036854775807000000000
        grant a 29 of S/a
        revoke S/a 0.1  ->  error=Overflow
        revoke S/a 29   ->  a=gone
        ",
    );
}
