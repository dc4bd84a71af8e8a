//! The commands on the connection itself, and what stock clients ask when they connect.

use crate::resp::Protocol;
use crate::resp::Span;
use crate::resp::command::ClientRequest;
use crate::resp::command::ClusterRequest;
use crate::resp::command::CommandRequest;
use crate::resp::command::Request;
use crate::resp::command::RequestError;
use crate::resp::command::words;
use crate::resp::command::words::Options;

/// Longest name of a subcommand, in bytes.
const SUBCOMMAND_BYTES_MAX: usize = 16;

pub(super) fn hello(buffer: &[u8], rest: &[Span]) -> Result<Request, RequestError> {
    let Some((version, options)) = rest.split_first() else {
        return Ok(Request::Hello { version: None, auth: None, set_name: None });
    };
    let version = words::integer::<u8>(buffer, *version, "version")
        .ok()
        .filter(|version| Protocol::from_version(*version).is_some())
        .ok_or(RequestError::UnsupportedProtocol)?;
    let (mut auth, mut set_name) = (None, None);
    let mut options = Options::new(buffer, options);
    while let Some((option, name)) = options.name() {
        if name.eq_ignore_ascii_case(b"AUTH") {
            let user = options.raw("AUTH")?;
            let token = options.raw("AUTH")?;
            words::set_once(&mut auth, (user, token), "AUTH")?;
        } else if name.eq_ignore_ascii_case(b"SETNAME") {
            words::set_once(&mut set_name, options.raw("SETNAME")?, "SETNAME")?;
        } else {
            return Err(RequestError::UnknownOption(option));
        }
    }
    Ok(Request::Hello { version: Some(version), auth, set_name })
}

pub(super) const fn auth(rest: &[Span]) -> Result<Request, RequestError> {
    match rest {
        [token] => Ok(Request::Auth { user: None, token: *token }),
        [user, token] => Ok(Request::Auth { user: Some(*user), token: *token }),
        _ => Err(RequestError::Arity("auth")),
    }
}

pub(super) const fn ping(rest: &[Span]) -> Result<Request, RequestError> {
    match rest {
        [] => Ok(Request::Ping(None)),
        [text] => Ok(Request::Ping(Some(*text))),
        _ => Err(RequestError::Arity("ping")),
    }
}

pub(super) const fn echo(rest: &[Span]) -> Result<Request, RequestError> {
    match rest {
        [text] => Ok(Request::Echo(*text)),
        _ => Err(RequestError::Arity("echo")),
    }
}

pub(super) fn select(buffer: &[u8], rest: &[Span]) -> Result<Request, RequestError> {
    let [number] = rest else { return Err(RequestError::Arity("select")) };
    Ok(Request::Select(words::integer(buffer, *number, "database")?))
}

pub(super) fn client(buffer: &[u8], rest: &[Span]) -> Result<Request, RequestError> {
    let [subcommand, rest @ ..] = rest else { return Err(RequestError::Arity("client")) };
    let mut lower = [0_u8; SUBCOMMAND_BYTES_MAX];
    let request = match words::to_lower(subcommand.of(buffer), &mut lower) {
        b"getname" => {
            return words::none(rest, "client getname", client_of(ClientRequest::GetName));
        }
        b"id" => return words::none(rest, "client id", client_of(ClientRequest::Id)),
        b"info" => return words::none(rest, "client info", client_of(ClientRequest::Info)),
        b"setname" => match rest {
            [name] => ClientRequest::SetName(*name),
            _ => return Err(RequestError::Arity("client setname")),
        },
        b"list" => ClientRequest::Info,
        b"setinfo" | b"no-evict" | b"no-touch" => ClientRequest::Harmless,
        _ => {
            let subcommand = *subcommand;
            return Err(RequestError::UnknownSubcommand { command: "client", subcommand });
        }
    };
    Ok(client_of(request))
}

const fn client_of(request: ClientRequest) -> Request {
    Request::Client(request)
}

pub(super) fn config(buffer: &[u8], rest: &[Span]) -> Result<Request, RequestError> {
    match rest {
        [] => Err(RequestError::Arity("config")),
        [get] if get.of(buffer).eq_ignore_ascii_case(b"GET") => {
            Err(RequestError::Arity("config get"))
        }
        [get, names @ ..] if get.of(buffer).eq_ignore_ascii_case(b"GET") => {
            Ok(Request::ConfigGet(names.to_vec()))
        }
        [subcommand, ..] => {
            Err(RequestError::UnknownSubcommand { command: "config", subcommand: *subcommand })
        }
    }
}

pub(super) fn command(buffer: &[u8], rest: &[Span]) -> Result<Request, RequestError> {
    let [subcommand, rest @ ..] = rest else { return Ok(Request::Command(CommandRequest::Table)) };
    let mut lower = [0_u8; SUBCOMMAND_BYTES_MAX];
    match words::to_lower(subcommand.of(buffer), &mut lower) {
        b"count" => words::none(rest, "command count", Request::Command(CommandRequest::Count)),
        b"list" => words::none(rest, "command list", Request::Command(CommandRequest::List)),
        b"docs" => Ok(Request::Command(CommandRequest::Docs(rest.to_vec()))),
        b"info" => Ok(Request::Command(CommandRequest::Info(rest.to_vec()))),
        _ => Err(RequestError::UnknownSubcommand { command: "command", subcommand: *subcommand }),
    }
}

pub(super) fn cluster(buffer: &[u8], rest: &[Span]) -> Result<Request, RequestError> {
    let [subcommand, rest @ ..] = rest else { return Err(RequestError::Arity("cluster")) };
    let mut lower = [0_u8; SUBCOMMAND_BYTES_MAX];
    let (arity, request) = match words::to_lower(subcommand.of(buffer), &mut lower) {
        b"slots" => ("cluster slots", ClusterRequest::Slots),
        b"shards" => ("cluster shards", ClusterRequest::Shards),
        b"nodes" => ("cluster nodes", ClusterRequest::Nodes),
        b"info" => ("cluster info", ClusterRequest::Info),
        b"myid" => ("cluster myid", ClusterRequest::MyId),
        b"keyslot" => match rest {
            [key] => return Ok(Request::Cluster(ClusterRequest::KeySlot(*key))),
            _ => return Err(RequestError::Arity("cluster keyslot")),
        },
        _ => {
            let subcommand = *subcommand;
            return Err(RequestError::UnknownSubcommand { command: "cluster", subcommand });
        }
    };
    words::none(rest, arity, Request::Cluster(request))
}
