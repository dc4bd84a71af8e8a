//! The measured part: one thread that keeps every connection's pipeline full.
//!
//! It shares the machine with the server it measures, so it does as little as it can: no thread to
//! switch to, one write and one read a pipeline, nothing allocated.

use std::fmt;
use std::io;
use std::net::TcpStream;
use std::time::Duration;

use hdrhistogram::Histogram;
use mio::{Events, Interest, Poll, Token};

use crate::workload::Workload;

use super::client::SILENCE_SECONDS_MAX;
use super::encode::Encoder;
use super::error::BenchError;
use super::lane::{Answers, Lane, More, READ_BYTES, Tally};
use super::progress::Progress;
use super::stopwatch::{cpu_ns, monotonic_ns};

/// Longest wait for a socket before the clock is looked at.
const POLL_TIMEOUT: Duration = Duration::from_millis(20);

const NS_PER_SECOND: u64 = 1_000_000_000;

/// Longest latency that is told apart from longer ones: a minute.
const LATENCY_NS_MAX: u64 = 60 * NS_PER_SECOND;

/// How many connections, and how many commands each has under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Width {
    pub(super) connections: u16,
    pub(super) depth: u32,
}

impl fmt::Display for Width {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}x{}", self.connections, self.depth))
    }
}

/// When a load has been measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    /// After so many seconds.
    Seconds(u64),
    /// After so many commands.
    Commands(u64),
}

/// How long a load lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) warmup_seconds: u64,
    pub(super) limit: Limit,
}

/// What was measured.
#[derive(Debug)]
pub(super) struct Measured {
    /// Commands answered while measuring.
    pub(super) commands: u64,
    /// How long that took.
    pub(super) elapsed_ns: u64,
    /// CPU time that the generator used meanwhile.
    pub(super) cpu_ns: u64,
    /// Nanoseconds from the write of a command's pipeline to the read of its reply.
    pub(super) latency: Histogram<u64>,
    /// What became of all commands, those of the warm-up too.
    pub(super) answers: Answers,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    WarmUp,
    Measuring,
    /// Nothing new is sent; what is under way is still tallied.
    Draining,
}

/// The clock's hold on a load: what is measured, and how much may still be sent.
struct Window {
    span: Span,
    phase: Phase,
    began_ns: u64,
    began_cpu_ns: u64,
    /// Commands that may still be sent while measuring.
    left: u64,
    commands: u64,
    elapsed_ns: u64,
    cpu_ns: u64,
    latency: Histogram<u64>,
    last_answer_ns: u64,
}

impl Window {
    fn new(span: Span, latency: Histogram<u64>, now_ns: u64) -> Self {
        let left = match span.limit {
            Limit::Seconds(_) => u64::MAX,
            Limit::Commands(commands) => commands,
        };
        let mut window = Self {
            span,
            phase: Phase::WarmUp,
            began_ns: now_ns,
            began_cpu_ns: cpu_ns(),
            left,
            commands: 0,
            elapsed_ns: 0,
            cpu_ns: 0,
            latency,
            last_answer_ns: now_ns,
        };
        window.tick(now_ns);
        window
    }

    fn tick(&mut self, now_ns: u64) {
        let passed_ns = now_ns.saturating_sub(self.began_ns);
        match (self.phase, self.span.limit) {
            (Phase::WarmUp, _) => {
                if passed_ns >= self.span.warmup_seconds * NS_PER_SECOND {
                    self.phase = Phase::Measuring;
                    self.began_ns = now_ns;
                    self.began_cpu_ns = cpu_ns();
                    self.commands = 0;
                    self.latency.reset();
                }
            }
            (Phase::Measuring, Limit::Seconds(seconds)) => {
                if passed_ns >= seconds * NS_PER_SECOND {
                    self.finish(now_ns);
                }
            }
            (Phase::Measuring, Limit::Commands(_)) | (Phase::Draining, _) => {}
        }
    }

    fn finish(&mut self, now_ns: u64) {
        self.elapsed_ns = now_ns.saturating_sub(self.began_ns);
        self.cpu_ns = cpu_ns().saturating_sub(self.began_cpu_ns);
        self.phase = Phase::Draining;
    }

    fn answered(&mut self, count: u64, written_ns: u64, now_ns: u64) {
        self.last_answer_ns = now_ns;
        match self.phase {
            Phase::WarmUp | Phase::Measuring => {
                self.commands += count;
                self.latency.saturating_record_n(now_ns.saturating_sub(written_ns), count);
            }
            Phase::Draining => {}
        }
    }

    /// How many new commands may be sent.
    fn allowance(&self) -> u64 {
        match self.phase {
            Phase::WarmUp => u64::MAX,
            Phase::Measuring => self.left,
            Phase::Draining => 0,
        }
    }

    fn sent(&mut self, count: usize) {
        match self.phase {
            Phase::Measuring => self.left -= u64::try_from(count).unwrap_or(0).min(self.left),
            Phase::WarmUp | Phase::Draining => {}
        }
    }

    fn position(&self, now_ns: u64) -> u64 {
        match (self.phase, self.span.limit) {
            (Phase::WarmUp, _) => 0,
            (_, Limit::Seconds(_)) => now_ns.saturating_sub(self.began_ns) / 1_000_000,
            (_, Limit::Commands(_)) => self.commands,
        }
    }
}

/// A load that is ready to run.
pub(super) struct Load<'a> {
    pub(super) address: &'a str,
    pub(super) width: Width,
    pub(super) span: Span,
    pub(super) encoder: &'a Encoder,
    pub(super) workload: &'a mut Workload,
    /// Acknowledged units by customer; added to.
    pub(super) spent: &'a mut [u64],
}

