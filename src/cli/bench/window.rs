//! What of a load is measured: after its warm-up, until its limit.

use hdrhistogram::Histogram;

use super::stopwatch::NS_PER_SECOND;
use super::stopwatch::cpu_ns;

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

/// Where a load has got to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Sent and tallied, not measured.
    WarmUp,
    /// Measured.
    Measuring,
    /// Nothing new is sent; what is under way is still tallied.
    Draining,
}

/// The clock's hold on a load: what is measured, and how much may still be sent.
pub(super) struct Window {
    pub(super) span: Span,
    pub(super) phase: Phase,
    began_ns: u64,
    began_cpu_ns: u64,
    /// Commands that may still be sent while measuring.
    left: u64,
    pub(super) commands: u64,
    pub(super) elapsed_ns: u64,
    pub(super) cpu_ns: u64,
    pub(super) latency: Histogram<u64>,
    /// When the last reply came.
    pub(super) last_answer_ns: u64,
}

impl Window {
    /// A load that begins at `now_ns`; latencies go to `latency`.
    pub(super) fn new(span: Span, latency: Histogram<u64>, now_ns: u64) -> Self {
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

    /// Moves on to the next phase when its time has come.
    pub(super) fn tick(&mut self, now_ns: u64) {
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

    /// Ends the measurement.
    pub(super) fn finish(&mut self, now_ns: u64) {
        self.elapsed_ns = now_ns.saturating_sub(self.began_ns);
        self.cpu_ns = cpu_ns().saturating_sub(self.began_cpu_ns);
        self.phase = Phase::Draining;
    }

    /// Counts replies to a pipeline that was written at `written_ns`.
    pub(super) fn answered(&mut self, count: u64, written_ns: u64, now_ns: u64) {
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
    pub(super) fn allowance(&self) -> u64 {
        match self.phase {
            Phase::WarmUp => u64::MAX,
            Phase::Measuring => self.left,
            Phase::Draining => 0,
        }
    }

    /// Takes what was newly sent off the allowance.
    pub(super) fn sent(&mut self, count: usize) {
        match self.phase {
            Phase::Measuring => self.left -= u64::try_from(count).unwrap_or(0).min(self.left),
            Phase::WarmUp | Phase::Draining => {}
        }
    }

    /// How far the measurement is, in milliseconds or commands, as its limit counts.
    pub(super) fn position(&self, now_ns: u64) -> u64 {
        match (self.phase, self.span.limit) {
            (Phase::WarmUp, _) => 0,
            (_, Limit::Seconds(_)) => now_ns.saturating_sub(self.began_ns) / 1_000_000,
            (_, Limit::Commands(_)) => self.commands,
        }
    }
}
