//! From requests to calls, answers that are known at once, and errands.

use crate::engine::call::{Call, CallBody, GrantCall};
use crate::id::MeterNumber;
use crate::metrics::{Closed, ErrorCode};
use crate::resp::command::{ClientRequest, ClusterRequest, CommandRequest, Request, parse_request};
use crate::resp::frame::{Progress, read_command};
use crate::resp::handshake::{self, Endpoint, ServerFacts};
use crate::resp::{Limits, Protocol, reply};
use crate::span::Span;
use crate::tcp::access::{Denied, Principal, require};
use crate::tcp::connection::{Connection, Next, Turn};
use crate::tcp::errand::Errand;
use crate::tcp::ingest;
use crate::token::Scope;

/// Commands that one turn holds at most, so that one connection does not hold up the others.
const TURN_COMMANDS_MAX: usize = 16_384;

impl Connection {
    /// Parses commands from the front of `bytes` into `turn`. Returns how many bytes they took, and
    /// what comes after them.
    pub(super) fn parse(&mut self, bytes: &[u8], turn: &mut Turn) -> (usize, Next) {
        let catalog = std::sync::Arc::clone(&self.door.engine.catalog());
        if self.principal.as_mut().is_some_and(|principal| !principal.still_holds(&catalog)) {
            self.principal = None;
        }
        let mut meters = MeterCache::default();
        let mut arguments = std::mem::take(&mut self.arguments);
        let mut at = 0;
        let mut next_step = Next::More;
        for _ in 0..TURN_COMMANDS_MAX {
            let limits =
                if self.principal.is_some() { Limits::AFTER_AUTH } else { Limits::BEFORE_AUTH };
            match read_command(bytes, at, &limits, &mut arguments) {
                Ok(Progress::Incomplete) => break,
                Ok(Progress::Command { next }) => at = next,
                Err(error) => {
                    self.count(ErrorCode::Protocol);
                    turn.say(|out| reply::write_protocol_error(out, &error));
                    next_step = Next::Close(Closed::Protocol);
                    at = bytes.len();
                    break;
                }
            }
            if arguments.is_empty() {
                continue;
            }
            let request = match parse_request(bytes, &arguments) {
                Ok(request) => request,
                Err(error) => {
                    self.count(code_of(error.code()));
                    turn.say(|out| reply::write_request_error(out, bytes, &error));
                    continue;
                }
            };
            let mut asked = Asked { bytes, catalog: &catalog, meters: &mut meters };
            match self.request(request, &mut asked, turn) {
                Next::More => {}
                next => {
                    next_step = next;
                    break;
                }
            }
        }
        self.arguments = arguments;
        (at, next_step)
    }

    fn count(&self, code: ErrorCode) {
        self.door.engine.metrics().connections.count_errors(code, 1);
    }

    fn request(&mut self, request: Request, asked: &mut Asked<'_>, turn: &mut Turn) -> Next {
        match request {
            Request::Use { customer, meter, units, key, at } => {
                self.call(Scope::Ingest, meter, asked, turn, |meter| Call {
                    customer,
                    key: key.unwrap_or_default(),
                    body: CallBody::Use { meter, units, at },
                })
            }
            Request::Debit { customer, meter, units, key } => {
                self.call(Scope::Ingest, meter, asked, turn, |meter| Call {
                    customer,
                    key: key.unwrap_or_default(),
                    body: CallBody::Debit { meter, units },
                })
            }
            Request::Grant { customer, meter, units, key, priority, expires } => {
                self.call(Scope::Ingest, meter, asked, turn, |meter| {
                    let terms = Box::new(GrantCall {
                        units,
                        priority,
                        effective_at: None,
                        expires_at: expires,
                    });
                    let body = CallBody::Grant { meter, terms };
                    Call { customer, key: key.unwrap_or_default(), body }
                })
            }
            Request::Void { customer, meter, grant_key, key } => {
                self.call(Scope::Ingest, meter, asked, turn, |meter| Call {
                    customer,
                    key: key.unwrap_or_default(),
                    body: CallBody::Void { meter, grant_key },
                })
            }
            Request::Balance { customer, meter } => {
                self.call(Scope::Read, meter, asked, turn, |meter| Call {
                    customer,
                    key: Span::default(),
                    body: CallBody::Balance(meter),
                })
            }
            Request::Grants { customer, meter } => {
                self.call(Scope::Read, meter, asked, turn, |meter| Call {
                    customer,
                    key: Span::default(),
                    body: CallBody::Grants(meter),
                })
            }
            Request::State { customer } => {
                match require(self.principal.as_ref(), Scope::Read) {
                    Ok(_) => turn.call(Call {
                        customer,
                        key: Span::default(),
                        body: CallBody::State,
                    }),
                    Err(denied) => self.deny(denied, turn),
                }
                Next::More
            }
            Request::Ingest { events } => self.ingest(&events, asked, turn),
            other => self.request_other(other, asked, turn),
        }
    }

