//! One customer on one meter: the state machine that decides every balance.
//!
//! An account holds live grants, of each its amount and what is drawn of it, and a signed rest that
//! no grant covers. `credited` is the sum of the amounts, `consumed` the sum of what is drawn and of
//! the rest, and the balance is `credited - consumed`, always. It does no I/O and reads no clock:
//! same account, action and time, same outcome.
#![deny(clippy::arithmetic_side_effects)]

use std::borrow::Cow;

use rust_decimal::Decimal;

use crate::grant::Grant;
use crate::grant::GrantTerms;
use crate::time::Timestamp;
use crate::units::Balance;
use crate::units::grid::difference;

mod action;
mod burn_down;
mod ledger;
mod outcome;
mod parts;
mod tally;
mod turnover;

pub use action::Action;
pub use action::Posting;
pub use action::Revoke;
pub use action::Settlement;
pub use action::Turnover;
pub use outcome::AccountError;
pub use outcome::Effect;
pub use outcome::GrantEnd;
pub use outcome::Outcome;
pub use outcome::Refusal;
pub use outcome::Verdict;
#[cfg_attr(
    not(feature = "server"),
    expect(unused_imports, reason = "snapshots keep accounts")
)]
pub(crate) use parts::Parts;
pub use tally::AVERAGE_DECIMALS;
pub(crate) use tally::Tally;
pub use tally::UNIQUE_VALUES_MAX;

use ledger::Ledger;

/// Most grants that one account holds at a time, those that count later included.
pub const GRANTS_MAX: usize = 4_096;

/// One customer on one meter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Account {
    ledger: Ledger,
    /// `None` until the first `max`, `min`, `avg` or `unique` posting of a cycle.
    tally: Option<Box<Tally>>,
}

/// The two sums of an account at one instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// What was credited.
    pub credited: Decimal,
    /// What was consumed; below zero when more was given back than was used.
    pub consumed: Decimal,
}

impl Standing {
    /// `credited - consumed`.
    #[must_use]
    pub fn balance(&self) -> Balance {
        Balance(difference(self.credited, self.consumed))
    }
}

impl Account {
    /// Applies one action at `now`, which is not earlier than the time of the last one.
    ///
    /// A refusal is an outcome: what was due is applied all the same.
    ///
    /// # Errors
    /// [`AccountError`]; the account is unchanged then.
    pub fn apply(&mut self, action: &Action, now: Timestamp) -> Result<Outcome, AccountError> {
        let due = self.ledger.next_due();
        let mut effects = Vec::new();
        let verdict = if self.ledger.is_due(now) {
            // What is due changes the ledger before the action can be judged, so that happens on a
            // copy: an error leaves no trace, not even of an expiry.
            let mut ledger = self.ledger.clone();
            let verdict = act(&mut ledger, &mut self.tally, action, now, &mut effects)?;
            self.ledger = ledger;
            verdict
        } else {
            act(&mut self.ledger, &mut self.tally, action, now, &mut effects)?
        };
        let next_due = self.ledger.next_due();
        if next_due != due {
            effects.extend(next_due.map(Effect::DueAt));
        }
        Ok(Outcome { verdict, balance: Balance(self.ledger.balance()), effects })
    }

    /// Whether [`Account::apply`] would give an outcome: one event may feed several accounts, and
    /// then feeds all of them or none.
    ///
    /// # Errors
    /// Those of [`Account::apply`].
    pub fn check(&self, action: &Action, now: Timestamp) -> Result<(), AccountError> {
        let ledger = self.ledger_at(moment_of(action, now));
        match action {
            Action::Use(posting) => {
                let step = Tally::step(self.tally.as_deref(), *posting)?;
                ledger.admit_draw(step.draw)?;
            }
            Action::Debit(units) if ledger.balance() >= units.decimal() => {
                ledger.admit_draw(units.decimal())?;
            }
            Action::Grant(terms) if !ends_before_it_counts(terms, now) => {
                ledger.admit_credits(std::slice::from_ref(terms))?;
            }
            Action::Reset(terms) | Action::Turnover(terms) => {
                ledger.admit_credits(&terms.credits)?;
            }
            Action::Revoke(terms) => {
                ledger.admit_decimals_of(terms.units.decimal().normalize())?;
            }
            Action::Debit(_) | Action::Grant(_) | Action::Void(_) | Action::Advance => {}
        }
        Ok(())
    }

    /// Both sums at `now`, which is not earlier than the time of the last action.
    #[must_use]
    pub fn standing_at(&self, now: Timestamp) -> Standing {
        let ledger = self.ledger_at(now);
        Standing { credited: ledger.credited, consumed: ledger.consumed }
    }

