//! A small blocking RESP2 client: a handful of commands, every wait bounded.

use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::time::Duration;

/// A server has this long to accept.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A command has this long; a snapshot of a large directory is the longest.
const REPLY_TIMEOUT: Duration = Duration::from_mins(5);

/// Longest line of a reply, in bytes.
const LINE_BYTES_MAX: u64 = 64 * 1024;

/// Longest string in a reply, in bytes.
const STRING_BYTES_MAX: u64 = 1024 * 1024;

/// Most elements of an array in a reply.
const ELEMENTS_MAX: u64 = 1024 * 1024;

/// Deepest nesting of arrays in a reply.
const DEPTH_MAX: u8 = 4;

/// Why a command has no reply.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// Nobody accepts.
    #[error("no server answers at {address}")]
    Connect {
        /// Where.
        address: SocketAddr,
        /// Why not.
        #[source]
        cause: io::Error,
    },
    /// The connection broke, or the wait was too long.
    #[error("the connection broke")]
    Io(#[from] io::Error),
    /// The other side speaks something else.
    #[error("no RESP server: {0}")]
    Protocol(&'static str),
    /// The server answered with this error.
    #[error("the server says: {0}")]
    Refused(String),
}

/// A reply that is no error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    Text(String),
    Integer(i64),
    Null,
    Array(Vec<Self>),
}

impl Reply {
    /// The reply as people read it.
    pub(super) fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Integer(number) => number.to_string(),
            Self::Null => String::new(),
            Self::Array(elements) => {
                elements.into_iter().map(Self::into_text).collect::<Vec<_>>().join("\t")
            }
        }
    }
}

/// A connection to a server.
#[derive(Debug)]
pub(super) struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    pub(super) fn open(address: SocketAddr) -> Result<Self, ConnectionError> {
        let stream = TcpStream::connect_timeout(&address, CONNECT_TIMEOUT)
            .map_err(|cause| ConnectionError::Connect { address, cause })?;
        stream.set_read_timeout(Some(REPLY_TIMEOUT))?;
        stream.set_write_timeout(Some(REPLY_TIMEOUT))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Sends a command and waits for its reply.
    pub(super) fn ask(&mut self, arguments: &[&str]) -> Result<Reply, ConnectionError> {
        let mut request = Vec::new();
        write!(request, "*{}\r\n", arguments.len())?;
        for argument in arguments {
            write!(request, "${}\r\n{argument}\r\n", argument.len())?;
        }
        self.stream.get_mut().write_all(&request)?;
        self.read(DEPTH_MAX)
    }

    fn read(&mut self, depth_left: u8) -> Result<Reply, ConnectionError> {
        let line = self.read_line()?;
        let mut letters = line.chars();
        let kind = letters.next();
        let rest = letters.as_str();
        match kind {
            Some('+') => Ok(Reply::Text(rest.to_owned())),
            Some('-') => Err(ConnectionError::Refused(rest.to_owned())),
            Some(':') => match rest.parse() {
                Ok(number) => Ok(Reply::Integer(number)),
                Err(_) => Err(ConnectionError::Protocol("an integer that is none")),
            },
            Some('$') => match length(rest, STRING_BYTES_MAX)? {
                Some(bytes) => self.read_string(bytes),
                None => Ok(Reply::Null),
            },
            Some('*') => match length(rest, ELEMENTS_MAX)? {
                Some(elements) => self.read_array(elements, depth_left),
                None => Ok(Reply::Null),
            },
            Some(_) | None => Err(ConnectionError::Protocol("an unknown kind of reply")),
        }
    }

    fn read_line(&mut self) -> Result<String, ConnectionError> {
        let mut line = Vec::new();
        (&mut self.stream).take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Err(ConnectionError::Io(io::ErrorKind::UnexpectedEof.into()));
        }
        match line.strip_suffix(b"\r\n") {
            Some(text) => Ok(String::from_utf8_lossy(text).into_owned()),
            None => Err(ConnectionError::Protocol("a line without its end")),
        }
    }

    fn read_string(&mut self, bytes: u64) -> Result<Reply, ConnectionError> {
        let mut text = Vec::new();
        (&mut self.stream).take(bytes.saturating_add(2)).read_to_end(&mut text)?;
        match text.strip_suffix(b"\r\n") {
            Some(text) if u64::try_from(text.len()) == Ok(bytes) => {
                Ok(Reply::Text(String::from_utf8_lossy(text).into_owned()))
            }
            Some(_) | None => Err(ConnectionError::Protocol("a string without its end")),
        }
    }

    fn read_array(&mut self, elements: u64, depth_left: u8) -> Result<Reply, ConnectionError> {
        let depth_left =
            depth_left.checked_sub(1).ok_or(ConnectionError::Protocol("arrays too deep"))?;
        // Grows by what arrives: an announced length is only a promise.
        let mut array = Vec::new();
        for _ in 0..elements {
            array.push(self.read(depth_left)?);
        }
        Ok(Reply::Array(array))
    }
}

/// A length within its limit; `None` is RESP2's null.
fn length(text: &str, max: u64) -> Result<Option<u64>, ConnectionError> {
    if text == "-1" {
        return Ok(None);
    }
    match text.parse() {
        Ok(length) if length <= max => Ok(Some(length)),
        Ok(_) | Err(_) => Err(ConnectionError::Protocol("a length out of range")),
    }
}

#[cfg(test)]
mod tests;
