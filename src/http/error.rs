//! What a request is told that is not carried out: Polar's bodies, which its SDKs parse by status.

use std::borrow::Cow;
use std::fmt;

use actix_web::HttpResponse;
use actix_web::ResponseError;
use actix_web::http::StatusCode;
use actix_web::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::catalog::CatalogError;
use crate::engine::catalog_actor::ChangeError;
use crate::engine::reply::EngineError;

use crate::token::Scope;

/// Seconds after which a request that found the server busy may be repeated.
const RETRY_AFTER_SECONDS: u32 = 1;

/// Most faults that one answer tells.
pub(super) const FAULTS_MAX: usize = 64;

/// Longest input that is given back with a fault, in bytes.
const INPUT_BYTES_MAX: usize = 1_024;

/// Who a challenge speaks for.
const REALM: &str = "polar";

/// Why a request is not carried out.
#[derive(Debug)]
pub(super) enum Problem {
    /// No token was shown.
    Unauthorized,
    /// The token opens nothing.
    InvalidToken,
    /// The token has none of these scopes.
    InsufficientScope(&'static [Scope]),
    /// No such path, or no such version of the API.
    NoSuchPath,
    /// The path takes other methods.
    MethodNotAllowed,
    /// No such thing in this organization.
    NotFound,
    /// The request breaks these rules.
    Invalid(Vec<Fault>),
    /// It makes no sense for the thing as it stands, and Polar has a name and a status for that.
    Denied(Denial),
    /// The body's length is not told beforehand.
    LengthRequired,
    /// The body is longer than this many bytes.
    BodyTooLarge(usize),
    /// The body did not come in time, or broke off.
    BodyIncomplete,
    /// Too much is under way; nothing happened.
    Busy,
    /// The server starts, drains or has failed.
    Unavailable,
    /// There is no room on the disk, or no number left.
    StorageFull,
}

/// What cannot be done to a thing as it stands, in Polar's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Denial {
    /// The subscription has ended, or will with its period.
    AlreadyCanceled,
    /// The subscription is not about to end.
    NotCanceled,
    /// The subscription does not run.
    InactiveSubscription,
    /// The checkout was confirmed before.
    CheckoutNotOpen,
    /// The checkout was not confirmed in time.
    CheckoutExpired,
}

impl Denial {
    const fn status(self) -> StatusCode {
        match self {
            Self::AlreadyCanceled | Self::CheckoutNotOpen => StatusCode::FORBIDDEN,
            Self::NotCanceled | Self::InactiveSubscription => StatusCode::BAD_REQUEST,
            Self::CheckoutExpired => StatusCode::GONE,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::AlreadyCanceled => "AlreadyCanceledSubscription",
            Self::NotCanceled => "BadRequest",
            Self::InactiveSubscription => "InactiveSubscription",
            Self::CheckoutNotOpen => "NotOpenCheckout",
            Self::CheckoutExpired => "ExpiredCheckoutError",
        }
    }

    const fn detail(self) -> &'static str {
        match self {
            Self::AlreadyCanceled => {
                "This subscription is already canceled or will be at the end of the period."
            }
            Self::NotCanceled => "This subscription is not set to be canceled.",
            Self::InactiveSubscription => "This subscription is not active.",
            Self::CheckoutNotOpen => "This checkout is not open any more.",
            Self::CheckoutExpired => "This checkout session has expired.",
        }
    }
}

/// One broken rule, as Polar tells it.
#[derive(Debug, Serialize)]
pub(super) struct Fault {
    /// The rule.
    #[serde(rename = "type")]
    pub(super) kind: Cow<'static, str>,
    /// The path to the place, from `body`, `query` or `path` on.
    pub(super) loc: Vec<Step>,
    /// The rule in words.
    pub(super) msg: String,
    /// What was there; `null` when it is long.
    pub(super) input: Option<Box<RawValue>>,
}

/// A step of a [`Fault`]'s path.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub(super) enum Step {
    /// Into a field.
    Field(Cow<'static, str>),
    /// To an item.
    Item(usize),
}

impl From<&'static str> for Step {
    fn from(name: &'static str) -> Self {
        Self::Field(Cow::Borrowed(name))
    }
}

