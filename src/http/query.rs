//! Query strings: repeatable parameters, each with the rule that it has to keep.

use std::collections::BTreeMap;

use actix_web::HttpRequest;
use actix_web::web;
use uuid::Uuid;

use crate::time::Timestamp;

use super::error::{Fault, Problem};

/// Most parameters of one request; more are not looked at.
const PARAMETERS_MAX: usize = 1_024;

/// The parameters of a request, in the order in which they came.
#[derive(Debug)]
pub(super) struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    /// What stands behind the path of `request`.
    pub(super) fn of(request: &HttpRequest) -> Self {
        let read = web::Query::<Vec<(String, String)>>::from_query(request.query_string());
        let mut pairs = read.map(web::Query::into_inner).unwrap_or_default();
        pairs.truncate(PARAMETERS_MAX);
        Self { pairs }
    }

    /// Every value of `name`.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs.iter().filter(move |(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// The value of `name` that counts: the last one.
    pub(super) fn one<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name).last()
    }

    /// A number that is at least one.
    ///
    /// # Errors
    /// It is no number, or less than one.
    pub(super) fn positive(&self, name: &'static str, default: u32) -> Result<u32, Problem> {
        let Some(text) = self.one(name) else { return Ok(default) };
        let fault = |kind: &'static str, msg: &str| {
            Problem::from(Fault::new(kind, ["query".into(), name.into()], msg).with_text(text))
        };
        match text.trim().parse::<i64>() {
            Ok(number) if number >= 1 => Ok(u32::try_from(number).unwrap_or(u32::MAX)),
            Ok(_) => Err(fault("greater_than_equal", "Input should be greater than or equal to 1")),
            Err(_) => Err(fault(
                "int_parsing",
                "Input should be a valid integer, unable to parse string as an integer",
            )),
        }
    }

    /// Every id under `name`; nothing when it is not asked for.
    ///
    /// # Errors
    /// One of them is no UUID.
    pub(super) fn ids(&self, name: &'static str) -> Result<Option<Vec<Uuid>>, Problem> {
        let mut ids = Vec::new();
        for text in self.all(name) {
            ids.push(id(text).ok_or_else(|| not_an_id(["query".into(), name.into()], text))?);
        }
        Ok((!ids.is_empty()).then_some(ids))
    }

    /// Every one of these words under `name`; nothing when it is not asked for.
    ///
    /// # Errors
    /// One of them is none of `words`.
    pub(super) fn words<T: Copy>(
        &self,
        name: &'static str,
        words: &[(&str, T)],
    ) -> Result<Option<Vec<T>>, Problem> {
        let mut found = Vec::new();
        for text in self.all(name) {
            let Some((_, meaning)) = words.iter().find(|(word, _)| *word == text) else {
                let names: Vec<String> =
                    words.iter().map(|(word, _)| format!("'{word}'")).collect();
                let loc = ["query".into(), name.into()];
                let msg = format!("Input should be {}", names.join(" or "));
                return Err(Fault::new("enum", loc, msg).with_text(text).into());
            };
            found.push(*meaning);
        }
        Ok((!found.is_empty()).then_some(found))
    }

    /// The time under `name`; nothing when it is not asked for.
    ///
    /// # Errors
    /// It is no time with an offset from UTC.
    pub(super) fn time(&self, name: &'static str) -> Result<Option<Timestamp>, Problem> {
        let Some(text) = self.one(name).filter(|text| !text.is_empty()) else { return Ok(None) };
        // In a query string an unescaped `+` reads as a space.
        let time = Timestamp::parse(&text.replace(' ', "+")).ok().filter(|_| text.contains(':'));
        time.map(Some).ok_or_else(|| {
            let loc = ["query".into(), name.into()];
            let msg = "Input should be a valid datetime with an offset from UTC";
            Fault::new("datetime_parsing", loc, msg).with_text(text).into()
        })
    }

    /// What is asked of metadata, as `metadata[key]=value`: for each key, the values that will do.
    pub(super) fn metadata(&self) -> BTreeMap<&str, Vec<&str>> {
        let mut asked: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, value) in &self.pairs {
            let key = name.strip_prefix("metadata[").and_then(|rest| rest.strip_suffix(']'));
            if let Some(key) = key {
                asked.entry(key).or_default().push(value);
            }
        }
        asked
    }

    /// The instant under `name`; nothing when it is not asked for.
    ///
    /// # Errors
    /// It is none, or has no timezone.
    pub(super) fn moment(&self, name: &'static str) -> Result<Option<Timestamp>, Problem> {
        let Some(text) = self.one(name) else { return Ok(None) };
        Timestamp::parse(text).map(Some).map_err(|_| {
            let loc = ["query".into(), name.into()];
            let msg = "Input should be a valid datetime with a timezone";
            Fault::new("datetime_from_date_parsing", loc, msg).with_text(text).into()
        })
    }

    /// Whether the flag `name` is set; nothing when it is not asked for.
    ///
    /// # Errors
    /// It is neither true nor false.
    pub(super) fn flag(&self, name: &'static str) -> Result<Option<bool>, Problem> {
        let Some(text) = self.one(name) else { return Ok(None) };
        match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "on" | "t" | "y" | "yes" => Ok(Some(true)),
            "false" | "0" | "off" | "f" | "n" | "no" => Ok(Some(false)),
            _ => {
                let loc = ["query".into(), name.into()];
                let msg = "Input should be a valid boolean, unable to interpret input";
                Err(Fault::new("bool_parsing", loc, msg).with_text(text).into())
            }
        }
    }
}

/// The id in the path under `name`.
///
/// # Errors
/// It is no UUID.
pub(super) fn path_id(request: &HttpRequest, name: &'static str) -> Result<Uuid, Problem> {
    let text = path_text(request, name);
    id(&text).ok_or_else(|| not_an_id(["path".into(), name.into()], &text))
}

/// The text in the path under `name`, whose percent-encoding is undone.
pub(super) fn path_text(request: &HttpRequest, name: &str) -> String {
    // The router leaves the encoding of `/`, `%` and `+` to whoever reads them.
    let raw = request.match_info().query(name);
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        let decoded = behind.first_chunk::<2>().filter(|_| first == b'%').and_then(|pair| {
            let text = std::str::from_utf8(pair).ok()?;
            u8::from_str_radix(text, 16).ok()
        });
        bytes.push(decoded.unwrap_or(first));
        rest = if decoded.is_some() { behind.get(2..).unwrap_or(&[]) } else { behind };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A UUID in its usual notation.
fn id(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text).ok()
}

fn not_an_id(loc: [super::error::Step; 2], text: &str) -> Problem {
    Fault::new("uuid_parsing", loc, "Input should be a valid UUID").with_text(text).into()
}

#[cfg(test)]
mod tests;
