use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpStream;

use actix_web::body;
use actix_web::http::Method;
use actix_web::http::StatusCode;
use actix_web::test;
use actix_web::test::TestRequest;

use tempfile::TempDir;

use super::*;
use crate::engine::EngineOptions;
use crate::journal::sled::Durability;
use crate::readiness::Stage;

/// The doors of an engine in a directory of its own, which is there as long as this is.
struct House {
    doors: Doors,
    _dir: TempDir,
}

impl std::ops::Deref for House {
    type Target = Doors;

    fn deref(&self) -> &Doors {
        &self.doors
    }
}

fn doors() -> House {
    let dir = TempDir::new().unwrap();
    let options = EngineOptions { durability: Durability::Os, ..EngineOptions::default() };
    let engine = Engine::open(dir.path(), &options).unwrap();
    House { doors: Doors::new(Readiness::starting(), engine), _dir: dir }
}

async fn ask(doors: &Doors, request: TestRequest) -> (StatusCode, String) {
    let app = App::new().app_data(web::Data::new(doors.clone())).configure(routes);
    let app = test::init_service(app).await;
    let response = test::call_service(&app, request.to_request()).await;
    let status = response.status();
    let text = body::to_bytes(response.into_body()).await.unwrap();
    (status, String::from_utf8(text.to_vec()).unwrap())
}

fn get(path: &str) -> TestRequest {
    TestRequest::get().uri(path)
}

#[actix_rt::test]
async fn readiness_follows_the_stage_and_liveness_only_failure() {
    let doors = doors();
    let stages = [
        (Stage::Starting { done: 1, total: 4 }, 200, 503, "starting: 1 of 4 recovered\n"),
        (Stage::Ready, 200, 200, "ready\n"),
        (Stage::Draining, 200, 503, "draining\n"),
        (Stage::Failed("no sync".to_owned()), 503, 503, "failed\n"),
    ];
    for (stage, live, ready, text) in stages {
        doors.readiness.advance(stage);
        assert_eq!(ask(&doors, get("/livez")).await.0.as_u16(), live);
        let (status, body) = ask(&doors, get("/readyz")).await;
        assert_eq!((status.as_u16(), body.as_str()), (ready, text));
    }
}

#[actix_rt::test]
async fn metrics_are_for_loopback_peers() {
    let doors = doors();
    let scrape = |peer: &str| get("/metrics").peer_addr(format!("{peer}:40000").parse().unwrap());
    for peer in ["127.0.0.1", "127.9.9.9", "[::1]", "[::ffff:127.0.0.1]"] {
        let (status, body) = ask(&doors, scrape(peer)).await;
        assert_eq!(status, StatusCode::OK, "{peer}");
        assert!(body.contains("drawdown_commands_total"));
    }
    for peer in ["10.0.0.1", "[2001:db8::1]", "[::ffff:10.0.0.1]"] {
        assert_eq!(ask(&doors, scrape(peer)).await.0, StatusCode::FORBIDDEN, "{peer}");
    }
    let proxied = scrape("127.0.0.1").insert_header(("X-Forwarded-For", "10.0.0.1"));
    assert_eq!(ask(&doors, proxied).await.0, StatusCode::FORBIDDEN);
    assert_eq!(ask(&doors, get("/metrics")).await.0, StatusCode::FORBIDDEN);
}

#[actix_rt::test]
async fn unknown_paths_and_methods_are_refused() {
    let doors = doors();
    assert_eq!(ask(&doors, get("/")).await.0, StatusCode::NOT_FOUND);
    let post = get("/livez").method(Method::POST);
    assert_eq!(ask(&doors, post).await.0, StatusCode::METHOD_NOT_ALLOWED);
    let head = get("/readyz").method(Method::HEAD);
    assert_eq!(ask(&doors, head).await.0, StatusCode::SERVICE_UNAVAILABLE);
}

#[actix_rt::test]
async fn a_listener_that_was_bound_before_is_served_until_the_handle_stops_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    let house = doors();
    let server = serve(listener, 1, house.doors.clone()).unwrap();
    let handle = server.handle();
    let running = actix_rt::spawn(server);
    let answer = actix_rt::task::spawn_blocking(move || {
        let mut socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(HEAD_TIMEOUT)).unwrap();
        socket.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        answer
    })
    .await
    .unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains(crate::metrics::CONTENT_TYPE), "{answer}");
    handle.stop(true).await;
    running.await.unwrap().unwrap();
}

#[actix_rt::test]
async fn polars_paths_answer_only_a_server_that_is_ready() {
    let doors = doors();
    let list = || get("/v1/meters/").insert_header(("authorization", "Bearer x"));
    for (stage, status) in [
        (Stage::Starting { done: 0, total: 0 }, 503),
        (Stage::Ready, 401),
        (Stage::Draining, 503),
        (Stage::Failed("no sync".to_owned()), 503),
    ] {
        doors.readiness.advance(stage);
        let (found, body) = ask(&doors, list()).await;
        assert_eq!(found.as_u16(), status, "{body}");
    }
}