impl Load<'_> {
    /// Runs the load on connected `streams` until its end and the last reply.
    pub(super) fn run(self, streams: Vec<TcpStream>) -> Result<Measured, BenchError> {
        let Self { address, width, span, encoder, workload, spent } = self;
        let poll = Poll::new().map_err(BenchError::System)?;
        let depth = usize::try_from(width.depth).unwrap_or(1);
        let mut lanes = Vec::with_capacity(streams.len());
        for (number, stream) in streams.into_iter().enumerate() {
            let mut lane = Lane::new(nonblocking(stream).map_err(BenchError::System)?, depth);
            poll.registry()
                .register(&mut lane.stream, Token(number), Interest::READABLE | Interest::WRITABLE)
                .map_err(BenchError::System)?;
            lanes.push(lane);
        }
        let latency = Histogram::new_with_max(LATENCY_NS_MAX, 3)
            .map_err(|error| BenchError::System(io::Error::other(error)))?;
        let mut driver = Driver {
            address,
            depth,
            encoder,
            workload,
            tally: Tally { answers: Answers::default(), spent },
            window: Window::new(span, latency, monotonic_ns()),
            out: Vec::new(),
            input: vec![0; READ_BYTES],
        };
        driver.drive(poll, &mut lanes, width)?;
        let Driver { tally, window, .. } = driver;
        Ok(Measured {
            commands: window.commands,
            elapsed_ns: window.elapsed_ns,
            cpu_ns: window.cpu_ns,
            latency: window.latency,
            answers: tally.answers,
        })
    }
}

fn nonblocking(stream: TcpStream) -> io::Result<mio::net::TcpStream> {
    stream.set_nonblocking(true)?;
    Ok(mio::net::TcpStream::from_std(stream))
}

/// What all lanes share.
struct Driver<'a> {
    address: &'a str,
    depth: usize,
    encoder: &'a Encoder,
    workload: &'a mut Workload,
    tally: Tally<'a>,
    window: Window,
    out: Vec<u8>,
    input: Vec<u8>,
}

impl Driver<'_> {
    fn drive(
        &mut self,
        mut poll: Poll,
        lanes: &mut [Lane],
        width: Width,
    ) -> Result<(), BenchError> {
        let total = match self.window.span.limit {
            Limit::Seconds(seconds) => seconds * 1_000,
            Limit::Commands(commands) => commands,
        };
        let mut progress = Progress::start(format!("load {width} on {}", self.address), total);
        let mut events = Events::with_capacity(lanes.len());
        let mut under_way = 0_usize;
        for lane in lanes.iter_mut() {
            under_way += usize::from(self.begin(lane)? == Lap::Begun);
        }
        while under_way > 0 {
            match poll.poll(&mut events, Some(POLL_TIMEOUT)) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                    return Err(BenchError::System(error));
                }
                Ok(()) | Err(_) => {}
            }
            let now_ns = monotonic_ns();
            self.window.tick(now_ns);
            self.check_silence(now_ns)?;
            for event in &events {
                let Some(lane) = lanes.get_mut(event.token().0) else { continue };
                if event.is_writable() {
                    lane.flush().map_err(|source| lost(self.address, source))?;
                }
                if event.is_readable() && !lane.is_idle() && self.read(lane)? == Lap::Ended {
                    under_way -= 1;
                }
            }
            progress.at(self.window.position(now_ns));
        }
        if self.window.phase != Phase::Draining {
            self.window.finish(monotonic_ns());
        }
        Ok(())
    }

    /// Starts a pipeline, unless there is nothing more to send.
    fn begin(&mut self, lane: &mut Lane) -> Result<Lap, BenchError> {
        let allowance = self.window.allowance();
        if self.window.phase == Phase::Draining {
            lane.give_up();
        }
        let allowed = usize::try_from(allowance).unwrap_or(usize::MAX);
        let fresh = lane
            .begin(
                self.depth,
                self.workload.by_ref().take(allowed),
                self.encoder,
                &mut self.out,
                &mut self.tally,
                monotonic_ns(),
            )
            .map_err(|source| lost(self.address, source))?;
        self.window.sent(fresh);
        Ok(if lane.is_idle() { Lap::Ended } else { Lap::Begun })
    }

    /// Reads what is there; when the pipeline is answered, starts the next one.
    fn read(&mut self, lane: &mut Lane) -> Result<Lap, BenchError> {
        loop {
            let received = lane.receive(
                self.encoder.call_len_max(),
                &mut self.input,
                &mut self.tally,
                |source| lost(self.address, source),
            )?;
            if received.answered > 0 {
                self.window.answered(received.answered, lane.written_ns(), monotonic_ns());
            }
            if lane.is_idle() {
                return self.begin(lane);
            }
            if received.more == More::No {
                return Ok(Lap::Begun);
            }
        }
    }

    fn check_silence(&self, now_ns: u64) -> Result<(), BenchError> {
        let silent_ns = now_ns.saturating_sub(self.window.last_answer_ns);
        if silent_ns > SILENCE_SECONDS_MAX * NS_PER_SECOND {
            let address = self.address.to_owned();
            return Err(BenchError::Silent { address, seconds: SILENCE_SECONDS_MAX });
        }
        Ok(())
    }
}

/// Whether a lane has a pipeline under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lap {
    Begun,
    Ended,
}

fn lost(address: &str, source: io::Error) -> BenchError {
    BenchError::Lost { address: address.to_owned(), source }
}
