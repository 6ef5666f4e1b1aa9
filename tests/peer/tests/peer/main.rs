//! The peer plays each provider as the real one is, and does what its script says.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests"
)]

mod anthropic;
mod client;
mod faults;
mod gemini;
mod interactions;
mod mistral;
mod ollama;
mod openai;
mod program;
mod recordings;
mod responses;
mod script;
