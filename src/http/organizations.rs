//! `/v1/organizations/`: the organization that a token acts for, and no other.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::web;
use actix_web::web::ServiceConfig;

use crate::catalog::Organization;
use crate::token::Scope;

use super::Doors;
use super::auth::Caller;
use super::error::Problem;
use super::page::{Direction, Listed, Page, sorting};
use super::query::{Query, path_id};
use super::resource;
use super::schema;

/// Scopes that may see the organization.
const READ: &[Scope] = &[Scope::OrganizationsRead, Scope::OrganizationsWrite];

/// By what a list can be sorted, which has one item here.
const SORTINGS: [(&str, ()); 5] = [
    ("created_at", ()),
    ("slug", ()),
    ("name", ()),
    ("next_review_threshold", ()),
    ("days_in_status", ()),
];

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/organizations").route(web::get().to(list)))
        .service(resource("/organizations/{id}").route(web::get().to(one)));
}

async fn list(request: HttpRequest, doors: web::Data<Doors>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &doors, READ)?;
    let query = Query::of(&request);
    let page = Page::of(&query)?;
    sorting(&query, &SORTINGS, ((), Direction::Ascending))?;
    let slug = query.one("slug");
    let catalog = doors.engine.catalog();
    let asked = |own: &&Organization| slug.is_none_or(|slug| slug == own.name);
    let own: Vec<_> = catalog.organization(caller.organization).filter(asked).into_iter().collect();
    let pagination = page.pagination(own.len());
    let items = page.items(own).map(schema::Organization::of).collect();
    Ok(HttpResponse::Ok().json(Listed::<schema::Organization> { items, pagination }))
}

async fn one(request: HttpRequest, doors: web::Data<Doors>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &doors, READ)?;
    let id = path_id(&request, "id")?;
    let catalog = doors.engine.catalog();
    let own = catalog.organization(caller.organization).filter(|own| own.id.0 == id);
    Ok(HttpResponse::Ok().json(schema::Organization::of(own.ok_or(Problem::NotFound)?)))
}
