//! `cargo +nightly fuzz run resp`: any bytes, as a client's stream and as a server's.

#![no_main]

use drawdown::resp;
use libfuzzer_sys::fuzz_target;

#[path = "../../src/resp/tests/check.rs"]
mod check;

fuzz_target!(|bytes: &[u8]| check::check(bytes));
