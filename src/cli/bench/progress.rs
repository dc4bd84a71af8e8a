//! Progress on standard error: a bar on a terminal, a line now and then elsewhere.

use std::io::{IsTerminal, Write};

use indicatif::{ProgressBar, ProgressStyle};

use super::stopwatch::{NS_PER_SECOND, monotonic_ns};

/// How often a line tells of a step where there is no terminal.
const LINE_SECONDS: u64 = 5;

/// One step that takes a while.
#[derive(Debug)]
pub(super) enum Progress {
    /// On a terminal.
    Bar(ProgressBar),
    /// Anywhere else: a line at the start, and more if it takes long.
    Lines {
        /// What is done.
        step: String,
        /// Where it ends.
        total: u64,
        /// When the next line is due.
        due_ns: u64,
    },
}

impl Progress {
    /// Starts a step that ends at position `total`.
    pub(super) fn start(step: String, total: u64) -> Self {
        if std::io::stderr().is_terminal() {
            let style = ProgressStyle::with_template("{msg:40} {wide_bar} {percent:>3} %")
                .unwrap_or_else(|_| ProgressStyle::default_bar());
            return Self::Bar(ProgressBar::new(total).with_style(style).with_message(step));
        }
        write_line(&step);
        Self::Lines { step, total, due_ns: monotonic_ns() + LINE_SECONDS * NS_PER_SECOND }
    }

    /// Tells that the step has come to `position`.
    pub(super) fn at(&mut self, position: u64) {
        match self {
            Self::Bar(bar) => bar.set_position(position),
            Self::Lines { step, total, due_ns } => {
                let now_ns = monotonic_ns();
                if now_ns >= *due_ns {
                    *due_ns = now_ns + LINE_SECONDS * NS_PER_SECOND;
                    let percent = (position.min(*total) * 100).checked_div(*total).unwrap_or(100);
                    write_line(&format!("{step}: {percent} %"));
                }
            }
        }
    }
}

/// Nothing depends on these lines, so a closed standard error is no failure.
fn write_line(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

impl Drop for Progress {
    fn drop(&mut self) {
        match self {
            Self::Bar(bar) => bar.finish_and_clear(),
            Self::Lines { .. } => {}
        }
    }
}
