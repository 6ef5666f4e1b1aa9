//! Fakes of the host, for native tests of a plugin's logic.

pub mod ai;
mod conn;
pub mod connector;
pub mod deployer;
mod http;
pub mod recorded;

pub use conn::{FakeConn, Peer};
pub use http::{FakeBody, Piece};

use crate::host::Level;
use crate::http::{Request, Response};
use crate::net::{Target, TlsMode};
use crate::sqlite::{Column, Database, Rows, Statement, Value};
use crate::{Error, Host, Result, bundle};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

/// A line that the plugin logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Its level.
    pub level: Level,
    /// Its message.
    pub message: String,
    /// Its fields.
    pub fields: Vec<(String, String)>,
}

/// A host that answers by script and remembers what it was asked. Clones are the same host.
#[derive(Clone)]
pub struct FakeHost(Rc<RefCell<State>>);

struct State {
    now: u64,
    logs: Vec<LogLine>,
    requests: Vec<Request>,
    responses: VecDeque<Result<http::Scripted>>,
    targets: Vec<Target>,
    peers: VecDeque<Peer>,
    connects: Vec<u32>,
    app_answers: VecDeque<Result<String>>,
    app_queries: Vec<(String, String)>,
    app_user: String,
    bundle: Option<BTreeMap<String, Vec<u8>>>,
    settings: Vec<String>,
}

impl Default for FakeHost {
    fn default() -> Self {
        Self::new()
    }
}

impl FakeHost {
    /// A host without any answer, whose clock stands at 2024-01-01T00:00:00Z and whose one
    /// target is `db.example:5432` without TLS.
    pub fn new() -> Self {
        Self(Rc::new(RefCell::new(State {
            now: 1_704_067_200_000,
            logs: Vec::new(),
            requests: Vec::new(),
            responses: VecDeque::new(),
            targets: vec![Target {
                host: "db.example".into(),
                port: 5432,
                tls: TlsMode::Disable,
            }],
            peers: VecDeque::new(),
            connects: Vec::new(),
            app_answers: VecDeque::new(),
            app_queries: Vec::new(),
            app_user: "null".into(),
            bundle: None,
            settings: Vec::new(),
        })))
    }

    /// Sets the clock, in milliseconds since the epoch. [`Host::sleep`] advances it.
    pub fn set_now(&self, milliseconds: u64) {
        self.0.borrow_mut().now = milliseconds;
    }

    /// Answers the next request with a status and a body that arrives in these pieces.
    pub fn respond<T: Into<Vec<u8>>>(&self, status: u16, pieces: impl IntoIterator<Item = T>) {
        self.respond_with(
            status,
            &[],
            pieces.into_iter().map(|piece| Piece::Bytes(piece.into())),
        );
    }

    /// Answers the next request also with headers, and with errors between the pieces.
    pub fn respond_with(
        &self,
        status: u16,
        headers: &[(&str, &str)],
        pieces: impl IntoIterator<Item = Piece>,
    ) {
        let scripted = http::Scripted::new(status, headers, pieces);
        self.0.borrow_mut().responses.push_back(Ok(scripted));
    }

    /// Fails the next request.
    pub fn refuse(&self, error: Error) {
        self.0.borrow_mut().responses.push_back(Err(error));
    }

    /// The requests that were sent.
    pub fn requests(&self) -> Vec<Request> {
        self.0.borrow().requests.clone()
    }

    /// The lines that were logged.
    pub fn logs(&self) -> Vec<LogLine> {
        self.0.borrow().logs.clone()
    }

    /// Sets the servers of the data source.
    pub fn set_targets(&self, targets: Vec<Target>) {
        self.0.borrow_mut().targets = targets;
    }

    /// Scripts the server behind the next connection.
    pub fn script_conn(&self) -> Peer {
        let peer = Peer::new();
        self.0.borrow_mut().peers.push_back(peer.clone());
        peer
    }

    /// The targets that were connected to, in order.
    pub fn connects(&self) -> Vec<u32> {
        self.0.borrow().connects.clone()
    }

    /// Answers the next named query of the app.
    pub fn answer_app_query(&self, answer: Result<String>) {
        self.0.borrow_mut().app_answers.push_back(answer);
    }

    /// The named queries that were run, with their parameters.
    pub fn app_queries(&self) -> Vec<(String, String)> {
        self.0.borrow().app_queries.clone()
    }

    /// Sets the files of the app that is deployed.
    pub fn set_bundle<P: Into<String>, C: Into<Vec<u8>>>(
        &self,
        files: impl IntoIterator<Item = (P, C)>,
    ) {
        let files = files
            .into_iter()
            .map(|(path, content)| (path.into(), content.into()));
        self.0.borrow_mut().bundle = Some(files.collect());
    }

    /// Names the settings of the app for which there is a placeholder: `{{NAME}}`.
    pub fn set_settings<N: Into<String>>(&self, names: impl IntoIterator<Item = N>) {
        self.0.borrow_mut().settings = names.into_iter().map(Into::into).collect();
    }

