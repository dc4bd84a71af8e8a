//! A blocking connection for what comes before and after the load: set-up and reading back.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use super::encode::write_command;
use super::error::BenchError;
use super::reply::{Reply, read_reply};

/// How long connecting to one address may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a server may stay silent before the run is given up.
pub(super) const SILENCE_SECONDS_MAX: u64 = 30;

const READ_BYTES: usize = 1 << 16;

/// A blocking, pipelining connection.
#[derive(Debug)]
pub(super) struct Client {
    address: String,
    stream: TcpStream,
    out: Vec<u8>,
    input: Vec<u8>,
    /// Where in `input` the next reply starts.
    at: usize,
}

impl Client {
    /// Connects to `address` (`host:port`) and, if there is a token, authenticates.
    pub(super) fn connect(address: &str, token: Option<&str>) -> Result<Self, BenchError> {
        let failed = |source| BenchError::Connect { address: address.to_owned(), source };
        let stream = open(address).map_err(failed)?;
        let mut client =
            Self { address: address.to_owned(), stream, out: Vec::new(), input: Vec::new(), at: 0 };
        if let Some(token) = token {
            client.ask("AUTH", &[b"AUTH", token.as_bytes()])?;
        }
        Ok(client)
    }

    /// The socket, once nothing is under way on it.
    pub(super) fn into_stream(self) -> TcpStream {
        self.stream
    }

    /// Puts a command behind those that wait to be sent.
    pub(super) fn queue(&mut self, arguments: &[&[u8]]) {
        write_command(&mut self.out, arguments);
    }

    /// Sends what is queued.
    pub(super) fn send(&mut self) -> Result<(), BenchError> {
        let sent = self.stream.write_all(&self.out);
        self.out.clear();
        sent.map_err(|source| self.broken(source))
    }

    /// Waits for the next reply and hands it to `read`.
    pub(super) fn reply<T>(
        &mut self,
        read: impl FnOnce(Reply<'_>) -> Result<T, BenchError>,
    ) -> Result<T, BenchError> {
        loop {
            if let Some((reply, length)) = read_reply(self.input.get(self.at..).unwrap_or(&[]))? {
                let result = read(reply);
                self.at += length;
                return result;
            }
            self.receive()?;
        }
    }

    /// Sends one command and returns its answer, which must be a text.
    pub(super) fn ask(
        &mut self,
        step: &'static str,
        arguments: &[&[u8]],
    ) -> Result<Vec<u8>, BenchError> {
        self.queue(arguments);
        self.send()?;
        self.reply(|reply| text_of(step, reply).map(<[u8]>::to_vec))
    }

    fn receive(&mut self) -> Result<(), BenchError> {
        self.input.drain(..self.at);
        self.at = 0;
        let kept = self.input.len();
        self.input.resize(kept + READ_BYTES, 0);
        let room = self.input.get_mut(kept..).unwrap_or_default();
        let read = match self.stream.read(room) {
            Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
            other => other,
        };
        self.input.truncate(kept + *read.as_ref().unwrap_or(&0));
        read.map(|_| ()).map_err(|source| self.broken(source))
    }

    fn broken(&self, source: io::Error) -> BenchError {
        let address = self.address.clone();
        // A blocking socket tells its time-out in one of these two ways.
        if matches!(source.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) {
            return BenchError::Silent { address, seconds: SILENCE_SECONDS_MAX };
        }
        BenchError::Lost { address, source }
    }
}

/// The text that answers `step`.
pub(super) fn text_of<'a>(step: &'static str, reply: Reply<'a>) -> Result<&'a [u8], BenchError> {
    match reply {
        Reply::Text(text) => Ok(text),
        Reply::Error(text) => Err(rejected(step, text)),
        Reply::Pair(first, _) => Err(super::reply::unexpected("a text", first)),
    }
}

/// The error for a `step` that was answered with one.
pub(super) fn rejected(step: &'static str, answer: &[u8]) -> BenchError {
    BenchError::Rejected { step, answer: String::from_utf8_lossy(answer).into_owned() }
}

fn open(address: &str) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(Duration::from_secs(SILENCE_SECONDS_MAX)))?;
                stream.set_write_timeout(Some(Duration::from_secs(SILENCE_SECONDS_MAX)))?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}
