//! What metadata holds: exact numbers, text, booleans, and objects of these.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use rust_decimal::Decimal;

/// One value of an event's metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A JSON number, digit by digit.
    Number(Decimal),
    /// Text without NUL.
    Text(Box<str>),
    /// True or false.
    Bool(bool),
    /// `_cost` and `_llm`.
    Object(Object),
}

/// Properties in the order in which they were reported, each name once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Object(Box<[(Box<str>, Value)]>);

impl Object {
    /// The caller knows that no name occurs twice.
    pub(super) fn new(properties: Vec<(Box<str>, Value)>) -> Self {
        Self(properties.into_boxed_slice())
    }

    /// The value of the property `name`.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(own, _)| **own == *name).map(|(_, value)| value)
    }

    /// The value at `path`, whose dots lead into nested objects.
    #[must_use]
    pub fn at(&self, path: &str) -> Option<&Value> {
        let Some((name, rest)) = path.split_once('.') else { return self.property(path) };
        match self.property(name)? {
            Value::Object(object) => object.at(rest),
            Value::Number(_) | Value::Text(_) | Value::Bool(_) => None,
        }
    }

    /// All properties.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }

    /// How many properties there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
