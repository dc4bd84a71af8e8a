//! Checkouts that wait for their confirmation. They live in memory: one that is lost with the
//! process was never confirmed, and what a confirmation makes is journaled.

use std::collections::{HashMap, VecDeque};

use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::id::{CheckoutId, CustomerId, OrganizationNumber, ProductId, SubscriptionId};
use crate::metadata::Metadata;
use crate::time::Timestamp;

/// Most checkouts that are kept. When there are as many, the oldest one makes room if it is over;
/// otherwise the caller is told to come again.
pub const CHECKOUTS_MAX: usize = 10_000;

/// A checkout can be confirmed for this long, in seconds: as long as Polar's.
pub const CHECKOUT_LIFETIME_SECONDS: i64 = 3_600;

/// What a secret begins with.
const SECRET_PREFIX: &str = "drawdown_c_";

/// A checkout.
#[derive(Debug, Clone)]
pub(in crate::http) struct Checkout {
    /// Its id for ever.
    pub(in crate::http) id: CheckoutId,
    /// Whose it is.
    pub(in crate::http) organization: OrganizationNumber,
    /// Who has it can confirm it.
    pub(in crate::http) secret: String,
    /// When it was made.
    pub(in crate::http) created_at: Timestamp,
    /// When it changed last, if it did.
    pub(in crate::http) modified_at: Option<Timestamp>,
    /// From here on it cannot be confirmed.
    pub(in crate::http) expires_at: Timestamp,
    /// What it is for.
    pub(in crate::http) order: CheckoutOrder,
    /// How far it has come.
    pub(in crate::http) standing: Standing,
}

/// What a checkout is for.
#[derive(Debug, Clone)]
pub(in crate::http) struct CheckoutOrder {
    /// What can be chosen, at least one; without a choice it is the first.
    pub(in crate::http) products: Vec<ProductId>,
    /// What is chosen, one of them.
    pub(in crate::http) product: ProductId,
    /// Who buys, if that is known.
    pub(in crate::http) customer: Option<CustomerId>,
    /// What the application calls the one who buys.
    pub(in crate::http) external_customer_id: Option<Box<str>>,
    /// The address of the one who buys.
    pub(in crate::http) email: Option<Box<str>>,
    /// The name of the one who buys.
    pub(in crate::http) name: Option<Box<str>>,
    /// What the application writes on it.
    pub(in crate::http) metadata: Metadata,
    /// What it writes on a customer that is new.
    pub(in crate::http) customer_metadata: Metadata,
    /// Where to go afterwards.
    pub(in crate::http) success_url: Option<Box<str>>,
    /// Where to go back to.
    pub(in crate::http) return_url: Option<Box<str>>,
    /// Whether the product's trial counts.
    pub(in crate::http) trial: Trial,
}

/// Whether the trial of a product counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Trial {
    /// It does.
    Allowed,
    /// It does not.
    Waived,
}

/// How far a checkout has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Standing {
    /// It waits for its confirmation.
    Open,
    /// It is being confirmed.
    Confirming,
    /// It was confirmed, and something was bought.
    Succeeded {
        /// The subscription that it started, if it started one.
        subscription: Option<SubscriptionId>,
    },
}

/// Why a checkout cannot be confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Closed {
    /// There is none with this secret.
    Unknown,
    /// It was confirmed before, or is being.
    NotOpen,
    /// Its time is over.
    Expired,
}

/// There are as many checkouts as there may be, and all of them can still be confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) struct Full;

/// Where checkouts wait.
#[derive(Debug, Default)]
pub struct Shelf(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    checkouts: HashMap<CheckoutId, Checkout>,
    /// By the hash of the secret: how long a look-up takes says nothing of the secret then.
    secrets: HashMap<[u8; 32], CheckoutId>,
    /// The oldest first.
    ages: VecDeque<CheckoutId>,
}

fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

