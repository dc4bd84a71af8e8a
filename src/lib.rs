//! A balance engine for prepaid usage.

// Floor 0: vocabulary.
pub mod encoding;
pub mod id;
pub mod slot;
pub mod time;
pub mod units;

// Floor 1: the domain, pure.
pub mod grant;

// Floor 2: storage.
#[cfg(feature = "server")]
pub mod journal;
