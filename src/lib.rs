//! A balance engine for prepaid usage.

// Floor 0: vocabulary.
pub mod encoding;
pub mod id;
pub mod slot;
pub mod time;
pub mod units;

// Floor 1: the domain, pure.
pub mod grant;
pub mod token;

// Floor 2: storage and codecs.
#[cfg(feature = "server")]
pub mod metrics;
#[cfg(feature = "server")]
pub mod readiness;

// Floor 3: the engine.
#[cfg(feature = "server")]
pub mod data_dir;

// Floor 4: edges.
#[cfg(feature = "server")]
pub mod http;

// Floor 5: composition.
#[cfg(feature = "server")]
pub mod cli;
#[cfg(feature = "server")]
pub mod config;
