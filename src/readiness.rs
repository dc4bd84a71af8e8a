//! Whether the server takes commands now: one handle, set by whoever starts, drains or fails it.

use std::fmt;
use std::sync::Arc;

use parking_lot::RwLock;

/// Where the server is in its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// It recovers: this many records of that many are replayed.
    Starting {
        /// What is done.
        done: u64,
        /// What there is to do; zero while that is not known.
        total: u64,
    },
    /// It takes commands.
    Ready,
    /// It was told to stop and answers what is in flight.
    Draining,
    /// It stopped acknowledging, for this reason. Only a restart helps.
    Failed(String),
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starting { total: 0, .. } => f.write_str("starting"),
            Self::Starting { done, total } => write!(f, "starting: {done} of {total} recovered"),
            Self::Ready => f.write_str("ready"),
            Self::Draining => f.write_str("draining"),
            Self::Failed(reason) => write!(f, "failed: {reason}"),
        }
    }
}

/// A shared view of the stage; clones see the same one. Stages only go forward.
#[derive(Debug, Clone)]
pub struct Readiness(Arc<RwLock<Stage>>);

impl Readiness {
    /// A server that has just begun to start.
    #[must_use]
    pub fn starting() -> Self {
        Self(Arc::new(RwLock::new(Stage::Starting { done: 0, total: 0 })))
    }

    /// The stage now.
    #[must_use]
    pub fn stage(&self) -> Stage {
        self.0.read().clone()
    }

    /// Goes to `next`, unless that is behind the stage: a failed server is never ready again.
    pub fn advance(&self, next: Stage) {
        let mut stage = self.0.write();
        if order(&next) >= order(&stage) && !matches!(*stage, Stage::Failed(_)) {
            *stage = next;
        }
    }
}

const fn order(stage: &Stage) -> u8 {
    match stage {
        Stage::Starting { .. } => 0,
        Stage::Ready => 1,
        Stage::Draining => 2,
        Stage::Failed(_) => 3,
    }
}

#[cfg(test)]
mod tests;
