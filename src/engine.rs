//! The engine: the only door to the balances. RESP and HTTP go through it, and so does a program
//! that embeds it.
//!
//! A call goes to the shard of its customer, gets its time and its place in the journal, is made
//! durable, is applied, and is answered. See the crate's documentation for the whole way.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix::Addr;
use arc_swap::ArcSwap;
use bytes::Bytes;
use tokio::sync::oneshot;

use crate::account::Action;
use crate::catalog::Catalog;
use crate::data_dir::{ClockKind, DataDir, Term, Terms};
use crate::event::Event;
use crate::id::{OrganizationNumber, Seq, ShardNumber};
use crate::meter::Meter;
use crate::metrics::Metrics;
use crate::span::Span;
use crate::time::{Clock, Timestamp};
use crate::units::{Balance, Units};

use self::call::{Call, CallBody, GrantCall, Group};
use self::catalog_actor::CatalogActor;
use self::directory::Directory;
use self::history::History;
use self::imaging::Pace;
use self::reply::{EngineError, GrantView, IngestError, MeterState, Reply, Said};
use self::reply_port::ReplyPort;
use self::scheduler_actor::{ClockMoved, SchedulerActor};
use self::shard_actor::{Drain, ShardHandle, Submit, TakeSnapshot};
use self::shard_core::Place;

pub mod call;
pub mod catalog_actor;
mod catalog_calls;
pub mod catalog_images;
pub mod customer_meter;
pub mod customers;
pub mod directory;
pub mod entry;
pub mod history;
pub mod hosted;
pub mod imaging;
pub mod journal_thread;
pub mod names;
pub mod offline;
pub mod open_batch;
pub mod open_error;
pub mod purchases;
pub mod recovery;
pub mod reply;
pub mod reply_port;
#[cfg(test)]
mod rig;
pub mod roll;
pub mod scheduler_actor;
pub mod sequencer;
pub mod session;
pub mod shard;
pub mod shard_actor;
pub mod shard_core;
pub mod snapshot_actor;
pub mod start;
pub mod system_clock;

pub use self::open_error::OpenError;
pub use self::start::EngineOptions;

/// The clock is the system's, and is not moved by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the directory runs on the system's clock")]
pub struct ClockFixed;

/// The engine. Clones share it.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    shards: Vec<ShardHandle>,
    arbiters: Vec<actix::ArbiterHandle>,
    directory: Arc<Directory>,
    catalog: Arc<ArcSwap<Catalog>>,
    catalog_actor: Addr<CatalogActor>,
    scheduler: Addr<SchedulerActor>,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
    history: History,
    stopping: AtomicBool,
    system: start::System,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("shards", &self.shards()).finish_non_exhaustive()
    }
}

impl Engine {
    /// Opens a data directory, recovers what it holds, and starts serving calls. Blocks until then.
    ///
    /// # Errors
    /// [`OpenError`]: the directory is in use, damaged, or cannot be made.
    pub fn open(path: &Path, options: &EngineOptions) -> Result<Self, OpenError> {
        let terms = Terms { shards: options.shards, clock: Term::Suggested(ClockKind::System) };
        let (data_dir, _) = DataDir::open_or_create(path, terms)?;
        start::open(data_dir, options)
    }

    /// Opens a data directory that this process holds already. Blocks until the engine serves.
    ///
    /// # Errors
    /// [`OpenError`]: the directory is damaged.
    pub fn open_in(data_dir: DataDir, options: &EngineOptions) -> Result<Self, OpenError> {
        start::open(data_dir, options)
    }

    /// A way in for one caller who pipelines.
    #[must_use]
    pub fn session(&self) -> session::Session {
        session::Session::new(self.clone())
    }

    /// How many shards there are.
    #[must_use]
    pub fn shards(&self) -> u16 {
        u16::try_from(self.inner.shards.len()).unwrap_or(u16::MAX)
    }

    /// The arbiters of the shards, for those who serve sockets beside them.
    #[must_use]
    pub fn arbiters(&self) -> &[actix::ArbiterHandle] {
        &self.inner.arbiters
    }

    /// The catalog in force.
    #[must_use]
    pub fn catalog(&self) -> arc_swap::Guard<Arc<Catalog>> {
        self.inner.catalog.load()
    }

    /// Who is where.
    #[must_use]
    pub fn directory(&self) -> &Directory {
        &self.inner.directory
    }

    /// The data directory, which stays locked as long as the engine lives.
    #[must_use]
    pub fn data_dir(&self) -> &DataDir {
        self.inner.system.data_dir()
    }

