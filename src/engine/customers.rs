//! Who is a customer: registering, changing and deleting.

use bytes::Bytes;
use uuid::Uuid;

use crate::customer::CustomerCommand;
use crate::engine::Engine;
use crate::engine::call::{Call, CallBody};
use crate::engine::purchases::PurchaseError;
use crate::engine::put;
use crate::engine::reply::{EngineError, Reply};
use crate::engine::roll::CustomerView;
use crate::id::{CustomerId, OrganizationNumber, ShardNumber};
use crate::profile::{ProfileChange, ProfileCommand, ProfileDetails};
use crate::span::Span;

impl Engine {
    /// Registers a customer. One that drew or was credited under this external id before is the
    /// same one, and keeps its id and its balances.
    ///
    /// # Errors
    /// [`EngineError::EmailTaken`], [`EngineError::ExternalIdTaken`]; nothing changed.
    pub async fn register_customer(
        &self,
        organization: OrganizationNumber,
        external_id: Option<&str>,
        details: ProfileDetails,
    ) -> Result<CustomerView, EngineError> {
        let command = ProfileCommand::Register(details);
        let id = external_id.is_none().then(|| CustomerId(Uuid::new_v4()));
        let name = match (external_id, id) {
            (Some(external_id), _) => external_id.to_owned(),
            (None, Some(id)) => id.to_string(),
            (None, None) => return Err(EngineError::CustomerName),
        };
        self.profile_command(organization, &name, command, id).await?;
        self.customer_called(organization, &name).await
    }

    /// Changes a customer's profile. An external id can be given to a customer that has none.
    ///
    /// # Errors
    /// [`EngineError::UnknownCustomer`], [`EngineError::EmailTaken`],
    /// [`EngineError::ExternalIdTaken`], [`EngineError::ExternalIdFixed`]; nothing changed.
    pub async fn amend_customer(
        &self,
        organization: OrganizationNumber,
        id: CustomerId,
        external_id: Option<&str>,
        change: ProfileChange,
    ) -> Result<CustomerView, EngineError> {
        let command = ProfileCommand::Amend { external_id: external_id.map(Into::into), change };
        let name = id.to_string();
        self.profile_command(organization, &name, command, None).await?;
        self.customer_called(organization, &name).await
    }

    /// Deletes a customer: its subscriptions end now and its credits are taken back, then its names
    /// are free again. Its orders stay. Whoever was interrupted between the two deletes once more.
    ///
    /// # Errors
    /// [`EngineError::UnknownCustomer`].
    pub async fn delete_customer(
        &self,
        organization: OrganizationNumber,
        id: CustomerId,
    ) -> Result<(), EngineError> {
        match self.purchase(organization, id, CustomerCommand::Delete).await {
            Ok(()) => {}
            Err(PurchaseError::Engine(error)) => return Err(error),
            // No deletion is refused, and none names a product.
            Err(PurchaseError::Refused(_) | PurchaseError::UnknownProduct) => {
                return Err(EngineError::Stopping);
            }
        }
        self.profile_command(organization, &id.to_string(), ProfileCommand::Delete, None).await
    }

    async fn profile_command(
        &self,
        organization: OrganizationNumber,
        name: &str,
        command: ProfileCommand,
        id: Option<CustomerId>,
    ) -> Result<(), EngineError> {
        let mut text = Vec::new();
        let customer = put(&mut text, name);
        let body = CallBody::Profile { command: Box::new(command), id };
        let call = Call { customer, key: Span::default(), body };
        match self.call(organization, text.into(), call).await {
            Reply::Done => Ok(()),
            Reply::Error(error) => Err(error),
            Reply::Verdict { .. }
            | Reply::Balance(_)
            | Reply::Grants(_)
            | Reply::State(_)
            | Reply::Purchase(_)
            | Reply::Ingested { .. } => Err(EngineError::Stopping),
        }
    }

    async fn customer_called(
        &self,
        organization: OrganizationNumber,
        name: &str,
    ) -> Result<CustomerView, EngineError> {
        let place = self.directory().find(organization, name.as_bytes());
        let place = place.ok_or(EngineError::UnknownCustomer)?;
        self.customer_at(organization, place).await?.ok_or(EngineError::UnknownCustomer)
    }

    /// The shard that `call` goes to. Mostly the slot of the customer's name tells it; a name that
    /// was set later lies in another slot than its customer.
    pub(super) fn shard_of(
        &self,
        organization: OrganizationNumber,
        call: &Call,
        text: &Bytes,
    ) -> ShardNumber {
        let directory = self.directory();
        if directory.has_strays()
            && let Some(name) = call.external_id(text)
            && let Some(place) = directory.by_external_id(organization, name)
        {
            return place.shard;
        }
        ShardNumber(call.slot(text).shard(self.shards()))
    }
}

#[cfg(test)]
mod tests;
