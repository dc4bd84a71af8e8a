//! A snapshot in the making: the state of a shard at one position, imaged while it changes.
//!
//! From position S on, a customer that is about to change is imaged first; the others are walked in
//! slices between batches. Remembered keys are sealed at S. The disk is written by a thread of its
//! own, which says when it has room.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use foldhash::fast::RandomState;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::customer::{self, CustomerParts};
use crate::encoding::{self, Malformed, Reader};
use crate::engine::customer_meter::{CustomerMeter, Moments};
use crate::engine::entry::NewCustomer;
use crate::engine::journal_thread::JournalState;
use crate::engine::shard::Shard;
use crate::id::{
    CustomerId, CustomerNumber, Epoch, MeterNumber, OrganizationNumber, Seq, ShardNumber,
};
use crate::journal::profile::{put_profile, read_profile};
use crate::journal::wire::Wire;
use crate::metrics::ShardMetrics;
use crate::profile::Profile;
use crate::snapshot::account_image::{put_account, read_account};
use crate::snapshot::{
    BLOCK_BYTES_TARGET, Block, BlockKind, Header, ImageHandle, SnapshotError, SnapshotStore,
    Totals, Unsent, WriteOptions, WriteRate,
};
use crate::time::Timestamp;

/// Customers that are imaged in one slice.
const SLICE_CUSTOMERS: u32 = 256;

/// How long to wait for the disk before asking again whether it has room.
const DISK_PAUSE: Duration = Duration::from_millis(2);

/// How long to let others work after a slice: imaging is never urgent.
const SLICE_PAUSE: Duration = Duration::from_micros(200);

/// What a snapshot leaves room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Commands: they come first on the arbiter and on the disk.
    Beside,
    /// Nothing: the shard drains.
    Alone,
}

/// Who wants to know how a snapshot ended.
pub type SnapshotHeard = oneshot::Sender<Result<Seq, String>>;

/// Makes the snapshots of one shard.
#[derive(Debug, Clone)]
pub struct SnapshotTaker {
    /// Where they go.
    pub store: SnapshotStore,
    /// Whose they are.
    pub shard: ShardNumber,
    /// The journal that leads to them.
    pub journal_id: Uuid,
    /// The epoch in which it is written.
    pub epoch: Epoch,
    /// How they share the disk.
    pub options: WriteOptions,
    /// What is counted.
    pub metrics: ShardMetrics,
}

/// A snapshot in the making.
pub struct Imaging {
    seq: Seq,
    /// The time of that position: sums are taken as of then, since grants expire meanwhile.
    time: Timestamp,
    /// Customers below are imaged.
    next: u32,
    /// Customers that were there at the seal.
    end: u32,
    /// Customers at or above `next` that are imaged already, because they changed.
    ahead: HashSet<u32, RandomState>,
    customers: Vec<u8>,
    ready: VecDeque<Block>,
    totals: Totals,
    keys_done: bool,
    slice_pause: Duration,
    handle: Option<ImageHandle>,
    heard: Arc<parking_lot::Mutex<Vec<SnapshotHeard>>>,
}

impl Imaging {
    /// Begins a snapshot of `shard` as it is now. `None` when it failed to begin, or when the
    /// newest snapshot holds this state already; `heard` is told.
    pub fn begin(
        shard: &mut Shard,
        taker: &SnapshotTaker,
        journal: &Arc<JournalState>,
        pace: Pace,
        heard: SnapshotHeard,
    ) -> Option<Self> {
        let seq = shard.applied;
        if taker.store.list().is_ok_and(|all| all.first() == Some(&seq)) || seq == Seq::ZERO {
            drop(heard.send(Ok(seq)));
            return None;
        }
        let header = Header {
            journal_id: taker.journal_id,
            epoch: taker.epoch,
            seq,
            shard: taker.shard,
            time: shard.time,
        };
        let waiting = Arc::new(parking_lot::Mutex::new(vec![heard]));
        let outcome = Outcome {
            waiting: Arc::clone(&waiting),
            journal: Arc::clone(journal),
            metrics: taker.metrics.clone(),
            begun: now(),
        };
        let (options, slice_pause) = match pace {
            Pace::Beside => (taker.options, SLICE_PAUSE),
            Pace::Alone => {
                (WriteOptions { rate: WriteRate::Unlimited, ..taker.options }, Duration::ZERO)
            }
        };
        let started = ImageHandle::start(
            taker.store.clone(),
            header,
            options,
            Box::new(move |result| outcome.tell(result)),
        );
        let handle = match started {
            Ok(handle) => handle,
            Err(error) => {
                tracing::error!(%error, "no thread for a snapshot");
                for heard in waiting.lock().drain(..) {
                    drop(heard.send(Err(error.to_string())));
                }
                return None;
            }
        };
        shard.keys.seal();
        let mut first = Vec::new();
        encoding::put_varint(&mut first, shard.catalog.0);
        Some(Self {
            seq,
            time: header.time,
            next: 0,
            end: u32::try_from(shard.customers_len()).unwrap_or(u32::MAX),
            ahead: HashSet::default(),
            customers: Vec::new(),
            ready: VecDeque::from([Block { kind: BlockKind::CATALOG, bytes: first }]),
            totals: Totals::default(),
            keys_done: false,
            slice_pause,
            handle: Some(handle),
            heard: waiting,
        })
    }

