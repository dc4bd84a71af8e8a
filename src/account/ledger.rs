//! The grants of an account and the sums over them.
//!
//! `admit_` functions check and change nothing; everything else cannot fail, because the amounts
//! that were admitted lie on the ledger's [`Grid`].

use rust_decimal::Decimal;

use crate::account::AccountError;
use crate::account::Effect;
use crate::account::GRANTS_MAX;
use crate::account::GrantEnd;
use crate::grant::Grant;
use crate::grant::GrantTerms;
use crate::id::GrantId;
use crate::time::Timestamp;
use crate::units::Overflow;
use crate::units::add;
use crate::units::grid::Grid;
use crate::units::grid::difference;
use crate::units::grid::sum;

/// Stands for "nothing is ever due": an `Option` would take 16 bytes.
const NEVER: Timestamp = Timestamp::MAX;

/// Grants in burn order, what they do not cover, and the sums.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ledger {
    /// Live grants in burn order, none of them empty. Those that end when spent have units left.
    pub(super) grants: Vec<Grant>,
    /// Consumption beyond the grants. Above zero only when every grant is spent; below zero, what
    /// was given back beyond the grants, only when nothing is drawn from any.
    pub(super) uncovered: Decimal,
    /// Sum of the grants' amounts and of the spent grants that ended since the last turnover.
    pub(super) credited: Decimal,
    /// Sum of what is drawn from the grants, of the same spent grants, and of `uncovered`.
    pub(super) consumed: Decimal,
    /// The earliest expiry or effective time, [`NEVER`] when there is none.
    due: Timestamp,
    /// Holds `credited` with the waiting grants' amounts, and `consumed`, whenever they grow.
    pub(super) grid: Grid,
    /// What most accounts do not have.
    rare: Option<Box<Rare>>,
}

/// What most accounts do not have.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Rare {
    /// Grants that count later, by effective time and then in journal order.
    waiting: Vec<Grant>,
    /// What was uncovered before the subscription started that pays for it.
    baseline: Decimal,
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            grants: Vec::new(),
            uncovered: Decimal::ZERO,
            credited: Decimal::ZERO,
            consumed: Decimal::ZERO,
            due: NEVER,
            grid: Grid::WHOLE,
            rare: None,
        }
    }
}

impl Ledger {
    /// See `Account::touch`.
    #[inline]
    pub(super) fn touch(&self) -> u64 {
        let words = [self.credited.scale(), self.consumed.scale(), self.uncovered.scale()];
        let words = words.into_iter().fold(0, |folded, word| folded ^ u64::from(word));
        let grants = u64::try_from(self.grants.len()).unwrap_or(0);
        words ^ grants ^ self.due.microseconds().cast_unsigned()
    }