    /// A call about one meter, which is looked up first.
    fn call(
        &self,
        needed: Scope,
        meter: Span,
        asked: &mut Asked<'_>,
        turn: &mut Turn,
        make: impl FnOnce(MeterNumber) -> Call,
    ) -> Next {
        let principal = match require(self.principal.as_ref(), needed) {
            Ok(principal) => principal,
            Err(denied) => {
                self.deny(denied, turn);
                return Next::More;
            }
        };
        match asked.meter(principal, meter) {
            Ok(meter) => turn.call(make(meter)),
            Err(why) => {
                self.count(ErrorCode::BadArg);
                turn.say(|out| reply::write_error(out, "BADARG", why));
            }
        }
        Next::More
    }

    fn deny(&self, denied: Denied, turn: &mut Turn) {
        let (code, why) = match denied {
            Denied::NoAuth => (ErrorCode::NoAuth, "Authentication required."),
            Denied::NoPerm => (ErrorCode::NoPerm, "this token's scope does not cover the command"),
        };
        self.count(code);
        turn.say(|out| reply::write_error(out, code.text(), why));
    }

    fn ingest(&self, events: &[Span], asked: &Asked<'_>, turn: &mut Turn) -> Next {
        let principal = match require(self.principal.as_ref(), Scope::Ingest) {
            Ok(principal) => principal,
            Err(denied) => {
                self.deny(denied, turn);
                return Next::More;
            }
        };
        let engine = &self.door.engine;
        match ingest::calls(engine, principal.organization, asked.bytes, events) {
            Ok(calls) => turn.sum(calls),
            Err(why) => {
                self.count(ErrorCode::BadArg);
                turn.say(|out| reply::write_error(out, "BADARG", why));
            }
        }
        Next::More
    }

    fn request_other(&mut self, request: Request, asked: &Asked<'_>, turn: &mut Turn) -> Next {
        let bytes = asked.bytes;
        match request {
            Request::Hello { version, auth, set_name } => {
                if let Some((_, token)) = auth
                    && !self.authenticate(token.of(bytes), asked, turn)
                {
                    return Next::More;
                }
                self.hello(version, set_name.map(|name| name.of(bytes)), turn);
            }
            Request::Auth { user: _, token } => {
                if self.authenticate(token.of(bytes), asked, turn) {
                    turn.say(|out| out.extend_from_slice(reply::OK));
                }
            }
            Request::Quit => {
                turn.say(|out| out.extend_from_slice(reply::OK));
                return Next::Close(Closed::ByClient);
            }
            Request::Ping(text) => {
                turn.say(|out| handshake::write_pong(out, text.map(|text| text.of(bytes))));
            }
            Request::Reset => {
                self.principal = None;
                self.protocol = Protocol::Resp2;
                turn.say(|out| reply::write_simple(out, "RESET"));
            }
            other => match require(self.principal.as_ref(), Scope::Read) {
                Ok(principal) => {
                    let principal = *principal;
                    return self.request_known(other, principal, asked, turn);
                }
                Err(denied) => self.deny(denied, turn),
            },
        }
        Next::More
    }

    /// Whether the token opens something; says so if not.
    fn authenticate(&mut self, token: &[u8], asked: &Asked<'_>, turn: &mut Turn) -> bool {
        match Principal::presenting(asked.catalog, token) {
            Some(principal) => {
                self.principal = Some(principal);
                true
            }
            None => {
                self.count(ErrorCode::WrongPass);
                turn.say(|out| reply::write_error(out, "WRONGPASS", "invalid or revoked token"));
                false
            }
        }
    }

    fn hello(&mut self, version: Option<u8>, name: Option<&[u8]>, turn: &mut Turn) {
        if self.principal.is_none() {
            self.count(ErrorCode::NoAuth);
            turn.say(|out| {
                let why = "HELLO must be called with the client already authenticated, \
                           otherwise the HELLO <proto> AUTH <user> <pass> option can be used";
                reply::write_error(out, "NOAUTH", why);
            });
            return;
        }
        if let Some(protocol) = version.and_then(Protocol::from_version) {
            self.protocol = protocol;
        }
        if let Some(name) = name {
            self.name = name.to_vec();
        }
        let (protocol, id) = (self.protocol, self.connection_number());
        // What is answered from here on is in the new protocol; what was asked before is written
        // with the values it had then, which are the same in both.
        turn.say(|out| handshake::write_hello(out, protocol, id));
    }

    fn connection_number(&self) -> i64 {
        i64::try_from(self.id).unwrap_or(i64::MAX)
    }

