//! Sequencing: a call gets its time, its place in the journal and its record.
//!
//! Everything that apply will need is decided here, once, and written down: who the customer is,
//! which meters an event feeds, what a grant is called. Nothing here moves a balance.

use std::collections::VecDeque;
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use smallvec::SmallVec;

use crate::account::{Action, Posting};
use crate::catalog::Catalog;
use crate::customer::CreditOn;
use crate::engine::call::{Call, CallBody, GrantCall, Group, Proposal};
use crate::engine::directory::{CustomerPlace, Directory, NameHash, Recall};
use crate::engine::entry::{Entry, EntryBody, EntryKey, EventEntry, NewCustomer};
use crate::engine::open_batch::{OPEN_BYTES_MAX, Open, OpenBatch, TooLarge};
use crate::engine::reply::{EngineError, Reply};
use crate::engine::shard::Shard;
use crate::event::{Event, EventCustomer};
use crate::grant::{GrantTerms, Rollover, Source};
use crate::id::{
    CustomerId, CustomerNumber, EXTERNAL_ID_BYTES_MAX, GrantId, KEY_BYTES_MAX, KeyHash, KeySpace,
    OrganizationNumber, ProductId, Seq, ShardNumber,
};
use crate::journal::record::{self, CommandHead};
use crate::product::ProductTerms;
use crate::slot::mint_customer_id;
use crate::span::Span;
use crate::time::{Clock, Timestamp};
use crate::units::Draw;

mod profiles;
mod step;
pub mod turnovers;

pub use self::step::{Answers, Read, ReadWhat, Step, StepBody};

/// Calls of a group whose names are hashed without allocating.
const NAMES_INLINE: usize = 32;

/// Gives the calls of one shard their order.
pub struct Sequencer {
    shard: ShardNumber,
    seed: u64,
    directory: Arc<Directory>,
    recall: Recall,
    clock: Arc<dyn Clock>,
    catalog: Arc<Catalog>,
    open: OpenBatch,
    next_customer: CustomerNumber,
    time: Timestamp,
    steps_pending_max: usize,
    credit_on: CreditOn,
    /// What products sell by the catalog in force, of those asked for.
    terms: HashMap<ProductId, Arc<ProductTerms>, FixedState>,
    /// Up to when turnovers of these customers were sequenced that may not be applied yet.
    caught_up: HashMap<CustomerNumber, Timestamp, FixedState>,
}

/// What a sequencer begins with.
pub struct SequencerStart {
    /// Its shard.
    pub shard: ShardNumber,
    /// The directory's secret seed of key hashes.
    pub seed: u64,
    /// Who is where.
    pub directory: Arc<Directory>,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// The catalog in force.
    pub catalog: Arc<Catalog>,
    /// Where records go.
    pub open: OpenBatch,
    /// The number of the next customer who appears.
    pub next_customer: CustomerNumber,
    /// The time of the last record.
    pub time: Timestamp,
    /// Most steps that wait for their sync and their turn; more are answered "busy".
    pub steps_pending_max: usize,
    /// When a new period's credits are made.
    pub credit_on: CreditOn,
}

impl Sequencer {
    /// A sequencer that continues where the journal ends.
    #[must_use]
    pub fn new(start: SequencerStart) -> Self {
        let SequencerStart {
            shard,
            seed,
            directory,
            clock,
            catalog,
            open,
            next_customer,
            time,
            steps_pending_max,
            credit_on,
        } = start;
        Self {
            shard,
            seed,
            directory,
            recall: Recall::default(),
            clock,
            catalog,
            open,
            next_customer,
            time,
            steps_pending_max,
            credit_on,
            terms: HashMap::default(),
            caught_up: HashMap::default(),
        }
    }

    /// The present, which never goes backwards within a shard.
    pub fn now(&mut self) -> Timestamp {
        self.time = self.time.max(self.clock.now());
        self.time
    }

