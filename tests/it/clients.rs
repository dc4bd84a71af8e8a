//! Stock Redis clients, unchanged, in a whole session each: `tests/clients/`.
//!
//! A client that is not installed is skipped, and said; with `CLIENT_TESTS=required`, as in CI, that
//! is a failure.

use std::env;
use std::io::Read;
use std::io::Write;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;

use crate::server;
use crate::server::Options;
use crate::server::Server;

fn scripts() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/clients")
}

/// Whether the tool is there: `probe` says so by ending well.
pub(crate) fn present(what: &str, probe: &mut Command) -> bool {
    let ended = probe.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let present = ended.is_ok_and(|status| status.success());
    if !present {
        let required = env::var("CLIENT_TESTS").is_ok_and(|said| said == "required");
        assert!(!required, "{what} is not installed");
        println!("skipped: {what} is not installed");
    }
    present
}

/// Runs a script's session with a new server, which then has to stop cleanly.
fn session(script: &mut Command) {
    let temp = TempDir::new().unwrap();
    // Two shards, so that the session's customers are not all on one.
    let server = Options::on(&temp.path().join("data")).with(&["--shards", "2"]).start();
    let ended = script
        .env("HOST", server.resp.ip().to_string())
        .env("PORT", server.resp.port().to_string())
        .env("TOKEN", server.token())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = [ended.stdout.as_slice(), ended.stderr.as_slice()].concat();
    assert!(ended.status.success(), "{script:?}:\n{}", String::from_utf8_lossy(&said));
    let (status, _) = server.stop();
    assert_eq!(status.code(), Some(0));
}

#[test]
fn redis_cli_and_redis_benchmark() {
    if present("redis-cli", Command::new("redis-cli").arg("--version"))
        && present("redis-benchmark", Command::new("redis-benchmark").arg("--version"))
    {
        session(&mut Command::new(scripts().join("session.sh")));
    }
}

fn redis_py(mode: &str) {
    let python = env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    if present("redis-py", Command::new(&python).args(["-c", "import redis.cluster"])) {
        session(Command::new(&python).arg("-B").arg(scripts().join("session.py")).arg(mode));
    }
}

#[test]
fn redis_py_over_resp2() {
    redis_py("resp2");
}

#[test]
fn redis_py_over_resp3() {
    redis_py("resp3");
}

#[test]
fn redis_py_in_cluster_mode() {
    redis_py("cluster");
}

fn node(package: &str, mode: &str) {
    let import = format!("await import({package:?})");
    let mut probe = Command::new("node");
    probe.current_dir(scripts()).args(["--input-type=module", "--eval", &import]);
    if present(&format!("{package} for node"), &mut probe) {
        session(Command::new("node").arg(scripts().join("session.mjs")).arg(mode));
    }
}

#[test]
fn ioredis() {
    node("ioredis", "ioredis");
}

#[test]
fn ioredis_in_cluster_mode() {
    node("ioredis", "ioredis-cluster");
}

#[test]
fn node_redis() {
    node("redis", "node-redis");
}

#[test]
fn node_redis_over_resp2() {
    node("redis", "node-redis-resp2");
}

fn http_get(server: &Server, path: &str) -> String {
    let mut socket = TcpStream::connect(server.http).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn probes_and_metrics_answer_over_http() {
    let temp = TempDir::new().unwrap();
    let server = Options::on(&temp.path().join("data")).start();
    for path in ["/livez", "/readyz", "/metrics"] {
        let answer = http_get(&server, path);
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{path}: {answer}");
    }
    assert!(http_get(&server, "/metrics").contains("\ndrawdown_commands_total{"));
    assert!(http_get(&server, "/v1/nothing").starts_with("HTTP/1.1 404 "));
}

#[test]
fn a_second_server_on_the_directory_is_refused() {
    let temp = TempDir::new().unwrap();
    let data = temp.path().join("data");
    let _first = Options::on(&data).start();
    let second = server::command()
        .args(["serve", "--resp", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data-dir"])
        .arg(&data)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(73), "{said}");
    assert!(said.contains("is in use by process"), "{said}");
}

#[test]
fn tokens_are_made_listed_and_revoked_with_the_server_and_without() {
    let temp = TempDir::new().unwrap();
    let data = temp.path().join("data");
    let token = |words: &[&str]| {
        let ended =
            server::command().arg("token").args(words).arg("--data-dir").arg(&data).output();
        let ended = ended.unwrap();
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(0), "{words:?}: {said}");
        String::from_utf8(ended.stdout).unwrap()
    };
    let server = Options::on(&data).start();
    assert!(token(&["create", "--scope", "ingest"]).starts_with("drawdown_"));
    let (_, options) = server.stop();
    assert!(token(&["create", "--scope", "read", "--org", "acme"]).starts_with("drawdown_"));
    let before = token(&["list"]);
    assert_eq!(before.lines().count(), 3, "{before}");
    let acme = before.lines().find(|line| line.contains("acme")).unwrap();
    assert!(acme.ends_with("\tacme\tread"), "{acme}");
    let server = options.start();
    assert_eq!(token(&["list"]), before);
    token(&["revoke", acme.split('\t').next().unwrap()]);
    assert_eq!(token(&["list"]).lines().count(), 2);
    drop(server.kill().start());
    assert_eq!(token(&["list"]).lines().count(), 2);
}
