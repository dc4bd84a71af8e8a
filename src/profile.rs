//! Who a customer is to its organization: what Polar's customer object holds beside ids.
//!
//! A customer draws and holds credits from its first command on; it has a profile once the
//! application registers it. No balance depends on one.

#![deny(clippy::arithmetic_side_effects)]

use crate::metadata::Metadata;
use crate::time::Timestamp;

/// Longest email address, in bytes: what SMTP carries.
pub const EMAIL_BYTES_MAX: usize = 254;

/// Longest name, in characters, as in Polar.
pub const PROFILE_NAME_CHARS_MAX: usize = 256;

/// Longest address, tax id or locale, in bytes.
pub const PROFILE_DETAIL_BYTES_MAX: usize = 4_096;

/// What kind of customer it is. Display only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProfileKind {
    /// One person.
    #[default]
    Individual,
    /// Several.
    Team,
}

/// Who a customer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// What can change.
    pub details: ProfileDetails,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it changed last.
    pub modified_at: Option<Timestamp>,
    /// When it was deleted. Its orders stay; its names are free again.
    pub deleted_at: Option<Timestamp>,
}

/// The part of a profile that the application writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileDetails {
    /// Its email address, which no other customer of the organization has.
    pub email: Box<str>,
    /// Its name.
    pub name: Option<Box<str>>,
    /// What kind it is.
    pub kind: ProfileKind,
    /// Its name on bills.
    pub billing_name: Option<Box<str>>,
    /// Its address, a JSON object.
    pub billing_address: Option<Box<str>>,
    /// Its tax id, a JSON value.
    pub tax_id: Option<Box<str>>,
    /// Its language and region.
    pub locale: Option<Box<str>>,
    /// What the application writes on it for itself.
    pub metadata: Metadata,
}

/// What becomes of a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProfileCommand {
    /// There was none.
    Register(ProfileDetails),
    /// Some of it is replaced. The application's own id is set at most once.
    Amend {
        /// The application's own id of a customer that had none.
        external_id: Option<Box<str>>,
        /// What is replaced.
        change: ProfileChange,
    },
    /// The customer is deleted.
    Delete,
}

/// New values; what is absent stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProfileChange {
    /// See [`ProfileDetails::email`].
    pub email: Option<Box<str>>,
    /// See [`ProfileDetails::name`].
    pub name: Option<Option<Box<str>>>,
    /// See [`ProfileDetails::kind`].
    pub kind: Option<ProfileKind>,
    /// See [`ProfileDetails::billing_name`].
    pub billing_name: Option<Option<Box<str>>>,
    /// See [`ProfileDetails::billing_address`].
    pub billing_address: Option<Option<Box<str>>>,
    /// See [`ProfileDetails::tax_id`].
    pub tax_id: Option<Option<Box<str>>>,
    /// See [`ProfileDetails::locale`].
    pub locale: Option<Option<Box<str>>>,
    /// See [`ProfileDetails::metadata`].
    pub metadata: Option<Metadata>,
}

impl Profile {
    /// A profile of somebody registered at `now`.
    #[must_use]
    pub const fn registered(details: ProfileDetails, now: Timestamp) -> Self {
        Self { details, created_at: now, modified_at: None, deleted_at: None }
    }

    /// Replaces what `change` names, at `now`.
    pub fn amend(&mut self, change: &ProfileChange, now: Timestamp) {
        let details = &mut self.details;
        replace(&mut details.email, change.email.as_ref());
        replace(&mut details.name, change.name.as_ref());
        replace(&mut details.kind, change.kind.as_ref());
        replace(&mut details.billing_name, change.billing_name.as_ref());
        replace(&mut details.billing_address, change.billing_address.as_ref());
        replace(&mut details.tax_id, change.tax_id.as_ref());
        replace(&mut details.locale, change.locale.as_ref());
        replace(&mut details.metadata, change.metadata.as_ref());
        self.modified_at = Some(now);
    }

    /// Whether the customer is still one.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        self.deleted_at.is_none()
    }
}

fn replace<T: Clone>(old: &mut T, new: Option<&T>) {
    if let Some(new) = new {
        new.clone_into(old);
    }
}

/// The address as it is compared: two that differ in case are one.
#[must_use]
pub fn email_key(email: &str) -> String {
    email.to_lowercase()
}

#[cfg(test)]
mod tests;
