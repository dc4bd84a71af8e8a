//! The commands on customers, meters and tokens.

use crate::resp::Span;
use crate::resp::command::MeterAggregation;
use crate::resp::command::Reason;
use crate::resp::command::Request;
use crate::resp::command::RequestError;
use crate::resp::command::words;
use crate::resp::command::words::Options;
use crate::units::Units;
use crate::units::UnitsError;

const CUSTOMER: &str = "customer";
const UNITS: &str = "units";
const ID: &str = "ID";

#[inline]
pub(super) fn use_units(buffer: &[u8], rest: &[Span]) -> Result<Request, RequestError> {
    let [customer, meter, units, options @ ..] = rest else {
        return Err(RequestError::Arity("use"));
    };
    let customer = words::text(buffer, *customer, CUSTOMER)?;
    let units = read_units(units.of(buffer))?;
    let (mut key, mut at) = (None, None);
    let mut options = Options::new(buffer, options);
    while let Some((option, name)) = options.name() {
        if name.eq_ignore_ascii_case(b"ID") {
            words::set_once(&mut key, options.value(ID, words::key)?, ID)?;
        } else if name.eq_ignore_ascii_case(b"AT") {
            words::set_once(&mut at, options.value("AT", words::time)?, "AT")?;
        } else {
            return Err(RequestError::UnknownOption(option));
        }
    }
    Ok(Request::Use { customer, meter: *meter, units, key, at })
}

#[inline]
pub(super) fn debit(buffer: &[u8], rest: &[Span]) -> Result<Request, RequestError> {
    let [customer, meter, units, options @ ..] = rest else {
        return Err(RequestError::Arity("debit"));
    };
    let customer = words::text(buffer, *customer, CUSTOMER)?;
    let units = read_units(units.of(buffer))?;
    let key = only_key(buffer, options)?;
    Ok(Request::Debit { customer, meter: *meter, units, key })
}

pub(super) fn grant(buffer: &[u8], rest: &[Span]) -> Result<Request, RequestError> {
    let [customer, meter, units, options @ ..] = rest else {
        return Err(RequestError::Arity("grant"));
    };
    let customer = words::text(buffer, *customer, CUSTOMER)?;
    let units = Units::parse_positive(units.of(buffer)).map_err(bad_units)?;
    let (mut key, mut priority, mut expires) = (None, None, None);
    let mut options = Options::new(buffer, options);
    while let Some((option, name)) = options.name() {
        if name.eq_ignore_ascii_case(b"ID") {
            words::set_once(&mut key, options.value(ID, words::key)?, ID)?;
        } else if name.eq_ignore_ascii_case(b"PRIORITY") {
            words::set_once(&mut priority, options.value("PRIORITY", words::integer)?, "PRIORITY")?;
        } else if name.eq_ignore_ascii_case(b"EXPIRES") {
            words::set_once(&mut expires, options.value("EXPIRES", words::time)?, "EXPIRES")?;
        } else {
            return Err(RequestError::UnknownOption(option));
        }
    }
    let priority = priority.unwrap_or(0);
    Ok(Request::Grant { customer, meter: *meter, units, key, priority, expires })
}

pub(super) fn void(buffer: &[u8], rest: &[Span]) -> Result<Request, RequestError> {
    let [customer, meter, grant_key, options @ ..] = rest else {
        return Err(RequestError::Arity("void"));
    };
    let customer = words::text(buffer, *customer, CUSTOMER)?;
    let grant_key = words::key(buffer, *grant_key, "key")?;
    let key = only_key(buffer, options)?;
    Ok(Request::Void { customer, meter: *meter, grant_key, key })
}

pub(super) fn balance(buffer: &[u8], rest: &[Span]) -> Result<Request, RequestError> {
    let [customer, meter] = rest else { return Err(RequestError::Arity("balance")) };
    let customer = words::text(buffer, *customer, CUSTOMER)?;
    Ok(Request::Balance { customer, meter: *meter })
}

