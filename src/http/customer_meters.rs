//! `/v1/customer-meters/`: where customers stand on meters.
//!
//! There is one for each meter that a customer ever moved. A list that names its customers reads
//! only them; any other one reads every customer of the organization, slice by slice.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::middleware::Compress;
use actix_web::web;
use actix_web::web::ServiceConfig;
use rust_decimal::Decimal;

use crate::catalog::Catalog;
use crate::engine::directory::CustomerPlace;
use crate::engine::roll::{CustomerView, MeterView};
use crate::id::{CustomerId, CustomerMeterId, CustomerNumber, MeterId, MeterNumber, ShardNumber};
use crate::meter::Meter;
use crate::token::Scope;
use crate::units::grid::difference;

use super::Doors;
use super::auth::Caller;
use super::error::{Fault, Problem};
use super::page::{Direction, Listed, Page, Sorting, sorting};
use super::query::{Query, path_id};
use super::resource;
use super::schema::{Customer, CustomerMeter};

/// How far into a list its pages reach, in items: so much of it is held while it is sorted.
const REACH_MAX: usize = 100_000;

/// Scopes that may see where customers stand.
const READ: &[Scope] = &[Scope::CustomerMetersRead];

/// By what a list can be sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    CreatedAt,
    ModifiedAt,
    CustomerId,
    CustomerName,
    MeterId,
    MeterName,
    Consumed,
    Credited,
    Balance,
}

/// What each is called.
const SORTINGS: [(&str, By); 9] = [
    ("created_at", By::CreatedAt),
    ("modified_at", By::ModifiedAt),
    ("customer_id", By::CustomerId),
    ("customer_name", By::CustomerName),
    ("meter_id", By::MeterId),
    ("meter_name", By::MeterName),
    ("consumed_units", By::Consumed),
    ("credited_units", By::Credited),
    ("balance", By::Balance),
];

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/customer-meters").wrap(Compress::default()).route(web::get().to(list)))
        .service(resource("/customer-meters/{id}").route(web::get().to(one)));
}

/// A line of the list.
#[derive(Debug, Clone)]
struct Row {
    customer: Arc<CustomerView>,
    meter: Arc<Meter>,
    view: MeterView,
}

impl Row {
    fn balance(&self) -> Decimal {
        difference(self.view.credited, self.view.consumed)
    }

    fn order(&self, other: &Self, by: By) -> Ordering {
        match by {
            By::CreatedAt => self.view.moments.first.cmp(&other.view.moments.first),
            By::ModifiedAt => self.view.moments.last.cmp(&other.view.moments.last),
            By::CustomerId => self.customer.id.cmp(&other.customer.id),
            // Customers who are known by use alone have no name.
            By::CustomerName => Ordering::Equal,
            By::MeterId => self.meter.id.cmp(&other.meter.id),
            By::MeterName => self.meter.name.cmp(&other.meter.name),
            By::Consumed => self.view.consumed.cmp(&other.view.consumed),
            By::Credited => self.view.credited.cmp(&other.view.credited),
            By::Balance => self.balance().cmp(&other.balance()),
        }
    }

    /// Their order in a list; never equal, so that pages do not overlap.
    fn before(&self, other: &Self, sorting: &Sorting<By>) -> Ordering {
        let asked = sorting.iter().map(|(by, way)| way.turn(self.order(other, *by)));
        let ids = [By::CustomerId, By::MeterId].map(|by| self.order(other, by));
        asked.chain(ids).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }
}

/// The first rows of a list whose end is not reached yet.
struct Rows {
    kept: Vec<Row>,
    total: usize,
    /// Rows behind these are counted and dropped.
    keep: usize,
    sorting: Sorting<By>,
}

impl Rows {
    fn push(&mut self, row: Row) {
        self.total = self.total.saturating_add(1);
        self.kept.push(row);
        if self.kept.len() >= self.keep.saturating_mul(2).max(1_024) {
            self.settle();
        }
    }

    fn settle(&mut self) {
        let sorting = &self.sorting;
        self.kept.sort_unstable_by(|a, b| a.before(b, sorting));
        self.kept.truncate(self.keep);
    }
}

/// Which customer meters are asked for.
struct Asked {
    /// All of the organization's, when nothing.
    customers: Option<Vec<CustomerPlace>>,
    /// Every one that is not archived, when nothing.
    meters: Option<HashSet<MeterNumber>>,
}

