//! Where a caller hears its answers.

use tokio::sync::{mpsc, oneshot};

use crate::engine::reply::Reply;

/// The answers to one group, in the order of its calls.
#[derive(Debug)]
pub struct Answered {
    /// What the caller called the group.
    pub ticket: u64,
    /// One for each call.
    pub replies: Vec<Reply>,
}

/// The end that a shard speaks into. What waits in it is bounded by what its caller has in flight.
#[derive(Debug)]
pub enum ReplyPort {
    /// A session: many groups.
    Session(mpsc::UnboundedSender<Answered>),
    /// A single group.
    Once(oneshot::Sender<Answered>),
}

impl ReplyPort {
    /// Hands the answers over. A caller that has gone does not hear them; its commands stand.
    pub fn send(self, answered: Answered) {
        match self {
            Self::Session(sender) => drop(sender.send(answered)),
            Self::Once(sender) => drop(sender.send(answered)),
        }
    }
}