    /// One more wants to know how it ends.
    pub fn also_tell(&mut self, heard: SnapshotHeard) {
        self.heard.lock().push(heard);
    }

    /// `customer` is about to change: what it was is imaged first.
    pub fn before_change(&mut self, shard: &Shard, customer: CustomerNumber) {
        let CustomerNumber(number) = customer;
        if number >= self.next && number < self.end && self.ahead.insert(number) {
            self.image_customer(shard, customer);
        }
    }

    /// Images some more, and says how long to leave the arbiter to others. `None` when nothing is
    /// left to do here; the disk may still be at work.
    pub fn step(&mut self, shard: &mut Shard) -> Option<Duration> {
        if !self.hand_over() {
            return Some(DISK_PAUSE);
        }
        self.handle.as_ref()?;
        if self.next < self.end {
            let end = self.next.saturating_add(SLICE_CUSTOMERS).min(self.end);
            for number in self.next..end {
                if !self.ahead.remove(&number) {
                    self.image_customer(shard, CustomerNumber(number));
                }
            }
            self.next = end;
            return Some(self.slice_pause);
        }
        self.close_block();
        if !self.keys_done {
            let mut bytes = Vec::new();
            match shard.keys.image_next(&mut bytes) {
                Some(imaged) => {
                    self.totals.keys = self.totals.keys.saturating_add(imaged.keys);
                    self.ready.push_back(Block { kind: BlockKind::KEYS, bytes });
                }
                None => self.keys_done = true,
            }
            return Some(self.slice_pause);
        }
        if self.ready.is_empty()
            && let Some(handle) = self.handle.take()
        {
            handle.finish(self.totals);
        }
        None
    }

    /// The position of this snapshot.
    #[must_use]
    pub const fn seq(&self) -> Seq {
        self.seq
    }

    /// Hands finished blocks to the disk. `false` while it has no room.
    fn hand_over(&mut self) -> bool {
        while let (Some(handle), Some(block)) = (&mut self.handle, self.ready.pop_front()) {
            match handle.send(block) {
                Ok(()) => {}
                Err(Unsent::Full(block)) => {
                    self.ready.push_front(block);
                    return false;
                }
                // It failed; the outcome was told.
                Err(Unsent::Ended(_)) => {
                    self.handle = None;
                    self.ready.clear();
                }
            }
        }
        true
    }

    fn image_customer(&mut self, shard: &Shard, number: CustomerNumber) {
        let Some(customer) = shard.customer(number) else { return };
        let out = &mut self.customers;
        encoding::put_varint(out, u64::from(number.0));
        encoding::put_varint(out, u64::from(customer.organization.0));
        encoding::put_uuid(out, customer.id.0);
        encoding::put_bytes(out, customer.external_id.as_bytes());
        encoding::put_time(out, customer.created_at);
        encoding::put_optional_time(out, customer.first_event_at);
        out.push(u8::from(customer.profile.is_some()));
        if let Some(profile) = &customer.profile {
            put_profile(out, profile);
        }
        out.push(u8::from(customer.purchases.is_some()));
        if let Some(purchases) = &customer.purchases {
            customer::Customer::clone(purchases).into_parts().put(out);
        }
        let meters = shard.customer_meters(number);
        encoding::put_varint(out, u64::try_from(meters.count()).unwrap_or(u64::MAX));
        for (meter, actor) in shard.customer_meters(number) {
            let (account, moments) = (actor.account(), actor.moments());
            encoding::put_varint(out, u64::from(meter.0));
            encoding::put_time(out, moments.first);
            encoding::put_time(out, moments.last);
            put_account(out, account);
            let standing = account.standing_at(self.time);
            self.totals.credited.add(standing.credited);
            self.totals.consumed.add(standing.consumed);
            self.totals.accounts = self.totals.accounts.saturating_add(1);
        }
        self.totals.customers = self.totals.customers.saturating_add(1);
        if out.len() >= BLOCK_BYTES_TARGET {
            self.close_block();
        }
    }

