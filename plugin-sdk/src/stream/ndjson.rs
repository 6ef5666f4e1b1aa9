//! Lines of JSON.

use super::lines::Lines;
use super::{DEFAULT_LIMIT, Frames, READ};
use crate::http::Body;
use crate::{Error, Result};
use serde::de::DeserializeOwned;
use std::marker::PhantomData;

/// The values of a body that holds one JSON value a line. Empty lines are skipped; a last line
/// needs no end.
pub struct NdjsonReader<B, T> {
    body: B,
    lines: Lines,
    ended: bool,
    value: PhantomData<fn() -> T>,
}

impl<B: Body, T: DeserializeOwned> NdjsonReader<B, T> {
    /// Lines of at most [`DEFAULT_LIMIT`] bytes.
    pub fn new(body: B) -> Self {
        Self::with_limit(body, DEFAULT_LIMIT)
    }

    /// Lines of at most `limit` bytes.
    pub fn with_limit(body: B, limit: usize) -> Self {
        Self {
            body,
            lines: Lines::new(limit, false),
            ended: false,
            value: PhantomData,
        }
    }
}

impl<B: Body, T: DeserializeOwned> Frames for NdjsonReader<B, T> {
    type Frame = T;

    fn ready(&mut self) -> Result<Option<T>> {
        while let Some(line) = self.lines.line()? {
            if line.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            return serde_json::from_slice(line).map(Some).map_err(|error| {
                Error::unavailable(format!(
                    "the other side sent a line that is no JSON: {error}"
                ))
            });
        }
        Ok(None)
    }

    fn fill(&mut self) -> Result<bool> {
        if self.ended {
            return Ok(false);
        }
        let bytes = self.body.read(READ)?;
        if bytes.is_empty() {
            self.ended = true;
            self.lines.end();
            return Ok(false);
        }
        self.lines.push(&bytes);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};
    use std::collections::VecDeque;

    struct Pieces(VecDeque<Vec<u8>>);

    impl Body for Pieces {
        fn read(&mut self, _max: u32) -> Result<Vec<u8>> {
            Ok(self.0.pop_front().unwrap_or_default())
        }
    }

    fn read(pieces: &[&[u8]], limit: usize) -> Result<Vec<Value>> {
        let body = Pieces(
            pieces
                .iter()
                .filter(|piece| !piece.is_empty())
                .map(|piece| piece.to_vec())
                .collect(),
        );
        let mut reader = NdjsonReader::with_limit(body, limit);
        let mut values = Vec::new();
        while let Some(value) = reader.next_frame()? {
            values.push(value);
        }
        Ok(values)
    }

    #[test]
    fn every_split_gives_the_same_values() {
        let bytes = "{\"a\":\"ä\"}\r\n\n  \n[1,2]\n{\"last\":true}".as_bytes();
        let expected = vec![json!({"a": "ä"}), json!([1, 2]), json!({"last": true})];
        for split in 0..=bytes.len() {
            let (head, tail) = bytes.split_at(split);
            assert_eq!(read(&[head, tail], 1000), Ok(expected.clone()), "{split}");
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(read(&single, 1000), Ok(expected));
    }

    #[test]
    fn a_line_beyond_the_limit_and_one_that_is_no_json_are_refused() {
        assert!(matches!(
            read(&[b"\"0123456789\"\n"], 5),
            Err(Error::Unavailable(_))
        ));
        assert!(matches!(
            read(&[b"{oops}\n"], 100),
            Err(Error::Unavailable(_))
        ));
    }
}
