//! A balance engine for prepaid usage.

// Floor 0: vocabulary.
pub mod encoding;
pub mod id;
pub mod slot;
pub mod time;
pub mod units;

// Floor 1: the domain, pure.
pub mod account;
pub mod event;
pub mod grant;
pub mod keys;
pub mod meter;
