//! Every limit and time of the query broker.

use std::time::Duration;

/// Connections per source and environment. Databases commonly allow a hundred in all.
pub const CONNECTIONS: usize = 8;

/// How long a caller waits for a connection before it is told `overloaded`: longer than most
/// queries, shorter than a person's patience.
pub const CONNECTION_WAIT: Duration = Duration::from_secs(10);

/// An idle connection is closed after this.
pub const CONNECTION_IDLE: Duration = Duration::from_secs(5 * 60);

/// A connection is not used any more after this, so that changes of roles and servers arrive.
pub const CONNECTION_LIFETIME: Duration = Duration::from_secs(30 * 60);

/// A connection that was idle for longer is asked for a sign of life before it is used.
pub const HEALTH_CHECK_AFTER: Duration = Duration::from_secs(30);

/// To open a connection, resolve, connect and authenticate.
pub const CONNECT: Duration = Duration::from_secs(15);

/// The longest that a statement may run, enforced by the database and by the broker.
pub const STATEMENT: Duration = Duration::from_secs(15);

/// To read a schema, which may be thousands of tables.
pub const SCHEMA: Duration = Duration::from_secs(30);

/// For a statement that is given up to end.
pub const CANCEL: Duration = Duration::from_secs(5);

/// A statement that is given up and has not ended is cancelled again after this, then after twice as
/// long, and so on. It is about the time that a statement takes from this machine to the server.
pub const CANCEL_AGAIN: Duration = Duration::from_millis(50);

/// The most rows of one answer.
pub const ROWS: u32 = 10_000;

/// The rows of a query by hand when it does not say.
pub const ROWS_BY_HAND: u32 = 1_000;

/// The most bytes of one answer, as JSON.
pub const BYTES: usize = 16 * 1024 * 1024;

/// The most bytes of one batch from a connector.
pub const BATCH_BYTES: u32 = 1024 * 1024;

/// The most rows of one batch from a connector.
pub const BATCH_ROWS: u32 = 4_096;

/// The longest statement, in bytes.
pub const TEXT: usize = 256 * 1024;

/// Cursors that one caller may hold on one source.
pub const CURSORS: usize = 2;

/// A cursor that nobody asks is given up after this.
pub const CURSOR_IDLE: Duration = Duration::from_secs(30);

/// Results kept for queries that ask for it, in bytes of all sources together.
pub const CACHE_BYTES: usize = 32 * 1024 * 1024;

/// The longest that a result may be reused, whatever the query asks.
pub const CACHE_AGE: Duration = Duration::from_secs(60 * 60);

/// A cached schema that is older is read anew in the background.
pub const SCHEMA_AGE: Duration = Duration::from_secs(15 * 60);
