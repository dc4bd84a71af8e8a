//! `/v1/checkouts/`: how free products are had without a payment. A checkout is made with a token
//! and confirmed with its own secret; then there is an order, or a subscription.
//!
//! A product that costs something is refused: nobody here could take the money.

mod shelf;

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::web;
use actix_web::web::ServiceConfig;
use serde_json::value::RawValue;

use crate::catalog::Product;
use crate::customer::{CustomerRefusal, Payment, Start};
use crate::engine::purchases::PurchaseError;
use crate::id::{CheckoutId, CustomerId, OrganizationNumber, ProductId, SubscriptionId};
use crate::profile::{PROFILE_NAME_CHARS_MAX, ProfileDetails, ProfileKind};
use crate::readiness::Stage;
use crate::token::Scope;

use super::Doors;
use super::audience::Named;
use super::auth::Caller;
use super::customer_details;
use super::error::{Denial, Fault, Problem};
use super::fields::{self, Broken, Fields, Read};
use super::query::{path_id, path_text};
use super::resource;
use super::schema::{CheckoutSetting, CheckoutView, ClientCheckout};

pub use self::shelf::CHECKOUT_LIFETIME_SECONDS;
pub use self::shelf::CHECKOUTS_MAX;
pub use self::shelf::Shelf;

pub(super) use self::shelf::Checkout;
pub(super) use self::shelf::Standing;
pub(super) use self::shelf::Trial;

use self::shelf::{CheckoutOrder, Closed};

/// Scopes that may see checkouts.
const READ: &[Scope] = &[Scope::CheckoutsRead, Scope::CheckoutsWrite];

/// Scopes that may make them.
const WRITE: &[Scope] = &[Scope::CheckoutsWrite];

/// Most products of a checkout.
const PRODUCTS_MAX: usize = 50;

/// Longest address to go to afterwards, in characters.
const URL_CHARS_MAX: usize = 2_083;

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/checkouts").route(web::post().to(create)))
        .service(
            resource("/checkouts/client/{client_secret}/confirm").route(web::post().to(confirm)),
        )
        .service(resource("/checkouts/client/{client_secret}").route(web::get().to(presented)))
        .service(resource("/checkouts/{id}").route(web::get().to(one)));
}

/// What `checkout` is shown with, given the setting that `show` takes it from.
fn with_setting<T>(
    request: &HttpRequest,
    doors: &Doors,
    organization: OrganizationNumber,
    show: impl FnOnce(&CheckoutSetting<'_>) -> Option<T>,
) -> Result<T, Problem> {
    let catalog = doors.engine.catalog();
    let organization = catalog.organization(organization).ok_or(Problem::NotFound)?;
    let connection = request.connection_info();
    let base_url = format!("{}://{}", connection.scheme(), connection.host());
    let now = doors.engine.now();
    let setting = CheckoutSetting { catalog: &catalog, organization, base_url, now };
    show(&setting).ok_or(Problem::NotFound)
}

async fn one(request: HttpRequest, doors: web::Data<Doors>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &doors, READ)?;
    let id = CheckoutId(path_id(&request, "id")?);
    let checkout = doors.checkouts.find(caller.organization, id).ok_or(Problem::NotFound)?;
    let shown = with_setting(&request, &doors, caller.organization, |setting| {
        CheckoutView::of(&checkout, setting)
    })?;
    Ok(HttpResponse::Ok().json(shown))
}

/// A request without a token is served only while the server serves others.
fn serving(doors: &Doors) -> Result<(), Problem> {
    match doors.readiness.stage() {
        Stage::Ready => Ok(()),
        Stage::Starting { .. } | Stage::Draining | Stage::Failed(_) => Err(Problem::Unavailable),
    }
}

async fn presented(request: HttpRequest, doors: web::Data<Doors>) -> Result<HttpResponse, Problem> {
    serving(&doors)?;
    let secret = path_text(&request, "client_secret");
    let checkout = doors.checkouts.presented(&secret).ok_or(Problem::NotFound)?;
    if checkout.is_expired(doors.engine.now()) {
        return Err(Problem::Denied(Denial::CheckoutExpired));
    }
    let shown = with_setting(&request, &doors, checkout.organization, |setting| {
        ClientCheckout::of(&checkout, setting)
    })?;
    Ok(HttpResponse::Ok().json(shown))
}

