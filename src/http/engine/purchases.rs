//! `POST /engine/v1/subscriptions` and `/engine/v1/orders`: purchases whose payment is the caller's
//! affair, and `/engine/v1/orders/{id}/paid` and `/failed`: what became of a payment.
//!
//! A subscription that is started here starts as through a checkout: the caller has taken the first
//! payment, or has decided to do without. So the meters that it has a price for count from zero, and
//! there is an order for its first period, which is paid. Every later order waits until it is
//! reported paid, unless it is over nothing.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::web;
use actix_web::web::ServiceConfig;
use uuid::Uuid;

use crate::customer::{CustomerCommand, CustomerRefusal, Payment, Start, derived_id};
use crate::engine::purchases::PurchaseError;
use crate::http::Doors;
use crate::http::audience::Named;
use crate::http::auth::Caller;
use crate::http::error::Problem;
use crate::http::fields::{self, Fields};
use crate::http::orders;
use crate::http::query::path_id;
use crate::http::schema;
use crate::id::{CheckoutId, CustomerId, OrderId, ProductId};
use crate::time::Timestamp;
use crate::token::Scope;

use super::key;
use super::problem::EngineProblem;

/// Scopes that may start subscriptions and report payments.
const WRITE: &[Scope] = &[Scope::SubscriptionsWrite];

const PAYMENTS: [(&str, Payment); 2] =
    [("received", Payment::Received), ("awaited", Payment::Awaited)];

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(super::resource("/subscriptions").route(web::post().to(subscribe)))
        .service(super::resource("/orders").route(web::post().to(buy)))
        .service(super::resource("/orders/{id}/paid").route(web::post().to(paid)))
        .service(super::resource("/orders/{id}/failed").route(web::post().to(failed)));
}

/// The checkout that the caller's own payment stands for: the same one for the same key.
fn checkout(customer: CustomerId, key: Option<&str>) -> CheckoutId {
    match key {
        Some(key) => derived_id::checkout_of_key(customer, key.as_bytes()),
        None => CheckoutId(Uuid::new_v4()),
    }
}

/// Which trial is asked for.
#[derive(Debug, Clone, Copy)]
enum TrialAsked {
    /// The product's, if it has one.
    AsSold,
    /// None.
    Waived,
    /// One that ends then.
    Until(Timestamp),
}

/// When the trial of a subscription that starts now ends, if it has one.
fn trial_end(
    doors: &Doors,
    caller: Caller,
    product: ProductId,
    asked: TrialAsked,
) -> Option<Timestamp> {
    match asked {
        TrialAsked::Until(end) => return Some(end),
        TrialAsked::Waived => return None,
        TrialAsked::AsSold => {}
    }
    let catalog = doors.engine.catalog();
    let trial = catalog.product_of(caller.organization, product)?.trial?;
    trial.boundary(doors.engine.now(), 1)
}

async fn subscribe(
    request: HttpRequest,
    payload: web::Payload,
    doors: web::Data<Doors>,
) -> Result<HttpResponse, EngineProblem> {
    let caller = Caller::of(&request, &doors, WRITE)?;
    let body = doors.room.read(&request, payload).await?;
    let mut fields = Fields::of(&body)?;
    let product = fields.required("product_id", fields::id);
    let named = Named::of(&mut fields);
    let end = fields.optional("trial_end", fields::moment);
    let trial = match (end, fields.optional("trial", fields::truth)) {
        (Some(end), _) => TrialAsked::Until(end),
        (None, Some(false)) => TrialAsked::Waived,
        (None, Some(true) | None) => TrialAsked::AsSold,
    };
    let key = key(&request, &mut fields)?;
    let (product, named) = fields.settle(product.zip(named))?;
    let product = ProductId(product);
    let view = named.view(&doors, caller).await?;
    let checkout = checkout(view.id, key.as_deref());
    let trial_end = trial_end(&doors, caller, product, trial);
    let (organization, start) = (caller.organization, Start::Checkout(checkout));
    let started = doors.engine.subscribe(organization, view.id, product, start, trial_end).await;
    let id = derived_id::subscription_of_checkout(checkout);
    let is_new = match started {
        Ok(_) => true,
        Err(PurchaseError::Refused(CustomerRefusal::SubscriptionAlreadyMade)) => false,
        Err(error) => return Err(error.into()),
    };
    let view = doors.engine.customer_with_purchase(organization, id.0).await?;
    let view = view.ok_or(Problem::NotFound)?;
    let subscription = view.subscription(id).ok_or(Problem::NotFound)?;
    if !is_new && subscription.terms.product != product {
        return Err(EngineProblem::KeyConflict);
    }
    let organization_id = caller.organization_id(&doors)?;
    let catalog = doors.engine.catalog();
    let shown = schema::Subscription::of(&view, subscription, &catalog, organization_id);
    let mut response = if is_new { HttpResponse::Created() } else { HttpResponse::Ok() };
    Ok(response.json(shown.ok_or(Problem::NotFound)?))
}

async fn buy(
    request: HttpRequest,
    payload: web::Payload,
    doors: web::Data<Doors>,
) -> Result<HttpResponse, EngineProblem> {
    let caller = Caller::of(&request, &doors, WRITE)?;
    let body = doors.room.read(&request, payload).await?;
    let mut fields = Fields::of(&body)?;
    let product = fields.required("product_id", fields::id);
    let named = Named::of(&mut fields);
    let payment = fields.required("payment", |raw| fields::word(raw, &PAYMENTS));
    let key = key(&request, &mut fields)?;
    let ((product, named), payment) = fields.settle(product.zip(named).zip(payment))?;
    let product = ProductId(product);
    let view = named.view(&doors, caller).await?;
    let checkout = checkout(view.id, key.as_deref());
    let id = derived_id::order_of_checkout(checkout);
    let organization = caller.organization;
    let bought = doors.engine.buy(organization, view.id, product, Some(checkout), payment).await;
    let mut response = match bought {
        Ok(_) => HttpResponse::Created(),
        Err(PurchaseError::Refused(CustomerRefusal::OrderAlreadyMade)) => {
            let view = orders::buyer(&doors, caller, id).await?;
            if view.order(id).is_some_and(|order| order.product != product) {
                return Err(EngineProblem::KeyConflict);
            }
            HttpResponse::Ok()
        }
        Err(error) => return Err(error.into()),
    };
    Ok(response.json(orders::show(&doors, caller, id).await?))
}

async fn paid(
    request: HttpRequest,
    doors: web::Data<Doors>,
) -> Result<HttpResponse, EngineProblem> {
    let caller = Caller::of(&request, &doors, WRITE)?;
    let order = OrderId(path_id(&request, "id")?);
    let view = orders::buyer(&doors, caller, order).await?;
    let command = CustomerCommand::Paid { order };
    match doors.engine.purchase(caller.organization, view.id, command).await {
        // Payment systems tell things more than once.
        Ok(()) | Err(PurchaseError::Refused(CustomerRefusal::OrderAlreadyPaid)) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(HttpResponse::Ok().json(orders::show(&doors, caller, order).await?))
}

async fn failed(
    request: HttpRequest,
    doors: web::Data<Doors>,
) -> Result<HttpResponse, EngineProblem> {
    let caller = Caller::of(&request, &doors, WRITE)?;
    let order = OrderId(path_id(&request, "id")?);
    let view = orders::buyer(&doors, caller, order).await?;
    let command = CustomerCommand::Failed { order };
    doors.engine.purchase(caller.organization, view.id, command).await?;
    Ok(HttpResponse::Ok().json(orders::show(&doors, caller, order).await?))
}
