//! `/v1/subscriptions/`: what customers are subscribed to.
//!
//! As in Polar, the API starts subscriptions to free products alone; `/engine/v1/subscriptions`
//! starts any, for a caller who takes the payment.

use std::cmp::Ordering;
use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::middleware::Compress;
use actix_web::web;
use actix_web::web::ServiceConfig;
use uuid::Uuid;

use crate::customer::{
    ChangeWhen, CustomerCommand, CustomerRefusal, Start, Subscription, SubscriptionStatus, TrialEnd,
};
use crate::engine::purchases::PurchaseError;
use crate::engine::roll::CustomerView;
use crate::id::{ProductId, SubscriptionId};
use crate::time::Timestamp;
use crate::token::Scope;

use super::Doors;
use super::audience::{Audience, Named};
use super::auth::Caller;
use super::error::{Denial, Fault, Problem};
use super::fields::{self, Broken, Fields};
use super::page::{Direction, Page, sorting};
use super::query::{Query, path_id};
use super::ranked::Ranked;
use super::resource;
use super::schema;

/// Scopes that may see subscriptions.
const READ: &[Scope] = &[Scope::SubscriptionsRead, Scope::SubscriptionsWrite];

/// Scopes that may start and change them.
const WRITE: &[Scope] = &[Scope::SubscriptionsWrite];

/// By what a list can be sorted.
#[derive(Debug, Clone, Copy)]
enum By {
    Customer,
    Status,
    StartedAt,
    CurrentPeriodEnd,
    EndedAt,
    EndsAt,
    Amount,
    Product,
    Discount,
}

const SORTINGS: [(&str, By); 9] = [
    ("customer", By::Customer),
    ("status", By::Status),
    ("started_at", By::StartedAt),
    ("current_period_end", By::CurrentPeriodEnd),
    ("ended_at", By::EndedAt),
    ("ends_at", By::EndsAt),
    ("amount", By::Amount),
    ("product", By::Product),
    ("discount", By::Discount),
];

/// Every status, for those that never occur here too: asking for them is no mistake.
const STATUSES: [(&str, Option<SubscriptionStatus>); 7] = [
    ("incomplete", None),
    ("incomplete_expired", None),
    ("trialing", Some(SubscriptionStatus::Trialing)),
    ("active", Some(SubscriptionStatus::Active)),
    ("past_due", Some(SubscriptionStatus::PastDue)),
    ("canceled", Some(SubscriptionStatus::Canceled)),
    ("unpaid", None),
];

/// How a change of product may be charged. Fixed prices are never prorated here, so what Polar
/// invoices at once and what it adds to the next invoice are the same: a change now.
const PRORATIONS: [(&str, ChangeWhen); 4] = [
    ("invoice", ChangeWhen::Now),
    ("prorate", ChangeWhen::Now),
    ("next_period", ChangeWhen::NextPeriod),
    ("reset", ChangeWhen::Reset),
];

/// Why a subscription was cancelled. It is checked, and not kept.
const CANCELLATION_REASONS: [(&str, ()); 8] = [
    ("customer_service", ()),
    ("low_quality", ()),
    ("missing_features", ()),
    ("switched_service", ()),
    ("too_complex", ()),
    ("too_expensive", ()),
    ("unused", ()),
    ("other", ()),
];

/// Longest comment on a cancellation, in characters.
const COMMENT_CHARS_MAX: usize = 1_000;

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(
            resource("/subscriptions")
                .wrap(Compress::default())
                .route(web::get().to(list))
                .route(web::post().to(create)),
        )
        .service(
            resource("/subscriptions/{id}")
                .route(web::get().to(one))
                .route(web::patch().to(update))
                .route(web::delete().to(revoke)),
        );
}

/// `subscription` of `view`, as it is shown.
fn shown(
    doors: &Doors,
    caller: Caller,
    view: &CustomerView,
    id: SubscriptionId,
) -> Result<schema::Subscription, Problem> {
    let organization_id = caller.organization_id(doors)?;
    let catalog = doors.engine.catalog();
    let subscription = view.subscription(id).ok_or(Problem::NotFound)?;
    let shown = schema::Subscription::of(view, subscription, &catalog, organization_id);
    shown.ok_or(Problem::NotFound)
}

