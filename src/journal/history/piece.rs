//! What one segment holds of a history.

use std::io;

use crate::id::{CustomerNumber, Seq};
use crate::journal::history::files::{Lines, Segment};
use crate::journal::history::{Line, NameSeen, index};
use crate::time::Timestamp;

/// A part of the history: what one segment holds.
#[derive(Clone, Copy)]
pub struct Piece<'a> {
    segment: &'a Segment,
}

impl<'a> Piece<'a> {
    /// What `segment` holds.
    pub(super) const fn of(segment: &'a Segment) -> Self {
        Self { segment }
    }

    /// How many lines it has.
    #[must_use]
    pub fn lines(self) -> u64 {
        match &self.segment.lines {
            Lines::Sealed(index) => index.lines(),
            Lines::Open(draft) => u64::try_from(draft.lines.len()).unwrap_or(u64::MAX),
        }
    }

    /// Its names; [`Line::name`] is a place in them. Some may have no line.
    #[must_use]
    pub fn names(self) -> &'a [NameSeen] {
        match &self.segment.lines {
            Lines::Sealed(index) => &index.names,
            Lines::Open(draft) => &draft.names,
        }
    }

    /// The earliest and the latest time of its lines.
    #[must_use]
    pub fn times(self) -> (Timestamp, Timestamp) {
        match &self.segment.lines {
            Lines::Sealed(index) => index.times(),
            Lines::Open(draft) => index::times(&draft.names),
        }
    }

    fn first(self) -> Seq {
        self.segment.extent.map_or(Seq::ZERO, |held| held.first)
    }

    /// Adds the lines of `customer`, in the order of the journal.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn lines_of(self, customer: CustomerNumber, into: &mut Vec<Line>) -> io::Result<()> {
        match &self.segment.lines {
            Lines::Sealed(index) => index.lines_of(self.first(), customer, into),
            Lines::Open(draft) => {
                let places = draft.by_customer.get(&customer).map_or([].as_slice(), Vec::as_slice);
                let line = |place: &u32| draft.lines.get(usize::try_from(*place).ok()?).copied();
                into.extend(places.iter().filter_map(line));
                Ok(())
            }
        }
    }

    /// Tells every line, in no particular order.
    ///
    /// # Errors
    /// The index cannot be read.
    pub fn each_line(self, each: &mut dyn FnMut(Line)) -> io::Result<()> {
        match &self.segment.lines {
            Lines::Sealed(index) => index.each_line(self.first(), each),
            Lines::Open(draft) => {
                draft.lines.iter().copied().for_each(each);
                Ok(())
            }
        }
    }
}