    /// Sets the app's viewer, a JSON object.
    pub fn set_app_user(&self, user: &str) {
        self.0.borrow_mut().app_user = user.to_owned();
    }
}

fn no_bundle() -> Error {
    unscripted("a bundle")
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unscripted(what: &str) -> Error {
    Error::internal(format!("the test did not script {what}"))
}

impl Host for FakeHost {
    type Body = FakeBody;
    type Conn = FakeConn;
    type Database = NoDatabase;

    fn log(&self, level: Level, message: &str, fields: &[(&str, &str)]) {
        self.0.borrow_mut().logs.push(LogLine {
            level,
            message: message.to_owned(),
            fields: fields
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        });
    }

    fn now(&self) -> u64 {
        self.0.borrow().now
    }

    fn sleep(&self, duration: Duration) -> Result<()> {
        if duration > Duration::from_secs(60) {
            return Err(Error::invalid("sleep: at most a minute"));
        }
        self.0.borrow_mut().now += u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Ok(())
    }

    fn send(&self, request: Request) -> Result<Response<FakeBody>> {
        let mut state = self.0.borrow_mut();
        state.requests.push(request);
        state
            .responses
            .pop_front()
            .unwrap_or_else(|| Err(unscripted("a response")))
            .map(http::Scripted::response)
    }

    fn targets(&self) -> Result<Vec<Target>> {
        Ok(self.0.borrow().targets.clone())
    }

    fn connect(&self, index: u32) -> Result<FakeConn> {
        let mut state = self.0.borrow_mut();
        state.connects.push(index);
        let peer = state
            .peers
            .pop_front()
            .ok_or_else(|| unscripted("a connection"))?;
        peer.connect()
    }

    fn open_database(&self) -> Result<NoDatabase> {
        Err(unscripted("a database"))
    }

    fn interrupt(&self, _token: u64) -> Result<()> {
        Err(unscripted("an interrupt"))
    }

    fn app_query(&self, name: &str, parameters: &str) -> Result<String> {
        let mut state = self.0.borrow_mut();
        state
            .app_queries
            .push((name.to_owned(), parameters.to_owned()));
        state
            .app_answers
            .pop_front()
            .unwrap_or_else(|| Err(unscripted("an app query")))
    }

    fn app_user(&self) -> String {
        self.0.borrow().app_user.clone()
    }

    fn bundle_files(&self, first: u32, max: u32) -> Result<Vec<bundle::File>> {
        let index = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
        let state = self.0.borrow();
        let files = state.bundle.as_ref().ok_or_else(no_bundle)?;
        let page = files.iter().skip(index(first)).take(index(max).min(1000));
        Ok(page
            .map(|(path, content)| bundle::File {
                path: path.clone(),
                size: u32::try_from(content.len()).unwrap_or(u32::MAX),
                sha256: hexadecimal(&Sha256::digest(content)),
                sha1: hexadecimal(&Sha1::digest(content)),
                media_type: "application/octet-stream".into(),
            })
            .collect())
    }

    fn bundle_read(&self, path: &str, offset: u32, max: u32) -> Result<Vec<u8>> {
        let index = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
        let state = self.0.borrow();
        let files = state.bundle.as_ref().ok_or_else(no_bundle)?;
        let content = files
            .get(path)
            .ok_or_else(|| Error::not_found(format!("the bundle has no file `{path}`")))?;
        let rest = content.iter().skip(index(offset));
        Ok(rest.take(index(max).clamp(1, 4 << 20)).copied().collect())
    }

    fn placeholder(&self, setting: &str, _encoding: bundle::Encoding) -> Result<String> {
        let known = self.0.borrow().settings.iter().any(|name| name == setting);
        known
            .then(|| format!("{{{{{setting}}}}}"))
            .ok_or_else(|| Error::not_found(format!("there is no setting `{setting}`")))
    }
}

/// The database of a host that has none. A test of an SQLite plugin brings its own [`Host`].
#[derive(Clone, Copy, Debug)]
pub enum NoDatabase {}

impl Database for NoDatabase {
    type Statement = Self;

    fn prepare(&self, _sql: &str) -> Result<Self> {
        match *self {}
    }

    fn changes(&self) -> u64 {
        match *self {}
    }

    fn set_time_limit(&self, _milliseconds: u32) {
        match *self {}
    }

    fn set_read_only(&self, _read_only: bool) -> Result<()> {
        match *self {}
    }

    fn interrupt_token(&self) -> u64 {
        match *self {}
    }
}

impl Statement for NoDatabase {
    fn parameters(&self) -> Vec<Option<String>> {
        match *self {}
    }

    fn columns(&self) -> Vec<Column> {
        match *self {}
    }

    fn is_read_only(&self) -> bool {
        match *self {}
    }

    fn bind(&self, _values: &[Value]) -> Result<()> {
        match *self {}
    }

    fn step(&self, _max_rows: u32, _max_bytes: u32) -> Result<Rows> {
        match *self {}
    }
}
