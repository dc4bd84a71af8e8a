//! RESP, the Redis protocol, versions 2 and 3, without sockets: limits and errors.
//!
//! Bytes become a command ([`frame`]), a command a typed request ([`command`]), an answer bytes
//! ([`reply`]); [`handshake`] answers what stock clients ask when they connect, [`client`] is the
//! other end. Nothing here does I/O, knows a customer, or allocates by a length that the other side
//! announced.

#![deny(clippy::arithmetic_side_effects)]

pub mod client;
pub mod command;
pub mod frame;
pub mod handshake;
pub mod reply;

pub use crate::span::Span;

/// How much one command or reply may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most arguments of a command, its name counted; most elements of an array in a reply.
    pub arguments_max: usize,
    /// Longest bulk string, in bytes.
    pub bulk_bytes_max: usize,
    /// Longest command or reply as it is sent, in bytes.
    pub frame_bytes_max: usize,
}

impl Limits {
    /// For a connection that has not shown a token.
    pub const BEFORE_AUTH: Self =
        Self { arguments_max: 8, bulk_bytes_max: 1_024, frame_bytes_max: 16 * 1_024 };

    /// For a connection that has shown a token.
    pub const AFTER_AUTH: Self = Self {
        arguments_max: 1_024,
        bulk_bytes_max: 1_024 * 1_024,
        frame_bytes_max: 16 * 1_024 * 1_024,
    };

    /// For what a client reads.
    pub const REPLY: Self = Self {
        arguments_max: 1_024 * 1_024,
        bulk_bytes_max: 64 * 1_024 * 1_024,
        frame_bytes_max: 256 * 1_024 * 1_024,
    };
}

/// The arguments of one command, its name first. One list is reused for all commands of a
/// connection.
pub type Arguments = Vec<Span>;

/// Which version a connection speaks; 2 until `HELLO 3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Protocol {
    /// RESP2: maps and sets are sent as flat arrays.
    #[default]
    Resp2,
    /// RESP3.
    Resp3,
}

impl Protocol {
    /// The protocol that `HELLO version` asks for.
    #[must_use]
    pub const fn from_version(version: u8) -> Option<Self> {
        match version {
            2 => Some(Self::Resp2),
            3 => Some(Self::Resp3),
            _ => None,
        }
    }

    /// Its number in `HELLO`.
    #[must_use]
    pub const fn version(self) -> u8 {
        match self {
            Self::Resp2 => 2,
            Self::Resp3 => 3,
        }
    }
}

/// The bytes are not RESP, or go beyond a limit. The stream has no next command to find: answer
/// `-ERR Protocol error: ...` and close.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RespError {
    /// Something else than the only byte that may stand here: an inline command, an HTTP request.
    #[error("expected '{}', got '{}'", .wanted.escape_ascii(), .found.escape_ascii())]
    Expected {
        /// What should stand here.
        wanted: u8,
        /// What does.
        found: u8,
    },
    /// A reply of a type that RESP does not have.
    #[error("unknown type '{}'", .0.escape_ascii())]
    UnknownType(u8),
    /// Not a number where a length must be, or a number where none can be so long.
    #[error("invalid length")]
    BadLength,
    /// Not what its type says: an integer, a boolean, a text.
    #[error("invalid value")]
    BadValue,
    /// A bulk string that does not end where it said.
    #[error("expected a line end after a bulk string")]
    Unterminated,
    /// An array within a command.
    #[error("nested array in a command")]
    Nested,
    /// Arrays within arrays of a reply, deeper than any answer.
    #[error("nested too deeply")]
    TooDeep,
    /// More arguments than the limit.
    #[error("more than {max} arguments")]
    TooManyArguments {
        /// The limit.
        max: usize,
    },
    /// A bulk string longer than the limit.
    #[error("bulk string of more than {max} bytes")]
    BulkTooLong {
        /// The limit, in bytes.
        max: usize,
    },
    /// Within the other limits, but too long altogether.
    #[error("more than {max} bytes in one frame")]
    FrameTooLong {
        /// The limit, in bytes.
        max: usize,
    },
}

#[cfg(test)]
mod tests;
