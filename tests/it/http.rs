//! Polar's API as HTTP clients meet it: heads, tokens, bodies, errors and events.

use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use serde_json::json;
use tempfile::TempDir;

use crate::caller::Caller;
use crate::server::Options;
use crate::server::Server;

mod engine;
mod ingest;
mod products;
mod reads;
mod sales;
mod transport;

/// A server that says nothing for so long says nothing any more.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// One connection, kept alive.
pub(crate) struct Client {
    socket: BufReader<TcpStream>,
    token: Option<String>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    /// A header, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The rules that were broken: path and type.
    pub(crate) fn faults(&self) -> Vec<String> {
        assert_eq!((self.status, &self.json()["error"]), (422, &json!("RequestValidationError")));
        let told = self.json();
        let fault = |fault: &Value| {
            let part = |part: &Value| part.as_str().map_or_else(|| part.to_string(), str::to_owned);
            let loc: Vec<String> = fault["loc"].as_array().unwrap().iter().map(part).collect();
            assert!(fault["msg"].is_string() && fault.get("input").is_some(), "{fault}");
            format!("{} {}", loc.join("."), fault["type"].as_str().unwrap())
        };
        told["detail"].as_array().unwrap().iter().map(fault).collect()
    }
}

impl Client {
    pub(crate) fn stranger(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).unwrap();
        socket.set_nodelay(true).unwrap();
        socket.set_read_timeout(Some(SILENCE_MAX)).unwrap();
        Self { socket: BufReader::new(socket), token: None }
    }

    pub(crate) fn of(server: &Server) -> Self {
        Self::with_token(server, &server.token())
    }

    pub(crate) fn with_token(server: &Server, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..Self::stranger(server.http) }
    }

    pub(crate) fn get(&mut self, path: &str) -> Answer {
        self.ask("GET", path, &[], None)
    }

    pub(crate) fn post(&mut self, path: &str, body: &Value) -> Answer {
        self.ask("POST", path, &[], Some(body.to_string().as_bytes()))
    }

    /// Asks, with these headers besides.
    pub(crate) fn ask(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Answer {
        let mut head = vec![format!("{method} {path} HTTP/1.1"), "host: test".to_owned()];
        head.extend(self.token.as_ref().map(|token| format!("authorization: Bearer {token}")));
        if let Some(body) = body {
            head.push(format!("content-length: {}", body.len()));
            if !headers.iter().any(|(name, _)| *name == "content-type") {
                head.push("content-type: application/json".to_owned());
            }
        }
        head.extend(headers.iter().map(|(name, value)| format!("{name}: {value}")));
        let mut bytes = format!("{}\r\n\r\n", head.join("\r\n")).into_bytes();
        bytes.extend_from_slice(body.unwrap_or_default());
        self.socket.get_mut().write_all(&bytes).unwrap();
        self.answer()
    }

    /// Sends these bytes, whatever they are.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.socket.get_mut().write_all(bytes).unwrap();
    }

    pub(crate) fn answer(&mut self) -> Answer {
        let mut line = || {
            let mut line = String::new();
            self.socket.read_line(&mut line).unwrap();
            line.trim_end().to_owned()
        };
        let status = line().split(' ').nth(1).unwrap().parse().unwrap();
        let mut head = Vec::new();
        loop {
            let line = line();
            let Some((name, value)) = line.split_once(':') else { break };
            head.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let length = head.iter().find(|(name, _)| name == "content-length");
        let length: Option<usize> = length.map(|(_, length)| length.parse().unwrap());
        let mut body = vec![0; length.unwrap_or(0)];
        self.socket.read_exact(&mut body).unwrap();
        if head.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked") {
            body = self.chunks();
        }
        Answer { status, head, body: String::from_utf8_lossy(&body).into_owned() }
    }

    fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let mut line = String::new();
            self.socket.read_line(&mut line).unwrap();
            let length = usize::from_str_radix(line.trim_end(), 16).unwrap();
            let mut chunk = vec![0; length + 2];
            self.socket.read_exact(&mut chunk).unwrap();
            if length == 0 {
                return body;
            }
            body.extend_from_slice(&chunk[..length]);
        }
    }
}

/// A server of two shards, so that what is asked is not all on one.
fn server(temp: &TempDir) -> Server {
    Options::on(&temp.path().join("data")).with(&["--shards", "2"]).start()
}

/// Tokens of this scope, in the organization `default`.
fn token(server: &Server, scope: &str) -> String {
    let made = Caller::of(server).says(&format!("TOKEN CREATE default {scope}"));
    made.split(' ').nth(1).unwrap().to_owned()
}
