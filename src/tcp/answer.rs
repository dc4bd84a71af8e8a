//! The engine's replies as RESP.

use crate::account::AccountError;
use crate::catalog::Catalog;
use crate::engine::reply::{EngineError, GrantView, MeterState, Reply, Said};
use crate::grant::Source;
use crate::metrics::ErrorCode;
use crate::resp::{Protocol, reply};
use crate::units::subtract;

/// Appends the answer to one call. Returns the code of an error, for the metrics.
pub(super) fn write_reply(
    out: &mut Vec<u8>,
    protocol: Protocol,
    catalog: &Catalog,
    answer: &Reply,
) -> Option<ErrorCode> {
    match answer {
        Reply::Verdict { said, balance } => {
            reply::write_verdict(out, verdict(*said), *balance);
        }
        Reply::Balance(balance) => reply::write_decimal(out, *balance),
        Reply::Grants(grants) => write_grants(out, protocol, grants),
        Reply::State(state) => write_state(out, protocol, catalog, state),
        Reply::Ingested { inserted, duplicates } => {
            write_ingested(out, u64::from(*inserted), u64::from(*duplicates));
        }
        Reply::Purchase(_) | Reply::Done => out.extend_from_slice(reply::OK),
        Reply::Error(error) => return Some(write_error(out, *error)),
    }
    None
}

const fn verdict(said: Said) -> &'static [u8] {
    said.word().as_bytes()
}

/// Appends how many events were new and how many were there before.
pub(super) fn write_ingested(out: &mut Vec<u8>, inserted: u64, duplicates: u64) {
    reply::write_array(out, 2);
    reply::write_integer(out, i64::try_from(inserted).unwrap_or(i64::MAX));
    reply::write_integer(out, i64::try_from(duplicates).unwrap_or(i64::MAX));
}

/// Appends an error, and returns its code.
pub(super) fn write_error(out: &mut Vec<u8>, error: EngineError) -> ErrorCode {
    let code = code_of(error);
    reply::write_error(out, code.text(), error);
    code
}

fn code_of(error: EngineError) -> ErrorCode {
    match error {
        EngineError::KeyConflict => ErrorCode::Conflict,
        EngineError::Account(AccountError::Overflow) => ErrorCode::Overflow,
        EngineError::Busy => ErrorCode::Busy,
        EngineError::DiskFull => ErrorCode::ReadOnly,
        EngineError::ShardFull | EngineError::Stopping => ErrorCode::Unavailable,
        EngineError::Account(_)
        | EngineError::UnknownCustomer
        | EngineError::Customer(_)
        | EngineError::CustomerName
        | EngineError::EmailTaken
        | EngineError::ExternalIdTaken
        | EngineError::ExternalIdFixed
        | EngineError::KeyTooLong
        | EngineError::InFuture
        | EngineError::Expired
        | EngineError::TooLarge => ErrorCode::BadArg,
    }
}

fn write_grants(out: &mut Vec<u8>, protocol: Protocol, grants: &[GrantView]) {
    reply::write_array(out, grants.len());
    for grant in grants {
        reply::write_map(out, protocol, 7);
        reply::write_bulk(out, b"id");
        write_display(out, grant.id);
        reply::write_bulk(out, b"amount");
        reply::write_decimal(out, grant.amount);
        reply::write_bulk(out, b"drawn");
        reply::write_decimal(out, grant.drawn);
        reply::write_bulk(out, b"priority");
        reply::write_integer(out, i64::from(grant.priority));
        reply::write_bulk(out, b"effective_at");
        write_display(out, grant.effective_at);
        reply::write_bulk(out, b"expires_at");
        match grant.expires_at {
            Some(time) => write_display(out, time),
            None => reply::write_null(out, protocol),
        }
        reply::write_bulk(out, b"source");
        reply::write_bulk(out, source(grant.source));
    }
}

const fn source(source: Source) -> &'static [u8] {
    match source {
        Source::Manual => b"manual",
        Source::Subscription { .. } => b"subscription",
        Source::Order { .. } => b"order",
    }
}

fn write_state(out: &mut Vec<u8>, protocol: Protocol, catalog: &Catalog, state: &[MeterState]) {
    reply::write_map(out, protocol, state.len());
    for meter in state {
        match catalog.meter(meter.meter) {
            Some(known) => reply::write_bulk(out, known.name.as_bytes()),
            None => write_display(out, meter.meter),
        }
        reply::write_map(out, protocol, 3);
        reply::write_bulk(out, b"balance");
        // An account's balance has a representation, or the account would not stand so.
        let balance = subtract(meter.credited, meter.consumed).unwrap_or_default();
        reply::write_decimal(out, balance);
        reply::write_bulk(out, b"credited");
        reply::write_decimal(out, meter.credited);
        reply::write_bulk(out, b"consumed");
        reply::write_decimal(out, meter.consumed);
    }
}

/// Appends a bulk string of what displays so.
pub(super) fn write_display(out: &mut Vec<u8>, shown: impl std::fmt::Display) {
    reply::write_bulk(out, shown.to_string().as_bytes());
}
