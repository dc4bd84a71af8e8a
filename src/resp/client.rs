//! The client's end: commands as bytes, replies out of bytes.
//!
//! It reads what any Redis server may send in RESP2 and RESP3 except streamed types, which none
//! sends. It opens no connection.

use crate::resp::Limits;
use crate::resp::RespError;
use crate::resp::reply::write_array;
use crate::resp::reply::write_bulk;

/// How deep arrays of a reply may lie within each other. `COMMAND` needs five.
pub const REPLY_DEPTH_MAX: usize = 16;

/// One reply. Attributes are read over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// A short text such as `OK`.
    Simple(Vec<u8>),
    /// An error: code and message.
    Error(Vec<u8>),
    /// A whole number.
    Integer(i64),
    /// Bytes. A verbatim text is one too, without its three letters of format.
    Bulk(Vec<u8>),
    /// No value.
    Null,
    /// Replies in order.
    Array(Vec<Self>),
    /// Keys and values in the order in which they came.
    Map(Vec<(Self, Self)>),
    /// Replies in any order.
    Set(Vec<Self>),
    /// Truth.
    Boolean(bool),
    /// The text of a floating-point number, which nobody here computes with.
    Double(Vec<u8>),
    /// The text of a whole number of any size.
    BigNumber(Vec<u8>),
    /// Something the server says unasked.
    Push(Vec<Self>),
}

/// Appends one command.
pub fn write_command(out: &mut Vec<u8>, arguments: &[&[u8]]) {
    write_array(out, arguments.len());
    for argument in arguments {
        write_bulk(out, argument);
    }
}

/// Reads the reply at `at`: the reply and where the next one begins, or nothing as long as the rest
/// has not come.
///
/// # Errors
/// Bytes that are no reply, or one beyond `limits` or nested deeper than [`REPLY_DEPTH_MAX`].
pub fn read_reply(
    buffer: &[u8],
    at: usize,
    limits: &Limits,
) -> Result<Option<(Reply, usize)>, RespError> {
    let unread = buffer.get(at..).unwrap_or(&[]);
    let frame = unread.get(..limits.frame_bytes_max).unwrap_or(unread);
    let mut reader = Reader { rest: frame, limits };
    match reader.reply(0) {
        Ok(reply) => {
            let read = frame.len().saturating_sub(reader.rest.len());
            Ok(Some((reply, at.saturating_add(read))))
        }
        Err(Stop::Incomplete) if frame.len() < unread.len() => {
            Err(RespError::FrameTooLong { max: limits.frame_bytes_max })
        }
        Err(Stop::Incomplete) => Ok(None),
        Err(Stop::Bad(error)) => Err(error),
    }
}

/// Why reading went no further.
enum Stop {
    Incomplete,
    Bad(RespError),
}

impl From<RespError> for Stop {
    fn from(error: RespError) -> Self {
        Self::Bad(error)
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    limits: &'a Limits,
}

impl<'a> Reader<'a> {
    fn reply(&mut self, depth: usize) -> Result<Reply, Stop> {
        if depth > REPLY_DEPTH_MAX {
            return Err(RespError::TooDeep.into());
        }
        let (kind, rest) = self.rest.split_first().ok_or(Stop::Incomplete)?;
        self.rest = rest;
        match kind {
            b'+' => Ok(Reply::Simple(self.line()?.to_vec())),
            b'-' => Ok(Reply::Error(self.line()?.to_vec())),
            b':' => Ok(Reply::Integer(number(self.line()?)?)),
            b'$' => Ok(self.bulk()?.map_or(Reply::Null, |bytes| Reply::Bulk(bytes.to_vec()))),
            b'!' => {
                let text = self.bulk()?.ok_or(RespError::BadLength)?;
                Ok(Reply::Error(text.to_vec()))
            }
            b'=' => match self.bulk()?.ok_or(RespError::BadLength)? {
                [_, _, _, b':', text @ ..] => Ok(Reply::Bulk(text.to_vec())),
                _ => Err(RespError::BadValue.into()),
            },
            b'_' => match self.line()? {
                [] => Ok(Reply::Null),
                _ => Err(RespError::BadValue.into()),
            },
            b'#' => match self.line()? {
                b"t" => Ok(Reply::Boolean(true)),
                b"f" => Ok(Reply::Boolean(false)),
                _ => Err(RespError::BadValue.into()),
            },
            b',' => Ok(Reply::Double(self.line()?.to_vec())),
            b'(' => Ok(Reply::BigNumber(self.line()?.to_vec())),
            b'*' => match self.length(self.limits.arguments_max)? {
                Some(length) => Ok(Reply::Array(self.replies(length, depth)?)),
                None => Ok(Reply::Null),
            },
            b'~' => {
                let length = self.count()?;
                Ok(Reply::Set(self.replies(length, depth)?))
            }
            b'>' => {
                let length = self.count()?;
                Ok(Reply::Push(self.replies(length, depth)?))
            }
            b'%' => Ok(Reply::Map(self.pairs(depth)?)),
            b'|' => {
                self.pairs(depth)?;
                self.reply(depth.saturating_add(1))
            }
            kind => Err(RespError::UnknownType(*kind).into()),
        }
    }

    fn replies(&mut self, length: usize, depth: usize) -> Result<Vec<Reply>, Stop> {
        // Room grows with what has really come, whatever was announced.
        let mut replies = Vec::new();
        for _ in 0..length {
            replies.push(self.reply(depth.saturating_add(1))?);
        }
        Ok(replies)
    }

