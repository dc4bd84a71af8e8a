//! The catalog actor: the sole writer of the catalog.
//!
//! A change is journaled, then in force, then entered into every shard as a barrier; only then is
//! its asker answered. Readers share an immutable version and never wait.

use std::sync::Arc;

use actix::fut::{ActorFutureExt, wrap_future};
use actix::{Actor, AtomicResponse, Context, Handler, Message};
use arc_swap::ArcSwap;
use tokio::sync::oneshot;

use crate::catalog::{Catalog, CatalogEdit, CatalogError};
use crate::encoding::Reader;
use crate::engine::call::Proposal;
use crate::engine::catalog_images::CatalogImages;
use crate::engine::shard_actor::{Propose, ShardHandle};
use crate::id::Seq;
use crate::journal::catalog_record::{put_change, read_change};
use crate::journal::{Journal, JournalError, RECORD_BYTES_MAX, Records};
use crate::time::{Clock, Timestamp};

/// Called when the engine can go on no longer, with the reason.
pub type OnFatal = Arc<dyn Fn(&str) + Send + Sync>;

/// Change the catalog. The answer is the catalog in which it is done, which is the one there was when
/// nothing differs.
#[derive(Debug, Message)]
#[rtype(result = "Result<Arc<Catalog>, ChangeError>")]
pub struct Change(pub CatalogEdit);

/// The shards that hear of changes.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Shards(pub Vec<ShardHandle>);

/// Why the catalog stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// The change makes no sense with the catalog in force.
    #[error(transparent)]
    Refused(#[from] CatalogError),
    /// The engine stops or has failed.
    #[error("the engine is stopping")]
    Stopping,
}

/// Writes the catalog.
pub struct CatalogActor {
    journal: Box<dyn Journal>,
    last: Seq,
    catalog: Arc<ArcSwap<Catalog>>,
    clock: Arc<dyn Clock>,
    shards: Vec<ShardHandle>,
    images: Option<CatalogImages>,
    on_fatal: OnFatal,
    failed: bool,
}

impl CatalogActor {
    /// A writer that continues `journal`, which was acquired, after `last`, and takes snapshots if
    /// it is given the means.
    #[must_use]
    pub fn new(
        journal: Box<dyn Journal>,
        last: Seq,
        catalog: Arc<ArcSwap<Catalog>>,
        clock: Arc<dyn Clock>,
        images: Option<CatalogImages>,
        on_fatal: OnFatal,
    ) -> Self {
        Self { journal, last, catalog, clock, shards: Vec::new(), images, on_fatal, failed: false }
    }

    /// Does now what is asked for, at the clock's time. Before the actor is started no shard hears
    /// of it.
    ///
    /// # Errors
    /// [`ChangeError`]: the catalog is what it was.
    pub fn change(&mut self, edit: CatalogEdit) -> Result<Arc<Catalog>, ChangeError> {
        if self.failed {
            return Err(ChangeError::Stopping);
        }
        let current = self.catalog.load_full();
        let now = self.clock.now();
        let Some(change) = current.resolve(edit, now)? else { return Ok(current) };
        // Checks end here: a change that cannot be made is not journaled.
        let next = Arc::new(current.with(&change)?);
        let mut bytes = Vec::new();
        put_change(&mut bytes, &change);
        // What the journal cannot take, or recovery cannot read, must not get there.
        if bytes.len() > RECORD_BYTES_MAX || read_change(&mut Reader::new(&bytes)).is_err() {
            return Err(CatalogError::TooLong.into());
        }
        if let Err(error) = self.append(&bytes, now) {
            self.failed = true;
            (self.on_fatal)(&format!("the catalog's journal failed: {error}"));
            return Err(ChangeError::Stopping);
        }
        self.catalog.store(Arc::clone(&next));
        if let Some(images) = &mut self.images {
            images.consider(&next, self.last, now);
        }
        Ok(next)
    }

    fn append(&mut self, bytes: &[u8], base_time: Timestamp) -> Result<(), JournalError> {
        let seq = self.last.next();
        self.journal.submit(Records { first: seq, last: seq, base_time, bytes })?;
        self.last = self.journal.commit()?;
        match self.images.as_mut().and_then(CatalogImages::take_trimmable) {
            Some(through) => self.journal.trim(through),
            None => Ok(()),
        }
    }
}

impl Actor for CatalogActor {
    type Context = Context<Self>;
}

impl Handler<Shards> for CatalogActor {
    type Result = ();

    fn handle(&mut self, Shards(shards): Shards, _: &mut Context<Self>) {
        self.shards = shards;
    }
}

impl Handler<Change> for CatalogActor {
    type Result = AtomicResponse<Self, Result<Arc<Catalog>, ChangeError>>;

    fn handle(&mut self, Change(edit): Change, _: &mut Context<Self>) -> Self::Result {
        let changed = self.change(edit);
        let shards = self.shards.clone();
        let entered = async move {
            let catalog = changed?;
            let mut entering = Vec::new();
            for shard in &shards {
                let (done, entered) = oneshot::channel();
                let proposals = vec![Proposal::Catalog(catalog.version)];
                let propose = Propose { proposals, done: Some(done) };
                shard.propose(propose).await.map_err(|_| ChangeError::Stopping)?;
                entering.push(entered);
            }
            for entered in entering {
                entered.await.map_err(|_| ChangeError::Stopping)?;
            }
            Ok(catalog)
        };
        AtomicResponse::new(Box::pin(wrap_future(entered).map(|result, _, _| result)))
    }
}

#[cfg(test)]
mod tests;
