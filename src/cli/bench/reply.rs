//! Reads the replies that the load generator expects, in place and without allocating.
//!
//! It knows texts, errors, integers and pairs of them; anything else is a protocol error.

use super::error::BenchError;

/// Longest reply that is waited for.
const REPLY_BYTES_MAX: usize = 1 << 16;

/// How the pair of nearly every command begins.
const APPLIED: &[u8; 13] = b"$7\r\napplied\r\n";

/// What the server did with a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The balance moved.
    Applied,
    /// The balance did not cover it.
    Refused,
    /// The key was used before, by a command that was applied.
    Duplicate,
    /// The key was used before, by a command that was refused.
    DuplicateRefused,
}

impl Verdict {
    /// The verdict that `text` names.
    pub(super) fn named(text: &[u8]) -> Result<Self, BenchError> {
        match text {
            b"applied" => Ok(Self::Applied),
            b"refused" => Ok(Self::Refused),
            b"duplicate" => Ok(Self::Duplicate),
            b"duplicate-refused" => Ok(Self::DuplicateRefused),
            other => Err(unexpected("a verdict", other)),
        }
    }
}

/// One whole reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reply<'a> {
    /// A simple string, a bulk string or an integer.
    Text(&'a [u8]),
    /// An array of two texts: verdict and balance.
    Pair(&'a [u8], &'a [u8]),
    /// An error, code first.
    Error(&'a [u8]),
}

/// One line of the protocol and what belongs to it.
enum Item<'a> {
    Text(&'a [u8]),
    Error(&'a [u8]),
    Array(usize),
}

/// Length of the reply at the start of `buffer`, if it is a whole `applied` and its balance.
pub(super) fn applied_len(buffer: &[u8]) -> Option<usize> {
    let pair = buffer.strip_prefix(b"*2\r\n")?;
    applied_pair_len(pair).map(|length| length + 4)
}

/// [`applied_len`] for a pair among others in the answer to a batched call.
///
/// This is all that is done for nearly every reply, hence without regard for anything else.
pub(super) fn applied_pair_len(buffer: &[u8]) -> Option<usize> {
    let (head, rest) = buffer.split_first_chunk::<13>()?;
    if head != APPLIED {
        return None;
    }
    let balance = match rest {
        [b'$', digit @ b'0'..=b'9', b'\r', ..] => usize::from(digit & 0x0f) + 6,
        [b'$', ten @ b'0'..=b'9', one @ b'0'..=b'9', b'\r', ..] => {
            usize::from(ten & 0x0f) * 10 + usize::from(one & 0x0f) + 7
        }
        [b':', rest @ ..] => rest.iter().take(24).position(|&byte| byte == b'\n')? + 2,
        _ => return None,
    };
    (rest.get(balance - 1) == Some(&b'\n')).then_some(APPLIED.len() + balance)
}

/// The reply at the start of `buffer` and its length; `None` while it is not whole.
pub(super) fn read_reply(buffer: &[u8]) -> Result<Option<(Reply<'_>, usize)>, BenchError> {
    let Some((first, at)) = read_item(buffer, 0)? else { return Ok(None) };
    match first {
        Item::Text(text) => Ok(Some((Reply::Text(text), at))),
        Item::Error(text) => Ok(Some((Reply::Error(text), at))),
        Item::Array(2) => read_pair(buffer, at),
        Item::Array(_) => Err(unexpected("a text or a pair", buffer)),
    }
}

/// The pair at `at`, among others or behind its own head, and where it ends.
pub(super) fn read_pair(
    buffer: &[u8],
    at: usize,
) -> Result<Option<(Reply<'_>, usize)>, BenchError> {
    let Some((first, at)) = read_item(buffer, at)? else { return Ok(None) };
    let Some((second, at)) = read_item(buffer, at)? else { return Ok(None) };
    match (first, second) {
        (Item::Text(first), Item::Text(second)) => Ok(Some((Reply::Pair(first, second), at))),
        _ => Err(unexpected("a pair of texts", buffer)),
    }
}

/// What stands before the pairs of one batched call, which are one flat array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CallHead<'a> {
    /// The call was made; its pairs follow.
    Made,
    /// The call failed as a whole.
    Error(&'a [u8]),
}

/// The head of the answer to a call of `commands`, and its length; `None` while it is not whole.
pub(super) fn read_call_head(
    buffer: &[u8],
    commands: usize,
) -> Result<Option<(CallHead<'_>, usize)>, BenchError> {
    match read_item(buffer, 0)? {
        None => Ok(None),
        Some((Item::Array(count), at)) if count == 2 * commands => Ok(Some((CallHead::Made, at))),
        Some((Item::Error(text), at)) => Ok(Some((CallHead::Error(text), at))),
        Some(_) => Err(unexpected("the answer to a batch", buffer)),
    }
}

fn read_item(buffer: &[u8], at: usize) -> Result<Option<(Item<'_>, usize)>, BenchError> {
    let rest = buffer.get(at..).unwrap_or(&[]);
    let Some(end) = memchr::memchr(b'\n', rest) else {
        return if rest.len() > REPLY_BYTES_MAX {
            Err(unexpected("a line", rest))
        } else {
            Ok(None)
        };
    };
    let line = rest.get(..end).unwrap_or(&[]);
    let Some((kind, [text @ .., b'\r'])) = line.split_first() else {
        return Err(unexpected("a reply", rest));
    };
    let next = at + end + 1;
    match kind {
        b'+' | b':' => Ok(Some((Item::Text(text), next))),
        b'-' => Ok(Some((Item::Error(text), next))),
        b'*' => Ok(Some((Item::Array(length(text)?), next))),
        b'$' => {
            let length = length(text)?;
            let body = buffer.get(next..next + length);
            let whole = buffer.get(next + length..next + length + 2);
            Ok(body.zip(whole).map(|(body, _)| (Item::Text(body), next + length + 2)))
        }
        _ => Err(unexpected("a reply", rest)),
    }
}

fn length(text: &[u8]) -> Result<usize, BenchError> {
    std::str::from_utf8(text)
        .ok()
        .and_then(|text| text.parse().ok())
        .filter(|&length| length <= REPLY_BYTES_MAX)
        .ok_or_else(|| unexpected("a length", text))
}

/// The error code at the start of an error's text: `BADARG` of `BADARG units: zero`.
pub(super) fn error_code(text: &[u8]) -> String {
    let end = text.iter().position(|&byte| byte == b' ').unwrap_or(text.len());
    String::from_utf8_lossy(text.get(..end).unwrap_or(text)).into_owned()
}

/// The error for a server that does not answer as the interface says.
pub(super) fn unexpected(wanted: &'static str, found: &[u8]) -> BenchError {
    let shown = found.get(..found.len().min(80)).unwrap_or(found);
    BenchError::Unexpected { wanted, found: shown.escape_ascii().to_string() }
}

#[cfg(test)]
mod tests;
