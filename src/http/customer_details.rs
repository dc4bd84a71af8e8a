//! What a body says of who a customer is, read by Polar's rules.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::id::EXTERNAL_ID_BYTES_MAX;
use crate::profile::{
    EMAIL_BYTES_MAX, PROFILE_DETAIL_BYTES_MAX, PROFILE_NAME_CHARS_MAX, ProfileChange,
    ProfileDetails, ProfileKind,
};

use super::fields::{self, Broken, Fields, Read};

/// Longest local part of an address, in bytes: what SMTP carries.
const EMAIL_LOCAL_BYTES_MAX: usize = 64;

/// Longest label of a domain, in bytes.
const DOMAIN_LABEL_BYTES_MAX: usize = 63;

/// Longest line of an address, tax id or locale, in characters.
const LINE_CHARS_MAX: usize = 255;

const KINDS: [(&str, ProfileKind); 2] =
    [("individual", ProfileKind::Individual), ("team", ProfileKind::Team)];

/// The lines of an address, beside its country.
const ADDRESS_LINES: [&str; 5] = ["line1", "line2", "postal_code", "city", "state"];

/// The application's own id, if `fields` say one.
pub(super) fn external_id(fields: &mut Fields<'_>) -> Option<Box<str>> {
    let read = |raw| {
        let text = fields::text(raw, 1..=EXTERNAL_ID_BYTES_MAX)?;
        if text.len() > EXTERNAL_ID_BYTES_MAX {
            let msg = format!("String should have at most {EXTERNAL_ID_BYTES_MAX} bytes");
            return Err(Broken::new("string_too_long", msg));
        }
        Ok(text)
    };
    fields.optional("external_id", read)
}

/// A customer that is new.
pub(super) fn details(fields: &mut Fields<'_>) -> Option<ProfileDetails> {
    let email = fields.required("email", email);
    let kind = fields.optional("type", |raw| fields::word(raw, &KINDS)).unwrap_or_default();
    let change = rest(fields);
    Some(ProfileDetails {
        email: email?,
        name: change.name.flatten(),
        kind,
        billing_name: change.billing_name.flatten(),
        billing_address: change.billing_address.flatten(),
        tax_id: change.tax_id.flatten(),
        locale: change.locale.flatten(),
        metadata: change.metadata.unwrap_or_default(),
    })
}

/// What is to be another way about a customer.
pub(super) fn change(fields: &mut Fields<'_>) -> ProfileChange {
    let email = fields.optional("email", email);
    let kind = fields.optional("type", |raw| fields::word(raw, &KINDS));
    ProfileChange { email, kind, ..rest(fields) }
}

fn rest(fields: &mut Fields<'_>) -> ProfileChange {
    let name = |raw| fields::text(raw, 0..=PROFILE_NAME_CHARS_MAX);
    ProfileChange {
        email: None,
        name: fields.nullable("name", name),
        kind: None,
        billing_name: fields.nullable("billing_name", name),
        billing_address: fields.nullable("billing_address", address),
        tax_id: fields.nullable("tax_id", tax_id),
        locale: fields.nullable("locale", |raw| fields::text(raw, 1..=LINE_CHARS_MAX)),
        metadata: fields.optional("metadata", fields::metadata),
    }
}

/// An email address: something before the `@`, and a domain with a dot behind it. Whether anybody
/// reads it is not asked: that would take a network.
pub(super) fn email(raw: &RawValue) -> Read<Box<str>> {
    let text = fields::text(raw, 1..=EMAIL_BYTES_MAX)?;
    let why = |why: &str| {
        Broken::new("value_error", format!("value is not a valid email address: {why}"))
    };
    let (local, domain) =
        text.rsplit_once('@').ok_or_else(|| why("An email address must have an @-sign."))?;
    if text.len() > EMAIL_BYTES_MAX || local.len() > EMAIL_LOCAL_BYTES_MAX {
        return Err(why("The email address is too long."));
    }
    let is_word = |part: &str| !part.is_empty() && part.chars().all(is_of_local);
    if !local.split('.').all(is_word) {
        return Err(why("The part before the @-sign is not valid."));
    }
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= DOMAIN_LABEL_BYTES_MAX
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|letter| letter.is_alphanumeric() || letter == '-')
    };
    if !domain.contains('.') || !domain.split('.').all(is_label) {
        return Err(why("The part after the @-sign is not valid."));
    }
    // Domains are the same in any case; what stands before them need not be.
    Ok(format!("{local}@{}", domain.to_lowercase()).into())
}

/// Whether the part of an address before its `@` may have it, dots aside.
fn is_of_local(letter: char) -> bool {
    letter.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(letter)
}

/// An address: a country of two letters, and lines of which each may be missing. It is kept with
/// all of them, as Polar shows it.
fn address(raw: &RawValue) -> Read<Box<str>> {
    let wrong = |within: &'static str, msg: String| {
        let within = (!within.is_empty()).then(|| within.into());
        Broken::at(within, "value_error", format!("Value error, {msg}"))
    };
    let read: Result<serde_json::Map<String, Value>, _> = serde_json::from_str(raw.get());
    let given = read.map_err(|_| wrong("", "not an address".to_owned()))?;
    let country = given.get("country").and_then(Value::as_str).unwrap_or_default();
    if country.len() != 2 || !country.bytes().all(|letter| letter.is_ascii_uppercase()) {
        return Err(wrong("country", "a country is two capital letters".to_owned()));
    }
    let mut address = serde_json::Map::new();
    address.insert("country".to_owned(), country.into());
    for name in ADDRESS_LINES {
        let line = match given.get(name) {
            None | Some(Value::Null) => Value::Null,
            Some(Value::String(text))
                if text.chars().count() <= LINE_CHARS_MAX && !text.contains('\0') =>
            {
                text.as_str().into()
            }
            Some(_) => {
                return Err(wrong(name, format!("a text of up to {LINE_CHARS_MAX} characters")));
            }
        };
        address.insert(name.to_owned(), line);
    }
    let text = Value::Object(address).to_string();
    if text.len() > PROFILE_DETAIL_BYTES_MAX {
        return Err(wrong("", format!("at most {PROFILE_DETAIL_BYTES_MAX} bytes")));
    }
    Ok(text.into())
}

/// A tax id, kept as Polar shows it: with its kind, which is not looked up here.
fn tax_id(raw: &RawValue) -> Read<Box<str>> {
    let text = fields::text(raw, 1..=LINE_CHARS_MAX)?;
    Ok(Value::from(vec![Value::from(&*text), Value::Null]).to_string().into())
}

#[cfg(test)]
mod tests;
