//! A session with its server: round trips, prepared statements, types.

use crate::errors::ServerError;
use crate::startup::{Opened, Token};
use crate::statements::{Description, Statement, Statements};
use crate::types::{Catalog, Looked};
use crate::wire::{Reader, Wire, garbage, tag};
use labd_plugin::net::Conn;
use labd_plugin::{Error, Host, Result};
use postgres_protocol::IsNull;
use postgres_protocol::message::frontend;
use std::rc::Rc;

/// What begins and ends transactions, prepared once, by name.
const CONTROLS: [(&str, &str); 4] = [
    ("labd_read", "BEGIN READ ONLY"),
    ("labd_write", "BEGIN READ WRITE"),
    ("labd_rollback", "ROLLBACK"),
    ("labd_commit", "COMMIT"),
];

/// A session.
pub struct Session<H: Host> {
    pub(crate) host: H,
    /// Messages to and from the server.
    pub(crate) wire: Wire<H::Conn>,
    /// For cancelling what runs here.
    pub(crate) token: Token,
    pub(crate) statements: Statements,
    catalog: Catalog,
    /// The limit of time that the server holds, in milliseconds; none when it is not known.
    pub(crate) limit: Option<u32>,
    /// When the running flight began, and under which limit.
    pub(crate) started: (u64, u32),
}

/// Rows of an internal question, as text.
pub type TextRows = Vec<Vec<Option<String>>>;

impl<H: Host> Session<H> {
    /// Over a connection that is ready for a query.
    pub fn new(host: H, opened: Opened<H::Conn>) -> Result<Self> {
        let mut session = Self {
            host,
            wire: opened.wire,
            token: opened.token,
            statements: Statements::default(),
            catalog: Catalog::default(),
            limit: None,
            started: (0, 0),
        };
        session.write_controls()?;
        session.wire.flush()?;
        Ok(session)
    }

    /// Prepares what begins and ends transactions; nobody waits for the answers.
    pub(crate) fn write_controls(&mut self) -> Result<()> {
        for (name, text) in CONTROLS {
            frontend::parse(name, text, [], &mut self.wire.out).map_err(unsendable)?;
        }
        self.write_sync();
        Ok(())
    }

    pub(crate) fn write_sync(&mut self) {
        frontend::sync(&mut self.wire.out);
        self.wire.expect_ready();
    }

    pub(crate) fn write_control(&mut self, name: &str) -> Result<()> {
        write_bind::<H::Conn>(&mut self.wire, name, &[], &[])?;
        frontend::execute("", 0, &mut self.wire.out).map_err(unsendable)
    }

    /// Sends the end of a transaction whose outcome nobody waits for.
    pub(crate) fn roll_back(&mut self) -> Result<()> {
        self.write_control("labd_rollback")?;
        self.write_sync();
        self.wire.flush()
    }

    /// A round trip without a statement.
    ///
    /// # Errors
    /// `unavailable`, `timeout`.
    pub fn ping(&mut self) -> Result<()> {
        self.wire.drain()?;
        self.write_sync();
        self.wire.flush()?;
        self.wire.until_ready()
    }

    /// Runs statements of our own in one round trip; the rows of each that has columns.
    ///
    /// # Errors
    /// What the server reports.
    pub fn simple(&mut self, text: &str) -> Result<Vec<TextRows>> {
        self.wire.drain()?;
        frontend::query(text, &mut self.wire.out).map_err(unsendable)?;
        self.wire.expect_ready();
        self.wire.flush()?;
        let mut results: Vec<TextRows> = Vec::new();
        let mut failed = None;
        loop {
            let message = self.wire.message()?;
            match message.tag {
                tag::ROW_DESCRIPTION => results.push(Vec::new()),
                tag::DATA_ROW => {
                    let row = text_row(message.body).ok_or_else(garbage)?;
                    results.last_mut().ok_or_else(garbage)?.push(row);
                }
                tag::ERROR => failed = Some(ServerError::parse(message.body)),
                tag::READY => return failed.map_or(Ok(results), |error| Err(error.into())),
                _ => {}
            }
        }
    }

