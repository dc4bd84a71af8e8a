//! Ingestion over HTTP: keep-alive connections, each with one request of a batch of events under
//! way, against the real binary on a directory of its own, with its syncs.
//!
//! `cargo bench --bench http -- [CONNECTIONS] [BATCH] [SECONDS]`; 16, 100 and 10 unless told. The
//! load shares the machine with the server, as `drawdown bench` does.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a bench reads the clock, and says what is wrong by failing"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::num::NonZeroU32;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use drawdown::workload::Random;
use hdrhistogram::Histogram;

/// Customers that the events spread over.
const CUSTOMERS: NonZeroU32 = NonZeroU32::new(100_000).unwrap();

/// Load that is not measured yet.
const WARM_UP: Duration = Duration::from_secs(2);

/// One event; its digits are written over for each request, so that the load costs next to nothing.
const EVENT: &[u8] = br#"{"name":"call","external_customer_id":"customer-000000","external_id":"000000000000000000","metadata":{"tokens":10,"model":"large"}}"#;

const CUSTOMER_AT: usize = 48;
const KEY_AT: usize = 71;
const SEED: u64 = 7;

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended already is what is wanted.
        let _ended = self.0.kill();
        let _status = self.0.wait();
    }
}

fn put_digits(into: &mut [u8], mut number: u64) {
    for digit in into.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap();
        number /= 10;
    }
}

struct Connection {
    socket: BufReader<TcpStream>,
    request: Vec<u8>,
    /// Where each event begins in the request.
    events: Vec<usize>,
    random: Random,
    next_key: u64,
}

impl Connection {
    fn open(address: &str, token: &str, batch: usize, number: u64) -> Self {
        let socket = TcpStream::connect(address).unwrap();
        socket.set_nodelay(true).unwrap();
        let length = "{\"events\":[]}".len() + batch * EVENT.len() + batch.saturating_sub(1);
        let mut request = format!(
            "POST /v1/events/ingest HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{{\"events\":["
        )
        .into_bytes();
        let mut events = Vec::new();
        for place in 0..batch {
            if place > 0 {
                request.push(b',');
            }
            events.push(request.len());
            request.extend_from_slice(EVENT);
        }
        request.extend_from_slice(b"]}");
        let random = Random::new(SEED + number);
        Self { socket: BufReader::new(socket), request, events, random, next_key: number << 40 }
    }

    fn write_over(&mut self) {
        for &event in &self.events {
            let customer = u64::from(self.random.below(CUSTOMERS));
            put_digits(&mut self.request[event + CUSTOMER_AT..event + CUSTOMER_AT + 6], customer);
            put_digits(&mut self.request[event + KEY_AT..event + KEY_AT + 18], self.next_key);
            self.next_key += 1;
        }
    }

    /// Sends the request, and checks that every event of it was new.
    fn ask(&mut self) {
        self.socket.get_mut().write_all(&self.request).unwrap();
        let mut line = String::new();
        let mut length = 0;
        self.socket.read_line(&mut line).unwrap();
        assert!(line.starts_with("HTTP/1.1 200"), "{line}");
        while line != "\r\n" {
            line.clear();
            self.socket.read_line(&mut line).unwrap();
            if let Some(text) = line.strip_prefix("content-length: ") {
                length = text.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        self.socket.read_exact(&mut body).unwrap();
        let expected = format!(r#"{{"inserted":{},"duplicates":0}}"#, self.events.len());
        assert_eq!(body, expected.as_bytes());
    }
}

fn start(data: &std::path::Path) -> (Server, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_drawdown"))
        .args(["serve", "--resp", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data-dir"])
        .arg(data)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary starts");
    let mut ready = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
    let server = Server(child);
    let word = |label: &str| {
        let mut words = ready.split(' ');
        words.find_map(|word| word.strip_prefix(label)).expect("a ready line").to_owned()
    };
    let token = std::fs::read_to_string(data.join("admin.token")).unwrap();
    let mut redis = TcpStream::connect(word("resp=")).unwrap();
    let commands = format!(
        "*2\r\n$4\r\nAUTH\r\n${}\r\n{}\r\n*7\r\n$5\r\nMETER\r\n$6\r\nCREATE\r\n$6\r\ntokens\r\n\
         $5\r\nEVENT\r\n$4\r\ncall\r\n$3\r\nSUM\r\n$6\r\ntokens\r\n",
        token.trim().len(),
        token.trim()
    );
    redis.write_all(commands.as_bytes()).unwrap();
    let mut lines = BufReader::new(redis).lines().map_while(Result::ok);
    assert_eq!(lines.next().as_deref(), Some("+OK"));
    assert_eq!(lines.next().as_deref(), Some("$36"));
    (server, word("http="), token.trim().to_owned())
}

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|word| word.parse::<u64>().ok());
    let mut number = |default| numbers.next().unwrap_or(default);
    let (connections, batch, seconds) = (number(16), number(100), number(10));
    let batch = usize::try_from(batch).unwrap();
    let dir = tempfile::TempDir::new().unwrap();
    let (_server, address, token) = start(&dir.path().join("data"));
    let (measuring, stopping) = (AtomicBool::new(false), AtomicBool::new(false));
    let mut latency = Histogram::<u64>::new(3).unwrap();
    let mut elapsed = Duration::ZERO;
    let load = |number: u64| {
        let mut connection = Connection::open(&address, &token, batch, number);
        let mut latency = Histogram::<u64>::new(3).unwrap();
        while !stopping.load(Ordering::Relaxed) {
            connection.write_over();
            let sent = Instant::now();
            connection.ask();
            if measuring.load(Ordering::Relaxed) {
                latency.record(u64::try_from(sent.elapsed().as_micros()).unwrap()).unwrap();
            }
        }
        latency
    };
    thread::scope(|scope| {
        let load = &load;
        let threads: Vec<_> =
            (0..connections).map(|number| scope.spawn(move || load(number))).collect();
        thread::sleep(WARM_UP);
        let begun = Instant::now();
        measuring.store(true, Ordering::Relaxed);
        thread::sleep(Duration::from_secs(seconds));
        stopping.store(true, Ordering::Relaxed);
        elapsed = begun.elapsed();
        for thread in threads {
            latency.add(thread.join().unwrap()).unwrap();
        }
    });
    let events = u128::from(latency.len()) * u128::try_from(batch).unwrap();
    let rate = events * 1_000_000 / elapsed.as_micros();
    let at = |quantile| latency.value_at_quantile(quantile);
    println!(
        "{connections} connections x {batch} events: {rate} events/s, request p50 {} us, p99 {} us",
        at(0.5),
        at(0.99)
    );
}
