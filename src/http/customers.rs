//! `/v1/customers/`: who is there, and all that is live of them.
//!
//! A customer is listed once it is registered. One that is known by use alone has a state and
//! meters all the same; registering its external id makes it a customer, with the balances it has.

use std::cmp::Ordering;

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::middleware::Compress;
use actix_web::web;
use actix_web::web::ServiceConfig;

use crate::engine::directory::CustomerPlace;
use crate::engine::roll::CustomerView;
use crate::id::CustomerId;
use crate::metadata::Metadata;
use crate::profile::{Profile, ProfileChange, email_key};
use crate::token::Scope;

use super::Doors;
use super::audience::Audience;
use super::auth::Caller;
use super::customer_details;
use super::error::Problem;
use super::fields::{Fields, has_metadata};
use super::page::{Direction, Page, sorting};
use super::query::{Query, path_id, path_text};
use super::ranked::Ranked;
use super::resource;
use super::schema::{Customer, CustomerState};

/// Scopes that may see customers.
const READ: &[Scope] = &[Scope::CustomersRead, Scope::CustomersWrite];

/// Scopes that may register, change and delete them.
const WRITE: &[Scope] = &[Scope::CustomersWrite];

/// By what a list can be sorted.
#[derive(Debug, Clone, Copy)]
enum By {
    CreatedAt,
    Email,
    Name,
}

const SORTINGS: [(&str, By); 3] =
    [("created_at", By::CreatedAt), ("email", By::Email), ("name", By::Name)];

pub(super) fn routes(config: &mut ServiceConfig) {
    // The longer path first: an external id may look like anything, `state` too.
    config
        .service(
            resource("/customers")
                .wrap(Compress::default())
                .route(web::get().to(list))
                .route(web::post().to(create)),
        )
        .service(resource("/customers/external/{external_id}/state").route(web::get().to(state_of)))
        .service(
            resource("/customers/external/{external_id}")
                .route(web::get().to(one_of))
                .route(web::patch().to(update_of))
                .route(web::delete().to(delete_of)),
        )
        .service(resource("/customers/{id}/state").route(web::get().to(state)))
        .service(
            resource("/customers/{id}")
                .route(web::get().to(one))
                .route(web::patch().to(update))
                .route(web::delete().to(delete)),
        );
}

fn place_by_id(
    request: &HttpRequest,
    doors: &Doors,
    caller: Caller,
) -> Result<CustomerPlace, Problem> {
    let id = CustomerId(path_id(request, "id")?);
    doors.engine.directory().by_id(caller.organization, id).ok_or(Problem::NotFound)
}

fn place_by_name(
    request: &HttpRequest,
    doors: &Doors,
    caller: Caller,
) -> Result<CustomerPlace, Problem> {
    let external_id = path_text(request, "external_id");
    let directory = doors.engine.directory();
    directory.by_external_id(caller.organization, external_id.as_bytes()).ok_or(Problem::NotFound)
}

/// The customer at `place`, registered or not.
async fn read(
    doors: &Doors,
    caller: Caller,
    place: CustomerPlace,
) -> Result<CustomerView, Problem> {
    let view = doors.engine.customer_at(caller.organization, place).await?;
    view.filter(|view| !view.is_deleted()).ok_or(Problem::NotFound)
}

/// The customer at `place`, who is registered.
async fn registered(
    doors: &Doors,
    caller: Caller,
    place: CustomerPlace,
) -> Result<CustomerView, Problem> {
    let view = read(doors, caller, place).await?;
    if view.profile.is_some() { Ok(view) } else { Err(Problem::NotFound) }
}

async fn state(request: HttpRequest, doors: web::Data<Doors>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &doors, READ)?;
    let place = place_by_id(&request, &doors, caller)?;
    show_state(&doors, caller, place).await
}

async fn state_of(request: HttpRequest, doors: web::Data<Doors>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &doors, READ)?;
    let place = place_by_name(&request, &doors, caller)?;
    show_state(&doors, caller, place).await
}

async fn show_state(
    doors: &Doors,
    caller: Caller,
    place: CustomerPlace,
) -> Result<HttpResponse, Problem> {
    let view = read(doors, caller, place).await?;
    let organization_id = caller.organization_id(doors)?;
    let catalog = doors.engine.catalog();
    Ok(HttpResponse::Ok().json(CustomerState::of(&view, &catalog, organization_id)))
}

async fn one(request: HttpRequest, doors: web::Data<Doors>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &doors, READ)?;
    let place = place_by_id(&request, &doors, caller)?;
    let view = registered(&doors, caller, place).await?;
    Ok(HttpResponse::Ok().json(Customer::of(&view, caller.organization_id(&doors)?)))
}

async fn one_of(request: HttpRequest, doors: web::Data<Doors>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &doors, READ)?;
    let place = place_by_name(&request, &doors, caller)?;
    let view = registered(&doors, caller, place).await?;
    Ok(HttpResponse::Ok().json(Customer::of(&view, caller.organization_id(&doors)?)))
}

async fn create(
    request: HttpRequest,
    payload: web::Payload,
    doors: web::Data<Doors>,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &doors, WRITE)?;
    let body = doors.room.read(&request, payload).await?;
    let mut fields = Fields::of(&body)?;
    fields.no_organization();
    let external_id = customer_details::external_id(&mut fields);
    let details = customer_details::details(&mut fields);
    let details = fields.settle(details)?;
    let organization = caller.organization;
    let engine = &doors.engine;
    let view = engine.register_customer(organization, external_id.as_deref(), details).await?;
    let organization_id = caller.organization_id(&doors)?;
    Ok(HttpResponse::Created().json(Customer::of(&view, organization_id)))
}

