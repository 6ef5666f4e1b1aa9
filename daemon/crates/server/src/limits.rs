//! The server's limits: each with its unit, its value and its reason.

use std::time::Duration;

/// Bytes of a request's body, and of an RPC frame: a source file or a certificate is far smaller.
pub const MAX_BODY: usize = 8 * 1024 * 1024;
/// Bytes of the body of a call of a model, whose pictures and files come in it. It is read only once
/// its caller is known.
pub const MAX_MODEL_BODY: usize = 24 * 1024 * 1024;
/// Bytes of the body of a request that nobody has signed in for yet.
pub const MAX_ANONYMOUS_BODY: usize = 16 * 1024;
/// Bytes of a request's line and headers together: cookies of other programs on `localhost` come
/// along.
pub const MAX_HEADER_BYTES: usize = 64 * 1024;
/// Headers of a request.
pub const MAX_HEADERS: usize = 100;
/// Open HTTP connections. A browser opens six per origin, and each preview is an origin; further
/// connections wait.
pub const MAX_CONNECTIONS: usize = 512;
/// Open RPC connections; a further one is closed at once.
pub const MAX_RPC_CONNECTIONS: usize = 64;
/// Calls in flight on one RPC connection; a further one is answered with `overloaded`.
pub const MAX_CALLS: usize = 64;
/// Events of one page.
pub const MAX_EVENTS: u32 = 1000;

/// Time a client has for a request's headers, and between requests of one connection.
pub const HEADER_TIME: Duration = Duration::from_secs(30);
/// Time a client has for a request's body.
pub const BODY_TIME: Duration = Duration::from_secs(30);
/// Time without a byte taken after which a client that should read is given up.
pub const STALL_TIME: Duration = Duration::from_secs(60);
/// A quiet stream says that it lives: proxies close connections that are quiet for a minute.
pub const HEARTBEAT: Duration = Duration::from_secs(15);
/// The longest that one HTTP request may wait for events.
pub const MAX_WAIT: Duration = Duration::from_secs(30);
/// By this much a waiting RPC call ends before its deadline, so that its answer arrives.
pub const WAIT_MARGIN: Duration = Duration::from_secs(1);
/// Time that connections have to end when the daemon does.
pub const CLOSE_TIME: Duration = Duration::from_secs(5);
/// Time that an RPC connection has, when the daemon stops and all calls are done, to write answers.
pub const LAST_WORDS: Duration = Duration::from_millis(100);
/// How often times of last use are written.
pub const FLUSH_EVERY: Duration = Duration::from_secs(60);
