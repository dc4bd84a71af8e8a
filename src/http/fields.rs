//! Bodies of requests field by field: each is read by the rule that it has to keep, and every broken
//! rule is told.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::metadata::Metadata;
use crate::time::Timestamp;

use super::body::Body;
use super::error::{FAULTS_MAX, Fault, Problem, Step};

/// A broken rule, and where it is broken below the field.
#[derive(Debug)]
pub(super) struct Broken {
    kind: &'static str,
    within: Vec<Step>,
    msg: String,
}

impl Broken {
    /// A rule that the field itself breaks.
    pub(super) fn new(kind: &'static str, msg: impl Into<String>) -> Self {
        Self { kind, within: Vec::new(), msg: msg.into() }
    }

    /// A rule that is broken at `within`.
    pub(super) fn at(
        within: impl IntoIterator<Item = Step>,
        kind: &'static str,
        msg: impl Into<String>,
    ) -> Self {
        Self { kind, within: within.into_iter().collect(), msg: msg.into() }
    }
}

impl Broken {
    /// The same rule, broken at `step` of what is read.
    pub(super) fn below(mut self, step: Step) -> Self {
        self.within.insert(0, step);
        self
    }
}

/// What a rule makes of a field.
pub(super) type Read<T> = Result<T, Broken>;

/// The fields of an object, and the rules that were broken so far.
pub(super) struct Fields<'a> {
    raw: BTreeMap<String, &'a RawValue>,
    loc: Vec<Step>,
    faults: Vec<Fault>,
}

impl<'a> Fields<'a> {
    /// The fields of `body`.
    ///
    /// # Errors
    /// It is no JSON, or no object.
    pub(super) fn of(body: &'a Body) -> Result<Self, Problem> {
        Ok(Self { raw: body.object()?, loc: vec!["body".into()], faults: Vec::new() })
    }

    /// Whether a field was sent, and not as `null`.
    pub(super) fn has_value(&self, name: &str) -> bool {
        self.raw.get(name).is_some_and(|raw| raw.get() != "null")
    }

    /// Whether a field was sent, be it `null`.
    pub(super) fn has(&self, name: &str) -> bool {
        self.raw.contains_key(name)
    }

    /// Whether a field was sent with a value.
    pub(super) fn is_set(&self, name: &str) -> bool {
        self.raw.get(name).is_some_and(|raw| raw.get() != "null")
    }

    /// A field that may be missing or `null`.
    pub(super) fn optional<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&'a RawValue) -> Read<T>,
    ) -> Option<T> {
        let raw = *self.raw.get(name)?;
        if raw.get() == "null" {
            return None;
        }
        read(raw).map_err(|broken| self.break_rule(name, broken, Some(raw))).ok()
    }

    /// A field that may be missing, and whose `null` means that there is to be none.
    #[expect(clippy::option_option, reason = "missing, none and some are three things")]
    pub(super) fn nullable<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&'a RawValue) -> Read<T>,
    ) -> Option<Option<T>> {
        self.has(name).then(|| self.optional(name, read))
    }

    /// The names of the fields.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.raw.keys().map(String::as_str)
    }

    /// Notes that fields which are none of `known` are forbidden.
    pub(super) fn forbid_others(&mut self, known: &[&str]) {
        let others: Vec<String> = {
            let others = self.names().filter(|name| !known.contains(name));
            others.take(FAULTS_MAX).map(str::to_owned).collect()
        };
        for name in others {
            if self.faults.len() < FAULTS_MAX {
                let loc = self.loc.iter().cloned().chain([Step::from(name)]);
                let msg = "Extra inputs are not permitted";
                self.faults.push(Fault::new("extra_forbidden", loc, msg));
            }
        }
    }

    /// A field that has to be there.
    pub(super) fn required<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&'a RawValue) -> Read<T>,
    ) -> Option<T> {
        let Some(&raw) = self.raw.get(name) else {
            self.break_rule(name, Broken::new("missing", "Field required"), None);
            return None;
        };
        read(raw).map_err(|broken| self.break_rule(name, broken, Some(raw))).ok()
    }

    /// A field that has to be there, and is an object of fields.
    pub(super) fn object<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<T> {
        let raw = self.required(name, Ok)?;
        self.within(raw, [name.into()], read)
    }

    /// A field that has to be there, and is a list of so many objects of fields at most.
    pub(super) fn objects<T>(
        &mut self,
        name: &'static str,
        count_max: usize,
        mut read: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        let items = self.required(name, |raw| {
            let items: Vec<&'a RawValue> = serde_json::from_str(raw.get())
                .map_err(|_| Broken::new("list_type", "Input should be a valid list"))?;
            if items.len() > count_max {
                let msg = format!("List should have at most {count_max} items");
                return Err(Broken::new("too_long", msg));
            }
            Ok(items)
        })?;
        let mut all = Some(Vec::with_capacity(items.len()));
        for (place, raw) in items.into_iter().enumerate() {
            let one = self.within(raw, [name.into(), place.into()], &mut read);
            all = all.zip(one).map(|(mut all, one)| {
                all.push(one);
                all
            });
        }
        all
    }

    /// Reads the fields of `raw`, which stands at `path` in this object.
    fn within<T>(
        &mut self,
        raw: &'a RawValue,
        path: impl IntoIterator<Item = Step>,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<T> {
        let loc: Vec<Step> = self.loc.iter().cloned().chain(path).collect();
        let Ok(fields) = serde_json::from_str(raw.get()) else {
            let fault = Fault::new("dict_type", loc, "Input should be a valid dictionary");
            self.faults.push(fault.with_json(raw));
            return None;
        };
        let faults = std::mem::take(&mut self.faults);
        let mut inner = Self { raw: fields, loc, faults };
        let value = read(&mut inner);
        self.faults = inner.faults;
        value
    }

    /// A token speaks for one organization, so that it does not have to be named.
    pub(super) fn no_organization(&mut self) {
        self.optional::<()>("organization_id", |_| {
            let msg = "Setting organization_id is disallowed when using an organization token.";
            Err(Broken::new("organization_token", msg))
        });
    }

    /// Notes that the field `name` breaks a rule.
    pub(super) fn break_rule(
        &mut self,
        name: &'static str,
        broken: Broken,
        raw: Option<&RawValue>,
    ) {
        if self.faults.len() >= FAULTS_MAX {
            return;
        }
        let loc = self.loc.iter().cloned().chain([name.into()]).chain(broken.within);
        let fault = Fault::new(broken.kind, loc, broken.msg);
        self.faults.push(match raw {
            Some(raw) => fault.with_json(raw),
            None => fault,
        });
    }

    /// What was read, if no rule was broken.
    ///
    /// # Errors
    /// Every rule that was broken.
    pub(super) fn settle<T>(self, read: Option<T>) -> Result<T, Problem> {
        match read {
            Some(read) if self.faults.is_empty() => Ok(read),
            Some(_) | None => Err(Problem::Invalid(self.faults)),
        }
    }
}

