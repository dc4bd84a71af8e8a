//! The names of retained events, counted.

use std::collections::HashMap;

use crate::engine::directory::CustomerPlace;
use crate::engine::history::scan::Scope;
use crate::engine::history::{HistoryError, Reader};
use crate::id::OrganizationNumber;
use crate::journal::history::Kind;
use crate::time::Timestamp;

/// Whose names are asked for.
#[derive(Debug, Clone)]
pub struct NamesQuery {
    /// Whose.
    pub organization: OrganizationNumber,
    /// How many organizations there are.
    pub organizations: usize,
    /// Of these customers, when something. They are the organization's.
    pub customers: Option<Vec<CustomerPlace>>,
}

/// A name and how often it occurs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameCount {
    /// The name.
    pub name: Box<str>,
    /// How many events have it.
    pub count: u64,
    /// When the first of them happened.
    pub first: Timestamp,
    /// When the last of them happened.
    pub last: Timestamp,
}

impl Reader {
    pub(super) fn names(&mut self, query: &NamesQuery) -> Result<Vec<NameCount>, HistoryError> {
        let customers = query.customers.as_deref();
        let own = Scope::own(&self.directory, query.organization, query.organizations, customers);
        let scope = Scope { customers, own, ..Scope::default() };
        let mut counts: HashMap<Box<str>, NameCount> = HashMap::new();
        let mut add = |name: &str, count: u64, first: Timestamp, last: Timestamp| {
            let new = || NameCount { name: name.into(), count: 0, first, last };
            let known = counts.entry(name.into()).or_insert_with(new);
            known.count = known.count.saturating_add(count);
            known.first = known.first.min(first);
            known.last = known.last.max(last);
        };
        for reader in &mut self.shards {
            reader.refresh()?;
            for place in 0..reader.files.pieces().len() {
                let Some(piece) = reader.files.pieces().nth(place) else { break };
                if scope.covers(piece) {
                    let seen = piece.names().iter();
                    for seen in seen.filter(|seen| seen.kind == Kind::Event && seen.count > 0) {
                        add(&seen.name, seen.count, seen.first, seen.last);
                    }
                    continue;
                }
                for line in scope.lines(reader, place)? {
                    let name = usize::try_from(line.name).unwrap_or(usize::MAX);
                    if let Some(seen) = piece.names().get(name) {
                        add(&seen.name, 1, line.at, line.at);
                    }
                }
            }
        }
        Ok(counts.into_values().collect())
    }
}
