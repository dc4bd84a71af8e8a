//! Which command is due, and when: what a scheduler asks, and whoever catches up after downtime.
//!
//! Each boundary is a command of its own. Whoever comes late asks again after each one, until
//! nothing is due.

use std::sync::Arc;

use crate::customer::Customer;
use crate::customer::command::CreditOn;
use crate::customer::command::CustomerCommand;
use crate::customer::command::Cycle;
use crate::customer::command::MeterCycle;
use crate::customer::subscription::Subscription;
use crate::id::ProductId;
use crate::id::SubscriptionId;
use crate::product::ProductTerms;
use crate::time::Timestamp;

/// A boundary that a subscription has yet to cross.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// When.
    pub at: Timestamp,
    /// Whose.
    pub subscription: SubscriptionId,
    /// The product whose terms of the day the command wants.
    pub product: ProductId,
    /// What ends there.
    pub what: DueWhat,
}

/// What ends at a boundary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DueWhat {
    /// A billing period, and with it a meter period.
    Cycle {
        /// The number of the billing period.
        index: u32,
    },
    /// A meter period within a billing period.
    MeterCycle,
}

impl Due {
    /// The command that crosses the boundary.
    #[must_use]
    pub fn command(self, terms: Arc<ProductTerms>, credit_on: CreditOn) -> CustomerCommand {
        let subscription = self.subscription;
        match self.what {
            DueWhat::Cycle { index } => {
                CustomerCommand::Cycle(Cycle { subscription, index, terms, credit_on })
            }
            DueWhat::MeterCycle => {
                let end = self.at;
                CustomerCommand::MeterCycle(MeterCycle { subscription, end, terms, credit_on })
            }
        }
    }
}

impl Customer {
    /// The earliest boundary that is ahead, or was missed; of several at once the one of the oldest
    /// subscription.
    #[must_use]
    pub fn next_due(&self) -> Option<Due> {
        self.subscriptions().iter().filter_map(due_of).min_by_key(|due| due.at)
    }

    /// The boundary that is to be crossed before anything else happens at `now`.
    #[must_use]
    pub fn due_at(&self, now: Timestamp) -> Option<Due> {
        self.next_due().filter(|due| due.at <= now)
    }
}

fn due_of(subscription: &Subscription) -> Option<Due> {
    if !subscription.status.is_active() {
        return None;
    }
    let index = subscription.index;
    let meter =
        subscription.meter_period.filter(|meter| meter.period.end < subscription.period.end);
    let (at, what, terms) = match meter {
        Some(meter) => (meter.period.end, DueWhat::MeterCycle, &subscription.terms),
        None => (subscription.period.end, DueWhat::Cycle { index }, subscription.next_terms()),
    };
    // There the calendar ends, and nothing comes after it.
    (at < Timestamp::MAX).then_some(Due {
        at,
        subscription: subscription.id,
        product: terms.product,
        what,
    })
}
