//! Replies as bytes, appended to a connection's write buffer.
//!
//! Nothing here goes through `format!` but error messages, which are bounded and cleaned: whatever
//! a client managed to put into one, it stays one line.

use std::fmt;
use std::fmt::Write;

use rust_decimal::Decimal;

use crate::resp::Protocol;
use crate::resp::RespError;
use crate::resp::command::RequestError;
use crate::units;

/// Longest error reply, in bytes, its code counted.
pub const ERROR_BYTES_MAX: usize = 512;

/// `+OK`
pub const OK: &[u8] = b"+OK\r\n";

/// Appends the reply of every command that changes a balance: an array of the verdict and the
/// balance, both bulk strings, in both protocols.
#[inline]
pub fn write_verdict(out: &mut Vec<u8>, verdict: &'static [u8], balance: Decimal) {
    // The verdicts there are, written in one piece with all that stands before the balance's text.
    let ahead: &[u8] = match verdict {
        b"applied" => b"*2\r\n$7\r\napplied\r\n$0\r\n",
        b"refused" => b"*2\r\n$7\r\nrefused\r\n$0\r\n",
        b"duplicate" => b"*2\r\n$9\r\nduplicate\r\n$0\r\n",
        other => {
            out.extend_from_slice(b"*2\r\n");
            write_bulk(out, other);
            b"$0\r\n"
        }
    };
    write_decimal_after(out, ahead, balance);
}

/// Appends `number` as a bulk string of plain decimal text.
#[inline]
pub fn write_decimal(out: &mut Vec<u8>, number: Decimal) {
    write_decimal_after(out, b"$0\r\n", number);
}

/// Appends `ahead`, which ends with `$0` and a line end, and `number`, whose length replaces the
/// zero.
#[inline]
fn write_decimal_after(out: &mut Vec<u8>, ahead: &[u8], number: Decimal) {
    out.extend_from_slice(ahead);
    let start = out.len();
    units::write_decimal(out, number);
    let length = out.len().saturating_sub(start);
    // The length stands before the text and is known after it. One digit was left free for it; the
    // few texts of ten bytes and more are moved by one.
    let place = start.saturating_sub(3);
    if let Some(tens) = length.checked_div(10).filter(|tens| *tens > 0) {
        out.insert(place, digit(tens));
        if let Some(ones) = out.get_mut(place.saturating_add(1)) {
            *ones = digit(length.wrapping_sub(tens.wrapping_mul(10)));
        }
    } else if let Some(ones) = out.get_mut(place) {
        *ones = digit(length);
    }
    out.extend_from_slice(b"\r\n");
}

/// The last decimal digit of `number`, which has one.
const fn digit(number: usize) -> u8 {
    let [low, ..] = number.to_le_bytes();
    b'0' | (low & 0x0f)
}

/// Appends a bulk string.
#[inline]
pub fn write_bulk(out: &mut Vec<u8>, bytes: &[u8]) {
    write_header(out, b'$', bytes.len());
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

/// Appends a simple string, which our own words are: never text of a caller.
pub fn write_simple(out: &mut Vec<u8>, text: &'static str) {
    out.push(b'+');
    out.extend_from_slice(text.as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Appends an integer.
pub fn write_integer(out: &mut Vec<u8>, number: i64) {
    out.push(b':');
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Appends the absence of a value.
pub fn write_null(out: &mut Vec<u8>, protocol: Protocol) {
    out.extend_from_slice(match protocol {
        Protocol::Resp2 => b"$-1\r\n",
        Protocol::Resp3 => b"_\r\n",
    });
}

/// Appends the absence of an array, which RESP2 writes in another way.
pub fn write_null_array(out: &mut Vec<u8>, protocol: Protocol) {
    out.extend_from_slice(match protocol {
        Protocol::Resp2 => b"*-1\r\n",
        Protocol::Resp3 => b"_\r\n",
    });
}

/// Begins an array of `length` replies, which follow.
pub fn write_array(out: &mut Vec<u8>, length: usize) {
    write_header(out, b'*', length);
}

/// Begins a map of `pairs`, whose keys and values follow in turn.
pub fn write_map(out: &mut Vec<u8>, protocol: Protocol, pairs: usize) {
    match protocol {
        Protocol::Resp2 => write_header(out, b'*', pairs.saturating_mul(2)),
        Protocol::Resp3 => write_header(out, b'%', pairs),
    }
}

/// Begins a set of `length` replies, which follow.
pub fn write_set(out: &mut Vec<u8>, protocol: Protocol, length: usize) {
    match protocol {
        Protocol::Resp2 => write_header(out, b'*', length),
        Protocol::Resp3 => write_header(out, b'~', length),
    }
}

/// Appends `-CODE message`. Control characters become spaces, and what is beyond
/// [`ERROR_BYTES_MAX`] is left out.
pub fn write_error(out: &mut Vec<u8>, code: &'static str, message: impl fmt::Display) {
    out.push(b'-');
    let bytes_max = ERROR_BYTES_MAX.saturating_sub(3);
    let mut line = Line { room: bytes_max, out };
    // `Line` never fails, and a `Display` that does has written what it could.
    let _ = write!(line, "{code} {message}");
    out.extend_from_slice(b"\r\n");
}

/// Appends why a command is no request; its text lies in `buffer`.
pub fn write_request_error(out: &mut Vec<u8>, buffer: &[u8], error: &RequestError) {
    write_error(out, error.code(), error.message(buffer));
}

/// Appends the last reply of a connection that stopped speaking RESP.
pub fn write_protocol_error(out: &mut Vec<u8>, error: &RespError) {
    write_error(out, "ERR", format_args!("Protocol error: {error}"));
}

#[inline]
pub(super) fn write_header(out: &mut Vec<u8>, kind: u8, length: usize) {
    if length < 10 {
        out.extend_from_slice(&[kind, digit(length), b'\r', b'\n']);
        return;
    }
    out.push(kind);
    out.extend_from_slice(itoa::Buffer::new().format(length).as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// One line of bounded length.
struct Line<'a> {
    out: &'a mut Vec<u8>,
    room: usize,
}

impl Write for Line<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            let character = if character.is_control() { ' ' } else { character };
            let Some(room) = self.room.checked_sub(character.len_utf8()) else {
                // Nothing may follow what was left out.
                self.room = 0;
                break;
            };
            self.room = room;
            let mut utf8 = [0_u8; 4];
            self.out.extend_from_slice(character.encode_utf8(&mut utf8).as_bytes());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
