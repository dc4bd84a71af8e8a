//! An action as bytes, for the journal: one tag byte, then what the action needs.
//!
//! A tag keeps its meaning for ever. 16 to 31 are reserved for hold, capture and release.

use crate::account::Action;
use crate::account::Posting;
use crate::account::Revoke;
use crate::account::Settlement;
use crate::account::Turnover;
use crate::encoding::Malformed;
use crate::encoding::Reader;
use crate::encoding::put_decimal;
use crate::encoding::put_signed;
use crate::encoding::put_time;
use crate::encoding::put_uuid;
use crate::encoding::put_varint;
use crate::grant::GrantTerms;
use crate::grant::Purchase;
use crate::grant::Rollover;
use crate::grant::Source;
use crate::id::BenefitId;
use crate::id::GrantId;
use crate::id::OrderId;
use crate::id::SubscriptionId;
use crate::time::Timestamp;
use crate::units::Draw;
use crate::units::Units;

/// A use that draws: a signed decimal follows.
const USE_DRAW: u8 = 1;
/// A debit: a decimal follows.
const DEBIT: u8 = 2;
/// A use on a `max` meter: the value follows.
const USE_MAX: u8 = 3;
/// A use on a `min` meter: the value follows.
const USE_MIN: u8 = 4;
/// A use on an `avg` meter: the value follows.
const USE_AVERAGE: u8 = 5;
/// A use on a `unique` meter: the sixteen bytes of the value's hash follow.
const USE_UNIQUE: u8 = 6;
/// A grant: its terms follow.
const GRANT: u8 = 7;
/// A void: the grant's id follows.
const VOID: u8 = 8;
/// A revoke: purchase, benefit, units follow.
const REVOKE: u8 = 9;
/// A reset: the terms of the turnover follow.
const RESET: u8 = 10;
/// A turnover: its terms follow.
const TURNOVER: u8 = 11;
/// An advance: nothing follows.
const ADVANCE: u8 = 12;

/// First byte of a grant's terms: where it comes from, in two bits, and what is there.
const FROM_MASK: u8 = 0x03;
const FROM_MANUAL: u8 = 0;
const FROM_SUBSCRIPTION: u8 = 1;
const FROM_ORDER: u8 = 2;
const EXPIRES: u8 = 0x04;
const CARRIES: u8 = 0x08;
const HAS_PRIORITY: u8 = 0x10;
const TERMS_KNOWN: u8 = 0x1f;

/// First byte of a turnover: what becomes of what is uncovered, in two bits, and the rollover.
const SETTLEMENT_MASK: u8 = 0x03;
const SETTLED_BILLED: u8 = 0;
const SETTLED_CLEARED: u8 = 1;
const SETTLED_LEFT: u8 = 2;
const SETTLED_BASELINE: u8 = 3;
const TURNOVER_KNOWN: u8 = SETTLEMENT_MASK | CARRIES;

/// What a revoked benefit was credited for.
const PURCHASE_SUBSCRIPTION: u8 = 1;
const PURCHASE_ORDER: u8 = 2;

/// Appends `action`.
pub fn put_action(out: &mut Vec<u8>, action: &Action) {
    match action {
        Action::Use(posting) => put_posting(out, *posting),
        Action::Debit(units) => {
            out.push(DEBIT);
            put_decimal(out, units.decimal());
        }
        Action::Grant(terms) => {
            out.push(GRANT);
            put_terms(out, terms);
        }
        Action::Void(grant) => {
            out.push(VOID);
            put_uuid(out, grant.0);
        }
        Action::Revoke(revoke) => {
            out.push(REVOKE);
            put_revoke(out, revoke);
        }
        Action::Reset(turnover) => {
            out.push(RESET);
            put_turnover(out, turnover);
        }
        Action::Turnover(turnover) => {
            out.push(TURNOVER);
            put_turnover(out, turnover);
        }
        Action::Advance => out.push(ADVANCE),
    }
}

