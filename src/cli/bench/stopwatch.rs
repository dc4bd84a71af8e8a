//! What the load generator measures with: wall time and its own CPU time.

use rustix::time::{ClockId, Timespec};

/// Nanoseconds in a second.
pub(super) const NS_PER_SECOND: u64 = 1_000_000_000;

/// Nanoseconds on a clock that never goes backwards, from some past instant on.
pub(super) fn monotonic_ns() -> u64 {
    nanoseconds(rustix::time::clock_gettime(ClockId::Monotonic))
}

/// Nanoseconds of CPU that this process has used, in user space and in the kernel.
pub(super) fn cpu_ns() -> u64 {
    nanoseconds(rustix::time::clock_gettime(ClockId::ProcessCPUTime))
}

fn nanoseconds(time: Timespec) -> u64 {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    seconds * NS_PER_SECOND + u64::try_from(time.tv_nsec).unwrap_or(0)
}