impl Asked {
    /// What `query` asks for; `None` when that can be nothing.
    fn of(query: &Query, doors: &Doors, caller: Caller) -> Result<Option<Self>, Problem> {
        if !caller.is_meant(query, doors)? {
            return Ok(None);
        }
        let directory = doors.engine.directory();
        let by_id = query.ids("customer_id")?.map(|ids| {
            let place = |id| directory.by_id(caller.organization, CustomerId(id));
            ids.into_iter().filter_map(place).collect::<Vec<_>>()
        });
        let named: Vec<CustomerPlace> = query
            .all("external_customer_id")
            .filter_map(|name| directory.by_external_id(caller.organization, name.as_bytes()))
            .collect();
        let is_named = query.one("external_customer_id").is_some();
        let mut customers = match (by_id, is_named) {
            (None, false) => None,
            (None, true) => Some(named),
            (Some(places), false) => Some(places),
            (Some(places), true) => {
                Some(places.into_iter().filter(|place| named.contains(place)).collect())
            }
        };
        if let Some(places) = &mut customers {
            places.sort_unstable_by_key(|place| (place.shard, place.number));
            places.dedup();
        }
        let meters = query.ids("meter_id")?.map(|ids| {
            let catalog = doors.engine.catalog();
            let number = |id| Some(catalog.meter_of(caller.organization, MeterId(id))?.number);
            ids.into_iter().filter_map(number).collect()
        });
        Ok(Some(Self { customers, meters }))
    }

    /// Adds the rows of `customer`.
    fn rows(&self, catalog: &Catalog, customer: CustomerView, rows: &mut Rows) {
        let customer = Arc::new(customer);
        for view in &customer.meters {
            let Some(meter) = catalog.meter(view.meter) else { continue };
            let is_asked = match &self.meters {
                Some(asked) => asked.contains(&view.meter),
                None => !meter.is_archived(),
            };
            if is_asked {
                let (customer, meter) = (Arc::clone(&customer), Arc::clone(meter));
                rows.push(Row { customer, meter, view: *view });
            }
        }
    }
}

async fn list(request: HttpRequest, doors: web::Data<Doors>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &doors, READ)?;
    let query = Query::of(&request);
    let page = Page::of(&query)?;
    let sorting = sorting(&query, &SORTINGS, (By::ModifiedAt, Direction::Descending))?;
    let keep = page.end().min(REACH_MAX);
    let mut rows = Rows { kept: Vec::new(), total: 0, keep, sorting };
    if let Some(asked) = Asked::of(&query, &doors, caller)? {
        read(&doors, caller, &asked, &mut rows).await?;
    }
    if page.start() >= REACH_MAX && rows.total > page.start() {
        let msg = format!("Only the first {REACH_MAX} items can be paged to; name customers");
        return Err(Fault::new("value_error", ["query".into(), "page".into()], msg).into());
    }
    rows.settle();
    let organization_id = caller.organization_id(&doors)?;
    let shown = |row: Row| {
        let customer = Customer::of(&row.customer, organization_id);
        CustomerMeter::of(row.customer.id, customer, &row.meter, organization_id, &row.view)
    };
    let pagination = page.pagination(rows.total);
    let items = page.items(rows.kept).map(shown).collect();
    Ok(HttpResponse::Ok().json(Listed { items, pagination }))
}

/// Reads the customers that are asked for, and adds their rows.
async fn read(
    doors: &Doors,
    caller: Caller,
    asked: &Asked,
    rows: &mut Rows,
) -> Result<(), Problem> {
    let catalog = doors.engine.catalog().clone();
    let engine = &doors.engine;
    if let Some(places) = &asked.customers {
        for place in places {
            if let Some(customer) = engine.customer_at(caller.organization, *place).await? {
                asked.rows(&catalog, customer, rows);
            }
        }
        return Ok(());
    }
    // Whoever reads everything waits for others who do.
    let turn = doors.whole_reads.acquire().await;
    let _turn = turn.map_err(|_| Problem::Unavailable)?;
    for shard in (0..engine.shards()).map(ShardNumber) {
        let mut from = Some(CustomerNumber(0));
        while let Some(number) = from {
            let slice = engine.customers_from(caller.organization, shard, number).await?;
            for customer in slice.customers {
                asked.rows(&catalog, customer, rows);
            }
            from = slice.next;
        }
    }
    Ok(())
}

async fn one(request: HttpRequest, doors: web::Data<Doors>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &doors, READ)?;
    let id = CustomerMeterId(path_id(&request, "id")?);
    let catalog = doors.engine.catalog().clone();
    let directory = doors.engine.directory();
    // The id says who the customer would be, meter by meter.
    let found = catalog.meters_of(caller.organization).find_map(|meter| {
        let place = directory.by_id(caller.organization, id.customer_on(meter.id))?;
        Some((meter, place))
    });
    let (meter, place) = found.ok_or(Problem::NotFound)?;
    let customer = doors.engine.customer_at(caller.organization, place).await?;
    let customer = customer.ok_or(Problem::NotFound)?;
    let view = customer.meters.iter().find(|view| view.meter == meter.number);
    let view = view.ok_or(Problem::NotFound)?;
    let organization_id = caller.organization_id(&doors)?;
    let shown = Customer::of(&customer, organization_id);
    let shown = CustomerMeter::of(customer.id, shown, meter, organization_id, view);
    Ok(HttpResponse::Ok().json(shown))
}
