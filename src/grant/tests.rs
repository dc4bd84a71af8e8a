use uuid::Uuid;

use super::*;

fn at(day: i64) -> Timestamp {
    Timestamp::EPOCH.saturating_add(day.saturating_mul(86_400_000_000))
}

fn terms(source: Source) -> GrantTerms {
    GrantTerms {
        id: GrantId(Uuid::from_u128(1)),
        amount: Decimal::from(10),
        priority: 0,
        effective_at: at(1),
        expires_at: None,
        rollover: Rollover::Ends,
        source,
    }
}

fn cycle(period_end: Timestamp) -> Source {
    Source::Subscription {
        subscription: SubscriptionId(Uuid::from_u128(2)),
        benefit: BenefitId(Uuid::from_u128(3)),
        period_end,
    }
}

#[test]
fn two_grants_fit_into_the_memory_of_an_account() {
    assert!(size_of::<Grant>() <= 112, "a grant takes {} bytes", size_of::<Grant>());
}

#[test]
fn grants_burn_by_priority_then_end_then_age() {
    let manual = terms(Source::Manual);
    let in_order = [
        GrantTerms { priority: -1, effective_at: at(9), ..manual.clone() },
        GrantTerms { expires_at: Some(at(20)), ..manual.clone() },
        terms(cycle(at(30))),
        GrantTerms { expires_at: Some(at(40)), ..manual.clone() },
        GrantTerms { expires_at: Some(at(50)), ..terms(cycle(at(60))) },
        GrantTerms { rollover: Rollover::Carries, ..terms(cycle(at(30))) },
        manual.clone(),
        GrantTerms { effective_at: at(2), ..manual.clone() },
        GrantTerms { priority: 1, expires_at: Some(at(2)), ..manual },
    ];
    let places: Vec<BurnPlace> =
        in_order.iter().map(|terms| Grant::new(terms).burn_place()).collect();
    assert!(places.is_sorted_by(|a, b| a < b), "{places:?}");
}

#[test]
fn a_grant_gives_back_the_terms_it_was_made_with() {
    let order = Source::Order {
        order: OrderId(Uuid::from_u128(4)),
        benefit: BenefitId(Uuid::from_u128(5)),
    };
    for source in [Source::Manual, cycle(at(30)), order] {
        let terms = GrantTerms { expires_at: Some(at(5)), ..terms(source) };
        assert_eq!(Grant::new(&terms).terms(), terms);
    }
}

#[test]
fn numbers_that_are_none_of_a_grant_are_not_restored() {
    let terms = terms(Source::Manual);
    assert!(Grant::restored(&terms, Decimal::from(10)).is_some());
    assert!(Grant::restored(&terms, Decimal::from(11)).is_none());
    assert!(Grant::restored(&terms, Decimal::from(-1)).is_none());
    let nothing = GrantTerms { amount: Decimal::ZERO, ..terms };
    assert!(Grant::restored(&nothing, Decimal::ZERO).is_none());
}
