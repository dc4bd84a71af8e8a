//! A balance engine for prepaid usage.

// Floor 0: vocabulary.
pub mod encoding;
pub mod id;
pub mod slot;
pub mod span;
pub mod time;
pub mod units;

// Floor 1: the domain, pure.
pub mod account;
pub mod catalog;
pub mod event;
pub mod grant;
pub mod keys;
pub mod meter;
pub mod token;
pub mod workload;

// Floor 2: storage and codecs.
#[cfg(feature = "server")]
pub mod journal;
#[cfg(feature = "server")]
pub mod metrics;
#[cfg(feature = "server")]
pub mod readiness;
#[cfg(feature = "server")]
pub mod resp;
#[cfg(feature = "server")]
pub mod snapshot;

// Floor 3: the engine.
#[cfg(feature = "server")]
pub mod data_dir;
#[cfg(feature = "server")]
pub mod engine;

// Floor 4: edges.
#[cfg(feature = "server")]
pub mod http;
#[cfg(feature = "server")]
pub mod tcp;

// Floor 5: composition.
#[cfg(feature = "server")]
pub mod cli;
#[cfg(feature = "server")]
pub mod config;
#[cfg(feature = "server")]
pub mod server;
#[cfg(feature = "server")]
pub mod tools;
