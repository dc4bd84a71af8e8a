//! The identity of a data directory: what was fixed when it was made.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use uuid::Uuid;

/// The format that this version writes, and the newest that it reads.
pub const FORMAT: u32 = 1;

/// Which clock the directory lives by; its journal is full of that clock's times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockKind {
    /// The operating system's.
    System,
    /// One that stands still until it is moved by hand.
    Manual,
}

/// The text is neither `system` nor `manual`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("neither system nor manual")]
pub struct NoClockKind;

impl FromStr for ClockKind {
    type Err = NoClockKind;

    fn from_str(text: &str) -> Result<Self, NoClockKind> {
        match text {
            "system" => Ok(Self::System),
            "manual" => Ok(Self::Manual),
            _ => Err(NoClockKind),
        }
    }
}

impl fmt::Display for ClockKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::System => "system",
            Self::Manual => "manual",
        })
    }
}

/// What was fixed when the directory was made.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    /// Names the directory for ever; its journals carry it.
    pub id: Uuid,
    /// How many shards share the hash slots.
    pub shards: u16,
    /// Which clock it lives by.
    pub clock: ClockKind,
    /// Seeds the hashes of idempotency keys. Secret: who knows it can look for colliding keys.
    pub seed: u64,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("id", &self.id)
            .field("shards", &self.shards)
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}

/// Why the text is no identity of this version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// A later version wrote it, in this format.
    Newer(u32),
    /// It is not what was written.
    Damaged(String),
}

/// The part that every format has, so that a newer one can be refused by its number.
#[derive(Deserialize)]
struct FormatOnly {
    format: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    #[serde(rename = "format")]
    _format: u32,
    id: Uuid,
    shards: u16,
    clock: String,
    seed: String,
    checksum: String,
}

impl Identity {
    pub(super) fn to_text(&self) -> String {
        let body = self.body();
        format!(
            "# Names this data directory. Written once; without it the directory cannot be read.\n\
             {body}checksum = \"{}\"\n",
            checksum(&body)
        )
    }

    pub(super) fn from_text(text: &str) -> Result<Self, Unreadable> {
        let damaged = |what: &str| Unreadable::Damaged(what.to_owned());
        let FormatOnly { format } =
            toml::from_str(text).map_err(|error| damaged(error.message()))?;
        if format > FORMAT {
            return Err(Unreadable::Newer(format));
        }
        if format == 0 {
            return Err(damaged("format 0 was never written"));
        }
        let fields: Fields = toml::from_str(text).map_err(|error| damaged(error.message()))?;
        let identity = Self {
            id: fields.id,
            shards: fields.shards,
            clock: fields.clock.parse().map_err(|_| damaged("the clock is unknown"))?,
            seed: u64::from_str_radix(&fields.seed, 16)
                .map_err(|_| damaged("the seed is broken"))?,
        };
        if fields.checksum != checksum(&identity.body()) {
            return Err(damaged("the checksum does not match"));
        }
        if identity.shards == 0 {
            return Err(damaged("there are no shards"));
        }
        Ok(identity)
    }

    fn body(&self) -> String {
        let Self { id, shards, clock, seed } = self;
        format!(
            "format = {FORMAT}\nid = \"{id}\"\nshards = {shards}\nclock = \"{clock}\"\n\
             seed = \"{seed:016x}\"\n"
        )
    }
}

fn checksum(body: &str) -> String {
    format!("{:08x}", crc32c::crc32c(body.as_bytes()))
}
