//! The daemon as its users meet it: the real program, over HTTP, RPC and the command line.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

mod abandoned;
mod ai;
mod authoring;
mod authors;
mod browser;
mod canary;
mod deploy;
mod distribution;
mod doors;
mod examples;
mod faults;
mod gateway;
mod languages;
mod openai;
mod packages;
mod plugins;
mod postgres;
mod projects;
#[path = "../../../daemon/crates/plugin-package/tests/support/registry.rs"]
#[allow(dead_code, reason = "shared with tests that use all of it")]
mod registry;
mod rescan;
mod service;
mod sources;
mod spans;
mod start;
mod storage;
mod turns;
