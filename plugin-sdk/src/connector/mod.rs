//! Plugins of kind `connector`.
//!
//! A complete connector, for a server that answers each line with a line:
//!
//! ```
//! use labd_plugin::connector::{
//!     Batch, BatchBuilder, Column, Config, Connection, Connector, Info, Param, Placeholders, Prepared,
//!     QueryOptions, Rows, Schema, ServerInfo, ValueKind,
//! };
//! use labd_plugin::net::ConnIo;
//! use labd_plugin::{Error, Host, Result, export_plugin};
//!
//! pub struct Lines<H> { host: H }
//! pub struct Session<H: Host> { io: ConnIo<H::Conn> }
//!
//! impl<H: Host> Connector<H> for Lines<H> {
//!     type Connection = Session<H>;
//!
//!     fn new(host: H) -> Self { Self { host } }
//!
//!     fn describe() -> Result<Info> {
//!         Ok(Info { name: "Lines".into(), dialect: "generic".into(), placeholders: Placeholders::Question })
//!     }
//!
//!     fn open(&self, _config: Config) -> Result<Session<H>> {
//!         Ok(Session { io: ConnIo::new(self.host.connect(0)?) })
//!     }
//!
//!     fn cancel(&self, _config: Config, _token: Vec<u8>) -> Result<()> {
//!         Err(Error::invalid("this server cannot cancel"))
//!     }
//! }
//!
//! impl<H: Host> Connection for Session<H> {
//!     type Cursor = ();
//!
//!     fn ping(&mut self) -> Result<()> { Ok(()) }
//!
//!     fn server_info(&mut self) -> Result<ServerInfo> {
//!         Ok(ServerInfo { product: "Lines 1".into(), user: None, database: None, warnings: vec![] })
//!     }
//!
//!     fn schema(&mut self) -> Result<Schema> {
//!         Ok(Schema { default_schema: String::new(), relations: vec![] })
//!     }
//!
//!     fn prepare(&mut self, _text: &str) -> Result<Prepared> {
//!         Ok(Prepared { parameters: vec![], columns: vec![] })
//!     }
//!
//!     fn query(&mut self, text: &str, _params: &[Param], _options: QueryOptions) -> Result<Rows<()>> {
//!         self.io.write(text.as_bytes());
//!         self.io.write(b"\n");
//!         self.io.flush()?;
//!         let line = loop {
//!             if let Some(end) = self.io.buffered().iter().position(|byte| *byte == b'\n') {
//!                 break String::from_utf8_lossy(self.io.take(end + 1)?).trim_end().to_owned();
//!             }
//!             self.io.fill()?;
//!         };
//!         let mut batch = BatchBuilder::new([ValueKind::Text]);
//!         batch.push_text(0, &line);
//!         batch.end_row();
//!         Ok(Rows {
//!             columns: vec![Column { name: "line".into(), database_type: "line".into(), kind: ValueKind::Text }],
//!             first: batch.finish(),
//!             rest: None,
//!             affected: None,
//!         })
//!     }
//!
//!     fn fetch(&mut self, _cursor: &mut (), _max_rows: u32, _max_bytes: u32) -> Result<Batch> {
//!         Ok(BatchBuilder::new([ValueKind::Text]).finish())
//!     }
//!
//!     fn close(&mut self, _cursor: ()) {}
//!
//!     fn cancel_token(&mut self) -> Result<Vec<u8>> { Ok(vec![]) }
//! }
//!
//! export_plugin!(connector: Lines);
//!
//! // The same connector, natively, against a scripted server:
//! use labd_plugin::testing::{FakeHost, connector::{config, options}};
//!
//! let host = FakeHost::new();
//! host.script_conn().expect(b"hello\n").answer([b"wor".as_slice(), b"ld\n"]);
//! let mut session = Lines::new(host).open(config())?;
//! let rows = session.query("hello", &[], options())?;
//! assert_eq!(rows.first.rows, 1);
//! # Ok::<(), Error>(())
//! ```

mod batch;

pub use batch::{BatchBuilder, is_null};

use crate::{Host, Result};

