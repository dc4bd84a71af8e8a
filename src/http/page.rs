//! Pages of lists, and the order in which they are asked for.

use serde::Serialize;

use super::error::{Fault, Problem};
use super::query::Query;

/// Items of a page unless another number is asked for.
const LIMIT_DEFAULT: u32 = 10;

/// Most items of a page; who asks for more gets so many.
const LIMIT_MAX: u32 = 100;

/// A page of a list: which one, and how long its pages are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Page {
    number: u32,
    limit: u32,
}

/// What is said of the whole list.
#[derive(Debug, Serialize)]
pub(super) struct Pagination {
    total_count: u64,
    max_page: u64,
}

/// A page with its items.
#[derive(Debug, Serialize)]
pub(super) struct Listed<T> {
    pub(super) items: Vec<T>,
    pub(super) pagination: Pagination,
}

impl Page {
    /// The page that is asked for.
    ///
    /// # Errors
    /// `page` or `limit` is no positive number.
    pub(super) fn of(query: &Query) -> Result<Self, Problem> {
        let number = query.positive("page", 1)?;
        let limit = query.positive("limit", LIMIT_DEFAULT)?.min(LIMIT_MAX);
        Ok(Self { number, limit })
    }

    /// Items before the end of this page: nobody has to keep more of a sorted list.
    pub(super) fn end(self) -> usize {
        let end = u64::from(self.number).saturating_mul(u64::from(self.limit));
        usize::try_from(end).unwrap_or(usize::MAX)
    }

    /// Items before the beginning of this page.
    pub(super) fn start(self) -> usize {
        self.end().saturating_sub(usize::try_from(self.limit).unwrap_or(usize::MAX))
    }

    /// What is said of a list of `total` items.
    pub(super) fn pagination(self, total: usize) -> Pagination {
        let total_count = u64::try_from(total).unwrap_or(u64::MAX);
        Pagination { total_count, max_page: total_count.div_ceil(u64::from(self.limit)) }
    }

    /// The items of this page out of the first ones of a sorted list.
    pub(super) fn items<T>(self, first: Vec<T>) -> impl Iterator<Item = T> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        first.into_iter().skip(self.start()).take(limit)
    }
}

/// Which way a criterion counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// The smallest first.
    Ascending,
    /// The greatest first.
    Descending,
}

impl Direction {
    /// `order`, or its reverse.
    pub(super) const fn turn(self, order: std::cmp::Ordering) -> std::cmp::Ordering {
        match self {
            Self::Ascending => order,
            Self::Descending => order.reverse(),
        }
    }
}

/// The criteria by which a list is sorted, the first before all others.
pub(super) type Sorting<C> = Vec<(C, Direction)>;

/// The criteria that are asked for: `sorting`, repeated, each a name with `-` before it to turn it
/// round. `default` when there is none.
///
/// # Errors
/// A name is none of `known`.
pub(super) fn sorting<C: Copy>(
    query: &Query,
    known: &[(&str, C)],
    default: (C, Direction),
) -> Result<Sorting<C>, Problem> {
    let mut sorting = Vec::new();
    for (place, text) in query.all("sorting").enumerate() {
        let (name, direction) = match text.strip_prefix('-') {
            Some(name) => (name, Direction::Descending),
            None => (text, Direction::Ascending),
        };
        let Some(&(_, criterion)) = known.iter().find(|(own, _)| *own == name) else {
            let names: Vec<String> =
                known.iter().map(|(name, _)| format!("'{name}', '-{name}'")).collect();
            let loc = ["query".into(), "sorting".into(), place.into()];
            let msg = format!("Input should be {}", names.join(", "));
            return Err(Fault::new("enum", loc, msg).with_text(text).into());
        };
        // What a list is sorted by already orders nothing any more.
        if sorting.len() < known.len() {
            sorting.push((criterion, direction));
        }
    }
    if sorting.is_empty() {
        sorting.push(default);
    }
    Ok(sorting)
}

#[cfg(test)]
mod tests;
