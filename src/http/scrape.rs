//! `/metrics`: open to the machine itself, closed to everybody else.

use std::net::SocketAddr;

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::web;
use actix_web::web::ServiceConfig;

use crate::metrics;

use super::Doors;

/// Headers by which a proxy says that it speaks for somebody else. The proxy may well run on this
/// machine, so that its own address proves nothing.
const PROXY_HEADERS: [&str; 4] = ["forwarded", "via", "x-forwarded-for", "x-real-ip"];

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(web::resource("/metrics").route(web::get().to(scrape)));
}

async fn scrape(request: HttpRequest, doors: web::Data<Doors>) -> HttpResponse {
    if !is_local(&request) {
        return HttpResponse::Forbidden().body("metrics are open on loopback only\n");
    }
    HttpResponse::Ok().content_type(metrics::CONTENT_TYPE).body(doors.engine.metrics().encode())
}

fn is_local(request: &HttpRequest) -> bool {
    let proxied = PROXY_HEADERS.iter().any(|name| request.headers().contains_key(*name));
    let loopback = |peer: SocketAddr| peer.ip().to_canonical().is_loopback();
    !proxied && request.peer_addr().is_some_and(loopback)
}
