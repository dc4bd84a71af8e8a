//! The `drawdown` binary.

fn main() {}
