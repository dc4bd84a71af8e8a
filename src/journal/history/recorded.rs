//! Records as the history shows them, and the frame that they are read from.

use std::ops::Range;

use crate::account::{Action, Posting};
use crate::encoding::Malformed;
use crate::id::{CustomerNumber, MeterNumber, Seq};
use crate::journal::frame::{Frame, HEADER_BYTES};
use crate::journal::history::{BACKFILL_KEY, Kind, Wrong};
use crate::journal::record::{Record, each_record, read_record};
use crate::journal::{Batch, JournalId, ReplayStop};
use crate::time::Timestamp;

/// A record of the history, read back.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded<'a> {
    /// Whose it is.
    pub customer: CustomerNumber,
    /// When it was sequenced.
    pub recorded_at: Timestamp,
    /// The meters that it fed when it was sequenced.
    pub feeds: &'a [MeterNumber],
    /// What it says.
    pub body: RecordedBody<'a>,
}

/// What a record of the history says.
#[derive(Debug, Clone, PartialEq)]
pub enum RecordedBody<'a> {
    /// A usage event: its JSON.
    Event(&'a [u8]),
    /// A direct use of a meter.
    Use {
        /// The meter.
        meter: MeterNumber,
        /// What it adds.
        posting: Posting,
        /// When it happened.
        at: Timestamp,
    },
}

/// What an index takes from a record.
pub(super) struct Told<'a> {
    pub(super) seq: Seq,
    pub(super) recorded_at: Timestamp,
    pub(super) customer: CustomerNumber,
    pub(super) key: &'a [u8],
    pub(super) feeds: Vec<MeterNumber>,
    pub(super) body: RecordedBody<'a>,
}

impl RecordedBody<'_> {
    /// Which kind of line it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Event(_) => Kind::Event,
            Self::Use { .. } => Kind::Use,
        }
    }
}

/// Tells every record of `batch` that belongs into the history.
pub(super) fn each_told<'a>(
    batch: &Batch<'a>,
    mut each: impl FnMut(Told<'a>) -> Result<(), Malformed>,
) -> Result<(), Wrong> {
    let read = each_record(batch, |seq, recorded_at, reader| {
        let (_, record) = read_record(reader)?;
        match record {
            Record::Event { customer, key, postings, payload } => {
                let feeds = postings.iter().map(|(meter, _)| *meter).collect();
                let body = RecordedBody::Event(payload);
                each(Told { seq, recorded_at, customer, key, feeds, body })
            }
            Record::Command { customer, meter, action: Action::Use(posting), key, at }
                if !key.starts_with(BACKFILL_KEY.as_bytes()) =>
            {
                let at = at.unwrap_or(recorded_at);
                let body = RecordedBody::Use { meter, posting, at };
                each(Told { seq, recorded_at, customer, key, feeds: vec![meter], body })
            }
            Record::Command { .. }
            | Record::Customer { .. }
            | Record::Profile { .. }
            | Record::Purchase { .. }
            | Record::Catalog { .. } => Ok(()),
        }
    });
    read.map_err(|stop| match stop {
        ReplayStop::Malformed(what) => what.into(),
        ReplayStop::Enough => "a reader stopped early".into(),
    })
}

/// A frame that is read record by record.
pub(super) struct LoadedFrame {
    pub(super) segment: u64,
    pub(super) first: Seq,
    pub(super) last: Seq,
    bytes: Vec<u8>,
    /// By position.
    records: Vec<Placed>,
}

struct Placed {
    seq: Seq,
    recorded_at: Timestamp,
    customer: CustomerNumber,
    feeds: Vec<MeterNumber>,
    body: PlacedBody,
}

enum PlacedBody {
    Event(Range<usize>),
    Use { meter: MeterNumber, posting: Posting, at: Timestamp },
}

impl LoadedFrame {
    /// Takes `bytes`, which is a frame of `segment`, apart.
    pub(super) fn new(segment: u64, bytes: Vec<u8>, journal: JournalId) -> Result<Self, Wrong> {
        let frame = Frame::decode(&bytes).map_err(|wrong| wrong.0)?;
        if frame.journal != journal {
            return Err("of another journal".into());
        }
        let batch = frame.batch;
        let start = batch.bytes.as_ptr().addr();
        let mut records = Vec::new();
        each_told(&batch, |told| {
            let body = match told.body {
                RecordedBody::Event(payload) => {
                    let within = payload.as_ptr().addr().saturating_sub(start);
                    let from = within.saturating_add(HEADER_BYTES);
                    PlacedBody::Event(from..from.saturating_add(payload.len()))
                }
                RecordedBody::Use { meter, posting, at } => PlacedBody::Use { meter, posting, at },
            };
            let Told { seq, recorded_at, customer, feeds, .. } = told;
            records.push(Placed { seq, recorded_at, customer, feeds, body });
            Ok(())
        })?;
        let (first, last) = (batch.first, batch.last);
        Ok(Self { segment, first, last, bytes, records })
    }

    /// The record at `seq`, if it belongs into the history.
    pub(super) fn record(&self, seq: Seq) -> Option<Recorded<'_>> {
        let place = self.records.binary_search_by_key(&seq, |placed| placed.seq).ok()?;
        let placed = self.records.get(place)?;
        let body = match &placed.body {
            PlacedBody::Event(range) => RecordedBody::Event(self.bytes.get(range.clone())?),
            PlacedBody::Use { meter, posting, at } => {
                RecordedBody::Use { meter: *meter, posting: *posting, at: *at }
            }
        };
        let Placed { recorded_at, customer, .. } = *placed;
        Some(Recorded { customer, recorded_at, feeds: &placed.feeds, body })
    }
}
