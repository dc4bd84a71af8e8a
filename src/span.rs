//! A part of a text that somebody else holds.

/// A part of a text, by position: `start` is included, `end` is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// Where it begins, in bytes from the beginning of the text.
    pub start: u32,
    /// Where it ends.
    pub end: u32,
}

impl Span {
    /// The bytes at this place of the `text` it was made from; of another one, perhaps none.
    #[must_use]
    #[inline]
    pub fn of<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        // Widening from u32 to usize is exact on every machine this runs on.
        text.get(self.start as usize..self.end as usize).unwrap_or(&[])
    }
}
