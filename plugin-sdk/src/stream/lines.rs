//! Lines from pieces.

use crate::{Error, Result};
use memchr::{memchr, memchr2};

/// Splits a stream of bytes into lines, which end in LF, CRLF, or (for event streams) CR.
pub(super) struct Lines {
    buffer: Vec<u8>,
    /// Where the next line begins.
    start: usize,
    /// How far the buffer holds no end of line.
    searched: usize,
    limit: usize,
    /// A lone CR ends a line.
    lone_cr: bool,
    /// The last line ended in CR at the very end of what had arrived: an LF that follows belongs
    /// to it.
    skip_lf: bool,
    ended: bool,
}

impl Lines {
    pub(super) fn new(limit: usize, lone_cr: bool) -> Self {
        Self {
            buffer: Vec::new(),
            start: 0,
            searched: 0,
            limit,
            lone_cr,
            skip_lf: false,
            ended: false,
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.buffer.drain(..self.start);
            self.searched -= self.start;
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Nothing more comes: what is left is a line of its own.
    pub(super) fn end(&mut self) {
        self.ended = true;
    }

    /// The next complete line, without its end.
    pub(super) fn line(&mut self) -> Result<Option<&[u8]>> {
        if self.skip_lf && self.start < self.buffer.len() {
            if self.buffer.get(self.start) == Some(&b'\n') {
                self.start += 1;
            }
            self.searched = self.searched.max(self.start);
            self.skip_lf = false;
        }
        let lone_cr = self.lone_cr;
        let unsearched = self.buffer.get(self.searched..).unwrap_or_default();
        let found = if lone_cr {
            memchr2(b'\n', b'\r', unsearched)
        } else {
            memchr(b'\n', unsearched)
        };
        let found = found.map(|offset| self.searched + offset);
        let (end, next) = match found {
            Some(end) if self.buffer.get(end) == Some(&b'\r') => match self.buffer.get(end + 1) {
                Some(b'\n') => (end, end + 2),
                Some(_) => (end, end + 1),
                None => {
                    self.skip_lf = true;
                    (end, end + 1)
                }
            },
            Some(end) => (end, end + 1),
            None if self.ended && self.start < self.buffer.len() => {
                (self.buffer.len(), self.buffer.len())
            }
            None => {
                self.searched = self.buffer.len();
                self.check(self.buffer.len() - self.start)?;
                return Ok(None);
            }
        };
        self.check(end - self.start)?;
        let mut line = self.buffer.get(self.start..end).unwrap_or_default();
        if let Some(shorter) = line.strip_suffix(b"\r")
            && !lone_cr
        {
            line = shorter;
        }
        self.start = next;
        self.searched = next;
        Ok(Some(line))
    }

    fn check(&self, length: usize) -> Result<()> {
        if length > self.limit {
            return Err(Error::unavailable(format!(
                "the other side sent a line of more than {} bytes",
                self.limit
            )));
        }
        Ok(())
    }
}
