//! The server as its users meet it: the real binary, real sockets, real clients.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test says what is wrong by failing"
)]

mod backfill;
mod bench;
mod bounds;
mod caller;
mod clients;
mod crash;
mod full_disk;
mod golden;
mod history;
mod http;
mod limits;
mod sdk;
mod server;
mod syncs;
mod torn;