async fn create(
    request: HttpRequest,
    payload: web::Payload,
    doors: web::Data<Doors>,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &doors, WRITE)?;
    let body = doors.room.read(&request, payload).await?;
    let mut fields = Fields::of(&body)?;
    let name = |raw| fields::text(raw, 0..=PROFILE_NAME_CHARS_MAX);
    let url = |raw| fields::text(raw, 1..=URL_CHARS_MAX);
    let products = fields.required("products", product_ids);
    let named = Named::optional(&mut fields);
    let email = fields.optional("customer_email", customer_details::email);
    let customer_name = fields.optional("customer_name", name);
    let metadata = fields.optional("metadata", fields::metadata).unwrap_or_default();
    let customer_metadata = fields.optional("customer_metadata", fields::metadata);
    let success_url = fields.optional("success_url", url);
    let return_url = fields.optional("return_url", url);
    let allows_trial = fields.optional("allow_trial", fields::truth).unwrap_or(true);
    let products = fields.settle(products)?;
    for (place, id) in products.iter().enumerate() {
        free(&doors, caller.organization, *id, place)?;
    }
    let mut order = CheckoutOrder {
        product: *products.first().ok_or(Problem::NotFound)?,
        products,
        customer: None,
        external_customer_id: None,
        email,
        name: customer_name,
        metadata,
        customer_metadata: customer_metadata.unwrap_or_default(),
        success_url,
        return_url,
        trial: if allows_trial { Trial::Allowed } else { Trial::Waived },
    };
    if let Some(named) = &named {
        let view = named.find(&doors, caller).await?;
        match (&view, named) {
            (None, Named::ById(_)) => return Err(named.unknown()),
            (_, Named::ById(_)) => {}
            (_, Named::ByExternalId(name)) => order.external_customer_id = Some(name.clone()),
        }
        let profile = view.as_ref().and_then(|view| view.profile.as_deref());
        if let Some(profile) = profile {
            order.email = Some(profile.details.email.clone());
            order.name.clone_from(&profile.details.name);
        }
        order.customer = view.filter(|view| view.profile.is_some()).map(|view| view.id);
    }
    let checkout = Checkout::new(caller.organization, order, doors.engine.now());
    doors.checkouts.put(checkout.clone()).map_err(|_| Problem::Busy)?;
    let shown = with_setting(&request, &doors, caller.organization, |setting| {
        CheckoutView::of(&checkout, setting)
    })?;
    Ok(HttpResponse::Created().json(shown))
}

fn product_ids(raw: &RawValue) -> Read<Vec<ProductId>> {
    let list: Vec<&RawValue> = serde_json::from_str(raw.get())
        .map_err(|_| Broken::new("list_type", "Input should be a valid list"))?;
    if list.is_empty() || list.len() > PRODUCTS_MAX {
        let msg = format!("List should have 1 to {PRODUCTS_MAX} items");
        return Err(Broken::new("value_error", msg));
    }
    let id = |(place, raw): (usize, &&RawValue)| {
        fields::id(raw)
            .map(ProductId)
            .map_err(|_| Broken::at([place.into()], "uuid_parsing", "Input should be a valid UUID"))
    };
    list.iter().enumerate().map(id).collect()
}

/// Checks that the product at this place of the list can be had for nothing.
fn free(
    doors: &Doors,
    organization: OrganizationNumber,
    id: ProductId,
    place: usize,
) -> Result<(), Problem> {
    let catalog = doors.engine.catalog();
    let why = match catalog.product_of(organization, id) {
        None => "Product does not exist.",
        Some(product) if product.is_archived() => "Product is archived.",
        Some(product) if !product.is_free() => {
            "Product is not free, and no payments are taken here."
        }
        Some(_) => return Ok(()),
    };
    let loc = ["body".into(), "products".into(), place.into()];
    Err(Fault::new("value_error", loc, why).with_text(&id.to_string()).into())
}

/// What whoever confirms adds to what is known.
struct Confirmation {
    product: Option<ProductId>,
    email: Option<Box<str>>,
    name: Option<Box<str>>,
    waives_trial: bool,
}

async fn confirm(
    request: HttpRequest,
    payload: web::Payload,
    doors: web::Data<Doors>,
) -> Result<HttpResponse, Problem> {
    serving(&doors)?;
    let secret = path_text(&request, "client_secret");
    // A body is read for nobody who does not have a secret.
    doors.checkouts.presented(&secret).ok_or(Problem::NotFound)?;
    let body = doors.room.read(&request, payload).await?;
    let mut fields = Fields::of(&body)?;
    let name = |raw| fields::text(raw, 0..=PROFILE_NAME_CHARS_MAX);
    let confirmation = Confirmation {
        product: fields.optional("product_id", fields::id).map(ProductId),
        email: fields.optional("customer_email", customer_details::email),
        name: fields.optional("customer_name", name),
        waives_trial: fields.optional("allow_trial", fields::truth) == Some(false),
    };
    fields.settle(Some(()))?;
    let begun = doors.checkouts.begin(&secret, doors.engine.now());
    let begun = begun.map_err(|closed| match closed {
        Closed::Unknown => Problem::NotFound,
        Closed::NotOpen => Problem::Denied(Denial::CheckoutNotOpen),
        Closed::Expired => Problem::Denied(Denial::CheckoutExpired),
    })?;
    // A caller who goes away must not leave a checkout half confirmed: a task of its own goes on.
    let task = actix_rt::spawn(carry_out(doors.clone(), begun, confirmation));
    let succeeded = task.await.map_err(|_| Problem::Unavailable)??;
    let shown = with_setting(&request, &doors, succeeded.organization, |setting| {
        ClientCheckout::of(&succeeded, setting).map(ClientCheckout::confirmed)
    })?;
    Ok(HttpResponse::Ok().json(shown))
}

