//! The SQLite connector. SQLite itself runs in the host, over the one file that was granted;
//! this plugin keeps the dialect, the introspection and the mapping of values.
//!
//! SQLite's values carry their own types and columns only lean towards one. What a column is said
//! to be, and how its values travel, is settled in [`kinds`]; nothing is ever rounded or dropped.

pub mod kinds;
mod query;
mod schema;

pub use query::Rest;

use labd_plugin::connector::{
    Batch, Config, Connection, Connector, Info, Param, Placeholders, Prepared, QueryOptions, Rows,
    Schema, ServerInfo,
};
use labd_plugin::sqlite::{Database, Statement, Value};
use labd_plugin::{Error, Host, Result, export_plugin};

/// What introspection and other small questions may take, in milliseconds.
const OWN_TIME_LIMIT: u32 = 10_000;

/// The connector.
pub struct Sqlite<H> {
    host: H,
}

/// A connection to the file.
pub struct Session<H: Host> {
    database: H::Database,
}

export_plugin!(connector: Sqlite);

impl<H: Host> Connector<H> for Sqlite<H> {
    type Connection = Session<H>;

    fn new(host: H) -> Self {
        Self { host }
    }

    fn describe() -> Result<Info> {
        Ok(Info {
            name: "SQLite".into(),
            dialect: "sqlite".into(),
            placeholders: Placeholders::QuestionNumbered,
        })
    }

    fn open(&self, config: Config) -> Result<Session<H>> {
        if let Some((name, _)) = config.options.first() {
            return Err(Error::invalid(format!(
                "an SQLite source has no option `{name}`; remove it from the URL"
            )));
        }
        let database = self.host.open_database()?;
        database.set_read_only(true)?;
        let session = Session { database };
        // A file that is no database shows itself only when it is read.
        session.rows("SELECT count(*) FROM sqlite_schema", &[])?;
        Ok(session)
    }

    fn cancel(&self, _config: Config, token: Vec<u8>) -> Result<()> {
        let token = token
            .try_into()
            .map_err(|_| Error::invalid("this is no cancel token of an SQLite connection"))?;
        self.host.interrupt(u64::from_le_bytes(token))
    }
}

impl<H: Host> Session<H> {
    /// All rows of a statement of our own.
    fn rows(&self, sql: &str, values: &[Value]) -> Result<Vec<Vec<Value>>> {
        self.database.set_time_limit(OWN_TIME_LIMIT);
        let statement = self.database.prepare(sql)?;
        statement.bind(values)?;
        let mut all = Vec::new();
        loop {
            let step = statement.step(1000, 1 << 20)?;
            all.extend(step.rows);
            if step.done {
                return Ok(all);
            }
        }
    }
}

impl<H: Host> Connection for Session<H> {
    type Cursor = Rest<<H::Database as Database>::Statement>;

    fn ping(&mut self) -> Result<()> {
        self.rows("SELECT 1", &[]).map(drop)
    }

    fn server_info(&mut self) -> Result<ServerInfo> {
        let rows = self.rows("SELECT sqlite_version()", &[])?;
        let product = match rows.first().and_then(|row| row.first()) {
            Some(Value::Text(version)) => format!("SQLite {version}"),
            _ => "SQLite".into(),
        };
        Ok(ServerInfo {
            product,
            user: None,
            database: None,
            // The host's authorizer and its read-only mode leave nothing to warn about.
            warnings: Vec::new(),
        })
    }

    fn schema(&mut self) -> Result<Schema> {
        schema::read(self)
    }

    fn prepare(&mut self, text: &str) -> Result<Prepared> {
        query::prepare(&self.database, text)
    }

    fn query(
        &mut self,
        text: &str,
        params: &[Param],
        options: QueryOptions,
    ) -> Result<Rows<Self::Cursor>> {
        query::run(&self.database, text, params, &options)
    }

    fn fetch(&mut self, cursor: &mut Self::Cursor, max_rows: u32, max_bytes: u32) -> Result<Batch> {
        cursor.next(max_rows, max_bytes)
    }

    fn close(&mut self, cursor: Self::Cursor) {
        // Dropping the statement ends its read transaction.
        drop(cursor);
    }

    fn cancel_token(&mut self) -> Result<Vec<u8>> {
        Ok(self.database.interrupt_token().to_le_bytes().to_vec())
    }
}
