//! The names that customers hold in the directory: taken before a record is written, so that no
//! other shard gives them to somebody else; given back once it is applied, as far as not kept.

use crate::engine::directory::{CustomerPlace, Directory};
use crate::engine::reply::EngineError;
use crate::engine::shard::Customer;
use crate::id::{CustomerId, OrganizationNumber};
use crate::profile::ProfileCommand;
use crate::slot::Slot;

/// An email address and an external id, of those a customer has or a command asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Names {
    /// The email address.
    pub email: Option<Box<str>>,
    /// The application's own id.
    pub external_id: Option<Box<str>>,
}

impl Names {
    /// What `customer` holds.
    #[must_use]
    pub fn of(customer: &Customer) -> Self {
        let profile = customer.profile.as_deref();
        if profile.is_some_and(|profile| !profile.is_live()) {
            return Self::default();
        }
        let external_id = &customer.external_id;
        Self {
            email: profile.map(|profile| profile.details.email.clone()),
            external_id: (!external_id.is_empty()).then(|| external_id.clone()),
        }
    }

    /// What `command` asks for.
    #[must_use]
    pub fn asked(command: &ProfileCommand) -> Self {
        match command {
            ProfileCommand::Register(details) => {
                Self { email: Some(details.email.clone()), external_id: None }
            }
            ProfileCommand::Amend { external_id, change } => {
                Self { email: change.email.clone(), external_id: external_id.clone() }
            }
            ProfileCommand::Delete => Self::default(),
        }
    }

    /// Takes them for the customer at `place`: all or none.
    ///
    /// # Errors
    /// [`EngineError::EmailTaken`], [`EngineError::ExternalIdTaken`].
    pub fn take(
        &self,
        directory: &Directory,
        organization: OrganizationNumber,
        place: CustomerPlace,
    ) -> Result<(), EngineError> {
        if let Some(email) = &self.email
            && !directory.take_email(organization, email, place)
        {
            return Err(EngineError::EmailTaken);
        }
        if let Some(external_id) = &self.external_id
            && !directory.name(organization, external_id, place)
        {
            Self { email: self.email.clone(), external_id: None }.give_back(
                directory,
                organization,
                place,
            );
            return Err(EngineError::ExternalIdTaken);
        }
        Ok(())
    }

    /// Tells the directory when `external_id` lies in another slot than the customer's id: it was set
    /// later, and the slot of the name no longer tells the shard.
    pub fn count_stray(directory: &Directory, id: CustomerId, external_id: &str) {
        if Slot::of(external_id.as_bytes()) != Slot::of(id.to_string().as_bytes()) {
            directory.add_stray();
        }
    }

    /// Gives them back.
    pub fn give_back(
        &self,
        directory: &Directory,
        organization: OrganizationNumber,
        place: CustomerPlace,
    ) {
        if let Some(email) = &self.email {
            directory.release_email(organization, email, place);
        }
        if let Some(external_id) = &self.external_id {
            directory.unname(organization, external_id, place);
        }
    }

    /// What of the names held before and the names asked for is not `kept`. An address that was
    /// held and is asked for again was taken twice, and is to be given back once.
    #[must_use]
    pub fn left_over(before: Self, asked: Self, kept: &Self) -> [Self; 2] {
        let (mut before, mut asked) = (before, asked);
        if before.email == kept.email {
            before.email = None;
        } else if asked.email == kept.email {
            asked.email = None;
        }
        if before.external_id == kept.external_id {
            before.external_id = None;
        } else if asked.external_id == kept.external_id {
            asked.external_id = None;
        }
        [before, asked]
    }
}

#[cfg(test)]
mod tests;
