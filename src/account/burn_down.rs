//! Draws across grants in burn order; what they do not cover is uncovered.

use rust_decimal::Decimal;

use crate::account::Effect;
use crate::account::GrantEnd;
use crate::account::action::Revoke;
use crate::account::ledger::Ledger;
use crate::units::Overflow;
use crate::units::add;
use crate::units::grid;
use crate::units::grid::Grid;
use crate::units::grid::difference;
use crate::units::grid::sum;

/// A draw that the ledger can take.
#[derive(Debug, Clone, Copy)]
pub(super) struct AdmittedDraw {
    units: Decimal,
    consumed: Decimal,
    grid: Grid,
}

impl Ledger {
    /// Whether `units` can be drawn, or given back when negative.
    #[inline]
    pub(super) fn admit_draw(&self, units: Decimal) -> Result<AdmittedDraw, Overflow> {
        let (units, grid) = if self.grid.has_decimals_of(units) {
            (units, self.grid)
        } else {
            let units = units.normalize();
            (units, self.admit_decimals_of(units)?)
        };
        let consumed = add(self.consumed, units)?;
        if grid.holds(consumed) {
            Ok(AdmittedDraw { units, consumed, grid })
        } else {
            Err(Overflow)
        }
    }

    /// Draws what was admitted.
    #[inline]
    pub(super) fn draw(&mut self, admitted: AdmittedDraw, effects: &mut Vec<Effect>) {
        self.grid = admitted.grid;
        self.consumed = admitted.consumed;
        grid::align(&mut self.credited, self.consumed);
        if admitted.units.is_sign_negative() {
            self.give_back(admitted.units.abs());
        } else {
            self.spread(admitted.units, effects);
        }
    }

    /// Spreads consumed units over what was given back, the grants, and the uncovered rest.
    #[inline]
    pub(super) fn spread(&mut self, units: Decimal, effects: &mut Vec<Effect>) {
        let mut rest = units;
        if !self.uncovered.is_zero() {
            if self.uncovered > Decimal::ZERO {
                self.uncovered = sum(self.uncovered, rest);
                return;
            }
            let given_back = rest.min(self.uncovered.abs());
            self.uncovered = sum(self.uncovered, given_back);
            rest = difference(rest, given_back);
        }
        if rest.is_zero() {
            return;
        }
        let mut some_end = false;
        for grant in &mut self.grants {
            if grant.draw_with_some_left(rest) {
                rest = Decimal::ZERO;
                break;
            }
            rest = difference(rest, grant.draw_up_to(rest));
            some_end |= grant.ends_when_spent();
            if rest.is_zero() {
                break;
            }
        }
        self.uncovered = sum(self.uncovered, rest);
        if some_end {
            self.forget_spent(effects);
        }
    }

    /// Undoes draws, the latest kind first: what is uncovered, then grants against the burn order.
    fn give_back(&mut self, units: Decimal) {
        let mut rest = units;
        if self.uncovered > Decimal::ZERO {
            let uncovered = rest.min(self.uncovered);
            self.uncovered = difference(self.uncovered, uncovered);
            rest = difference(rest, uncovered);
        }
        for grant in self.grants.iter_mut().rev() {
            if rest.is_zero() {
                return;
            }
            rest = difference(rest, grant.give_back_up_to(rest));
        }
        self.uncovered = difference(self.uncovered, rest);
    }

    /// Takes the units of a benefit's last credit back: from its grant, then from what was carried,
    /// which is older. What was drawn of them is drawn again. Returns whether there were any.
    pub(super) fn revoke(
        &mut self,
        terms: &Revoke,
        effects: &mut Vec<Effect>,
    ) -> Result<bool, Overflow> {
        let mut wanted = terms.units.decimal().normalize();
        self.grid = self.admit_decimals_of(wanted)?;
        // Checks end here.
        let (mut lost, mut bare) = (Decimal::ZERO, Decimal::ZERO);
        let (live, waiting) = self.every_grant_mut();
        let live = live.iter_mut().map(|grant| (grant, true));
        let waiting = waiting.iter_mut().map(|grant| (grant, false));
        let mut credits: Vec<_> = live
            .chain(waiting)
            .filter(|(grant, _)| grant.is_credit_of(terms.purchase, terms.benefit))
            .collect();
        // The latest first, of equals the one that was made last: what was carried is older.
        credits.reverse();
        credits.sort_by_key(|(grant, _)| std::cmp::Reverse(grant.effective_at()));
        let found = !credits.is_empty();
        for (grant, counts) in credits {
            let taken = grant.take_back_up_to(wanted);
            wanted = difference(wanted, taken.units);
            if taken.units.is_zero() {
                break;
            }
            if counts {
                lost = sum(lost, taken.units);
                bare = sum(bare, taken.bare);
            }
            effects.push(Effect::GrantEnded {
                grant: grant.id(),
                end: GrantEnd::Revoked,
                amount: taken.units,
                drawn: Decimal::ZERO,
            });
        }
        self.credited = difference(self.credited, lost);
        self.forget_empty();
        // What was consumed stays consumed; only who covers it changes.
        self.spread(bare, effects);
        self.tighten();
        Ok(found)
    }
}