impl From<String> for Step {
    fn from(name: String) -> Self {
        Self::Field(Cow::Owned(name))
    }
}

impl From<usize> for Step {
    fn from(place: usize) -> Self {
        Self::Item(place)
    }
}

impl Fault {
    /// A broken rule at `loc`.
    pub(super) fn new(
        kind: impl Into<Cow<'static, str>>,
        loc: impl IntoIterator<Item = Step>,
        msg: impl Into<String>,
    ) -> Self {
        Self { kind: kind.into(), loc: loc.into_iter().collect(), msg: msg.into(), input: None }
    }

    /// With the JSON that was there, unless it is long.
    pub(super) fn with_json(mut self, json: &RawValue) -> Self {
        if json.get().len() <= INPUT_BYTES_MAX {
            self.input = Some(json.to_owned());
        }
        self
    }

    /// With the text that was there.
    pub(super) fn with_text(mut self, text: &str) -> Self {
        if text.len() <= INPUT_BYTES_MAX {
            self.input = serde_json::value::to_raw_value(text).ok();
        }
        self
    }
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        Self::Invalid(vec![fault])
    }
}

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Busy => Self::Busy,
            EngineError::Stopping => Self::Unavailable,
            EngineError::DiskFull | EngineError::ShardFull => Self::StorageFull,
            EngineError::UnknownCustomer => {
                let loc = ["body".into(), "customer_id".into()];
                Fault::new("customer_id", loc, "Customer not found.").into()
            }
            EngineError::EmailTaken => of_field("email", error),
            EngineError::ExternalIdTaken
            | EngineError::ExternalIdFixed
            | EngineError::CustomerName => of_field("external_id", error),
            EngineError::KeyConflict
            | EngineError::Account(_)
            | EngineError::Customer(_)
            | EngineError::KeyTooLong
            | EngineError::InFuture
            | EngineError::Expired
            | EngineError::TooLarge => {
                Fault::new("value_error", ["body".into()], format!("Value error, {error}")).into()
            }
        }
    }
}

/// An error about one field of the body.
fn of_field(field: &'static str, error: EngineError) -> Problem {
    let loc = ["body".into(), field.into()];
    Fault::new("value_error", loc, format!("Value error, {error}")).into()
}

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Stopping => Self::Unavailable,
            ChangeError::Refused(CatalogError::Full) => Self::StorageFull,
            ChangeError::Refused(error) => {
                let (kind, field) = rule_of(error);
                let loc = ["body".into()].into_iter().chain(field.iter().copied().map(Step::from));
                Fault::new(kind, loc, format!("Value error, {error}")).into()
            }
        }
    }
}

/// Which rule of Polar's an error of the catalog is, and which field of the body it is about.
const fn rule_of(error: CatalogError) -> (&'static str, &'static [&'static str]) {
    use CatalogError as E;
    match error {
        E::Name | E::NameTaken | E::MeterDiffers | E::ProductName => ("value_error", &["name"]),
        E::MeterCounted => ("forbidden", &["filter"]),
        E::MeterPriced | E::MeterCredited => ("forbidden", &["is_archived"]),
        E::MeterUnit => ("value_error", &["unit"]),
        E::UnknownMeter | E::MeterArchived => ("value_error", &["properties", "meter_id"]),
        E::BenefitDescription => ("value_error", &["description"]),
        E::BenefitUnits => ("value_error", &["properties", "units"]),
        E::BenefitTwice | E::UnknownBenefit => ("value_error", &["benefits"]),
        E::NoPrice | E::StaticPrices | E::MeteredPrices | E::Currencies | E::Amount => {
            ("value_error", &["prices"])
        }
        E::UnknownPrice => ("value_error", &["prices"]),
        E::NotRecurring | E::Interval => ("value_error", &["recurring_interval"]),
        E::IdTaken
        | E::Comment
        | E::NoScope
        | E::UnknownOrganization
        | E::UnknownProduct
        | E::UnknownToken
        | E::Immutable
        | E::TooLong
        | E::Full => ("value_error", &[]),
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unauthorized => f.write_str("Unauthorized"),
            Self::InvalidToken => f.write_str(
                "The access token provided is expired, revoked, malformed, or invalid for other \
                 reasons.",
            ),
            Self::InsufficientScope(_) => f.write_str(
                "The request requires higher privileges than provided by the access token.",
            ),
            Self::NoSuchPath => f.write_str("Not Found"),
            Self::MethodNotAllowed => f.write_str("Method Not Allowed"),
            Self::NotFound => f.write_str("Not found"),
            Self::Invalid(_) => f.write_str("The request breaks a rule."),
            Self::Denied(denial) => f.write_str(denial.detail()),
            Self::LengthRequired => f.write_str("The Content-Length header is required."),
            Self::BodyTooLarge(bytes_max) => {
                write!(f, "The request body is larger than {bytes_max} bytes.")
            }
            Self::BodyIncomplete => f.write_str("The request body did not come in time."),
            Self::Busy => f.write_str("Too much is under way. Repeat the request."),
            Self::Unavailable => f.write_str("The server takes no requests at present."),
            Self::StorageFull => f.write_str("There is no room left to write."),
        }
    }
}

