//! A `drawdown serve` of a test's own: free ports, a directory of its own, never left behind.

use std::fs;
use std::fs::File;
use std::io::BufRead;
use std::io::BufReader;
use std::net::SocketAddr;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::ExitStatus;
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::process::Pid;
use rustix::process::Signal;

/// A server on a loaded machine has this long to recover and to say so.
const READY_TIMEOUT: Duration = Duration::from_secs(60);

/// And this long to drain.
const STOP_TIMEOUT: Duration = Duration::from_secs(60);

/// How a server is started: the directory and what else it is told.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    data: PathBuf,
    flags: Vec<String>,
}

impl Options {
    /// A server on this directory.
    pub(crate) fn on(data: &Path) -> Self {
        Self { data: data.to_owned(), flags: Vec::new() }
    }

    /// Told this too.
    pub(crate) fn with(mut self, flags: &[&str]) -> Self {
        self.flags.extend(flags.iter().map(|flag| (*flag).to_owned()));
        self
    }

    /// Starts it, and waits until it is ready. What it logs is beside its directory.
    pub(crate) fn start(self) -> Server {
        let log = self.data.with_extension("log");
        let log_file = File::options().create(true).append(true).open(&log).unwrap();
        let mut child = command()
            .args(["serve", "--resp", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data-dir"])
            .arg(&self.data)
            .args(&self.flags)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log_file)
            .spawn()
            .unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (said, lines) = mpsc::channel();
        // Reads to the end, so that the server never writes into a closed pipe.
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|l| said.send(l)));
        // From here on the child is ended whatever happens.
        let unaddressed = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut server = Server { child, resp: unaddressed, http: unaddressed, options: self };
        let Ok(line) = lines.recv_timeout(READY_TIMEOUT) else {
            let log = fs::read_to_string(&log).unwrap_or_default();
            panic!("the server did not become ready; it logged:\n{log}");
        };
        server.resp = address(&line, "resp=");
        server.http = address(&line, "http=");
        let data = line.split_once("data=").unwrap().1;
        assert_eq!(Path::new(data), server.options.data.canonicalize().unwrap());
        server
    }
}

/// The binary under test, without what the environment of the test says to servers.
pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_drawdown"));
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("DRAWDOWN_") || name == "RUST_LOG") {
            command.env_remove(name);
        }
    }
    command
}

fn address(line: &str, label: &str) -> SocketAddr {
    let word = line
        .strip_prefix("ready ")
        .and_then(|rest| rest.split(' ').find_map(|word| word.strip_prefix(label)));
    word.and_then(|word| word.parse().ok()).unwrap_or_else(|| panic!("no {label} in {line:?}"))
}

/// A running server. It is killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) resp: SocketAddr,
    pub(crate) http: SocketAddr,
    options: Options,
}

impl Server {
    /// The admin token that it made.
    pub(crate) fn token(&self) -> String {
        let text = fs::read_to_string(self.options.data.join("admin.token")).unwrap();
        text.trim_end().to_owned()
    }

    /// Kills it as a power switch would, and gives what starts it again on the same directory.
    pub(crate) fn kill(mut self) -> Options {
        self.end();
        self.options.clone()
    }

    /// Tells it to stop, waits, and gives how it ended.
    pub(crate) fn stop(mut self) -> (ExitStatus, Options) {
        let pid = Pid::from_child(&self.child);
        rustix::process::kill_process(pid, Signal::TERM).unwrap();
        let (ended, waiting) = mpsc::channel::<()>();
        // A server that does not drain in time is killed, which shows in its status.
        let watch = thread::spawn(move || {
            if waiting.recv_timeout(STOP_TIMEOUT) == Err(mpsc::RecvTimeoutError::Timeout) {
                let _gone = rustix::process::kill_process(pid, Signal::KILL);
            }
        });
        let status = self.child.wait().unwrap();
        drop(ended);
        watch.join().unwrap();
        (status, self.options.clone())
    }

    fn end(&mut self) {
        // A child that has ended already is what is wanted.
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}
