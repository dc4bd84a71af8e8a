//! Bodies of requests: JSON, of a length that is told beforehand, in bounded memory.

use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::web::{Bytes, Payload};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::{Fault, Problem};

/// Longest body, in bytes: Polar's own limit.
pub const BODY_BYTES_MAX: usize = 10 * 1024 * 1024;

/// Most bytes of bodies that are held at a time; a request that would exceed it is told to come
/// again.
pub const BODIES_BYTES_MAX: u32 = 256 * 1024 * 1024;

/// A client has this long to send a body.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// The memory that bodies may take.
#[derive(Debug, Clone)]
pub struct BodyRoom(Arc<Semaphore>);

impl Default for BodyRoom {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(usize::try_from(BODIES_BYTES_MAX).unwrap_or(usize::MAX))))
    }
}

/// A body, and the room that it takes.
#[derive(Debug)]
pub(super) struct Body {
    /// The bytes as they came.
    pub(super) bytes: Bytes,
    _room: OwnedSemaphorePermit,
}

impl BodyRoom {
    /// Reads the JSON body of `request`.
    ///
    /// # Errors
    /// It is too long, comes too slowly, is not announced as JSON, or there is no room for it.
    pub(super) async fn read(
        &self,
        request: &HttpRequest,
        payload: Payload,
    ) -> Result<Body, Problem> {
        let length = request.headers().get(CONTENT_LENGTH).ok_or(Problem::LengthRequired)?;
        // The parser of heads has refused lengths that are no numbers.
        let length: u64 = length.to_str().ok().and_then(|text| text.parse().ok()).unwrap_or(0);
        let too_large = Problem::BodyTooLarge(BODY_BYTES_MAX);
        let length = u32::try_from(length).map_err(|_| Problem::BodyTooLarge(BODY_BYTES_MAX))?;
        if usize::try_from(length).unwrap_or(usize::MAX) > BODY_BYTES_MAX {
            return Err(too_large);
        }
        let room = Arc::clone(&self.0).try_acquire_many_owned(length);
        let room = room.map_err(|_| Problem::Busy)?;
        let read = payload.to_bytes_limited(BODY_BYTES_MAX);
        let read = tokio::time::timeout(BODY_TIMEOUT, read).await;
        let bytes = read.map_err(|_| Problem::BodyIncomplete)?.map_err(|_| too_large)?;
        // Looked at behind the body: a connection whose body was not read has to be closed.
        if !is_json(request) {
            return Err(not_an_object().into());
        }
        Ok(Body { bytes: bytes.map_err(|_| Problem::BodyIncomplete)?, _room: room })
    }
}

/// Whether the body is said to be JSON. A body of no kind is taken for it.
fn is_json(request: &HttpRequest) -> bool {
    let Some(header) = request.headers().get(CONTENT_TYPE) else { return true };
    let Ok(text) = header.to_str() else { return false };
    let essence = text.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    essence
        .strip_prefix("application/")
        .is_some_and(|kind| kind == "json" || kind.ends_with("+json"))
}

/// The body is no object, whatever else it is.
pub(super) fn not_an_object() -> Fault {
    Fault::new(
        "model_attributes_type",
        ["body".into()],
        "Input should be a valid dictionary or object to extract fields from",
    )
}

impl Body {
    /// What the body holds, of an object with fields that are told apart by name.
    ///
    /// # Errors
    /// It is no JSON, or no object.
    pub(super) fn object<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Problem> {
        // A list would do for an object whose fields stand in order: not here.
        let begins = self.bytes.iter().find(|byte| !byte.is_ascii_whitespace());
        if begins != Some(&b'{') {
            serde_json::from_slice::<&RawValue>(&self.bytes).map_err(|error| not_json(&error))?;
            return Err(not_an_object().into());
        }
        serde_json::from_slice(&self.bytes).map_err(|error| {
            if error.is_data() { not_an_object().into() } else { not_json(&error) }
        })
    }
}

fn not_json(error: &serde_json::Error) -> Problem {
    let loc = ["body".into(), error.column().into()];
    Fault::new("json_invalid", loc, "JSON decode error").into()
}
