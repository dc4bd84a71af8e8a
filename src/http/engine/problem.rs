//! Errors of `/engine/v1/`, as RFC 9457 has them: `type`, `title`, `status`, `detail`, and beside
//! those `code`, which programs can tell them apart by, and `errors`, the rules that were broken.

use std::fmt;

use actix_web::HttpResponse;
use actix_web::ResponseError;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use serde::Serialize;

use crate::catalog::MeterLookupError;
use crate::customer::CustomerRefusal;
use crate::engine::purchases::PurchaseError;
use crate::engine::reply::EngineError;
use crate::http::error::{Fault, Problem};

/// The media type of a problem.
const MEDIA_TYPE: &str = "application/problem+json";

/// Why a request to the engine is not carried out.
#[derive(Debug)]
pub(super) enum EngineProblem {
    /// What every request can be told.
    Of(Problem),
    /// The clock is the system's.
    ClockFixed,
    /// The key was used before, for something else.
    KeyConflict,
    /// No such meter, or several of that name.
    Meter(MeterLookupError),
    /// It makes no sense for what the customer has bought.
    Refused(CustomerRefusal),
    /// The organization has no such product on sale.
    UnknownProduct,
    /// The organization has no such customer.
    UnknownCustomer,
    /// The command breaks a rule of the engine.
    Rule(EngineError),
}

impl From<Problem> for EngineProblem {
    fn from(problem: Problem) -> Self {
        Self::Of(problem)
    }
}

impl From<MeterLookupError> for EngineProblem {
    fn from(error: MeterLookupError) -> Self {
        Self::Meter(error)
    }
}

impl From<EngineError> for EngineProblem {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::KeyConflict => Self::KeyConflict,
            EngineError::UnknownCustomer => Self::UnknownCustomer,
            EngineError::Busy
            | EngineError::DiskFull
            | EngineError::ShardFull
            | EngineError::Stopping => Self::Of(error.into()),
            EngineError::Account(_)
            | EngineError::Customer(_)
            | EngineError::EmailTaken
            | EngineError::ExternalIdTaken
            | EngineError::ExternalIdFixed
            | EngineError::CustomerName
            | EngineError::KeyTooLong
            | EngineError::InFuture
            | EngineError::Expired
            | EngineError::TooLarge => Self::Rule(error),
        }
    }
}

impl From<PurchaseError> for EngineProblem {
    fn from(error: PurchaseError) -> Self {
        match error {
            PurchaseError::Refused(refusal) => Self::Refused(refusal),
            PurchaseError::UnknownProduct => Self::UnknownProduct,
            PurchaseError::Engine(error) => error.into(),
        }
    }
}

impl EngineProblem {
    /// What programs tell it by; it stays.
    fn code(&self) -> &'static str {
        match self {
            Self::Of(problem) => code_of(problem),
            Self::ClockFixed => "clock_fixed",
            Self::KeyConflict => "key_conflict",
            Self::Meter(_) => "unknown_meter",
            Self::Refused(CustomerRefusal::NoSuchOrder) => "not_found",
            Self::Refused(CustomerRefusal::OrderAlreadyPaid) => "order_already_paid",
            Self::Refused(CustomerRefusal::OrderVoided) => "order_voided",
            Self::Refused(_) => "refused",
            Self::UnknownProduct => "unknown_product",
            Self::UnknownCustomer => "unknown_customer",
            Self::Rule(_) => "rule",
        }
    }
}

const fn code_of(problem: &Problem) -> &'static str {
    match problem {
        Problem::Unauthorized | Problem::InvalidToken => "unauthorized",
        Problem::InsufficientScope(_) => "insufficient_scope",
        Problem::NoSuchPath | Problem::NotFound => "not_found",
        Problem::MethodNotAllowed => "method_not_allowed",
        Problem::Invalid(_) => "invalid",
        Problem::Denied(_) => "refused",
        Problem::LengthRequired => "length_required",
        Problem::BodyTooLarge(_) => "body_too_large",
        Problem::BodyIncomplete => "body_incomplete",
        Problem::Busy => "busy",
        Problem::Unavailable => "unavailable",
        Problem::StorageFull => "storage_full",
    }
}

impl fmt::Display for EngineProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Of(problem) => problem.fmt(f),
            Self::ClockFixed => f.write_str("The directory runs on the system's clock."),
            Self::KeyConflict => f.write_str("The key was used with another body."),
            Self::Meter(error) => error.fmt(f),
            Self::Refused(CustomerRefusal::OrderAlreadyPaid) => f.write_str("The order is paid."),
            Self::Refused(CustomerRefusal::OrderVoided) => {
                f.write_str("The order was voided when its subscription ended.")
            }
            Self::Refused(refusal) => write!(f, "What was bought does not admit it: {refusal:?}."),
            Self::UnknownProduct => f.write_str("There is no such product on sale."),
            Self::UnknownCustomer => f.write_str("There is no such customer."),
            Self::Rule(error) => error.fmt(f),
        }
    }
}

/// The body.
#[derive(Serialize)]
struct Told<'a> {
    /// The status says all that a link could say.
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'a str,
    status: u16,
    code: &'static str,
    detail: String,
    #[serde(skip_serializing_if = "<[Fault]>::is_empty")]
    errors: &'a [Fault],
}

impl ResponseError for EngineProblem {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Of(problem) => problem.status_code(),
            Self::Refused(CustomerRefusal::NoSuchOrder) => StatusCode::NOT_FOUND,
            Self::ClockFixed | Self::KeyConflict | Self::Refused(_) => StatusCode::CONFLICT,
            Self::Meter(_) | Self::UnknownProduct | Self::UnknownCustomer | Self::Rule(_) => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
        }
    }

    fn error_response(&self) -> HttpResponse {
        let status = self.status_code();
        let mut response = HttpResponse::build(status);
        let mut errors = &[][..];
        if let Self::Of(problem) = self {
            let told = problem.error_response();
            for name in [WWW_AUTHENTICATE, RETRY_AFTER] {
                if let Some(value) = told.headers().get(&name) {
                    response.insert_header((name, value.clone()));
                }
            }
            if let Problem::Invalid(faults) = problem {
                errors = faults;
            }
        }
        let told = Told {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            code: self.code(),
            detail: self.to_string(),
            errors,
        };
        let body = serde_json::to_string(&told).unwrap_or_default();
        response.insert_header((CONTENT_TYPE, MEDIA_TYPE)).body(body)
    }
}