/// The customer of a subscription, as it stands, with the subscription in it.
pub(super) async fn subscriber(
    doors: &Doors,
    caller: Caller,
    id: SubscriptionId,
) -> Result<CustomerView, Problem> {
    let view = doors.engine.customer_with_purchase(caller.organization, id.0).await?;
    view.filter(|view| view.subscription(id).is_some()).ok_or(Problem::NotFound)
}

async fn show(
    doors: &Doors,
    caller: Caller,
    id: SubscriptionId,
) -> Result<schema::Subscription, Problem> {
    let view = subscriber(doors, caller, id).await?;
    shown(doors, caller, &view, id)
}

async fn one(request: HttpRequest, doors: web::Data<Doors>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &doors, READ)?;
    let id = SubscriptionId(path_id(&request, "id")?);
    Ok(HttpResponse::Ok().json(show(&doors, caller, id).await?))
}

async fn create(
    request: HttpRequest,
    payload: web::Payload,
    doors: web::Data<Doors>,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &doors, WRITE)?;
    let body = doors.room.read(&request, payload).await?;
    let mut fields = Fields::of(&body)?;
    let product = fields.required("product_id", fields::id);
    let named = Named::of(&mut fields);
    fields.optional("metadata", fields::metadata);
    let (product, named) = fields.settle(product.zip(named))?;
    let product = ProductId(product);
    on_sale_for_nothing(&doors, caller, product)?;
    let view = named.view(&doors, caller).await?;
    let organization = caller.organization;
    let started = doors.engine.subscribe(organization, view.id, product, Start::Api, None).await;
    let id = started.map_err(|error| why_not_started(error, product))?;
    Ok(HttpResponse::Created().json(show(&doors, caller, id).await?))
}

/// Checks that the product can be subscribed to without a payment.
fn on_sale_for_nothing(doors: &Doors, caller: Caller, id: ProductId) -> Result<(), Problem> {
    let catalog = doors.engine.catalog();
    let product = catalog.product_of(caller.organization, id);
    let product = product.filter(|product| !product.is_archived());
    let product = product.ok_or_else(|| of_product("Product does not exist.", id))?;
    if product.billing.is_none() {
        return Err(of_product("Product is not a recurring product.", id));
    }
    if !product.is_free() {
        let msg = "Product is not free. The customer should go through a checkout to create a paid \
                   subscription.";
        return Err(of_product(msg, id));
    }
    Ok(())
}

/// Something about the product that a body names.
pub(super) fn of_product(msg: &str, id: ProductId) -> Problem {
    let loc = ["body".into(), "product_id".into()];
    Fault::new("value_error", loc, msg).with_text(&id.to_string()).into()
}

/// Why a subscription to `product` was not started.
pub(super) fn why_not_started(error: PurchaseError, product: ProductId) -> Problem {
    match error {
        PurchaseError::UnknownProduct => of_product("Product does not exist.", product),
        PurchaseError::Refused(CustomerRefusal::ProductNotRecurring) => {
            of_product("Product is not a recurring product.", product)
        }
        PurchaseError::Refused(CustomerRefusal::ProductRecurring) => {
            of_product("Product is a recurring product.", product)
        }
        PurchaseError::Refused(refusal) => refused(refusal, "product_id"),
        PurchaseError::Engine(error) => error.into(),
    }
}

