//! Which meters an event may feed: by its name, where their filters demand one.

use std::sync::Arc;

use super::Named;
use super::shared_map::SharedMap;
use crate::account::Posting;
use crate::event::Event;
use crate::id::{MeterNumber, OrganizationNumber};
use crate::meter::Meter;

/// By number, each once.
type Meters = Arc<Vec<Arc<Meter>>>;

/// The meters that collect, by what their filters demand. However many meters an organization has,
/// an event meets those that ask for its name and those that ask for no name.
#[derive(Debug, Clone, Default)]
pub(super) struct Feeds {
    by_event: SharedMap<(OrganizationNumber, Arc<str>), Meters>,
    by_any_event: SharedMap<OrganizationNumber, Meters>,
}

impl Feeds {
    /// Puts `new` in the place of what the meter was before, if it was.
    pub(super) fn put(&mut self, old: Option<&Meter>, new: &Arc<Meter>) {
        if let Some(old) = old.filter(|old| !old.is_archived()) {
            self.each(old, |meters| meters.retain(|meter| meter.number != old.number));
        }
        if new.is_archived() {
            return;
        }
        self.each(new, |meters| {
            let place = meters.partition_point(|meter| meter.number < new.number);
            meters.insert(place, Arc::clone(new));
        });
    }

    fn each(&mut self, meter: &Meter, change: impl Fn(&mut Vec<Arc<Meter>>)) {
        let organization = meter.organization;
        match meter.filter.event_names() {
            Some(names) => {
                for name in names {
                    let key = (organization, Arc::from(&**name));
                    self.by_event.change(key, |meters| change(Arc::make_mut(meters)));
                    let empty = |meters: &Meters| meters.is_empty();
                    let own = Named { organization, name };
                    if self.by_event.get(&own).is_some_and(empty) {
                        self.by_event.remove(&own);
                    }
                }
            }
            None => {
                self.by_any_event.change(organization, |meters| change(Arc::make_mut(meters)));
            }
        }
    }

    pub(super) fn postings(
        &self,
        organization: OrganizationNumber,
        event: &Event,
    ) -> Vec<(MeterNumber, Posting)> {
        let by_name = self.by_event.get(&Named { organization, name: &event.name });
        let by_any = self.by_any_event.get(&organization);
        let meters = by_name.into_iter().chain(by_any).flat_map(|meters| meters.iter());
        let mut postings: Vec<_> =
            meters.filter_map(|meter| Some((meter.number, meter.posting(event)?))).collect();
        if by_name.is_some() && by_any.is_some() {
            postings.sort_unstable_by_key(|(meter, _)| *meter);
        }
        postings
    }
}
