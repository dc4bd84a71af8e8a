//! The lines that a question is about, piece by piece.

use std::collections::{HashMap, HashSet};

use crate::engine::directory::{CustomerPlace, Directory};
use crate::engine::history::{HistoryError, ShardReader};
use crate::id::{CustomerNumber, OrganizationNumber, ShardNumber};
use crate::journal::history::{Kind, Line, NameSeen, Piece};
use crate::time::Timestamp;

/// Which lines.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope<'a> {
    /// These customers alone, when something.
    pub(super) customers: Option<&'a [CustomerPlace]>,
    /// The organization's own customers; everybody is, when nothing.
    pub(super) own: Option<HashMap<ShardNumber, HashSet<CustomerNumber>>>,
    /// Events with these names alone, when something.
    pub(super) names: Option<&'a [Box<str>]>,
    /// From this time on.
    pub(super) from: Option<Timestamp>,
    /// Up to and with this time.
    pub(super) to: Option<Timestamp>,
    /// Direct uses of the meter with this number too, in digits.
    pub(super) uses_of: Option<Box<str>>,
}

impl Scope<'_> {
    /// The organization's own customers, unless it is alone or customers are named.
    pub(super) fn own(
        directory: &Directory,
        organization: OrganizationNumber,
        organizations: usize,
        customers: Option<&[CustomerPlace]>,
    ) -> Option<HashMap<ShardNumber, HashSet<CustomerNumber>>> {
        (customers.is_none() && organizations > 1).then(|| directory.customers_of(organization))
    }

    /// Whether lines with this name are meant.
    pub(super) fn names(&self, seen: &NameSeen) -> bool {
        match seen.kind {
            Kind::Event => self.names.is_none_or(|names| names.contains(&seen.name)),
            Kind::Use => self.uses_of.as_deref() == Some(&*seen.name),
        }
    }

    /// Whether all customers and all times of `piece` are meant.
    pub(super) fn covers(&self, piece: Piece<'_>) -> bool {
        let (first, last) = piece.times();
        self.customers.is_none()
            && self.own.is_none()
            && self.from.is_none_or(|from| from <= first)
            && self.to.is_none_or(|to| last <= to)
    }

    /// The lines of the `place`th piece of `shard` that are meant, in the order of the journal.
    pub(super) fn lines(
        &self,
        shard: &ShardReader,
        place: usize,
    ) -> Result<Vec<Line>, HistoryError> {
        let Some(piece) = shard.files.pieces().nth(place) else { return Ok(Vec::new()) };
        let (first, last) = piece.times();
        let misses =
            self.from.is_some_and(|from| last < from) || self.to.is_some_and(|to| to < first);
        let names: Vec<bool> = piece.names().iter().map(|seen| self.names(seen)).collect();
        if misses || !names.contains(&true) {
            return Ok(Vec::new());
        }
        let own = self.own.as_ref().map(|own| own.get(&shard.number));
        let is_meant = |line: &Line| {
            let name = usize::try_from(line.name).unwrap_or(usize::MAX);
            names.get(name) == Some(&true)
                && self.from.is_none_or(|from| from <= line.at)
                && self.to.is_none_or(|to| line.at <= to)
                && own.is_none_or(|own| own.is_some_and(|own| own.contains(&line.customer)))
        };
        let mut lines = Vec::new();
        let read = match self.customers {
            Some(customers) => {
                let here = customers.iter().filter(|place| place.shard == shard.number);
                let read = here
                    .map(|place| place.number)
                    .try_for_each(|customer| piece.lines_of(customer, &mut lines));
                lines.retain(is_meant);
                read
            }
            None => piece.each_line(&mut |line| {
                if is_meant(&line) {
                    lines.push(line);
                }
            }),
        };
        read.map_err(|error| {
            tracing::error!(%error, "cannot read an index of the event history");
            HistoryError::Unreadable
        })?;
        lines.sort_unstable_by_key(|line| line.seq);
        Ok(lines)
    }
}