pub use crate::bindings::connector::exports::labd::connector::connector::{
    Batch, Column, ColumnInfo, ColumnValues, Config, ForeignKey, Index, Info, Param, Parameter,
    Placeholders, Prepared, QueryOptions, Relation, RelationKind, Schema, ServerInfo, TypedText,
    TypedTexts, ValueKind, Values,
};

/// A connector: what opens connections.
pub trait Connector<H: Host>: Sized + 'static {
    /// A connection of it.
    type Connection: Connection;

    /// A connector for one call.
    fn new(host: H) -> Self;

    /// What this connector is. Pure.
    ///
    /// # Errors
    /// None that is expected.
    fn describe() -> Result<Info>;

    /// Opens the connection. The error tells apart a wrong host, port, password, database and
    /// TLS setting.
    ///
    /// # Errors
    /// `unavailable`, `unauthenticated`, `not-found` for the database, `invalid-request` for
    /// what the options say wrong.
    fn open(&self, config: Config) -> Result<Self::Connection>;

    /// Cancels what runs on another connection of the same source, without waiting for the
    /// effect. Called in an instance of its own.
    ///
    /// # Errors
    /// `unavailable`, `invalid-request` for a token that is none.
    fn cancel(&self, config: Config, token: Vec<u8>) -> Result<()>;
}

/// The answer to a query.
#[derive(Debug)]
pub struct Rows<C> {
    /// The result's columns; none for a statement without rows.
    pub columns: Vec<Column>,
    /// The first rows.
    pub first: Batch,
    /// The rest; none when `first` was all, and then the connection must be free again.
    pub rest: Option<C>,
    /// Rows that a writing statement changed, when the database tells.
    pub affected: Option<u64>,
}

/// A connection. The adapter sees to it that there is at most one cursor: before the next call
/// of anything but [`Connection::fetch`] it closes the one that is left.
pub trait Connection: 'static {
    /// What remembers where a query's rows stand; the connection itself holds their source.
    type Cursor: 'static;

    /// Asks the server for a sign of life.
    ///
    /// # Errors
    /// `unavailable`, `timeout`.
    fn ping(&mut self) -> Result<()>;

    /// What answers, and what its role can do.
    ///
    /// # Errors
    /// As for [`Connection::ping`].
    fn server_info(&mut self) -> Result<ServerInfo>;

    /// All schemas that the role may see, without the database's own.
    ///
    /// # Errors
    /// As for [`Connection::ping`].
    fn schema(&mut self) -> Result<Schema>;

    /// Asks the database to check a statement and describe it; nothing is run.
    ///
    /// # Errors
    /// `invalid-request` with the database's code and position.
    fn prepare(&mut self, text: &str) -> Result<Prepared>;

    /// Runs one statement.
    ///
    /// # Errors
    /// `invalid-request` for the statement, a parameter, or what the role may not do, with the
    /// database's code and position; `timeout`, `cancelled`, `conflict`, `unavailable`.
    fn query(
        &mut self,
        text: &str,
        params: &[Param],
        options: QueryOptions,
    ) -> Result<Rows<Self::Cursor>>;

    /// The next rows; none at the end, and then the connection must be free again. Not called
    /// after an error or the end.
    ///
    /// # Errors
    /// As for [`Connection::query`].
    fn fetch(&mut self, cursor: &mut Self::Cursor, max_rows: u32, max_bytes: u32) -> Result<Batch>;

    /// Gives up the rest of a query's rows; the connection must be usable afterwards. An error
    /// that this brings to light is the next call's to report.
    fn close(&mut self, cursor: Self::Cursor);

    /// Opaque bytes with which [`Connector::cancel`] reaches what runs on this connection.
    ///
    /// # Errors
    /// None that is expected.
    fn cancel_token(&mut self) -> Result<Vec<u8>>;
}

#[doc(hidden)]
pub mod rt {
    //! What the export macro names.

