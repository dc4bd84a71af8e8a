//! `POST /engine/v1/clock`: moves a manual clock forward. `GET` tells the engine's present.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::web;
use actix_web::web::ServiceConfig;
use serde::Serialize;

use crate::http::Doors;
use crate::http::auth::Caller;
use crate::http::fields::{self, Fields};
use crate::http::schema::Moment;
use crate::token::Scope;

use super::problem::EngineProblem;

/// Scopes that may read the clock.
const READ: &[Scope] = &[Scope::Admin, Scope::Ingest, Scope::Read];

/// Scopes that may move it: it is everybody's.
const WRITE: &[Scope] = &[Scope::Admin];

/// The engine's present.
#[derive(Debug, Serialize)]
struct Now {
    now: Moment,
}

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(
        super::resource("/clock").route(web::get().to(read)).route(web::post().to(advance)),
    );
}

async fn read(
    request: HttpRequest,
    doors: web::Data<Doors>,
) -> Result<HttpResponse, EngineProblem> {
    Caller::of(&request, &doors, READ)?;
    Ok(HttpResponse::Ok().json(Now { now: Moment(doors.engine.now()) }))
}

/// Answers once everything that fell due in between has happened, in its order.
async fn advance(
    request: HttpRequest,
    payload: web::Payload,
    doors: web::Data<Doors>,
) -> Result<HttpResponse, EngineProblem> {
    Caller::of(&request, &doors, WRITE)?;
    let body = doors.room.read(&request, payload).await?;
    let mut fields = Fields::of(&body)?;
    let now = fields.required("now", fields::moment);
    let now = fields.settle(now)?;
    let moved = doors.engine.move_clock(now).await;
    let now = moved.map_err(|_| EngineProblem::ClockFixed)?;
    Ok(HttpResponse::Ok().json(Now { now: Moment(now) }))
}
