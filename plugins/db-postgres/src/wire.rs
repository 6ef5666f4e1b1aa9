//! Messages over a connection: framing, bounds, and what may come at any time.

use crate::errors::ServerError;
use bytes::BytesMut;
use labd_plugin::net::{Conn, ConnIo};
use labd_plugin::{Error, Result};
use std::collections::BTreeMap;

/// The largest message that is taken. PostgreSQL's own limit is 1 GiB, more than an instance has.
const MAX_MESSAGE: usize = 48 * 1024 * 1024;

/// The largest message before the session is established, when it is not known who answers.
const MAX_STARTUP_MESSAGE: usize = 64 * 1024;

/// What is read at most to skip the rest of a result; beyond it a new connection is cheaper.
const MAX_DRAIN: usize = 64 * 1024 * 1024;

/// Tags of the messages that a server sends.
pub mod tag {
    #![allow(missing_docs)]
    pub const AUTHENTICATION: u8 = b'R';
    pub const BACKEND_KEY: u8 = b'K';
    pub const COMMAND_COMPLETE: u8 = b'C';
    pub const COPY_IN: u8 = b'G';
    pub const COPY_BOTH: u8 = b'W';
    pub const COPY_OUT: u8 = b'H';
    pub const DATA_ROW: u8 = b'D';
    pub const EMPTY_QUERY: u8 = b'I';
    pub const ERROR: u8 = b'E';
    pub const NEGOTIATE: u8 = b'v';
    pub const NOTICE: u8 = b'N';
    pub const NOTIFICATION: u8 = b'A';
    pub const PARAMETER_DESCRIPTION: u8 = b't';
    pub const PARAMETER_STATUS: u8 = b'S';
    pub const PORTAL_SUSPENDED: u8 = b's';
    pub const READY: u8 = b'Z';
    pub const ROW_DESCRIPTION: u8 = b'T';
}

/// A message of the server.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// What it is, see [`tag`].
    pub tag: u8,
    /// Its content.
    pub body: &'a [u8],
}

/// A connection that speaks in messages.
pub struct Wire<C> {
    io: ConnIo<C>,
    /// What is to be sent, written by `postgres_protocol::message::frontend`.
    pub out: BytesMut,
    /// How many `ReadyForQuery` are still to come for what was sent.
    pending: u32,
    /// Settings that the server reports.
    pub settings: BTreeMap<String, String>,
    /// The protocol's order is lost; nothing can be sent any more.
    broken: bool,
    established: bool,
}

impl<C: Conn> Wire<C> {
    /// Around a connection on which nothing has been said yet, or the answer to `SSLRequest` only.
    pub fn new(io: ConnIo<C>) -> Self {
        Self {
            io,
            out: BytesMut::new(),
            pending: 0,
            settings: BTreeMap::new(),
            broken: false,
            established: false,
        }
    }

    /// The stream below, for the password.
    pub fn io(&mut self) -> &mut ConnIo<C> {
        &mut self.io
    }

    /// Authentication is over: larger messages are taken.
    pub fn establish(&mut self) {
        self.established = true;
    }

    /// Nothing but closing is left to do with this connection.
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// Notes that what was written ends in a `Sync` or is a simple query.
    pub fn expect_ready(&mut self) {
        self.pending += 1;
    }

    /// Sends what was written.
    ///
    /// # Errors
    /// `unavailable`, `timeout`.
    pub fn flush(&mut self) -> Result<()> {
        if self.broken {
            return Err(gone());
        }
        self.io.write(&self.out);
        self.out.clear();
        let sent = self.io.flush();
        self.broken |= sent.is_err();
        sent
    }