/// What a subscription is told, of which `field` asked for something.
fn refused(refusal: CustomerRefusal, field: &'static str) -> Problem {
    use CustomerRefusal as R;
    match refusal {
        R::NoSuchSubscription | R::NoSuchOrder => Problem::NotFound,
        R::SubscriptionAlreadyCanceled => Problem::Denied(Denial::AlreadyCanceled),
        R::SubscriptionNotCanceled => Problem::Denied(Denial::NotCanceled),
        R::SubscriptionInactive => Problem::Denied(Denial::InactiveSubscription),
        R::EndTooEarly => because(field, "the end lies too early"),
        R::NotOnTrial => because(field, "the subscription is not on trial"),
        R::OtherCurrency => because(field, "the product is priced in another currency"),
        R::ProductNotRecurring => because(field, "the product is not recurring"),
        R::ProductRecurring => because(field, "the product is recurring"),
        R::MeterIntervalDoesNotDivide => {
            because(field, "the meter interval does not divide the billing interval")
        }
        R::NoChangePending => because(field, "no update is pending"),
        R::SubscriptionAlreadyMade
        | R::OrderAlreadyMade
        | R::TermsOfAnotherProduct
        | R::NotTheCurrentPeriod
        | R::PeriodNotOver
        | R::OrderAlreadyPaid
        | R::OrderVoided => because(field, "it was overtaken by another change"),
    }
}

fn because(field: &'static str, why: &str) -> Problem {
    let loc = ["body".into(), field.into()];
    Fault::new("value_error", loc, format!("Value error, {why}")).into()
}

/// What a body asks of a subscription.
#[derive(Debug, Clone, Copy)]
enum Update {
    Product(ProductId, ChangeWhen),
    TrialEnd(TrialEnd),
    PeriodEnd(Timestamp),
    CancelAtPeriodEnd,
    Uncancel,
    Revoke,
    ClearPending,
}

impl Update {
    /// Which one it is, of the shapes that Polar's union has; a field of another shape is forbidden.
    fn of(mut fields: Fields<'_>) -> Result<(Self, &'static str), Problem> {
        let reasons = ["customer_cancellation_reason", "customer_cancellation_comment"];
        let update = if fields.is_set("product_id") {
            fields.forbid_others(&["product_id", "proration_behavior", "discount_id", "trial_end"]);
            let product = fields.required("product_id", fields::id);
            let when = fields.optional("proration_behavior", |raw| fields::word(raw, &PRORATIONS));
            no_others(&mut fields, &["discount_id", "trial_end"]);
            let when = when.unwrap_or(ChangeWhen::Now);
            product.map(|id| (Self::Product(ProductId(id), when), "product_id"))
        } else if fields.is_set("trial_end") {
            fields.forbid_others(&["trial_end", "product_id", "proration_behavior", "discount_id"]);
            no_others(&mut fields, &["discount_id"]);
            let end = fields.required("trial_end", |raw| match raw.get() {
                "\"now\"" => Ok(TrialEnd::Now),
                _ => fields::moment(raw).map(TrialEnd::At),
            });
            end.map(|end| (Self::TrialEnd(end), "trial_end"))
        } else if fields.has("current_billing_period_end") {
            fields.forbid_others(&["current_billing_period_end"]);
            let end = fields.required("current_billing_period_end", fields::moment);
            end.map(|end| (Self::PeriodEnd(end), "current_billing_period_end"))
        } else if fields.has("cancel_at_period_end") {
            fields.forbid_others(&[&["cancel_at_period_end"][..], &reasons].concat());
            read_reasons(&mut fields);
            let cancel = fields.required("cancel_at_period_end", fields::truth);
            let update = |cancel| if cancel { Self::CancelAtPeriodEnd } else { Self::Uncancel };
            cancel.map(|cancel| (update(cancel), "cancel_at_period_end"))
        } else if fields.has("revoke") {
            fields.forbid_others(&[&["revoke"][..], &reasons].concat());
            read_reasons(&mut fields);
            let revoke = fields.required("revoke", |raw| match raw.get() {
                "true" => Ok(()),
                _ => Err(Broken::new("literal_error", "Input should be True")),
            });
            revoke.map(|()| (Self::Revoke, "revoke"))
        } else if fields.has("pending_update") {
            fields.forbid_others(&["pending_update"]);
            let nothing = fields.required("pending_update", |raw| match raw.get() {
                "null" => Ok(()),
                _ => Err(Broken::new("none_required", "Input should be None")),
            });
            nothing.map(|()| (Self::ClearPending, "pending_update"))
        } else {
            fields.forbid_others(&[]);
            fields.break_rule("product_id", Broken::new("missing", "Field required"), None);
            None
        };
        fields.settle(update)
    }

