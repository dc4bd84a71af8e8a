//! Metadata: flat text, numbers and booleans, and the two reserved objects `_cost` and `_llm`.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use std::borrow::Cow;

use rust_decimal::Decimal;
use serde_json::value::RawValue;

use crate::units::parse_decimal;

use super::FaultKind;
use super::METADATA_TEXT_CHARS_MAX;
use super::Object;
use super::Value;
use super::fault::Faults;
use super::json;
use super::json::Properties;

const COST_DIGITS_MAX: u32 = 17;
const COST_DECIMALS_MAX: u32 = 12;
const COST_WHOLE_DIGITS_MAX: u32 = COST_DIGITS_MAX - COST_DECIMALS_MAX;

/// Reads the metadata; what is wrong in it is noted among `faults`.
pub(super) fn read(raw: &RawValue, faults: &mut Faults) -> Option<Object> {
    let properties = faults.note(&["metadata"], json::properties(raw.get()))?;
    let mut values = Vec::with_capacity(properties.len());
    for (name, raw) in properties {
        let value = match &*name {
            "_cost" => read_cost(raw, faults).map(Value::Object),
            "_llm" => read_llm(raw, faults).map(Value::Object),
            name => faults.note(&["metadata", name], scalar(raw)),
        };
        if let Some(value) = value {
            values.push((name.into(), value));
        }
    }
    Some(Object::new(values))
}

fn scalar(raw: &RawValue) -> Result<Value, FaultKind> {
    if json::is_number(raw) {
        return json::number(raw).map(Value::Number);
    }
    match raw.get() {
        "true" => return Ok(Value::Bool(true)),
        "false" => return Ok(Value::Bool(false)),
        _ => {}
    }
    let text = match json::text(raw) {
        Err(FaultKind::NotText) => return Err(FaultKind::NotAScalar),
        text => text?,
    };
    if text.is_empty() {
        return Err(FaultKind::TextEmpty);
    }
    // A text has no more characters than bytes.
    if text.len() > METADATA_TEXT_CHARS_MAX && text.chars().count() > METADATA_TEXT_CHARS_MAX {
        return Err(FaultKind::TextTooLong(METADATA_TEXT_CHARS_MAX));
    }
    Ok(Value::Text(text.into()))
}

/// `_cost`: an amount in cents, as number or text, and its currency.
fn read_cost(raw: &RawValue, faults: &mut Faults) -> Option<Object> {
    let mut nested = Nested::read(raw, "_cost", faults)?;
    nested.required("amount", |raw| cost_amount(raw).map(Value::Number));
    nested.required("currency", |raw| match &*json::text(raw)? {
        "usd" => Ok(Value::Text("usd".into())),
        _ => Err(FaultKind::NotUsd),
    });
    Some(nested.into_object())
}

fn cost_amount(raw: &RawValue) -> Result<Decimal, FaultKind> {
    let digits = if json::is_number(raw) {
        Cow::Borrowed(raw.get())
    } else {
        json::text(raw).map_err(|_| FaultKind::NotADecimal)?
    };
    let amount = parse_decimal(digits.as_bytes()).map_err(|_| FaultKind::NotADecimal)?;
    let decimals = amount.scale();
    let digits = amount
        .mantissa()
        .unsigned_abs()
        .checked_ilog10()
        .map_or(1, |log| log.saturating_add(1))
        .max(decimals);
    if digits > COST_DIGITS_MAX {
        return Err(FaultKind::DecimalDigits(COST_DIGITS_MAX));
    }
    if decimals > COST_DECIMALS_MAX {
        return Err(FaultKind::DecimalPlaces(COST_DECIMALS_MAX));
    }
    if digits.saturating_sub(decimals) > COST_WHOLE_DIGITS_MAX {
        return Err(FaultKind::DecimalWholeDigits(COST_WHOLE_DIGITS_MAX));
    }
    Ok(amount)
}

/// `_llm`: which model answered, and how many tokens that took.
fn read_llm(raw: &RawValue, faults: &mut Faults) -> Option<Object> {
    let any_text = |raw: &RawValue| json::text(raw).map(|text| Value::Text(text.into()));
    let mut nested = Nested::read(raw, "_llm", faults)?;
    nested.required("vendor", any_text);
    nested.required("model", any_text);
    nested.optional("prompt", any_text);
    nested.optional("response", any_text);
    nested.required("input_tokens", integer);
    nested.optional("cached_input_tokens", integer);
    nested.required("output_tokens", integer);
    nested.required("total_tokens", integer);
    Some(nested.into_object())
}

fn integer(raw: &RawValue) -> Result<Value, FaultKind> {
    if !json::is_number(raw) {
        return Err(FaultKind::NotAnInteger);
    }
    let number = json::number(raw)?;
    if !number.is_integer() {
        return Err(FaultKind::NotAnInteger);
    }
    Ok(Value::Number(number))
}

/// A reserved object while its known properties are read; others are left out, as Polar does.
struct Nested<'a> {
    name: &'static str,
    properties: Properties<'a>,
    values: Vec<(Box<str>, Value)>,
    faults: &'a mut Faults,
}

impl<'a> Nested<'a> {
    fn read(raw: &'a RawValue, name: &'static str, faults: &'a mut Faults) -> Option<Self> {
        let properties = faults.note(&["metadata", name], json::properties(raw.get()))?;
        Some(Self { name, properties, values: Vec::new(), faults })
    }

    fn required(&mut self, name: &str, read: impl Fn(&RawValue) -> Result<Value, FaultKind>) {
        let value = self.raw(name).ok_or(FaultKind::Missing).and_then(read);
        self.put(name, value);
    }

    fn optional(&mut self, name: &str, read: impl Fn(&RawValue) -> Result<Value, FaultKind>) {
        if let Some(raw) = json::present(self.raw(name)) {
            self.put(name, read(raw));
        }
    }

    fn raw(&self, name: &str) -> Option<&'a RawValue> {
        self.properties.iter().find(|(own, _)| own == name).map(|&(_, raw)| raw)
    }

    fn put(&mut self, name: &str, value: Result<Value, FaultKind>) {
        if let Some(value) = self.faults.note(&["metadata", self.name, name], value) {
            self.values.push((name.into(), value));
        }
    }

    fn into_object(self) -> Object {
        Object::new(self.values)
    }
}
