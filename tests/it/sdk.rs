//! Polar's own SDKs, unchanged, in whole sessions: `tests/sdk/`. A script's name ends with the line
//! of the SDK that it is for, as in `polar_1.py` and `polar-1.mjs`.
//!
//! As with Redis clients, one that is not installed is skipped, and said; with
//! `CLIENT_TESTS=required` that is a failure. The Python of each line is named by `POLAR_PYTHON_0`
//! and `POLAR_PYTHON_1`.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use tempfile::TempDir;

use crate::clients::present;
use crate::server::Options;

fn scripts() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/sdk")
}

/// The scripts whose names end so, by name.
fn scripts_ending(end: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(scripts()).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> = files.filter(|path| name(path).ends_with(end)).collect();
    found.sort();
    assert!(!found.is_empty(), "no script ends with {end}");
    found
}

fn name(script: &Path) -> &str {
    script.file_name().and_then(OsStr::to_str).unwrap_or_default()
}

/// Runs a script's session with a new server, which then has to stop cleanly. Sessions about sales
/// move the clock.
fn session(program: &str, path: &Path) {
    let moves_clock = ["sales", "readme"].iter().any(|begin| name(path).starts_with(begin));
    let clock = if moves_clock { "manual" } else { "system" };
    let temp = TempDir::new().unwrap();
    let flags = ["--shards", "2", "--clock", clock];
    let server = Options::on(&temp.path().join("data")).with(&flags).start();
    let mut script = Command::new(program);
    let ended = script
        .arg(path)
        .env("PYTHONDONTWRITEBYTECODE", "1")
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

fn python(line: &str, import: &str, ends: &[&str]) {
    let python = env::var(format!("POLAR_PYTHON_{line}")).unwrap_or_else(|_| {
        let own = format!("target/polar-venv-{line}/bin/python");
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(own).display().to_string()
    });
    let what = format!("polar-sdk {line} for python");
    if present(&what, Command::new(&python).args(["-c", import])) {
        for end in ends {
            for script in scripts_ending(end) {
                session(&python, &script);
            }
        }
    }
}

fn node(line: &str) {
    let import = format!("await import('polar-sdk-{line}'); await import('@polar-sh/ingestion')");
    let mut probe = Command::new("node");
    probe.current_dir(scripts()).args(["--input-type=module", "--eval", &import]);
    if present(&format!("polar-sdk {line} for node"), &mut probe) {
        for script in scripts_ending(&format!("-{line}.mjs")) {
            session("node", &script);
        }
    }
}

#[test]
fn polar_sdk_1_for_python() {
    python("1", "import polar.v2026_10", &["_1.py", "readme.py"]);
}

#[test]
fn polar_sdk_0_for_python() {
    python("0", "import polar_sdk.ingestion", &["_0.py"]);
}

#[test]
fn polar_sdk_1_for_node() {
    node("1");
}

#[test]
fn polar_sdk_0_for_node() {
    node("0");
}