    async fn carry_out(
        self,
        doors: &Doors,
        caller: Caller,
        view: &CustomerView,
        subscription: SubscriptionId,
    ) -> Result<(), PurchaseError> {
        let (engine, organization, customer) = (&doors.engine, caller.organization, view.id);
        let command = match self {
            Self::Product(product, when) => {
                let change =
                    engine.change_product(organization, customer, subscription, product, when);
                return change.await;
            }
            Self::TrialEnd(end) => CustomerCommand::SetTrialEnd { subscription, end },
            Self::PeriodEnd(end) => CustomerCommand::SetPeriodEnd { subscription, end },
            Self::CancelAtPeriodEnd => CustomerCommand::CancelAtPeriodEnd { subscription },
            Self::Uncancel => CustomerCommand::Uncancel { subscription },
            Self::Revoke => CustomerCommand::Revoke { subscription },
            Self::ClearPending => CustomerCommand::ClearChange { subscription },
        };
        engine.purchase(organization, customer, command).await
    }
}

/// Fields that may stand there without a value, and with none that could be carried out.
fn no_others(fields: &mut Fields<'_>, names: &[&'static str]) {
    for name in names {
        fields.optional::<()>(name, |_| {
            Err(Broken::new("value_error", "Value error, it cannot be set together with this"))
        });
    }
}

fn read_reasons(fields: &mut Fields<'_>) {
    let reason = |raw| fields::word(raw, &CANCELLATION_REASONS);
    fields.optional("customer_cancellation_reason", reason);
    let comment = |raw| fields::text(raw, 0..=COMMENT_CHARS_MAX);
    fields.optional("customer_cancellation_comment", comment);
}

async fn update(
    request: HttpRequest,
    payload: web::Payload,
    doors: web::Data<Doors>,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &doors, WRITE)?;
    let body = doors.room.read(&request, payload).await?;
    let id = SubscriptionId(path_id(&request, "id")?);
    let view = subscriber(&doors, caller, id).await?;
    let (update, field) = Update::of(Fields::of(&body)?)?;
    let done = update.carry_out(&doors, caller, &view, id).await;
    done.map_err(|error| why_not_updated(error, field))?;
    Ok(HttpResponse::Ok().json(show(&doors, caller, id).await?))
}

fn why_not_updated(error: PurchaseError, field: &'static str) -> Problem {
    match error {
        PurchaseError::UnknownProduct => because(field, "the product does not exist"),
        PurchaseError::Refused(refusal) => refused(refusal, field),
        PurchaseError::Engine(error) => error.into(),
    }
}

async fn revoke(request: HttpRequest, doors: web::Data<Doors>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &doors, WRITE)?;
    let id = SubscriptionId(path_id(&request, "id")?);
    let view = subscriber(&doors, caller, id).await?;
    let done = Update::Revoke.carry_out(&doors, caller, &view, id).await;
    done.map_err(|error| why_not_updated(error, "revoke"))?;
    Ok(HttpResponse::Ok().json(show(&doors, caller, id).await?))
}

/// What a list asks of each subscription.
struct Asked {
    products: Option<Vec<Uuid>>,
    discounts: Option<Vec<Uuid>>,
    active: Option<bool>,
    statuses: Option<Vec<SubscriptionStatus>>,
    cancel_at_period_end: Option<bool>,
    has_reason: bool,
    canceled_after: Option<Timestamp>,
    canceled_before: Option<Timestamp>,
    has_metadata: bool,
}