    fn pairs(&mut self, depth: usize) -> Result<Vec<(Reply, Reply)>, Stop> {
        let length = self.count()?;
        let mut pairs = Vec::new();
        for _ in 0..length {
            let key = self.reply(depth.saturating_add(1))?;
            pairs.push((key, self.reply(depth.saturating_add(1))?));
        }
        Ok(pairs)
    }

    /// What stands before the next line end.
    fn line(&mut self) -> Result<&'a [u8], Stop> {
        let bytes_max = self.limits.bulk_bytes_max;
        let Some(end) = memchr::memchr2(b'\r', b'\n', self.rest) else {
            if self.rest.len() > bytes_max {
                return Err(RespError::BulkTooLong { max: bytes_max }.into());
            }
            return Err(Stop::Incomplete);
        };
        let (line, end) = self.rest.split_at_checked(end).ok_or(Stop::Incomplete)?;
        match end {
            [b'\r', b'\n', rest @ ..] => self.rest = rest,
            [b'\r'] => return Err(Stop::Incomplete),
            _ => return Err(RespError::BadValue.into()),
        }
        if line.len() > bytes_max {
            return Err(RespError::BulkTooLong { max: bytes_max }.into());
        }
        Ok(line)
    }

    /// A length up to `max`, or the -1 that RESP2 writes for no value.
    fn length(&mut self, max: usize) -> Result<Option<usize>, Stop> {
        let line = self.line()?;
        if line == b"-1" {
            return Ok(None);
        }
        if !line.first().is_some_and(u8::is_ascii_digit) {
            return Err(RespError::BadLength.into());
        }
        let length = number(line).map_err(|_| RespError::BadLength)?;
        let length = usize::try_from(length).map_err(|_| RespError::BadLength)?;
        if length > max {
            return Err(RespError::TooManyArguments { max }.into());
        }
        Ok(Some(length))
    }

    fn count(&mut self) -> Result<usize, Stop> {
        Ok(self.length(self.limits.arguments_max)?.ok_or(RespError::BadLength)?)
    }

    fn bulk(&mut self) -> Result<Option<&'a [u8]>, Stop> {
        let max = self.limits.bulk_bytes_max;
        let length = match self.length(max) {
            Ok(Some(length)) => length,
            Ok(None) => return Ok(None),
            Err(Stop::Bad(RespError::TooManyArguments { max })) => {
                return Err(RespError::BulkTooLong { max }.into());
            }
            Err(stop) => return Err(stop),
        };
        let (bytes, end) = self.rest.split_at_checked(length).ok_or(Stop::Incomplete)?;
        match end {
            [b'\r', b'\n', rest @ ..] => self.rest = rest,
            [] | [b'\r'] => return Err(Stop::Incomplete),
            _ => return Err(RespError::Unterminated.into()),
        }
        Ok(Some(bytes))
    }
}

fn number(text: &[u8]) -> Result<i64, RespError> {
    let text = std::str::from_utf8(text).map_err(|_| RespError::BadValue)?;
    text.parse().map_err(|_| RespError::BadValue)
}

/// Where the reply after the one at `at` begins, found without reading what it says.
///
/// Nothing when the rest of it has not come; nothing as well when it is no reply, which
/// [`read_reply`] tells apart.
#[must_use]
pub fn skip_reply(buffer: &[u8], at: usize) -> Option<usize> {
    let mut rest = buffer.get(at..)?;
    let mut missing = 1_u64;
    while let Some(fewer) = missing.checked_sub(1) {
        missing = fewer;
        // What most replies are made of: short arrays and short bulk strings.
        match rest {
            [b'$', digit @ b'0'..=b'9', b'\r', b'\n', after @ ..] => {
                rest = after.get(usize::from(digit & 0x0f).wrapping_add(2)..)?;
                continue;
            }
            [b'*', digit @ b'0'..=b'9', b'\r', b'\n', after @ ..] => {
                missing = missing.checked_add(u64::from(digit & 0x0f))?;
                rest = after;
                continue;
            }
            _ => {}
        }
        let (kind, line) = rest.split_first()?;
        let end = memchr::memchr(b'\n', line)?;
        let (line, after) = line.split_at_checked(end.checked_add(1)?)?;
        rest = after;
        match kind {
            b'+' | b'-' | b':' | b'_' | b'#' | b',' | b'(' => {}
            // What RESP2 writes for no value.
            b'$' | b'*' if line == b"-1\r\n" => {}
            b'$' | b'!' | b'=' => {
                let length = usize::try_from(skipped_length(line)?).ok()?;
                rest = rest.get(length.checked_add(2)?..)?;
            }
            b'*' | b'~' | b'>' => missing = missing.checked_add(skipped_length(line)?)?,
            b'%' => missing = missing.checked_add(skipped_length(line)?.checked_mul(2)?)?,
            b'|' => {
                let replies = skipped_length(line)?.checked_mul(2)?.checked_add(1)?;
                missing = missing.checked_add(replies)?;
            }
            _ => return None,
        }
    }
    Some(buffer.len().saturating_sub(rest.len()))
}

/// The length on a `line` that ends with its line end.
#[inline]
fn skipped_length(line: &[u8]) -> Option<u64> {
    match line {
        [digit @ b'0'..=b'9', b'\r', b'\n'] => Some(u64::from(digit & 0x0f)),
        [digits @ .., b'\r', b'\n'] if !digits.is_empty() => {
            digits.iter().try_fold(0_u64, |length, byte| {
                let digit = byte.is_ascii_digit().then_some(u64::from(byte & 0x0f))?;
                length.checked_mul(10)?.checked_add(digit)
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
