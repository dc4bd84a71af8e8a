//! Which customers a list is about, and reading them.
//!
//! A list that names its customers reads only them; any other one reads every customer of the
//! organization, slice by slice, and waits for others who do.

use crate::engine::directory::CustomerPlace;
use crate::engine::roll::CustomerView;
use crate::id::{CustomerId, CustomerNumber, EXTERNAL_ID_BYTES_MAX, ShardNumber};

use super::Doors;
use super::auth::Caller;
use super::error::{Fault, Problem};
use super::fields::{self, Broken, Fields};
use super::query::Query;

/// The customers that a list is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Audience {
    /// All of the organization's.
    Everybody,
    /// Those at these places, each once.
    These(Vec<CustomerPlace>),
}

impl Audience {
    /// The customers that `query` asks for with `organization_id`, `customer_id` and
    /// `external_customer_id`, each of which may be repeated.
    ///
    /// # Errors
    /// One of the ids is none.
    pub(super) fn of(query: &Query, doors: &Doors, caller: Caller) -> Result<Self, Problem> {
        let organization_id = caller.organization_id(doors)?;
        let organizations = query.ids("organization_id")?;
        let ids = query.ids("customer_id")?;
        if organizations.is_some_and(|ids| !ids.contains(&organization_id)) {
            return Ok(Self::These(Vec::new()));
        }
        let directory = doors.engine.directory();
        let by_id = ids.map(|ids| {
            let place = |id| directory.by_id(caller.organization, CustomerId(id));
            ids.into_iter().filter_map(place).collect::<Vec<_>>()
        });
        let named: Vec<CustomerPlace> = query
            .all("external_customer_id")
            .filter_map(|name| directory.by_external_id(caller.organization, name.as_bytes()))
            .collect();
        let is_named = query.one("external_customer_id").is_some();
        let mut places = match (by_id, is_named) {
            (None, false) => return Ok(Self::Everybody),
            (None, true) => named,
            (Some(places), false) => places,
            (Some(places), true) => {
                places.into_iter().filter(|place| named.contains(place)).collect()
            }
        };
        places.sort_unstable_by_key(|place| (place.shard, place.number));
        places.dedup();
        Ok(Self::These(places))
    }

    /// Hands each of them to `each`, in no order that means anything.
    ///
    /// # Errors
    /// The engine stops.
    pub(super) async fn read(
        &self,
        doors: &Doors,
        caller: Caller,
        mut each: impl FnMut(CustomerView),
    ) -> Result<(), Problem> {
        let engine = &doors.engine;
        match self {
            Self::These(places) => {
                for place in places {
                    if let Some(view) = engine.customer_at(caller.organization, *place).await? {
                        each(view);
                    }
                }
            }
            Self::Everybody => {
                let turn = doors.whole_reads.acquire().await;
                let _turn = turn.map_err(|_| Problem::Unavailable)?;
                for shard in (0..engine.shards()).map(ShardNumber) {
                    let mut from = Some(CustomerNumber(0));
                    while let Some(number) = from {
                        let slice =
                            engine.customers_from(caller.organization, shard, number).await?;
                        slice.customers.into_iter().for_each(&mut each);
                        from = slice.next;
                    }
                }
            }
        }
        Ok(())
    }
}

/// The customer that a body names: by `customer_id` or by `external_customer_id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Named {
    /// By its id.
    ById(CustomerId),
    /// By the application's own id.
    ByExternalId(Box<str>),
}

impl Named {
    /// Whom `fields` name, if they name somebody; both at once is a broken rule.
    pub(super) fn optional(fields: &mut Fields<'_>) -> Option<Self> {
        let external = |raw| fields::text(raw, 1..=EXTERNAL_ID_BYTES_MAX);
        let id = fields.optional("customer_id", fields::id);
        let name = fields.optional("external_customer_id", external);
        match (id, name) {
            (Some(_), Some(_)) => {
                let msg = "Value error, name the customer by one of its ids";
                fields.break_rule("external_customer_id", Broken::new("value_error", msg), None);
                None
            }
            (Some(id), None) => Some(Self::ById(CustomerId(id))),
            (None, Some(name)) => Some(Self::ByExternalId(name)),
            (None, None) => None,
        }
    }

    /// Whom `fields` name, which they have to.
    pub(super) fn of(fields: &mut Fields<'_>) -> Option<Self> {
        if !fields.has("customer_id") && !fields.has("external_customer_id") {
            fields.break_rule("customer_id", Broken::new("missing", "Field required"), None);
        }
        Self::optional(fields)
    }

    /// The customer as it stands.
    ///
    /// # Errors
    /// There is no such customer, or it was deleted; or the engine stops.
    pub(super) async fn view(
        &self,
        doors: &Doors,
        caller: Caller,
    ) -> Result<CustomerView, Problem> {
        let view = self.find(doors, caller).await?;
        view.ok_or_else(|| self.unknown())
    }

    /// The customer as it stands, if it is there.
    ///
    /// # Errors
    /// The engine stops.
    pub(super) async fn find(
        &self,
        doors: &Doors,
        caller: Caller,
    ) -> Result<Option<CustomerView>, Problem> {
        let directory = doors.engine.directory();
        let place = match self {
            Self::ById(id) => directory.by_id(caller.organization, *id),
            Self::ByExternalId(name) => {
                directory.by_external_id(caller.organization, name.as_bytes())
            }
        };
        let Some(place) = place else { return Ok(None) };
        let view = doors.engine.customer_at(caller.organization, place).await?;
        Ok(view.filter(|view| !view.is_deleted()))
    }

    /// There is no such customer.
    pub(super) fn unknown(&self) -> Problem {
        let (field, text) = match self {
            Self::ById(id) => ("customer_id", id.to_string()),
            Self::ByExternalId(name) => ("external_customer_id", name.to_string()),
        };
        let loc = ["body".into(), field.into()];
        Fault::new("value_error", loc, "Customer does not exist.").with_text(&text).into()
    }
}
