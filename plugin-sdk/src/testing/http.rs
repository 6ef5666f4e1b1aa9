//! Scripted responses.

use crate::http::{Body, Response};
use crate::{Error, Result};
use std::collections::VecDeque;

/// What one read of a body gives.
#[derive(Clone, Debug)]
pub enum Piece {
    /// Bytes; a read that asks for less gets the beginning.
    Bytes(Vec<u8>),
    /// A failure.
    Fail(Error),
}

/// A response to come.
pub(super) struct Scripted {
    status: u16,
    headers: Vec<(String, String)>,
    pieces: VecDeque<Piece>,
}

impl Scripted {
    pub(super) fn new(
        status: u16,
        headers: &[(&str, &str)],
        pieces: impl IntoIterator<Item = Piece>,
    ) -> Self {
        Self {
            status,
            headers: headers
                .iter()
                .map(|(name, value)| (name.to_lowercase(), (*value).to_owned()))
                .collect(),
            pieces: pieces.into_iter().collect(),
        }
    }

    pub(super) fn response(self) -> Response<FakeBody> {
        Response {
            status: self.status,
            headers: self.headers,
            body: FakeBody(self.pieces),
        }
    }
}

/// The body of a scripted response.
#[derive(Debug)]
pub struct FakeBody(VecDeque<Piece>);

impl FakeBody {
    /// A body that arrives in these pieces.
    pub fn new<T: Into<Vec<u8>>>(pieces: impl IntoIterator<Item = T>) -> Self {
        Self(
            pieces
                .into_iter()
                .map(|piece| Piece::Bytes(piece.into()))
                .collect(),
        )
    }
}

impl Body for FakeBody {
    fn read(&mut self, max: u32) -> Result<Vec<u8>> {
        loop {
            match self.0.pop_front() {
                None => return Ok(Vec::new()),
                Some(Piece::Fail(error)) => return Err(error),
                // An empty read means the end, so an empty piece is none.
                Some(Piece::Bytes(bytes)) if bytes.is_empty() => {}
                Some(Piece::Bytes(mut bytes)) => {
                    let max = usize::try_from(max).unwrap_or(usize::MAX);
                    if bytes.len() > max {
                        let rest = bytes.split_off(max);
                        self.0.push_front(Piece::Bytes(rest));
                    }
                    return Ok(bytes);
                }
            }
        }
    }
}