    /// What is counted.
    #[must_use]
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.inner.metrics
    }

    /// The engine's present.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// Hands a group to a shard.
    ///
    /// # Errors
    /// [`EngineError::Busy`] or [`EngineError::Stopping`]: nothing of it happened.
    pub fn submit(&self, shard: ShardNumber, submit: Submit) -> Result<(), EngineError> {
        if self.inner.stopping.load(Ordering::Relaxed) {
            return Err(EngineError::Stopping);
        }
        let handle = self.inner.shards.get(usize::from(shard.0)).ok_or(EngineError::Stopping)?;
        handle.submit(submit).map_err(|_| EngineError::Busy)
    }

    /// Asks one thing and waits for the answer. The spans of `call` are parts of `text`.
    pub async fn call(&self, organization: OrganizationNumber, text: Bytes, call: Call) -> Reply {
        let shard = self.shard_of(organization, &call, &text);
        let (sender, answered) = oneshot::channel();
        let submit = Submit {
            group: Group { organization, text, calls: vec![call] },
            place: Place::First,
            port: ReplyPort::Once(sender),
            ticket: 0,
        };
        if let Err(error) = self.submit(shard, submit) {
            return Reply::Error(error);
        }
        let replies = answered.await.map(|answered| answered.replies).unwrap_or_default();
        replies.into_iter().next().unwrap_or(Reply::Error(EngineError::Stopping))
    }

    async fn ask(&self, meter: &Meter, customer: &str, key: Option<&str>, body: CallBody) -> Reply {
        let mut text = Vec::with_capacity(customer.len());
        let customer = put(&mut text, customer);
        let key = put(&mut text, key.unwrap_or(""));
        self.call(meter.organization, text.into(), Call { customer, key, body }).await
    }

    /// Draws down, always.
    ///
    /// # Errors
    /// [`EngineError`]: nothing changed.
    pub async fn use_units(
        &self,
        meter: &Meter,
        customer: &str,
        units: Units,
        key: Option<&str>,
    ) -> Result<(Said, Balance), EngineError> {
        let body = CallBody::Use { meter: meter.number, units, at: None };
        verdict(&self.ask(meter, customer, key, body).await)
    }

    /// Draws down only if the balance covers it.
    ///
    /// # Errors
    /// [`EngineError`]: nothing changed.
    pub async fn debit(
        &self,
        meter: &Meter,
        customer: &str,
        units: Units,
        key: Option<&str>,
    ) -> Result<(Said, Balance), EngineError> {
        let body = CallBody::Debit { meter: meter.number, units };
        verdict(&self.ask(meter, customer, key, body).await)
    }

    /// Credits.
    ///
    /// # Errors
    /// [`EngineError`]: nothing changed.
    pub async fn grant(
        &self,
        meter: &Meter,
        customer: &str,
        grant: GrantCall,
        key: Option<&str>,
    ) -> Result<(Said, Balance), EngineError> {
        let body = CallBody::Grant { meter: meter.number, terms: Box::new(grant) };
        verdict(&self.ask(meter, customer, key, body).await)
    }

    /// Ends the grant that was made with the key `grant_key`.
    ///
    /// # Errors
    /// [`EngineError`]: nothing changed.
    pub async fn void(
        &self,
        meter: &Meter,
        customer: &str,
        grant_key: &str,
        key: Option<&str>,
    ) -> Result<(Said, Balance), EngineError> {
        let mut text = Vec::new();
        let customer = put(&mut text, customer);
        let grant_key = put(&mut text, grant_key);
        let key = put(&mut text, key.unwrap_or(""));
        let body = CallBody::Void { meter: meter.number, grant_key };
        let call = Call { customer, key, body };
        verdict(&self.call(meter.organization, text.into(), call).await)
    }

    /// Any other action of the account: revoke, reset, turnover.
    ///
    /// # Errors
    /// [`EngineError`]: nothing changed.
    pub async fn act(
        &self,
        meter: &Meter,
        customer: &str,
        action: Action,
        key: Option<&str>,
    ) -> Result<(Said, Balance), EngineError> {
        let body = CallBody::Account { meter: meter.number, action };
        verdict(&self.ask(meter, customer, key, body).await)
    }

    /// The balance; zero for somebody who was never heard of.
    ///
    /// # Errors
    /// [`EngineError::Busy`] or [`EngineError::Stopping`].
    pub async fn balance(&self, meter: &Meter, customer: &str) -> Result<Balance, EngineError> {
        let reply = self.ask(meter, customer, None, CallBody::Balance(meter.number)).await;
        let Reply::Balance(balance) = reply else { return Err(unexpected(&reply)) };
        Ok(Balance(balance))
    }

    /// The live grants, in burn order.
    ///
    /// # Errors
    /// [`EngineError::Busy`] or [`EngineError::Stopping`].
    pub async fn grants(
        &self,
        meter: &Meter,
        customer: &str,
    ) -> Result<Box<[GrantView]>, EngineError> {
        let reply = self.ask(meter, customer, None, CallBody::Grants(meter.number)).await;
        let Reply::Grants(grants) = reply else { return Err(unexpected(&reply)) };
        Ok(grants)
    }

    /// Every meter of the customer that ever moved, by meter number.
    ///
    /// # Errors
    /// [`EngineError::Busy`] or [`EngineError::Stopping`].
    pub async fn state(
        &self,
        organization: OrganizationNumber,
        customer: &str,
    ) -> Result<Box<[MeterState]>, EngineError> {
        let mut text = Vec::new();
        let customer = put(&mut text, customer);
        let call = Call { customer, key: Span::default(), body: CallBody::State };
        let reply = self.call(organization, text.into(), call).await;
        let Reply::State(state) = reply else { return Err(unexpected(&reply)) };
        Ok(state)
    }

    /// Reports events, each as Polar's JSON, and tells how many were new and how many were there
    /// before. All or none on validation.
    ///
    /// # Errors
    /// [`IngestError`]. Each event stands on its own once validated: after an engine error, report
    /// all of them again.
    pub async fn ingest(
        &self,
        organization: OrganizationNumber,
        events: &[&str],
    ) -> Result<(u32, u32), IngestError> {
        let now = self.now();
        let mut text = Vec::new();
        let mut calls = Vec::with_capacity(events.len());
        for (place, json) in events.iter().enumerate() {
            let event = Event::parse(json.as_bytes(), now)
                .map_err(|error| IngestError::Event { place, error })?;
            calls.push(Call::event(event, put(&mut text, json)));
        }
        let mut session = self.session();
        session.submit(organization, &text.into(), calls);
        let mut sums = (0_u32, 0_u32);
        for reply in session.replies().await {
            let Reply::Ingested { inserted, duplicates } = reply else {
                return Err(unexpected(&reply).into());
            };
            sums.0 = sums.0.saturating_add(inserted);
            sums.1 = sums.1.saturating_add(duplicates);
        }
        Ok(sums)
    }

    /// Takes a snapshot of every shard, unless nothing changed since its last one. Returns the
    /// position of each shard's newest.
    ///
    /// # Errors
    /// Why a snapshot failed; those before stay.
    pub async fn snapshot(&self) -> Result<Vec<Seq>, String> {
        self.snapshot_at(Pace::Beside).await
    }

    async fn snapshot_at(&self, pace: Pace) -> Result<Vec<Seq>, String> {
        let mut waits = Vec::new();
        for shard in &self.inner.shards {
            let (done, wait) = oneshot::channel();
            let asked = shard.take_snapshot(TakeSnapshot { pace, done }).await;
            asked.map_err(|_| EngineError::Stopping.to_string())?;
            waits.push(wait);
        }
        let mut newest = Vec::new();
        for wait in waits {
            newest.push(wait.await.map_err(|_| "the snapshot was given up".to_owned())??);
        }
        Ok(newest)
    }

    /// Moves a manual clock forward to `now`; everything that falls due in between happens, in its
    /// order, before this returns. Returns the present afterwards: the clock never goes back.
    ///
    /// # Errors
    /// [`ClockFixed`]: the directory runs on the system's clock.
    pub async fn move_clock(&self, now: Timestamp) -> Result<Timestamp, ClockFixed> {
        if !self.inner.clock.move_to(now) {
            return Err(ClockFixed);
        }
        self.clock_moved().await;
        Ok(self.now())
    }

    /// The clock was moved by hand: everything that fell due happens before this returns.
    pub async fn clock_moved(&self) {
        let (done, wait) = oneshot::channel();
        if self.inner.scheduler.send(ClockMoved { done }).await.is_ok() {
            // A scheduler that ends meanwhile ends with the engine.
            let _ = wait.await;
        }
    }

    /// Takes in nothing more, answers what is in flight, takes a last snapshot, and lets go of the
    /// directory.
    ///
    /// # Errors
    /// Why the last snapshot failed. Everything acknowledged is in the journal all the same.
    pub async fn drain(&self) -> Result<(), String> {
        self.inner.stopping.store(true, Ordering::Relaxed);
        for shard in &self.inner.shards {
            let (done, wait) = oneshot::channel();
            if shard.drain(Drain { done }).await.is_ok() {
                // A shard that fails meanwhile has said so.
                let _ = wait.await;
            }
        }
        let snapshot = self.snapshot_at(Pace::Alone).await;
        self.inner.history.stop();
        self.inner.system.stop();
        snapshot.map(|_| ())
    }
}

/// Appends `part` and tells where it stands.
fn put(text: &mut Vec<u8>, part: &str) -> Span {
    let start = u32::try_from(text.len()).unwrap_or(u32::MAX);
    text.extend_from_slice(part.as_bytes());
    Span { start, end: u32::try_from(text.len()).unwrap_or(u32::MAX) }
}

fn verdict(reply: &Reply) -> Result<(Said, Balance), EngineError> {
    let Reply::Verdict { said, balance } = reply else { return Err(unexpected(reply)) };
    Ok((*said, Balance(*balance)))
}

/// The error of a reply that should have been something else.
fn unexpected(reply: &Reply) -> EngineError {
    match reply {
        Reply::Error(error) => *error,
        Reply::Verdict { .. }
        | Reply::Balance(_)
        | Reply::Grants(_)
        | Reply::State(_)
        | Reply::Ingested { .. }
        | Reply::Purchase(_)
        | Reply::Done => EngineError::Stopping,
    }
}

#[cfg(test)]
mod tests;
