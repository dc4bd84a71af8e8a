//! Progress on standard error: a bar on a terminal, a line now and then elsewhere.

use std::io::{IsTerminal, Write};

use indicatif::{ProgressBar, ProgressStyle};

/// How many lines tell of one step where there is no terminal.
const LINES: u64 = 4;

/// One step that takes a while.
#[derive(Debug)]
pub(super) enum Progress {
    /// On a terminal.
    Bar(ProgressBar),
    /// Anywhere else.
    Lines {
        /// What is done.
        step: String,
        /// Where it ends.
        total: u64,
        /// Where the next line is due.
        next: u64,
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
        Self::Lines { step, total, next: total.div_ceil(LINES) }
    }

    /// Tells that the step has come to `position`.
    pub(super) fn at(&mut self, position: u64) {
        match self {
            Self::Bar(bar) => bar.set_position(position),
            Self::Lines { step, total, next } => {
                if position >= *next && *total > 0 {
                    let percent = position.min(*total) * 100 / *total;
                    *next = position + total.div_ceil(LINES);
                    // Nothing depends on these lines, so a closed standard error is no failure.
                    let _ = writeln!(std::io::stderr(), "{step}: {percent} %");
                }
            }
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        match self {
            Self::Bar(bar) => bar.finish_and_clear(),
            Self::Lines { .. } => {}
        }
    }
}
