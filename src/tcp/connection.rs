//! One connection: reads commands, submits them, and answers them in their order.
//!
//! A connection is one task that is polled; it holds no buffers while it is idle. What it has in
//! flight and what it has to write are bounded: beyond that its socket is not read.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::engine::call::{Call, CallBody};
use crate::engine::reply::Reply;
use crate::engine::session::Session;
use crate::id::OrganizationNumber;
use crate::metrics::Closed;
use crate::resp::{Arguments, Protocol};
use crate::tcp::access::Principal;
use crate::tcp::errand::Errand;
use crate::tcp::{Door, answer};

/// Bytes that one read takes at most.
const READ_BYTES_MAX: usize = 256 * 1024;

/// Bytes to write beyond which the socket is not read.
const OUT_BYTES_PAUSE: usize = 1024 * 1024;

/// Bytes of answers that one turn may come to; what is asked beyond waits for the next turn.
const TURN_ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What the grants or the state of one customer are taken for: most are shorter, none much longer.
const LONG_ANSWER_BYTES: usize = 1024 * 1024;

/// Capacity that an emptied write buffer keeps.
const OUT_BYTES_KEPT: usize = 32 * 1024;

/// How often a connection looks at its time limits.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Looks that a connection may go without a token before it is dropped.
const LOOKS_BEFORE_AUTH_MAX: u32 = 6;

/// Looks that a client may leave its replies unread before it is dropped.
const LOOKS_STALLED_MAX: u32 = 12;

thread_local! {
    /// Where sockets are read: one for all connections of an arbiter, since reading and parsing
    /// are not interrupted.
    static READ: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES_MAX].into_boxed_slice());
}

/// How the answers to what was read together are put in order.
#[derive(Debug)]
pub(super) enum Item {
    /// The reply to the next call.
    Reply,
    /// The replies to the next so many calls, added up.
    Sum(usize),
    /// These bytes.
    Bytes(Vec<u8>),
}

/// What was read together.
#[derive(Debug, Default)]
pub(super) struct Turn {
    /// Every call's own reply, when empty.
    pub(super) items: Vec<Item>,
    /// What the engine is asked.
    pub(super) calls: Vec<Call>,
    /// Bytes of the answers that are known already.
    said_bytes: usize,
    /// Bytes that the other answers may come to, as far as they are long.
    asked_bytes: usize,
}

impl Turn {
    /// Adds a call that is answered by its own reply.
    pub(super) fn call(&mut self, call: Call) {
        if !self.items.is_empty() {
            self.items.push(Item::Reply);
        }
        if matches!(call.body, CallBody::Grants(_) | CallBody::State) {
            self.asked_bytes = self.asked_bytes.saturating_add(LONG_ANSWER_BYTES);
        }
        self.calls.push(call);
    }

    /// Adds calls that are answered together.
    pub(super) fn sum(&mut self, calls: Vec<Call>) {
        self.itemize();
        self.items.push(Item::Sum(calls.len()));
        self.calls.extend(calls);
    }

    /// Adds an answer that is known already, as `write` appends it.
    pub(super) fn say(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.itemize();
        if let Some(Item::Bytes(bytes)) = self.items.last_mut() {
            let before = bytes.len();
            write(bytes);
            let said = bytes.len().saturating_sub(before);
            self.said_bytes = self.said_bytes.saturating_add(said);
            return;
        }
        let mut bytes = Vec::new();
        write(&mut bytes);
        self.said_bytes = self.said_bytes.saturating_add(bytes.len());
        self.items.push(Item::Bytes(bytes));
    }

    /// Whether its answers may take so much memory that what follows has to wait for them.
    pub(super) const fn is_full(&self) -> bool {
        self.said_bytes.saturating_add(self.asked_bytes) >= TURN_ANSWER_BYTES_MAX
    }

