//! The snapshot actor: decides when each shard takes a snapshot.

use std::time::Duration;

use actix::{Actor, AsyncContext, Context};
use tokio::sync::oneshot;

use crate::engine::imaging::Pace;
use crate::engine::shard_actor::{ShardHandle, TakeSnapshot};
use crate::id::Seq;

/// How often the shards are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// When a shard takes a snapshot: at whichever comes first, and never when nothing changed.
#[derive(Debug, Clone, Copy)]
pub struct Cadence {
    /// This long after the last one.
    pub interval: Duration,
    /// This many records after the last one.
    pub records: u64,
}

/// Decides when each shard takes a snapshot.
pub struct SnapshotActor {
    shards: Vec<Watched>,
    cadence: Cadence,
}

struct Watched {
    handle: ShardHandle,
    last: Seq,
    since: Duration,
    under_way: bool,
}

impl SnapshotActor {
    /// Watches these shards.
    #[must_use]
    pub fn new(shards: Vec<ShardHandle>, cadence: Cadence) -> Self {
        let watched =
            |handle| Watched { handle, last: Seq::ZERO, since: Duration::ZERO, under_way: false };
        Self { shards: shards.into_iter().map(watched).collect(), cadence }
    }

    fn look(&mut self, context: &mut Context<Self>) {
        for place in 0..self.shards.len() {
            let Some(shard) = self.shards.get_mut(place) else { continue };
            shard.since = shard.since.saturating_add(LOOK_EVERY);
            let grown = shard.handle.applied().0.saturating_sub(shard.last.0);
            let due = shard.since >= self.cadence.interval && grown > 0;
            if shard.under_way || !(due || grown >= self.cadence.records) {
                continue;
            }
            shard.under_way = true;
            shard.since = Duration::ZERO;
            let handle = shard.handle.clone();
            let taken = async move {
                let (done, wait) = oneshot::channel();
                handle.take_snapshot(TakeSnapshot { pace: Pace::Beside, done }).await.ok()?;
                wait.await.ok()?.ok()
            };
            let taken = actix::fut::wrap_future::<_, Self>(taken);
            context.spawn(actix::fut::ActorFutureExt::map(taken, move |taken, actor, _| {
                if let Some(shard) = actor.shards.get_mut(place) {
                    shard.under_way = false;
                    // One that failed is tried again after another interval.
                    shard.last = taken.unwrap_or(shard.last);
                }
            }));
        }
    }
}

impl Actor for SnapshotActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        context.run_interval(LOOK_EVERY, Self::look);
    }
}
