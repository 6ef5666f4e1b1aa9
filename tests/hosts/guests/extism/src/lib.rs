//! What the three plugins for labd do, for Extism.
//!
//! Extism hands over bytes and has no resources: a stream is state of the instance, and each call
//! gives a batch of it. Its events go as a length (four bytes, little endian) and a text, which is
//! cheaper than the JSON that Extism's own examples use.

#![allow(missing_docs, reason = "functions that the macro makes")]

use extism_pdk::{FnResult, plugin_fn};
use std::sync::atomic::{AtomicU32, Ordering};

/// Events that are still to come.
static REST: AtomicU32 = AtomicU32::new(0);

const EVENT: &[u8] = b"some more words ";

/// The call that does nothing.
#[plugin_fn]
pub fn ping(_: ()) -> FnResult<()> {
    Ok(())
}

/// Answers with what it is sent.
#[plugin_fn]
pub fn echo(input: Vec<u8>) -> FnResult<Vec<u8>> {
    Ok(input)
}

/// Begins a stream of so many events (four bytes, little endian).
#[plugin_fn]
pub fn begin(input: Vec<u8>) -> FnResult<()> {
    REST.store(number(&input), Ordering::Relaxed);
    Ok(())
}

/// The next events, at most so many (four bytes, little endian).
#[plugin_fn]
pub fn next(input: Vec<u8>) -> FnResult<Vec<u8>> {
    let rest = REST.load(Ordering::Relaxed);
    let count = rest.min(number(&input));
    REST.store(rest - count, Ordering::Relaxed);
    let mut events = Vec::with_capacity(count as usize * (4 + EVENT.len()));
    for _ in 0..count {
        events.extend_from_slice(&(EVENT.len() as u32).to_le_bytes());
        events.extend_from_slice(EVENT);
    }
    Ok(events)
}

fn number(bytes: &[u8]) -> u32 {
    bytes
        .first_chunk()
        .map_or(0, |bytes| u32::from_le_bytes(*bytes))
}
