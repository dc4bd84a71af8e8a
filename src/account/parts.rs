//! An account taken apart for its image, and put together again.

use std::borrow::Cow;

use rust_decimal::Decimal;

use crate::account::Account;
use crate::account::GRANTS_MAX;
use crate::account::Tally;
use crate::account::UNIQUE_VALUES_MAX;
use crate::account::ledger::Ledger;
use crate::encoding::Malformed;
use crate::grant::Grant;
use crate::units::Overflow;
use crate::units::add;
use crate::units::grid::Grid;
use crate::units::grid::difference;
use crate::units::grid::sum;
use crate::units::subtract;

/// All that an account is; its sums follow from it.
#[derive(Debug, Clone)]
pub(crate) struct Parts<'a> {
    /// Live grants in burn order.
    pub(crate) grants: Cow<'a, [Grant]>,
    /// Grants that count later, by effective time.
    pub(crate) waiting: Cow<'a, [Grant]>,
    /// Consumption that no grant covers.
    pub(crate) uncovered: Decimal,
    /// Units of the spent grants that ended since the last turnover.
    pub(crate) spent: Decimal,
    /// What is never billed of `uncovered`.
    pub(crate) baseline: Decimal,
    /// How finely the account counts. It decides what overflows, so it is kept, not guessed.
    pub(crate) grid: Grid,
    /// The running aggregation.
    pub(crate) tally: Option<Cow<'a, Tally>>,
}

impl Account {
    /// Takes a copy apart.
    #[cfg_attr(not(feature = "server"), expect(dead_code, reason = "snapshots keep accounts"))]
    pub(crate) fn parts(&self) -> Parts<'_> {
        let ledger = &self.ledger;
        let live =
            ledger.grants.iter().fold(Decimal::ZERO, |live, grant| sum(live, grant.amount()));
        Parts {
            grants: Cow::Borrowed(&ledger.grants),
            waiting: Cow::Borrowed(ledger.waiting()),
            uncovered: ledger.uncovered,
            spent: difference(ledger.credited, live),
            baseline: ledger.baseline(),
            grid: ledger.grid,
            tally: self.tally.as_deref().map(Cow::Borrowed),
        }
    }
}

impl Ledger {
    fn restore(&mut self, parts: &Parts<'_>, credited: Decimal, consumed: Decimal) {
        self.grants = parts.grants.to_vec();
        self.uncovered = parts.uncovered;
        self.credited = credited;
        self.consumed = consumed;
        self.grid = parts.grid;
        self.set_baseline(parts.baseline);
        self.set_waiting(&parts.waiting);
        self.find_due();
    }
}

impl TryFrom<Parts<'_>> for Account {
    type Error = Malformed;

    fn try_from(parts: Parts<'_>) -> Result<Self, Malformed> {
        parts.verify_grants()?;
        parts.verify_amounts()?;
        if let Some(Tally::Unique(values)) = parts.tally.as_deref()
            && (values.is_empty() || values.len() > UNIQUE_VALUES_MAX)
        {
            return Err(Malformed("number of unique values out of range"));
        }
        let (credited, consumed) =
            parts.sums().map_err(|Overflow| Malformed("account sums out of range"))?;
        let mut ledger = Ledger::default();
        ledger.restore(&parts, credited, consumed);
        Ok(Self { ledger, tally: parts.tally.map(|tally| Box::new(tally.into_owned())) })
    }
}

impl Parts<'_> {
    fn verify_grants(&self) -> Result<(), Malformed> {
        if self.grants.len().saturating_add(self.waiting.len()) > GRANTS_MAX {
            return Err(Malformed("too many grants"));
        }
        if !self.grants.is_sorted_by_key(Grant::burn_place) {
            return Err(Malformed("grants are not in burn order"));
        }
        if !self.waiting.is_sorted_by_key(Grant::effective_at) {
            return Err(Malformed("waiting grants are not in the order of time"));
        }
        if self.waiting.iter().any(|grant| !grant.drawn().is_zero()) {
            return Err(Malformed("a waiting grant is drawn from"));
        }
        if self.grants.iter().any(|grant| grant.is_spent() && grant.ends_when_spent()) {
            return Err(Malformed("a spent grant has not ended"));
        }
        let off_grid = |grant: &Grant| {
            !self.grid.has_decimals_of(grant.amount()) || !self.grid.has_decimals_of(grant.drawn())
        };
        if self.grants.iter().chain(self.waiting.iter()).any(off_grid) {
            return Err(Malformed("a grant is off the grid"));
        }
        Ok(())
    }

    fn verify_amounts(&self) -> Result<(), Malformed> {
        if self.spent < Decimal::ZERO || self.baseline < Decimal::ZERO {
            return Err(Malformed("a negative amount"));
        }
        let amounts = [self.uncovered, self.spent, self.baseline];
        if !amounts.into_iter().all(|amount| self.grid.has_decimals_of(amount)) {
            return Err(Malformed("an amount is off the grid"));
        }
        if self.uncovered > Decimal::ZERO && !self.grants.iter().all(Grant::is_spent) {
            return Err(Malformed("uncovered beside a grant with units left"));
        }
        let drawn = self.grants.iter().any(|grant| !grant.drawn().is_zero());
        if self.uncovered < Decimal::ZERO && drawn {
            return Err(Malformed("given back beside a grant that is drawn from"));
        }
        Ok(())
    }

    fn sums(&self) -> Result<(Decimal, Decimal), Overflow> {
        let mut credited = self.spent;
        let mut consumed = add(self.spent, self.uncovered)?;
        for grant in self.grants.iter() {
            credited = add(credited, grant.amount())?;
            consumed = add(consumed, grant.drawn())?;
        }
        // The balance and what waits are summed without a way out later on.
        self.waiting.iter().try_fold(credited, |held, grant| add(held, grant.amount()))?;
        subtract(credited, consumed)?;
        Ok((credited, consumed))
    }
}
