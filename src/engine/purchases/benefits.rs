//! Subscriptions follow the benefits of their product: when its list is edited, and once more at
//! start, for whoever was not reached before a crash.
//!
//! What a subscription is to follow is looked up when its command is sequenced, behind the barrier of
//! the catalog's version. So of two edits the later one holds, whichever walk reaches a customer last.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use tokio::sync::oneshot;

use crate::catalog::Catalog;
use crate::customer;
use crate::engine::Engine;
use crate::engine::call::Proposal;
use crate::engine::directory::CustomerPlace;
use crate::engine::purchases::PurchaseError;
use crate::engine::reply::EngineError;
use crate::engine::shard::Shard;
use crate::engine::shard_actor::{Propose, ShardHandle};
use crate::id::{CustomerId, CustomerNumber, OrganizationNumber, ProductId, ShardNumber};
use crate::product::ProductTerms;

/// Customers that are proposed for in one message, so that a flood of them leaves room for others.
const PROPOSALS_AT_ONCE_MAX: usize = 512;

impl Engine {
    /// Lets every subscription to a product that runs have the benefits that the product carries:
    /// grants of others are taken back, missing ones are made, the rest stays. Returns how many
    /// customers were behind. Harmless to repeat; what was not reached when the engine stopped
    /// happens at its next start.
    ///
    /// Polar does so after a product's list was edited (`update_product_benefits_grants`). What was
    /// bought once keeps what it was sold with.
    ///
    /// # Errors
    /// [`PurchaseError::UnknownProduct`], or [`EngineError::Stopping`].
    pub async fn sync_benefits(
        &self,
        organization: OrganizationNumber,
        product: ProductId,
    ) -> Result<u64, PurchaseError> {
        let catalog = self.catalog().clone();
        let terms = catalog.product_of(organization, product).and_then(|_| catalog.terms(product));
        let terms = terms.ok_or(PurchaseError::UnknownProduct)?;
        let mut reached: u64 = 0;
        for shard in (0..self.shards()).map(ShardNumber) {
            let mut from = Some(CustomerNumber(0));
            while let Some(number) = from {
                let slice = self.customers_from(organization, shard, number).await?;
                let behind = slice.customers.iter().filter(|customer| {
                    customer.purchases.as_deref().is_some_and(|own| is_behind(own, &terms))
                });
                let places = behind.filter_map(|of| self.directory().by_id(organization, of.id));
                let proposals: Vec<Proposal> =
                    places.map(|place| follow(place.number, product)).collect();
                reached = reached.saturating_add(u64::try_from(proposals.len()).unwrap_or(0));
                self.propose(shard, proposals).await?;
                from = slice.next;
            }
        }
        Ok(reached)
    }

    /// A purchase on `terms` was sequenced. When the product's list was edited just before, the walk
    /// may have passed its customer already: then this reaches it.
    pub(super) async fn catch_up_benefits(
        &self,
        organization: OrganizationNumber,
        customer: CustomerId,
        terms: &ProductTerms,
    ) -> Result<(), PurchaseError> {
        let now = self.catalog().terms(terms.product);
        if now.is_none_or(|now| now.has_benefits_of(terms)) {
            return Ok(());
        }
        let place = self.directory().by_id(organization, customer);
        let CustomerPlace { shard, number } = place.ok_or(EngineError::UnknownCustomer)?;
        Ok(self.propose(shard, vec![follow(number, terms.product)]).await?)
    }

    async fn propose(
        &self,
        shard: ShardNumber,
        proposals: Vec<Proposal>,
    ) -> Result<(), EngineError> {
        let handle = self.inner.shards.get(usize::from(shard.0)).ok_or(EngineError::Stopping)?;
        propose(handle, proposals).await.ok_or(EngineError::Stopping)
    }
}

const fn follow(customer: CustomerNumber, product: ProductId) -> Proposal {
    Proposal::SyncBenefits { customer, product }
}

/// Whether anything of `own` should have the benefits of `terms`, and has others.
fn is_behind(own: &customer::Customer, terms: &ProductTerms) -> bool {
    own.terms_in_use().any(|used| used.product == terms.product && !used.has_benefits_of(terms))
}

/// Hands a shard these, so many at a time, and waits until they are applied. Nothing when the shard
/// is gone.
async fn propose(handle: &ShardHandle, mut proposals: Vec<Proposal>) -> Option<()> {
    while !proposals.is_empty() {
        let later = proposals.split_off(proposals.len().min(PROPOSALS_AT_ONCE_MAX));
        let (done, applied) = oneshot::channel();
        handle.propose(Propose { proposals, done: Some(done) }).await.ok()?;
        applied.await.ok()?;
        proposals = later;
    }
    Some(())
}

/// Proposes what [`behind`] found at start.
pub(in crate::engine) async fn catch_up(handle: ShardHandle, proposals: Vec<Proposal>) {
    let count = proposals.len();
    if count > 0 && propose(&handle, proposals).await.is_some() {
        tracing::info!(count, "subscriptions follow the benefits of their products again");
    }
}

/// Which customers of a recovered shard do not follow the benefits of their products in `catalog`.
#[must_use]
pub fn behind(shard: &Shard, catalog: &Catalog) -> Vec<Proposal> {
    let mut known: BTreeMap<ProductId, Option<ProductTerms>> = BTreeMap::new();
    let mut proposals = Vec::new();
    let end = u32::try_from(shard.customers_len()).unwrap_or(u32::MAX);
    for number in (0..end).map(CustomerNumber) {
        let purchases = shard.customer(number).and_then(|of| of.purchases.as_deref());
        let Some(purchases) = purchases else { continue };
        // Its products in no order that could reach an outcome: each is a command of its own.
        let mut products: Vec<ProductId> = Vec::new();
        for used in purchases.terms_in_use() {
            let now = match known.entry(used.product) {
                Entry::Occupied(entry) => entry.into_mut(),
                Entry::Vacant(entry) => entry.insert(catalog.terms(used.product)),
            };
            let lags = now.as_ref().is_some_and(|now| !used.has_benefits_of(now));
            if lags && !products.contains(&used.product) {
                products.push(used.product);
            }
        }
        proposals.extend(products.into_iter().map(|product| follow(number, product)));
    }
    proposals
}

#[cfg(test)]
mod tests;
