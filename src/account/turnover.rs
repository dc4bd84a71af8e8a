//! The end of a cycle: settle what is uncovered, roll over, reset, credit.

use rust_decimal::Decimal;

use crate::account::AccountError;
use crate::account::Effect;
use crate::account::GrantEnd;
use crate::account::action::Settlement;
use crate::account::action::Turnover;
use crate::account::ledger::Ledger;
use crate::grant::Grant;
use crate::grant::Rollover;
use crate::grant::Source;
use crate::time::Timestamp;
use crate::units::grid::difference;
use crate::units::grid::sum;

impl Ledger {
    /// Turns over. The ledger was advanced to the boundary; it comes out advanced to `now`.
    pub(super) fn turn_over(
        &mut self,
        terms: &Turnover,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Result<(), AccountError> {
        let boundary = terms.at.min(now);
        // Judged beside the grants that end here: stricter by them, but settled before any change.
        let grid = self.admit_credits(&terms.credits)?;
        // Checks end here.
        let ending: Vec<Grant> = self
            .grants
            .iter()
            .filter(|grant| grant.is_cycle_grant_of(terms.subscription))
            .copied()
            .collect();
        let carried = match terms.rollover {
            Rollover::Carries => carried(&ending, self.given_back(terms.settlement)),
            Rollover::Ends => Vec::new(),
        };
        self.settle(terms, boundary, effects);
        self.end_grants(GrantEnd::TurnedOver, effects, |grant| {
            grant.is_cycle_grant_of(terms.subscription)
        });
        for grant in carried {
            effects.extend(carried_effect(&grant));
            self.credited = sum(self.credited, grant.amount());
            self.insert(grant);
        }
        for credit in &terms.credits {
            self.credit(credit, grid, boundary, effects);
        }
        self.tighten();
        self.find_due();
        self.advance_to(now, effects);
        Ok(())
    }

    /// Units given back beyond every grant: they count as left when the turnover clears them.
    fn given_back(&self, settlement: Settlement) -> Decimal {
        if settlement.clears() && self.uncovered.is_sign_negative() {
            self.uncovered.abs()
        } else {
            Decimal::ZERO
        }
    }

    /// Bills, clears or keeps what is uncovered; lets go of the units of spent grants.
    fn settle(&mut self, terms: &Turnover, boundary: Timestamp, effects: &mut Vec<Effect>) {
        match terms.settlement {
            Settlement::Baseline => {
                self.set_baseline(self.uncovered.max(Decimal::ZERO));
                return;
            }
            Settlement::Billed => effects.push(Effect::Overage {
                subscription: terms.subscription,
                at: boundary,
                units: difference(self.uncovered, self.baseline()).max(Decimal::ZERO),
            }),
            Settlement::Cleared | Settlement::Left => {}
        }
        if terms.settlement.clears() {
            self.uncovered = Decimal::ZERO;
            self.set_baseline(Decimal::ZERO);
        }
        let (mut credited, mut consumed) = (Decimal::ZERO, self.uncovered);
        for grant in &self.grants {
            credited = sum(credited, grant.amount());
            consumed = sum(consumed, grant.drawn());
        }
        self.credited = credited;
        self.consumed = consumed;
    }
}

/// What is carried of the grants that end, given in burn order.
///
/// Whole units only, as many as are left of all of them, but no more than the rolling ones had: so
/// units that do not roll burn first. The last to burn keep most. Grants that burn alike are
/// carried as one, so that their number does not grow with every cycle.
fn carried(ending: &[Grant], given_back: Decimal) -> Vec<Grant> {
    let rolls = |grant: &&Grant| grant.rollover() == Rollover::Carries;
    let left = ending.iter().fold(given_back, |left, grant| sum(left, grant.left()));
    let rolling =
        ending.iter().filter(rolls).fold(Decimal::ZERO, |units, grant| sum(units, grant.amount()));
    let mut rest = left.trunc().min(rolling);
    let mut carried: Vec<Grant> = Vec::new();
    for grant in ending.iter().rev().filter(rolls) {
        let amount = rest.min(grant.amount());
        if amount.is_zero() {
            break;
        }
        rest = difference(rest, amount);
        match carried.iter_mut().find(|other| other.carries_with(grant)) {
            Some(other) => other.add_carried(amount),
            None => carried.push(grant.carried(amount)),
        }
    }
    carried.reverse();
    carried
}

fn carried_effect(grant: &Grant) -> Option<Effect> {
    match grant.source() {
        Source::Subscription { subscription, benefit, .. } => Some(Effect::Carried {
            grant: grant.id(),
            subscription,
            benefit,
            amount: grant.amount(),
        }),
        Source::Manual | Source::Order { .. } => None,
    }
}
