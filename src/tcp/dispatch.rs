//! From requests to calls, answers that are known at once, and errands.

use crate::catalog::{Catalog, MeterLookupError, Standing};
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
        let now = || self.door.engine.now();
        let held = |principal: &mut Principal| principal.still_holds(&catalog, now);
        if self.principal.as_mut().is_some_and(|principal| !held(principal)) {
            self.principal = None;
        }
        let mut meters = MeterCache::default();
        let mut arguments = std::mem::take(&mut self.arguments);
        let mut at = 0;
        // After so many commands, or answers of so many bytes, the rest waits for the next turn.
        let mut next_step = Next::Pause;
        for _ in 0..TURN_COMMANDS_MAX {
            let limits =
                if self.principal.is_some() { Limits::AFTER_AUTH } else { Limits::BEFORE_AUTH };
            let end = match read_command(bytes, at, &limits, &mut arguments) {
                Ok(Progress::Incomplete) => {
                    next_step = Next::More;
                    break;
                }
                Ok(Progress::Command { next }) => next,
                Err(error) => {
                    self.count(ErrorCode::Protocol);
                    turn.say(|out| reply::write_protocol_error(out, &error));
                    next_step = Next::Close(Closed::Protocol);
                    at = bytes.len();
                    break;
                }
            };
            if arguments.is_empty() {
                at = end;
                continue;
            }
            let request = match parse_request(bytes, &arguments) {
                Ok(request) => request,
                Err(error) => {
                    at = end;
                    self.count(code_of(error.code()));
                    turn.say(|out| reply::write_request_error(out, bytes, &error));
                    continue;
                }
            };
            // A turn is one principal's and is answered in one protocol.
            if begins_turn(&request) && !turn.is_empty() {
                break;
            }
            at = end;
            let mut asked = Asked { bytes, catalog: &catalog, meters: &mut meters };
            let next = self.request(request, &mut asked, turn);
            if !matches!(next, Next::More) {
                next_step = next;
                break;
            }
            if turn.is_full() {
                break;
            }
        }
        self.arguments = arguments;
        (at, next_step)
    }

    fn count(&self, code: ErrorCode) {
        self.door.engine.metrics().connections.count_errors(code, 1);
    }

    fn request(&mut self, request: Request, asked: &mut Asked<'_>, turn: &mut Turn) -> Next {
        let principal = match needed(&request) {
            None => None,
            Some(scope) => match require(self.principal.as_ref(), scope) {
                Ok(principal) => Some(*principal),
                Err(denied) => {
                    self.deny(denied, turn);
                    return Next::More;
                }
            },
        };
        match principal {
            Some(principal) => self.permitted(request, &principal, asked, turn),
            None => self.unauthenticated(&request, asked, turn),
        }
    }

    #[expect(clippy::too_many_lines, reason = "the table of commands, one arm each")]
    fn permitted(
        &mut self,
        request: Request,
        principal: &Principal,
        asked: &mut Asked<'_>,
        turn: &mut Turn,
    ) -> Next {
        let bytes = asked.bytes;
        match request {
            Request::Use { customer, meter, units, key, at } => {
                let key = key.unwrap_or_default();
                self.call(principal, meter, asked, turn, |meter| Call {
                    customer,
                    key,
                    body: CallBody::Use { meter, units, at },
                });
            }
            Request::Debit { customer, meter, units, key } => {
                let key = key.unwrap_or_default();
                self.call(principal, meter, asked, turn, |meter| Call {
                    customer,
                    key,
                    body: CallBody::Debit { meter, units },
                });
            }
            Request::Grant { customer, meter, units, key, priority, expires } => {
                let key = key.unwrap_or_default();
                let terms = GrantCall { units, priority, effective_at: None, expires_at: expires };
                self.call(principal, meter, asked, turn, |meter| Call {
                    customer,
                    key,
                    body: CallBody::Grant { meter, terms: Box::new(terms) },
                });
            }
            Request::Void { customer, meter, grant_key, key } => {
                let key = key.unwrap_or_default();
                self.call(principal, meter, asked, turn, |meter| Call {
                    customer,
                    key,
                    body: CallBody::Void { meter, grant_key },
                });
            }
            Request::Balance { customer, meter } => {
                self.call(principal, meter, asked, turn, |meter| Call {
                    customer,
                    key: Span::default(),
                    body: CallBody::Balance(meter),
                });
            }
            Request::Grants { customer, meter } => {
                self.call(principal, meter, asked, turn, |meter| Call {
                    customer,
                    key: Span::default(),
                    body: CallBody::Grants(meter),
                });
            }
            Request::State { customer } => {
                turn.call(Call { customer, key: Span::default(), body: CallBody::State });
            }
            Request::Ingest { events } => self.ingest(principal, &events, bytes, turn),
            Request::MeterCreate { name, event, aggregation } => {
                let organization = principal.organization;
                return Next::Errand(Errand::meter_create(
                    bytes,
                    organization,
                    name,
                    event.unwrap_or(name),
                    aggregation,
                ));
            }
            Request::Snapshot => return Next::Errand(Errand::Snapshot),
            Request::TokenCreate { organization, scope } => {
                return Next::Errand(Errand::TokenCreate {
                    principal: *principal,
                    organization: text_of(bytes, organization),
                    scope: text_of(bytes, scope),
                });
            }
            Request::TokenList => {
                let protocol = self.protocol;
                return Next::Errand(Errand::TokenList { principal: *principal, protocol });
            }
            Request::TokenRevoke { id } => {
                let id = text_of(bytes, id);
                return Next::Errand(Errand::TokenRevoke { principal: *principal, id });
            }
            Request::Echo(text) => turn.say(|out| reply::write_bulk(out, text.of(bytes))),
            Request::Select(number) => turn.say(|out| handshake::write_select(out, number)),
            Request::Info(sections) => {
                let facts = self.facts();
                let sections = parts_of(bytes, &sections);
                turn.say(|out| handshake::write_info(out, &sections, &facts));
            }
            Request::Client(request) => self.client(request, bytes, turn),
            Request::ConfigGet(names) => {
                let (protocol, names) = (self.protocol, parts_of(bytes, &names));
                turn.say(|out| handshake::write_config(out, protocol, &names));
            }
            Request::Command(request) => command(&request, bytes, self.protocol, turn),
            Request::Cluster(request) => self.cluster(request, bytes, turn),
            Request::ReadOnly | Request::ReadWrite | Request::Asking => {
                turn.say(|out| out.extend_from_slice(reply::OK));
            }
            Request::Hello { .. }
            | Request::Auth { .. }
            | Request::Ping(_)
            | Request::Quit
            | Request::Reset => return self.unauthenticated(&request, asked, turn),
        }
        Next::More
    }

    /// What a connection may ask before it shows a token.
    fn unauthenticated(&mut self, request: &Request, asked: &Asked<'_>, turn: &mut Turn) -> Next {
        let bytes = asked.bytes;
        if let Request::Hello { version, auth, set_name } = request {
            let refused =
                auth.is_some_and(|(_, token)| !self.authenticate(token.of(bytes), asked, turn));
            if !refused {
                self.hello(*version, set_name.map(|name| name.of(bytes)), turn);
            }
        } else if let Request::Auth { user: _, token } = request {
            if self.authenticate(token.of(bytes), asked, turn) {
                turn.say(|out| out.extend_from_slice(reply::OK));
            }
        } else if let Request::Ping(text) = request {
            turn.say(|out| handshake::write_pong(out, text.map(|text| text.of(bytes))));
        } else if *request == Request::Reset {
            self.principal = None;
            self.protocol = Protocol::Resp2;
            turn.say(|out| reply::write_simple(out, "RESET"));
        } else if *request == Request::Quit {
            turn.say(|out| out.extend_from_slice(reply::OK));
            return Next::Close(Closed::ByClient);
        }
        Next::More
    }

    /// A call about one meter, which is looked up first.
    fn call(
        &self,
        principal: &Principal,
        meter: Span,
        asked: &mut Asked<'_>,
        turn: &mut Turn,
        make: impl FnOnce(MeterNumber) -> Call,
    ) {
        let call = asked.meter(principal, meter).and_then(|(number, standing)| {
            let call = make(number);
            let refused = standing == Standing::Archived && collects(&call);
            if refused { Err("this meter is archived") } else { Ok(call) }
        });
        match call {
            Ok(call) => turn.call(call),
            Err(why) => {
                self.count(ErrorCode::BadArg);
                turn.say(|out| reply::write_error(out, "BADARG", why));
            }
        }
    }

    fn deny(&self, denied: Denied, turn: &mut Turn) {
        let (code, why) = match denied {
            Denied::NoAuth => (ErrorCode::NoAuth, "Authentication required."),
            Denied::NoPerm => (ErrorCode::NoPerm, "this token's scope does not cover the command"),
        };
        self.count(code);
        turn.say(|out| reply::write_error(out, code.text(), why));
    }

    fn ingest(&self, principal: &Principal, events: &[Span], bytes: &[u8], turn: &mut Turn) {
        match ingest::calls(&self.door.engine, principal.organization, bytes, events) {
            Ok(calls) => turn.sum(calls),
            Err(why) => {
                self.count(ErrorCode::BadArg);
                turn.say(|out| reply::write_error(out, "BADARG", why));
            }
        }
    }

    /// Whether the token opens something; says so if not.
    fn authenticate(&mut self, token: &[u8], asked: &Asked<'_>, turn: &mut Turn) -> bool {
        let Some(principal) = Principal::presenting(asked.catalog, token, self.door.engine.now())
        else {
            self.count(ErrorCode::WrongPass);
            turn.say(|out| reply::write_error(out, "WRONGPASS", "invalid or revoked token"));
            return false;
        };
        self.principal = Some(principal);
        true
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
        turn.say(|out| handshake::write_hello(out, protocol, id));
    }

    fn connection_number(&self) -> i64 {
        i64::try_from(self.id).unwrap_or(i64::MAX)
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

/// What a token must allow for `request`; `None` for what anybody may ask.
const fn needed(request: &Request) -> Option<Scope> {
    match request {
        Request::Hello { .. }
        | Request::Auth { .. }
        | Request::Ping(_)
        | Request::Quit
        | Request::Reset => None,
        Request::Use { .. }
        | Request::Debit { .. }
        | Request::Grant { .. }
        | Request::Void { .. }
        | Request::Ingest { .. } => Some(Scope::Ingest),
        Request::MeterCreate { .. }
        | Request::Snapshot
        | Request::TokenCreate { .. }
        | Request::TokenList
        | Request::TokenRevoke { .. } => Some(Scope::Admin),
        Request::Balance { .. }
        | Request::Grants { .. }
        | Request::State { .. }
        | Request::Echo(_)
        | Request::Select(_)
        | Request::Info(_)
        | Request::Client(_)
        | Request::ConfigGet(_)
        | Request::Command(_)
        | Request::Cluster(_)
        | Request::ReadOnly
        | Request::ReadWrite
        | Request::Asking => Some(Scope::Read),
    }
}

fn parts_of<'a>(bytes: &'a [u8], spans: &[Span]) -> Vec<&'a [u8]> {
    spans.iter().map(|span| span.of(bytes)).collect()
}