    use super::{
        Batch, BatchBuilder, Config, Connection, Connector, Info, Param, Prepared, QueryOptions,
        Schema, ServerInfo,
    };
    use crate::bindings::connector::exports::labd::connector::connector as wit;
    use crate::log::install_panic_hook;
    use crate::{Result, WasmHost};
    use std::cell::RefCell;
    use std::marker::PhantomData;
    use std::rc::Rc;

    /// The contract's functions over a connector.
    pub struct Adapter<P>(PhantomData<P>);

    /// A connection and the one cursor it may have, with its number.
    struct State<C: Connection> {
        connection: C,
        cursor: Option<(u64, C::Cursor)>,
        cursors: u64,
    }

    impl<C: Connection> State<C> {
        /// The connection, without a cursor that is still open.
        fn free(&mut self) -> &mut C {
            if let Some((_, cursor)) = self.cursor.take() {
                self.connection.close(cursor);
            }
            &mut self.connection
        }
    }

    /// The contract's connection.
    pub struct Connected<C: Connection>(Rc<RefCell<State<C>>>);

    /// The contract's cursor.
    pub struct Remaining<C: Connection> {
        state: Rc<RefCell<State<C>>>,
        number: u64,
    }

    impl<C: Connection> Drop for Remaining<C> {
        fn drop(&mut self) {
            let mut state = self.state.borrow_mut();
            if matches!(&state.cursor, Some((number, _)) if *number == self.number) {
                state.free();
            }
        }
    }

    impl<C: Connection> wit::GuestCursor for Remaining<C> {
        fn next(&self, max_rows: u32, max_bytes: u32) -> Result<Batch> {
            let mut state = self.state.borrow_mut();
            let State {
                connection, cursor, ..
            } = &mut *state;
            let Some((_, current)) = cursor.as_mut().filter(|(number, _)| *number == self.number)
            else {
                return Ok(BatchBuilder::new([]).finish());
            };
            let batch = connection.fetch(current, max_rows.max(1), max_bytes);
            if !matches!(&batch, Ok(batch) if batch.rows > 0) {
                *cursor = None;
            }
            batch
        }
    }

    impl<C: Connection> wit::GuestConnection for Connected<C> {
        fn ping(&self) -> Result<()> {
            self.0.borrow_mut().free().ping()
        }

        fn server_info(&self) -> Result<ServerInfo> {
            self.0.borrow_mut().free().server_info()
        }

        fn schema(&self) -> Result<Schema> {
            self.0.borrow_mut().free().schema()
        }

        fn prepare(&self, text: String) -> Result<Prepared> {
            self.0.borrow_mut().free().prepare(&text)
        }

        fn query(
            &self,
            text: String,
            params: Vec<Param>,
            options: QueryOptions,
        ) -> Result<wit::Rows> {
            let mut state = self.0.borrow_mut();
            let rows = state.free().query(&text, &params, options)?;
            let rest = rows.rest.map(|cursor| {
                state.cursors += 1;
                let number = state.cursors;
                state.cursor = Some((number, cursor));
                wit::Cursor::new(Remaining {
                    state: Rc::clone(&self.0),
                    number,
                })
            });
            Ok(wit::Rows {
                columns: rows.columns,
                first: rows.first,
                rest,
                affected: rows.affected,
            })
        }

        fn cancel_token(&self) -> Result<Vec<u8>> {
            // Asked for while a cursor is open: it must not close it.
            self.0.borrow_mut().connection.cancel_token()
        }
    }

    impl<P: Connector<WasmHost>> wit::Guest for Adapter<P> {
        type Connection = Connected<P::Connection>;
        type Cursor = Remaining<P::Connection>;

        fn describe() -> Result<Info> {
            install_panic_hook();
            P::describe()
        }

        fn open(config: Config) -> Result<wit::Connection> {
            install_panic_hook();
            let connection = P::new(WasmHost).open(config)?;
            Ok(wit::Connection::new(Connected(Rc::new(RefCell::new(
                State {
                    connection,
                    cursor: None,
                    cursors: 0,
                },
            )))))
        }

        fn cancel(config: Config, token: Vec<u8>) -> Result<()> {
            install_panic_hook();
            P::new(WasmHost).cancel(config, token)
        }
    }
}
