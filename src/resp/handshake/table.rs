//! `COMMAND`: every command with what clients want to know of it, above all where its key stands.

use crate::resp::Protocol;
use crate::resp::reply;

/// One command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandRow {
    /// Its name, in lower case.
    pub name: &'static str,
    /// Arguments with the name; negative when that is the least.
    pub arity: i64,
    /// What a cluster client routes it by.
    pub key: KeyPlace,
    /// Redis' words for what it does.
    pub flags: &'static [&'static str],
    /// One line for people.
    pub summary: &'static str,
}

/// Where a command's key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyPlace {
    /// It has none.
    Nowhere,
    /// It is this argument, and no other is one.
    At(i64),
}

const fn row(
    name: &'static str,
    arity: i64,
    key: KeyPlace,
    flags: &'static [&'static str],
    summary: &'static str,
) -> CommandRow {
    CommandRow { name, arity, key, flags, summary }
}

const WRITE: &[&str] = &["write", "denyoom", "fast"];
const READ: &[&str] = &["readonly", "fast"];
const ADMIN: &[&str] = &["admin", "noscript"];
const PLAIN: &[&str] = &["noscript", "loading", "stale", "fast"];
const BEFORE_AUTH: &[&str] = &["noscript", "loading", "stale", "fast", "no_auth"];

/// Every command there is.
pub const COMMANDS: &[CommandRow] = &[
    row("use", -4, KeyPlace::At(1), WRITE, "Draws units down, always."),
    row("debit", -4, KeyPlace::At(1), WRITE, "Draws units down if the balance covers them."),
    row("grant", -4, KeyPlace::At(1), WRITE, "Credits units."),
    row("void", -4, KeyPlace::At(1), WRITE, "Ends the grant that was made with a key."),
    row("balance", 3, KeyPlace::At(1), READ, "The balance of a customer on a meter."),
    row("grants", 3, KeyPlace::At(1), READ, "The grants of a customer on a meter."),
    row("state", 2, KeyPlace::At(1), READ, "The balances of a customer on every meter."),
    // Cluster clients refuse to send what has no key. Any node takes events, which name their
    // customers inside their JSON, and meters, so the first event and the name serve as keys.
    row("ingest", -2, KeyPlace::At(1), WRITE, "Takes usage events through all meters."),
    row("meter", -2, KeyPlace::At(2), &["write"], "METER CREATE makes a meter."),
    row("token", -2, KeyPlace::Nowhere, ADMIN, "TOKEN CREATE, LIST or REVOKE access tokens."),
    row("snapshot", 1, KeyPlace::Nowhere, ADMIN, "Takes a snapshot now."),
    row("hello", -1, KeyPlace::Nowhere, BEFORE_AUTH, "Chooses the protocol, shows a token."),
    row("auth", -2, KeyPlace::Nowhere, BEFORE_AUTH, "Shows a token."),
    row("ping", -1, KeyPlace::Nowhere, PLAIN, "Answers."),
    row("echo", 2, KeyPlace::Nowhere, PLAIN, "Answers with its argument."),
    row("quit", 1, KeyPlace::Nowhere, BEFORE_AUTH, "Closes the connection."),
    row("reset", 1, KeyPlace::Nowhere, BEFORE_AUTH, "Sets the connection back to its beginning."),
    row("select", 2, KeyPlace::Nowhere, PLAIN, "Chooses database 0, the only one."),
    row("info", -1, KeyPlace::Nowhere, PLAIN, "Facts about the server."),
    row("client", -2, KeyPlace::Nowhere, PLAIN, "Names and describes this connection."),
    row("config", -2, KeyPlace::Nowhere, PLAIN, "CONFIG GET reads settings."),
    row("command", -1, KeyPlace::Nowhere, PLAIN, "This table."),
    row("cluster", -2, KeyPlace::Nowhere, PLAIN, "Which node owns which slots: this one, all."),
    row("readonly", 1, KeyPlace::Nowhere, PLAIN, "Accepted, changes nothing."),
    row("readwrite", 1, KeyPlace::Nowhere, PLAIN, "Accepted, changes nothing."),
    row("asking", 1, KeyPlace::Nowhere, PLAIN, "Accepted, changes nothing."),
];

fn find(name: &[u8]) -> Option<&'static CommandRow> {
    COMMANDS.iter().find(|row| name.eq_ignore_ascii_case(row.name.as_bytes()))
}

