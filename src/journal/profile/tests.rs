use super::{put_profile, put_profile_command, read_profile, read_profile_command};
use crate::encoding::Reader;
use crate::metadata::Metadata;
use crate::profile::{Profile, ProfileChange, ProfileCommand, ProfileDetails, ProfileKind};
use crate::time::Timestamp;

fn details() -> ProfileDetails {
    ProfileDetails {
        email: "anna@example.com".into(),
        name: Some("Anna".into()),
        kind: ProfileKind::Team,
        billing_name: None,
        billing_address: Some(r#"{"country":"AT"}"#.into()),
        tax_id: None,
        locale: Some("de-AT".into()),
        metadata: Metadata::parse(r#"{"plan":"pro","n":3}"#).unwrap(),
    }
}

fn commands() -> [ProfileCommand; 4] {
    let change = ProfileChange {
        email: Some("a@example.com".into()),
        name: Some(None),
        kind: Some(ProfileKind::Individual),
        billing_name: Some(Some("Anna & Co".into())),
        metadata: Some(Metadata::default()),
        ..ProfileChange::default()
    };
    [
        ProfileCommand::Register(details()),
        ProfileCommand::Amend { external_id: Some("u-1".into()), change },
        ProfileCommand::Amend { external_id: None, change: ProfileChange::default() },
        ProfileCommand::Delete,
    ]
}

#[test]
fn what_becomes_of_a_profile_reads_back() {
    for command in commands() {
        let mut bytes = Vec::new();
        put_profile_command(&mut bytes, &command);
        let mut reader = Reader::new(&bytes);
        assert_eq!(read_profile_command(&mut reader).unwrap(), command);
        assert!(reader.is_empty());
        for end in 0..bytes.len() {
            assert!(read_profile_command(&mut Reader::new(&bytes[..end])).is_err(), "{end}");
        }
    }
}

#[test]
fn a_profile_reads_back_as_it_stands() {
    let mut profile = Profile::registered(details(), Timestamp::EPOCH);
    profile.deleted_at = Some(Timestamp::EPOCH.saturating_add(7));
    let mut bytes = Vec::new();
    put_profile(&mut bytes, &profile);
    assert_eq!(read_profile(&mut Reader::new(&bytes)).unwrap(), profile);
    for end in 0..bytes.len() {
        assert!(read_profile(&mut Reader::new(&bytes[..end])).is_err(), "{end}");
    }
}
