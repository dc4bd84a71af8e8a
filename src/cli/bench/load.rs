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
use super::stopwatch::{NS_PER_SECOND, monotonic_ns};
use super::window::{Limit, Phase, Span, Window};

/// Longest wait for a socket before the clock is looked at.
const POLL_TIMEOUT: Duration = Duration::from_millis(20);

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
