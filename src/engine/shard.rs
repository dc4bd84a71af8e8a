//! A shard's state: its customers, their meters and the keys they sent, and how a committed entry
//! changes them.
//!
//! Live entries and replayed ones take the same way through [`Shard::apply`]. It reads no clock and
//! performs nothing: what others have to do comes out as [`Effects`].

use crate::account::{Account, AccountError, Action, Effect, Standing, Verdict};
use crate::customer::{self, CustomerEffect};
use crate::engine::customer_meter::{Apply, CustomerMeter, Moments};
use crate::engine::entry::{Entry, EntryBody, EntryKey, EventEntry, NewCustomer};
use crate::engine::hosted::{Arena, Place};
use crate::engine::reply::{EngineError, GrantView, MeterState, Reply, Said};
use crate::id::{CatalogVersion, CustomerId, CustomerNumber, MeterNumber, OrganizationNumber, Seq};
use crate::keys::{KeyVerdict, Keys};
use crate::profile::{Profile, ProfileCommand};
use crate::time::Timestamp;
use crate::units::Balance;

/// A customer of this shard.
#[derive(Debug)]
pub struct Customer {
    /// Whose customer it is.
    pub organization: OrganizationNumber,
    /// Its id for ever.
    pub id: CustomerId,
    /// The application's own id; empty when it has none yet.
    pub external_id: Box<str>,
    /// When it appeared.
    pub created_at: Timestamp,
    /// Who it is to its organization, once it is registered.
    pub profile: Option<Box<Profile>>,
    /// What it has bought, once it has bought anything.
    pub purchases: Option<Box<customer::Customer>>,
    /// When its first event came in.
    pub first_event_at: Option<Timestamp>,
    /// The customer's meters that ever moved, behind the first one, in that order.
    others: Vec<Home>,
}

mod purchases;

use purchases::Calendar;

/// A meter that a customer moved, and where the actor of both lives.
#[derive(Debug, Clone, Copy)]
struct Home {
    meter: MeterNumber,
    place: Place,
}

/// What an entry leaves for others to do, and which account it came from.
pub type Effects = Vec<(CustomerNumber, MeterNumber, Effect)>;

/// Entries whose state is read ahead of its use at a time.
pub const TOUCHED_ENTRIES_MAX: usize = 32;

/// The state of one shard.
#[derive(Debug)]
pub struct Shard {
    customers: Vec<Customer>,
    /// Each customer's first meter and where its actor lives: most have one, and this list is so
    /// dense that the cache holds it.
    homes: Vec<Option<Home>>,
    meters: Arena<CustomerMeter>,
    calendar: Calendar,
    /// The keys that customers sent.
    pub keys: Keys,
    /// The last record that was applied.
    pub applied: Seq,
    /// The time of that record.
    pub time: Timestamp,
    /// What became of purchases, for others to take.
    pub happened: Vec<(CustomerNumber, CustomerEffect)>,
    /// The catalog that the records so far were resolved with.
    pub catalog: CatalogVersion,
}

impl Shard {
    /// An empty shard that remembers keys for at least `key_window` microseconds.
    #[must_use]
    pub fn new(key_window: i64) -> Self {
        Self {
            customers: Vec::new(),
            homes: Vec::new(),
            meters: Arena::default(),
            calendar: Calendar::default(),
            keys: Keys::new(key_window),
            applied: Seq::ZERO,
            time: Timestamp::MIN,
            happened: Vec::new(),
            catalog: CatalogVersion(0),
        }
    }

    /// Applies the entry at the position after [`Shard::applied`], and appends what it leaves for
    /// others to `effects`. Returns what the sender is told; after an error it changed nothing and
    /// takes no key.
    pub fn apply(&mut self, entry: &Entry, effects: &mut Effects) -> Reply {
        self.applied = self.applied.next();
        self.time = self.time.max(entry.time);
        self.keys.advance_to(self.time);
        match &entry.body {
            EntryBody::Customer(customer) => self.introduce(customer),
            EntryBody::Command { customer, meter, key, action } => {
                self.command(*customer, *meter, *key, action, effects)
            }
            EntryBody::Event(event) => self.event(event, effects),
            EntryBody::Profile(entry) => self.profile(entry.customer, &entry.command),
            EntryBody::Purchase(entry) => self.purchase(entry, effects),
            EntryBody::Catalog(version) => {
                self.catalog = *version;
                Reply::Done
            }
        }
    }

