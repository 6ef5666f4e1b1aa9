//! Connections to the servers of a data source.

use crate::bindings::base::labd::host::net as wit;
use crate::{Error, Result};
use zeroize::Zeroizing;

pub use wit::{Target, TlsInfo, TlsMode};

/// A connection. Dropping it closes it.
pub trait Conn: 'static {
    /// Waits for 1..`max` bytes; empty when the server has closed.
    ///
    /// # Errors
    /// `unavailable`, `timeout`.
    fn read(&mut self, max: u32) -> Result<Vec<u8>>;

    /// Writes all bytes.
    ///
    /// # Errors
    /// `unavailable`, `timeout`.
    fn write(&mut self, bytes: &[u8]) -> Result<()>;

    /// Turns the connection into TLS.
    ///
    /// # Errors
    /// `conflict` when bytes of the server are waiting unread, `unavailable` when the handshake
    /// fails, also for a certificate that does not hold.
    fn upgrade_tls(&mut self, alpn: &[String]) -> Result<TlsInfo>;

    /// A credential of the manifest's `reveal` list.
    ///
    /// # Errors
    /// `not-found` when the source has none, `denied` before TLS is up where it is wanted.
    fn reveal(&mut self, name: &str) -> Result<Zeroizing<Vec<u8>>>;
}

impl Conn for wit::Conn {
    fn read(&mut self, max: u32) -> Result<Vec<u8>> {
        wit::Conn::read(self, max)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        wit::Conn::write(self, bytes)
    }

    fn upgrade_tls(&mut self, alpn: &[String]) -> Result<TlsInfo> {
        wit::Conn::upgrade_tls(self, alpn)
    }

    fn reveal(&mut self, name: &str) -> Result<Zeroizing<Vec<u8>>> {
        wit::Conn::reveal(self, name)?.read().map(Zeroizing::new)
    }
}

/// The most bytes that are read at once.
const READ: u32 = 256 * 1024;

/// A connection with a buffer in each direction, for protocols of messages.
///
/// ```
/// use labd_plugin::net::ConnIo;
/// use labd_plugin::testing::FakeHost;
/// use labd_plugin::Host;
///
/// let host = FakeHost::new();
/// let peer = host.script_conn();
/// peer.expect(b"PING\n").answer([b"PO".as_slice(), b"NG\nrest"]);
///
/// let mut io = ConnIo::new(host.connect(0)?);
/// io.write(b"PING\n");
/// io.flush()?;
/// assert_eq!(io.take(5)?, b"PONG\n");
/// assert_eq!(io.peek(4)?, b"rest");
/// # Ok::<(), labd_plugin::Error>(())
/// ```
pub struct ConnIo<C> {
    conn: C,
    input: Vec<u8>,
    /// What of `input` is read already.
    position: usize,
    output: Vec<u8>,
}

impl<C: Conn> ConnIo<C> {
    /// Around a fresh connection.
    pub fn new(conn: C) -> Self {
        Self {
            conn,
            input: Vec::new(),
            position: 0,
            output: Vec::new(),
        }
    }

    /// What has arrived and is not taken yet.
    pub fn buffered(&self) -> &[u8] {
        self.input.get(self.position..).unwrap_or_default()
    }

    /// Waits for more bytes and gives how many came.
    ///
    /// # Errors
    /// `unavailable` when the server has closed the connection.
    pub fn fill(&mut self) -> Result<usize> {
        let bytes = self.conn.read(READ)?;
        if bytes.is_empty() {
            return Err(Error::unavailable("the server closed the connection"));
        }
        let count = bytes.len();
        if self.position >= self.input.len() {
            // Nothing is left over: the new bytes become the buffer, without a copy.
            self.input = bytes;
            self.position = 0;
        } else {
            self.input.drain(..self.position);
            self.position = 0;
            self.input.extend_from_slice(&bytes);
        }
        Ok(count)
    }

