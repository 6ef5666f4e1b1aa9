//! Server-sent events (WHATWG HTML, section 9.2.6).

use super::lines::Lines;
use super::{DEFAULT_LIMIT, Frames, READ};
use crate::http::Body;
use crate::{Error, Result};

/// An event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SseEvent {
    /// Its name; empty when the stream names none (which means `message`).
    pub name: String,
    /// Its data; several `data:` lines are joined by LF.
    pub data: String,
    /// The last id seen on the stream.
    pub id: String,
}

/// Events from pieces of bytes; [`SseReader`] feeds it from a body.
///
/// Beyond the specification, an event that the end of the stream cuts before its blank line is
/// given out when its data is there: some servers end so.
pub struct SseDecoder {
    lines: Lines,
    first: bool,
    name: String,
    data: String,
    has_data: bool,
    id: String,
    limit: usize,
    ended: bool,
}

impl SseDecoder {
    /// A decoder whose lines and events are at most `limit` bytes long.
    pub fn new(limit: usize) -> Self {
        Self {
            lines: Lines::new(limit, true),
            first: true,
            name: String::new(),
            data: String::new(),
            has_data: false,
            id: String::new(),
            limit,
            ended: false,
        }
    }

    /// Takes in bytes, split anywhere.
    pub fn push(&mut self, bytes: &[u8]) {
        self.lines.push(bytes);
    }

    /// Nothing more comes.
    pub fn end(&mut self) {
        self.lines.end();
        self.ended = true;
    }

    /// The next complete event.
    ///
    /// # Errors
    /// `unavailable` when a line or an event is beyond the limit.
    pub fn event(&mut self) -> Result<Option<SseEvent>> {
        while let Some(line) = self.lines.line()? {
            let line = if std::mem::take(&mut self.first) {
                line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line)
            } else {
                line
            };
            if line.is_empty() {
                if let Some(event) =
                    dispatch(&mut self.name, &mut self.data, &mut self.has_data, &self.id)
                {
                    return Ok(Some(event));
                }
                continue;
            }
            let (field, value) = match line.iter().position(|&byte| byte == b':') {
                // A comment; servers send them to keep the connection alive.
                Some(0) => continue,
                Some(colon) => {
                    let (field, value) = line.split_at(colon);
                    let value = value.get(1..).unwrap_or_default();
                    (field, value.strip_prefix(b" ").unwrap_or(value))
                }
                None => (line, &[][..]),
            };
            match field {
                b"data" => {
                    if self.data.len() + value.len() > self.limit {
                        return Err(Error::unavailable(format!(
                            "the other side sent an event of more than {} bytes",
                            self.limit
                        )));
                    }
                    if self.has_data {
                        self.data.push('\n');
                    }
                    self.has_data = true;
                    match str::from_utf8(value) {
                        Ok(text) => self.data.push_str(text),
                        Err(_) => self.data.push_str(&String::from_utf8_lossy(value)),
                    }
                }
                b"event" => self.name = String::from_utf8_lossy(value).into_owned(),
                b"id" if !value.contains(&0) => {
                    self.id = String::from_utf8_lossy(value).into_owned();
                }
                // `retry` tells a browser when to reconnect; unknown fields are ignored.
                _ => {}
            }
        }
        if self.ended {
            return Ok(dispatch(
                &mut self.name,
                &mut self.data,
                &mut self.has_data,
                &self.id,
            ));
        }
        Ok(None)
    }
}

fn dispatch(
    name: &mut String,
    data: &mut String,
    has_data: &mut bool,
    id: &str,
) -> Option<SseEvent> {
    let name = std::mem::take(name);
    let data = std::mem::take(data);
    std::mem::take(has_data).then(|| SseEvent {
        name,
        data,
        id: id.to_owned(),
    })
}

/// The events of a response's body.
pub struct SseReader<B> {
    body: B,
    decoder: SseDecoder,
}

impl<B: Body> SseReader<B> {
    /// Events of at most [`DEFAULT_LIMIT`] bytes.
    pub fn new(body: B) -> Self {
        Self::with_limit(body, DEFAULT_LIMIT)
    }

    /// Events of at most `limit` bytes.
    pub fn with_limit(body: B, limit: usize) -> Self {
        Self {
            body,
            decoder: SseDecoder::new(limit),
        }
    }
}

impl<B: Body> Frames for SseReader<B> {
    type Frame = SseEvent;

    fn ready(&mut self) -> Result<Option<SseEvent>> {
        self.decoder.event()
    }

    fn fill(&mut self) -> Result<bool> {
        if self.decoder.ended {
            return Ok(false);
        }
        let bytes = self.body.read(READ)?;
        if bytes.is_empty() {
            self.decoder.end();
            return Ok(false);
        }
        self.decoder.push(&bytes);
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = "\u{FEFF}: hello\r\nevent: start\r\ndata: {\"a\": \"ä€😀\"}\r\n\r\n\
        data: one\ndata:two\ndata:  three\n\n:ping\n\nid: 7\nretry: 10\nunknown: x\ndata\n\n\
        event: lone\rdata: cr\r\revent: nothing\n\ndata: [DONE]\n\n";

    fn expected() -> Vec<SseEvent> {
        let event = |name: &str, data: &str, id: &str| SseEvent {
            name: name.into(),
            data: data.into(),
            id: id.into(),
        };
        vec![
            event("start", "{\"a\": \"ä€😀\"}", ""),
            event("", "one\ntwo\n three", ""),
            event("", "", "7"),
            event("lone", "cr", "7"),
            event("", "[DONE]", "7"),
        ]
    }

    fn decode(pieces: &[&[u8]]) -> Vec<SseEvent> {
        let mut decoder = SseDecoder::new(1000);
        let mut events = Vec::new();
        for piece in pieces {
            decoder.push(piece);
            while let Ok(Some(event)) = decoder.event() {
                events.push(event);
            }
        }
        decoder.end();
        while let Ok(Some(event)) = decoder.event() {
            events.push(event);
        }
        events
    }

    #[test]
    fn every_split_gives_the_same_events() {
        let bytes = STREAM.as_bytes();
        assert_eq!(decode(&[bytes]), expected());
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(decode(&single), expected());
        for first in 0..=bytes.len() {
            let (head, rest) = bytes.split_at(first);
            assert_eq!(decode(&[head, rest]), expected(), "split at {first}");
            for second in (0..=rest.len()).step_by(7) {
                let (middle, tail) = rest.split_at(second);
                assert_eq!(decode(&[head, middle, tail]), expected());
            }
        }
    }

    #[test]
    fn an_event_without_its_blank_line_is_given_out_at_the_end() {
        for text in [
            "data: last",
            "data: last\n",
            "data: last\r\n",
            "data: last\r",
        ] {
            let events = decode(&[text.as_bytes()]);
            assert_eq!(events.len(), 1, "{text:?}");
            assert_eq!(events[0].data, "last");
        }
    }

    #[test]
    fn a_line_or_an_event_beyond_the_limit_is_refused() {
        let mut decoder = SseDecoder::new(100);
        decoder.push(&[b'x'; 101]);
        assert!(matches!(decoder.event(), Err(Error::Unavailable(_))));

        let mut decoder = SseDecoder::new(100);
        for _ in 0..3 {
            decoder.push(b"data: 0123456789012345678901234567890123456789\n");
        }
        assert!(matches!(decoder.event(), Err(Error::Unavailable(_))));
    }

    #[test]
    fn bytes_that_are_no_utf8_are_replaced() {
        let events = decode(&[b"data: \xFFok\n\n"]);
        assert_eq!(events[0].data, "\u{FFFD}ok");
    }
}
