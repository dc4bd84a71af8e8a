//! Benefits: granting them for a purchase, crediting their units, and taking them back.

use std::sync::Arc;

use rust_decimal::Decimal;

use crate::account::Action;
use crate::account::Revoke;
use crate::customer::BenefitGrant;
use crate::customer::BenefitGrantChange;
use crate::customer::CustomerError;
use crate::customer::LastCredit;
use crate::customer::derived_id;
use crate::customer::draft::Draft;
use crate::customer::draft::Stop;
use crate::customer::overage::Owners;
use crate::customer::overage::hand_over;
use crate::grant::GrantTerms;
use crate::grant::Purchase;
use crate::grant::Source;
use crate::id::BenefitGrantId;
use crate::id::BenefitId;
use crate::id::OrderId;
use crate::id::SubscriptionId;
use crate::product::Credit;
use crate::time::Timestamp;
use crate::units::Units;

/// For which time a credit counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct CreditTime {
    /// From here on.
    pub(super) start: Timestamp,
    /// When its cycle ends; `Timestamp::MAX` for what has no cycle.
    pub(super) end: Timestamp,
}

impl Draft<'_> {
    /// The live grants of a purchase.
    pub(super) fn live_grants(&self, purchase: Purchase) -> Vec<BenefitGrant> {
        let grants = self.customer.benefit_grants.iter();
        grants.filter(|grant| grant.purchase == purchase && grant.is_live()).cloned().collect()
    }

    fn change_grant(&mut self, id: BenefitGrantId) -> Option<&mut BenefitGrant> {
        let now = self.now;
        let grant = self.customer.benefit_grants.iter_mut().find(|grant| grant.id == id)?;
        grant.modified_at = Some(now);
        Some(grant)
    }

    /// Grants a benefit in full, unless it is granted already.
    pub(super) fn grant(
        &mut self,
        purchase: Purchase,
        credit: &Credit,
        time: CreditTime,
    ) -> Result<(), CustomerError> {
        let id = derived_id::benefit_grant(purchase, credit.benefit);
        let now = self.now;
        let change = match self.customer.benefit_grant(id).map(BenefitGrant::is_live) {
            Some(true) => return Ok(()),
            Some(false) => {
                if let Some(grant) = self.change_grant(id) {
                    grant.revoked_at = None;
                    grant.granted_at = now;
                }
                BenefitGrantChange::Updated
            }
            None => {
                self.add_benefit_grant(BenefitGrant {
                    id,
                    purchase,
                    benefit: credit.benefit,
                    created_at: now,
                    modified_at: None,
                    granted_at: now,
                    revoked_at: None,
                    last_credit: None,
                    credits_made: 0,
                    awaits: None,
                })?;
                BenefitGrantChange::Created
            }
        };
        self.credit(id, credit, time, change)
    }

    /// Credits the units of a benefit that is granted.
    pub(super) fn credit(
        &mut self,
        id: BenefitGrantId,
        credit: &Credit,
        time: CreditTime,
        change: BenefitGrantChange,
    ) -> Result<(), CustomerError> {
        let now = self.now;
        let is_new = change == BenefitGrantChange::Created;
        let Some(grant) = self.customer.benefit_grants.iter_mut().find(|grant| grant.id == id)
        else {
            return Ok(());
        };
        let nth = grant.credits_made;
        grant.credits_made = nth.saturating_add(1);
        grant.last_credit = Some(LastCredit { meter: credit.meter, units: credit.units, at: now });
        grant.awaits = None;
        grant.modified_at = (!is_new).then_some(now);
        let purchase = grant.purchase;
        let terms = GrantTerms {
            id: derived_id::credit(id, nth),
            amount: Decimal::from(credit.units),
            priority: 0,
            effective_at: time.start.min(now),
            expires_at: None,
            rollover: credit.rollover,
            source: source(purchase, credit.benefit, time.end),
        };
        self.act(credit.meter, &Action::Grant(Box::new(terms)))?;
        self.benefit_grant_changed(id, change);
        Ok(())
    }

    /// Says of a live grant that the payment of `order` credits its current period.
    pub(super) fn await_payment(&mut self, id: BenefitGrantId, order: OrderId) {
        if let Some(grant) = self.change_grant(id) {
            grant.awaits = Some(order);
        }
    }

    /// Ends a grant without touching its account.
    pub(super) fn end_grant(&mut self, id: BenefitGrantId) {
        let now = self.now;
        if let Some(grant) = self.change_grant(id) {
            grant.revoked_at = Some(now);
            grant.awaits = None;
            self.benefit_grant_changed(id, BenefitGrantChange::Revoked);
        }
    }

    /// Takes back what a grant that has ended credited last.
    ///
    /// Polar's rule: not while the same benefit is granted for another purchase.
    pub(super) fn take_back(&mut self, grant: &BenefitGrant) -> Result<(), CustomerError> {
        let benefit = grant.benefit;
        let mut others = self.customer.benefit_grants.iter();
        let shared = others.any(|other| other.benefit == benefit && other.is_live());
        let Some(last) = grant.last_credit.filter(|_| !shared) else { return Ok(()) };
        // Units that turned over are gone already; the account refuses that, and all is well.
        let units = Units::new(Decimal::from(last.units)).unwrap_or_default();
        let revoke = Revoke { purchase: grant.purchase, benefit, units };
        self.act(last.meter, &Action::Revoke(Box::new(revoke)))?;
        Ok(())
    }

    /// Revokes the live grants of a purchase that `goes` names, in the order in which they were made.
    pub(super) fn revoke_grants(
        &mut self,
        purchase: Purchase,
        goes: impl Fn(BenefitId) -> bool,
    ) -> Result<(), CustomerError> {
        for grant in self.live_grants(purchase) {
            if goes(grant.benefit) {
                self.end_grant(grant.id);
                self.take_back(&grant)?;
            }
        }
        Ok(())
    }

    /// Makes the grants of a subscription those of its product: what is gone is revoked first, then
    /// what is missing is granted in full; what stays is not credited again.
    ///
    /// Overage that changes hands does so in between: after units that were taken back are bare, and
    /// before new ones cover what was used before.
    pub(super) fn sync_grants(&mut self, id: SubscriptionId, owners: &Owners) -> Result<(), Stop> {
        let subscription = self.find(id)?;
        let terms = Arc::clone(&subscription.terms);
        let time = CreditTime { start: self.now, end: subscription.credits_end() };
        let purchase = Purchase::Subscription(id);
        self.revoke_grants(purchase, |benefit| !names(&terms.credits, benefit))?;
        hand_over(self, owners)?;
        for credit in &terms.credits {
            self.grant(purchase, credit, time)?;
        }
        Ok(())
    }
}

/// Whether `benefit` is among these.
pub(super) fn names(credits: &[Credit], benefit: BenefitId) -> bool {
    credits.iter().any(|credit| credit.benefit == benefit)
}

fn source(purchase: Purchase, benefit: BenefitId, period_end: Timestamp) -> Source {
    match purchase {
        Purchase::Subscription(subscription) => {
            Source::Subscription { subscription, benefit, period_end }
        }
        Purchase::Order(order) => Source::Order { order, benefit },
    }
}
