//! `/engine/v1/`: what Polar has no word for. Units are decimals, given as a JSON number or as text
//! and answered as text, digit by digit; errors are those of RFC 9457.
//!
//! What changes something takes an idempotency key, as the header `Idempotency-Key` or as the field
//! `key`: a repeat changes nothing and learns what became of the first.

mod clock;
mod ledger;
mod problem;
mod purchases;

use actix_web::HttpRequest;
use actix_web::web;
use actix_web::web::ServiceConfig;

use crate::id::KEY_BYTES_MAX;

use super::audience::Named;
use super::error::{Fault, Problem};
use super::fields::{self, Broken, Fields};

use self::problem::EngineProblem;

/// Under which header a key may come.
const KEY_HEADER: &str = "idempotency-key";

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(
        web::scope("/engine/v1")
            .configure(clock::routes)
            .configure(ledger::routes)
            .configure(purchases::routes)
            .default_service(web::to(no_such_path)),
    );
}

async fn no_such_path() -> Result<&'static str, EngineProblem> {
    Err(Problem::NotFound.into())
}

async fn method_not_allowed() -> Result<&'static str, EngineProblem> {
    Err(Problem::MethodNotAllowed.into())
}

/// A resource, with and without the slash at its end.
fn resource(path: &str) -> actix_web::Resource {
    web::resource(vec![path.to_owned(), format!("{path}/")])
        .default_service(web::to(method_not_allowed))
}

/// The idempotency key of a request, if it has one: in its head or in its body, and in both only
/// when it is the same.
fn key(request: &HttpRequest, fields: &mut Fields<'_>) -> Result<Option<Box<str>>, Problem> {
    let in_body = fields.optional("key", |raw| {
        let text = fields::text(raw, 1..=KEY_BYTES_MAX)?;
        if text.len() > KEY_BYTES_MAX {
            let msg = format!("String should have at most {KEY_BYTES_MAX} bytes");
            return Err(Broken::new("string_too_long", msg));
        }
        Ok(text)
    });
    let Some(header) = request.headers().get(KEY_HEADER) else { return Ok(in_body) };
    let fault = |msg: String| {
        Problem::from(Fault::new("value_error", ["header".into(), KEY_HEADER.into()], msg))
    };
    let text = header.to_str().ok().filter(|text| (1..=KEY_BYTES_MAX).contains(&text.len()));
    let text = text.ok_or_else(|| fault(format!("1 to {KEY_BYTES_MAX} bytes of ASCII")))?;
    if in_body.is_some_and(|key| *key != *text) {
        return Err(fault("the body has another key".to_owned()));
    }
    Ok(Some(text.into()))
}

/// What a call names its customer by. An unknown external id is a customer to be.
fn name_of(named: &Named) -> String {
    match named {
        Named::ById(id) => id.to_string(),
        Named::ByExternalId(name) => name.to_string(),
    }
}