    /// Whether a grant has expired, or has become effective, that is still taken for what it was.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.due <= now && self.due != NEVER
    }

    /// When it will be due.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        (self.due != NEVER).then_some(self.due)
    }

    pub(super) fn balance(&self) -> Decimal {
        difference(self.credited, self.consumed)
    }

    pub(super) fn waiting(&self) -> &[Grant] {
        self.rare.as_ref().map_or(&[], |rare| &rare.waiting)
    }

    pub(super) fn baseline(&self) -> Decimal {
        self.rare.as_ref().map_or(Decimal::ZERO, |rare| rare.baseline)
    }

    pub(super) fn set_baseline(&mut self, baseline: Decimal) {
        if baseline != self.baseline() {
            self.rare.get_or_insert_default().baseline = baseline;
            self.drop_empty_rare();
        }
    }

    /// Sets the waiting grants of a ledger that is restored.
    pub(super) fn set_waiting(&mut self, waiting: &[Grant]) {
        if !waiting.is_empty() {
            self.rare.get_or_insert_default().waiting = waiting.to_vec();
        }
    }

    /// What is credited, now or later.
    fn held(&self) -> Result<Decimal, Overflow> {
        self.waiting().iter().try_fold(self.credited, |held, grant| add(held, grant.amount()))
    }

    /// Whether `credits` can be made in addition to what is held.
    pub(super) fn admit_credits(&self, credits: &[GrantTerms]) -> Result<Grid, AccountError> {
        let made = self.grants.len().saturating_add(self.waiting().len());
        if made.saturating_add(credits.len()) > GRANTS_MAX {
            return Err(AccountError::GrantsFull);
        }
        let mut held = self.held()?;
        let mut grid = self.grid;
        for (place, terms) in credits.iter().enumerate() {
            if terms.amount <= Decimal::ZERO {
                return Err(AccountError::GrantNotPositive);
            }
            let before = credits.get(..place).unwrap_or(&[]);
            if self.find(terms.id).is_some() || before.iter().any(|other| other.id == terms.id) {
                return Err(AccountError::GrantAlreadyMade);
            }
            let amount = terms.amount.normalize();
            held = add(held, amount)?;
            grid = grid.refined_by(amount);
        }
        if !grid.holds(held) || !grid.holds(self.consumed) {
            return Err(AccountError::Overflow);
        }
        Ok(grid)
    }

    /// The grid with the decimals of `amount`, if the totals fit that one too.
    pub(super) fn admit_decimals_of(&self, amount: Decimal) -> Result<Grid, Overflow> {
        let grid = self.grid.refined_by(amount);
        let fits = grid == self.grid || (grid.holds(self.held()?) && grid.holds(self.consumed));
        if fits { Ok(grid) } else { Err(Overflow) }
    }

    fn find(&self, id: GrantId) -> Option<&Grant> {
        self.grants.iter().chain(self.waiting()).find(|grant| grant.id() == id)
    }

    /// Makes a grant that [`Ledger::admit_credits`] let in on `grid`.
    pub(super) fn credit(
        &mut self,
        terms: &GrantTerms,
        grid: Grid,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        self.grid = grid;
        let grant = Grant::new(terms);
        if terms.effective_at > now {
            let waiting = &mut self.rare.get_or_insert_default().waiting;
            let place =
                waiting.partition_point(|other| other.effective_at() <= grant.effective_at());
            insert_exactly(waiting, place, grant);
        } else {
            self.start(grant, effects);
        }
        self.find_due();
    }

    /// Lets a grant count: first it covers what is uncovered, the rest burns in its turn.
    fn start(&mut self, mut grant: Grant, effects: &mut Vec<Effect>) {
        self.credited = sum(self.credited, grant.amount());
        if self.uncovered > Decimal::ZERO {
            let covered = grant.draw_up_to(self.uncovered);
            self.uncovered = difference(self.uncovered, covered);
        }
        if grant.is_spent() && grant.ends_when_spent() {
            effects.push(ended(&grant, GrantEnd::Spent));
        } else {
            self.insert(grant);
        }
    }

    /// Puts a grant into its place in the burn order. The sums know it already.
    pub(super) fn insert(&mut self, grant: Grant) {
        let burn_place = grant.burn_place();
        let place = self.grants.partition_point(|other| other.burn_place() <= burn_place);
        insert_exactly(&mut self.grants, place, grant);
    }

    /// Ends what expired and starts what became effective, up to `now`, in the order of time.
    #[inline]
    pub(super) fn advance_to(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        while self.is_due(now) {
            let due = self.due;
            self.end_grants(GrantEnd::Expired, effects, |grant| {
                grant.expires_at().is_some_and(|expiry| expiry <= due)
            });
            for grant in self.take_waiting(|grant| grant.effective_at() <= due) {
                self.start(grant, effects);
            }
            self.find_due();
        }
    }

    /// Ends the grant with this id, if it counts now or later.
    pub(super) fn void(&mut self, id: GrantId, effects: &mut Vec<Effect>) -> bool {
        let waiting = self.take_waiting(|grant| grant.id() == id);
        effects.extend(waiting.iter().map(|grant| ended(grant, GrantEnd::Voided)));
        let live = self.end_grants(GrantEnd::Voided, effects, |grant| grant.id() == id);
        self.find_due();
        live || !waiting.is_empty()
    }

    /// Takes the grants that `ends` names out of both sums. Returns whether there were any.
    pub(super) fn end_grants(
        &mut self,
        end: GrantEnd,
        effects: &mut Vec<Effect>,
        mut ends: impl FnMut(&Grant) -> bool,
    ) -> bool {
        let before = self.grants.len();
        let (credited, consumed) = (&mut self.credited, &mut self.consumed);
        self.grants.retain(|grant| {
            let stays = !ends(grant);
            if !stays {
                *credited = difference(*credited, grant.amount());
                *consumed = difference(*consumed, grant.drawn());
                effects.push(ended(grant, end));
            }
            stays
        });
        self.tighten();
        before != self.grants.len()
    }

    /// Forgets the grants that end when they are spent. Both sums keep their units until the next
    /// turnover.
    pub(super) fn forget_spent(&mut self, effects: &mut Vec<Effect>) {
        self.grants.retain(|grant| {
            let stays = !(grant.is_spent() && grant.ends_when_spent());
            if !stays {
                effects.push(ended(grant, GrantEnd::Spent));
            }
            stays
        });
        self.grants.shrink_to_fit();
        self.find_due();
    }

    /// Removes and returns the waiting grants that `taken` names, in their order.
    fn take_waiting(&mut self, mut taken: impl FnMut(&Grant) -> bool) -> Vec<Grant> {
        let Some(rare) = self.rare.as_mut() else { return Vec::new() };
        let grants = rare.waiting.extract_if(.., |grant| taken(grant)).collect();
        rare.waiting.shrink_to_fit();
        self.drop_empty_rare();
        grants
    }

    /// Every grant, live or waiting, to be changed. The caller keeps sums and order.
    pub(super) fn every_grant_mut(&mut self) -> (&mut Vec<Grant>, &mut [Grant]) {
        let waiting = self.rare.as_mut().map_or([].as_mut_slice(), |rare| &mut rare.waiting);
        (&mut self.grants, waiting)
    }

    /// Removes grants that lost every unit.
    pub(super) fn forget_empty(&mut self) {
        self.grants.retain(|grant| grant.amount() > Decimal::ZERO);
        let _emptied = self.take_waiting(|grant| grant.amount().is_zero());
        self.find_due();
    }

    fn drop_empty_rare(&mut self) {
        self.rare.take_if(|rare| rare.waiting.is_empty() && rare.baseline.is_zero());
    }

    /// Gives memory back, and the room on the grid that only departed amounts needed.
    pub(super) fn tighten(&mut self) {
        self.grants.shrink_to_fit();
        let mut grid = Grid::WHOLE;
        for total in [&mut self.uncovered, &mut self.credited, &mut self.consumed] {
            total.normalize_assign();
            grid = grid.refined_by(*total);
        }
        let (live, waiting) = match self.rare.as_mut() {
            None => (&mut self.grants, [].as_mut_slice()),
            Some(rare) => {
                rare.baseline.normalize_assign();
                grid = grid.refined_by(rare.baseline);
                (&mut self.grants, rare.waiting.as_mut_slice())
            }
        };
        for grant in live.iter_mut().chain(waiting) {
            grant.normalize();
            grid = grid.refined_by(grant.amount()).refined_by(grant.drawn());
        }
        self.grid = grid;
    }

    pub(super) fn find_due(&mut self) {
        let expiries = self.grants.iter().filter_map(Grant::expires_at);
        let starts = self.waiting().iter().map(Grant::effective_at);
        self.due = expiries.chain(starts).min().unwrap_or(NEVER);
    }
}

/// The effect of `grant` ending as a whole.
pub(super) fn ended(grant: &Grant, end: GrantEnd) -> Effect {
    Effect::GrantEnded { grant: grant.id(), end, amount: grant.amount(), drawn: grant.drawn() }
}

/// Inserts without the room that a vector takes for more: most accounts have two grants.
fn insert_exactly(grants: &mut Vec<Grant>, place: usize, grant: Grant) {
    grants.reserve_exact(1);
    grants.insert(place, grant);
}