pub(super) fn grants(buffer: &[u8], rest: &[Span]) -> Result<Request, RequestError> {
    let [customer, meter] = rest else { return Err(RequestError::Arity("grants")) };
    let customer = words::text(buffer, *customer, CUSTOMER)?;
    Ok(Request::Grants { customer, meter: *meter })
}

pub(super) fn state(buffer: &[u8], rest: &[Span]) -> Result<Request, RequestError> {
    let [customer] = rest else { return Err(RequestError::Arity("state")) };
    Ok(Request::State { customer: words::text(buffer, *customer, CUSTOMER)? })
}

pub(super) fn ingest(rest: &[Span]) -> Result<Request, RequestError> {
    if rest.is_empty() {
        return Err(RequestError::Arity("ingest"));
    }
    Ok(Request::Ingest { events: rest.to_vec() })
}

pub(super) fn meter(buffer: &[u8], rest: &[Span]) -> Result<Request, RequestError> {
    let [subcommand, rest @ ..] = rest else { return Err(RequestError::Arity("meter")) };
    if !subcommand.of(buffer).eq_ignore_ascii_case(b"CREATE") {
        return Err(RequestError::UnknownSubcommand { command: "meter", subcommand: *subcommand });
    }
    let [name, options @ ..] = rest else { return Err(RequestError::Arity("meter create")) };
    let name = words::text(buffer, *name, "name")?;
    let (mut event, mut aggregation) = (None, None);
    let mut options = Options::new(buffer, options);
    while let Some((option, word)) = options.name() {
        if word.eq_ignore_ascii_case(b"EVENT") {
            words::set_once(&mut event, options.value("EVENT", words::text)?, "EVENT")?;
            continue;
        }
        let chosen = if word.eq_ignore_ascii_case(b"COUNT") {
            MeterAggregation::Count
        } else if word.eq_ignore_ascii_case(b"SUM") {
            MeterAggregation::Sum(options.value("SUM", words::text)?)
        } else {
            return Err(RequestError::UnknownOption(option));
        };
        words::set_once(&mut aggregation, chosen, "aggregation")?;
    }
    let aggregation = aggregation.unwrap_or(MeterAggregation::Count);
    Ok(Request::MeterCreate { name, event, aggregation })
}

pub(super) fn token(buffer: &[u8], rest: &[Span]) -> Result<Request, RequestError> {
    let [subcommand, rest @ ..] = rest else { return Err(RequestError::Arity("token")) };
    let mut lower = [0_u8; 8];
    match words::to_lower(subcommand.of(buffer), &mut lower) {
        b"create" => {
            let [organization, scope] = rest else {
                return Err(RequestError::Arity("token create"));
            };
            let organization = words::text(buffer, *organization, "organization")?;
            Ok(Request::TokenCreate { organization, scope: *scope })
        }
        b"list" => words::none(rest, "token list", Request::TokenList),
        b"revoke" => {
            let [id] = rest else { return Err(RequestError::Arity("token revoke")) };
            Ok(Request::TokenRevoke { id: *id })
        }
        _ => Err(RequestError::UnknownSubcommand { command: "token", subcommand: *subcommand }),
    }
}

/// `[ID key]` and nothing else.
#[inline]
fn only_key(buffer: &[u8], options: &[Span]) -> Result<Option<Span>, RequestError> {
    let mut key = None;
    let mut options = Options::new(buffer, options);
    while let Some((option, name)) = options.name() {
        if !name.eq_ignore_ascii_case(b"ID") {
            return Err(RequestError::UnknownOption(option));
        }
        words::set_once(&mut key, options.value(ID, words::key)?, ID)?;
    }
    Ok(key)
}

#[inline]
fn read_units(text: &[u8]) -> Result<Units, RequestError> {
    Units::parse(text).map_err(bad_units)
}

#[cold]
const fn bad_units(error: UnitsError) -> RequestError {
    RequestError::BadArgument { what: UNITS, why: Reason::Units(error) }
}
