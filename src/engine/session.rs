//! A session: one caller's groups, answered in the order in which it asked, over all shards.

use std::collections::VecDeque;
use std::task::{Context, Poll};

use bytes::Bytes;
use smallvec::SmallVec;
use tokio::sync::mpsc;

use crate::engine::Engine;
use crate::engine::call::{Call, Group};
use crate::engine::reply::{EngineError, Reply};
use crate::engine::reply_port::{Answered, ReplyPort};
use crate::engine::shard_actor::Submit;
use crate::engine::shard_core::Place;
use crate::id::{OrganizationNumber, ShardNumber};

/// Bits of a ticket that tell the parts of a flight apart: one a shard.
const PART_BITS: u32 = 16;

/// The calls of a flight by shard, each with its places among all of them; no places stand for all.
type Parts = SmallVec<[(Vec<usize>, ShardNumber, Vec<Call>); 1]>;

/// One caller's way into the engine.
#[derive(Debug)]
pub struct Session {
    engine: Engine,
    sender: mpsc::UnboundedSender<Answered>,
    inbox: mpsc::UnboundedReceiver<Answered>,
    flights: VecDeque<Flight>,
    /// The number of the oldest flight.
    oldest: u64,
    in_flight: usize,
}

/// Calls that were submitted together.
#[derive(Debug)]
struct Flight {
    calls: usize,
    missing: usize,
    parts: SmallVec<[Part; 1]>,
}

/// The calls of a flight that went to one shard.
#[derive(Debug)]
struct Part {
    /// Which calls of the flight; all of them when empty.
    places: Vec<usize>,
    replies: Vec<Reply>,
}

impl Session {
    /// A session of `engine`.
    #[must_use]
    pub fn new(engine: Engine) -> Self {
        let (sender, inbox) = mpsc::unbounded_channel();
        Self { engine, sender, inbox, flights: VecDeque::new(), oldest: 0, in_flight: 0 }
    }

    /// Calls that are not answered yet.
    #[must_use]
    pub const fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Whether everything was answered.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.flights.is_empty()
    }

    /// Submits calls. Their replies come together, after those of all earlier ones.
    pub fn submit(&mut self, organization: OrganizationNumber, text: &Bytes, calls: Vec<Call>) {
        let number = self.oldest.wrapping_add(u64::try_from(self.flights.len()).unwrap_or(0));
        let count = calls.len();
        let mut flight = Flight { calls: count, missing: 0, parts: SmallVec::new() };
        let place = if self.flights.is_empty() { Place::First } else { Place::Behind };
        for (places, shard, calls) in self.split(organization, text, calls) {
            let index = u64::try_from(flight.parts.len()).unwrap_or(0);
            let ticket = number << PART_BITS | index;
            let port = ReplyPort::Session(self.sender.clone());
            let group = Group { organization, text: text.clone(), calls };
            let wanted = group.calls.len();
            flight.parts.push(Part { places, replies: Vec::new() });
            let submit = Submit { group, place, port, ticket };
            match self.engine.submit(shard, submit) {
                Ok(()) => flight.missing = flight.missing.saturating_add(1),
                Err(error) => {
                    if let Some(part) = flight.parts.last_mut() {
                        part.replies = vec![Reply::Error(error); wanted];
                    }
                }
            }
        }
        self.in_flight = self.in_flight.saturating_add(count);
        self.flights.push_back(flight);
    }

    /// The calls by shard, each with its places among all of them.
    fn split(&self, organization: OrganizationNumber, text: &Bytes, calls: Vec<Call>) -> Parts {
        if calls.is_empty() {
            return SmallVec::new();
        }
        if self.engine.shards() == 1 {
            return SmallVec::from_iter([(Vec::new(), ShardNumber(0), calls)]);
        }
        let mut parts = Parts::new();
        for (place, call) in calls.into_iter().enumerate() {
            let shard = self.engine.shard_of(organization, &call, text);
            let known = parts.iter().position(|(_, number, _)| *number == shard);
            let index = known.unwrap_or_else(|| {
                parts.push((Vec::new(), shard, Vec::new()));
                parts.len().saturating_sub(1)
            });
            if let Some((places, _, calls)) = parts.get_mut(index) {
                places.push(place);
                calls.push(call);
            }
        }
        parts
    }

    /// The replies of the oldest flight, in the order of its calls, once all of them are there.
    pub fn poll_replies(&mut self, context: &mut Context<'_>) -> Poll<Vec<Reply>> {
        loop {
            if let Some(flight) = self.flights.front()
                && flight.missing == 0
                && let Some(flight) = self.flights.pop_front()
            {
                self.oldest = self.oldest.wrapping_add(1);
                self.in_flight = self.in_flight.saturating_sub(flight.calls);
                return Poll::Ready(flight.replies());
            }
            match self.inbox.poll_recv(context) {
                Poll::Ready(Some(answered)) => self.take(answered),
                // The session holds a sender itself, so the channel never ends.
                Poll::Ready(None) | Poll::Pending => return Poll::Pending,
            }
        }
    }

    /// The replies of the oldest flight.
    pub async fn replies(&mut self) -> Vec<Reply> {
        std::future::poll_fn(|context| self.poll_replies(context)).await
    }

    fn take(&mut self, answered: Answered) {
        let number = (answered.ticket >> PART_BITS).wrapping_sub(self.oldest);
        let index = answered.ticket & ((1 << PART_BITS) - 1);
        let flight = usize::try_from(number).ok().and_then(|number| self.flights.get_mut(number));
        let Some(flight) = flight else { return };
        let part = usize::try_from(index).ok().and_then(|index| flight.parts.get_mut(index));
        if let Some(part) = part {
            part.replies = answered.replies;
            flight.missing = flight.missing.saturating_sub(1);
        }
    }

    /// The engine behind this session.
    #[must_use]
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }
}

impl Flight {
    fn replies(mut self) -> Vec<Reply> {
        if let [part] = self.parts.as_mut_slice() {
            return std::mem::take(&mut part.replies);
        }
        let mut replies = vec![Reply::Error(EngineError::Stopping); self.calls];
        for part in self.parts {
            for (place, reply) in part.places.into_iter().zip(part.replies) {
                if let Some(into) = replies.get_mut(place) {
                    *into = reply;
                }
            }
        }
        replies
    }
}
