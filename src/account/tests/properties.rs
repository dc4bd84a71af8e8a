//! What holds for every history, whatever happens in it.

use proptest::prelude::*;

use super::*;

/// An action that still lacks ids and times: those follow from where it stands in its history.
#[derive(Debug, Clone)]
enum Seed {
    Use(Posting),
    Debit(Units),
    Grant(TermsSeed),
    Void { steps_ago: usize },
    Revoke { purchase: Purchase, benefit: BenefitId, units: Units },
    Turnover { settlement: Settlement, rollover: Rollover, late: i64, credits: Vec<TermsSeed> },
    Advance,
}

#[derive(Debug, Clone)]
struct TermsSeed {
    amount: Decimal,
    priority: i32,
    effective_in: i64,
    expires_in: Option<i64>,
    rollover: Rollover,
    source: Source,
}

/// Days that pass before the step, and the step.
type Step = (i64, Seed);

fn amount(tenths: std::ops::Range<i64>) -> impl Strategy<Value = Decimal> {
    tenths.prop_map(|tenths| Decimal::new(tenths, 1))
}

fn units(tenths: std::ops::Range<i64>) -> impl Strategy<Value = Units> {
    amount(tenths).prop_map(|amount| Units::new(amount).unwrap())
}

/// Uses whose totals need few digits.
fn plain_posting() -> impl Strategy<Value = Posting> {
    prop_oneof![
        8 => amount(-100..300).prop_map(|units| Posting::Draw(Draw(units))),
        1 => amount(-100..300).prop_map(Posting::Max),
        1 => amount(-100..300).prop_map(Posting::Min),
        1 => amount(-100..300).prop_map(Posting::Average),
        1 => (0_u128..4).prop_map(Posting::Unique),
    ]
}

fn posting() -> impl Strategy<Value = Posting> {
    prop_oneof![
        8 => plain_posting(),
        // Large enough to overflow now and then.
        1 => Just(Posting::Draw(Draw(Decimal::new(i64::MAX, 0) * Decimal::new(1_000_000_000, 0)))),
        1 => Just(Posting::Draw(Draw(Decimal::new(1, 22)))),
    ]
}

fn rollover() -> impl Strategy<Value = Rollover> {
    prop_oneof![Just(Rollover::Ends), Just(Rollover::Carries)]
}

fn subscription() -> SubscriptionId {
    SubscriptionId(id("S"))
}

fn benefit() -> impl Strategy<Value = BenefitId> {
    (0_u128..2).prop_map(|benefit| BenefitId(Uuid::from_u128(benefit)))
}

fn source() -> impl Strategy<Value = Source> {
    let cycle = (benefit(), 0_i64..30).prop_map(|(benefit, end)| Source::Subscription {
        subscription: subscription(),
        benefit,
        period_end: Timestamp::EPOCH.saturating_add(end * DAY),
    });
    let order = benefit().prop_map(|benefit| Source::Order { order: OrderId(id("O")), benefit });
    prop_oneof![Just(Source::Manual), cycle, order]
}

fn terms() -> impl Strategy<Value = TermsSeed> {
    let times = (prop_oneof![3 => -1_i64..1, 1 => 1_i64..6], prop::option::of(1_i64..8));
    (amount(1..300), -1..2, times, rollover(), source()).prop_map(
        |(amount, priority, (effective_in, expires_in), rollover, source)| TermsSeed {
            amount,
            priority,
            effective_in,
            expires_in,
            rollover,
            source,
        },
    )
}

fn seed(posting: impl Strategy<Value = Posting>) -> impl Strategy<Value = Seed> {
    let purchase = prop_oneof![
        Just(Purchase::Subscription(subscription())),
        Just(Purchase::Order(OrderId(id("O")))),
    ];
    let settlement = prop_oneof![
        Just(Settlement::Billed),
        Just(Settlement::Cleared),
        Just(Settlement::Left),
        Just(Settlement::Baseline),
    ];
    prop_oneof![
        8 => posting.prop_map(Seed::Use),
        2 => units(0..200).prop_map(Seed::Debit),
        5 => terms().prop_map(Seed::Grant),
        1 => (1_usize..12).prop_map(|steps_ago| Seed::Void { steps_ago }),
        1 => (purchase, benefit(), units(0..300))
            .prop_map(|(purchase, benefit, units)| Seed::Revoke { purchase, benefit, units }),
        2 => (settlement, rollover(), 0_i64..2, prop::collection::vec(terms(), 0..3)).prop_map(
            |(settlement, rollover, late, credits)| Seed::Turnover {
                settlement, rollover, late, credits
            }
        ),
        1 => Just(Seed::Advance),
    ]
}

fn history(posting: impl Strategy<Value = Posting>) -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec((prop_oneof![2 => Just(0_i64), 1 => 1_i64..4], seed(posting)), 1..40)
}

