//! Why a command is no request, and how that reads in an error reply.

use std::fmt;

use crate::id::EXTERNAL_ID_BYTES_MAX;
use crate::id::KEY_BYTES_MAX;
use crate::resp::Span;
use crate::time::TimestampError;
use crate::units::UnitsError;

/// Why a command is no request. It changed nothing and took no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// No command has this name.
    #[error("unknown command")]
    UnknownCommand(Span),
    /// The command has no such subcommand.
    #[error("unknown subcommand of '{command}'")]
    UnknownSubcommand {
        /// The command, in lower case.
        command: &'static str,
        /// What stood there.
        subcommand: Span,
    },
    /// Too few or too many arguments.
    #[error("wrong number of arguments for '{0}' command")]
    Arity(&'static str),
    /// An option that the command does not have.
    #[error("unknown option")]
    UnknownOption(Span),
    /// An argument that cannot be what it should be.
    #[error("{what}: {why}")]
    BadArgument {
        /// Which one.
        what: &'static str,
        /// What is wrong with it.
        why: Reason,
    },
    /// `HELLO` with a version that is neither 2 nor 3.
    #[error("unsupported protocol version")]
    UnsupportedProtocol,
}

/// What is wrong with an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// Nothing between the quotes.
    #[error("empty")]
    Empty,
    /// A key beyond its limit.
    #[error("more than {KEY_BYTES_MAX} bytes")]
    KeyTooLong,
    /// A name or id beyond its limit.
    #[error("more than {EXTERNAL_ID_BYTES_MAX} bytes")]
    TextTooLong,
    /// Bytes that are no text.
    #[error("not UTF-8")]
    NotUtf8,
    /// A zero byte, which no database keeps.
    #[error("contains NUL")]
    Nul,
    /// Not a whole number, or out of range.
    #[error("not an integer or out of range")]
    NotAnInteger,
    /// No amount.
    #[error(transparent)]
    Units(#[from] UnitsError),
    /// No time.
    #[error(transparent)]
    Time(#[from] TimestampError),
    /// An option without its value.
    #[error("no value given")]
    NoValue,
    /// An option that stands there twice.
    #[error("given more than once")]
    Repeated,
}

/// Bytes of a caller's word that an error repeats.
const QUOTED_BYTES_MAX: usize = 64;

impl RequestError {
    /// The error code of the reply.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownCommand(_) | Self::UnknownSubcommand { .. } | Self::Arity(_) => "ERR",
            Self::UnknownOption(_) | Self::BadArgument { .. } => "BADARG",
            Self::UnsupportedProtocol => "NOPROTO",
        }
    }

    /// The message of the reply, which quotes what the caller wrote in `buffer`.
    #[must_use]
    pub const fn message<'a>(&'a self, buffer: &'a [u8]) -> RequestMessage<'a> {
        RequestMessage { error: self, buffer }
    }
}

/// A [`RequestError`] with the words it is about.
#[derive(Debug, Clone, Copy)]
pub struct RequestMessage<'a> {
    error: &'a RequestError,
    buffer: &'a [u8],
}

impl fmt::Display for RequestMessage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)?;
        match self.error {
            RequestError::UnknownCommand(word)
            | RequestError::UnknownSubcommand { subcommand: word, .. }
            | RequestError::UnknownOption(word) => {
                let word = word.of(self.buffer);
                let quoted = word.get(..QUOTED_BYTES_MAX).unwrap_or(word);
                write!(f, " '{}'", quoted.escape_ascii())
            }
            RequestError::Arity(_)
            | RequestError::BadArgument { .. }
            | RequestError::UnsupportedProtocol => Ok(()),
        }
    }
}
