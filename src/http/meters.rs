//! `/v1/meters/`: what is counted.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::middleware::Compress;
use actix_web::web;
use actix_web::web::ServiceConfig;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::catalog::{Counted, Edit, MeterPatch, NewMeter, Standing};
use crate::id::{CustomerNumber, MeterId, MeterNumber, ShardNumber};
use crate::meter::{Aggregation, Filter, LABEL_CHARS_MAX, MULTIPLIER_MAX, Meter, MeterUnit};
use crate::token::Scope;

use super::Doors;
use super::auth::Caller;
use super::error::{Problem, Step};
use super::fields::{self, Broken, Fields, Read, has_metadata};
use super::page::{Direction, Listed, Page, sorting};
use super::query::{Query, path_id};
use super::resource;
use super::schema;

/// Fewest and most characters of a meter's name.
const NAME_CHARS: std::ops::RangeInclusive<usize> = 3..=128;

/// Scopes that may see meters.
const READ: &[Scope] = &[Scope::MetersRead, Scope::MetersWrite];

/// Scopes that may make and change them.
const WRITE: &[Scope] = &[Scope::MetersWrite];

/// By what a list can be sorted.
#[derive(Debug, Clone, Copy)]
enum By {
    CreatedAt,
    Name,
}

/// The kinds of unit.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Scalar,
    Token,
    Custom,
}

const KINDS: [(&str, Kind); 3] =
    [("scalar", Kind::Scalar), ("token", Kind::Token), ("custom", Kind::Custom)];

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(
            resource("/meters")
                .wrap(Compress::default())
                .route(web::get().to(list))
                .route(web::post().to(create)),
        )
        .service(resource("/meters/{id}").route(web::get().to(one)).route(web::patch().to(update)));
}

async fn list(request: HttpRequest, doors: web::Data<Doors>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &doors, READ)?;
    let query = Query::of(&request);
    let page = Page::of(&query)?;
    let known = [("created_at", By::CreatedAt), ("name", By::Name)];
    let sorting = sorting(&query, &known, (By::Name, Direction::Ascending))?;
    let archived = query.flag("is_archived")?;
    let organization_id = caller.organization_id(&doors)?;
    let is_own = caller.is_meant(&query, &doors)?;
    let part = query.one("query").unwrap_or("").to_lowercase();
    let metadata = query.metadata();
    let catalog = doors.engine.catalog().clone();
    let asked = |meter: &&Arc<Meter>| {
        is_own
            && archived.is_none_or(|archived| meter.is_archived() == archived)
            && meter.name.to_lowercase().contains(&part)
            && has_metadata(&meter.metadata, &metadata)
    };
    let mut meters: Vec<_> = catalog.meters_of(caller.organization).filter(asked).collect();
    meters.sort_by(|a, b| {
        let order = |(by, way): &(By, Direction)| {
            way.turn(match by {
                By::CreatedAt => a.created_at.cmp(&b.created_at),
                By::Name => a.name.cmp(&b.name),
            })
        };
        sorting.iter().map(order).find(|order| order.is_ne()).unwrap_or(a.number.cmp(&b.number))
    });
    let pagination = page.pagination(meters.len());
    let items = page.items(meters).map(|meter| schema::Meter::of(meter, organization_id)).collect();
    Ok(HttpResponse::Ok().json(Listed::<schema::Meter> { items, pagination }))
}

/// The caller's meter that the path names.
fn named(request: &HttpRequest, doors: &Doors, caller: Caller) -> Result<Arc<Meter>, Problem> {
    let id = MeterId(path_id(request, "id")?);
    let catalog = doors.engine.catalog();
    catalog.meter_of(caller.organization, id).cloned().ok_or(Problem::NotFound)
}

async fn one(request: HttpRequest, doors: web::Data<Doors>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &doors, READ)?;
    let meter = named(&request, &doors, caller)?;
    let organization_id = caller.organization_id(&doors)?;
    Ok(HttpResponse::Ok().json(schema::Meter::of(&meter, organization_id)))
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
    let name = fields.required("name", |raw| fields::text(raw, NAME_CHARS));
    let filter = fields.required("filter", filter);
    let aggregation = fields.required("aggregation", aggregation);
    let unit = unit(&mut fields, &MeterUnit::Scalar).unwrap_or_default();
    let metadata = fields.optional("metadata", fields::metadata).unwrap_or_default();
    let organization = caller.organization;
    let new = name.zip(filter).zip(aggregation).map(|((name, filter), aggregation)| NewMeter {
        id: MeterId(Uuid::new_v4()),
        organization,
        name,
        filter,
        aggregation,
        unit,
        metadata,
    });
    let meter = doors.engine.add_meter(fields.settle(new)?).await?;
    let organization_id = caller.organization_id(&doors)?;
    Ok(HttpResponse::Created().json(schema::Meter::of(&meter, organization_id)))
}