fn put_posting(out: &mut Vec<u8>, posting: Posting) {
    let (tag, number) = match posting {
        Posting::Draw(draw) => (USE_DRAW, draw.0),
        Posting::Max(value) => (USE_MAX, value),
        Posting::Min(value) => (USE_MIN, value),
        Posting::Average(value) => (USE_AVERAGE, value),
        Posting::Unique(hash) => {
            out.push(USE_UNIQUE);
            out.extend_from_slice(&hash.to_le_bytes());
            return;
        }
    };
    out.push(tag);
    put_decimal(out, number);
}

/// Appends the terms of a grant.
pub(crate) fn put_terms(out: &mut Vec<u8>, terms: &GrantTerms) {
    let mut head = match terms.source {
        Source::Manual => FROM_MANUAL,
        Source::Subscription { .. } => FROM_SUBSCRIPTION,
        Source::Order { .. } => FROM_ORDER,
    };
    head |= if terms.expires_at.is_some() { EXPIRES } else { 0 };
    head |= if terms.rollover == Rollover::Carries { CARRIES } else { 0 };
    head |= if terms.priority == 0 { 0 } else { HAS_PRIORITY };
    out.push(head);
    put_uuid(out, terms.id.0);
    put_decimal(out, terms.amount);
    put_time(out, terms.effective_at);
    if let Some(expiry) = terms.expires_at {
        put_time(out, expiry);
    }
    if terms.priority != 0 {
        put_signed(out, i64::from(terms.priority));
    }
    match terms.source {
        Source::Manual => {}
        Source::Subscription { subscription, benefit, period_end } => {
            put_uuid(out, subscription.0);
            put_uuid(out, benefit.0);
            put_time(out, period_end);
        }
        Source::Order { order, benefit } => {
            put_uuid(out, order.0);
            put_uuid(out, benefit.0);
        }
    }
}

fn put_revoke(out: &mut Vec<u8>, revoke: &Revoke) {
    let (kind, purchase) = match revoke.purchase {
        Purchase::Subscription(subscription) => (PURCHASE_SUBSCRIPTION, subscription.0),
        Purchase::Order(order) => (PURCHASE_ORDER, order.0),
    };
    out.push(kind);
    put_uuid(out, purchase);
    put_uuid(out, revoke.benefit.0);
    put_decimal(out, revoke.units.decimal());
}

fn put_turnover(out: &mut Vec<u8>, turnover: &Turnover) {
    let settlement = match turnover.settlement {
        Settlement::Billed => SETTLED_BILLED,
        Settlement::Cleared => SETTLED_CLEARED,
        Settlement::Left => SETTLED_LEFT,
        Settlement::Baseline => SETTLED_BASELINE,
    };
    let rollover = if turnover.rollover == Rollover::Carries { CARRIES } else { 0 };
    out.push(settlement | rollover);
    put_uuid(out, turnover.subscription.0);
    put_time(out, turnover.at);
    put_varint(out, u64::try_from(turnover.credits.len()).unwrap_or(u64::MAX));
    for terms in &turnover.credits {
        put_terms(out, terms);
    }
}

/// Reads what [`put_action`] wrote.
///
/// # Errors
/// [`Malformed`] when cut short, unknown or out of range.
pub fn read_action(reader: &mut Reader<'_>) -> Result<Action, Malformed> {
    match reader.byte()? {
        USE_DRAW => Ok(Action::Use(Posting::Draw(Draw(reader.decimal()?)))),
        DEBIT => Ok(Action::Debit(read_units(reader)?)),
        USE_MAX => Ok(Action::Use(Posting::Max(reader.decimal()?))),
        USE_MIN => Ok(Action::Use(Posting::Min(reader.decimal()?))),
        USE_AVERAGE => Ok(Action::Use(Posting::Average(reader.decimal()?))),
        USE_UNIQUE => Ok(Action::Use(Posting::Unique(u128::from_le_bytes(reader.array()?)))),
        GRANT => Ok(Action::Grant(Box::new(read_terms(reader)?))),
        VOID => Ok(Action::Void(GrantId(reader.uuid()?))),
        REVOKE => Ok(Action::Revoke(Box::new(read_revoke(reader)?))),
        RESET => Ok(Action::Reset(Box::new(read_turnover(reader)?))),
        TURNOVER => Ok(Action::Turnover(Box::new(read_turnover(reader)?))),
        ADVANCE => Ok(Action::Advance),
        _ => Err(Malformed("unknown action tag")),
    }
}