    /// Gives the calls of `group` their places, and appends a step for each to `steps`.
    ///
    /// Turnovers of their customers that are due by now come ahead of them; `shard` tells which.
    pub fn sequence(
        &mut self,
        group: &mut Group,
        writes: Writes,
        shard: &Shard,
        steps: &mut VecDeque<Step>,
    ) {
        let overdue = match writes {
            Writes::Taken => self.overdue(shard),
            Writes::DiskFull => None,
        };
        let time = self.now();
        let batch = self.open.clone();
        let mut open = batch.lock();
        let before = open.last();
        let (organization, text) = (group.organization, group.text.clone());
        let names = self.names(organization, &text, &group.calls);
        for (call, name) in group.calls.drain(..).zip(names) {
            let mut at =
                At { open: &mut open, steps, text: &text, organization, time, name, overdue };
            let refused = match (call.body.is_read(), writes) {
                (true, _) | (false, Writes::Taken) => None,
                (false, Writes::DiskFull) => Some(EngineError::DiskFull),
            };
            let said = match refused {
                Some(error) => Err(error),
                None => self.call(call, &mut at),
            };
            let body = match said {
                Ok(body) => body,
                Err(error) => StepBody::Say(Reply::Error(error)),
            };
            steps.push_back(Step { body, answers: Answers::Caller });
        }
        let appended = open.last() != before;
        drop(open);
        if appended {
            batch.appended();
        }
    }

    /// The hashes of the calls' customers, all of them brought into the cache.
    fn names(
        &self,
        organization: OrganizationNumber,
        text: &[u8],
        calls: &[Call],
    ) -> SmallVec<[NameHash; NAMES_INLINE]> {
        let names: SmallVec<[NameHash; NAMES_INLINE]> = calls
            .iter()
            .map(|call| self.directory.name_hash(organization, call.customer.of(text)))
            .collect();
        let touched = names.iter().fold(0, |touched, name| touched ^ self.recall.touch(*name));
        std::hint::black_box(touched);
        names
    }

    fn call(&mut self, call: Call, at: &mut At<'_, '_>) -> Result<StepBody, EngineError> {
        let name = call.customer.of(at.text);
        let key = call.key.of(at.text);
        if key.len() > KEY_BYTES_MAX {
            return Err(EngineError::KeyTooLong);
        }
        match call.body {
            CallBody::Balance(meter) => self.read(name, ReadWhat::Balance(meter), at),
            CallBody::Grants(meter) => self.read(name, ReadWhat::Grants(meter), at),
            CallBody::State => self.read(name, ReadWhat::State, at),
            CallBody::Use { meter, units, at: used_at } => {
                if used_at.is_some_and(|used_at| used_at > at.time) {
                    return Err(EngineError::InFuture);
                }
                let customer = self.find_or_introduce(name, at)?;
                let head = CommandHead { customer, meter, key, at: used_at };
                self.command(&head, Action::Use(Posting::Draw(Draw::from(units))), at)
            }
            CallBody::Debit { meter, units } => {
                let customer = self.find_or_introduce(name, at)?;
                let head = CommandHead { customer, meter, key, at: None };
                self.command(&head, Action::Debit(units), at)
            }
            CallBody::Grant { meter, terms } => {
                let customer = self.find_or_introduce(name, at)?;
                let terms = self.grant_terms(customer, key, &terms, at)?;
                let head = CommandHead { customer, meter, key, at: None };
                self.command(&head, Action::Grant(Box::new(terms)), at)
            }
            CallBody::Void { meter, grant_key } => {
                let customer = self.find_or_introduce(name, at)?;
                let made_with = grant_key.of(at.text);
                let hash = KeyHash::of(self.seed, customer, KeySpace::Command, made_with);
                let head = CommandHead { customer, meter, key, at: None };
                self.command(&head, Action::Void(GrantId::of_key(hash)), at)
            }
            CallBody::Account { meter, action } => {
                let customer = self.find_or_introduce(name, at)?;
                let head = CommandHead { customer, meter, key, at: None };
                self.command(&head, action, at)
            }
            CallBody::Purchase(command) => {
                let customer = self.find(name, at)?.ok_or(EngineError::UnknownCustomer)?;
                Self::purchase(customer, *command, at)
            }
            CallBody::Profile { command, id } => self.profile(name, *command, id, at),
            CallBody::Event { event, json } => self.event(&event, json, at),
        }
    }

    fn read(
        &mut self,
        name: &[u8],
        what: ReadWhat,
        at: &mut At<'_, '_>,
    ) -> Result<StepBody, EngineError> {
        let customer = self.find(name, at)?;
        Ok(StepBody::Read(Read { customer, time: at.time, what }))
    }