    fn close_block(&mut self) {
        if !self.customers.is_empty() {
            let bytes = std::mem::take(&mut self.customers);
            self.ready.push_back(Block { kind: BlockKind::CUSTOMERS, bytes });
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "measures how long a snapshot takes")]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}

/// What happens when the disk is done.
struct Outcome {
    waiting: Arc<parking_lot::Mutex<Vec<SnapshotHeard>>>,
    journal: Arc<JournalState>,
    metrics: ShardMetrics,
    begun: std::time::Instant,
}

impl Outcome {
    fn tell(self, result: Result<crate::snapshot::SnapshotDone, SnapshotError>) {
        let said = match result {
            Ok(done) => {
                let seq = done.summary.header.seq;
                self.metrics.observe_snapshot(self.begun.elapsed(), seq);
                match done.trim_through {
                    Ok(through) => self.journal.trim(through),
                    Err(error) => tracing::warn!(%error, "older snapshots stay"),
                }
                tracing::info!(%seq, took = ?self.begun.elapsed(), "snapshot written");
                Ok(seq)
            }
            Err(error) => {
                self.metrics.snapshots_failed.inc();
                tracing::error!(%error, "snapshot failed; the ones before stay");
                Err(error.to_string())
            }
        };
        for heard in self.waiting.lock().drain(..) {
            drop(heard.send(said.clone()));
        }
    }
}

/// A customer of an image, and its meters.
pub struct ImagedCustomer {
    /// Who it is.
    pub customer: NewCustomer,
    /// Who it is to its organization.
    pub profile: Option<Box<Profile>>,
    /// What it has bought.
    pub purchases: Option<Box<customer::Customer>>,
    /// When its first event came in.
    pub first_event_at: Option<Timestamp>,
    /// Its meters.
    pub meters: Vec<(MeterNumber, CustomerMeter)>,
}

/// Reads the next customer of a block of customers.
///
/// # Errors
/// [`Malformed`] when the bytes are no customer.
pub fn read_customer(reader: &mut Reader<'_>) -> Result<ImagedCustomer, Malformed> {
    let customer = NewCustomer {
        number: CustomerNumber(reader.number()?),
        organization: OrganizationNumber(reader.number()?),
        id: CustomerId(reader.uuid()?),
        external_id: reader.text()?.into(),
        created_at: reader.time()?,
    };
    let first_event_at = reader.optional_time()?;
    let profile = match reader.byte()? {
        0 => None,
        1 => Some(Box::new(read_profile(reader)?)),
        _ => return Err(Malformed("neither a profile nor none")),
    };
    let purchases = match reader.byte()? {
        0 => None,
        1 => Some(Box::new(CustomerParts::read(reader)?.try_into()?)),
        _ => return Err(Malformed("neither purchases nor none")),
    };
    let count: usize = reader.number()?;
    if count > reader.remaining() {
        return Err(Malformed("more meters than bytes"));
    }
    let meters =
        (0..count).map(|_| read_customer_meter(reader)).collect::<Result<_, Malformed>>()?;
    Ok(ImagedCustomer { customer, profile, purchases, first_event_at, meters })
}

fn read_customer_meter(reader: &mut Reader<'_>) -> Result<(MeterNumber, CustomerMeter), Malformed> {
    let number = MeterNumber(reader.number()?);
    let moments = Moments { first: reader.time()?, last: reader.time()? };
    Ok((number, CustomerMeter::recovered(read_account(reader)?, moments)))
}

#[cfg(test)]
mod tests;
