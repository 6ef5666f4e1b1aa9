//! A sandbox whose servers answer a request with its own body.

use labd_plugin::sandbox::{
    Change, Diagnostic, Info, Prepared, Request, Response, Sandbox, Server, SourceFile, Workspace,
};
use labd_plugin::{Error, Host, Result, export_plugin};
use std::marker::PhantomData;

/// See the crate.
pub struct Echoes<H>(PhantomData<H>);

/// A server of any bundle.
pub struct Echo;

/// A workspace that compiles nothing.
pub struct Empty;

export_plugin!(sandbox: Echoes);

impl<H: Host> Sandbox<H> for Echoes<H> {
    type Workspace = Empty;
    type Server = Echo;

    fn new(_: H) -> Self {
        Self(PhantomData)
    }

    fn describe() -> Result<Info> {
        Ok(Info {
            name: "Echoes".into(),
            description: "Answers with what it is sent.".into(),
        })
    }

    fn detect(&self, _: &[String]) -> Result<u32> {
        Ok(0)
    }

    fn open_workspace(&self) -> Result<Empty> {
        Ok(Empty)
    }

    fn load(&self, _: Vec<u8>) -> Result<Echo> {
        Ok(Echo)
    }
}

impl Workspace for Empty {
    fn prepare(&mut self, _: Change) -> Result<Prepared> {
        Err(Error::invalid("it compiles nothing"))
    }

    fn warm(&mut self, _: SourceFile) -> Result<Vec<Diagnostic>> {
        Ok(Vec::new())
    }
}

impl Server for Echo {
    fn handle(&mut self, request: Request) -> Result<Response> {
        Ok(Response {
            status: 200,
            headers: Vec::new(),
            body: request.body,
        })
    }
}
