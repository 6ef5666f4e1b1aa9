//! The PostgreSQL connector: the protocol's version 3, over connections of the host.
//!
//! The host resolves, vets and dials the server, does TLS and hands out the password; this plugin
//! speaks with the server. Bytes of a server are never trusted: lengths are checked, messages
//! bounded, and what does not fit is an error.

mod arrays;
mod errors;
mod info;
mod params;
mod query;
mod schema;
mod session;
mod startup;
mod statements;
mod types;
mod values;
mod wire;

pub use query::Rest;
pub use session::Session;

use labd_plugin::connector::{
    Batch, Config, Connection, Connector, Info, Param, Placeholders, Prepared, QueryOptions, Rows,
    Schema, ServerInfo,
};
use labd_plugin::{Host, Result, export_plugin};

/// The connector.
pub struct Postgres<H> {
    host: H,
}

export_plugin!(connector: Postgres);

impl<H: Host> Connector<H> for Postgres<H> {
    type Connection = Session<H>;

    fn new(host: H) -> Self {
        Self { host }
    }

    fn describe() -> Result<Info> {
        Ok(Info {
            name: "PostgreSQL".into(),
            dialect: "postgresql".into(),
            placeholders: Placeholders::Dollar,
        })
    }

    fn open(&self, config: Config) -> Result<Session<H>> {
        let opened = startup::open(&self.host, &config)?;
        Session::new(self.host.clone(), opened)
    }

    fn cancel(&self, _config: Config, token: Vec<u8>) -> Result<()> {
        startup::cancel(&self.host, startup::Token::from_bytes(&token)?)
    }
}

impl<H: Host> Connection for Session<H> {
    type Cursor = Rest;

    fn ping(&mut self) -> Result<()> {
        Session::ping(self)
    }

    fn server_info(&mut self) -> Result<ServerInfo> {
        info::read(self)
    }

    fn schema(&mut self) -> Result<Schema> {
        schema::read(self)
    }

    fn prepare(&mut self, text: &str) -> Result<Prepared> {
        self.statement(text).map(|statement| statement.described())
    }

    fn query(&mut self, text: &str, params: &[Param], options: QueryOptions) -> Result<Rows<Rest>> {
        Session::query(self, text, params, &options)
    }

    fn fetch(&mut self, cursor: &mut Rest, max_rows: u32, max_bytes: u32) -> Result<Batch> {
        Session::fetch(self, cursor, max_rows, max_bytes)
    }

    fn close(&mut self, cursor: Rest) {
        Session::close(self, cursor);
    }

    fn cancel_token(&mut self) -> Result<Vec<u8>> {
        Ok(self.token.to_bytes())
    }
}