    /// Has the server check and describe a statement, unless it has already.
    ///
    /// # Errors
    /// What the server says of the statement.
    pub fn statement(&mut self, text: &str) -> Result<Rc<Statement>> {
        if let Some(statement) = self.statements.get(text) {
            return Ok(statement);
        }
        if text.contains('\0') {
            return Err(Error::invalid("the statement holds a zero byte"));
        }
        self.wire.drain()?;
        let name = self.statements.fresh_name();
        frontend::parse(&name, text, [], &mut self.wire.out).map_err(unsendable)?;
        frontend::describe(b'S', &name, &mut self.wire.out).map_err(unsendable)?;
        self.write_sync();
        self.wire.flush()?;
        let mut description = Description::default();
        let mut failed = None;
        loop {
            let message = self.wire.message()?;
            match message.tag {
                tag::PARAMETER_DESCRIPTION => description
                    .read_parameters(message.body)
                    .ok_or_else(garbage)?,
                tag::ROW_DESCRIPTION => {
                    description.read_columns(message.body).ok_or_else(garbage)?;
                }
                tag::ERROR => failed = Some(ServerError::parse(message.body)),
                tag::READY => break,
                _ => {}
            }
        }
        if let Some(error) = failed {
            return Err(error.into());
        }
        self.look_up(&description.unknown(&self.catalog))?;
        let statement = Rc::new(description.resolve(name, &self.catalog));
        if let Some(evicted) = self.statements.insert(text, Rc::clone(&statement)) {
            frontend::close(b'S', &evicted, &mut self.wire.out).map_err(unsendable)?;
        }
        Ok(statement)
    }

    fn look_up(&mut self, unknown: &[u32]) -> Result<()> {
        if unknown.is_empty() {
            return Ok(());
        }
        let list: Vec<String> = unknown.iter().map(u32::to_string).collect();
        let question = Catalog::LOOKUP.replacen("{}", &format!("{{{}}}", list.join(",")), 1);
        let rows = self.simple(&question)?.into_iter().next();
        let looked = |row: Vec<Option<String>>| {
            let mut fields = row.into_iter();
            let mut field = || fields.next().flatten();
            let oid = field()?.parse().ok()?;
            let name = field()?;
            let letter = |text: Option<String>| text?.bytes().next();
            Some(Looked {
                oid,
                name,
                class: letter(field())?,
                category: letter(field())?,
                inner: field()?.parse().ok()?,
                delimiter: letter(field())?,
            })
        };
        self.catalog
            .learn(rows.into_iter().flatten().filter_map(looked).collect());
        Ok(())
    }
}

/// Binds a statement to the unnamed portal, parameters as text.
pub(crate) fn write_bind<C: Conn>(
    wire: &mut Wire<C>,
    statement: &str,
    bound: &[Option<String>],
    formats: &[i16],
) -> Result<()> {
    frontend::bind(
        "",
        statement,
        [0],
        bound,
        |value, buffer| {
            Ok(match value {
                Some(text) => {
                    buffer.extend_from_slice(text.as_bytes());
                    IsNull::No
                }
                None => IsNull::Yes,
            })
        },
        formats.iter().copied(),
        &mut wire.out,
    )
    .map_err(|_| Error::invalid("the parameters are too many, or too large to send"))
}

/// What `frontend` refuses: a zero byte in a text, or a length beyond the protocol's.
pub(crate) fn unsendable(error: std::io::Error) -> Error {
    Error::invalid(format!("the statement cannot be sent: {error}"))
}

fn text_row(body: &[u8]) -> Option<Vec<Option<String>>> {
    let mut reader = Reader(body);
    let count = reader.u16()?;
    (0..count)
        .map(|_| {
            let value = reader.value()?;
            Some(value.map(|bytes| String::from_utf8_lossy(bytes).into_owned()))
        })
        .collect()
}
