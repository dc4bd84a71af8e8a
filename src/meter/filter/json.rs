//! Filters as Polar's JSON.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use serde_json::Map;
use serde_json::Value as Json;

use crate::event::Property;

use super::Clause;
use super::Conjunction;
use super::FILTER_CLAUSES_MAX;
use super::FILTER_DEPTH_MAX;
use super::FILTER_TEXT_CHARS_MAX;
use super::FilterError;
use super::FilterFault;
use super::Group;
use super::Operand;
use super::Operator;
use super::Term;

/// Operators and their names on the wire.
const OPERATORS: [(Operator, &str); 8] = [
    (Operator::Equal, "eq"),
    (Operator::NotEqual, "ne"),
    (Operator::Greater, "gt"),
    (Operator::GreaterOrEqual, "gte"),
    (Operator::Less, "lt"),
    (Operator::LessOrEqual, "lte"),
    (Operator::Like, "like"),
    (Operator::NotLike, "not_like"),
];

/// Reads the outermost filter.
pub(super) fn parse(json: &str) -> Result<Group, FilterError> {
    let mut reader = Reader::default();
    let json = serde_json::from_str(json).map_err(|_| reader.fault(FilterFault::NotJson))?;
    match json {
        Json::Object(fields) if !fields.contains_key("property") => reader.group(&fields),
        Json::Object(_)
        | Json::Null
        | Json::Bool(_)
        | Json::Number(_)
        | Json::String(_)
        | Json::Array(_) => Err(reader.fault(FilterFault::NotAFilter)),
    }
}

/// Where in the filter the reading is, and how much it has read.
#[derive(Default)]
struct Reader {
    loc: Vec<Box<str>>,
    depth: usize,
    terms: usize,
}

impl Reader {
    fn fault(&self, fault: FilterFault) -> FilterError {
        FilterError { loc: self.loc.clone(), fault }
    }

    /// Reads what stands under `name`.
    fn within<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Self) -> Result<T, FilterError>,
    ) -> Result<T, FilterError> {
        self.loc.push(name.into());
        let result = read(self);
        self.loc.pop();
        result
    }

    fn field<'a, T>(
        &mut self,
        fields: &'a Map<String, Json>,
        name: &str,
        read: impl FnOnce(&'a Json) -> Result<T, FilterFault>,
    ) -> Result<T, FilterError> {
        let result = fields.get(name).ok_or(FilterFault::Missing).and_then(read);
        self.within(name, |reader| result.map_err(|fault| reader.fault(fault)))
    }

    fn group(&mut self, fields: &Map<String, Json>) -> Result<Group, FilterError> {
        self.depth = self.depth.saturating_add(1);
        if self.depth > FILTER_DEPTH_MAX {
            return Err(self.fault(FilterFault::TooDeep));
        }
        let conjunction = self.field(fields, "conjunction", |json| match json.as_str() {
            Some("and") => Ok(Conjunction::And),
            Some("or") => Ok(Conjunction::Or),
            Some(_) | None => Err(FilterFault::UnknownConjunction),
        })?;
        let clauses =
            self.field(fields, "clauses", |json| json.as_array().ok_or(FilterFault::NotAFilter))?;
        let mut terms = Vec::with_capacity(clauses.len().min(FILTER_CLAUSES_MAX));
        for (place, clause) in clauses.iter().enumerate() {
            let place = place.to_string();
            terms.push(
                self.within("clauses", |reader| {
                    reader.within(&place, |reader| reader.term(clause))
                })?,
            );
        }
        self.depth = self.depth.saturating_sub(1);
        Ok(Group { conjunction, terms })
    }

    fn term(&mut self, json: &Json) -> Result<Term, FilterError> {
        self.terms = self.terms.saturating_add(1);
        if self.terms > FILTER_CLAUSES_MAX {
            return Err(self.fault(FilterFault::TooManyClauses));
        }
        match json.as_object() {
            Some(fields) if fields.contains_key("property") => {
                self.clause(fields).map(Term::Clause)
            }
            Some(fields) if fields.contains_key("clauses") => self.group(fields).map(Term::Group),
            Some(_) | None => Err(self.fault(FilterFault::NotAFilter)),
        }
    }

    fn clause(&mut self, fields: &Map<String, Json>) -> Result<Clause, FilterError> {
        let property = self.field(fields, "property", |json| {
            Ok(Property::parse(json.as_str().ok_or(FilterFault::NotAFilter)?)?)
        })?;
        let operator = self.field(fields, "operator", |json| {
            let named = OPERATORS.iter().find(|&&(_, name)| json.as_str() == Some(name));
            named.map(|&(operator, _)| operator).ok_or(FilterFault::UnknownOperator)
        })?;
        let operand = self.field(fields, "value", operand)?;
        Ok(Clause { property, operator, operand })
    }
}

fn operand(json: &Json) -> Result<Operand, FilterFault> {
    match json {
        Json::String(text) if text.chars().count() > FILTER_TEXT_CHARS_MAX => {
            Err(FilterFault::TextTooLong)
        }
        Json::String(text) => Ok(Operand::Text(text.as_str().into())),
        Json::Number(number) => number
            .as_i64()
            .and_then(|number| i32::try_from(number).ok())
            .map(Operand::Number)
            .ok_or(FilterFault::UnknownValue),
        Json::Bool(truth) => Ok(Operand::Bool(*truth)),
        Json::Null | Json::Array(_) | Json::Object(_) => Err(FilterFault::UnknownValue),
    }
}

/// Appends what [`parse`] reads.
pub(super) fn write_group(out: &mut String, group: &Group) {
    out.push_str(match group.conjunction {
        Conjunction::And => r#"{"conjunction":"and","clauses":["#,
        Conjunction::Or => r#"{"conjunction":"or","clauses":["#,
    });
    for (place, term) in group.terms.iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        match term {
            Term::Clause(clause) => write_clause(out, clause),
            Term::Group(group) => write_group(out, group),
        }
    }
    out.push_str("]}");
}

fn write_clause(out: &mut String, clause: &Clause) {
    let operator = OPERATORS.iter().find(|&&(operator, _)| operator == clause.operator);
    let operand = match &clause.operand {
        Operand::Text(text) => Json::from(&**text),
        Operand::Number(number) => Json::from(*number),
        Operand::Bool(truth) => Json::from(*truth),
    };
    let parts = [
        (r#"{"property":"#, Json::from(clause.property.name())),
        (r#","operator":"#, Json::from(operator.map_or("", |&(_, name)| name))),
        (r#","value":"#, operand),
    ];
    for (key, value) in parts {
        out.push_str(key);
        out.push_str(&value.to_string());
    }
    out.push('}');
}
