//! `/v1/products/`: what is sold, at which prices, and with which benefits.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::middleware::Compress;
use actix_web::web;
use actix_web::web::ServiceConfig;
use uuid::Uuid;

use crate::catalog::{NewProduct, Product, ProductPatch, Standing, Visibility};
use crate::id::{BenefitId, ProductId};
use crate::token::Scope;

use super::Doors;
use super::auth::Caller;
use super::error::Problem;
use super::fields::{self, Fields, has_metadata};
use super::page::{Direction, Listed, Page, sorting};
use super::query::{Query, path_id};
use super::resource;
use super::schema;

use self::body::{NAME_CHARS, VISIBILITIES, description, interval, new_prices, price_edits};

mod body;

/// Scopes that may see products.
const READ: &[Scope] = &[Scope::ProductsRead, Scope::ProductsWrite];

/// Scopes that may make and change them.
const WRITE: &[Scope] = &[Scope::ProductsWrite];

/// By what a list can be sorted.
#[derive(Debug, Clone, Copy)]
enum By {
    CreatedAt,
    Name,
    PriceType,
    Price,
}

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(
            resource("/products")
                .wrap(Compress::default())
                .route(web::get().to(list))
                .route(web::post().to(create)),
        )
        .service(
            resource("/products/{id}").route(web::get().to(one)).route(web::patch().to(update)),
        )
        .service(resource("/products/{id}/benefits").route(web::post().to(set_benefits)));
}

async fn list(request: HttpRequest, doors: web::Data<Doors>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &doors, READ)?;
    let query = Query::of(&request);
    let page = Page::of(&query)?;
    let known = [
        ("created_at", By::CreatedAt),
        ("name", By::Name),
        ("price_amount_type", By::PriceType),
        ("price_amount", By::Price),
    ];
    let sorting = sorting(&query, &known, (By::CreatedAt, Direction::Descending))?;
    let is_own = caller.is_meant(&query, &doors)?;
    let (ids, benefits) = (query.ids("id")?, query.ids("benefit_id")?);
    let (archived, recurring) = (query.flag("is_archived")?, query.flag("is_recurring")?);
    let part = query.one("query").unwrap_or("").to_lowercase();
    let visible = query.words("visibility", &VISIBILITIES)?;
    let metadata = query.metadata();
    let catalog = doors.engine.catalog().clone();
    let carries = |product: &Product, benefits: &Vec<Uuid>| {
        product.benefits.iter().any(|benefit| benefits.contains(&benefit.0))
    };
    let asked = |product: &&Arc<Product>| {
        is_own
            && ids.as_ref().is_none_or(|ids| ids.contains(&product.id.0))
            && benefits.as_ref().is_none_or(|benefits| carries(product, benefits))
            && archived.is_none_or(|archived| product.is_archived() == archived)
            && recurring.is_none_or(|recurring| product.billing.is_some() == recurring)
            && visible.as_ref().is_none_or(|visible| visible.contains(&product.visibility))
            && product.name.to_lowercase().contains(&part)
            && has_metadata(&product.metadata, &metadata)
    };
    let mut products: Vec<_> = catalog.products_of(caller.organization).filter(asked).collect();
    let price = |product: &Product| product.fixed().map(|price| price.amount);
    // Sorting keeps the order of equals, which is that in which they were made.
    products.sort_by(|a, b| {
        let order = |(by, way): &(By, Direction)| {
            way.turn(match by {
                By::CreatedAt => a.created_at.cmp(&b.created_at),
                By::Name => a.name.cmp(&b.name),
                // Fixed prices before metered ones.
                By::PriceType => price(b).is_some().cmp(&price(a).is_some()),
                By::Price => price(a).cmp(&price(b)),
            })
        };
        sorting.iter().map(order).find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
    });
    let organization_id = caller.organization_id(&doors)?;
    let pagination = page.pagination(products.len());
    let shown = |product: &Arc<Product>| schema::Product::of(product, &catalog, organization_id);
    let items = page.items(products).map(shown).collect();
    Ok(HttpResponse::Ok().json(Listed::<schema::Product> { items, pagination }))
}