/// Confirms a checkout, and opens it again when nothing came of it.
async fn carry_out(
    doors: web::Data<Doors>,
    begun: Checkout,
    confirmation: Confirmation,
) -> Result<Checkout, Problem> {
    let outcome = buy(&doors, begun.clone(), confirmation).await;
    doors.checkouts.settle(match &outcome {
        Ok(succeeded) => succeeded.clone(),
        Err(_) => Checkout { standing: Standing::Open, ..begun },
    });
    outcome
}

/// Makes what `checkout` is for. Returns the checkout as it is then.
async fn buy(
    doors: &Doors,
    mut checkout: Checkout,
    confirmation: Confirmation,
) -> Result<Checkout, Problem> {
    let organization = checkout.organization;
    let order = &mut checkout.order;
    if let Some(product) = confirmation.product {
        if !order.products.contains(&product) {
            let loc = ["body".into(), "product_id".into()];
            let msg = "Product is not available in this checkout.";
            return Err(Fault::new("value_error", loc, msg).into());
        }
        order.product = product;
    }
    order.name = confirmation.name.or_else(|| order.name.take());
    if order.customer.is_none() {
        order.email = confirmation.email.or_else(|| order.email.take());
    }
    if confirmation.waives_trial {
        order.trial = Trial::Waived;
    }
    let place = order.products.iter().position(|id| *id == order.product).unwrap_or(0);
    free(doors, organization, order.product, place)?;
    let customer = customer_of(doors, organization, order).await?;
    order.customer = Some(customer);
    let catalog = doors.engine.catalog().clone();
    let product = catalog.product_of(organization, order.product).ok_or(Problem::NotFound)?;
    let subscription = sell(doors, customer, product, checkout.id, order.trial).await?;
    checkout.standing = Standing::Succeeded { subscription };
    checkout.modified_at = Some(doors.engine.now());
    Ok(checkout)
}

/// Who buys: somebody who is known by one of the names, else somebody new.
async fn customer_of(
    doors: &Doors,
    organization: OrganizationNumber,
    order: &CheckoutOrder,
) -> Result<CustomerId, Problem> {
    let (engine, directory) = (&doors.engine, doors.engine.directory());
    let external_id = order.external_customer_id.as_deref();
    let named = match (order.customer, external_id, order.email.as_deref()) {
        (Some(id), _, _) => directory.by_id(organization, id),
        (None, Some(name), _) => directory.by_external_id(organization, name.as_bytes()),
        (None, None, Some(email)) => directory.by_email(organization, email),
        (None, None, None) => None,
    };
    if let Some(place) = named
        && let Some(view) = engine.customer_at(organization, place).await?
        && view.profile.is_some()
        && !view.is_deleted()
    {
        return Ok(view.id);
    }
    let email = order.email.clone().ok_or_else(|| {
        let loc = ["body".into(), "customer_email".into()];
        Problem::from(Fault::new("missing", loc, "Field required"))
    })?;
    let details = ProfileDetails {
        email,
        name: order.name.clone(),
        kind: ProfileKind::Individual,
        billing_name: None,
        billing_address: None,
        tax_id: None,
        locale: None,
        metadata: order.customer_metadata.clone(),
    };
    Ok(engine.register_customer(organization, external_id, details).await?.id)
}

/// Sells `product`, once for each checkout.
async fn sell(
    doors: &Doors,
    customer: CustomerId,
    product: &Product,
    checkout: CheckoutId,
    trial: Trial,
) -> Result<Option<SubscriptionId>, Problem> {
    let (engine, organization) = (&doors.engine, product.organization);
    let refused = |error| match error {
        PurchaseError::Engine(error) => Problem::from(error),
        PurchaseError::UnknownProduct | PurchaseError::Refused(_) => {
            super::subscriptions::why_not_started(error, product.id)
        }
    };
    if product.billing.is_none() {
        let payment = Payment::Received;
        let bought = engine.buy(organization, customer, product.id, Some(checkout), payment).await;
        return match bought {
            Ok(_) | Err(PurchaseError::Refused(CustomerRefusal::OrderAlreadyMade)) => Ok(None),
            Err(error) => Err(refused(error)),
        };
    }
    let trial = product.trial.filter(|_| trial == Trial::Allowed);
    let trial_end = trial.and_then(|trial| trial.boundary(engine.now(), 1));
    let start = Start::Checkout(checkout);
    match engine.subscribe(organization, customer, product.id, start, trial_end).await {
        Ok(id) => Ok(Some(id)),
        Err(PurchaseError::Refused(CustomerRefusal::SubscriptionAlreadyMade)) => {
            Ok(Some(crate::customer::derived_id::subscription_of_checkout(checkout)))
        }
        Err(error) => Err(refused(error)),
    }
}