    fn introduce(&mut self, new: &NewCustomer) -> Reply {
        // The sequencer numbers customers in journal order; anything else would give one customer's
        // balance to another.
        assert_eq!(
            usize::try_from(new.number.0).ok(),
            Some(self.customers.len()),
            "customer numbers follow the journal"
        );
        self.customers.push(Customer {
            organization: new.organization,
            id: new.id,
            external_id: new.external_id.clone(),
            created_at: new.created_at,
            profile: None,
            purchases: None,
            first_event_at: None,
            others: Vec::new(),
        });
        self.homes.push(None);
        Reply::Done
    }

    fn profile(&mut self, number: CustomerNumber, command: &ProfileCommand) -> Reply {
        let now = self.time;
        let Some(customer) = self.customer_mut(number) else {
            return Reply::Error(EngineError::UnknownCustomer);
        };
        match (command, customer.profile.as_deref_mut()) {
            (ProfileCommand::Register(details), None) => {
                customer.profile = Some(Box::new(Profile::registered(details.clone(), now)));
            }
            (ProfileCommand::Register(_), Some(_)) => {
                return Reply::Error(EngineError::ExternalIdTaken);
            }
            (ProfileCommand::Amend { external_id, change }, Some(profile)) if profile.is_live() => {
                if let Some(external_id) = external_id {
                    if !customer.external_id.is_empty() {
                        return Reply::Error(EngineError::ExternalIdFixed);
                    }
                    customer.external_id = external_id.clone();
                }
                profile.amend(change, now);
            }
            (ProfileCommand::Delete, Some(profile)) if profile.is_live() => {
                profile.deleted_at = Some(now);
            }
            (ProfileCommand::Amend { .. } | ProfileCommand::Delete, _) => {
                return Reply::Error(EngineError::UnknownCustomer);
            }
        }
        Reply::Done
    }

    fn customer_mut(&mut self, number: CustomerNumber) -> Option<&mut Customer> {
        self.customers.get_mut(usize::try_from(number.0).ok()?)
    }

    fn command(
        &mut self,
        customer: CustomerNumber,
        meter: MeterNumber,
        key: Option<EntryKey>,
        action: &Action,
        effects: &mut Effects,
    ) -> Reply {
        if let Some(key) = key
            && let Some(remembered) = self.keys.find(key.hash)
        {
            if remembered.fingerprint != key.fingerprint {
                return Reply::Error(EngineError::KeyConflict);
            }
            let said = match remembered.verdict {
                KeyVerdict::Applied => Said::Duplicate,
                KeyVerdict::Refused => Said::DuplicateRefused,
            };
            return Reply::verdict(said, self.balance(customer, meter, self.time));
        }
        let outcome = match self.account_command(customer, meter, action, effects) {
            Ok(outcome) => outcome,
            Err(error) => return Reply::Error(error),
        };
        if matches!(action, Action::Advance)
            && let Some(due) = self.account(customer, meter).and_then(Account::next_due)
        {
            effects.push((customer, meter, Effect::DueAt(due)));
        }
        let (said, remembered) = match outcome.0 {
            Verdict::Applied => (Said::Applied, KeyVerdict::Applied),
            Verdict::Refused(_) => (Said::Refused, KeyVerdict::Refused),
        };
        if let Some(key) = key {
            self.keys.remember(key.hash, key.fingerprint, remembered, self.time);
        }
        Reply::verdict(said, outcome.1)
    }