/// A plain error.
#[derive(Serialize)]
struct Plain<'a> {
    error: &'a str,
    detail: String,
}

/// An error about tokens.
#[derive(Serialize)]
struct OfToken<'a> {
    error: &'a str,
    error_description: String,
}

/// An error of the router.
#[derive(Serialize)]
struct OfRouter {
    detail: String,
}

/// Broken rules.
#[derive(Serialize)]
struct OfRules<'a> {
    error: &'a str,
    detail: &'a [Fault],
}

impl Problem {
    fn challenge(&self, error: &str) -> String {
        let scope = if let Self::InsufficientScope(scopes) = self {
            let names: Vec<&str> = scopes.iter().map(|scope| scope.text()).collect();
            format!(", scope=\"{}\"", names.join(" "))
        } else {
            String::new()
        };
        format!("Bearer realm=\"{REALM}\"{scope}, error=\"{error}\", error_description=\"{self}\"")
    }

    fn of_token(&self, error: &str) -> HttpResponse {
        HttpResponse::build(self.status_code())
            .insert_header((WWW_AUTHENTICATE, self.challenge(error)))
            .json(OfToken { error, error_description: self.to_string() })
    }

    fn plain(&self, error: &str) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        if matches!(self, Self::Busy | Self::Unavailable | Self::StorageFull) {
            response.insert_header((RETRY_AFTER, RETRY_AFTER_SECONDS.to_string()));
        }
        response.json(Plain { error, detail: self.to_string() })
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Unauthorized | Self::InvalidToken => StatusCode::UNAUTHORIZED,
            Self::InsufficientScope(_) => StatusCode::FORBIDDEN,
            Self::NoSuchPath | Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Denied(denial) => denial.status(),
            Self::LengthRequired => StatusCode::LENGTH_REQUIRED,
            Self::BodyTooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyIncomplete => StatusCode::REQUEST_TIMEOUT,
            Self::Busy | Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::StorageFull => StatusCode::INSUFFICIENT_STORAGE,
        }
    }

    fn error_response(&self) -> HttpResponse {
        match self {
            Self::InvalidToken => self.of_token("invalid_token"),
            Self::InsufficientScope(_) => self.of_token("insufficient_scope"),
            Self::NoSuchPath | Self::MethodNotAllowed => {
                HttpResponse::build(self.status_code()).json(OfRouter { detail: self.to_string() })
            }
            Self::Invalid(faults) => HttpResponse::build(self.status_code())
                .json(OfRules { error: "RequestValidationError", detail: faults }),
            Self::Unauthorized => {
                let challenge = format!("Bearer realm=\"{REALM}\"");
                HttpResponse::build(self.status_code())
                    .insert_header((WWW_AUTHENTICATE, challenge))
                    .json(Plain { error: "Unauthorized", detail: self.to_string() })
            }
            Self::NotFound => self.plain("ResourceNotFound"),
            Self::Denied(denial) => self.plain(denial.name()),
            Self::LengthRequired => self.plain("LengthRequired"),
            Self::BodyTooLarge(_) => self.plain("RequestBodyTooLarge"),
            Self::BodyIncomplete => self.plain("RequestTimeout"),
            Self::Busy => self.plain("Busy"),
            Self::Unavailable => self.plain("ServiceUnavailable"),
            Self::StorageFull => self.plain("InsufficientStorage"),
        }
    }
}
