//! `/livez` and `/readyz`: whether to restart the process, and whether to send it traffic.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::ContentType;
use actix_web::web;
use actix_web::web::ServiceConfig;

use crate::readiness::Stage;

use super::Doors;

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(web::resource("/livez").route(web::get().to(livez)).route(web::head().to(livez)))
        .service(
            web::resource("/readyz").route(web::get().to(readyz)).route(web::head().to(readyz)),
        );
}

/// A server that recovers or drains is alive: restarting it would only cost time.
async fn livez(doors: web::Data<Doors>) -> HttpResponse {
    let stage = doors.readiness.stage();
    let status = match stage {
        Stage::Starting { .. } | Stage::Ready | Stage::Draining => StatusCode::OK,
        Stage::Failed(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    said(status, &stage)
}

async fn readyz(doors: web::Data<Doors>) -> HttpResponse {
    let stage = doors.readiness.stage();
    let status = match stage {
        Stage::Ready => StatusCode::OK,
        Stage::Starting { .. } | Stage::Draining | Stage::Failed(_) => {
            StatusCode::SERVICE_UNAVAILABLE
        }
    };
    said(status, &stage)
}

fn said(status: StatusCode, stage: &Stage) -> HttpResponse {
    let text = match stage {
        // The reason names files, and these paths are open to everybody; the log has it.
        Stage::Failed(_) => "failed\n".to_owned(),
        Stage::Starting { .. } | Stage::Ready | Stage::Draining => format!("{stage}\n"),
    };
    HttpResponse::build(status).content_type(ContentType::plaintext()).body(text)
}