    fn account_command(
        &mut self,
        customer: CustomerNumber,
        meter: MeterNumber,
        action: &Action,
        effects: &mut Effects,
    ) -> Result<(Verdict, Balance), EngineError> {
        let Some(place) = self.place(customer, meter) else {
            if self.customer(customer).is_none() {
                return Err(EngineError::UnknownCustomer);
            }
            // A meter that never moved starts with its first applied command: one that is refused
            // leaves nothing behind.
            let mut account = Account::default();
            let outcome = account.apply(action, self.time)?;
            if outcome.verdict == Verdict::Applied {
                let begun = CustomerMeter::recovered(account, Moments::once(self.time));
                self.start_meter(customer, meter, begun)?;
            }
            effects.extend(outcome.effects.into_iter().map(|effect| (customer, meter, effect)));
            return Ok((outcome.verdict, outcome.balance));
        };
        let applied = self
            .meters
            .call(place, Apply { action, time: self.time })
            .ok_or(EngineError::UnknownCustomer)?;
        let outcome = applied.0?;
        effects.extend(outcome.effects.into_iter().map(|effect| (customer, meter, effect)));
        Ok((outcome.verdict, outcome.balance))
    }

    fn start_meter(
        &mut self,
        customer: CustomerNumber,
        meter: MeterNumber,
        actor: CustomerMeter,
    ) -> Result<Place, EngineError> {
        let place = self.meters.start(actor).ok_or(EngineError::ShardFull)?;
        let home = Home { meter, place };
        let index = usize::try_from(customer.0).unwrap_or(usize::MAX);
        match (self.homes.get_mut(index), self.customers.get_mut(index)) {
            (Some(first @ None), _) => *first = Some(home),
            (Some(Some(_)), Some(customer)) => customer.others.push(home),
            _ => return Err(EngineError::UnknownCustomer),
        }
        Ok(place)
    }

    fn event(&mut self, event: &EventEntry, effects: &mut Effects) -> Reply {
        if let Some(key) = event.key
            && self.keys.find(key).is_some()
        {
            return Reply::Ingested { inserted: 0, duplicates: 1 };
        }
        // All meters or none: every account is asked before the first one moves.
        for (meter, posting) in &event.postings {
            if let Err(error) = self.check(event.customer, *meter, &Action::Use(*posting)) {
                return Reply::Error(error.into());
            }
        }
        for (meter, posting) in &event.postings {
            let used =
                self.account_command(event.customer, *meter, &Action::Use(*posting), effects);
            assert!(used.is_ok(), "an account refused what it had said it would take");
        }
        if let Some(key) = event.key {
            self.keys.remember(key, 0, KeyVerdict::Applied, self.time);
        }
        let now = self.time;
        if let Some(customer) = self.customer_mut(event.customer) {
            customer.first_event_at.get_or_insert(now);
        }
        Reply::Ingested { inserted: 1, duplicates: 0 }
    }

    fn check(
        &self,
        customer: CustomerNumber,
        meter: MeterNumber,
        action: &Action,
    ) -> Result<(), AccountError> {
        match self.account(customer, meter) {
            Some(account) => account.check(action, self.time),
            None => Account::default().check(action, self.time),
        }
    }

    /// The customer with this number, if it was introduced.
    #[must_use]
    pub fn customer(&self, number: CustomerNumber) -> Option<&Customer> {
        self.customers.get(usize::try_from(number.0).ok()?)
    }

    /// How many customers there are.
    #[must_use]
    pub fn customers_len(&self) -> usize {
        self.customers.len()
    }

    /// How many customer meters there are.
    #[must_use]
    pub fn meters_len(&self) -> usize {
        self.meters.count()
    }

    /// The account of a customer on a meter, if it ever moved.
    #[must_use]
    pub fn account(&self, customer: CustomerNumber, meter: MeterNumber) -> Option<&Account> {
        Some(self.meters.get(self.place(customer, meter)?)?.account())
    }

    fn place(&self, customer: CustomerNumber, meter: MeterNumber) -> Option<Place> {
        let first = (*self.homes.get(usize::try_from(customer.0).ok()?)?)?;
        if first.meter == meter {
            return Some(first.place);
        }
        let others = &self.customer(customer)?.others;
        others.iter().find(|home| home.meter == meter).map(|home| home.place)
    }

    /// A customer's accounts, in the order in which they first moved.
    pub fn accounts(
        &self,
        customer: CustomerNumber,
    ) -> impl Iterator<Item = (MeterNumber, &Account)> {
        self.customer_meters(customer).map(|(meter, actor)| (meter, actor.account()))
    }

