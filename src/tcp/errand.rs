//! Errands: commands that take a while and are not about one customer. A connection waits for its
//! errand before it parses on, so that what follows sees what it did.

use std::future::Future;
use std::pin::Pin;

use crate::catalog::CatalogError;
use crate::engine::Engine;
use crate::engine::catalog_actor::ChangeError;
use crate::event::{Property, PropertyError};
use crate::id::{OrganizationNumber, TokenId};
use crate::meter::Aggregation;
use crate::resp::command::MeterAggregation;
use crate::resp::{Protocol, reply};
use crate::span::Span;
use crate::tcp::access::Principal;
use crate::tcp::answer::write_display;
use crate::token::{Scopes, TokenText};

/// A command that takes a while.
#[derive(Debug)]
pub(super) enum Errand {
    /// `METER CREATE`
    MeterCreate {
        organization: OrganizationNumber,
        name: String,
        event: String,
        aggregation: Aggregation,
    },
    /// `SNAPSHOT`
    Snapshot,
    /// `TOKEN CREATE`
    TokenCreate { principal: Principal, organization: String, scope: String },
    /// `TOKEN LIST`
    TokenList { principal: Principal, protocol: Protocol },
    /// `TOKEN REVOKE`
    TokenRevoke { principal: Principal, id: String },
    /// One that cannot be carried out as it was asked for.
    Refused(PropertyError),
}

impl Errand {
    /// `METER CREATE`, with its texts in `bytes`.
    pub(super) fn meter_create(
        bytes: &[u8],
        organization: OrganizationNumber,
        name: Span,
        event: Span,
        aggregation: MeterAggregation,
    ) -> Self {
        let text = |span: Span| String::from_utf8_lossy(span.of(bytes)).into_owned();
        let aggregation = match aggregation {
            MeterAggregation::Count => Ok(Aggregation::Count),
            MeterAggregation::Sum(property) => {
                Property::parse(&text(property)).map(Aggregation::Sum)
            }
        };
        match aggregation {
            Ok(aggregation) => Self::MeterCreate {
                organization,
                name: text(name),
                event: text(event),
                aggregation,
            },
            Err(error) => Self::Refused(error),
        }
    }

    /// Carries it out, and yields its reply.
    pub(super) fn run(self, engine: &Engine) -> Pin<Box<dyn Future<Output = Vec<u8>>>> {
        let engine = engine.clone();
        Box::pin(async move {
            let mut out = Vec::new();
            match self {
                Self::MeterCreate { organization, name, event, aggregation } => {
                    let made = engine.create_meter(organization, &name, &event, aggregation).await;
                    match made {
                        Ok(meter) => write_display(&mut out, meter.id),
                        Err(error) => write_change_error(&mut out, &error),
                    }
                }
                Self::Snapshot => match engine.snapshot().await {
                    Ok(seqs) => write_positions(&mut out, &seqs),
                    Err(why) => reply::write_error(&mut out, "ERR", why),
                },
                Self::TokenCreate { principal, organization, scope } => {
                    token_create(&mut out, &engine, &principal, &organization, &scope).await;
                }
                Self::TokenList { principal, protocol } => {
                    token_list(&mut out, &engine, &principal, protocol);
                }
                Self::TokenRevoke { principal, id } => {
                    token_revoke(&mut out, &engine, &principal, &id).await;
                }
                Self::Refused(why) => reply::write_error(&mut out, "BADARG", why),
            }
            out
        })
    }
}

/// The position of the snapshot; of several shards', the sum, which grows with every record too.
fn write_positions(out: &mut Vec<u8>, seqs: &[crate::id::Seq]) {
    let sum = seqs.iter().fold(0_u64, |sum, seq| sum.saturating_add(seq.0));
    reply::write_integer(out, i64::try_from(sum).unwrap_or(i64::MAX));
}

fn write_change_error(out: &mut Vec<u8>, error: &ChangeError) {
    let code = match error {
        ChangeError::Refused(CatalogError::MeterDiffers | CatalogError::NameTaken) => "CONFLICT",
        ChangeError::Refused(_) => "BADARG",
        ChangeError::Stopping => "UNAVAILABLE",
    };
    reply::write_error(out, code, error);
}

async fn token_create(
    out: &mut Vec<u8>,
    engine: &Engine,
    principal: &Principal,
    organization: &str,
    scope: &str,
) {
    let scopes: Scopes = match scope.parse() {
        Ok(scopes) => scopes,
        Err(error) => return reply::write_error(out, "BADARG", format_args!("scope: {error}")),
    };
    let known =
        engine.catalog().organization_named(organization).map(|organization| organization.number);
    let number = match known {
        Some(number) if principal.is_operator() || number == principal.organization => number,
        None if principal.is_operator() => match engine.create_organization(organization).await {
            Ok(number) => number,
            Err(error) => return write_change_error(out, &error),
        },
        Some(_) | None => {
            let why = "this token makes tokens of its own organization only";
            return reply::write_error(out, "NOPERM", why);
        }
    };
    let mut random = [0; 32];
    if getrandom::fill(&mut random).is_err() {
        return reply::write_error(out, "ERR", "the system gives no random bits");
    }
    let secret = TokenText::mint(&random);
    match engine.create_token(number, scopes, &secret).await {
        Ok(id) => {
            reply::write_array(out, 2);
            write_display(out, id);
            reply::write_bulk(out, secret.as_str().as_bytes());
        }
        Err(error) => write_change_error(out, &error),
    }
}

fn token_list(out: &mut Vec<u8>, engine: &Engine, principal: &Principal, protocol: Protocol) {
    let catalog = engine.catalog();
    let seen: Vec<_> = catalog
        .tokens()
        .filter(|token| principal.is_operator() || token.organization == principal.organization)
        .collect();
    reply::write_array(out, seen.len());
    for token in seen {
        reply::write_map(out, protocol, 4);
        reply::write_bulk(out, b"id");
        write_display(out, token.id);
        reply::write_bulk(out, b"organization");
        let organization = catalog.organization(token.organization);
        let name = organization.map_or("", |organization| organization.name.as_str());
        reply::write_bulk(out, name.as_bytes());
        reply::write_bulk(out, b"scope");
        write_display(out, token.scopes);
        reply::write_bulk(out, b"created_at");
        write_display(out, token.created_at);
    }
}

async fn token_revoke(out: &mut Vec<u8>, engine: &Engine, principal: &Principal, id: &str) {
    let known = uuid::Uuid::try_parse(id).ok().and_then(|id| {
        let catalog = engine.catalog();
        let mut tokens = catalog.tokens();
        let token = tokens.find(|token| token.id == TokenId(id))?;
        let seen = principal.is_operator() || token.organization == principal.organization;
        seen.then_some(token.id)
    });
    let Some(id) = known else { return reply::write_error(out, "BADARG", "unknown token") };
    match engine.revoke_token(id).await {
        Ok(()) => out.extend_from_slice(reply::OK),
        Err(error) => write_change_error(out, &error),
    }
}
