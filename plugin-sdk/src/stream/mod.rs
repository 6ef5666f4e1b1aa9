//! Readers of streamed responses. Each gives the same frames however the bytes were split.

mod lines;
mod ndjson;
mod sse;

pub use ndjson::NdjsonReader;
pub use sse::{SseDecoder, SseEvent, SseReader};

use crate::Result;

/// The most bytes that one line, or the data of one event, may have: a larger one is `unavailable`
/// and never fills the instance's memory.
pub const DEFAULT_LIMIT: usize = 8 * 1024 * 1024;

/// The most bytes that are read at once.
const READ: u32 = 64 * 1024;

/// A stream of frames over a body.
pub trait Frames {
    /// What the stream is made of.
    type Frame;

    /// A frame that has already arrived, without waiting.
    ///
    /// # Errors
    /// As for [`Frames::fill`].
    fn ready(&mut self) -> Result<Option<Self::Frame>>;

    /// Waits for more bytes; false at the end of the body. Then [`Frames::ready`] gives what was
    /// still held back.
    ///
    /// # Errors
    /// `unavailable` when the connection breaks or a frame is beyond the limit, `timeout` when
    /// nothing arrives in time.
    fn fill(&mut self) -> Result<bool>;

    /// Waits for the next frame; none at the end.
    ///
    /// # Errors
    /// As for [`Frames::fill`].
    fn next_frame(&mut self) -> Result<Option<Self::Frame>> {
        loop {
            if let Some(frame) = self.ready()? {
                return Ok(Some(frame));
            }
            if !self.fill()? {
                return self.ready();
            }
        }
    }
}
