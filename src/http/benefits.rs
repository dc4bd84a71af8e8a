//! `/v1/benefits/`: credits that products carry.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::middleware::Compress;
use actix_web::web;
use actix_web::web::ServiceConfig;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::benefit::{BENEFIT_UNITS_MAX, Benefit, DESCRIPTION_CHARS_MAX, DESCRIPTION_CHARS_MIN};
use crate::catalog::{BenefitPatch, Catalog, NewBenefit};
use crate::grant::Rollover;
use crate::id::{BenefitId, MeterId, MeterNumber};
use crate::token::Scope;

use super::Doors;
use super::auth::Caller;
use super::error::Problem;
use super::fields::{self, Broken, Fields, Read, has_metadata};
use super::page::{Direction, Listed, Page, sorting};
use super::query::{Query, path_id};
use super::resource;
use super::schema;

/// Scopes that may see benefits.
const READ: &[Scope] = &[Scope::BenefitsRead, Scope::BenefitsWrite];

/// Scopes that may make and change them.
const WRITE: &[Scope] = &[Scope::BenefitsWrite];

/// Fewest and most characters of a description.
const DESCRIPTION_CHARS: std::ops::RangeInclusive<usize> =
    DESCRIPTION_CHARS_MIN..=DESCRIPTION_CHARS_MAX;

/// The type of every benefit that there is.
const KIND: &str = "meter_credit";

/// By what a list can be sorted.
#[derive(Debug, Clone, Copy)]
enum By {
    CreatedAt,
    Description,
    /// All are of one type.
    Type,
    /// Nobody put them in an order of their own.
    UserOrder,
}

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(
            resource("/benefits")
                .wrap(Compress::default())
                .route(web::get().to(list))
                .route(web::post().to(create)),
        )
        .service(
            resource("/benefits/{id}")
                .route(web::get().to(one))
                .route(web::patch().to(update))
                .route(web::delete().to(delete)),
        );
}

async fn list(request: HttpRequest, doors: web::Data<Doors>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &doors, READ)?;
    let query = Query::of(&request);
    let page = Page::of(&query)?;
    let known = [
        ("created_at", By::CreatedAt),
        ("description", By::Description),
        ("type", By::Type),
        ("user_order", By::UserOrder),
    ];
    let sorting = sorting(&query, &known, (By::CreatedAt, Direction::Descending))?;
    let is_own = caller.is_meant(&query, &doors)?;
    let (ids, excluded) = (query.ids("id")?, query.ids("exclude_id")?);
    let of_kind = query.one("type").is_none() || query.all("type").any(|kind| kind == KIND);
    let part = query.one("query").unwrap_or("").to_lowercase();
    let metadata = query.metadata();
    let catalog = doors.engine.catalog().clone();
    let asked = |benefit: &&Arc<Benefit>| {
        is_own
            && of_kind
            && !benefit.is_deleted()
            && ids.as_ref().is_none_or(|ids| ids.contains(&benefit.id.0))
            && !excluded.as_ref().is_some_and(|ids| ids.contains(&benefit.id.0))
            && benefit.description.to_lowercase().contains(&part)
            && has_metadata(&benefit.metadata, &metadata)
    };
    let mut benefits: Vec<_> = catalog.benefits_of(caller.organization).filter(asked).collect();
    // Sorting keeps the order of equals, which is that in which they were made.
    benefits.sort_by(|a, b| {
        let order = |(by, way): &(By, Direction)| {
            way.turn(match by {
                By::CreatedAt => a.created_at.cmp(&b.created_at),
                By::Description => a.description.cmp(&b.description),
                By::Type | By::UserOrder => std::cmp::Ordering::Equal,
            })
        };
        sorting.iter().map(order).find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
    });
    let organization_id = caller.organization_id(&doors)?;
    let pagination = page.pagination(benefits.len());
    let shown = |benefit| schema::Benefit::of(benefit, &catalog, organization_id);
    let items = page.items(benefits).map(|benefit| shown(benefit)).collect();
    Ok(HttpResponse::Ok().json(Listed::<schema::Benefit> { items, pagination }))
}

/// The caller's benefit that the path names.
fn named(request: &HttpRequest, doors: &Doors, caller: Caller) -> Result<Arc<Benefit>, Problem> {
    let id = BenefitId(path_id(request, "id")?);
    let catalog = doors.engine.catalog();
    let found = catalog.benefit_of(caller.organization, id);
    found.filter(|benefit| !benefit.is_deleted()).cloned().ok_or(Problem::NotFound)
}

