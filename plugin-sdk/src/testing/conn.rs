//! Scripted servers.

use crate::net::{Conn, TlsInfo};
use crate::{Error, Result, Zeroizing};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

enum Step {
    /// The plugin writes exactly this.
    Expect(Vec<u8>),
    /// The plugin writes something that ends so; what came before is not looked at.
    ExpectEnd(Vec<u8>),
    /// The server sends this, in one read.
    Send(Vec<u8>),
    /// The server closes the connection.
    Close,
    /// The handshake, with this outcome.
    Tls(Result<TlsInfo>),
}

struct State {
    refused: Option<Error>,
    script: VecDeque<Step>,
    pending: Vec<u8>,
    written: Vec<u8>,
    secrets: Vec<(String, Vec<u8>)>,
    tls: bool,
    needs_tls: bool,
}

/// The server behind a [`FakeConn`]: what it waits for and sends, in order.
#[derive(Clone)]
pub struct Peer(Rc<RefCell<State>>);

impl Peer {
    pub(super) fn new() -> Self {
        Self(Rc::new(RefCell::new(State {
            refused: None,
            script: VecDeque::new(),
            pending: Vec::new(),
            written: Vec::new(),
            secrets: Vec::new(),
            tls: false,
            needs_tls: false,
        })))
    }

    fn step(&self, step: Step) -> &Self {
        self.0.borrow_mut().script.push_back(step);
        self
    }

    /// Refuses the connection.
    pub fn refuse(&self, error: Error) -> &Self {
        self.0.borrow_mut().refused = Some(error);
        self
    }

    /// Waits for exactly these bytes, in as many writes as they come.
    pub fn expect(&self, bytes: &[u8]) -> &Self {
        self.step(Step::Expect(bytes.to_vec()))
    }

    /// Waits until what was written ends so.
    pub fn expect_end(&self, bytes: &[u8]) -> &Self {
        self.step(Step::ExpectEnd(bytes.to_vec()))
    }

    /// Sends these pieces, each in a read of its own.
    pub fn answer<T: Into<Vec<u8>>>(&self, pieces: impl IntoIterator<Item = T>) -> &Self {
        for piece in pieces {
            self.step(Step::Send(piece.into()));
        }
        self
    }

    /// Closes the connection.
    pub fn close(&self) -> &Self {
        self.step(Step::Close)
    }

    /// Waits for the TLS handshake, which succeeds with this binding or fails.
    pub fn handshake(&self, outcome: Result<Option<Vec<u8>>>) -> &Self {
        self.step(Step::Tls(outcome.map(|server_end_point| TlsInfo {
            alpn: None,
            server_end_point,
        })))
    }

    /// Has a credential to reveal.
    pub fn secret(&self, name: &str, value: &[u8]) -> &Self {
        self.0
            .borrow_mut()
            .secrets
            .push((name.to_owned(), value.to_vec()));
        self
    }

    /// Reveals credentials only after the handshake, as the host does.
    pub fn reveal_needs_tls(&self) -> &Self {
        self.0.borrow_mut().needs_tls = true;
        self
    }

    /// All that the plugin wrote.
    pub fn written(&self) -> Vec<u8> {
        self.0.borrow().written.clone()
    }

    /// The handshake took place.
    pub fn is_tls(&self) -> bool {
        self.0.borrow().tls
    }

    pub(super) fn connect(self) -> Result<FakeConn> {
        let refused = self.0.borrow_mut().refused.take();
        match refused {
            Some(error) => Err(error),
            None => Ok(FakeConn(self.0)),
        }
    }
}

/// The plugin's side of a scripted connection.
pub struct FakeConn(Rc<RefCell<State>>);

impl Conn for FakeConn {
    fn read(&mut self, max: u32) -> Result<Vec<u8>> {
        let mut state = self.0.borrow_mut();
        loop {
            match state.script.pop_front() {
                None | Some(Step::Close) => return Ok(Vec::new()),
                Some(Step::Send(bytes)) if bytes.is_empty() => {}
                Some(Step::Send(mut bytes)) => {
                    let max = usize::try_from(max).unwrap_or(usize::MAX);
                    if bytes.len() > max {
                        let rest = bytes.split_off(max);
                        state.script.push_front(Step::Send(rest));
                    }
                    return Ok(bytes);
                }
                Some(Step::Expect(bytes) | Step::ExpectEnd(bytes)) => {
                    return Err(Error::internal(format!(
                        "the plugin reads while the script waits for {}",
                        bytes.escape_ascii()
                    )));
                }
                Some(Step::Tls(_)) => {
                    return Err(Error::internal(
                        "the plugin reads while the script waits for the handshake",
                    ));
                }
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let mut state = self.0.borrow_mut();
        state.written.extend_from_slice(bytes);
        state.pending.extend_from_slice(bytes);
        match state.script.front() {
            Some(Step::Expect(expected)) => {
                let expected = expected.clone();
                if state.pending == expected {
                    state.pending.clear();
                    state.script.pop_front();
                } else if !expected.starts_with(&state.pending) {
                    return Err(Error::internal(format!(
                        "the plugin wrote {} where the script waits for {}",
                        state.pending.escape_ascii(),
                        expected.escape_ascii()
                    )));
                }
            }
            Some(Step::ExpectEnd(end)) => {
                if state.pending.ends_with(end) {
                    state.pending.clear();
                    state.script.pop_front();
                }
            }
            // Written ahead of what the script looks at.
            _ => state.pending.clear(),
        }
        Ok(())
    }

    fn upgrade_tls(&mut self, _alpn: &[String]) -> Result<TlsInfo> {
        let mut state = self.0.borrow_mut();
        match state.script.pop_front() {
            Some(Step::Tls(outcome)) => {
                state.tls = outcome.is_ok();
                outcome
            }
            Some(Step::Send(_)) => Err(Error::conflict("bytes are waiting unread")),
            _ => Err(Error::internal(
                "the plugin starts TLS where the script has none",
            )),
        }
    }

    fn reveal(&mut self, name: &str) -> Result<Zeroizing<Vec<u8>>> {
        let state = self.0.borrow();
        if state.needs_tls && !state.tls {
            return Err(Error::denied(
                "reveal",
                name,
                "given out only once TLS is up",
            ));
        }
        state
            .secrets
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| Zeroizing::new(value.clone()))
            .ok_or_else(|| Error::not_found(format!("no credential `{name}`")))
    }
}
