//! `/v1/orders/`: what was bought, and what periods cost. Orders are read here; taking money for
//! them is the caller's affair, which reports it under `/engine/v1/orders`.

use std::cmp::Ordering;
use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::middleware::Compress;
use actix_web::web;
use actix_web::web::ServiceConfig;
use uuid::Uuid;

use crate::catalog::Catalog;
use crate::customer::Order;
use crate::engine::roll::CustomerView;
use crate::id::OrderId;
use crate::token::Scope;

use super::Doors;
use super::audience::Audience;
use super::auth::Caller;
use super::error::{Fault, Problem};
use super::page::{Direction, Page, sorting};
use super::query::{Query, path_id};
use super::ranked::Ranked;
use super::resource;
use super::schema;

/// Scopes that may see orders.
const READ: &[Scope] = &[Scope::OrdersRead];

/// By what a list can be sorted.
#[derive(Debug, Clone, Copy)]
enum By {
    CreatedAt,
    Status,
    Amount,
    Customer,
    Product,
    Subscription,
    /// Nothing that any order has.
    Nothing,
}

const SORTINGS: [(&str, By); 9] = [
    ("created_at", By::CreatedAt),
    ("status", By::Status),
    ("invoice_number", By::Nothing),
    ("amount", By::Amount),
    ("net_amount", By::Amount),
    ("customer", By::Customer),
    ("product", By::Product),
    ("discount", By::Nothing),
    ("subscription", By::Subscription),
];

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/orders").wrap(Compress::default()).route(web::get().to(list)))
        .service(resource("/orders/{id}").route(web::get().to(one)));
}

/// The customer of an order, as it stands, with the order in it.
pub(super) async fn buyer(
    doors: &Doors,
    caller: Caller,
    id: OrderId,
) -> Result<CustomerView, Problem> {
    let view = doors.engine.customer_with_purchase(caller.organization, id.0).await?;
    view.filter(|view| view.order(id).is_some()).ok_or(Problem::NotFound)
}

/// The order as it is shown.
pub(super) async fn show(
    doors: &Doors,
    caller: Caller,
    id: OrderId,
) -> Result<schema::Order, Problem> {
    let view = buyer(doors, caller, id).await?;
    let organization_id = caller.organization_id(doors)?;
    let order = view.order(id).ok_or(Problem::NotFound)?;
    Ok(schema::Order::of(&view, order, &doors.engine.catalog(), organization_id))
}

async fn one(request: HttpRequest, doors: web::Data<Doors>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &doors, READ)?;
    let id = OrderId(path_id(&request, "id")?);
    Ok(HttpResponse::Ok().json(show(&doors, caller, id).await?))
}

/// What a list asks of each order.
struct Asked {
    products: Option<Vec<Uuid>>,
    discounts: Option<Vec<Uuid>>,
    subscriptions: Option<Vec<Uuid>>,
    checkouts: Option<Vec<Uuid>>,
    is_recurring: Option<Vec<bool>>,
    has_metadata: bool,
}

impl Asked {
    fn of(query: &Query) -> Result<Self, Problem> {
        let mut kinds = Vec::new();
        for text in query.all("product_billing_type") {
            kinds.push(match text {
                "recurring" => true,
                "one_time" => false,
                _ => {
                    let loc = ["query".into(), "product_billing_type".into()];
                    let msg = "Input should be 'one_time' or 'recurring'";
                    return Err(Fault::new("enum", loc, msg).with_text(text).into());
                }
            });
        }
        Ok(Self {
            products: query.ids("product_id")?,
            discounts: query.ids("discount_id")?,
            subscriptions: query.ids("subscription_id")?,
            checkouts: query.ids("checkout_id")?,
            is_recurring: (!kinds.is_empty()).then_some(kinds),
            has_metadata: !query.metadata().is_empty(),
        })
    }

    fn admits(&self, order: &Order, catalog: &Catalog) -> bool {
        let is_one_of = |ids: &Option<Vec<Uuid>>, id: Option<Uuid>| {
            ids.as_ref().is_none_or(|ids| id.is_some_and(|id| ids.contains(&id)))
        };
        let recurring =
            || catalog.product(order.product).is_some_and(|product| product.billing.is_some());
        // No order has a discount or metadata.
        self.discounts.is_none()
            && !self.has_metadata
            && is_one_of(&self.products, Some(order.product.0))
            && is_one_of(&self.subscriptions, order.subscription.map(|id| id.0))
            && is_one_of(&self.checkouts, order.checkout.map(|id| id.0))
            && self.is_recurring.as_ref().is_none_or(|kinds| kinds.contains(&recurring()))
    }
}

/// A line of the list.
struct Row {
    customer: Arc<CustomerView>,
    order: Order,
    product_name: Box<str>,
}

impl Row {
    fn order(&self, other: &Self, by: By) -> Ordering {
        let (own, others) = (&self.order, &other.order);
        match by {
            By::CreatedAt => own.created_at.cmp(&others.created_at),
            By::Status => {
                schema::order_status_word(own.status).cmp(schema::order_status_word(others.status))
            }
            By::Amount => own.total().cmp(&others.total()),
            By::Customer => self.customer.name_shown().cmp(other.customer.name_shown()),
            By::Product => self.product_name.cmp(&other.product_name),
            By::Subscription => own.subscription.cmp(&others.subscription),
            By::Nothing => Ordering::Equal,
        }
    }
}

async fn list(request: HttpRequest, doors: web::Data<Doors>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &doors, READ)?;
    let query = Query::of(&request);
    let page = Page::of(&query)?;
    let sorting = sorting(&query, &SORTINGS, (By::CreatedAt, Direction::Descending))?;
    let audience = Audience::of(&query, &doors, caller)?;
    let asked = Asked::of(&query)?;
    let catalog = doors.engine.catalog().clone();
    let mut ranked = Ranked::new(page, |a: &Row, b: &Row| {
        let order = |(by, way): &(By, Direction)| way.turn(a.order(b, *by));
        let ids = a.order.id.cmp(&b.order.id);
        sorting.iter().map(order).find(|order| order.is_ne()).unwrap_or(ids)
    });
    let each = |view: CustomerView| {
        let customer = Arc::new(view);
        let Some(purchases) = customer.purchases.as_deref() else { return };
        for order in purchases.orders().filter(|order| asked.admits(order, &catalog)) {
            let product = catalog.product(order.product);
            ranked.push(Row {
                customer: Arc::clone(&customer),
                order: order.clone(),
                product_name: product.map(|product| product.name.clone()).unwrap_or_default(),
            });
        }
    };
    audience.read(&doors, caller, each).await?;
    let organization_id = caller.organization_id(&doors)?;
    let listed = ranked
        .listed(|row| schema::Order::of(&row.customer, &row.order, &catalog, organization_id))?;
    Ok(HttpResponse::Ok().json(listed))
}
