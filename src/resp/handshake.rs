//! What stock clients ask when they connect, answered so that they go on: `HELLO`, `INFO`,
//! `CLIENT`, `CONFIG GET`, `COMMAND` and `CLUSTER`.
//!
//! Pure functions of a few facts. To a cluster client this server is one node that owns all slots.

use std::fmt::Write;

use crate::resp::Protocol;
use crate::resp::reply;

mod cluster;
mod table;

pub use cluster::Endpoint;
pub use cluster::NodeId;
pub use cluster::write_cluster_info;
pub use cluster::write_cluster_my_id;
pub use cluster::write_cluster_nodes;
pub use cluster::write_cluster_shards;
pub use cluster::write_cluster_slots;
pub use cluster::write_key_slot;
pub use table::COMMANDS;
pub use table::CommandRow;
pub use table::KeyPlace;
pub use table::write_command_count;
pub use table::write_command_docs;
pub use table::write_command_info;
pub use table::write_command_list;

/// The Redis whose protocol this is. Clients look at it to decide what they may ask.
pub const REDIS_VERSION: &str = "7.4.0";

/// This server's own version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What `INFO` tells of a running server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerFacts {
    /// The server's process.
    pub process_id: u32,
    /// Where it listens.
    pub port: u16,
    /// Whole seconds since it was ready.
    pub uptime_seconds: u64,
    /// Open connections.
    pub connected_clients: usize,
}

/// Appends the answer to `HELLO`, in the protocol it has just chosen.
pub fn write_hello(out: &mut Vec<u8>, protocol: Protocol, connection: i64) {
    reply::write_map(out, protocol, 7);
    write_pair(out, "server", "drawdown");
    write_pair(out, "version", REDIS_VERSION);
    reply::write_bulk(out, b"proto");
    reply::write_integer(out, i64::from(protocol.version()));
    reply::write_bulk(out, b"id");
    reply::write_integer(out, connection);
    write_pair(out, "mode", "standalone");
    write_pair(out, "role", "master");
    reply::write_bulk(out, b"modules");
    reply::write_array(out, 0);
}

fn write_pair(out: &mut Vec<u8>, name: &str, value: &str) {
    reply::write_bulk(out, name.as_bytes());
    reply::write_bulk(out, value.as_bytes());
}

/// Appends the answer to `INFO`: the named sections, in any case; all of them when none is named.
pub fn write_info(out: &mut Vec<u8>, sections: &[&[u8]], facts: &ServerFacts) {
    let wanted = |name: &str| {
        let all = ["default", "all", "everything"];
        let named = |word: &&[u8]| {
            word.eq_ignore_ascii_case(name.as_bytes())
                || all.iter().any(|all| word.eq_ignore_ascii_case(all.as_bytes()))
        };
        sections.is_empty() || sections.iter().any(named)
    };
    let mut text = String::new();
    for (name, lines) in info_sections(facts) {
        if wanted(name) {
            let gap = if text.is_empty() { "" } else { "\r\n" };
            // Writing to a `String` cannot fail.
            let _ = write!(text, "{gap}# {name}\r\n{lines}");
        }
    }
    reply::write_bulk(out, text.as_bytes());
}

fn info_sections(facts: &ServerFacts) -> [(&'static str, String); 6] {
    let ServerFacts { process_id, port, uptime_seconds, connected_clients } = facts;
    let server = format!(
        "redis_version:{REDIS_VERSION}\r\nredis_mode:standalone\r\ndrawdown_version:{VERSION}\r\n\
         process_id:{process_id}\r\ntcp_port:{port}\r\nuptime_in_seconds:{uptime_seconds}\r\n"
    );
    [
        ("Server", server),
        ("Clients", format!("connected_clients:{connected_clients}\r\n")),
        ("Persistence", "loading:0\r\n".to_owned()),
        ("Replication", "role:master\r\nconnected_slaves:0\r\n".to_owned()),
        ("Cluster", "cluster_enabled:0\r\n".to_owned()),
        ("Keyspace", String::new()),
    ]
}

/// What `CONFIG GET` knows: names that monitoring tools and redis-benchmark ask for.
const SETTINGS: [(&str, &str); 5] = [
    ("appendfsync", "always"),
    ("appendonly", "yes"),
    ("databases", "1"),
    ("maxmemory", "0"),
    ("save", ""),
];

/// Appends the answer to `CONFIG GET name [name ...]`: the known ones of these names, each once;
/// all of them for `*`.
pub fn write_config(out: &mut Vec<u8>, protocol: Protocol, names: &[&[u8]]) {
    let wanted = |setting: &&(&str, &str)| {
        let setting = setting.0.as_bytes();
        names.iter().any(|name| *name == b"*" || name.eq_ignore_ascii_case(setting))
    };
    reply::write_map(out, protocol, SETTINGS.iter().filter(wanted).count());
    for (name, value) in SETTINGS.iter().filter(wanted) {
        write_pair(out, name, value);
    }
}

/// Appends the answer to `CLIENT INFO` and `CLIENT LIST`: this connection alone.
pub fn write_client_info(out: &mut Vec<u8>, protocol: Protocol, connection: i64, name: &[u8]) {
    let name: String =
        String::from_utf8_lossy(name).chars().filter(char::is_ascii_graphic).collect();
    let version = protocol.version();
    let line = format!("id={connection} name={name} db=0 user=default resp={version}\n");
    reply::write_bulk(out, line.as_bytes());
}

/// Appends the answer to `PING [text]`.
pub fn write_pong(out: &mut Vec<u8>, text: Option<&[u8]>) {
    match text {
        Some(text) => reply::write_bulk(out, text),
        None => reply::write_simple(out, "PONG"),
    }
}

/// Appends the answer to `SELECT number`: only database 0 exists.
pub fn write_select(out: &mut Vec<u8>, number: i64) {
    if number == 0 {
        out.extend_from_slice(reply::OK);
    } else {
        reply::write_error(out, "ERR", "DB index is out of range");
    }
}

#[cfg(test)]
mod tests;
