//! Which events a meter counts: clauses about properties, joined by "and" and "or".
//!
//! A property is compared with a value of its own kind: number with number, text with text, truth
//! with truth. Anything else, a missing property too, never matches, whatever the operator.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use std::cmp::Ordering;
use std::collections::BTreeSet;

use rust_decimal::Decimal;

use crate::event::Event;
use crate::event::Property;
use crate::event::PropertyError;
use crate::event::PropertyValue;

mod json;

/// Deepest nesting of filters, the outermost being the first.
pub const FILTER_DEPTH_MAX: usize = 8;

/// Most clauses and nested filters in all.
pub const FILTER_CLAUSES_MAX: usize = 128;

/// Longest text that a property is compared with, in characters.
pub const FILTER_TEXT_CHARS_MAX: usize = 1_000;

/// A condition on events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    group: Group,
    /// The only names that an event which matches can have, in order, if they are known.
    event_names: Option<Box<[Box<str>]>>,
}

/// How the parts of a filter are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conjunction {
    /// All of them match.
    And,
    /// One of them matches at least.
    Or,
}

/// How a property is compared with the clause's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// It is equal.
    Equal,
    /// It is of the same kind and not equal.
    NotEqual,
    /// It is greater.
    Greater,
    /// It is greater or equal.
    GreaterOrEqual,
    /// It is less.
    Less,
    /// It is less or equal.
    LessOrEqual,
    /// It is text that contains the value.
    Like,
    /// It is text that does not contain the value.
    NotLike,
}

/// What a property is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Operand {
    Text(Box<str>),
    Number(i32),
    Bool(bool),
}

/// One comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    property: Property,
    operator: Operator,
    operand: Operand,
}

/// An empty one matches every event.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    conjunction: Conjunction,
    terms: Vec<Term>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Term {
    Clause(Clause),
    Group(Group),
}

/// A JSON text is no filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{fault}", if loc.is_empty() { String::new() } else { format!("{}: ", loc.join(".")) })]
pub struct FilterError {
    /// The path from the filter to the place: `clauses`, `0`, `value`.
    pub loc: Vec<Box<str>>,
    /// What is wrong there.
    pub fault: FilterFault,
}

/// What can be wrong with a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FilterFault {
    /// Not JSON.
    #[error("not JSON")]
    NotJson,
    /// Neither a filter nor, where one may stand, a clause.
    #[error("neither a filter with conjunction and clauses nor a clause with property")]
    NotAFilter,
    /// A clause lacks its operator or value.
    #[error("field required")]
    Missing,
    /// `conjunction` is neither `and` nor `or`.
    #[error("neither and nor or")]
    UnknownConjunction,
    /// An operator that there is not.
    #[error("none of eq, ne, gt, gte, lt, lte, like and not_like")]
    UnknownOperator,
    /// A value that is neither text nor a whole number of 32 bits nor a boolean.
    #[error("neither text nor a whole number of 32 bits nor a boolean")]
    UnknownValue,
    /// Text over [`FILTER_TEXT_CHARS_MAX`].
    #[error("text has more than {FILTER_TEXT_CHARS_MAX} characters")]
    TextTooLong,
    /// Nested over [`FILTER_DEPTH_MAX`].
    #[error("nested more than {FILTER_DEPTH_MAX} levels deep")]
    TooDeep,
    /// Over [`FILTER_CLAUSES_MAX`].
    #[error("more than {FILTER_CLAUSES_MAX} clauses")]
    TooManyClauses,
    /// The property has no name, or too long a one.
    #[error(transparent)]
    Property(#[from] PropertyError),
}

impl Filter {
    /// Matches the events with this name.
    #[must_use]
    pub fn named(event_name: &str) -> Self {
        Self::new(Group {
            conjunction: Conjunction::And,
            terms: vec![Term::Clause(Clause {
                property: Property::Name,
                operator: Operator::Equal,
                operand: Operand::Text(event_name.into()),
            })],
        })
    }

    /// Reads Polar's `{"conjunction":"and","clauses":[..]}`.
    ///
    /// # Errors
    /// [`FilterError`] with the first fault.
    pub fn parse(json: &str) -> Result<Self, FilterError> {
        json::parse(json).map(Self::new)
    }

    /// Writes what [`Filter::parse`] reads; properties stand without `metadata.` before them.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        json::write_group(&mut out, &self.group);
        out
    }

    fn new(group: Group) -> Self {
        let event_names =
            group.event_names().map(|names| names.into_iter().map(Into::into).collect());
        Self { group, event_names }
    }

    /// The names of which every event that matches has one, if the filter demands that: each once,
    /// in order, and none at all when nothing matches. Meters are looked up by them, so that most
    /// events meet only the meters that count them.
    #[must_use]
    pub fn event_names(&self) -> Option<&[Box<str>]> {
        self.event_names.as_deref()
    }

    /// Whether `event` matches.
    #[must_use]
    pub fn matches(&self, event: &Event) -> bool {
        self.group.matches(event)
    }
}

impl Group {
    fn matches(&self, event: &Event) -> bool {
        if self.terms.is_empty() {
            return true;
        }
        match self.conjunction {
            Conjunction::And => self.terms.iter().all(|term| term.matches(event)),
            Conjunction::Or => self.terms.iter().any(|term| term.matches(event)),
        }
    }

    /// Where all parts have to match, one that demands names is enough, and the fewest are best;
    /// where one part is enough, each has to demand some.
    fn event_names(&self) -> Option<BTreeSet<&str>> {
        let mut names = self.terms.iter().map(Term::event_names);
        match self.conjunction {
            Conjunction::And => names.flatten().min_by_key(BTreeSet::len),
            // An empty filter matches everything.
            Conjunction::Or if self.terms.is_empty() => None,
            Conjunction::Or => names.try_fold(BTreeSet::new(), |mut all, names| {
                all.append(&mut names?);
                Some(all)
            }),
        }
    }
}

impl Term {
    fn matches(&self, event: &Event) -> bool {
        match self {
            Self::Clause(clause) => clause.matches(event),
            Self::Group(group) => group.matches(event),
        }
    }

    fn event_names(&self) -> Option<BTreeSet<&str>> {
        match self {
            Self::Clause(Clause {
                property: Property::Name,
                operator: Operator::Equal,
                operand: Operand::Text(name),
            }) => Some(BTreeSet::from([&**name])),
            Self::Clause(_) => None,
            Self::Group(group) => group.event_names(),
        }
    }
}

impl Clause {
    fn matches(&self, event: &Event) -> bool {
        match (self.property.of(event), &self.operand) {
            (Some(PropertyValue::Number(number)), Operand::Number(operand)) => {
                self.operator.accepts(number.cmp(&Decimal::from(*operand)))
            }
            (Some(PropertyValue::Bool(truth)), Operand::Bool(operand)) => {
                self.operator.accepts(truth.cmp(operand))
            }
            (Some(PropertyValue::Text(text)), Operand::Text(operand)) => match self.operator {
                Operator::Like => text.contains(&**operand),
                Operator::NotLike => !text.contains(&**operand),
                Operator::Equal
                | Operator::NotEqual
                | Operator::Greater
                | Operator::GreaterOrEqual
                | Operator::Less
                | Operator::LessOrEqual => self.operator.accepts(text.cmp(operand)),
            },
            _ => false,
        }
    }
}

impl Operator {
    /// Whether this is satisfied by a property that compares to the operand like this. Only text
    /// contains anything.
    const fn accepts(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::NotEqual => ordering.is_ne(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Like | Self::NotLike => false,
        }
    }
}
