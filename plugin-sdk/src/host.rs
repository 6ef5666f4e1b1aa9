//! What the host offers, as a trait: a plugin that is generic over it runs in the daemon with
//! [`WasmHost`] and in `cargo test` with a fake.

use crate::Result;
use crate::bindings::base::labd::host as wit;
use crate::{Error, bundle, http, net, sqlite};
use std::time::Duration;

pub use wit::log::Level;

/// The capabilities of a plugin. A component imports only those that it calls; what it imports
/// beyond `log` and `clock` must be declared in its manifest.
pub trait Host: Clone + 'static {
    /// The body of a response that is still arriving.
    type Body: http::Body;
    /// A connection to a server of the data source.
    type Conn: net::Conn;
    /// The SQLite file of the data source.
    type Database: sqlite::Database;

    /// Writes a line to the daemon's log. The macros [`crate::info!`] and its sisters are shorter.
    fn log(&self, level: Level, message: &str, fields: &[(&str, &str)]);

    /// Milliseconds since the Unix epoch.
    fn now(&self) -> u64;

    /// Waits, at most a minute.
    ///
    /// # Errors
    /// `invalid-request` beyond a minute.
    fn sleep(&self, duration: Duration) -> Result<()>;

    /// Sends a request and waits for the head of its response. Any status is a success.
    ///
    /// # Errors
    /// `denied`, `unavailable`, `timeout`.
    fn send(&self, request: http::Request) -> Result<http::Response<Self::Body>>;

    /// The servers of the data source, in the order in which to try them.
    ///
    /// # Errors
    /// `denied`.
    fn targets(&self) -> Result<Vec<net::Target>>;

    /// Connects to one of the [`Host::targets`], by its index.
    ///
    /// # Errors
    /// `denied`, `unavailable`, `timeout`.
    fn connect(&self, index: u32) -> Result<Self::Conn>;

    /// Opens the SQLite file of the data source.
    ///
    /// # Errors
    /// `denied`, `not-found`, `unavailable`.
    fn open_database(&self) -> Result<Self::Database>;

    /// Interrupts what runs on another connection of the same SQLite file.
    ///
    /// # Errors
    /// `not-found` when that connection is gone.
    fn interrupt(&self, token: u64) -> Result<()>;

    /// Runs a named query of the app whose server code this sandbox runs; `parameters` is a JSON
    /// object and so is the answer.
    ///
    /// # Errors
    /// What the query broker answers.
    fn app_query(&self, name: &str, parameters: &str) -> Result<String>;

    /// The viewer of the app, as a JSON object.
    fn app_user(&self) -> String;

    /// Up to `max` files of the app that is deployed, from this index on; [`bundle::files`] gives
    /// them all.
    ///
    /// # Errors
    /// `conflict` when there is no bundle: outside of `plan` and `deploy`.
    fn bundle_files(&self, _first: u32, _max: u32) -> Result<Vec<bundle::File>> {
        Err(without_bundle())
    }

    /// 1..`max` bytes of such a file; [`bundle::read`] gives a whole one.
    ///
    /// # Errors
    /// `not-found`; `conflict` when there is no bundle.
    fn bundle_read(&self, _path: &str, _offset: u32, _max: u32) -> Result<Vec<u8>> {
        Err(without_bundle())
    }

    /// A text that stands for the value of a setting of the app in the body of a request.
    ///
    /// # Errors
    /// `not-found` when the plan did not name it or it has no value; `conflict` when there is no
    /// bundle.
    fn placeholder(&self, _setting: &str, _encoding: bundle::Encoding) -> Result<String> {
        Err(without_bundle())
    }
}

fn without_bundle() -> Error {
    Error::conflict("there is no bundle outside of plan and deploy")
}

/// The daemon. Works in a component only; natively every call panics, use a fake there.
#[derive(Clone, Copy, Debug, Default)]
pub struct WasmHost;

impl Host for WasmHost {
    type Body = wit::http::Body;
    type Conn = wit::net::Conn;
    type Database = wit::sqlite::Database;

    fn log(&self, level: Level, message: &str, fields: &[(&str, &str)]) {
        let fields: Vec<(String, String)> = fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        wit::log::log(level, message, &fields);
    }

    fn now(&self) -> u64 {
        wit::clock::now()
    }

    fn sleep(&self, duration: Duration) -> Result<()> {
        wit::clock::sleep(u32::try_from(duration.as_millis()).unwrap_or(u32::MAX))
    }

    fn send(&self, request: http::Request) -> Result<http::Response<Self::Body>> {
        let response = wit::http::send(&request)?;
        Ok(http::Response {
            status: response.status,
            headers: response.headers,
            body: response.body,
        })
    }

    fn targets(&self) -> Result<Vec<net::Target>> {
        wit::net::targets()
    }

    fn connect(&self, index: u32) -> Result<Self::Conn> {
        wit::net::connect(index)
    }

    fn open_database(&self) -> Result<Self::Database> {
        wit::sqlite::open()
    }

    fn interrupt(&self, token: u64) -> Result<()> {
        wit::sqlite::interrupt(token)
    }

    fn app_query(&self, name: &str, parameters: &str) -> Result<String> {
        wit::app::query(name, parameters)
    }

    fn app_user(&self) -> String {
        wit::app::user()
    }

    fn bundle_files(&self, first: u32, max: u32) -> Result<Vec<bundle::File>> {
        wit::bundle::files(first, max)
    }

    fn bundle_read(&self, path: &str, offset: u32, max: u32) -> Result<Vec<u8>> {
        wit::bundle::read(path, offset, max)
    }

    fn placeholder(&self, setting: &str, encoding: bundle::Encoding) -> Result<String> {
        wit::bundle::placeholder(setting, encoding)
    }
}