impl Checkout {
    /// A new one, with an id and a secret that nobody can guess: 244 random bits.
    pub(in crate::http) fn new(
        organization: OrganizationNumber,
        order: CheckoutOrder,
        now: Timestamp,
    ) -> Self {
        let random = [Uuid::new_v4(), Uuid::new_v4()].map(|id| id.simple().to_string());
        Self {
            id: CheckoutId(Uuid::new_v4()),
            organization,
            secret: format!("{SECRET_PREFIX}{}", random.concat()),
            created_at: now,
            modified_at: None,
            expires_at: now.saturating_add(CHECKOUT_LIFETIME_SECONDS.saturating_mul(1_000_000)),
            order,
            standing: Standing::Open,
        }
    }

    /// Whether its time is over without a confirmation.
    pub(in crate::http) fn is_expired(&self, now: Timestamp) -> bool {
        self.standing == Standing::Open && self.expires_at <= now
    }
}

impl Kept {
    fn make_room(&mut self, now: Timestamp) -> Result<(), Full> {
        if self.checkouts.len() < CHECKOUTS_MAX {
            return Ok(());
        }
        let oldest = *self.ages.front().ok_or(Full)?;
        if let Some(checkout) = self.checkouts.get(&oldest) {
            let is_over = match checkout.standing {
                Standing::Open => checkout.is_expired(now),
                Standing::Confirming => false,
                Standing::Succeeded { .. } => true,
            };
            if !is_over {
                return Err(Full);
            }
            self.secrets.remove(&hash(&checkout.secret));
        }
        self.checkouts.remove(&oldest);
        self.ages.pop_front();
        Ok(())
    }

    fn by_secret(&mut self, secret: &str) -> Option<&mut Checkout> {
        let id = self.secrets.get(&hash(secret))?;
        let checkout = self.checkouts.get_mut(id)?;
        let is_same = checkout.secret.as_bytes().ct_eq(secret.as_bytes());
        bool::from(is_same).then_some(checkout)
    }
}

impl Shelf {
    /// Puts a new checkout there.
    pub(in crate::http) fn put(&self, checkout: Checkout) -> Result<(), Full> {
        let mut kept = self.0.lock();
        kept.make_room(checkout.created_at)?;
        kept.secrets.insert(hash(&checkout.secret), checkout.id);
        kept.ages.push_back(checkout.id);
        kept.checkouts.insert(checkout.id, checkout);
        Ok(())
    }

    /// The organization's checkout with this id.
    pub(in crate::http) fn find(
        &self,
        organization: OrganizationNumber,
        id: CheckoutId,
    ) -> Option<Checkout> {
        let kept = self.0.lock();
        kept.checkouts.get(&id).filter(|checkout| checkout.organization == organization).cloned()
    }

    /// The checkout with this secret.
    pub(in crate::http) fn presented(&self, secret: &str) -> Option<Checkout> {
        self.0.lock().by_secret(secret).cloned()
    }

    /// Begins the confirmation of the checkout with this secret. Nobody else can confirm it until
    /// [`Shelf::settle`] says what became of it.
    pub(in crate::http) fn begin(&self, secret: &str, now: Timestamp) -> Result<Checkout, Closed> {
        let mut kept = self.0.lock();
        let checkout = kept.by_secret(secret).ok_or(Closed::Unknown)?;
        if checkout.is_expired(now) {
            return Err(Closed::Expired);
        }
        if checkout.standing != Standing::Open {
            return Err(Closed::NotOpen);
        }
        checkout.standing = Standing::Confirming;
        Ok(checkout.clone())
    }

    /// What became of a confirmation: the checkout as it is afterwards.
    pub(in crate::http) fn settle(&self, checkout: Checkout) {
        let mut kept = self.0.lock();
        if let Some(kept) = kept.checkouts.get_mut(&checkout.id) {
            *kept = checkout;
        }
    }
}

#[cfg(test)]
mod tests;
