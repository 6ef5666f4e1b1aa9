//! What crosses crates: end to end, hostile plugins, crash, browser.

pub mod proxy;
pub mod servers;
