//! Calls that change the catalog. Each is one record of its journal, in force in every shard when it
//! is answered. Whoever asks has made sure that what it names is its organization's.

use std::sync::Arc;

use uuid::Uuid;

use crate::benefit::Benefit;
use crate::catalog::{
    BenefitPatch, Catalog, CatalogEdit, Edit, MeterPatch, NewBenefit, NewMeter, NewProduct,
    NewToken, Product, ProductPatch, Standing,
};
use crate::engine::Engine;
use crate::engine::catalog_actor::{Change, ChangeError};
use crate::engine::history::backfill::Backfill;
use crate::id::{
    BenefitId, MeterId, MeterNumber, OrganizationId, OrganizationNumber, ProductId, TokenId,
};
use crate::metadata::Metadata;
use crate::meter::{Aggregation, Filter, Meter, MeterUnit};
use crate::token::{Scopes, TokenText};

impl Engine {
    async fn change(&self, edit: CatalogEdit) -> Result<Arc<Catalog>, ChangeError> {
        self.inner.catalog_actor.send(Change(edit)).await.unwrap_or(Err(ChangeError::Stopping))
    }

    /// Changes the catalog, and then has a meter count the retained events that it missed.
    async fn change_and_fill(
        &self,
        edit: CatalogEdit,
        backfill: Option<Backfill>,
    ) -> Result<Arc<Catalog>, ChangeError> {
        let Some(backfill) = backfill else { return self.change(edit).await };
        let backfills = &self.inner.history.backfills;
        if let Err(error) = backfills.note(backfill) {
            tracing::error!(%error, "cannot note that a meter has to catch up");
            return Err(ChangeError::Stopping);
        }
        let changed = self.change(edit).await;
        match &changed {
            Ok(catalog) if catalog.meters().any(|meter| meter.id == backfill.meter) => {
                backfills.begin(backfill);
            }
            // Another meter stands for it, or it was refused.
            Ok(_) | Err(ChangeError::Refused(_)) => backfills.strike(backfill),
            // Whether it is in force shows after a restart.
            Err(ChangeError::Stopping) => {}
        }
        changed
    }

    /// The meter that `organization` calls `name`, made if it is not there: every event called
    /// `event` feeds it, and so does [`Engine::use_units`].
    ///
    /// # Errors
    /// The name stands for another definition already.
    pub async fn create_meter(
        &self,
        organization: OrganizationNumber,
        name: &str,
        event: &str,
        aggregation: Aggregation,
    ) -> Result<Arc<Meter>, ChangeError> {
        let filter = Filter::named(event);
        let (same_filter, same_aggregation) = (filter.clone(), aggregation.clone());
        let new = NewMeter {
            id: MeterId(Uuid::new_v4()),
            organization,
            name: name.into(),
            filter,
            aggregation,
            unit: MeterUnit::default(),
            metadata: Metadata::default(),
        };
        let backfill = Backfill { meter: new.id, since: None };
        let catalog =
            self.change_and_fill(CatalogEdit::MeterOnce(Box::new(new)), Some(backfill)).await?;
        catalog
            .same_meter(organization, name, &same_filter, &same_aggregation)?
            .cloned()
            .ok_or(ChangeError::Stopping)
    }

    /// A new meter, whatever others are called.
    ///
    /// # Errors
    /// Why the catalog refuses it.
    pub async fn add_meter(&self, new: NewMeter) -> Result<Arc<Meter>, ChangeError> {
        let (organization, id) = (new.organization, new.id);
        let backfill = Backfill { meter: id, since: None };
        let catalog =
            self.change_and_fill(CatalogEdit::Meter(Box::new(new)), Some(backfill)).await?;
        catalog.meter_of(organization, id).cloned().ok_or(ChangeError::Stopping)
    }

    /// Changes, archives or unarchives a meter. Returns it as it is then.
    ///
    /// # Errors
    /// Why the catalog refuses it: [`crate::catalog::CatalogError::MeterCounted`],
    /// [`crate::catalog::CatalogError::MeterPriced`],
    /// [`crate::catalog::CatalogError::MeterCredited`] and others.
    pub async fn update_meter(
        &self,
        meter: MeterNumber,
        patch: MeterPatch,
    ) -> Result<Arc<Meter>, ChangeError> {
        let backfill = self.catalog().meter(meter).and_then(|before| missed(before, &patch));
        let edit = CatalogEdit::MeterPatch(meter, Box::new(patch));
        let catalog = self.change_and_fill(edit, backfill).await?;
        catalog.meter(meter).cloned().ok_or(ChangeError::Stopping)
    }

    /// A new benefit.
    ///
    /// # Errors
    /// Why the catalog refuses it.
    pub async fn create_benefit(&self, new: NewBenefit) -> Result<Arc<Benefit>, ChangeError> {
        let id = new.id;
        let catalog = self.change(CatalogEdit::Benefit(Box::new(new))).await?;
        catalog.benefit(id).cloned().ok_or(ChangeError::Stopping)
    }

