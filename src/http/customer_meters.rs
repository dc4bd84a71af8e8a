//! `/v1/customer-meters/`: where customers stand on meters.
//!
//! There is one for each meter that a customer ever moved.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::middleware::Compress;
use actix_web::web;
use actix_web::web::ServiceConfig;
use rust_decimal::Decimal;

use crate::engine::roll::{CustomerView, MeterView};
use crate::id::{CustomerMeterId, MeterId, MeterNumber};
use crate::meter::Meter;
use crate::token::Scope;
use crate::units::grid::difference;

use super::Doors;
use super::audience::Audience;
use super::auth::Caller;
use super::error::Problem;
use super::page::{Direction, Page, Sorting, sorting};
use super::query::{Query, path_id};
use super::ranked::Ranked;
use super::resource;
use super::schema::{Customer, CustomerMeter};

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
            By::CustomerName => self.customer.name_shown().cmp(other.customer.name_shown()),
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

async fn list(request: HttpRequest, doors: web::Data<Doors>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &doors, READ)?;
    let query = Query::of(&request);
    let page = Page::of(&query)?;
    let sorting = sorting(&query, &SORTINGS, (By::ModifiedAt, Direction::Descending))?;
    let audience = Audience::of(&query, &doors, caller)?;
    let catalog = doors.engine.catalog().clone();
    // Every meter that is not archived, when none is named.
    let meters: Option<HashSet<MeterNumber>> = query.ids("meter_id")?.map(|ids| {
        let number = |id| Some(catalog.meter_of(caller.organization, MeterId(id))?.number);
        ids.into_iter().filter_map(number).collect()
    });
    let mut ranked = Ranked::new(page, |a: &Row, b: &Row| a.before(b, &sorting));
    let each = |view: CustomerView| {
        if view.is_deleted() {
            return;
        }
        let customer = Arc::new(view);
        for view in &customer.meters {
            let Some(meter) = catalog.meter(view.meter) else { continue };
            let is_asked = match &meters {
                Some(asked) => asked.contains(&view.meter),
                None => !meter.is_archived(),
            };
            if is_asked {
                let (customer, meter) = (Arc::clone(&customer), Arc::clone(meter));
                ranked.push(Row { customer, meter, view: *view });
            }
        }
    };
    audience.read(&doors, caller, each).await?;
    let organization_id = caller.organization_id(&doors)?;
    let listed = ranked.listed(|row| {
        let customer = Customer::of(&row.customer, organization_id);
        CustomerMeter::of(row.customer.id, customer, &row.meter, organization_id, &row.view)
    })?;
    Ok(HttpResponse::Ok().json(listed))
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
    let customer = customer.filter(|view| !view.is_deleted()).ok_or(Problem::NotFound)?;
    let view = customer.meters.iter().find(|view| view.meter == meter.number);
    let view = view.ok_or(Problem::NotFound)?;
    let organization_id = caller.organization_id(&doors)?;
    let shown = Customer::of(&customer, organization_id);
    let shown = CustomerMeter::of(customer.id, shown, meter, organization_id, view);
    Ok(HttpResponse::Ok().json(shown))
}
