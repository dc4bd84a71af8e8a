//! Typed requests out of a command's arguments: names, arity, options and their values.
//!
//! What a request carries is valid as far as that can be told without knowing a customer or meter.
//! Text stays where it came in, as places in the read buffer.

use crate::resp::Span;
use crate::time::Timestamp;
use crate::units::Units;

mod connection;
mod error;
mod ledger;
mod words;

pub use error::Reason;
pub use error::RequestError;
pub use error::RequestMessage;

/// What a client asks for.
///
/// A `customer` is 1 to 256 bytes of UTF-8 without NUL, a `key` 1 to 256 bytes of any kind. A
/// `meter` is whatever was sent: only a lookup tells whether it names one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// `USE customer meter units [ID key] [AT time]`
    Use {
        /// External id or UUID.
        customer: Span,
        /// Name or UUID.
        meter: Span,
        /// Zero is allowed.
        units: Units,
        /// Idempotency key.
        key: Option<Span>,
        /// When it was used.
        at: Option<Timestamp>,
    },
    /// `DEBIT customer meter units [ID key]`
    Debit {
        /// External id or UUID.
        customer: Span,
        /// Name or UUID.
        meter: Span,
        /// Zero is allowed.
        units: Units,
        /// Idempotency key.
        key: Option<Span>,
    },
    /// `GRANT customer meter units [ID key] [PRIORITY n] [EXPIRES time]`
    Grant {
        /// External id or UUID.
        customer: Span,
        /// Name or UUID.
        meter: Span,
        /// Above zero.
        units: Units,
        /// Idempotency key; also what `VOID` calls this grant by.
        key: Option<Span>,
        /// Lower burns first; 0 when not given.
        priority: i32,
        /// When it ends.
        expires: Option<Timestamp>,
    },
    /// `VOID customer meter key [ID key]`
    Void {
        /// External id or UUID.
        customer: Span,
        /// Name or UUID.
        meter: Span,
        /// The key that the grant was made with.
        grant_key: Span,
        /// Idempotency key of this command.
        key: Option<Span>,
    },
    /// `BALANCE customer meter`
    Balance {
        /// External id or UUID.
        customer: Span,
        /// Name or UUID.
        meter: Span,
    },
    /// `GRANTS customer meter`
    Grants {
        /// External id or UUID.
        customer: Span,
        /// Name or UUID.
        meter: Span,
    },
    /// `STATE customer`
    State {
        /// External id or UUID.
        customer: Span,
    },
    /// `INGEST event-json [event-json ...]`
    Ingest {
        /// At least one; not looked into yet.
        events: Vec<Span>,
    },
    /// `METER CREATE name [EVENT event-name] [COUNT | SUM property]`
    MeterCreate {
        /// 1 to 256 bytes of UTF-8 without NUL, as are the event and the property.
        name: Span,
        /// The events that feed it; those called like the meter when not given.
        event: Option<Span>,
        /// What it makes of them.
        aggregation: MeterAggregation,
    },
    /// `SNAPSHOT`
    Snapshot,
    /// `TOKEN CREATE organization scope`
    TokenCreate {
        /// Its name.
        organization: Span,
        /// `admin`, `ingest` or `read`, not looked at yet.
        scope: Span,
    },
    /// `TOKEN LIST`
    TokenList,
    /// `TOKEN REVOKE id`
    TokenRevoke {
        /// The token's id, not the token.
        id: Span,
    },
    /// `HELLO [2|3] [AUTH user token] [SETNAME name]`
    Hello {
        /// 2 or 3.
        version: Option<u8>,
        /// User, which nobody looks at, and token.
        auth: Option<(Span, Span)>,
        /// What the client calls itself.
        set_name: Option<Span>,
    },
    /// `AUTH [user] token`
    Auth {
        /// Nobody looks at it.
        user: Option<Span>,
        /// The access token.
        token: Span,
    },
    /// `PING [text]`
    Ping(Option<Span>),
    /// `ECHO text`
    Echo(Span),
    /// `QUIT`
    Quit,
    /// `RESET`: back to how the connection began.
    Reset,
    /// `SELECT n`; only 0 exists.
    Select(i64),
    /// `INFO [section ...]`; every section when none is named.
    Info(Vec<Span>),
    /// `CLIENT ...`
    Client(ClientRequest),
    /// `CONFIG GET name [name ...]`
    ConfigGet(Vec<Span>),
    /// `COMMAND ...`
    Command(CommandRequest),
    /// `CLUSTER ...`
    Cluster(ClusterRequest),
    /// `READONLY`
    ReadOnly,
    /// `READWRITE`
    ReadWrite,
    /// `ASKING`
    Asking,
}

