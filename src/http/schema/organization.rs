//! Organizations as Polar shows them.
//!
//! Polar's SDKs insist on a whole account here. What this server has of it are the name and the time;
//! the rest says truthfully that it takes no payments, sends no mail and shows no portal.

use serde::Serialize;
use serde::Serializer;
use uuid::Uuid;

use crate::catalog;
use crate::money::Currency;

use super::Moment;
use super::Nothing;

/// An organization.
#[derive(Debug, Serialize)]
pub(in crate::http) struct Organization {
    created_at: Moment,
    modified_at: Option<Moment>,
    id: Uuid,
    name: String,
    /// No organization has another's name, so it does for this too.
    slug: String,
    avatar_url: Option<Nothing>,
    proration_behavior: &'static str,
    allow_customer_updates: bool,
    email: Option<Nothing>,
    website: Option<Nothing>,
    socials: [Nothing; 0],
    status: &'static str,
    details_submitted_at: Option<Moment>,
    onboarding_resubmission_requested_at: Option<Moment>,
    sso_enforced: bool,
    default_presentment_currency: String,
    default_tax_behavior: &'static str,
    feature_settings: Flags,
    subscription_settings: SubscriptionSettings,
    customer_email_settings: Flags,
    customer_portal_settings: PortalSettings,
    dispute_settings: DisputeSettings,
    embed_hosts: [Nothing; 0],
    country: Option<Nothing>,
    account_id: Option<Nothing>,
    payout_account_id: Option<Nothing>,
    capabilities: Flags,
}

/// What can be had, by name.
#[derive(Debug, Clone, Copy)]
struct Flags(&'static [(&'static str, bool)]);

impl Serialize for Flags {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}

/// What holds for all subscriptions.
#[derive(Debug, Serialize)]
struct SubscriptionSettings {
    allow_multiple_subscriptions: bool,
    proration_behavior: &'static str,
    benefit_revocation_grace_period: u32,
    prevent_trial_abuse: bool,
    allow_customer_updates: bool,
}

/// What customers are shown.
#[derive(Debug, Serialize)]
struct PortalSettings {
    usage: Flags,
    subscription: Flags,
    customer: Flags,
}

/// What becomes of disputes.
#[derive(Debug, Serialize)]
struct DisputeSettings {
    auto_accept_below_amount: Option<Nothing>,
}

/// Parts of Polar that a client may look for. The one that is there is the meter cycle.
const FEATURES: Flags = Flags(&[
    ("meter_cycling_enabled", true),
    ("seat_based_pricing_enabled", false),
    ("wallets_enabled", false),
    ("member_model_enabled", false),
    ("checkout_localization_enabled", false),
    ("reset_proration_behavior_enabled", false),
    ("off_session_charges_enabled", false),
    ("disputes_enabled", false),
    ("sso_enabled", false),
]);

/// Mail that Polar can send.
const EMAILS: Flags = Flags(&[
    ("order_confirmation", false),
    ("payment_method_expiration_reminder", false),
    ("subscription_cancellation", false),
    ("subscription_confirmation", false),
    ("subscription_cycled", false),
    ("subscription_cycled_after_trial", false),
    ("subscription_past_due", false),
    ("subscription_paused", false),
    ("subscription_resumed", false),
    ("subscription_renewal_reminder", false),
    ("subscription_revoked", false),
    ("subscription_trial_conversion_reminder", false),
    ("subscription_uncanceled", false),
    ("subscription_updated", false),
]);

/// What the organization may do.
const CAPABILITIES: Flags = Flags(&[
    ("checkout_payments", false),
    ("subscription_renewals", true),
    ("payouts", false),
    ("refunds", false),
    ("api_access", true),
    ("dashboard_access", false),
]);

/// A change of product bills nothing at once.
const PRORATION: &str = "next_period";

impl Organization {
    /// `organization`.
    pub(in crate::http) fn of(organization: &catalog::Organization) -> Self {
        Self {
            created_at: Moment(organization.created_at),
            modified_at: None,
            id: organization.id.0,
            name: organization.name.clone(),
            slug: organization.name.clone(),
            avatar_url: None,
            proration_behavior: PRORATION,
            allow_customer_updates: false,
            email: None,
            website: None,
            socials: [],
            status: "active",
            details_submitted_at: None,
            onboarding_resubmission_requested_at: None,
            sso_enforced: false,
            default_presentment_currency: Currency::USD.to_string(),
            default_tax_behavior: "location",
            feature_settings: FEATURES,
            subscription_settings: SubscriptionSettings {
                allow_multiple_subscriptions: true,
                proration_behavior: PRORATION,
                benefit_revocation_grace_period: 0,
                prevent_trial_abuse: false,
                allow_customer_updates: false,
            },
            customer_email_settings: EMAILS,
            customer_portal_settings: PortalSettings {
                usage: Flags(&[("show", true)]),
                subscription: Flags(&[
                    ("update_seats", false),
                    ("update_plan", false),
                    ("update_units", false),
                    ("pause", false),
                ]),
                customer: Flags(&[("allow_email_change", false)]),
            },
            dispute_settings: DisputeSettings { auto_accept_below_amount: None },
            embed_hosts: [],
            country: None,
            account_id: None,
            payout_account_id: None,
            capabilities: CAPABILITIES,
        }
    }
}