    /// The customer, whose turnovers up to now come first.
    fn find(
        &mut self,
        name: &[u8],
        at: &mut At<'_, '_>,
    ) -> Result<Option<CustomerNumber>, EngineError> {
        let found = self.look_up(name, at)?;
        if let Some(customer) = found {
            self.catch_up(customer, at)?;
        }
        Ok(found)
    }

    fn look_up(
        &mut self,
        name: &[u8],
        at: &At<'_, '_>,
    ) -> Result<Option<CustomerNumber>, EngineError> {
        if let Some(customer) = self.recall.find(at.name) {
            return Ok(Some(customer));
        }
        if let Some(place) = self.directory.by_name_hash(at.name)
            && place.shard == self.shard
        {
            self.recall.enter(at.name, place.number);
            return Ok(Some(place.number));
        }
        match self.directory.find(at.organization, name) {
            Some(place) if place.shard == self.shard => Ok(Some(place.number)),
            // The door sends calls by slot, and customers lie in the slot of either id.
            Some(_) => Err(EngineError::UnknownCustomer),
            None => Ok(None),
        }
    }

    fn find_or_introduce(
        &mut self,
        name: &[u8],
        at: &mut At<'_, '_>,
    ) -> Result<CustomerNumber, EngineError> {
        match self.find(name, at)? {
            Some(customer) => Ok(customer),
            None => self.introduce(name, at),
        }
    }

    /// A customer-to-be gets its final id with its first command.
    fn introduce(
        &mut self,
        name: &[u8],
        at: &mut At<'_, '_>,
    ) -> Result<CustomerNumber, EngineError> {
        let external_id = std::str::from_utf8(name)
            .ok()
            .filter(|text| !text.is_empty() && text.len() <= EXTERNAL_ID_BYTES_MAX)
            .filter(|text| !text.contains('\0'))
            .ok_or(EngineError::CustomerName)?;
        let id = mint_customer_id(uuid::Uuid::new_v4().as_u128(), name);
        self.enter(id, external_id, at)
    }

    fn enter(
        &mut self,
        id: CustomerId,
        external_id: &str,
        at: &mut At<'_, '_>,
    ) -> Result<CustomerNumber, EngineError> {
        let number = self.next_customer;
        let following = number.0.checked_add(1).ok_or(EngineError::ShardFull)?;
        let (organization, place) = (at.organization, CustomerPlace { shard: self.shard, number });
        at.append(|out, delta| {
            record::put_customer(out, delta, number, organization, id, external_id);
        })?;
        // Names are reserved before anybody else could sequence them: this shard alone sequences
        // its slots.
        let entered = self.directory.enter(organization, id, external_id, place);
        assert!(entered, "a name that was free a moment ago is taken");
        self.next_customer = CustomerNumber(following);
        let body = EntryBody::Customer(Box::new(NewCustomer {
            number,
            organization,
            id,
            external_id: external_id.into(),
            created_at: at.time,
        }));
        let body = StepBody::Apply(Entry { time: at.time, body });
        at.steps.push_back(Step { body, answers: Answers::Nobody });
        Ok(number)
    }

    fn command(
        &self,
        head: &CommandHead<'_>,
        action: Action,
        at: &mut At<'_, '_>,
    ) -> Result<StepBody, EngineError> {
        at.append(|out, delta| record::put_command(out, delta, head, &action))?;
        let key = EntryKey::of(self.seed, head.customer, head.key, head.meter, &action);
        let CommandHead { customer, meter, .. } = *head;
        let body = EntryBody::Command { customer, meter, key, action };
        Ok(StepBody::Apply(Entry { time: at.time, body }))
    }

    fn grant_terms(
        &self,
        customer: CustomerNumber,
        key: &[u8],
        asked: &GrantCall,
        at: &At<'_, '_>,
    ) -> Result<GrantTerms, EngineError> {
        let effective_at = asked.effective_at.unwrap_or(at.time);
        if asked.expires_at.is_some_and(|end| end <= at.time || end <= effective_at) {
            return Err(EngineError::Expired);
        }
        let id = if key.is_empty() {
            GrantId::of_record(self.seed, self.shard, at.open.last().next(), 0)
        } else {
            GrantId::of_key(KeyHash::of(self.seed, customer, KeySpace::Command, key))
        };
        Ok(GrantTerms {
            id,
            amount: asked.units.decimal(),
            priority: asked.priority,
            effective_at,
            expires_at: asked.expires_at,
            rollover: Rollover::Ends,
            source: Source::Manual,
        })
    }

