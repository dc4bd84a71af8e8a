//! `/v1/benefit-grants/` and `/v1/benefits/{id}/grants`: who has a benefit, and by which purchase.

use std::cmp::Ordering;
use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::middleware::Compress;
use actix_web::web;
use actix_web::web::ServiceConfig;

use crate::customer::BenefitGrant;
use crate::engine::roll::CustomerView;
use crate::id::BenefitId;
use crate::token::Scope;

use super::Doors;
use super::audience::Audience;
use super::auth::Caller;
use super::error::Problem;
use super::page::{Direction, Page, sorting};
use super::query::{Query, path_id};
use super::ranked::Ranked;
use super::resource;
use super::schema;

/// Scopes that may see benefit grants.
const READ: &[Scope] = &[Scope::BenefitsRead, Scope::BenefitsWrite];

/// By what a list can be sorted.
#[derive(Debug, Clone, Copy)]
enum By {
    Created,
    Granted,
    Revoked,
}

const SORTINGS: [(&str, By); 3] =
    [("created_at", By::Created), ("granted_at", By::Granted), ("revoked_at", By::Revoked)];

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/benefit-grants").wrap(Compress::default()).route(web::get().to(list)))
        .service(
            resource("/benefits/{id}/grants")
                .wrap(Compress::default())
                .route(web::get().to(list_of)),
        );
}

async fn list(request: HttpRequest, doors: web::Data<Doors>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &doors, READ)?;
    listed(&request, &doors, caller, None).await
}

async fn list_of(request: HttpRequest, doors: web::Data<Doors>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &doors, READ)?;
    let id = BenefitId(path_id(&request, "id")?);
    let catalog = doors.engine.catalog();
    let benefit = catalog.benefit_of(caller.organization, id).ok_or(Problem::NotFound)?;
    listed(&request, &doors, caller, Some(benefit.id)).await
}

/// A line of the list.
struct Row {
    customer: Arc<CustomerView>,
    grant: BenefitGrant,
}

impl Row {
    fn order(&self, other: &Self, by: By) -> Ordering {
        let (own, others) = (&self.grant, &other.grant);
        match by {
            By::Created => own.created_at.cmp(&others.created_at),
            By::Granted => own.granted_at.cmp(&others.granted_at),
            By::Revoked => own.revoked_at.cmp(&others.revoked_at),
        }
    }
}

async fn listed(
    request: &HttpRequest,
    doors: &Doors,
    caller: Caller,
    benefit: Option<BenefitId>,
) -> Result<HttpResponse, Problem> {
    let query = Query::of(request);
    let page = Page::of(&query)?;
    let sorting = sorting(&query, &SORTINGS, (By::Created, Direction::Descending))?;
    let audience = Audience::of(&query, doors, caller)?;
    let is_granted = query.flag("is_granted")?;
    // Customers are not made up of members here, so that no grant is a member's.
    let of_member = query.ids("member_id")?.is_some();
    let mut ranked = Ranked::new(page, |a: &Row, b: &Row| {
        let order = |(by, way): &(By, Direction)| way.turn(a.order(b, *by));
        let ids = a.grant.id.cmp(&b.grant.id);
        sorting.iter().map(order).find(|order| order.is_ne()).unwrap_or(ids)
    });
    let asked = |grant: &&BenefitGrant| {
        !of_member
            && benefit.is_none_or(|benefit| grant.benefit == benefit)
            && is_granted.is_none_or(|granted| grant.is_live() == granted)
    };
    let each = |view: CustomerView| {
        let customer = Arc::new(view);
        let Some(purchases) = customer.purchases.as_deref() else { return };
        for grant in purchases.benefit_grants().iter().filter(asked) {
            ranked.push(Row { customer: Arc::clone(&customer), grant: grant.clone() });
        }
    };
    audience.read(doors, caller, each).await?;
    let organization_id = caller.organization_id(doors)?;
    let catalog = doors.engine.catalog();
    let listed = ranked.listed(|row| {
        schema::BenefitGrant::of(&row.customer, &row.grant, &catalog, organization_id)
    })?;
    Ok(HttpResponse::Ok().json(listed))
}