/// The actions of a history with their times.
fn actions(history: &[Step]) -> Vec<(Action, Timestamp)> {
    let mut now = Timestamp::EPOCH;
    let with_times = history.iter().enumerate().map(|(place, (days, seed))| {
        now = now.saturating_add(days * DAY);
        let grow = |terms: &TermsSeed, nth: usize| GrantTerms {
            id: GrantId(Uuid::from_u128((place * 8 + nth) as u128)),
            amount: terms.amount,
            priority: terms.priority,
            effective_at: now.saturating_add(terms.effective_in * DAY),
            expires_at: terms.expires_in.map(|days| now.saturating_add(days * DAY)),
            rollover: terms.rollover,
            source: terms.source,
        };
        let action = match seed {
            Seed::Use(posting) => Action::Use(*posting),
            Seed::Debit(units) => Action::Debit(*units),
            Seed::Grant(terms) => Action::Grant(Box::new(grow(terms, 0))),
            Seed::Void { steps_ago } => Action::Void(GrantId(Uuid::from_u128(
                (place.saturating_sub(*steps_ago) * 8) as u128,
            ))),
            Seed::Revoke { purchase, benefit, units } => Action::Revoke(Box::new(Revoke {
                purchase: *purchase,
                benefit: *benefit,
                units: *units,
            })),
            Seed::Turnover { settlement, rollover, late, credits } => {
                Action::Turnover(Box::new(Turnover {
                    subscription: subscription(),
                    at: now.saturating_add(-late * DAY),
                    settlement: *settlement,
                    rollover: *rollover,
                    credits: credits
                        .iter()
                        .enumerate()
                        .map(|(nth, terms)| grow(terms, nth))
                        .collect(),
                }))
            }
            Seed::Advance => Action::Advance,
        };
        (action, now)
    });
    with_times.collect()
}

/// Taken apart for an image and put together again. The bytes between are the image's affair.
fn imaged(account: &Account) -> Account {
    Account::try_from(account.parts()).unwrap()
}

/// Units that went in and out of grants, and in and out of what was consumed.
#[derive(Debug, Default, PartialEq, Eq)]
struct Books {
    credited: Decimal,
    ended: Decimal,
    consumed: Decimal,
    used_up: Decimal,
}

impl Books {
    /// Enters what `outcome` says, of an account that was advanced to its time before.
    fn enter(&mut self, before: &Account, action: &Action, after: &Account, outcome: &Outcome) {
        if outcome.verdict != Verdict::Applied {
            return;
        }
        match action {
            Action::Use(_) | Action::Debit(_) => {
                self.consumed += after.ledger.consumed - before.ledger.consumed;
            }
            Action::Grant(terms) => self.credited += terms.amount,
            Action::Reset(turnover) | Action::Turnover(turnover) => {
                self.credited += turnover.credits.iter().map(|terms| terms.amount).sum::<Decimal>();
                if turnover.settlement.clears() {
                    self.used_up += before.ledger.uncovered;
                }
            }
            Action::Void(_) | Action::Revoke(_) | Action::Advance => {}
        }
        for effect in &outcome.effects {
            match effect {
                Effect::GrantEnded { amount, drawn, .. } => {
                    self.ended += *amount;
                    self.used_up += *drawn;
                }
                Effect::Carried { amount, .. } => self.credited += *amount,
                Effect::Overage { .. } | Effect::DueAt(_) => {}
            }
        }
    }

    fn balance_with(&self, account: &Account) {
        let grants = &account.ledger.grants;
        let held: Decimal = grants.iter().chain(account.ledger.waiting()).map(Grant::amount).sum();
        assert_eq!(self.credited, held + self.ended, "credited units are held or ended");
        let drawn: Decimal = grants.iter().map(Grant::drawn).sum();
        assert_eq!(
            self.consumed,
            drawn + account.ledger.uncovered + self.used_up,
            "consumed units are covered, uncovered, or gone with what covered them",
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn an_account_keeps_its_invariants(history in history(posting())) {
        let mut account = Account::default();
        for (action, now) in actions(&history) {
            let before = account.clone();
            let checked = account.check(&action, now);
            let applied = account.apply(&action, now);
            prop_assert_eq!(checked, applied.as_ref().map(|_| ()).map_err(|error| *error));
            match applied {
                Err(_) => prop_assert_eq!(&account, &before),
                Ok(outcome) => {
                    prop_assert_eq!(outcome.balance, account.balance_at(now));
                    if account.next_due() != before.next_due() {
                        let told = account.next_due().map(Effect::DueAt);
                        prop_assert!(told.is_none_or(|told| outcome.effects.contains(&told)));
                    }
                    prop_assert!(account.next_due().is_none_or(|due| due > now));
                }
            }
            let standing = account.standing_at(now);
            prop_assert_eq!(standing.balance().0, standing.credited - standing.consumed);
            // Reading an image checks every invariant and sums anew.
            prop_assert_eq!(&imaged(&account), &account);
        }
    }

    #[test]
    fn reading_ahead_equals_advancing(history in history(posting()), days in 0_i64..10) {
        let mut account = Account::default();
        let mut then = Timestamp::EPOCH;
        for (action, now) in actions(&history) {
            then = now.saturating_add(days * DAY);
            let _verdict = account.apply(&action, now);
        }
        let (standing, grants) = (account.standing_at(then), account.grants_at(then));
        account.apply(&Action::Advance, then).unwrap();
        prop_assert_eq!(standing, account.standing_at(then));
        prop_assert_eq!(grants, account.grants_at(then));
    }

    #[test]
    fn replay_equals_live(history in history(posting()), restart in 0_usize..40) {
        let (mut live, mut replayed) = (Account::default(), Account::default());
        for (place, (action, now)) in actions(&history).into_iter().enumerate() {
            if place == restart {
                replayed = imaged(&replayed);
            }
            prop_assert_eq!(live.apply(&action, now), replayed.apply(&action, now));
        }
        prop_assert_eq!(live, replayed);
    }

    #[test]
    fn units_are_conserved(history in history(plain_posting())) {
        let mut account = Account::default();
        let mut books = Books::default();
        for (mut action, now) in actions(&history) {
            if let Action::Turnover(turnover) = &mut action {
                turnover.at = now;
            }
            for action in [Action::Advance, action] {
                let before = account.clone();
                if let Ok(outcome) = account.apply(&action, now) {
                    books.enter(&before, &action, &account, &outcome);
                }
            }
            books.balance_with(&account);
        }
    }
}
