//! A grant: credited units with priority, effective time, expiry and rollover rule.
//!
//! It knows how many of its units are drawn and when it burns relative to another one. It never
//! knows what its account holds besides it.
#![deny(clippy::arithmetic_side_effects)]

use rust_decimal::Decimal;

use crate::id::{BenefitId, GrantId, OrderId, SubscriptionId};
use crate::time::Timestamp;
use crate::units::grid;

/// Whether what is left of a cycle grant is carried into the next cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rollover {
    /// It ends with its period.
    Ends,
    /// What is left is carried.
    Carries,
}

/// Where a grant comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Made by a command of the application.
    Manual,
    /// Credited by a benefit for one period of a subscription.
    Subscription {
        /// Whose cycle ends it.
        subscription: SubscriptionId,
        /// Which benefit credited it, and takes it back when revoked.
        benefit: BenefitId,
        /// When the period ends that it was credited for. Time alone does not end the grant, the
        /// turnover does; until then this says how soon it is to be used.
        period_end: Timestamp,
    },
    /// Credited by a benefit once, at purchase.
    Order {
        /// The purchase.
        order: OrderId,
        /// Which benefit credited it, and takes it back when revoked.
        benefit: BenefitId,
    },
}

/// What a benefit credited a grant for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purchase {
    /// A subscription, for one of its periods.
    Subscription(SubscriptionId),
    /// An order, once.
    Order(OrderId),
}

/// What a grant command asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantTerms {
    /// Names the grant for ever.
    pub id: GrantId,
    /// Credited units, above zero.
    pub amount: Decimal,
    /// Lower burns first.
    pub priority: i32,
    /// Counts from here on.
    pub effective_at: Timestamp,
    /// Counts no longer from here on. The last instant of the calendar is taken as never.
    pub expires_at: Option<Timestamp>,
    /// What its cycle's end does to it.
    pub rollover: Rollover,
    /// Where it comes from.
    pub source: Source,
}

/// Stands for "no end" in a grant: an `Option` would take 16 bytes.
const NEVER: Timestamp = Timestamp::MAX;

/// Credited units that count on an account, and how many of them are drawn.
///
/// An account holds millions of these in memory, so the fields are packed: 112 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    id: GrantId,
    /// Above zero.
    amount: Decimal,
    /// From zero up to `amount`.
    drawn: Decimal,
    effective_at: Timestamp,
    /// [`NEVER`] when it does not expire.
    expires_at: Timestamp,
    /// [`NEVER`] unless `credit` is for a subscription.
    period_end: Timestamp,
    /// `None` when it was made by a command of the application.
    credit: Option<(Purchase, BenefitId)>,
    priority: i32,
    rollover: Rollover,
}

/// Which of two grants burns first: the lesser one, and among equals the one that came first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct BurnPlace {
    priority: i32,
    end: BurnEnd,
    effective_at: Timestamp,
}

/// How soon the units of a grant are lost when nobody uses them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum BurnEnd {
    At(Timestamp),
    Rolling,
    Never,
}

/// What taking units back from a grant did.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TakenBack {
    /// How many units it lost.
    pub(crate) units: Decimal,
    /// How many of its drawn units it no longer covers.
    pub(crate) bare: Decimal,
}

impl Grant {
    /// A grant of which nothing is drawn.
    pub(crate) fn new(terms: &GrantTerms) -> Self {
        let (credit, period_end) = match terms.source {
            Source::Manual => (None, NEVER),
            Source::Subscription { subscription, benefit, period_end } => {
                (Some((Purchase::Subscription(subscription), benefit)), period_end)
            }
            Source::Order { order, benefit } => (Some((Purchase::Order(order), benefit)), NEVER),
        };
        Self {
            id: terms.id,
            amount: terms.amount.normalize(),
            drawn: Decimal::ZERO,
            effective_at: terms.effective_at,
            expires_at: terms.expires_at.unwrap_or(NEVER),
            period_end,
            credit,
            priority: terms.priority,
            rollover: terms.rollover,
        }
    }

    /// A grant as it was imaged; `None` when the numbers are none of a grant.
    #[cfg_attr(not(feature = "server"), expect(dead_code, reason = "snapshots keep accounts"))]
    pub(crate) fn restored(terms: &GrantTerms, drawn: Decimal) -> Option<Self> {
        let whole = terms.amount > Decimal::ZERO;
        let drawn_within = drawn >= Decimal::ZERO && drawn <= terms.amount;
        (whole && drawn_within).then(|| Self { amount: terms.amount, drawn, ..Self::new(terms) })
    }

    /// Its name.
    #[must_use]
    pub const fn id(&self) -> GrantId {
        self.id
    }

    /// Credited units.
    #[must_use]
    pub const fn amount(&self) -> Decimal {
        self.amount
    }

    /// How many of them are drawn.
    #[must_use]
    pub const fn drawn(&self) -> Decimal {
        self.drawn
    }

    /// How many of them are left.
    #[must_use]
    pub fn left(&self) -> Decimal {
        grid::difference(self.amount, self.drawn)
    }

    /// Lower burns first.
    #[must_use]
    pub const fn priority(&self) -> i32 {
        self.priority
    }

    /// Since when it counts.
    #[must_use]
    pub const fn effective_at(&self) -> Timestamp {
        self.effective_at
    }