    /// The balance at `now`, which is not earlier than the time of the last action.
    #[must_use]
    pub fn balance_at(&self, now: Timestamp) -> Balance {
        Balance(self.ledger_at(now).balance())
    }

    /// The grants that count at `now`, in burn order.
    #[must_use]
    pub fn grants_at(&self, now: Timestamp) -> Vec<Grant> {
        self.ledger_at(now).grants.clone()
    }

    /// When a grant expires or becomes effective next.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        self.ledger.next_due()
    }

    /// Reads a word of each cache line that [`Account::apply`] will read of the account itself, and
    /// returns some of it. Called for many accounts in a row, it lets the memory answer for all of
    /// them at once; the caller folds what it returns into a `black_box`, else the compiler drops
    /// the reads.
    #[must_use]
    pub fn touch(&self) -> u64 {
        self.ledger.touch()
    }

    /// [`Account::touch`] for the grant that is drawn from next.
    #[must_use]
    pub fn touch_grant(&self) -> u64 {
        self.ledger.grants.first().map_or(0, Grant::touch)
    }

    /// The ledger as if advanced to `now`: itself, unless something is due.
    fn ledger_at(&self, now: Timestamp) -> Cow<'_, Ledger> {
        if !self.ledger.is_due(now) {
            return Cow::Borrowed(&self.ledger);
        }
        let mut ledger = self.ledger.clone();
        ledger.advance_to(now, &mut Vec::new());
        Cow::Owned(ledger)
    }
}

/// Decides `action` at `now`. An error may leave what was due applied, but nothing else.
fn act(
    ledger: &mut Ledger,
    tally: &mut Option<Box<Tally>>,
    action: &Action,
    now: Timestamp,
    effects: &mut Vec<Effect>,
) -> Result<Verdict, AccountError> {
    ledger.advance_to(moment_of(action, now), effects);
    let applied = match action {
        // Most uses leave the tally alone, so they do not go through it.
        Action::Use(Posting::Draw(draw)) => {
            let draw = ledger.admit_draw(draw.0)?;
            // Checks end here.
            ledger.draw(draw, effects);
            Ok(())
        }
        Action::Use(posting) => {
            let step = Tally::step(tally.as_deref(), *posting)?;
            let draw = ledger.admit_draw(step.draw)?;
            // Checks end here.
            ledger.draw(draw, effects);
            step.take(tally);
            Ok(())
        }
        Action::Debit(units) if ledger.balance() < units.decimal() => {
            Err(Refusal::InsufficientBalance)
        }
        Action::Debit(units) => {
            let draw = ledger.admit_draw(units.decimal())?;
            // Checks end here.
            ledger.draw(draw, effects);
            Ok(())
        }
        Action::Grant(terms) if ends_before_it_counts(terms, now) => {
            Err(Refusal::GrantAlreadyExpired)
        }
        Action::Grant(terms) => {
            let grid = ledger.admit_credits(std::slice::from_ref(terms))?;
            // Checks end here.
            ledger.credit(terms, grid, now, effects);
            Ok(())
        }
        Action::Void(id) => ledger.void(*id, effects).then_some(()).ok_or(Refusal::NoSuchGrant),
        Action::Revoke(terms) => {
            ledger.revoke(terms, effects)?.then_some(()).ok_or(Refusal::NothingToRevoke)
        }
        Action::Reset(terms) | Action::Turnover(terms) => {
            ledger.turn_over(terms, now, effects)?;
            if terms.settlement.clears() {
                *tally = None;
            }
            Ok(())
        }
        Action::Advance => Ok(()),
    };
    Ok(match applied {
        Ok(()) => Verdict::Applied,
        Err(refusal) => Verdict::Refused(refusal),
    })
}

/// Up to when the account is advanced before `action` is decided: a turnover that comes late is
/// decided as of its boundary.
fn moment_of(action: &Action, now: Timestamp) -> Timestamp {
    match action {
        Action::Reset(terms) | Action::Turnover(terms) => terms.at.min(now),
        Action::Use(_)
        | Action::Debit(_)
        | Action::Grant(_)
        | Action::Void(_)
        | Action::Revoke(_)
        | Action::Advance => now,
    }
}

fn ends_before_it_counts(terms: &GrantTerms, now: Timestamp) -> bool {
    terms.expires_at.is_some_and(|expiry| expiry <= now.max(terms.effective_at))
}

#[cfg(test)]
mod tests;