    fn event(
        &mut self,
        event: &Event,
        json: Span,
        at: &mut At<'_, '_>,
    ) -> Result<StepBody, EngineError> {
        let customer = match &event.customer {
            EventCustomer::ByCustomerId(id) => {
                let found = self.directory.by_id(at.organization, *id);
                let customer = found.ok_or(EngineError::UnknownCustomer)?.number;
                self.catch_up(customer, at)?;
                customer
            }
            EventCustomer::ByExternalId(name) => {
                at.name = self.directory.name_hash(at.organization, name.as_bytes());
                self.find_or_introduce(name.as_bytes(), at)?
            }
        };
        let postings = self.catalog.postings(at.organization, event);
        let key = event.external_id.as_deref().unwrap_or("").as_bytes();
        let json = json.of(at.text);
        at.append(|out, delta| {
            record::put_event(out, delta, customer, key, &postings, json);
        })?;
        let key = (!key.is_empty()).then(|| KeyHash::of(self.seed, customer, KeySpace::Event, key));
        let body = EntryBody::Event(Box::new(EventEntry { customer, key, postings }));
        Ok(StepBody::Apply(Entry { time: at.time, body }))
    }

    /// Gives what the engine asks of itself its place. `catalog` is the one in force.
    ///
    /// # Errors
    /// [`EngineError::TooLarge`] never in practice: these records are short.
    pub fn propose(
        &mut self,
        proposal: Proposal,
        catalog: &Arc<Catalog>,
        shard: &Shard,
        steps: &mut VecDeque<Step>,
    ) -> Result<(), EngineError> {
        let overdue = self.overdue(shard);
        let time = self.now();
        let batch = self.open.clone();
        let mut open = batch.lock();
        let mut at = At {
            open: &mut open,
            steps,
            text: &[],
            organization: OrganizationNumber(0),
            time,
            name: NameHash::default(),
            overdue,
        };
        let body = match proposal {
            Proposal::TurnOver(customer) => {
                self.catch_up(customer, &mut at)?;
                None
            }
            Proposal::SyncBenefits { customer, product } => {
                self.sync_benefits(customer, product, &mut at)?
            }
            Proposal::Advance { customer, meter } => {
                let head = CommandHead { customer, meter, key: &[], at: None };
                Some(self.command(&head, Action::Advance, &mut at)?)
            }
            Proposal::Catalog(version) => {
                self.catalog = Arc::clone(catalog);
                self.terms.clear();
                at.append(|out, delta| record::put_catalog(out, delta, version))?;
                Some(StepBody::Apply(Entry { time, body: EntryBody::Catalog(version) }))
            }
        };
        steps.extend(body.map(|body| Step { body, answers: Answers::Nobody }));
        drop(open);
        batch.appended();
        Ok(())
    }

    /// The position of the last record that was sequenced.
    #[must_use]
    pub fn last(&self) -> Seq {
        self.open.lock().last()
    }

    /// Whether more may be taken in while `pending` steps wait.
    #[must_use]
    pub fn has_room(&self, pending: usize) -> bool {
        pending < self.steps_pending_max && self.open.lock().bytes() < OPEN_BYTES_MAX
    }
}

/// Whether writes are sequenced at present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writes {
    /// They are.
    Taken,
    /// They are refused: the disk has no room but the reserve.
    DiskFull,
}

/// Where sequencing stands.
struct At<'a, 'o> {
    open: &'a mut parking_lot::MutexGuard<'o, Open>,
    steps: &'a mut VecDeque<Step>,
    text: &'a [u8],
    organization: OrganizationNumber,
    time: Timestamp,
    /// The customer's name, as it is looked up.
    name: NameHash,
    /// The shard, when somebody's turnover is due.
    overdue: Option<&'a Shard>,
}

impl At<'_, '_> {
    fn append(&mut self, put: impl FnOnce(&mut Vec<u8>, u64)) -> Result<(), EngineError> {
        match self.open.append(self.time, put) {
            Ok(_) => Ok(()),
            Err(TooLarge) => Err(EngineError::TooLarge),
        }
    }
}
