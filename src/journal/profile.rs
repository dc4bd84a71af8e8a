//! Profiles as bytes, for journal records and snapshots.

use crate::encoding::{self, Malformed, Reader};
use crate::metadata::Metadata;
use crate::profile::{Profile, ProfileChange, ProfileCommand, ProfileDetails, ProfileKind};

// Tags are for ever.
const REGISTER: u8 = 1;
const AMEND: u8 = 2;
const DELETE: u8 = 3;

/// What a field of a change, or an optional text, begins with.
const ABSENT: u8 = 0;
const NOTHING: u8 = 1;
const TEXT: u8 = 2;

/// Appends what becomes of a profile.
pub fn put_profile_command(out: &mut Vec<u8>, command: &ProfileCommand) {
    match command {
        ProfileCommand::Register(details) => {
            out.push(REGISTER);
            put_details(out, details);
        }
        ProfileCommand::Amend { external_id, change } => {
            out.push(AMEND);
            put_text(out, external_id.as_deref());
            put_text(out, change.email.as_deref());
            put_field(out, change.name.as_ref());
            put_text(out, change.kind.map(kind_text));
            put_field(out, change.billing_name.as_ref());
            put_field(out, change.billing_address.as_ref());
            put_field(out, change.tax_id.as_ref());
            put_field(out, change.locale.as_ref());
            put_text(out, change.metadata.as_ref().map(Metadata::as_json));
        }
        ProfileCommand::Delete => out.push(DELETE),
    }
}

/// Reads what [`put_profile_command`] wrote.
///
/// # Errors
/// [`Malformed`] when the bytes are none.
pub fn read_profile_command(reader: &mut Reader<'_>) -> Result<ProfileCommand, Malformed> {
    match reader.byte()? {
        REGISTER => Ok(ProfileCommand::Register(read_details(reader)?)),
        AMEND => Ok(ProfileCommand::Amend {
            external_id: read_text(reader)?,
            change: ProfileChange {
                email: read_text(reader)?,
                name: read_field(reader)?,
                kind: read_text(reader)?.map(|text| kind_of(&text)).transpose()?,
                billing_name: read_field(reader)?,
                billing_address: read_field(reader)?,
                tax_id: read_field(reader)?,
                locale: read_field(reader)?,
                metadata: read_text(reader)?.map(|text| metadata_of(&text)).transpose()?,
            },
        }),
        DELETE => Ok(ProfileCommand::Delete),
        _ => Err(Malformed("unknown profile tag")),
    }
}

/// Appends a profile as it stands.
pub fn put_profile(out: &mut Vec<u8>, profile: &Profile) {
    put_details(out, &profile.details);
    encoding::put_time(out, profile.created_at);
    encoding::put_optional_time(out, profile.modified_at);
    encoding::put_optional_time(out, profile.deleted_at);
}

/// Reads what [`put_profile`] wrote.
///
/// # Errors
/// [`Malformed`] when the bytes are none.
pub fn read_profile(reader: &mut Reader<'_>) -> Result<Profile, Malformed> {
    Ok(Profile {
        details: read_details(reader)?,
        created_at: reader.time()?,
        modified_at: reader.optional_time()?,
        deleted_at: reader.optional_time()?,
    })
}

fn put_details(out: &mut Vec<u8>, details: &ProfileDetails) {
    encoding::put_bytes(out, details.email.as_bytes());
    put_text(out, details.name.as_deref());
    encoding::put_bytes(out, kind_text(details.kind).as_bytes());
    put_text(out, details.billing_name.as_deref());
    put_text(out, details.billing_address.as_deref());
    put_text(out, details.tax_id.as_deref());
    put_text(out, details.locale.as_deref());
    encoding::put_bytes(out, details.metadata.as_json().as_bytes());
}

fn read_details(reader: &mut Reader<'_>) -> Result<ProfileDetails, Malformed> {
    Ok(ProfileDetails {
        email: reader.text()?.into(),
        name: read_text(reader)?,
        kind: kind_of(reader.text()?)?,
        billing_name: read_text(reader)?,
        billing_address: read_text(reader)?,
        tax_id: read_text(reader)?,
        locale: read_text(reader)?,
        metadata: metadata_of(reader.text()?)?,
    })
}

fn put_text(out: &mut Vec<u8>, text: Option<&str>) {
    match text {
        None => out.push(ABSENT),
        Some(text) => {
            out.push(TEXT);
            encoding::put_bytes(out, text.as_bytes());
        }
    }
}

fn read_text(reader: &mut Reader<'_>) -> Result<Option<Box<str>>, Malformed> {
    match reader.byte()? {
        ABSENT => Ok(None),
        TEXT => Ok(Some(reader.text()?.into())),
        _ => Err(Malformed("neither a text nor none")),
    }
}

/// A field that a change may leave, empty or replace.
fn put_field(out: &mut Vec<u8>, field: Option<&Option<Box<str>>>) {
    match field {
        Some(None) => out.push(NOTHING),
        Some(Some(text)) => put_text(out, Some(text)),
        None => put_text(out, None),
    }
}

#[expect(clippy::option_option, reason = "left alone, emptied or replaced")]
fn read_field(reader: &mut Reader<'_>) -> Result<Option<Option<Box<str>>>, Malformed> {
    match reader.byte()? {
        ABSENT => Ok(None),
        NOTHING => Ok(Some(None)),
        TEXT => Ok(Some(Some(reader.text()?.into()))),
        _ => Err(Malformed("unknown kind of field")),
    }
}

const fn kind_text(kind: ProfileKind) -> &'static str {
    match kind {
        ProfileKind::Individual => "individual",
        ProfileKind::Team => "team",
    }
}

fn kind_of(text: &str) -> Result<ProfileKind, Malformed> {
    match text {
        "individual" => Ok(ProfileKind::Individual),
        "team" => Ok(ProfileKind::Team),
        _ => Err(Malformed("unknown kind of customer")),
    }
}

fn metadata_of(json: &str) -> Result<Metadata, Malformed> {
    Metadata::parse(json).map_err(|_| Malformed("metadata that is none"))
}

#[cfg(test)]
mod tests;