/// The caller's product that the path names.
fn named(request: &HttpRequest, doors: &Doors, caller: Caller) -> Result<Arc<Product>, Problem> {
    let id = ProductId(path_id(request, "id")?);
    let catalog = doors.engine.catalog();
    catalog.product_of(caller.organization, id).cloned().ok_or(Problem::NotFound)
}

fn shown(doors: &Doors, caller: Caller, product: &Product) -> Result<schema::Product, Problem> {
    let catalog = doors.engine.catalog();
    Ok(schema::Product::of(product, &catalog, caller.organization_id(doors)?))
}

async fn one(request: HttpRequest, doors: web::Data<Doors>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &doors, READ)?;
    let product = named(&request, &doors, caller)?;
    Ok(HttpResponse::Ok().json(shown(&doors, caller, &product)?))
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
    let name = fields.required("name", |raw| fields::text(raw, NAME_CHARS));
    let prices = new_prices(&mut fields, &catalog, caller);
    let visibility = fields.optional("visibility", |raw| fields::word(raw, &VISIBILITIES));
    let description = fields.optional("description", description);
    let billing = interval(&mut fields, "recurring_interval", "recurring_interval_count");
    let metering = interval(&mut fields, "meter_interval", "meter_interval_count");
    let trial = interval(&mut fields, "trial_interval", "trial_interval_count");
    let metadata = fields.optional("metadata", fields::metadata).unwrap_or_default();
    let new = name.zip(prices).map(|(name, prices)| NewProduct {
        id: ProductId(Uuid::new_v4()),
        organization: caller.organization,
        name,
        description,
        visibility: visibility.unwrap_or_default(),
        billing,
        metering,
        trial,
        prices,
        metadata,
    });
    let product = doors.engine.create_product(fields.settle(new)?).await?;
    Ok(HttpResponse::Created().json(shown(&doors, caller, &product)?))
}

async fn update(
    request: HttpRequest,
    payload: web::Payload,
    doors: web::Data<Doors>,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &doors, WRITE)?;
    let body = doors.room.read(&request, payload).await?;
    let product = named(&request, &doors, caller)?;
    let catalog = doors.engine.catalog().clone();
    let mut fields = Fields::of(&body)?;
    let standing = |archived| if archived { Standing::Archived } else { Standing::Live };
    let says_description = fields.has("description");
    let says_trial = fields.has("trial_interval") || fields.has("trial_interval_count");
    let description = fields.optional("description", description);
    let trial = interval(&mut fields, "trial_interval", "trial_interval_count");
    body::check_intervals(&mut fields, &product);
    let visibility: Option<Visibility> =
        fields.optional("visibility", |raw| fields::word(raw, &VISIBILITIES));
    let patch = ProductPatch {
        name: fields.optional("name", |raw| fields::text(raw, NAME_CHARS)).into(),
        description: says_description.then_some(description).into(),
        visibility: visibility.into(),
        trial: says_trial.then_some(trial).into(),
        prices: price_edits(&mut fields, &catalog, caller).into(),
        metadata: fields.optional("metadata", fields::metadata).into(),
        standing: fields.optional("is_archived", fields::truth).map(standing).into(),
    };
    let patch = fields.settle(Some(patch))?;
    let product = doors.engine.update_product(product.id, patch).await?;
    Ok(HttpResponse::Ok().json(shown(&doors, caller, &product)?))
}

async fn set_benefits(
    request: HttpRequest,
    payload: web::Payload,
    doors: web::Data<Doors>,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &doors, WRITE)?;
    let body = doors.room.read(&request, payload).await?;
    let product = named(&request, &doors, caller)?;
    let catalog = doors.engine.catalog().clone();
    let mut fields = Fields::of(&body)?;
    let benefits = fields.required("benefits", |raw| {
        body::benefits(raw, |id| {
            let benefit = catalog.benefit_of(caller.organization, BenefitId(id));
            benefit.filter(|benefit| !benefit.is_deleted()).map(|benefit| benefit.id)
        })
    });
    let benefits = fields.settle(benefits)?;
    let product = doors.engine.set_product_benefits(product.id, benefits).await?;
    // Subscriptions follow; asked again, this goes on where it was interrupted.
    let synced = doors.engine.sync_benefits(caller.organization, product.id).await;
    synced.map_err(|_| Problem::Unavailable)?;
    Ok(HttpResponse::Ok().json(shown(&doors, caller, &product)?))
}
