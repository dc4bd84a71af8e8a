//! Polar's own SDKs, unchanged, in a whole session each: `tests/sdk/`.
//!
//! As with Redis clients, one that is not installed is skipped, and said; with
//! `CLIENT_TESTS=required` that is a failure. The Python of each line is named by `POLAR_PYTHON_0`
//! and `POLAR_PYTHON_1`.

use std::env;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use tempfile::TempDir;

use crate::clients::present;
use crate::server::Options;

/// The sessions that there are for each line of each SDK.
const SCRIPTS: [&str; 2] = ["polar", "history"];

fn scripts() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/sdk")
}

/// Runs a script's session with a new server, which then has to stop cleanly.
fn session(script: &mut Command) {
    let temp = TempDir::new().unwrap();
    let server = Options::on(&temp.path().join("data")).with(&["--shards", "2"]).start();
    let ended = script
        .env("URL", format!("http://{}", server.http))
        .env("TOKEN", server.token())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = [ended.stdout.as_slice(), ended.stderr.as_slice()].concat();
    assert!(ended.status.success(), "{script:?}:\n{}", String::from_utf8_lossy(&said));
    let (status, _) = server.stop();
    assert_eq!(status.code(), Some(0));
}

fn python(line: &str, import: &str) {
    let python = env::var(format!("POLAR_PYTHON_{line}")).unwrap_or_else(|_| {
        let own = format!("target/polar-venv-{line}/bin/python");
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(own).display().to_string()
    });
    let what = format!("polar-sdk {line} for python");
    if present(&what, Command::new(&python).args(["-c", import])) {
        for script in SCRIPTS {
            let script = scripts().join(format!("{script}_{line}.py"));
            session(Command::new(&python).arg("-B").arg(script));
        }
    }
}

fn node(line: &str) {
    let import = format!("await import('polar-sdk-{line}'); await import('@polar-sh/ingestion')");
    let mut probe = Command::new("node");
    probe.current_dir(scripts()).args(["--input-type=module", "--eval", &import]);
    if present(&format!("polar-sdk {line} for node"), &mut probe) {
        for script in SCRIPTS {
            session(Command::new("node").arg(scripts().join(format!("{script}-{line}.mjs"))));
        }
    }
}

#[test]
fn polar_sdk_1_for_python() {
    python("1", "import polar.v2026_10");
}

#[test]
fn polar_sdk_0_for_python() {
    python("0", "import polar_sdk.ingestion");
}

#[test]
fn polar_sdk_1_for_node() {
    node("1");
}

#[test]
fn polar_sdk_0_for_node() {
    node("0");
}