/// What `METER CREATE` makes of matching events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MeterAggregation {
    /// Counts them.
    Count,
    /// Sums this property of theirs.
    Sum(Span),
}

/// The subcommands of `CLIENT` that have an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientRequest {
    /// `GETNAME`
    GetName,
    /// `SETNAME name`
    SetName(Span),
    /// `ID`
    Id,
    /// `INFO` or `LIST`: this connection, the only one that is shown.
    Info,
    /// `SETINFO`, `NO-EVICT`, `NO-TOUCH`: nothing follows from them; answered with `OK`.
    Harmless,
}

/// The forms of `COMMAND`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandRequest {
    /// `COMMAND`: the whole table.
    Table,
    /// `COUNT`
    Count,
    /// `LIST`
    List,
    /// `DOCS [name ...]`; of all when none is named.
    Docs(Vec<Span>),
    /// `INFO [name ...]`; of all when none is named.
    Info(Vec<Span>),
}

/// The subcommands of `CLUSTER`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClusterRequest {
    /// `SLOTS`
    Slots,
    /// `SHARDS`
    Shards,
    /// `NODES`
    Nodes,
    /// `INFO`
    Info,
    /// `MYID`
    MyId,
    /// `KEYSLOT key`
    KeySlot(Span),
}

/// Turns the `arguments` of one command, whose text lies in `buffer`, into a request.
///
/// # Errors
/// No such command, wrong number of arguments, or an argument that cannot be what it should be.
/// Nothing has happened then, and the connection goes on.
#[inline]
pub fn parse_request(buffer: &[u8], arguments: &[Span]) -> Result<Request, RequestError> {
    let Some((name, rest)) = arguments.split_first() else {
        return Err(RequestError::UnknownCommand(Span::default()));
    };
    // These two arrive by the million, so they come before any table.
    let text = name.of(buffer);
    if is_word(text, b"use") {
        ledger::use_units(buffer, rest)
    } else if is_word(text, b"debit") {
        ledger::debit(buffer, rest)
    } else {
        parse_other(buffer, *name, rest)
    }
}

/// Whether `text` is the lower-case `word` in any case.
#[inline]
fn is_word<const N: usize>(text: &[u8], word: &[u8; N]) -> bool {
    <[u8; N]>::try_from(text).is_ok_and(|text| text.map(|byte| byte | 0x20) == *word)
}

/// Longest name of a command, in bytes.
const NAME_BYTES_MAX: usize = 16;

#[inline(never)]
fn parse_other(buffer: &[u8], name: Span, rest: &[Span]) -> Result<Request, RequestError> {
    let mut lower = [0_u8; NAME_BYTES_MAX];
    let text = words::to_lower(name.of(buffer), &mut lower);
    match text {
        b"grant" => ledger::grant(buffer, rest),
        b"void" => ledger::void(buffer, rest),
        b"balance" => ledger::balance(buffer, rest),
        b"grants" => ledger::grants(buffer, rest),
        b"state" => ledger::state(buffer, rest),
        b"ingest" => ledger::ingest(rest),
        b"meter" => ledger::meter(buffer, rest),
        b"token" => ledger::token(buffer, rest),
        b"snapshot" => words::none(rest, "snapshot", Request::Snapshot),
        b"hello" => connection::hello(buffer, rest),
        b"auth" => connection::auth(rest),
        b"ping" => connection::ping(rest),
        b"echo" => connection::echo(rest),
        b"quit" => words::none(rest, "quit", Request::Quit),
        b"reset" => words::none(rest, "reset", Request::Reset),
        b"select" => connection::select(buffer, rest),
        b"info" => Ok(Request::Info(rest.to_vec())),
        b"client" => connection::client(buffer, rest),
        b"config" => connection::config(buffer, rest),
        b"command" => connection::command(buffer, rest),
        b"cluster" => connection::cluster(buffer, rest),
        b"readonly" => words::none(rest, "readonly", Request::ReadOnly),
        b"readwrite" => words::none(rest, "readwrite", Request::ReadWrite),
        b"asking" => words::none(rest, "asking", Request::Asking),
        _ => Err(RequestError::UnknownCommand(name)),
    }
}

#[cfg(test)]
mod tests;
