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
mod browser;
mod canary;
mod deploy;
mod doors;
mod examples;
mod faults;
mod languages;
mod packages;
mod plugins;
mod postgres;
mod projects;
mod service;
mod sources;
mod start;
mod storage;
mod turns;