    /// From when on it counts no longer.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        (self.expires_at != NEVER).then_some(self.expires_at)
    }

    /// What its cycle's end does to it.
    #[must_use]
    pub const fn rollover(&self) -> Rollover {
        self.rollover
    }

    /// Where it comes from.
    #[must_use]
    pub const fn source(&self) -> Source {
        match self.credit {
            None => Source::Manual,
            Some((Purchase::Subscription(subscription), benefit)) => {
                Source::Subscription { subscription, benefit, period_end: self.period_end }
            }
            Some((Purchase::Order(order), benefit)) => Source::Order { order, benefit },
        }
    }

    /// What it would be asked for with.
    #[cfg_attr(not(feature = "server"), expect(dead_code, reason = "snapshots keep accounts"))]
    pub(crate) fn terms(&self) -> GrantTerms {
        GrantTerms {
            id: self.id,
            amount: self.amount,
            priority: self.priority,
            effective_at: self.effective_at,
            expires_at: self.expires_at(),
            rollover: self.rollover,
            source: self.source(),
        }
    }

    /// Whether the turnover of `subscription` ends it.
    pub(crate) fn is_cycle_grant_of(&self, subscription: SubscriptionId) -> bool {
        matches!(self.credit, Some((Purchase::Subscription(of), _)) if of == subscription)
    }

    /// Whether `benefit` credited it for `purchase`.
    pub(crate) fn is_credit_of(&self, purchase: Purchase, benefit: BenefitId) -> bool {
        self.credit == Some((purchase, benefit))
    }

    /// Whether nobody can take its units back once they are drawn, so that it ends when spent.
    pub(crate) const fn ends_when_spent(&self) -> bool {
        self.credit.is_none()
    }

    /// Whether every unit is drawn.
    pub(crate) fn is_spent(&self) -> bool {
        self.drawn == self.amount
    }

    /// Where it stands in the burn order.
    pub(crate) fn burn_place(&self) -> BurnPlace {
        let cycles = matches!(self.credit, Some((Purchase::Subscription(_), _)));
        let end = match (self.rollover, cycles) {
            (Rollover::Ends, true) => BurnEnd::At(self.expires_at.min(self.period_end)),
            _ if self.expires_at != NEVER => BurnEnd::At(self.expires_at),
            (Rollover::Carries, true) => BurnEnd::Rolling,
            (_, false) => BurnEnd::Never,
        };
        BurnPlace { priority: self.priority, end, effective_at: self.effective_at }
    }

    /// See `Account::touch`.
    #[inline]
    pub(crate) fn touch(&self) -> u64 {
        let words = self.effective_at.microseconds() ^ self.period_end.microseconds();
        words.cast_unsigned() ^ u64::from(self.amount.scale() ^ self.drawn.scale())
    }

    /// Draws `wanted` units if that leaves some.
    #[inline]
    pub(crate) fn draw_with_some_left(&mut self, wanted: Decimal) -> bool {
        let drawn = grid::sum(self.drawn, wanted);
        grid::align(&mut self.amount, drawn);
        let leaves_some = drawn < self.amount;
        if leaves_some {
            self.drawn = drawn;
        }
        leaves_some
    }

    /// Draws up to `wanted` units, as many as are left. Returns how many.
    pub(crate) fn draw_up_to(&mut self, wanted: Decimal) -> Decimal {
        let left = self.left();
        if wanted < left {
            self.drawn = grid::sum(self.drawn, wanted);
            return wanted;
        }
        self.drawn = self.amount;
        left
    }

    /// Gives up to `offered` units back, as many as are drawn. Returns how many.
    pub(crate) fn give_back_up_to(&mut self, offered: Decimal) -> Decimal {
        if offered < self.drawn {
            self.drawn = grid::difference(self.drawn, offered);
            return offered;
        }
        std::mem::replace(&mut self.drawn, Decimal::ZERO)
    }

    /// Loses up to `wanted` units, drawn ones last. A grant without units is to be removed.
    pub(crate) fn take_back_up_to(&mut self, wanted: Decimal) -> TakenBack {
        let units = wanted.min(self.amount);
        self.amount = grid::difference(self.amount, units);
        let covered = self.drawn.min(self.amount);
        let bare = grid::difference(self.drawn, covered);
        self.drawn = covered;
        TakenBack { units, bare }
    }

    /// This grant in the next cycle, with the `amount` that was carried, none of it drawn.
    pub(crate) const fn carried(self, amount: Decimal) -> Self {
        Self { amount, drawn: Decimal::ZERO, ..self }
    }

    /// Whether what is carried of both burns and ends alike, so that one grant can hold it.
    pub(crate) fn carries_with(&self, other: &Self) -> bool {
        self.credit == other.credit
            && self.priority == other.priority
            && self.expires_at == other.expires_at
    }

    /// Adds units that were carried too.
    pub(crate) fn add_carried(&mut self, amount: Decimal) {
        self.amount = grid::sum(self.amount, amount);
    }

    /// Writes its numbers with as few decimals as they need.
    pub(crate) fn normalize(&mut self) {
        self.amount.normalize_assign();
        self.drawn.normalize_assign();
    }
}

#[cfg(test)]
mod tests;