impl Asked {
    fn of(query: &Query) -> Result<Self, Problem> {
        let mut statuses = Vec::new();
        for text in query.all("status") {
            let known = STATUSES.iter().find(|(word, _)| *word == text);
            let (_, status) = known.ok_or_else(|| {
                let loc = ["query".into(), "status".into()];
                let words: Vec<String> =
                    STATUSES.iter().map(|(word, _)| format!("'{word}'")).collect();
                let msg = format!("Input should be {}", words.join(", "));
                Problem::from(Fault::new("enum", loc, msg).with_text(text))
            })?;
            statuses.extend(*status);
        }
        Ok(Self {
            products: query.ids("product_id")?,
            discounts: query.ids("discount_id")?,
            active: query.flag("active")?,
            statuses: query.one("status").map(|_| statuses),
            cancel_at_period_end: query.flag("cancel_at_period_end")?,
            has_reason: query.one("customer_cancellation_reason").is_some(),
            canceled_after: query.moment("canceled_at_after")?,
            canceled_before: query.moment("canceled_at_before")?,
            has_metadata: !query.metadata().is_empty(),
        })
    }

    fn admits(&self, subscription: &Subscription) -> bool {
        let product = subscription.terms.product.0;
        let canceled = subscription.canceled_at;
        // No subscription has a discount, a reason or metadata.
        self.discounts.is_none()
            && !self.has_reason
            && !self.has_metadata
            && self.products.as_ref().is_none_or(|ids| ids.contains(&product))
            && self.active.is_none_or(|active| subscription.status.is_active() == active)
            && self.statuses.as_ref().is_none_or(|of| of.contains(&subscription.status))
            && self
                .cancel_at_period_end
                .is_none_or(|ends| subscription.cancel_at_period_end == ends)
            && self.canceled_after.is_none_or(|after| canceled.is_some_and(|at| at >= after))
            && self.canceled_before.is_none_or(|before| canceled.is_some_and(|at| at <= before))
    }
}

/// A line of the list.
struct Row {
    customer: Arc<CustomerView>,
    subscription: Subscription,
    product_name: Box<str>,
}

impl Row {
    fn order(&self, other: &Self, by: By) -> Ordering {
        let (own, others) = (&self.subscription, &other.subscription);
        match by {
            By::Customer => self.customer.name_shown().cmp(other.customer.name_shown()),
            By::Status => schema::status_word(own.status).cmp(schema::status_word(others.status)),
            By::StartedAt => own.started_at.cmp(&others.started_at),
            By::CurrentPeriodEnd => own.period.end.cmp(&others.period.end),
            By::EndedAt => own.ended_at.cmp(&others.ended_at),
            By::EndsAt => own.ends_at.cmp(&others.ends_at),
            By::Amount => own.amount().cmp(&others.amount()),
            By::Product => self.product_name.cmp(&other.product_name),
            By::Discount => Ordering::Equal,
        }
    }
}

async fn list(request: HttpRequest, doors: web::Data<Doors>) -> Result<HttpResponse, Problem> {
    let caller = Caller::of(&request, &doors, READ)?;
    let query = Query::of(&request);
    let page = Page::of(&query)?;
    let sorting = sorting(&query, &SORTINGS, (By::StartedAt, Direction::Descending))?;
    let audience = Audience::of(&query, &doors, caller)?;
    let asked = Asked::of(&query)?;
    let catalog = doors.engine.catalog().clone();
    let mut ranked = Ranked::new(page, |a: &Row, b: &Row| {
        let order = |(by, way): &(By, Direction)| way.turn(a.order(b, *by));
        let ids = a.subscription.id.cmp(&b.subscription.id);
        sorting.iter().map(order).find(|order| order.is_ne()).unwrap_or(ids)
    });
    let each = |view: CustomerView| {
        let customer = Arc::new(view);
        let Some(purchases) = customer.purchases.as_deref() else { return };
        for subscription in purchases.subscriptions().iter().filter(|found| asked.admits(found)) {
            let product = catalog.product(subscription.terms.product);
            ranked.push(Row {
                customer: Arc::clone(&customer),
                subscription: subscription.clone(),
                product_name: product.map(|product| product.name.clone()).unwrap_or_default(),
            });
        }
    };
    audience.read(&doors, caller, each).await?;
    let organization_id = caller.organization_id(&doors)?;
    let listed = ranked.listed(|row| {
        schema::Subscription::of(&row.customer, &row.subscription, &catalog, organization_id)
    })?;
    Ok(HttpResponse::Ok().json(listed))
}
