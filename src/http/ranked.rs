//! Long lists of which one page is shown: no more is held of them than it takes to sort that far.

use std::cmp::Ordering;

use super::error::{Fault, Problem};
use super::page::{Listed, Page};

/// How far into a list its pages reach, in items: so much of it is held while it is sorted.
pub(super) const REACH_MAX: usize = 100_000;

/// Fewest items that are gathered before they are sorted.
const SETTLE_ITEMS_MIN: usize = 1_024;

/// The first items of a list whose end is not reached yet.
pub(super) struct Ranked<T, F> {
    kept: Vec<T>,
    total: usize,
    page: Page,
    /// Which of two stands first. Never equal for two different ones, so that pages do not overlap.
    order: F,
}

impl<T, F: Fn(&T, &T) -> Ordering> Ranked<T, F> {
    /// Nothing yet of the list that `page` is a page of.
    pub(super) const fn new(page: Page, order: F) -> Self {
        Self { kept: Vec::new(), total: 0, page, order }
    }

    /// Items behind so many are counted and dropped.
    fn keep(&self) -> usize {
        self.page.end().min(REACH_MAX)
    }

    /// Adds an item of the list.
    pub(super) fn push(&mut self, item: T) {
        self.total = self.total.saturating_add(1);
        self.kept.push(item);
        if self.kept.len() >= self.keep().saturating_mul(2).max(SETTLE_ITEMS_MIN) {
            self.settle();
        }
    }

    fn settle(&mut self) {
        self.kept.sort_unstable_by(&self.order);
        self.kept.truncate(self.keep());
    }

    /// The page, each item as `shown`.
    ///
    /// # Errors
    /// The page lies behind [`REACH_MAX`] items.
    pub(super) fn listed<S>(mut self, shown: impl FnMut(T) -> S) -> Result<Listed<S>, Problem> {
        if self.page.start() >= REACH_MAX && self.total > self.page.start() {
            let msg = format!("Only the first {REACH_MAX} items can be paged to; name customers");
            return Err(Fault::new("value_error", ["query".into(), "page".into()], msg).into());
        }
        self.settle();
        let pagination = self.page.pagination(self.total);
        Ok(Listed { items: self.page.items(self.kept).map(shown).collect(), pagination })
    }
}

#[cfg(test)]
mod tests;
