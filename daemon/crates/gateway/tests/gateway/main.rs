//! What the gateway promises, over providers that do as a test says.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests"
)]

mod attempts;
mod bench;
mod budgets;
mod memory;
mod routes;