async fn update(
    request: HttpRequest,
    payload: web::Payload,
    doors: web::Data<Doors>,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &doors, WRITE)?;
    let body = doors.room.read(&request, payload).await?;
    let place = place_by_id(&request, &doors, caller)?;
    amend(&doors, caller, place, Fields::of(&body)?).await
}

async fn update_of(
    request: HttpRequest,
    payload: web::Payload,
    doors: web::Data<Doors>,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &doors, WRITE)?;
    let body = doors.room.read(&request, payload).await?;
    let place = place_by_name(&request, &doors, caller)?;
    amend(&doors, caller, place, Fields::of(&body)?).await
}

async fn amend(
    doors: &Doors,
    caller: Caller,
    place: CustomerPlace,
    mut fields: Fields<'_>,
) -> Result<HttpResponse, Problem> {
    let view = registered(doors, caller, place).await?;
    let external_id = customer_details::external_id(&mut fields);
    let change = customer_details::change(&mut fields);
    fields.settle(Some(()))?;
    // The one that it has is no change of it.
    let external_id = external_id.filter(|external_id| *external_id != view.external_id);
    let organization = caller.organization;
    let engine = &doors.engine;
    let view = engine.amend_customer(organization, view.id, external_id.as_deref(), change).await;
    let organization_id = caller.organization_id(doors)?;
    Ok(HttpResponse::Ok().json(Customer::of(&view?, organization_id)))
}

async fn delete(request: HttpRequest, doors: web::Data<Doors>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &doors, WRITE)?;
    let place = place_by_id(&request, &doors, caller)?;
    remove(&request, &doors, caller, place).await
}

async fn delete_of(request: HttpRequest, doors: web::Data<Doors>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &doors, WRITE)?;
    let place = place_by_name(&request, &doors, caller)?;
    remove(&request, &doors, caller, place).await
}

async fn remove(
    request: &HttpRequest,
    doors: &Doors,
    caller: Caller,
    place: CustomerPlace,
) -> Result<HttpResponse, Problem> {
    let anonymize = Query::of(request).flag("anonymize")?.unwrap_or(false);
    let view = registered(doors, caller, place).await?;
    let (engine, organization) = (&doors.engine, caller.organization);
    if anonymize {
        engine.amend_customer(organization, view.id, None, nobody(view.id)).await?;
    }
    engine.delete_customer(organization, view.id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// A profile without a person in it; the domain is reserved for what does not exist.
fn nobody(id: CustomerId) -> ProfileChange {
    ProfileChange {
        email: Some(format!("{}@anonymized.invalid", id.0.simple()).into()),
        name: Some(None),
        kind: None,
        billing_name: Some(None),
        billing_address: Some(None),
        tax_id: Some(None),
        locale: Some(None),
        metadata: Some(Metadata::default()),
    }
}

/// What a list asks of each customer.
struct Asked {
    email: Option<String>,
    part: String,
    active: Option<bool>,
}

impl Asked {
    fn admits(&self, view: &CustomerView, profile: &Profile) -> bool {
        let details = &profile.details;
        let contains = |text: &str| text.to_lowercase().contains(&self.part);
        let has_part = self.part.is_empty()
            || contains(&details.email)
            || details.name.as_deref().is_some_and(contains)
            || contains(&view.external_id);
        let is_active = || {
            let purchases = view.purchases.as_deref();
            purchases.is_some_and(|of| of.subscriptions().iter().any(|s| s.status.is_billable()))
        };
        has_part
            && self.email.as_ref().is_none_or(|email| email_key(&details.email) == *email)
            && self.active.is_none_or(|active| is_active() == active)
    }
}

async fn list(request: HttpRequest, doors: web::Data<Doors>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &doors, READ)?;
    let query = Query::of(&request);
    let page = Page::of(&query)?;
    let sorting = sorting(&query, &SORTINGS, (By::CreatedAt, Direction::Descending))?;
    let asked = Asked {
        email: query.one("email").map(email_key),
        part: query.one("query").unwrap_or("").to_lowercase(),
        active: query.flag("active")?,
    };
    let metadata = query.metadata();
    let mut audience = Audience::of(&query, &doors, caller)?;
    // The directory knows whose an address is: nobody else has to be read.
    if let (Audience::Everybody, Some(email)) = (&audience, &asked.email) {
        let place = doors.engine.directory().by_email(caller.organization, email);
        audience = Audience::These(place.into_iter().collect());
    }
    let mut ranked = Ranked::new(page, |a: &CustomerView, b: &CustomerView| {
        let order = |(by, way): &(By, Direction)| way.turn(order(a, b, *by));
        sorting.iter().map(order).find(|order| order.is_ne()).unwrap_or(a.id.cmp(&b.id))
    });
    let each = |view: CustomerView| {
        let profile = view.profile.as_deref().filter(|profile| profile.is_live());
        let listed = profile.is_some_and(|profile| {
            asked.admits(&view, profile) && has_metadata(&profile.details.metadata, &metadata)
        });
        if listed {
            ranked.push(view);
        }
    };
    audience.read(&doors, caller, each).await?;
    let organization_id = caller.organization_id(&doors)?;
    let listed = ranked.listed(|view| Customer::of(&view, organization_id))?;
    Ok(HttpResponse::Ok().json(listed))
}

fn order(a: &CustomerView, b: &CustomerView, by: By) -> Ordering {
    let (a, b) = (a.profile.as_deref(), b.profile.as_deref());
    let key = |profile: Option<&Profile>| match by {
        By::CreatedAt => (profile.map(|profile| profile.created_at), None),
        By::Email => (None, profile.map(|profile| email_key(&profile.details.email))),
        By::Name => {
            let name = profile.and_then(|profile| profile.details.name.as_deref());
            (None, name.map(str::to_lowercase))
        }
    };
    key(a).cmp(&key(b))
}
