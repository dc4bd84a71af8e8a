//! `Polar-Version`: which version of Polar's API a client speaks. For what is served here they are
//! all the same, so the header is checked and given back.

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;

use super::error::Problem;

/// The header.
const HEADER: HeaderName = HeaderName::from_static("polar-version");

/// What a client speaks that does not say.
const DEFAULT: &str = "2026-04";

/// What is spoken here.
const KNOWN: [&str; 3] = [DEFAULT, "2026-10", "2027-01"];

/// Answers in the version that was asked for, or not at all.
pub(super) async fn negotiate<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let asked = request.headers().get(&HEADER).map_or(DEFAULT.as_bytes(), HeaderValue::as_bytes);
    let known = KNOWN.iter().find(|version| version.as_bytes() == asked);
    let version = *known.ok_or(Problem::NoSuchPath)?;
    let mut response = next.call(request).await?;
    response.headers_mut().insert(HEADER, HeaderValue::from_static(version));
    Ok(response)
}