async fn update(
    request: HttpRequest,
    payload: web::Payload,
    doors: web::Data<Doors>,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &doors, WRITE)?;
    let body = doors.room.read(&request, payload).await?;
    let meter = named(&request, &doors, caller)?;
    let mut fields = Fields::of(&body)?;
    let standing = |archived| if archived { Standing::Archived } else { Standing::Live };
    let mut patch = MeterPatch {
        name: fields.optional("name", |raw| fields::text(raw, NAME_CHARS)).into(),
        unit: unit(&mut fields, &meter.unit).into(),
        metadata: fields.optional("metadata", fields::metadata).into(),
        filter: fields.optional("filter", filter).into(),
        aggregation: fields.optional("aggregation", aggregation).into(),
        standing: fields.optional("is_archived", fields::truth).map(standing).into(),
        counted: Counted::Events,
    };
    let redefines = !matches!((&patch.filter, &patch.aggregation), (Edit::Keep, Edit::Keep));
    fields.settle(Some(()))?;
    if redefines {
        patch.counted = counted(&doors, caller, meter.number).await?;
    }
    let meter = doors.engine.update_meter(meter.number, patch).await?;
    let organization_id = caller.organization_id(&doors)?;
    Ok(HttpResponse::Ok().json(schema::Meter::of(&meter, organization_id)))
}

/// Whether any customer ever moved the meter.
async fn counted(doors: &Doors, caller: Caller, meter: MeterNumber) -> Result<Counted, Problem> {
    let turn = doors.whole_reads.acquire().await;
    let _turn = turn.map_err(|_| Problem::Unavailable)?;
    for shard in (0..doors.engine.shards()).map(ShardNumber) {
        let mut from = Some(CustomerNumber(0));
        while let Some(number) = from {
            let slice = doors.engine.customers_from(caller.organization, shard, number).await?;
            let mut meters = slice.customers.iter().flat_map(|customer| &customer.meters);
            if meters.any(|view| view.meter == meter) {
                return Ok(Counted::Events);
            }
            from = slice.next;
        }
    }
    Ok(Counted::Nothing)
}

fn filter(raw: &RawValue) -> Read<Filter> {
    Filter::parse(raw.get()).map_err(|error| {
        let within = error.loc.iter().map(|part| match part.parse::<usize>() {
            Ok(place) => Step::from(place),
            Err(_) => Step::from(part.to_string()),
        });
        Broken::at(within, "value_error", format!("Value error, {}", error.fault))
    })
}

fn aggregation(raw: &RawValue) -> Read<Aggregation> {
    Aggregation::parse(raw.get())
        .map_err(|error| Broken::new("value_error", format!("Value error, {error}")))
}

/// The unit that `fields` ask for, on a meter whose unit is `old` so far; nothing when they say
/// nothing of it.
fn unit(fields: &mut Fields<'_>, old: &MeterUnit) -> Option<MeterUnit> {
    let kind = fields.optional("unit", |raw| fields::word(raw, &KINDS));
    let (has_label, has_multiplier) = (fields.has("custom_label"), fields.has("custom_multiplier"));
    let label = fields.optional("custom_label", |raw| fields::text(raw, 1..=LABEL_CHARS_MAX));
    let multiplier =
        fields.optional("custom_multiplier", |raw| fields::whole(raw, 1..=MULTIPLIER_MAX));
    if kind.is_none() && !has_label && !has_multiplier {
        return None;
    }
    let (was_custom, old_label, old_multiplier) = match old {
        MeterUnit::Custom { label, multiplier } => (true, Some(label.clone()), *multiplier),
        MeterUnit::Scalar | MeterUnit::Token => (false, None, None),
    };
    match kind {
        Some(Kind::Scalar) => Some(MeterUnit::Scalar),
        Some(Kind::Token) => Some(MeterUnit::Token),
        // Labels of units that have none are passed over, as `null` is.
        None if !was_custom => None,
        None | Some(Kind::Custom) => {
            let multiplier = if has_multiplier { multiplier } else { old_multiplier };
            let label = if has_label { label } else { old_label };
            if label.is_none() {
                let msg = "Value error, custom_label is required when unit is 'custom'";
                fields.break_rule("custom_label", Broken::new("value_error", msg), None);
            }
            label.map(|label| MeterUnit::Custom { label, multiplier })
        }
    }
}
