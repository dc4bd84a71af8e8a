//! An account as bytes, for snapshots.
//!
//! The sums are not written: they follow from the grants, so that an image cannot contradict
//! itself. What is read is checked against every invariant of an account.

use std::borrow::Cow;
use std::collections::BTreeSet;

use rust_decimal::Decimal;

use crate::account::Account;
use crate::account::Parts;
use crate::account::Tally;
use crate::encoding::Malformed;
use crate::encoding::Reader;
use crate::encoding::put_decimal;
use crate::encoding::put_varint;
use crate::grant::Grant;
use crate::journal::action::put_terms;
use crate::journal::action::read_terms;
use crate::units::grid::Grid;

/// Flags of the first byte: what follows besides the live grants.
const HAS_UNCOVERED: u8 = 0x01;
const HAS_SPENT: u8 = 0x02;
const HAS_BASELINE: u8 = 0x04;
const HAS_WAITING: u8 = 0x08;
const HAS_TALLY: u8 = 0x10;
const HAS_GRID: u8 = 0x20;
const FLAGS_KNOWN: u8 = 0x3f;

/// Kinds of tally.
const TALLY_MAX: u8 = 1;
const TALLY_MIN: u8 = 2;
const TALLY_AVERAGE: u8 = 3;
const TALLY_UNIQUE: u8 = 4;

/// Appends `account`: one byte of flags, the live grants, and what the flags announce.
pub fn put_account(out: &mut Vec<u8>, account: &Account) {
    let parts = account.parts();
    let amounts = [
        (HAS_UNCOVERED, parts.uncovered),
        (HAS_SPENT, parts.spent),
        (HAS_BASELINE, parts.baseline),
    ];
    let present = amounts.into_iter().filter(|(_, amount)| !amount.is_zero());
    let mut flags = present.clone().fold(0, |flags, (flag, _)| flags | flag);
    for (flag, has) in [
        (HAS_WAITING, !parts.waiting.is_empty()),
        (HAS_TALLY, parts.tally.is_some()),
        (HAS_GRID, parts.grid != Grid::WHOLE),
    ] {
        flags |= if has { flag } else { 0 };
    }
    out.push(flags);
    put_grants(out, &parts.grants);
    for (_, amount) in present {
        put_decimal(out, amount);
    }
    if !parts.waiting.is_empty() {
        put_grants(out, &parts.waiting);
    }
    if let Some(tally) = parts.tally.as_deref() {
        put_tally(out, tally);
    }
    if parts.grid != Grid::WHOLE {
        out.push(parts.grid.decimals());
    }
}

fn put_grants(out: &mut Vec<u8>, grants: &[Grant]) {
    put_varint(out, u64::try_from(grants.len()).unwrap_or(u64::MAX));
    for grant in grants {
        put_terms(out, &grant.terms());
        put_decimal(out, grant.drawn());
    }
}

fn put_tally(out: &mut Vec<u8>, tally: &Tally) {
    match tally {
        Tally::Max(value) => {
            out.push(TALLY_MAX);
            put_decimal(out, *value);
        }
        Tally::Min(value) => {
            out.push(TALLY_MIN);
            put_decimal(out, *value);
        }
        Tally::Average { sum, count } => {
            out.push(TALLY_AVERAGE);
            put_decimal(out, *sum);
            put_varint(out, *count);
        }
        Tally::Unique(values) => {
            out.push(TALLY_UNIQUE);
            put_varint(out, u64::try_from(values.len()).unwrap_or(u64::MAX));
            for value in values {
                out.extend_from_slice(&value.to_le_bytes());
            }
        }
    }
}

/// Reads what [`put_account`] wrote.
///
/// # Errors
/// [`Malformed`] when cut short, or when the account would break an invariant.
pub fn read_account(reader: &mut Reader<'_>) -> Result<Account, Malformed> {
    let flags = reader.byte()?;
    if flags & !FLAGS_KNOWN != 0 {
        return Err(Malformed("unknown account flag"));
    }
    let has = |flag: u8| flags & flag != 0;
    let grants = read_grants(reader)?;
    let mut amount = |flag: u8| if has(flag) { reader.decimal() } else { Ok(Decimal::ZERO) };
    let uncovered = amount(HAS_UNCOVERED)?;
    let spent = amount(HAS_SPENT)?;
    let baseline = amount(HAS_BASELINE)?;
    let waiting = if has(HAS_WAITING) { read_grants(reader)? } else { Vec::new() };
    let tally = if has(HAS_TALLY) { Some(read_tally(reader)?) } else { None };
    let decimals = if has(HAS_GRID) { reader.byte()? } else { 0 };
    let grid = Grid::with_decimals(decimals).ok_or(Malformed("grid out of range"))?;
    Account::try_from(Parts {
        grants: Cow::Owned(grants),
        waiting: Cow::Owned(waiting),
        uncovered,
        spent,
        baseline,
        grid,
        tally: tally.map(Cow::Owned),
    })
}

fn read_grants(reader: &mut Reader<'_>) -> Result<Vec<Grant>, Malformed> {
    let count: usize = reader.number()?;
    // A grant takes more than one byte, so a count beyond the rest is a lie, not an allocation.
    if count > reader.remaining() {
        return Err(Malformed("more grants than bytes"));
    }
    let mut grants = Vec::with_capacity(count);
    for _ in 0..count {
        let terms = read_terms(reader)?;
        let drawn = reader.decimal()?;
        grants.push(Grant::restored(&terms, drawn).ok_or(Malformed("grant drawn out of range"))?);
    }
    Ok(grants)
}

fn read_tally(reader: &mut Reader<'_>) -> Result<Tally, Malformed> {
    match reader.byte()? {
        TALLY_MAX => Ok(Tally::Max(reader.decimal()?)),
        TALLY_MIN => Ok(Tally::Min(reader.decimal()?)),
        TALLY_AVERAGE => {
            let sum = reader.decimal()?;
            match reader.varint()? {
                0 => Err(Malformed("average of no values")),
                count => Ok(Tally::Average { sum, count }),
            }
        }
        TALLY_UNIQUE => {
            let count: usize = reader.number()?;
            let mut values = BTreeSet::new();
            for _ in 0..count {
                values.insert(u128::from_le_bytes(reader.array()?));
            }
            if values.len() == count {
                Ok(Tally::Unique(values))
            } else {
                Err(Malformed("a unique value twice"))
            }
        }
        _ => Err(Malformed("unknown kind of tally")),
    }
}

#[cfg(test)]
mod tests;
