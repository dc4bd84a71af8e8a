//! `/v1/customers/`: who is there, and all that is live of them.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::web;
use actix_web::web::ServiceConfig;
use uuid::Uuid;

use crate::engine::directory::CustomerPlace;
use crate::engine::roll::CustomerView;
use crate::id::CustomerId;
use crate::token::Scope;

use super::Doors;
use super::auth::Caller;
use super::error::Problem;
use super::query::{path_id, path_text};
use super::resource;
use super::schema::{Customer, CustomerState, CustomerStateMeter};

/// Scopes that may see customers.
const READ: &[Scope] = &[Scope::CustomersRead, Scope::CustomersWrite];

pub(super) fn routes(config: &mut ServiceConfig) {
    // The longer path first: an external id may look like anything, `state` too.
    config
        .service(resource("/customers/external/{external_id}/state").route(web::get().to(state_of)))
        .service(resource("/customers/{id}/state").route(web::get().to(state)));
}

async fn state(request: HttpRequest, doors: web::Data<Doors>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &doors, READ)?;
    let id = CustomerId(path_id(&request, "id")?);
    let place = doors.engine.directory().by_id(caller.organization, id);
    answer(&doors, caller, place).await
}

async fn state_of(request: HttpRequest, doors: web::Data<Doors>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &doors, READ)?;
    let external_id = path_text(&request, "external_id");
    let directory = doors.engine.directory();
    let place = directory.by_external_id(caller.organization, external_id.as_bytes());
    answer(&doors, caller, place).await
}

async fn answer(
    doors: &Doors,
    caller: Caller,
    place: Option<CustomerPlace>,
) -> Result<HttpResponse, Problem> {
    let place = place.ok_or(Problem::NotFound)?;
    let view = doors.engine.customer_at(caller.organization, place).await?;
    let view = view.ok_or(Problem::NotFound)?;
    let organization_id = caller.organization_id(doors)?;
    Ok(HttpResponse::Ok().json(state_as_shown(doors, &view, organization_id)))
}

fn state_as_shown(doors: &Doors, view: &CustomerView, organization_id: Uuid) -> CustomerState {
    let catalog = doors.engine.catalog();
    let meters = view.meters.iter().filter_map(|standing| {
        let meter = catalog.meter(standing.meter).filter(|meter| !meter.is_archived())?;
        Some(CustomerStateMeter::of(view.id, meter, standing))
    });
    CustomerState {
        customer: Customer::of(view, organization_id),
        active_subscriptions: [],
        granted_benefits: [],
        active_meters: meters.collect(),
    }
}
