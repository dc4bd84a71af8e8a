//! What a shard does next: what the sequencer makes of calls, and the shard takes one by one.

use crate::engine::entry::Entry;
use crate::engine::reply::Reply;
use crate::id::{CustomerNumber, MeterNumber};
use crate::time::Timestamp;

/// What a shard does next, in order.
#[derive(Debug)]
pub struct Step {
    /// What to do.
    pub body: StepBody,
    /// Whether a caller waits for the answer.
    pub answers: Answers,
}

/// Who hears what came of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answers {
    /// The caller whose group is the oldest unanswered one.
    Caller,
    /// Nobody: the engine asked itself.
    Nobody,
}

/// The kinds of [`Step`].
#[derive(Debug)]
pub enum StepBody {
    /// Apply a record once it is committed.
    Apply(Entry),
    /// Read, once everything before is applied.
    Read(Read),
    /// Say this.
    Say(Reply),
}

/// A question about a customer.
#[derive(Debug, Clone, Copy)]
pub struct Read {
    /// Whom it is about; nobody known has nothing.
    pub customer: Option<CustomerNumber>,
    /// As of when.
    pub time: Timestamp,
    /// What is asked.
    pub what: ReadWhat,
}

/// The kinds of [`Read`].
#[derive(Debug, Clone, Copy)]
pub enum ReadWhat {
    /// The balance on a meter.
    Balance(MeterNumber),
    /// The live grants on a meter.
    Grants(MeterNumber),
    /// Every meter.
    State,
}