/// Text of so many characters, none of them NUL.
pub(super) fn text(raw: &RawValue, chars: std::ops::RangeInclusive<usize>) -> Read<Box<str>> {
    let text: String = serde_json::from_str(raw.get())
        .map_err(|_| Broken::new("string_type", "Input should be a valid string"))?;
    if text.contains('\0') {
        let msg = "Value error, String should not contain NUL characters";
        return Err(Broken::new("value_error", msg));
    }
    let count = text.chars().count();
    if count < *chars.start() {
        let msg = format!("String should have at least {} characters", chars.start());
        return Err(Broken::new("string_too_short", msg));
    }
    if count > *chars.end() {
        let msg = format!("String should have at most {} characters", chars.end());
        return Err(Broken::new("string_too_long", msg));
    }
    Ok(text.into())
}

/// A whole number in these bounds.
pub(super) fn whole(raw: &RawValue, bounds: std::ops::RangeInclusive<u32>) -> Read<u32> {
    let number: i64 = serde_json::from_str(raw.get())
        .map_err(|_| Broken::new("int_type", "Input should be a valid integer"))?;
    if number < i64::from(*bounds.start()) {
        let msg = format!("Input should be greater than or equal to {}", bounds.start());
        return Err(Broken::new("greater_than_equal", msg));
    }
    match u32::try_from(number) {
        Ok(number) if number <= *bounds.end() => Ok(number),
        Ok(_) | Err(_) => {
            let msg = format!("Input should be less than or equal to {}", bounds.end());
            Err(Broken::new("less_than_equal", msg))
        }
    }
}

/// True or false.
pub(super) fn truth(raw: &RawValue) -> Read<bool> {
    serde_json::from_str(raw.get())
        .map_err(|_| Broken::new("bool_type", "Input should be a valid boolean"))
}

/// A UUID.
pub(super) fn id(raw: &RawValue) -> Read<Uuid> {
    let text: Option<String> = serde_json::from_str(raw.get()).ok();
    let id = text.and_then(|text| Uuid::try_parse(&text).ok());
    id.ok_or_else(|| Broken::new("uuid_parsing", "Input should be a valid UUID"))
}

/// An instant, with its timezone.
pub(super) fn moment(raw: &RawValue) -> Read<Timestamp> {
    let text: Option<String> = serde_json::from_str(raw.get()).ok();
    let dated = text.filter(|text| text.contains(['T', 't', ' ']));
    dated.and_then(|text| Timestamp::parse(&text).ok()).ok_or_else(|| {
        let msg = "Input should be a valid datetime with a timezone";
        Broken::new("datetime_from_date_parsing", msg)
    })
}

/// One of these words.
pub(super) fn word<T: Copy>(raw: &RawValue, words: &[(&str, T)]) -> Read<T> {
    let text: Option<String> = serde_json::from_str(raw.get()).ok();
    let known = words.iter().find(|(word, _)| text.as_deref() == Some(*word));
    known.map(|(_, meaning)| *meaning).ok_or_else(|| {
        let words: Vec<String> = words.iter().map(|(word, _)| format!("'{word}'")).collect();
        Broken::new("enum", format!("Input should be {}", words.join(" or ")))
    })
}

/// What an application writes on a thing.
pub(super) fn metadata(raw: &RawValue) -> Read<Metadata> {
    Metadata::parse(raw.get()).map_err(|error| {
        let within = error.key.iter().map(|key| Step::from(key.to_string()));
        Broken::at(within, "value_error", format!("Value error, {}", error.fault))
    })
}

/// Whether `metadata` has all that is asked for: for each key one of its values, as text.
pub(super) fn has_metadata(metadata: &Metadata, asked: &BTreeMap<&str, Vec<&str>>) -> bool {
    if asked.is_empty() {
        return true;
    }
    let Ok(own) = serde_json::from_str::<BTreeMap<String, &RawValue>>(metadata.as_json()) else {
        return false;
    };
    asked.iter().all(|(key, values)| {
        let Some(raw) = own.get(*key) else { return false };
        let text = match serde_json::from_str(raw.get()) {
            Ok(Value::String(text)) => text,
            _ => raw.get().to_owned(),
        };
        values.contains(&text.as_str())
    })
}

#[cfg(test)]
mod tests;
