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
use std::sync::mpsc::RecvTimeoutError;
use std::thread;
use std::time::Duration;

use rustix::process::Pid;
use rustix::process::Signal;

/// A server on a loaded machine has this long to recover and to say so.
const READY_TIMEOUT: Duration = Duration::from_mins(1);

/// And this long to drain.
const STOP_TIMEOUT: Duration = Duration::from_mins(1);

/// How a server is started: the directory and what else it is told.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    data: PathBuf,
    flags: Vec<String>,
    /// A program that runs the server, and its arguments; the server itself when empty.
    under: Vec<String>,
}

impl Options {
    /// A server on this directory.
    pub(crate) fn on(data: &Path) -> Self {
        Self { data: data.to_owned(), flags: Vec::new(), under: Vec::new() }
    }

    /// Told this too.
    pub(crate) fn with(mut self, flags: &[&str]) -> Self {
        self.flags.extend(flags.iter().map(|flag| (*flag).to_owned()));
        self
    }

    /// Run by this program, which has to become the server's child and not its parent.
    pub(crate) fn under(mut self, program: &[&str]) -> Self {
        self.under = program.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    /// Its directory.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// The same server on another directory.
    pub(crate) fn moved_to(&self, data: &Path) -> Self {
        Self { data: data.to_owned(), ..self.clone() }
    }

    fn serve(&self) -> Command {
        let mut command = command_under(&self.under);
        command
            .args(["serve", "--resp", "127.0.0.1:0", "--http", "127.0.0.1:0", "--data-dir"])
            .arg(&self.data)
            .args(&self.flags)
            .stdin(Stdio::null());
        command
    }

    /// Starts it, and kills it as soon as it logs a line with these words.
    pub(crate) fn killed_at(&self, words: &str) {
        let mut serve = self.serve();
        let mut child = serve.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let mut lines = log.lines().map_while(Result::ok);
        let said = lines.any(|line| line.contains(words));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(said, "the server never logged {words:?}");
    }

    /// Starts it, and expects it to become ready or to end. Gives the server, or how it ended and
    /// what it said.
    pub(crate) fn try_start(self) -> Result<Server, (ExitStatus, String)> {
        let log = self.data.with_extension("log");
        let log_file = File::options().create(true).append(true).open(&log).unwrap();
        let mut child = self.serve().stdout(Stdio::piped()).stderr(log_file).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (said, lines) = mpsc::channel();
        // Reads to the end, so that the server never writes into a closed pipe.
        thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|l| said.send(l)));
        // From here on the child is ended whatever happens.
        let unaddressed = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut server = Server { child, resp: unaddressed, http: unaddressed, options: self };
        let line = match lines.recv_timeout(READY_TIMEOUT) {
            Ok(line) => line,
            Err(RecvTimeoutError::Disconnected) => {
                let status = server.child.wait().unwrap();
                return Err((status, fs::read_to_string(&log).unwrap_or_default()));
            }
            Err(RecvTimeoutError::Timeout) => {
                let log = fs::read_to_string(&log).unwrap_or_default();
                panic!("the server did not become ready in time; it logged:\n{log}");
            }
        };
        server.resp = address(&line, "resp=");
        server.http = address(&line, "http=");
        let data = line.split_once("data=").unwrap().1;
        assert_eq!(Path::new(data), server.options.data.canonicalize().unwrap());
        Ok(server)
    }

    /// Starts it, and waits until it is ready. What it logs is beside its directory.
    pub(crate) fn start(self) -> Server {
        self.try_start()
            .unwrap_or_else(|(status, log)| panic!("the server ended with {status}:\n{log}"))
    }
}

/// The binary under test, without what the environment of the test says to servers.
pub(crate) fn command() -> Command {
    command_under(&[])
}

fn command_under(under: &[String]) -> Command {
    let mut words = under.iter().map(String::as_str).chain([env!("CARGO_BIN_EXE_drawdown")]);
    let mut command = Command::new(words.next().unwrap());
    command.args(words);
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

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
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
            if waiting.recv_timeout(STOP_TIMEOUT) == Err(RecvTimeoutError::Timeout) {
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
