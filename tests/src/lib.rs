//! What crosses crates: end to end, hostile plugins, crash, browser.

pub mod access;
pub mod browser;
pub mod collector;
pub mod daemon;
pub mod gateway;
pub mod https;
pub mod proxy;
pub mod repository;
pub mod rest_peer;
pub mod servers;

pub use labd_ai_peer as ai_peer;
