//! What a shard's journal holds: records, as bytes.
//!
//! A record is its tag, the microseconds since the record before it in the frame, and its body.
//! Its seq is not stored: the frame names the first one. Everything that apply needs is in the
//! record, so that replay never asks the catalog. The common one, a keyed debit, takes about twenty
//! bytes.

use crate::account::{Action, Posting};
use crate::customer::CustomerCommand;
use crate::encoding::{self, Malformed, Reader};
use crate::id::{CatalogVersion, CustomerId, CustomerNumber, MeterNumber, OrganizationNumber, Seq};
use crate::journal::action::{put_action, read_action};
use crate::journal::profile::{put_profile_command, read_profile_command};
use crate::journal::wire::Wire;
use crate::journal::{Batch, ReplayStop};
use crate::profile::ProfileCommand;
use crate::time::Timestamp;

// Tags are for ever: a number is never given to another record. 0x10 to 0x1f are kept for holds.
const TAG_CUSTOMER: u8 = 0x01;
const TAG_COMMAND: u8 = 0x02;
const TAG_COMMAND_AT: u8 = 0x03;
const TAG_EVENT: u8 = 0x04;
const TAG_CATALOG: u8 = 0x05;
const TAG_PROFILE: u8 = 0x06;
const TAG_PURCHASE: u8 = 0x07;

/// One record of a shard's journal.
#[derive(Debug, Clone, PartialEq)]
pub enum Record<'a> {
    /// A customer appears in this shard; its number is the next free one.
    Customer {
        /// Its place in the shard.
        number: CustomerNumber,
        /// Whose customer it is.
        organization: OrganizationNumber,
        /// Its id for ever.
        id: CustomerId,
        /// The application's own id; empty when it has none yet.
        external_id: &'a str,
    },
    /// A command to one customer meter.
    Command {
        /// The customer.
        customer: CustomerNumber,
        /// The meter.
        meter: MeterNumber,
        /// What to do.
        action: Action,
        /// The idempotency key; empty when there is none.
        key: &'a [u8],
        /// When the use happened, if the caller said so. It moves no balance.
        at: Option<Timestamp>,
    },
    /// A usage event.
    Event {
        /// The customer.
        customer: CustomerNumber,
        /// The event's `external_id`; empty when there is none.
        key: &'a [u8],
        /// What it adds to which meters, as resolved when it was sequenced.
        postings: Vec<(MeterNumber, Posting)>,
        /// The event's own JSON.
        payload: &'a [u8],
    },
    /// Who a customer is to its organization.
    Profile {
        /// The customer.
        customer: CustomerNumber,
        /// What becomes of its profile.
        command: ProfileCommand,
    },
    /// A command to what a customer has bought, and to all accounts that it concerns.
    Purchase {
        /// The customer.
        customer: CustomerNumber,
        /// What is asked.
        command: CustomerCommand,
    },
    /// From here on, events are resolved with this version of the catalog.
    Catalog {
        /// The version.
        version: CatalogVersion,
    },
}

/// Appends [`Record::Customer`].
pub fn put_customer(
    out: &mut Vec<u8>,
    delta: u64,
    number: CustomerNumber,
    organization: OrganizationNumber,
    id: CustomerId,
    external_id: &str,
) {
    out.push(TAG_CUSTOMER);
    encoding::put_varint(out, delta);
    encoding::put_varint(out, u64::from(number.0));
    encoding::put_varint(out, u64::from(organization.0));
    encoding::put_uuid(out, id.0);
    encoding::put_bytes(out, external_id.as_bytes());
}

/// Where [`Record::Command`] goes.
#[derive(Debug, Clone, Copy)]
pub struct CommandHead<'a> {
    /// The customer.
    pub customer: CustomerNumber,
    /// The meter.
    pub meter: MeterNumber,
    /// The idempotency key; empty when there is none.
    pub key: &'a [u8],
    /// When the use happened, if the caller said so.
    pub at: Option<Timestamp>,
}

/// Appends [`Record::Command`].
pub fn put_command(out: &mut Vec<u8>, delta: u64, head: &CommandHead<'_>, action: &Action) {
    out.push(if head.at.is_some() { TAG_COMMAND_AT } else { TAG_COMMAND });
    encoding::put_varint(out, delta);
    encoding::put_varint(out, u64::from(head.customer.0));
    encoding::put_varint(out, u64::from(head.meter.0));
    encoding::put_bytes(out, head.key);
    if let Some(at) = head.at {
        encoding::put_time(out, at);
    }
    put_action(out, action);
}

/// Appends [`Record::Event`].
pub fn put_event(
    out: &mut Vec<u8>,
    delta: u64,
    customer: CustomerNumber,
    key: &[u8],
    postings: &[(MeterNumber, Posting)],
    payload: &[u8],
) {
    out.push(TAG_EVENT);
    encoding::put_varint(out, delta);
    encoding::put_varint(out, u64::from(customer.0));
    encoding::put_bytes(out, key);
    encoding::put_varint(out, u64::try_from(postings.len()).unwrap_or(u64::MAX));
    for (meter, posting) in postings {
        encoding::put_varint(out, u64::from(meter.0));
        put_action(out, &Action::Use(*posting));
    }
    encoding::put_bytes(out, payload);
}