    /// A customer's meters, in the order in which they first moved.
    pub fn customer_meters(
        &self,
        customer: CustomerNumber,
    ) -> impl Iterator<Item = (MeterNumber, &CustomerMeter)> {
        let index = usize::try_from(customer.0).unwrap_or(usize::MAX);
        let first = self.homes.get(index).copied().flatten();
        let others = self.customers.get(index).map_or([].as_slice(), |customer| &customer.others);
        first
            .into_iter()
            .chain(others.iter().copied())
            .filter_map(|home| Some((home.meter, self.meters.get(home.place)?)))
    }

    /// The balance at `time`; zero on a meter that never moved.
    #[must_use]
    pub fn balance(
        &self,
        customer: CustomerNumber,
        meter: MeterNumber,
        time: Timestamp,
    ) -> Balance {
        self.account(customer, meter).map(|account| account.balance_at(time)).unwrap_or_default()
    }

    /// The live grants at `time`, in burn order.
    #[must_use]
    pub fn grants(
        &self,
        customer: CustomerNumber,
        meter: MeterNumber,
        time: Timestamp,
    ) -> Vec<GrantView> {
        let Some(account) = self.account(customer, meter) else { return Vec::new() };
        account.grants_at(time).iter().map(GrantView::of).collect()
    }

    /// Every meter of the customer at `time`, by meter number.
    #[must_use]
    pub fn state(&self, customer: CustomerNumber, time: Timestamp) -> Vec<MeterState> {
        let mut state: Vec<MeterState> = self
            .accounts(customer)
            .map(|(meter, account)| {
                let Standing { credited, consumed } = account.standing_at(time);
                MeterState { meter, credited, consumed }
            })
            .collect();
        state.sort_unstable_by_key(|state| state.meter);
        state
    }

    /// Reads a word of every cache line that applying these entries will need, up to
    /// [`TOUCHED_ENTRIES_MAX`] of them.
    ///
    /// One kind of line after the other: the loads of a kind overlap, where each entry on its own
    /// would wait for one line after the other (43 % of the apply time in the prototype's profile).
    /// Returns some of what was read; fold it into a `black_box`, else the compiler drops the reads.
    #[must_use]
    pub fn touch<'a>(&self, entries: impl Iterator<Item = &'a Entry>) -> u64 {
        let mut places = [None; TOUCHED_ENTRIES_MAX];
        let mut touched = 0;
        for (entry, place) in entries.zip(&mut places) {
            let (customer, meter, key) = match &entry.body {
                EntryBody::Command { customer, meter, key, .. } => {
                    (*customer, *meter, key.map(|key| key.hash))
                }
                EntryBody::Event(event) => {
                    let Some((meter, _)) = event.postings.first() else { continue };
                    (event.customer, *meter, event.key)
                }
                EntryBody::Customer(_)
                | EntryBody::Profile(_)
                | EntryBody::Purchase(_)
                | EntryBody::Catalog(_) => continue,
            };
            touched ^= key.map_or(0, |key| self.keys.warm(key));
            *place = self.place(customer, meter);
        }
        let accounts =
            || places.iter().flatten().filter_map(|place| Some(self.meters.get(*place)?.account()));
        touched = accounts().fold(touched, |touched, account| touched ^ account.touch());
        accounts().fold(touched, |touched, account| touched ^ account.touch_grant())
    }

    /// Puts a customer of a snapshot in its place, with what it has.
    ///
    /// # Errors
    /// [`EngineError::ShardFull`].
    pub fn recover_customer(
        &mut self,
        new: &NewCustomer,
        profile: Option<Box<Profile>>,
        purchases: Option<Box<customer::Customer>>,
        first_event_at: Option<Timestamp>,
        meters: Vec<(MeterNumber, CustomerMeter)>,
    ) -> Result<(), EngineError> {
        self.introduce(new);
        if let Some(customer) = self.customer_mut(new.number) {
            customer.profile = profile;
            customer.first_event_at = first_event_at;
        }
        self.recover_purchases(new.number, purchases);
        for (meter, actor) in meters {
            self.start_meter(new.number, meter, actor)?;
        }
        Ok(())
    }
}