fn text_of(bytes: &[u8], span: Span) -> String {
    String::from_utf8_lossy(span.of(bytes)).into_owned()
}

fn command(request: &CommandRequest, bytes: &[u8], protocol: Protocol, turn: &mut Turn) {
    turn.say(|out| match request {
        CommandRequest::Table => handshake::write_command_info(out, protocol, &[]),
        CommandRequest::Count => handshake::write_command_count(out),
        CommandRequest::List => handshake::write_command_list(out),
        CommandRequest::Docs(spans) => {
            handshake::write_command_docs(out, protocol, &parts_of(bytes, spans));
        }
        CommandRequest::Info(spans) => {
            handshake::write_command_info(out, protocol, &parts_of(bytes, spans));
        }
    });
}

/// Whether what comes from here on may be another principal's, or answered in another protocol.
const fn begins_turn(request: &Request) -> bool {
    matches!(request, Request::Hello { .. } | Request::Auth { .. } | Request::Reset)
}

/// Which metric an error reply's code belongs to.
fn code_of(code: &str) -> ErrorCode {
    ErrorCode::ALL.iter().copied().find(|known| known.text() == code).unwrap_or(ErrorCode::Unknown)
}

/// Whether `call` would have a meter collect, or begin to: what an archived one refuses. It can be
/// read, and grants on it can be ended.
const fn collects(call: &Call) -> bool {
    matches!(call.body, CallBody::Use { .. } | CallBody::Debit { .. } | CallBody::Grant { .. })
}