fn shown(doors: &Doors, caller: Caller, benefit: &Benefit) -> Result<schema::Benefit, Problem> {
    let catalog = doors.engine.catalog();
    Ok(schema::Benefit::of(benefit, &catalog, caller.organization_id(doors)?))
}

async fn one(request: HttpRequest, doors: web::Data<Doors>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &doors, READ)?;
    let benefit = named(&request, &doors, caller)?;
    Ok(HttpResponse::Ok().json(shown(&doors, caller, &benefit)?))
}

async fn create(
    request: HttpRequest,
    payload: web::Payload,
    doors: web::Data<Doors>,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &doors, WRITE)?;
    let body = doors.room.read(&request, payload).await?;
    let catalog = doors.engine.catalog().clone();
    let mut fields = Fields::of(&body)?;
    fields.no_organization();
    fields.required("type", kind);
    let description = fields.required("description", |raw| fields::text(raw, DESCRIPTION_CHARS));
    let metadata = fields.optional("metadata", fields::metadata).unwrap_or_default();
    let credit = fields.object("properties", |fields| credit(fields, &catalog, caller));
    let new = description.zip(credit).map(|(description, credit)| NewBenefit {
        id: BenefitId(Uuid::new_v4()),
        organization: caller.organization,
        description,
        meter: credit.meter,
        units: credit.units,
        rollover: credit.rollover,
        metadata,
    });
    let benefit = doors.engine.create_benefit(fields.settle(new)?).await?;
    Ok(HttpResponse::Created().json(shown(&doors, caller, &benefit)?))
}

async fn update(
    request: HttpRequest,
    payload: web::Payload,
    doors: web::Data<Doors>,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &doors, WRITE)?;
    let body = doors.room.read(&request, payload).await?;
    let benefit = named(&request, &doors, caller)?;
    let catalog = doors.engine.catalog().clone();
    let mut fields = Fields::of(&body)?;
    fields.optional("type", kind);
    let description =
        fields.optional("description", |raw| fields::text(raw, DESCRIPTION_CHARS)).into();
    let metadata = fields.optional("metadata", fields::metadata).into();
    let mut patch = BenefitPatch { description, metadata, ..BenefitPatch::default() };
    if fields.has_value("properties") {
        let credit = fields.object("properties", |fields| credit(fields, &catalog, caller));
        patch.meter = credit.map(|credit| credit.meter).into();
        patch.units = credit.map(|credit| credit.units).into();
        patch.rollover = credit.map(|credit| credit.rollover).into();
    }
    let patch = fields.settle(Some(patch))?;
    let benefit = doors.engine.update_benefit(benefit.id, patch).await?;
    Ok(HttpResponse::Ok().json(shown(&doors, caller, &benefit)?))
}

async fn delete(request: HttpRequest, doors: web::Data<Doors>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &doors, WRITE)?;
    let benefit = named(&request, &doors, caller)?;
    doors.engine.delete_benefit(benefit.id).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn kind(raw: &RawValue) -> Read<()> {
    fields::word(raw, &[(KIND, ())])
}

/// What a benefit credits.
#[derive(Debug, Clone, Copy)]
struct Credit {
    meter: MeterNumber,
    units: u32,
    rollover: Rollover,
}

fn credit(fields: &mut Fields<'_>, catalog: &Catalog, caller: Caller) -> Option<Credit> {
    let units = fields.required("units", |raw| fields::whole(raw, 1..=BENEFIT_UNITS_MAX));
    let rollover = fields.required("rollover", fields::truth);
    let meter = fields.required("meter_id", |raw| meter(raw, catalog, caller));
    let rollover = if rollover? { Rollover::Carries } else { Rollover::Ends };
    Some(Credit { meter: meter?, units: units?, rollover })
}

/// A live meter of the caller's.
pub(super) fn meter(raw: &RawValue, catalog: &Catalog, caller: Caller) -> Read<MeterNumber> {
    let id = MeterId(fields::id(raw)?);
    let meter = catalog.meter_of(caller.organization, id);
    let live = meter.filter(|meter| !meter.is_archived());
    live.map(|meter| meter.number)
        .ok_or_else(|| Broken::new("value_error", "Meter does not exist or is archived."))
}
