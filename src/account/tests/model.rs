//! Polar's formulas, written down as naively as they read, against the account: one subscription,
//! several benefits, uses of either sign, turnovers, revokes that do not fall between a turnover and
//! its credits.

use proptest::prelude::*;

use super::*;

const BENEFITS: usize = 3;

/// What happens in a history.
#[derive(Debug, Clone)]
enum Happening {
    /// Tenths of a unit.
    Use(i64),
    /// A benefit is granted, unless it is already.
    Credit(usize),
    /// A benefit is revoked, unless it is not granted.
    Revoke(usize),
    Turnover(Settlement),
}

/// A benefit: whole units, whether they roll, and a priority that must not matter to the sums.
#[derive(Debug, Clone)]
struct Benefit {
    units: i64,
    rollover: Rollover,
    priority: i32,
}

/// One `meter.credited` event.
struct Credited {
    units: Decimal,
    rollover: Rollover,
}

/// The window since the last `meter.reset`.
#[derive(Default)]
struct Window {
    used: Decimal,
    credits: Vec<Credited>,
}

impl Window {
    /// The running sum that never falls below zero.
    fn credited(&self, counts: impl Fn(&Credited) -> bool) -> Decimal {
        self.credits
            .iter()
            .filter(|credit| counts(credit))
            .fold(Decimal::ZERO, |sum, credit| (sum + credit.units).max(Decimal::ZERO))
    }

    fn all_credited(&self) -> Decimal {
        self.credited(|_| true)
    }

    fn rollover(&self) -> Decimal {
        let rolling = self.credited(|credit| credit.rollover == Rollover::Carries);
        let fixed = self.credited(|credit| credit.rollover == Rollover::Ends);
        (fixed + rolling - self.used).trunc().min(rolling).max(Decimal::ZERO)
    }

    fn overage(&self) -> Decimal {
        (self.used - self.all_credited()).max(Decimal::ZERO)
    }
}

/// The subscription on both sides.
struct Both {
    benefits: Vec<Benefit>,
    granted: [bool; BENEFITS],
    window: Window,
    account: Account,
    now: Timestamp,
    grants_made: u128,
}

impl Both {
    fn credit_terms(&mut self, benefit: usize) -> GrantTerms {
        self.grants_made += 1;
        let Benefit { units, rollover, priority } = self.benefits[benefit];
        self.window.credits.push(Credited { units: Decimal::from(units), rollover });
        GrantTerms {
            id: GrantId(Uuid::from_u128(self.grants_made)),
            amount: Decimal::from(units),
            priority,
            effective_at: self.now,
            expires_at: None,
            rollover,
            source: Source::Subscription {
                subscription: SubscriptionId(id("S")),
                benefit: BenefitId(Uuid::from_u128(benefit as u128)),
                period_end: self.now.saturating_add(DAY),
            },
        }
    }

    fn happen(&mut self, happening: &Happening) {
        self.now = self.now.saturating_add(1);
        let action = match happening {
            Happening::Use(tenths) => {
                let units = Decimal::new(*tenths, 1);
                self.window.used += units;
                Action::Use(Posting::Draw(Draw(units)))
            }
            Happening::Credit(benefit) if !self.granted[*benefit] => {
                self.granted[*benefit] = true;
                Action::Grant(Box::new(self.credit_terms(*benefit)))
            }
            Happening::Revoke(benefit) if self.granted[*benefit] => {
                self.granted[*benefit] = false;
                let Benefit { units, rollover, .. } = self.benefits[*benefit];
                self.window.credits.push(Credited { units: -Decimal::from(units), rollover });
                Action::Revoke(Box::new(Revoke {
                    purchase: Purchase::Subscription(SubscriptionId(id("S"))),
                    benefit: BenefitId(Uuid::from_u128(*benefit as u128)),
                    units: Units::new(Decimal::from(units)).unwrap(),
                }))
            }
            Happening::Credit(_) | Happening::Revoke(_) => return,
            Happening::Turnover(settlement) => return self.turn_over(*settlement),
        };
        self.account.apply(&action, self.now).unwrap();
    }

    fn turn_over(&mut self, settlement: Settlement) {
        let (carried, overage) = (self.window.rollover(), self.window.overage());
        self.window = Window {
            used: Decimal::ZERO,
            credits: vec![Credited { units: carried, rollover: Rollover::Carries }],
        };
        let live: Vec<usize> = (0..BENEFITS).filter(|benefit| self.granted[*benefit]).collect();
        let credits = live.into_iter().map(|benefit| self.credit_terms(benefit)).collect();
        let turnover = Action::Turnover(Box::new(Turnover {
            subscription: SubscriptionId(id("S")),
            at: self.now,
            settlement,
            rollover: Rollover::Carries,
            credits,
        }));
        let outcome = self.account.apply(&turnover, self.now).unwrap();
        let mut seen = (Decimal::ZERO, Decimal::ZERO);
        for effect in outcome.effects {
            match effect {
                Effect::Carried { amount, .. } => seen.0 += amount,
                Effect::Overage { units, .. } => seen.1 += units,
                Effect::GrantEnded { .. } | Effect::DueAt(_) => {}
            }
        }
        let billed = if settlement == Settlement::Billed { overage } else { Decimal::ZERO };
        assert_eq!(seen, (carried, billed), "carried and billed");
    }
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        6 => (-60_i64..250).prop_map(Happening::Use),
        2 => (0..BENEFITS).prop_map(Happening::Credit),
        1 => (0..BENEFITS).prop_map(Happening::Revoke),
        2 => prop_oneof![Just(Settlement::Billed), Just(Settlement::Cleared)]
            .prop_map(Happening::Turnover),
    ]
}

fn benefit() -> impl Strategy<Value = Benefit> {
    let rollover = prop_oneof![Just(Rollover::Ends), Just(Rollover::Carries)];
    (1_i64..40, rollover, -1..2).prop_map(|(units, rollover, priority)| Benefit {
        units,
        rollover,
        priority,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn one_subscription_equals_polar(
        benefits in prop::collection::vec(benefit(), BENEFITS),
        happenings in prop::collection::vec(happening(), 1..40),
    ) {
        let mut both = Both {
            benefits,
            granted: [false; BENEFITS],
            window: Window::default(),
            account: Account::default(),
            now: Timestamp::EPOCH,
            grants_made: 0,
        };
        for happening in &happenings {
            both.happen(happening);
            let standing = both.account.standing_at(both.now);
            prop_assert_eq!(standing.credited, both.window.all_credited(), "credited");
            prop_assert_eq!(standing.consumed, both.window.used, "consumed");
        }
    }
}
