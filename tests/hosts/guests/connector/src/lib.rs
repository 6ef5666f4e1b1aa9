//! A connector whose connections answer `ping` and nothing else: the call that does nothing.

use labd_plugin::connector::{
    Batch, Config, Connection, Connector, Info, Param, Placeholders, Prepared, QueryOptions, Rows,
    Schema, ServerInfo,
};
use labd_plugin::{Error, Host, Result, export_plugin};
use std::marker::PhantomData;

/// See the crate.
pub struct Idle<H>(PhantomData<H>);

/// A connection to nothing.
pub struct Nothing;

export_plugin!(connector: Idle);

impl<H: Host> Connector<H> for Idle<H> {
    type Connection = Nothing;

    fn new(_: H) -> Self {
        Self(PhantomData)
    }

    fn describe() -> Result<Info> {
        Ok(Info {
            name: "Idle".into(),
            dialect: "generic".into(),
            placeholders: Placeholders::Question,
        })
    }

    fn open(&self, _: Config) -> Result<Nothing> {
        Ok(Nothing)
    }

    fn cancel(&self, _: Config, _: Vec<u8>) -> Result<()> {
        Ok(())
    }
}

impl Connection for Nothing {
    type Cursor = ();

    fn ping(&mut self) -> Result<()> {
        Ok(())
    }

    fn server_info(&mut self) -> Result<ServerInfo> {
        Err(nothing_else())
    }

    fn schema(&mut self) -> Result<Schema> {
        Err(nothing_else())
    }

    fn prepare(&mut self, _: &str) -> Result<Prepared> {
        Err(nothing_else())
    }

    fn query(&mut self, _: &str, _: &[Param], _: QueryOptions) -> Result<Rows<()>> {
        Err(nothing_else())
    }

    fn fetch(&mut self, (): &mut (), _: u32, _: u32) -> Result<Batch> {
        Err(nothing_else())
    }

    fn close(&mut self, (): ()) {}

    fn cancel_token(&mut self) -> Result<Vec<u8>> {
        Ok(Vec::new())
    }
}

fn nothing_else() -> Error {
    Error::invalid("it answers pings")
}
