//! A balance engine for prepaid usage.

// Floor 0: vocabulary.
pub mod encoding;
pub mod id;
pub mod slot;
pub mod time;
pub mod units;

// Floor 1: the domain, pure.
pub mod grant;
pub mod workload;

// Floor 5: composition.
#[cfg(feature = "server")]
pub mod cli;