/// Appends [`Record::Catalog`].
pub fn put_catalog(out: &mut Vec<u8>, delta: u64, version: CatalogVersion) {
    out.push(TAG_CATALOG);
    encoding::put_varint(out, delta);
    encoding::put_varint(out, version.0);
}

/// Appends [`Record::Profile`].
pub fn put_profile(
    out: &mut Vec<u8>,
    delta: u64,
    customer: CustomerNumber,
    command: &ProfileCommand,
) {
    out.push(TAG_PROFILE);
    encoding::put_varint(out, delta);
    encoding::put_varint(out, u64::from(customer.0));
    put_profile_command(out, command);
}

/// Appends [`Record::Purchase`].
pub fn put_purchase(
    out: &mut Vec<u8>,
    delta: u64,
    customer: CustomerNumber,
    command: &CustomerCommand,
) {
    out.push(TAG_PURCHASE);
    encoding::put_varint(out, delta);
    encoding::put_varint(out, u64::from(customer.0));
    command.put(out);
}

/// Reads one record and the microseconds since the one before it.
///
/// # Errors
/// [`Malformed`] when the bytes are no record.
pub fn read_record<'a>(reader: &mut Reader<'a>) -> Result<(u64, Record<'a>), Malformed> {
    let tag = reader.byte()?;
    let delta = reader.varint()?;
    let record = match tag {
        TAG_CUSTOMER => Record::Customer {
            number: CustomerNumber(reader.number()?),
            organization: OrganizationNumber(reader.number()?),
            id: CustomerId(reader.uuid()?),
            external_id: reader.text()?,
        },
        TAG_COMMAND | TAG_COMMAND_AT => Record::Command {
            customer: CustomerNumber(reader.number()?),
            meter: MeterNumber(reader.number()?),
            key: reader.bytes()?,
            at: if tag == TAG_COMMAND_AT { Some(reader.time()?) } else { None },
            action: read_action(reader)?,
        },
        TAG_EVENT => Record::Event {
            customer: CustomerNumber(reader.number()?),
            key: reader.bytes()?,
            postings: read_postings(reader)?,
            payload: reader.bytes()?,
        },
        TAG_PROFILE => Record::Profile {
            customer: CustomerNumber(reader.number()?),
            command: read_profile_command(reader)?,
        },
        TAG_PURCHASE => Record::Purchase {
            customer: CustomerNumber(reader.number()?),
            command: CustomerCommand::read(reader)?,
        },
        TAG_CATALOG => Record::Catalog { version: CatalogVersion(reader.varint()?) },
        _ => return Err(Malformed("unknown record tag")),
    };
    Ok((delta, record))
}

fn read_postings(reader: &mut Reader<'_>) -> Result<Vec<(MeterNumber, Posting)>, Malformed> {
    let count: usize = reader.number()?;
    // Every posting takes at least three bytes, so a forged count reserves nothing.
    if count > reader.remaining() {
        return Err(Malformed("more postings than bytes"));
    }
    (0..count)
        .map(|_| {
            let meter = MeterNumber(reader.number()?);
            match read_action(reader)? {
                Action::Use(posting) => Ok((meter, posting)),
                Action::Debit(_)
                | Action::Grant(_)
                | Action::Void(_)
                | Action::Revoke(_)
                | Action::Reset(_)
                | Action::Turnover(_)
                | Action::Advance => Err(Malformed("an event does something else than use")),
            }
        })
        .collect()
}

/// Calls `each` with the position and time of every record of `batch`; it reads the record.
///
/// # Errors
/// [`ReplayStop::Malformed`] when the records are not what the batch's head says.
pub fn each_record<'a>(
    batch: &Batch<'a>,
    mut each: impl FnMut(Seq, Timestamp, &mut Reader<'a>) -> Result<(), Malformed>,
) -> Result<(), ReplayStop> {
    let malformed = |error: Malformed| ReplayStop::Malformed(error.0);
    let mut reader = Reader::new(batch.bytes);
    let mut time = batch.base_time;
    let mut seq = batch.first;
    loop {
        // The delta stands behind the tag; a look ahead leaves the record whole for its reader.
        let mut ahead = reader.clone();
        let delta = ahead.byte().and_then(|_| ahead.varint()).map_err(malformed)?;
        time = time.saturating_add(i64::try_from(delta).unwrap_or(i64::MAX));
        each(seq, time, &mut reader).map_err(malformed)?;
        if reader.is_empty() {
            break;
        }
        seq = seq.next();
    }
    if seq == batch.last {
        Ok(())
    } else {
        Err(ReplayStop::Malformed("a batch holds other records than its head says"))
    }
}

#[cfg(test)]
mod tests;
