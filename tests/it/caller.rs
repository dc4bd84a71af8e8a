//! A Redis client of the tests' own: it blocks, and stands between a test and the bytes with nothing
//! of its own: no pool, no retries, no reconnecting.

use std::io;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::time::Duration;

use drawdown::resp::Limits;
use drawdown::resp::client::Reply;
use drawdown::resp::client::read_reply;
use drawdown::resp::client::write_command;

use crate::server::Server;

/// A server that says nothing for so long says nothing any more.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// One connection.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) socket: TcpStream,
    unread: Vec<u8>,
    at: usize,
}

impl Caller {
    /// A connection that has shown nothing.
    pub(crate) fn stranger(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).unwrap();
        socket.set_nodelay(true).unwrap();
        socket.set_read_timeout(Some(SILENCE_MAX)).unwrap();
        socket.set_write_timeout(Some(SILENCE_MAX)).unwrap();
        Self { socket, unread: Vec::new(), at: 0 }
    }

    /// A connection with this token.
    pub(crate) fn with_token(address: SocketAddr, token: &str) -> Self {
        let mut caller = Self::stranger(address);
        assert_eq!(caller.asks(&["AUTH", token]), "OK");
        caller
    }

    /// A connection with the server's first token, which may do everything.
    pub(crate) fn of(server: &Server) -> Self {
        Self::with_token(server.resp, &server.token())
    }

    /// Sends these bytes, whatever they are.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.socket.write_all(bytes)
    }

    /// The next reply.
    pub(crate) fn reply(&mut self) -> io::Result<Reply> {
        loop {
            let read = read_reply(&self.unread, self.at, &Limits::REPLY);
            if let Some((reply, next)) = read.map_err(io::Error::other)? {
                self.at = next;
                return Ok(reply);
            }
            self.unread.drain(..self.at);
            self.at = 0;
            let mut buffer = [0; 16 * 1024];
            let count = self.socket.read(&mut buffer)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.unread.extend_from_slice(&buffer[..count]);
        }
    }

    /// The next reply, as [`text`].
    pub(crate) fn answer(&mut self) -> String {
        text(&self.reply().unwrap())
    }

    /// The answer to one command.
    pub(crate) fn asks(&mut self, words: &[&str]) -> String {
        self.send(&command(words)).unwrap();
        self.answer()
    }

    /// The answer to a command whose words have no spaces in them.
    pub(crate) fn says(&mut self, line: &str) -> String {
        self.asks(&line.split(' ').collect::<Vec<_>>())
    }

    /// The answers to commands that are sent together.
    pub(crate) fn pipeline<'a>(&mut self, lines: impl Iterator<Item = &'a str>) -> Vec<String> {
        let mut bytes = Vec::new();
        let mut count = 0;
        for line in lines {
            bytes.extend_from_slice(&command(&line.split(' ').collect::<Vec<_>>()));
            count += 1;
        }
        self.send(&bytes).unwrap();
        (0..count).map(|_| self.answer()).collect()
    }

    /// Whether the server has closed this connection, once everything it said is read. Returns what
    /// it said last.
    pub(crate) fn last_words(&mut self) -> String {
        let mut said = String::new();
        loop {
            match self.reply() {
                Ok(reply) => said = text(&reply),
                Err(error) if closes(&error) => return said,
                Err(error) => panic!("the connection stays open after {said:?}: {error}"),
            }
        }
    }
}

fn closes(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), UnexpectedEof | ConnectionReset | BrokenPipe)
}

/// A command as it is sent.
pub(crate) fn command(words: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_command(&mut bytes, &words.iter().map(|word| word.as_bytes()).collect::<Vec<_>>());
    bytes
}

/// A reply as redis-cli writes it into a pipe, elements on one line: `applied 97.5`. Errors begin
/// with a hyphen.
pub(crate) fn text(reply: &Reply) -> String {
    let joined = |replies: &[Reply]| replies.iter().map(text).collect::<Vec<_>>().join(" ");
    match reply {
        Reply::Error(words) => format!("-{}", String::from_utf8_lossy(words)),
        Reply::Simple(words)
        | Reply::Bulk(words)
        | Reply::Double(words)
        | Reply::BigNumber(words) => String::from_utf8_lossy(words).into_owned(),
        Reply::Integer(number) => number.to_string(),
        Reply::Boolean(truth) => truth.to_string(),
        Reply::Null => "nil".to_owned(),
        Reply::Array(replies) | Reply::Set(replies) | Reply::Push(replies) => joined(replies),
        Reply::Map(pairs) => {
            let texts = pairs.iter().map(|(key, value)| format!("{} {}", text(key), text(value)));
            texts.collect::<Vec<_>>().join(" ")
        }
    }
}
