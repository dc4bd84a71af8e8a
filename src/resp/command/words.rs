//! Reading single arguments: names, keys, numbers, times and options.

use crate::id::EXTERNAL_ID_BYTES_MAX;
use crate::id::KEY_BYTES_MAX;
use crate::resp::Span;
use crate::resp::command::Reason;
use crate::resp::command::Request;
use crate::resp::command::RequestError;
use crate::time::Timestamp;

/// `text` in lower case if it fits into `into`; else something that is no name.
pub(super) fn to_lower<'a>(text: &[u8], into: &'a mut [u8]) -> &'a [u8] {
    let Some(lower) = into.get_mut(..text.len()) else { return &[] };
    lower.copy_from_slice(text);
    lower.make_ascii_lowercase();
    lower
}

/// The request of a command that takes no arguments.
pub(super) fn none(
    rest: &[Span],
    command: &'static str,
    request: Request,
) -> Result<Request, RequestError> {
    if rest.is_empty() { Ok(request) } else { Err(RequestError::Arity(command)) }
}

/// Checks the name of a customer, meter, event or property.
#[inline]
pub(super) fn text(buffer: &[u8], span: Span, what: &'static str) -> Result<Span, RequestError> {
    let bytes = span.of(buffer);
    if !bytes.is_empty() && bytes.len() <= EXTERNAL_ID_BYTES_MAX && is_plain(bytes) {
        return Ok(span);
    }
    match why_no_text(bytes) {
        Some(why) => Err(RequestError::BadArgument { what, why }),
        None => Ok(span),
    }
}

/// Whether every byte is ASCII and not NUL, as in nearly every id: eight bytes at a look.
#[inline]
fn is_plain(bytes: &[u8]) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const TOPS: u64 = 0x8080_8080_8080_8080;
    // Taking one from each byte sets the top bit of a zero byte; only a zero byte borrows, so
    // without one nothing else changes a top bit.
    let tops = |word: &[u8; 8]| {
        let word = u64::from_le_bytes(*word);
        (word | word.wrapping_sub(ONES)) & TOPS
    };
    let (words, rest) = bytes.as_chunks::<8>();
    let found = words.iter().fold(0, |found, word| found | tops(word));
    let plain = |byte: &u8| (1..=0x7f).contains(byte);
    match bytes.last_chunk::<8>() {
        // The last eight bytes, some of them a second time, are quicker than up to seven single ones.
        Some(last) => found | tops(last) == 0,
        None => rest.iter().all(plain),
    }
}

#[cold]
fn why_no_text(bytes: &[u8]) -> Option<Reason> {
    if bytes.is_empty() {
        Some(Reason::Empty)
    } else if bytes.len() > EXTERNAL_ID_BYTES_MAX {
        Some(Reason::TextTooLong)
    } else if bytes.contains(&0) {
        Some(Reason::Nul)
    } else if std::str::from_utf8(bytes).is_err() {
        Some(Reason::NotUtf8)
    } else {
        None
    }
}

/// Checks an idempotency key.
#[inline]
pub(super) fn key(buffer: &[u8], span: Span, what: &'static str) -> Result<Span, RequestError> {
    match span.of(buffer).len() {
        0 => Err(RequestError::BadArgument { what, why: Reason::Empty }),
        1..=KEY_BYTES_MAX => Ok(span),
        _ => Err(RequestError::BadArgument { what, why: Reason::KeyTooLong }),
    }
}

/// Reads a whole number.
pub(super) fn integer<T: std::str::FromStr>(
    buffer: &[u8],
    span: Span,
    what: &'static str,
) -> Result<T, RequestError> {
    let text = std::str::from_utf8(span.of(buffer)).ok();
    text.and_then(|text| text.parse().ok())
        .ok_or(RequestError::BadArgument { what, why: Reason::NotAnInteger })
}

/// Reads an instant.
pub(super) fn time(
    buffer: &[u8],
    span: Span,
    what: &'static str,
) -> Result<Timestamp, RequestError> {
    let text = std::str::from_utf8(span.of(buffer))
        .map_err(|_| RequestError::BadArgument { what, why: Reason::NotUtf8 })?;
    Timestamp::parse(text)
        .map_err(|error| RequestError::BadArgument { what, why: Reason::Time(error) })
}

/// The options behind the fixed arguments of a command, one after the other.
pub(super) struct Options<'a> {
    buffer: &'a [u8],
    rest: &'a [Span],
}

impl<'a> Options<'a> {
    #[inline]
    pub(super) const fn new(buffer: &'a [u8], rest: &'a [Span]) -> Self {
        Self { buffer, rest }
    }

    /// The name of the next option: its place and its text.
    #[inline]
    pub(super) fn name(&mut self) -> Option<(Span, &'a [u8])> {
        let (name, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some((*name, name.of(self.buffer)))
    }

    /// The value of the option `what`, as it was sent.
    #[inline]
    pub(super) fn raw(&mut self, what: &'static str) -> Result<Span, RequestError> {
        let Some((value, rest)) = self.rest.split_first() else {
            return Err(RequestError::BadArgument { what, why: Reason::NoValue });
        };
        self.rest = rest;
        Ok(*value)
    }

    /// The value of the option `what`, which `read` checks.
    #[inline]
    pub(super) fn value<T>(
        &mut self,
        what: &'static str,
        read: impl FnOnce(&[u8], Span, &'static str) -> Result<T, RequestError>,
    ) -> Result<T, RequestError> {
        let value = self.raw(what)?;
        read(self.buffer, value, what)
    }
}

/// Keeps the value of the option `what`, which must not have one yet.
#[inline]
pub(super) fn set_once<T>(
    slot: &mut Option<T>,
    value: T,
    what: &'static str,
) -> Result<(), RequestError> {
    match slot.replace(value) {
        Some(_) => Err(RequestError::BadArgument { what, why: Reason::Repeated }),
        None => Ok(()),
    }
}
