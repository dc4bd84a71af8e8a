use super::{Profile, ProfileChange, ProfileDetails, ProfileKind, email_key};
use crate::metadata::Metadata;
use crate::time::Timestamp;

fn anna() -> Profile {
    let details = ProfileDetails {
        email: "anna@example.com".into(),
        name: Some("Anna".into()),
        kind: ProfileKind::Individual,
        billing_name: None,
        billing_address: None,
        tax_id: None,
        locale: Some("de".into()),
        metadata: Metadata::default(),
    };
    Profile::registered(details, Timestamp::EPOCH)
}

#[test]
fn a_change_replaces_what_it_names_and_nothing_else() {
    let mut profile = anna();
    let later = Timestamp::EPOCH.saturating_add(5);
    let change = ProfileChange {
        email: Some("a@example.com".into()),
        name: Some(None),
        kind: Some(ProfileKind::Team),
        ..ProfileChange::default()
    };
    profile.amend(&change, later);
    assert_eq!(&*profile.details.email, "a@example.com");
    assert_eq!(profile.details.name, None);
    assert_eq!(profile.details.kind, ProfileKind::Team);
    assert_eq!(profile.details.locale.as_deref(), Some("de"));
    assert_eq!((profile.created_at, profile.modified_at), (Timestamp::EPOCH, Some(later)));
    assert!(profile.is_live());
}

#[test]
fn addresses_that_differ_in_case_are_one() {
    assert_eq!(email_key("Anna@Example.COM"), email_key("anna@example.com"));
    assert_ne!(email_key("anna@example.com"), email_key("ana@example.com"));
}