    fn itemize(&mut self) {
        if self.items.is_empty() {
            self.items.extend(self.calls.iter().map(|_| Item::Reply));
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.items.is_empty() && self.calls.is_empty()
    }
}

/// What goes on after the commands that were parsed.
#[derive(Debug)]
pub(super) enum Next {
    /// More commands, as soon as they come.
    More,
    /// The commands that are there already, once everything before them is answered.
    Pause,
    /// Nothing before this errand is done.
    Errand(Errand),
    /// The end of the connection, once everything is answered.
    Close(Closed),
}

/// One client's connection.
pub(super) struct Connection {
    stream: TcpStream,
    pub(super) door: Arc<Door>,
    pub(super) id: u64,
    pub(super) principal: Option<Principal>,
    pub(super) protocol: Protocol,
    pub(super) name: Vec<u8>,
    pub(super) arguments: Arguments,
    session: Session,
    /// The items of each flight of the session, and the bytes that are said in them.
    turns: VecDeque<(Vec<Item>, usize)>,
    /// Bytes that are said in all of them.
    said_bytes: usize,
    /// Bytes of commands that are not parsed yet.
    unparsed: Vec<u8>,
    /// Whether there are whole commands in them, which wait until everything is answered.
    paused: bool,
    out: Vec<u8>,
    written: usize,
    errand: Option<Pin<Box<dyn Future<Output = Vec<u8>>>>>,
    closing: Option<Closed>,
    end_of_input: bool,
    looks: Interval,
    looks_unauthenticated: u32,
    looks_stalled: u32,
    written_total: u64,
    written_at_look: u64,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, door: Arc<Door>) -> Self {
        use std::sync::atomic::Ordering;
        let id = door.next_id.fetch_add(1, Ordering::Relaxed);
        let session = door.engine.session();
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot disable delays");
        }
        Self {
            stream,
            door,
            id,
            principal: None,
            protocol: Protocol::Resp2,
            name: Vec::new(),
            arguments: Arguments::new(),
            session,
            turns: VecDeque::new(),
            said_bytes: 0,
            unparsed: Vec::new(),
            paused: false,
            out: Vec::new(),
            written: 0,
            errand: None,
            closing: None,
            end_of_input: false,
            looks,
            looks_unauthenticated: 0,
            looks_stalled: 0,
            written_total: 0,
            written_at_look: 0,
        }
    }

    /// Where the client reached this server.
    pub(super) fn local_address(&self) -> io::Result<std::net::SocketAddr> {
        self.stream.local_addr()
    }

    /// Serves until the connection ends, and tells why it did.
    pub(super) async fn run(mut self) -> Closed {
        let mut stop = self.door.stop.clone();
        let stopped = async move {
            // An error means that the listener itself is gone.
            let _ = stop.wait_for(|stop| *stop).await;
        };
        let mut stopped = Box::pin(stopped);
        let mut draining = false;
        std::future::poll_fn(|context| {
            if !draining && stopped.as_mut().poll(context).is_ready() {
                draining = true;
                self.closing.get_or_insert(Closed::Drain);
            }
            self.poll(context)
        })
        .await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Closed> {
        if self.poll_looks(context) {
            return Poll::Ready(self.closing.unwrap_or(Closed::Idle));
        }
        loop {
            let answered = self.poll_answers(context);
            let ran = self.poll_errand(context) || self.resume();
            // A socket that fails is a client that has gone.
            let Ok(read) = self.poll_read(context) else { return Poll::Ready(Closed::ByClient) };
            let Ok(wrote) = self.poll_write(context) else {
                return Poll::Ready(Closed::ByClient);
            };
            if self.out.len().saturating_sub(self.written) > self.door.options.out_bytes_max {
                return Poll::Ready(Closed::SlowReader);
            }
            if self.is_over() {
                return Poll::Ready(self.closing.unwrap_or(Closed::ByClient));
            }
            if !(answered || ran || read || wrote) {
                return Poll::Pending;
            }
        }
    }

    fn is_over(&self) -> bool {
        let done = self.turns.is_empty() && self.errand.is_none() && self.out.is_empty();
        done && (self.closing.is_some() || self.end_of_input && !self.paused)
    }

    fn poll_answers(&mut self, context: &mut Context<'_>) -> bool {
        let mut answered = false;
        while !self.turns.is_empty() {
            let Poll::Ready(replies) = self.session.poll_replies(context) else { break };
            let (items, said_bytes) = self.turns.pop_front().unwrap_or_default();
            self.said_bytes = self.said_bytes.saturating_sub(said_bytes);
            self.write_answers(&items, &replies);
            answered = true;
        }
        answered
    }

    fn write_answers(&mut self, items: &[Item], replies: &[Reply]) {
        let catalog = self.door.engine.catalog();
        let metrics = &self.door.engine.metrics().connections;
        let out = &mut self.out;
        let write = |out: &mut Vec<u8>, reply: &Reply| {
            if let Some(code) = answer::write_reply(out, self.protocol, &catalog, reply) {
                metrics.count_errors(code, 1);
            }
        };
        if items.is_empty() {
            for reply in replies {
                write(out, reply);
            }
            return;
        }
        let mut replies = replies.iter();
        for item in items {
            match item {
                Item::Reply => {
                    if let Some(reply) = replies.next() {
                        write(out, reply);
                    }
                }
                Item::Sum(count) => {
                    let sum = crate::tcp::ingest::sum(replies.by_ref().take(*count));
                    write(out, &sum);
                }
                Item::Bytes(bytes) => out.extend_from_slice(bytes),
            }
        }
    }

    /// An errand runs alone: everything before it is answered, and nothing behind it is parsed.
    fn poll_errand(&mut self, context: &mut Context<'_>) -> bool {
        if !self.turns.is_empty() {
            return false;
        }
        let Some(errand) = &mut self.errand else { return false };
        let Poll::Ready(bytes) = errand.as_mut().poll(context) else { return false };
        self.errand = None;
        self.out.extend_from_slice(&bytes);
        let unparsed = std::mem::take(&mut self.unparsed);
        self.take_in(&unparsed);
        true
    }

    /// Parses on where a turn was full, once that turn is answered.
    fn resume(&mut self) -> bool {
        if !self.paused || !self.turns.is_empty() || !self.may_take_in() {
            return false;
        }
        self.paused = false;
        let unparsed = std::mem::take(&mut self.unparsed);
        self.take_in(&unparsed);
        true
    }

    fn may_read(&self) -> bool {
        !self.end_of_input && !self.paused && self.may_take_in()
    }

    fn may_take_in(&self) -> bool {
        self.closing.is_none()
            && self.errand.is_none()
            && self.session.in_flight() < self.door.options.calls_in_flight_max
            && self.out.len().saturating_add(self.said_bytes) < OUT_BYTES_PAUSE
    }

    fn poll_read(&mut self, context: &mut Context<'_>) -> io::Result<bool> {
        if !self.may_read() {
            return Ok(false);
        }
        READ.with_borrow_mut(|buffer| {
            let mut read = ReadBuf::new(buffer);
            match Pin::new(&mut self.stream).poll_read(context, &mut read) {
                Poll::Pending => return Ok(false),
                Poll::Ready(result) => result?,
            }
            let bytes = read.filled();
            if bytes.is_empty() {
                self.end_of_input = true;
                return Ok(false);
            }
            let count = u64::try_from(bytes.len()).unwrap_or(0);
            self.door.engine.metrics().connections.received_bytes.inc_by(count);
            if self.unparsed.is_empty() {
                self.take_in(bytes);
            } else {
                let mut unparsed = std::mem::take(&mut self.unparsed);
                unparsed.extend_from_slice(bytes);
                self.take_in(&unparsed);
            }
            Ok(true)
        })
    }

    /// Parses as many commands as there are in `bytes`, submits them, and keeps the rest.
    fn take_in(&mut self, bytes: &[u8]) {
        let mut turn = Turn::default();
        let (parsed, next) = self.parse(bytes, &mut turn);
        if !turn.is_empty() {
            let Turn { items, calls, said_bytes, .. } = turn;
            let organization =
                self.principal.map_or(OrganizationNumber(0), |principal| principal.organization);
            let text = if calls.is_empty() {
                Bytes::new()
            } else {
                Bytes::copy_from_slice(bytes.get(..parsed).unwrap_or(bytes))
            };
            self.session.submit(organization, &text, calls);
            self.said_bytes = self.said_bytes.saturating_add(said_bytes);
            self.turns.push_back((items, said_bytes));
        }
        match next {
            Next::More => {}
            Next::Pause => self.paused = true,
            Next::Errand(errand) => self.errand = Some(errand.run(&self.door.engine)),
            Next::Close(reason) => {
                self.closing = Some(reason);
                return;
            }
        }
        self.unparsed.extend_from_slice(bytes.get(parsed..).unwrap_or(&[]));
    }

    /// Whether everything was written that there was.
    fn poll_write(&mut self, context: &mut Context<'_>) -> io::Result<bool> {
        if self.out.is_empty() {
            return Ok(false);
        }
        while self.written < self.out.len() {
            let rest = self.out.get(self.written..).unwrap_or(&[]);
            let Poll::Ready(sent) = Pin::new(&mut self.stream).poll_write(context, rest) else {
                return Ok(false);
            };
            let sent = sent?;
            self.written = self.written.saturating_add(sent);
            let sent = u64::try_from(sent).unwrap_or(0);
            self.written_total = self.written_total.wrapping_add(sent);
            self.door.engine.metrics().connections.sent_bytes.inc_by(sent);
        }
        self.out.clear();
        self.out.shrink_to(OUT_BYTES_KEPT);
        self.written = 0;
        // Who was not read for what it had to read may be read again.
        Ok(true)
    }

    /// Whether a time limit was passed.
    fn poll_looks(&mut self, context: &mut Context<'_>) -> bool {
        while self.looks.poll_tick(context).is_ready() {
            self.looks_unauthenticated = match self.principal {
                Some(_) => 0,
                None => self.looks_unauthenticated.saturating_add(1),
            };
            let stalled = !self.out.is_empty() && self.written_total == self.written_at_look;
            self.written_at_look = self.written_total;
            self.looks_stalled = if stalled { self.looks_stalled.saturating_add(1) } else { 0 };
            if self.looks_unauthenticated > LOOKS_BEFORE_AUTH_MAX {
                self.closing = Some(Closed::Idle);
                return true;
            }
            if self.looks_stalled > LOOKS_STALLED_MAX {
                self.closing = Some(Closed::SlowReader);
                return true;
            }
        }
        false
    }
}
