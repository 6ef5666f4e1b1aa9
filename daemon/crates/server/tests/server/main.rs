//! What the doors promise, over real connections to a server with a backend that is not real.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test"
)]

mod access;
mod console;
mod events;
mod fake;
mod models;
mod openapi;
mod parrot;
mod previews;
mod rpc;
mod world;