    fn request_known(
        &mut self,
        request: Request,
        principal: Principal,
        asked: &Asked<'_>,
        turn: &mut Turn,
    ) -> Next {
        let bytes = asked.bytes;
        let protocol = self.protocol;
        match request {
            Request::Echo(text) => turn.say(|out| reply::write_bulk(out, text.of(bytes))),
            Request::Select(number) => turn.say(|out| handshake::write_select(out, number)),
            Request::Info(sections) => {
                let sections: Vec<_> = sections.iter().map(|span| span.of(bytes)).collect();
                let facts = self.facts();
                turn.say(|out| handshake::write_info(out, &sections, &facts));
            }
            Request::Client(request) => self.client(request, bytes, turn),
            Request::ConfigGet(names) => {
                let names: Vec<_> = names.iter().map(|span| span.of(bytes)).collect();
                turn.say(|out| handshake::write_config(out, protocol, &names));
            }
            Request::Command(request) => command(&request, bytes, protocol, turn),
            Request::Cluster(request) => self.cluster(request, bytes, turn),
            Request::ReadOnly | Request::ReadWrite | Request::Asking => {
                turn.say(|out| out.extend_from_slice(reply::OK));
            }
            other => match Errand::of(other, bytes, &principal, protocol) {
                Ok(Some(errand)) => return Next::Errand(errand),
                Ok(None) => turn.say(|out| reply::write_error(out, "ERR", "unknown command")),
                Err(denied) => self.deny(denied, turn),
            },
        }
        Next::More
    }

    fn facts(&self) -> ServerFacts {
        let metrics = &self.door.engine.metrics().connections;
        ServerFacts {
            process_id: std::process::id(),
            port: self.local_address().map_or(0, |address| address.port()),
            uptime_seconds: self.door.started.elapsed().as_secs(),
            connected_clients: usize::try_from(metrics.open.get()).unwrap_or(0),
        }
    }

    fn client(&mut self, request: ClientRequest, bytes: &[u8], turn: &mut Turn) {
        let id = self.connection_number();
        match request {
            ClientRequest::GetName => turn.say(|out| reply::write_bulk(out, &self.name)),
            ClientRequest::SetName(name) => {
                self.name = name.of(bytes).to_vec();
                turn.say(|out| out.extend_from_slice(reply::OK));
            }
            ClientRequest::Id => turn.say(|out| reply::write_integer(out, id)),
            ClientRequest::Info => {
                turn.say(|out| handshake::write_client_info(out, self.protocol, id, &self.name));
            }
            ClientRequest::Harmless => turn.say(|out| out.extend_from_slice(reply::OK)),
        }
    }

    fn cluster(&self, request: ClusterRequest, bytes: &[u8], turn: &mut Turn) {
        let Ok(address) = self.local_address() else {
            turn.say(|out| reply::write_error(out, "ERR", "the connection has no local address"));
            return;
        };
        let node_id = self.door.options.node_id;
        let endpoint = Endpoint { ip: address.ip().to_canonical(), port: address.port(), node_id };
        turn.say(|out| match request {
            ClusterRequest::Slots => handshake::write_cluster_slots(out, &endpoint),
            ClusterRequest::Shards => {
                handshake::write_cluster_shards(out, self.protocol, &endpoint);
            }
            ClusterRequest::Nodes => handshake::write_cluster_nodes(out, &endpoint),
            ClusterRequest::Info => handshake::write_cluster_info(out),
            ClusterRequest::MyId => handshake::write_cluster_my_id(out, &endpoint),
            ClusterRequest::KeySlot(key) => handshake::write_key_slot(out, key.of(bytes)),
        });
    }
}

fn command(request: &CommandRequest, bytes: &[u8], protocol: Protocol, turn: &mut Turn) {
    let names = |spans: &[Span]| spans.iter().map(|span| span.of(bytes)).collect::<Vec<_>>();
    turn.say(|out| match request {
        CommandRequest::Table => handshake::write_command_info(out, protocol, &[]),
        CommandRequest::Count => handshake::write_command_count(out),
        CommandRequest::List => handshake::write_command_list(out),
        CommandRequest::Docs(spans) => {
            handshake::write_command_docs(out, protocol, &names(spans));
        }
        CommandRequest::Info(spans) => {
            handshake::write_command_info(out, protocol, &names(spans));
        }
    });
}

/// Which metric an error reply's code belongs to.
fn code_of(code: &str) -> ErrorCode {
    ErrorCode::ALL.iter().copied().find(|known| known.text() == code).unwrap_or(ErrorCode::Unknown)
}

/// What the commands of one turn are looked up in.
struct Asked<'a> {
    bytes: &'a [u8],
    catalog: &'a crate::catalog::Catalog,
    meters: &'a mut MeterCache,
}

/// The meter that was named last: pipelines name the same one over and over.
#[derive(Default)]
struct MeterCache {
    name: Vec<u8>,
    number: Option<MeterNumber>,
}

impl Asked<'_> {
    fn meter(&mut self, principal: &Principal, name: Span) -> Result<MeterNumber, &'static str> {
        let name = name.of(self.bytes);
        if let Some(number) = self.meters.number
            && self.meters.name == name
        {
            return Ok(number);
        }
        let found = self.catalog.find_meter(principal.organization, name);
        let meter = found.map_err(|error| match error {
            crate::catalog::MeterLookupError::Unknown => "unknown meter",
            crate::catalog::MeterLookupError::Ambiguous => {
                "ambiguous meter name, use the meter's id"
            }
        })?;
        if !meter.takes_units() {
            return Err("this meter takes events only: it neither counts nor sums");
        }
        self.meters.name.clear();
        self.meters.name.extend_from_slice(name);
        self.meters.number = Some(meter.number);
        Ok(meter.number)
    }
}