    /// Waits until `count` bytes are buffered and shows them.
    ///
    /// # Errors
    /// As for [`ConnIo::fill`].
    pub fn peek(&mut self, count: usize) -> Result<&[u8]> {
        while self.buffered().len() < count {
            self.fill()?;
        }
        Ok(self.buffered().get(..count).unwrap_or_default())
    }

    /// Waits for `count` bytes and takes them.
    ///
    /// # Errors
    /// As for [`ConnIo::fill`].
    pub fn take(&mut self, count: usize) -> Result<&[u8]> {
        self.peek(count)?;
        let start = self.position;
        self.position += count;
        Ok(self.input.get(start..self.position).unwrap_or_default())
    }

    /// Marks buffered bytes as taken.
    pub fn consume(&mut self, count: usize) {
        self.position = (self.position + count).min(self.input.len());
    }

    /// Puts bytes into the output; [`ConnIo::flush`] sends them.
    pub fn write(&mut self, bytes: &[u8]) {
        self.output.extend_from_slice(bytes);
    }

    /// The output that waits for [`ConnIo::flush`], to be written into directly.
    pub fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    /// Sends what was written.
    ///
    /// # Errors
    /// `unavailable`, `timeout`.
    pub fn flush(&mut self) -> Result<()> {
        if self.output.is_empty() {
            return Ok(());
        }
        let sent = self.conn.write(&self.output);
        self.output.clear();
        sent
    }

    /// Turns the connection into TLS, after everything written was sent.
    ///
    /// # Errors
    /// `conflict` when bytes of the server came before the handshake: somebody may have put them
    /// there.
    pub fn upgrade_tls(&mut self, alpn: &[String]) -> Result<TlsInfo> {
        if !self.buffered().is_empty() {
            return Err(Error::conflict(
                "the server sent data before the TLS handshake; the connection is not safe to use",
            ));
        }
        self.flush()?;
        self.conn.upgrade_tls(alpn)
    }

    /// A credential; none when the source has none.
    ///
    /// # Errors
    /// `denied` before TLS is up where it is wanted, or when the manifest does not list it.
    pub fn reveal(&mut self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>> {
        match self.conn.reveal(name) {
            Ok(secret) => Ok(Some(secret)),
            Err(Error::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use super::*;
    use crate::Host;
    use crate::testing::FakeHost;

    #[test]
    fn bytes_are_taken_in_order_however_they_arrive() -> Result<()> {
        let host = FakeHost::new();
        host.script_conn().answer(["ab", "c", "defgh"]).close();
        let mut io = ConnIo::new(host.connect(0)?);
        assert_eq!(io.peek(1)?, b"a");
        assert_eq!(io.take(4)?, b"abcd");
        assert_eq!(io.buffered(), b"efgh");
        io.consume(100);
        assert!(matches!(io.fill(), Err(Error::Unavailable(_))));
        Ok(())
    }

    #[test]
    fn tls_is_not_started_over_bytes_that_came_before_it() -> Result<()> {
        let host = FakeHost::new();
        host.script_conn().answer(["Sx"]).handshake(Ok(None));
        let mut io = ConnIo::new(host.connect(0)?);
        io.take(1)?;
        assert!(matches!(io.upgrade_tls(&[]), Err(Error::Conflict(_))));
        Ok(())
    }

    #[test]
    fn a_credential_that_is_missing_is_none_and_one_that_is_withheld_is_an_error() -> Result<()> {
        let host = FakeHost::new();
        host.script_conn()
            .secret("password", b"p")
            .reveal_needs_tls()
            .handshake(Ok(None));
        let mut io = ConnIo::new(host.connect(0)?);
        assert!(matches!(io.reveal("password"), Err(Error::Denied(_))));
        io.upgrade_tls(&[])?;
        assert_eq!(
            io.reveal("password")?.as_deref().map(Vec::as_slice),
            Some(&b"p"[..])
        );
        assert_eq!(io.reveal("certificate")?, None);
        Ok(())
    }
}
