//! Commands as they are sent: an array of bulk strings, read in one pass without copying.
//!
//! A pass over the bytes of an unfinished command is repeated when more of it has come. That costs
//! little, since payloads are skipped by their length.

use crate::resp::Arguments;
use crate::resp::Limits;
use crate::resp::RespError;
use crate::resp::Span;

/// How far [`read_command`] came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// A whole command.
    Command {
        /// Where the next one begins, in bytes from the beginning of the buffer.
        next: usize,
    },
    /// The rest has not come yet; nothing is wrong so far.
    Incomplete,
}

/// Digits of the longest length that is read; longer ones are beyond any limit.
const LENGTH_DIGITS_MAX: usize = 10;

/// Reads the command at `at` in one pass: `arguments` is cleared and filled with its arguments'
/// places, relative to the beginning of `buffer`. After [`Progress::Incomplete`] and after an error
/// what it holds means nothing.
///
/// A command without arguments (`*0`) is one that is to be ignored.
///
/// # Errors
/// Bytes that are no array of bulk strings, and whatever goes beyond `limits`, as soon as it is
/// announced.
#[inline]
pub fn read_command(
    buffer: &[u8],
    at: usize,
    limits: &Limits,
    arguments: &mut Arguments,
) -> Result<Progress, RespError> {
    arguments.clear();
    let Some((count, mut rest)) = read_length(buffer.get(at..).unwrap_or(&[]), b'*')? else {
        return Ok(Progress::Incomplete);
    };
    if count > limits.arguments_max {
        return Err(RespError::TooManyArguments { max: limits.arguments_max });
    }
    // Places are 32 bits wide, so no limit may let a frame reach beyond them.
    let end_max = at.saturating_add(limits.frame_bytes_max).min(u32::MAX as usize);
    for _ in 0..count {
        let Some((length, payload)) = read_length(rest, b'$')? else {
            return Ok(Progress::Incomplete);
        };
        if length > limits.bulk_bytes_max {
            return Err(RespError::BulkTooLong { max: limits.bulk_bytes_max });
        }
        let start = buffer.len().wrapping_sub(payload.len());
        let end = start.saturating_add(length);
        if end > end_max {
            return Err(RespError::FrameTooLong { max: limits.frame_bytes_max });
        }
        rest = match payload.get(length..) {
            Some([b'\r', b'\n', rest @ ..]) => rest,
            None | Some([] | [b'\r']) => return Ok(Progress::Incomplete),
            Some(_) => return Err(RespError::Unterminated),
        };
        arguments.push(span(start, end));
    }
    Ok(Progress::Command { next: buffer.len().wrapping_sub(rest.len()) })
}

/// A place that was checked to lie within 32 bits.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the caller holds both to 32 bits")]
const fn span(start: usize, end: usize) -> Span {
    Span { start: start as u32, end: end as u32 }
}

/// Reads `marker`, a length and a line end: the length and what follows, or nothing as long as the
/// line end has not come.
///
/// # Errors
/// Another byte than the marker, or no length.
#[inline]
pub(super) fn read_length(bytes: &[u8], marker: u8) -> Result<Option<(usize, &[u8])>, RespError> {
    // Nearly every length has one or two digits.
    if let [first, digit, b'\r', b'\n', rest @ ..] = bytes
        && *first == marker
        && digit.is_ascii_digit()
    {
        return Ok(Some((usize::from(digit & 0x0f), rest)));
    }
    if let [first, tens, ones, b'\r', b'\n', rest @ ..] = bytes
        && *first == marker
        && tens.is_ascii_digit()
        && ones.is_ascii_digit()
    {
        let tens = usize::from(tens & 0x0f).wrapping_mul(10);
        return Ok(Some((tens.wrapping_add(usize::from(ones & 0x0f)), rest)));
    }
    read_any_length(bytes, marker)
}

#[inline(never)]
fn read_any_length(bytes: &[u8], marker: u8) -> Result<Option<(usize, &[u8])>, RespError> {
    let Some((&found, digits)) = bytes.split_first() else { return Ok(None) };
    if found != marker {
        return Err(match (marker, found) {
            (b'$', b'*') => RespError::Nested,
            _ => RespError::Expected { wanted: marker, found },
        });
    }
    let longest = digits.iter().take(LENGTH_DIGITS_MAX.saturating_add(1));
    let count = longest.take_while(|byte| byte.is_ascii_digit()).count();
    if count > LENGTH_DIGITS_MAX {
        return Err(RespError::BadLength);
    }
    let (digits, end) = digits.split_at_checked(count).unwrap_or((digits, &[]));
    match end {
        [] => Ok(None),
        [b'\r'] if count > 0 => Ok(None),
        [b'\r', b'\n', rest @ ..] if count > 0 => {
            let length = digits.iter().fold(0_usize, |length, digit| {
                length.saturating_mul(10).saturating_add(usize::from(digit & 0x0f))
            });
            Ok(Some((length, rest)))
        }
        _ => Err(RespError::BadLength),
    }
}

#[cfg(test)]
pub(in crate::resp) mod tests;
