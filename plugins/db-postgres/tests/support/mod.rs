//! A host over sockets of this process, and the server that `cargo xtask test` starts.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    dead_code
)]

use labd_db_postgres::{Postgres, Session};
use labd_plugin::connector::{Config, Connector, Param, QueryOptions, Rows};
use labd_plugin::net::{Conn, Target, TlsInfo, TlsMode};
use labd_plugin::testing::connector::{config, options};
use labd_plugin::testing::{FakeBody, FakeHost, NoDatabase};
use labd_plugin::{Error, Host, Result, Zeroizing, http, log};
use std::cell::Cell;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Where the test server is.
#[derive(Clone, Debug)]
pub struct Server {
    pub user: String,
    pub password: String,
    pub host: String,
    pub port: u16,
    pub database: String,
}

impl Server {
    /// From `LABD_TEST_POSTGRES_URL`: `postgres://user:password@host:port/database`.
    pub fn get() -> Self {
        let url = std::env::var("LABD_TEST_POSTGRES_URL")
            .expect("there is no LABD_TEST_POSTGRES_URL: run `cargo xtask test`");
        let rest = url.split_once("://").unwrap().1;
        let (credentials, place) = rest.rsplit_once('@').unwrap();
        let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
        let (address, database) = place.split_once('/').unwrap();
        let (host, port) = address.split_once(':').unwrap();
        Self {
            user: user.into(),
            password: password.into(),
            host: host.into(),
            port: port.parse().unwrap(),
            database: database.split('?').next().unwrap().into(),
        }
    }

    pub fn config(&self) -> Config {
        Config {
            user: Some(self.user.clone()),
            database: Some(self.database.clone()),
            ..config()
        }
    }

    pub fn host(&self) -> Sockets {
        Sockets {
            server: self.clone(),
            waits: Rc::default(),
            fake: FakeHost::new(),
        }
    }

    pub fn open(&self) -> Session<Sockets> {
        Postgres::new(self.host()).open(self.config()).unwrap()
    }
}

/// A session whose search path is a schema of its own.
pub fn scratch() -> (Session<Sockets>, Config, Sockets) {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let server = Server::get();
    let name = format!(
        "labd_test_{}_{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    );
    let mut first = server.open();
    run(&mut first, &format!("CREATE SCHEMA {name}")).unwrap();
    let mut config = server.config();
    config.options.push(("search_path".into(), name));
    let host = server.host();
    let session = Postgres::new(host.clone()).open(config.clone()).unwrap();
    (session, config, host)
}

/// Runs a statement that may write.
pub fn run(session: &mut Session<Sockets>, text: &str) -> Result<Rows<labd_db_postgres::Rest>> {
    session.query(text, &[], &writing())
}

/// Runs a statement read-only.
pub fn ask(
    session: &mut Session<Sockets>,
    text: &str,
    params: &[Param],
) -> Result<Rows<labd_db_postgres::Rest>> {
    session.query(text, params, &options())
}

pub fn writing() -> QueryOptions {
    QueryOptions {
        read_only: false,
        ..options()
    }
}

#[derive(Clone)]
pub struct Sockets {
    server: Server,
    /// How often a read followed a write: round trips that were waited for.
    pub waits: Rc<Cell<u32>>,
    fake: FakeHost,
}

pub struct Socket {
    stream: TcpStream,
    password: String,
    waits: Rc<Cell<u32>>,
    written: bool,
}

fn broken(error: &std::io::Error) -> Error {
    Error::unavailable(error.to_string())
}

impl Conn for Socket {
    fn read(&mut self, max: u32) -> Result<Vec<u8>> {
        if std::mem::take(&mut self.written) {
            self.waits.set(self.waits.get() + 1);
        }
        let mut bytes = vec![0; max as usize];
        let count = self
            .stream
            .read(&mut bytes)
            .map_err(|error| broken(&error))?;
        bytes.truncate(count);
        Ok(bytes)
    }
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.written = true;
        self.stream.write_all(bytes).map_err(|error| broken(&error))
    }
    fn upgrade_tls(&mut self, _alpn: &[String]) -> Result<TlsInfo> {
        Err(Error::internal("this test has no TLS"))
    }
    fn reveal(&mut self, name: &str) -> Result<Zeroizing<Vec<u8>>> {
        assert_eq!(name, "password");
        if self.password.is_empty() {
            return Err(Error::not_found("no password"));
        }
        Ok(Zeroizing::new(self.password.clone().into_bytes()))
    }
}

impl Host for Sockets {
    type Body = FakeBody;
    type Conn = Socket;
    type Database = NoDatabase;

    fn log(&self, level: log::Level, message: &str, fields: &[(&str, &str)]) {
        self.fake.log(level, message, fields);
    }
    fn now(&self) -> u64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_millis() as u64
    }
    fn sleep(&self, duration: Duration) -> Result<()> {
        self.fake.sleep(duration)
    }
    fn send(&self, request: http::Request) -> Result<http::Response<FakeBody>> {
        self.fake.send(request)
    }
    fn targets(&self) -> Result<Vec<Target>> {
        Ok(vec![Target {
            host: self.server.host.clone(),
            port: self.server.port,
            tls: TlsMode::Disable,
        }])
    }
    fn connect(&self, _index: u32) -> Result<Socket> {
        let stream = TcpStream::connect((self.server.host.as_str(), self.server.port))
            .map_err(|error| broken(&error))?;
        stream.set_nodelay(true).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        Ok(Socket {
            stream,
            password: self.server.password.clone(),
            waits: self.waits.clone(),
            written: false,
        })
    }
    fn open_database(&self) -> Result<NoDatabase> {
        self.fake.open_database()
    }
    fn interrupt(&self, token: u64) -> Result<()> {
        self.fake.interrupt(token)
    }
    fn app_query(&self, name: &str, parameters: &str) -> Result<String> {
        self.fake.app_query(name, parameters)
    }
    fn app_user(&self) -> String {
        self.fake.app_user()
    }
}