/// What the commands of one turn are looked up in.
struct Asked<'a> {
    bytes: &'a [u8],
    catalog: &'a Catalog,
    meters: &'a mut MeterCache,
}

/// The meter that was named last: pipelines name the same one over and over.
#[derive(Default)]
struct MeterCache {
    name: Vec<u8>,
    found: Option<(MeterNumber, Standing)>,
}

impl Asked<'_> {
    fn meter(
        &mut self,
        principal: &Principal,
        name: Span,
    ) -> Result<(MeterNumber, Standing), &'static str> {
        let name = name.of(self.bytes);
        if let Some(found) = self.meters.found
            && self.meters.name == name
        {
            return Ok(found);
        }
        let found = self.catalog.find_meter(principal.organization, name);
        let meter = found.map_err(|error| match error {
            MeterLookupError::Unknown => "unknown meter",
            MeterLookupError::Ambiguous => "ambiguous meter name, use the meter's id",
        })?;
        if !meter.takes_units() {
            return Err("this meter takes events only: it neither counts nor sums");
        }
        self.meters.name.clear();
        self.meters.name.extend_from_slice(name);
        let standing = if meter.is_archived() { Standing::Archived } else { Standing::Live };
        self.meters.found = Some((meter.number, standing));
        Ok((meter.number, standing))
    }
}