    /// Waits for the next message. Notices, notifications and settings are dealt with here.
    ///
    /// # Errors
    /// `unavailable` when the connection breaks, or what came is no message of the protocol.
    pub fn message(&mut self) -> Result<Message<'_>> {
        if self.broken {
            return Err(gone());
        }
        if self.peek_tag()? == tag::READY {
            self.pending = self.pending.saturating_sub(1);
        }
        let (_, total) = self.frame()?;
        let whole = self.io.take(total)?;
        let (head, body) = whole.split_at_checked(5).unwrap_or_default();
        Ok(Message {
            tag: head.first().copied().unwrap_or_default(),
            body,
        })
    }

    /// Waits until a whole message is buffered; its tag and its length with the head.
    fn frame(&mut self) -> Result<(u8, usize)> {
        let limit = if self.established {
            MAX_MESSAGE
        } else {
            MAX_STARTUP_MESSAGE
        };
        let Some(&[tag, a, b, c, d]) = self.io.peek(5)?.first_chunk::<5>() else {
            return Err(garbage());
        };
        let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
        if length < 4 || !tag.is_ascii_alphanumeric() {
            return Err(garbage());
        }
        if length > limit {
            return Err(if self.established {
                Error::unavailable(format!(
                    "the server sent a message of {length} bytes; at most {limit} are taken. \
                     Select fewer or smaller columns"
                ))
            } else {
                garbage()
            });
        }
        self.io.peek(length + 1)?;
        Ok((tag, length + 1))
    }

    fn setting(&mut self, total: usize) {
        let body = self.io.buffered().get(5..total).unwrap_or_default();
        let mut parts = body.split(|byte| *byte == 0);
        if let (Some(name), Some(value)) = (parts.next(), parts.next())
            && self.settings.len() < 100
        {
            self.settings.insert(
                String::from_utf8_lossy(name).into_owned(),
                String::from_utf8_lossy(value).into_owned(),
            );
        }
    }

    /// Whether answers are still to come for what was sent. Waiting without one would never end.
    pub fn is_answering(&self) -> bool {
        self.pending > 0
    }

    /// Waits for the next message, but leaves it: its tag.
    ///
    /// # Errors
    /// As for [`Wire::message`].
    pub fn peek_tag(&mut self) -> Result<u8> {
        loop {
            let (tag, total) = match self.frame() {
                Ok(frame) => frame,
                Err(error) => {
                    self.broken = true;
                    return Err(error);
                }
            };
            match tag {
                tag::NOTICE | tag::NOTIFICATION => self.io.consume(total),
                tag::PARAMETER_STATUS => {
                    self.setting(total);
                    self.io.consume(total);
                }
                _ => return Ok(tag),
            }
        }
    }

    /// Gives up on the connection.
    pub fn abandon(&mut self) {
        self.broken = true;
    }

    /// Waits for everything that was sent to be answered, and drops the answers, errors among
    /// them: they belong to what nobody waits for any more.
    ///
    /// # Errors
    /// `unavailable`.
    pub fn drain(&mut self) -> Result<()> {
        self.drain_until(0)
    }

    /// As [`Wire::drain`], up to the answers of the last `remaining` flights.
    ///
    /// # Errors
    /// `unavailable`.
    pub fn drain_until(&mut self, remaining: u32) -> Result<()> {
        let mut read = 0;
        while self.pending > remaining {
            let message = self.message()?;
            read += message.body.len();
            if read > MAX_DRAIN {
                self.broken = true;
                return Err(Error::unavailable(
                    "the rest of the last result was too large to skip; connect again",
                ));
            }
        }
        Ok(())
    }

    /// Waits for the `ReadyForQuery` that ends the present answer.
    ///
    /// # Errors
    /// What the server reports on the way.
    pub fn until_ready(&mut self) -> Result<()> {
        let mut failed = None;
        loop {
            let message = self.message()?;
            match message.tag {
                tag::READY => return failed.map_or(Ok(()), |error: ServerError| Err(error.into())),
                tag::ERROR => failed = Some(ServerError::parse(message.body)),
                _ => {}
            }
        }
    }
}

fn gone() -> Error {
    Error::unavailable("this connection to the server is broken")
}

/// What answers is no PostgreSQL server.
pub fn garbage() -> Error {
    Error::unavailable("something answers there, but not as a PostgreSQL server; check the port")
}

/// Reads the fixed parts of a message's body; every read is checked.
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    /// The next `count` bytes.
    pub fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(count)?;
        self.0 = tail;
        Some(head)
    }

    /// A 16-bit number.
    pub fn u16(&mut self) -> Option<u16> {
        let (head, tail) = self.0.split_first_chunk::<2>()?;
        self.0 = tail;
        Some(u16::from_be_bytes(*head))
    }

    /// A 32-bit number.
    pub fn u32(&mut self) -> Option<u32> {
        let (head, tail) = self.0.split_first_chunk::<4>()?;
        self.0 = tail;
        Some(u32::from_be_bytes(*head))
    }

    /// A signed 32-bit number.
    pub fn i32(&mut self) -> Option<i32> {
        let (head, tail) = self.0.split_first_chunk::<4>()?;
        self.0 = tail;
        Some(i32::from_be_bytes(*head))
    }

    /// Text up to a zero byte.
    pub fn text(&mut self) -> Option<String> {
        let end = self.0.iter().position(|byte| *byte == 0)?;
        let text = String::from_utf8_lossy(self.bytes(end)?).into_owned();
        self.bytes(1)?;
        Some(text)
    }

    /// A value of a row: none for null; the outer none for bytes that are too few.
    #[inline]
    pub fn value(&mut self) -> Option<Option<&'a [u8]>> {
        let length = self.i32()?;
        if length < 0 {
            return Some(None);
        }
        self.bytes(usize::try_from(length).ok()?).map(Some)
    }
}
