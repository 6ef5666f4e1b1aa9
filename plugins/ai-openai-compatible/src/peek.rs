//! A body whose beginning was looked at.

use labd_plugin::Result;
use labd_plugin::http::{Body, Response};

/// Bytes that are looked at together.
const READ: u32 = 16 * 1024;

/// A body, with what was read of it to look at it.
pub struct Peeked<B> {
    seen: Vec<u8>,
    body: B,
}

impl<B: Body> Peeked<B> {
    /// A response whose body can be looked at.
    pub fn around(response: Response<B>) -> Response<Self> {
        Response {
            status: response.status,
            headers: response.headers,
            body: Self {
                seen: Vec::new(),
                body: response.body,
            },
        }
    }

    /// The first byte that is no blank, without taking it; none when there is nothing else.
    ///
    /// # Errors
    /// As reading does.
    pub fn first(&mut self) -> Result<Option<u8>> {
        loop {
            if let Some(byte) = self.seen.iter().find(|byte| !byte.is_ascii_whitespace()) {
                return Ok(Some(*byte));
            }
            let piece = self.body.read(READ)?;
            if piece.is_empty() || self.seen.len() >= READ as usize {
                self.seen.extend(piece);
                return Ok(None);
            }
            self.seen.extend(piece);
        }
    }
}

impl<B: Body> Body for Peeked<B> {
    fn read(&mut self, max: u32) -> Result<Vec<u8>> {
        if self.seen.is_empty() {
            return self.body.read(max);
        }
        let rest = self.seen.split_off(self.seen.len().min(max as usize));
        Ok(std::mem::replace(&mut self.seen, rest))
    }
}
