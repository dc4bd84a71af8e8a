//! What customers buy: subscriptions, products that are sold once, and what becomes of them.

use std::sync::Arc;

use uuid::Uuid;

use crate::customer::{
    Buy, ChangeProduct, ChangeWhen, CustomerCommand, CustomerRefusal, CustomerVerdict, Payment,
    Start, Subscribe, TrialEnd, derived_id,
};
use crate::engine::Engine;
use crate::engine::call::{Call, CallBody};
use crate::engine::put;
use crate::engine::reply::{EngineError, Reply};
use crate::id::{CheckoutId, CustomerId, OrderId, OrganizationNumber, ProductId, SubscriptionId};
use crate::product::ProductTerms;
use crate::span::Span;
use crate::time::Timestamp;

pub mod benefits;

/// Why nothing came of a command to a customer's purchases. Nothing changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PurchaseError {
    /// It makes no sense for what the customer has bought.
    #[error("refused: {0:?}")]
    Refused(CustomerRefusal),
    /// The organization has no such product, or it is archived.
    #[error("unknown product")]
    UnknownProduct,
    /// It was not decided.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl Engine {
    /// Starts a subscription of a customer to a recurring product. A checkout starts one at most: a
    /// second time it is [`CustomerRefusal::SubscriptionAlreadyMade`].
    ///
    /// # Errors
    /// [`PurchaseError`].
    pub async fn subscribe(
        &self,
        organization: OrganizationNumber,
        customer: CustomerId,
        product: ProductId,
        start: Start,
        trial_end: Option<Timestamp>,
    ) -> Result<SubscriptionId, PurchaseError> {
        let subscription = match start {
            Start::Checkout(checkout) => derived_id::subscription_of_checkout(checkout),
            Start::Api => SubscriptionId(Uuid::new_v4()),
        };
        let terms = self.terms_on_sale(organization, product)?;
        let subscribe = Subscribe { subscription, terms: Arc::clone(&terms), start, trial_end };
        self.purchase(organization, customer, CustomerCommand::Subscribe(subscribe)).await?;
        self.catch_up_benefits(organization, customer, &terms).await?;
        Ok(subscription)
    }

    /// Sells a customer a product that is sold once. A checkout sells it once: a second time it is
    /// [`CustomerRefusal::OrderAlreadyMade`].
    ///
    /// # Errors
    /// [`PurchaseError`].
    pub async fn buy(
        &self,
        organization: OrganizationNumber,
        customer: CustomerId,
        product: ProductId,
        checkout: Option<CheckoutId>,
        payment: Payment,
    ) -> Result<OrderId, PurchaseError> {
        let new = || OrderId(Uuid::new_v4());
        let order = checkout.map_or_else(new, derived_id::order_of_checkout);
        let terms = self.terms_on_sale(organization, product)?;
        let buy = Buy { order, terms, checkout, payment };
        self.purchase(organization, customer, CustomerCommand::Buy(buy)).await?;
        Ok(order)
    }

    /// Moves a subscription to another product.
    ///
    /// # Errors
    /// [`PurchaseError`].
    pub async fn change_product(
        &self,
        organization: OrganizationNumber,
        customer: CustomerId,
        subscription: SubscriptionId,
        product: ProductId,
        when: ChangeWhen,
    ) -> Result<(), PurchaseError> {
        let terms = self.terms_on_sale(organization, product)?;
        let change = ChangeProduct { subscription, terms: Arc::clone(&terms), when };
        self.purchase(organization, customer, CustomerCommand::ChangeProduct(change)).await?;
        self.catch_up_benefits(organization, customer, &terms).await
    }

    /// Moves the end of a subscription's current period.
    ///
    /// # Errors
    /// [`PurchaseError`].
    pub async fn set_period_end(
        &self,
        organization: OrganizationNumber,
        customer: CustomerId,
        subscription: SubscriptionId,
        end: Timestamp,
    ) -> Result<(), PurchaseError> {
        let command = CustomerCommand::SetPeriodEnd { subscription, end };
        self.purchase(organization, customer, command).await
    }

    /// Moves the end of a subscription's trial.
    ///
    /// # Errors
    /// [`PurchaseError`].
    pub async fn set_trial_end(
        &self,
        organization: OrganizationNumber,
        customer: CustomerId,
        subscription: SubscriptionId,
        end: TrialEnd,
    ) -> Result<(), PurchaseError> {
        let command = CustomerCommand::SetTrialEnd { subscription, end };
        self.purchase(organization, customer, command).await
    }

    /// Any command to a customer's purchases.
    ///
    /// # Errors
    /// [`PurchaseError`].
    pub async fn purchase(
        &self,
        organization: OrganizationNumber,
        customer: CustomerId,
        command: CustomerCommand,
    ) -> Result<(), PurchaseError> {
        let mut text = Vec::new();
        let customer = put(&mut text, &customer.to_string());
        let body = CallBody::Purchase(Box::new(command));
        let call = Call { customer, key: Span::default(), body };
        match self.call(organization, text.into(), call).await {
            Reply::Purchase(CustomerVerdict::Applied) => Ok(()),
            Reply::Purchase(CustomerVerdict::Refused(why)) => Err(PurchaseError::Refused(why)),
            Reply::Error(error) => Err(error.into()),
            Reply::Verdict { .. }
            | Reply::Balance(_)
            | Reply::Grants(_)
            | Reply::State(_)
            | Reply::Ingested { .. }
            | Reply::Done => Err(EngineError::Stopping.into()),
        }
    }

    /// What a live product of the organization sells now.
    fn terms_on_sale(
        &self,
        organization: OrganizationNumber,
        product: ProductId,
    ) -> Result<Arc<ProductTerms>, PurchaseError> {
        let catalog = self.catalog();
        let on_sale = catalog
            .product(product)
            .is_some_and(|product| product.organization == organization && !product.is_archived());
        let terms = catalog.terms(product).filter(|_| on_sale);
        terms.map(Arc::new).ok_or(PurchaseError::UnknownProduct)
    }
}

#[cfg(test)]
mod tests;
