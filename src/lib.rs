//! A balance engine for prepaid usage.

// Floor 0: vocabulary.
pub mod encoding;
pub mod id;
pub mod slot;
pub mod time;
pub mod units;

// Floor 1: the domain, pure.
pub mod account;
pub mod grant;

// Floor 2: storage and codecs.
pub mod account_image;
pub mod action_record;