/// Appends the answer to `COMMAND COUNT`.
pub fn write_command_count(out: &mut Vec<u8>) {
    reply::write_integer(out, i64::try_from(COMMANDS.len()).unwrap_or(i64::MAX));
}

/// Appends the answer to `COMMAND LIST`.
pub fn write_command_list(out: &mut Vec<u8>) {
    reply::write_array(out, COMMANDS.len());
    for row in COMMANDS {
        reply::write_bulk(out, row.name.as_bytes());
    }
}

/// Appends the answer to `COMMAND`, and to `COMMAND INFO [name ...]`: a row for each name, nothing
/// in place of an unknown one; every row when no name is given.
pub fn write_command_info(out: &mut Vec<u8>, protocol: Protocol, names: &[&[u8]]) {
    if names.is_empty() {
        reply::write_array(out, COMMANDS.len());
        for row in COMMANDS {
            write_row(out, protocol, row);
        }
        return;
    }
    reply::write_array(out, names.len());
    for name in names {
        match find(name) {
            Some(row) => write_row(out, protocol, row),
            None => reply::write_null_array(out, protocol),
        }
    }
}

/// Appends the answer to `COMMAND DOCS [name ...]`: what is known of these names; of all when none
/// is given.
pub fn write_command_docs(out: &mut Vec<u8>, protocol: Protocol, names: &[&[u8]]) {
    let wanted = |row: &&CommandRow| {
        names.is_empty() || names.iter().any(|name| name.eq_ignore_ascii_case(row.name.as_bytes()))
    };
    reply::write_map(out, protocol, COMMANDS.iter().filter(wanted).count());
    for row in COMMANDS.iter().filter(wanted) {
        reply::write_bulk(out, row.name.as_bytes());
        reply::write_map(out, protocol, 2);
        reply::write_bulk(out, b"summary");
        reply::write_bulk(out, row.summary.as_bytes());
        reply::write_bulk(out, b"group");
        reply::write_bulk(out, b"drawdown");
    }
}

/// The ten fields of a row: name, arity, flags, first key, last key, step, categories, tips, key
/// specifications, subcommands.
fn write_row(out: &mut Vec<u8>, protocol: Protocol, row: &CommandRow) {
    let key = match row.key {
        KeyPlace::Nowhere => 0,
        KeyPlace::At(place) => place,
    };
    reply::write_array(out, 10);
    reply::write_bulk(out, row.name.as_bytes());
    reply::write_integer(out, row.arity);
    reply::write_set(out, protocol, row.flags.len());
    for flag in row.flags {
        reply::write_simple(out, flag);
    }
    // First and last, and the step from one to the next, which is 1 where there is a key at all.
    reply::write_integer(out, key);
    reply::write_integer(out, key);
    reply::write_integer(out, key.signum());
    let category = if row.flags.contains(&"write") {
        "@write"
    } else if row.flags.contains(&"readonly") {
        "@read"
    } else {
        "@connection"
    };
    reply::write_set(out, protocol, 1);
    reply::write_simple(out, category);
    reply::write_array(out, 0);
    match row.key {
        KeyPlace::Nowhere => reply::write_array(out, 0),
        KeyPlace::At(place) => {
            reply::write_array(out, 1);
            write_key_specification(out, protocol, place);
        }
    }
    reply::write_array(out, 0);
}

/// The key is the argument at `place` and no other.
fn write_key_specification(out: &mut Vec<u8>, protocol: Protocol, place: i64) {
    reply::write_map(out, protocol, 3);
    reply::write_bulk(out, b"flags");
    reply::write_set(out, protocol, 1);
    reply::write_simple(out, "RW");
    reply::write_bulk(out, b"begin_search");
    write_search(out, protocol, "index", &[("index", place)]);
    reply::write_bulk(out, b"find_keys");
    write_search(out, protocol, "range", &[("lastkey", 0), ("keystep", 1), ("limit", 0)]);
}

fn write_search(out: &mut Vec<u8>, protocol: Protocol, kind: &str, facts: &[(&str, i64)]) {
    reply::write_map(out, protocol, 2);
    reply::write_bulk(out, b"type");
    reply::write_bulk(out, kind.as_bytes());
    reply::write_bulk(out, b"spec");
    reply::write_map(out, protocol, facts.len());
    for (name, number) in facts {
        reply::write_bulk(out, name.as_bytes());
        reply::write_integer(out, *number);
    }
}
