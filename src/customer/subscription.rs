//! A subscription: what it is on, where its periods lie, and how far it has come.

use std::sync::Arc;

use crate::customer::command::Start;
use crate::cycle::Interval;
use crate::cycle::Period;
use crate::id::MeterNumber;
use crate::id::SubscriptionId;
use crate::money::Money;
use crate::product::Credit;
use crate::product::MeteredPrice;
use crate::product::ProductTerms;
use crate::time::Timestamp;

/// A customer's subscription to a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// Its id for ever.
    pub id: SubscriptionId,
    /// How it started.
    pub start: Start,
    /// When it started; it was made then too.
    pub started_at: Timestamp,
    /// When it changed last, if it did.
    pub modified_at: Option<Timestamp>,
    /// How far it has come.
    pub status: SubscriptionStatus,
    /// What it is on: the prices of its start or last change, the benefits of its last cycle.
    pub terms: Arc<ProductTerms>,
    /// What it is on from the next period on, when that is something else.
    pub pending_change: Option<PendingChange>,
    /// What its billing periods are counted from.
    pub schedule: Schedule,
    /// The number of its current billing period. The first one, trial or not, is 0.
    pub index: u32,
    /// Its current billing period; its last one when it has ended.
    pub period: Period,
    /// Its current meter period, when its product has a meter interval and it is past its trial.
    pub meter_period: Option<MeterPeriod>,
    /// Its trial, the last one it had.
    pub trial: Option<Period>,
    /// Whether it ends with its current period.
    pub cancel_at_period_end: bool,
    /// When it was cancelled, if it was.
    pub canceled_at: Option<Timestamp>,
    /// When it will end, or has.
    pub ends_at: Option<Timestamp>,
    /// When it ended, if it has.
    pub ended_at: Option<Timestamp>,
    /// Since when a payment is missing.
    pub past_due_at: Option<Timestamp>,
    /// Meters that hold credits of it though it has no part in them any more. The next turnover there,
    /// of whichever subscription, ends them.
    pub leftover: Vec<MeterNumber>,
}

/// How far a subscription has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SubscriptionStatus {
    /// It costs nothing yet; its credits are there.
    Trialing,
    /// It runs.
    Active,
    /// A payment failed: its credits are taken back, and its periods stand still.
    PastDue,
    /// It has ended.
    Canceled,
}

/// A change of product that waits for the next period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingChange {
    /// What it will be on.
    pub terms: Arc<ProductTerms>,
    /// When it was asked for.
    pub since: Timestamp,
}

/// What periods are counted from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// Every boundary lies whole intervals after it.
    pub anchor: Timestamp,
    /// The number of the billing period that starts there.
    pub index: u32,
}

/// A meter period within a billing period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MeterPeriod {
    /// Its number, counted in meter intervals from the schedule's anchor.
    pub index: u32,
    /// From when to when. It never ends later than its billing period.
    pub period: Period,
}

impl SubscriptionStatus {
    /// Whether its benefits are granted.
    #[must_use]
    pub const fn is_active(self) -> bool {
        match self {
            Self::Trialing | Self::Active => true,
            Self::PastDue | Self::Canceled => false,
        }
    }

    /// Whether overage can belong to it.
    #[must_use]
    pub const fn is_billable(self) -> bool {
        match self {
            Self::Trialing | Self::Active | Self::PastDue => true,
            Self::Canceled => false,
        }
    }
}

impl Schedule {
    /// When the billing period with this number ends. The last instant of the calendar stands for
    /// never.
    #[must_use]
    pub fn period_end(self, billing: Interval, index: u32) -> Timestamp {
        let n = index.saturating_sub(self.index).saturating_add(1);
        billing.boundary(self.anchor, n).unwrap_or(Timestamp::MAX)
    }
}

impl Subscription {
    /// What a period costs whatever is used, in cents.
    #[must_use]
    pub fn amount(&self) -> Money {
        self.terms.fixed.map_or(Money::ZERO, |fixed| fixed.amount)
    }

    /// The price of overage on `meter`, if it has one.
    #[must_use]
    pub fn metered_price(&self, meter: MeterNumber) -> Option<&MeteredPrice> {
        self.terms.metered.iter().find(|price| price.meter == meter)
    }

    /// What it credits in each period, if it is not about to change.
    #[must_use]
    pub fn credits(&self) -> &[Credit] {
        &self.terms.credits
    }

    /// The product that its next period is on.
    #[must_use]
    pub fn next_terms(&self) -> &Arc<ProductTerms> {
        self.pending_change.as_ref().map_or(&self.terms, |change| &change.terms)
    }

    /// When what it credits now is to be used up: where the next turnover of its meters lies.
    #[must_use]
    pub fn credits_end(&self) -> Timestamp {
        self.meter_period.map_or(self.period.end, |meter| meter.period.end)
    }

    /// The time whose use its next turnover settles.
    #[must_use]
    pub fn usage_period(&self) -> Period {
        self.meter_period.map_or(self.period, |meter| meter.period)
    }

    /// The meter period that contains `instant`, by the schedule and within the current period.
    pub(super) fn meter_period_at(&self, instant: Timestamp) -> Option<MeterPeriod> {
        let metering = self.terms.metering?;
        let index = metering.index_at(self.schedule.anchor, instant)?;
        self.meter_period_numbered(metering, index)
    }

    /// The meter period with this number, within the current period.
    pub(super) fn meter_period_numbered(
        &self,
        metering: Interval,
        index: u32,
    ) -> Option<MeterPeriod> {
        let start = metering.boundary(self.schedule.anchor, index)?;
        let next = metering.boundary(self.schedule.anchor, index.saturating_add(1));
        let end = next.unwrap_or(Timestamp::MAX).min(self.period.end);
        // A product changed while a payment is missing may count its meters at another pace.
        let start = start.max(self.period.start);
        Some(MeterPeriod { index, period: Period { start, end } })
    }
}

/// `old` with the benefits of `new`, which is the same product: prices stay what was agreed.
pub(super) fn with_benefits_of(
    old: &Arc<ProductTerms>,
    new: &Arc<ProductTerms>,
) -> Arc<ProductTerms> {
    if old.credits == new.credits {
        return Arc::clone(old);
    }
    let merged = ProductTerms { credits: new.credits.clone(), ..ProductTerms::clone(old) };
    // Most customers of a product hold the same terms: one copy does for all of them.
    if merged == **new { Arc::clone(new) } else { Arc::new(merged) }
}