    /// Changes a benefit. Grants that run stay as they are.
    ///
    /// # Errors
    /// Why the catalog refuses it.
    pub async fn update_benefit(
        &self,
        id: BenefitId,
        patch: BenefitPatch,
    ) -> Result<Arc<Benefit>, ChangeError> {
        let catalog = self.change(CatalogEdit::BenefitPatch(id, Box::new(patch))).await?;
        catalog.benefit(id).cloned().ok_or(ChangeError::Stopping)
    }

    /// Deletes a benefit, and takes it from every product that carries it. The catalog revokes no
    /// grant: that is a command on each customer that holds one.
    ///
    /// # Errors
    /// There is no such benefit, or it is deleted already.
    pub async fn delete_benefit(&self, id: BenefitId) -> Result<Arc<Benefit>, ChangeError> {
        let catalog = self.change(CatalogEdit::BenefitDelete(id)).await?;
        catalog.benefit(id).cloned().ok_or(ChangeError::Stopping)
    }

    /// A new product, which carries no benefits yet.
    ///
    /// # Errors
    /// Why the catalog refuses it.
    pub async fn create_product(&self, new: NewProduct) -> Result<Arc<Product>, ChangeError> {
        let id = new.id;
        let catalog = self.change(CatalogEdit::Product(Box::new(new))).await?;
        catalog.product(id).cloned().ok_or(ChangeError::Stopping)
    }

    /// Changes, archives or unarchives a product.
    ///
    /// # Errors
    /// Why the catalog refuses it.
    pub async fn update_product(
        &self,
        id: ProductId,
        patch: ProductPatch,
    ) -> Result<Arc<Product>, ChangeError> {
        let catalog = self.change(CatalogEdit::ProductPatch(id, Box::new(patch))).await?;
        catalog.product(id).cloned().ok_or(ChangeError::Stopping)
    }

    /// Lets a product carry these benefits, in this order, in the place of those it carried.
    ///
    /// # Errors
    /// One of them is unknown, deleted, or there twice.
    pub async fn set_product_benefits(
        &self,
        id: ProductId,
        benefits: Vec<BenefitId>,
    ) -> Result<Arc<Product>, ChangeError> {
        let catalog = self.change(CatalogEdit::ProductBenefits(id, benefits)).await?;
        catalog.product(id).cloned().ok_or(ChangeError::Stopping)
    }

    /// A new organization.
    ///
    /// # Errors
    /// The name is taken or no name.
    pub async fn create_organization(&self, name: &str) -> Result<OrganizationNumber, ChangeError> {
        let id = OrganizationId(Uuid::new_v4());
        let catalog = self.change(CatalogEdit::Organization(id, name.to_owned())).await?;
        catalog
            .organization_named(name)
            .map(|organization| organization.number)
            .ok_or(ChangeError::Stopping)
    }

    /// A new token of `organization` that never expires; the secret is not kept.
    ///
    /// # Errors
    /// The organization is unknown, the secret is another token's, or there are too many tokens.
    pub async fn create_token(
        &self,
        organization: OrganizationNumber,
        scopes: impl Into<Scopes>,
        secret: &TokenText,
    ) -> Result<TokenId, ChangeError> {
        let id = TokenId(Uuid::new_v4());
        let hash = secret.hash();
        let (scopes, comment) = (scopes.into(), Box::default());
        self.add_token(NewToken { id, organization, scopes, hash, comment, expires_at: None }).await
    }

    /// A new token.
    ///
    /// # Errors
    /// The organization is unknown, the secret is another token's, or there are too many tokens.
    pub async fn add_token(&self, new: NewToken) -> Result<TokenId, ChangeError> {
        let id = new.id;
        self.change(CatalogEdit::Token(Box::new(new))).await.map(|_| id)
    }

    /// The token opens nothing any more, from now on.
    ///
    /// # Errors
    /// There is no such token.
    pub async fn revoke_token(&self, id: TokenId) -> Result<(), ChangeError> {
        self.change(CatalogEdit::TokenRevoke(id)).await.map(|_| ())
    }
}

/// What `meter` misses once it is changed like this: what came in while it was archived, or
/// everything when it counts something else from now on.
fn missed(meter: &Meter, patch: &MeterPatch) -> Option<Backfill> {
    let redefined = !matches!((&patch.filter, &patch.aggregation), (Edit::Keep, Edit::Keep));
    let archived_at = match patch.standing {
        Edit::To(Standing::Live) => meter.archived_at,
        Edit::To(Standing::Archived) | Edit::Keep => None,
    };
    if redefined {
        return Some(Backfill { meter: meter.id, since: None });
    }
    Some(Backfill { meter: meter.id, since: Some(archived_at?) })
}
