//! Sequencing what becomes of profiles, and keeping the directory in step with it.

use crate::engine::directory::CustomerPlace;
use crate::engine::entry::{Entry, EntryBody, ProfileEntry};
use crate::engine::names::Names;
use crate::engine::reply::EngineError;
use crate::engine::sequencer::{At, Sequencer, StepBody};
use crate::engine::shard::Shard;
use crate::id::{CustomerId, CustomerNumber};
use crate::journal::record;
use crate::profile::ProfileCommand;

impl Sequencer {
    /// Takes the names that a profile is to have before the record is written, so that no other
    /// shard gives them to somebody else. [`Sequencer::settle_names`] gives back what is not kept.
    pub(super) fn profile(
        &mut self,
        name: &[u8],
        command: ProfileCommand,
        id: Option<CustomerId>,
        at: &mut At<'_, '_>,
    ) -> Result<StepBody, EngineError> {
        let customer = match (&command, id) {
            (ProfileCommand::Register(_), Some(id)) => self.enter(id, "", at)?,
            (ProfileCommand::Register(_), None) => self.find_or_introduce(name, at)?,
            (ProfileCommand::Amend { .. } | ProfileCommand::Delete, _) => {
                self.find(name, at)?.ok_or(EngineError::UnknownCustomer)?
            }
        };
        let place = CustomerPlace { shard: self.shard, number: customer };
        let asked = Names::asked(&command);
        asked.take(&self.directory, at.organization, place)?;
        let appended = at.append(|out, delta| record::put_profile(out, delta, customer, &command));
        if let Err(error) = appended {
            asked.give_back(&self.directory, at.organization, place);
            return Err(error);
        }
        if let Some(external_id) = &asked.external_id
            && let Some(id) = self.directory.id_at(at.organization, name)
        {
            Names::count_stray(&self.directory, id, external_id);
        }
        let body = EntryBody::Profile(Box::new(ProfileEntry { customer, command }));
        Ok(StepBody::Apply(Entry { time: at.time, body }))
    }

    /// Gives back the names that the customer held `before` or `asked` for, now that the entry is
    /// applied and `shard` says which are kept.
    pub fn settle_names(
        &mut self,
        shard: &Shard,
        number: CustomerNumber,
        before: Names,
        asked: Names,
    ) {
        let Some(customer) = shard.customer(number) else { return };
        let place = CustomerPlace { shard: self.shard, number };
        let organization = customer.organization;
        for left in Names::left_over(before, asked, &Names::of(customer)) {
            if let Some(name) = &left.external_id {
                self.recall.forget(self.directory.name_hash(organization, name.as_bytes()));
            }
            left.give_back(&self.directory, organization, place);
        }
    }
}