fn read_units(reader: &mut Reader<'_>) -> Result<Units, Malformed> {
    Units::new(reader.decimal()?).map_err(|_| Malformed("negative units"))
}

/// Reads the terms of a grant.
pub(crate) fn read_terms(reader: &mut Reader<'_>) -> Result<GrantTerms, Malformed> {
    let head = reader.byte()?;
    if head & !TERMS_KNOWN != 0 {
        return Err(Malformed("unknown grant flag"));
    }
    let id = GrantId(reader.uuid()?);
    let amount = reader.decimal()?;
    let effective_at = reader.time()?;
    let expires_at = if head & EXPIRES == 0 { None } else { Some(reader.time()?) };
    let priority = if head & HAS_PRIORITY == 0 { 0 } else { read_priority(reader)? };
    let source = match head & FROM_MASK {
        FROM_MANUAL => Source::Manual,
        FROM_SUBSCRIPTION => Source::Subscription {
            subscription: SubscriptionId(reader.uuid()?),
            benefit: BenefitId(reader.uuid()?),
            period_end: reader.time()?,
        },
        FROM_ORDER => {
            Source::Order { order: OrderId(reader.uuid()?), benefit: BenefitId(reader.uuid()?) }
        }
        _ => return Err(Malformed("unknown source of a grant")),
    };
    let rollover = read_rollover(head);
    Ok(GrantTerms { id, amount, priority, effective_at, expires_at, rollover, source })
}

fn read_priority(reader: &mut Reader<'_>) -> Result<i32, Malformed> {
    i32::try_from(reader.signed()?).map_err(|_| Malformed("priority out of range"))
}

fn read_rollover(head: u8) -> Rollover {
    if head & CARRIES == 0 { Rollover::Ends } else { Rollover::Carries }
}

fn read_revoke(reader: &mut Reader<'_>) -> Result<Revoke, Malformed> {
    let kind = reader.byte()?;
    let purchase = reader.uuid()?;
    let purchase = match kind {
        PURCHASE_SUBSCRIPTION => Purchase::Subscription(SubscriptionId(purchase)),
        PURCHASE_ORDER => Purchase::Order(OrderId(purchase)),
        _ => return Err(Malformed("unknown kind of purchase")),
    };
    let benefit = BenefitId(reader.uuid()?);
    Ok(Revoke { purchase, benefit, units: read_units(reader)? })
}

fn read_turnover(reader: &mut Reader<'_>) -> Result<Turnover, Malformed> {
    let head = reader.byte()?;
    if head & !TURNOVER_KNOWN != 0 {
        return Err(Malformed("unknown turnover flag"));
    }
    let settlement = match head & SETTLEMENT_MASK {
        SETTLED_BILLED => Settlement::Billed,
        SETTLED_CLEARED => Settlement::Cleared,
        SETTLED_LEFT => Settlement::Left,
        SETTLED_BASELINE => Settlement::Baseline,
        _ => return Err(Malformed("unknown settlement")),
    };
    let subscription = SubscriptionId(reader.uuid()?);
    let at: Timestamp = reader.time()?;
    let count: usize = reader.number()?;
    // Terms take more than one byte, so a count beyond the rest is a lie, not an allocation.
    if count > reader.remaining() {
        return Err(Malformed("more credits than bytes"));
    }
    let credits = (0..count).map(|_| read_terms(reader)).collect::<Result<Vec<_>, _>>()?;
    Ok(Turnover { subscription, at, settlement, rollover: read_rollover(head), credits })
}

#[cfg(test)]
pub(super) mod tests;
