//! `POST /engine/v1/grants`, `/debits` and `/uses`: credits given, and units drawn outside of events.
//! Each answers with a verdict and the balance after it.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::web;
use actix_web::web::ServiceConfig;
use rust_decimal::Decimal;
use serde::Serialize;
use serde_json::value::RawValue;

use std::sync::Arc;

use crate::engine::call::GrantCall;
use crate::engine::reply::Said;
use crate::http::Doors;
use crate::http::audience::Named;
use crate::http::auth::Caller;
use crate::http::body::Body;
use crate::http::fields::{self, Broken, Fields, Read};
use crate::meter::Meter;
use crate::token::Scope;
use crate::units::{Balance, Units, write_decimal};

use super::problem::EngineProblem;
use super::{key, name_of};

/// Scopes that may draw and credit.
const WRITE: &[Scope] = &[Scope::Ingest, Scope::Admin];

/// Longest name of a meter, in characters.
const METER_CHARS_MAX: usize = crate::catalog::NAME_BYTES_MAX;

/// What became of a command.
#[derive(Debug, Serialize)]
struct Verdict {
    /// `applied`, `refused`, or for a repeated key `duplicate` or `duplicate-refused`.
    verdict: &'static str,
    /// The balance now, as text.
    balance: String,
}

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(super::resource("/grants").route(web::post().to(grant)))
        .service(super::resource("/debits").route(web::post().to(debit)))
        .service(super::resource("/uses").route(web::post().to(draw)));
}

/// What every command of the ledger names.
struct Command {
    meter: Arc<Meter>,
    customer: String,
    units: Units,
    key: Option<Box<str>>,
}

impl Command {
    /// Reads `fields`, all of which are read by then.
    async fn of<T>(
        request: &HttpRequest,
        doors: &Doors,
        caller: Caller,
        mut fields: Fields<'_>,
        more: impl FnOnce(&mut Fields<'_>) -> T,
    ) -> Result<(Self, T), EngineProblem> {
        let named = Named::of(&mut fields);
        let meter = fields.required("meter", |raw| fields::text(raw, 1..=METER_CHARS_MAX));
        let units = fields.required("units", units);
        let key = key(request, &mut fields)?;
        let more = more(&mut fields);
        let read = named.zip(meter).zip(units);
        let ((named, meter), units) = fields.settle(read)?;
        let catalog = doors.engine.catalog();
        let meter = Arc::clone(catalog.find_meter(caller.organization, meter.as_bytes())?);
        drop(catalog);
        // An id names somebody who is there; a name of the application's own may be a new one.
        if let Named::ById(_) = named {
            named.view(doors, caller).await?;
        }
        Ok((Self { meter, customer: name_of(&named), units, key }, more))
    }
}

/// Units above zero: a JSON number or its text, digit by digit.
fn units(raw: &RawValue) -> Read<Units> {
    let text: Option<String> = serde_json::from_str(raw.get()).ok();
    let text = text.as_deref().unwrap_or_else(|| raw.get());
    Units::parse_positive(text.as_bytes())
        .map_err(|error| Broken::new("decimal_parsing", format!("Value error, {error}")))
}

fn answer((said, Balance(balance)): (Said, Balance)) -> HttpResponse {
    HttpResponse::Ok().json(Verdict { verdict: said.word(), balance: decimal(balance) })
}

fn decimal(number: Decimal) -> String {
    let mut text = Vec::new();
    write_decimal(&mut text, number);
    String::from_utf8(text).unwrap_or_default()
}

async fn admitted(
    request: &HttpRequest,
    payload: web::Payload,
    doors: &Doors,
) -> Result<(Caller, Body), EngineProblem> {
    let caller = Caller::of(request, doors, WRITE)?;
    Ok((caller, doors.room.read(request, payload).await?))
}

async fn grant(
    request: HttpRequest,
    payload: web::Payload,
    doors: web::Data<Doors>,
) -> Result<HttpResponse, EngineProblem> {
    let (caller, body) = admitted(&request, payload, &doors).await?;
    let terms = |fields: &mut Fields<'_>| {
        let whole = |raw: &RawValue| -> Read<i32> {
            serde_json::from_str(raw.get())
                .map_err(|_| Broken::new("int_type", "Input should be a valid 32-bit integer"))
        };
        let priority = fields.optional("priority", whole).unwrap_or(0);
        let effective_at = fields.optional("effective_at", fields::moment);
        let expires_at = fields.optional("expires_at", fields::moment);
        (priority, effective_at, expires_at)
    };
    let fields = Fields::of(&body)?;
    let (command, terms) = Command::of(&request, &doors, caller, fields, terms).await?;
    let (priority, effective_at, expires_at) = terms;
    let terms = GrantCall { units: command.units, priority, effective_at, expires_at };
    let (meter, customer) = (&command.meter, &command.customer);
    let granted = doors.engine.grant(meter, customer, terms, command.key.as_deref()).await?;
    Ok(answer(granted))
}

async fn debit(
    request: HttpRequest,
    payload: web::Payload,
    doors: web::Data<Doors>,
) -> Result<HttpResponse, EngineProblem> {
    let (caller, body) = admitted(&request, payload, &doors).await?;
    let fields = Fields::of(&body)?;
    let (command, ()) = Command::of(&request, &doors, caller, fields, |_| ()).await?;
    let (meter, customer) = (&command.meter, &command.customer);
    let key = command.key.as_deref();
    Ok(answer(doors.engine.debit(meter, customer, command.units, key).await?))
}

async fn draw(
    request: HttpRequest,
    payload: web::Payload,
    doors: web::Data<Doors>,
) -> Result<HttpResponse, EngineProblem> {
    let (caller, body) = admitted(&request, payload, &doors).await?;
    let fields = Fields::of(&body)?;
    let (command, ()) = Command::of(&request, &doors, caller, fields, |_| ()).await?;
    let (meter, customer) = (&command.meter, &command.customer);
    let key = command.key.as_deref();
    Ok(answer(doors.engine.use_units(meter, customer, command.units, key).await?))
}
