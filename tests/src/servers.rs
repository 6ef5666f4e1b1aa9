//! Real database servers for tests.
//!
//! `cargo xtask test` starts one private PostgreSQL for the whole run and says in the environment
//! where it is; [`postgres`] makes a database of one's own in it. Without that environment a test
//! fails and names the command; it is never skipped.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let database = labd_tests::servers::postgres().await?;
//! let client = database.client().await?;
//! client.batch_execute("CREATE TABLE t (a int)").await?;
//! // … give `database.url()` to the code under test …
//! # Ok(())
//! # }
//! ```

use std::{env, path::PathBuf, thread};

use tokio_postgres::{Client, NoTls};
use ulid::Ulid;
use url::Url;

/// Why a test has no database.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The tests were not started by the task that starts the servers.
    #[error(
        "{0} is not set: the private servers do not run. Start tests by `cargo xtask test` (`cargo xtask test -- <nextest arguments>` for some of them)"
    )]
    NotStarted(&'static str),
    /// The address in the environment is none.
    #[error("LABD_TEST_POSTGRES_URL is not a URL: {0}")]
    Address(#[from] url::ParseError),
    /// The server refused.
    #[error("the private PostgreSQL: {0}")]
    Postgres(#[from] tokio_postgres::Error),
}

/// A database of its own for one test. It is removed when this is dropped, also when connections
/// to it are still open.
#[derive(Debug)]
pub struct TestDatabase {
    server: Url,
    url: Url,
    name: String,
}

/// Makes an empty database in the private PostgreSQL.
///
/// # Errors
/// [`Error::NotStarted`] outside of `cargo xtask test`.
pub async fn postgres() -> Result<TestDatabase, Error> {
    const ADDRESS: &str = "LABD_TEST_POSTGRES_URL";
    let server = Url::parse(&env::var(ADDRESS).map_err(|_| Error::NotStarted(ADDRESS))?)?;
    let name = format!("test_{}", Ulid::new().to_string().to_lowercase());
    connect(&server)
        .await?
        .batch_execute(&format!("CREATE DATABASE {name}"))
        .await?;
    let mut url = server.clone();
    url.set_path(&name);
    Ok(TestDatabase { server, url, name })
}

impl TestDatabase {
    /// `postgres://user:password@127.0.0.1:port/name`, the user being a superuser.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The URL for labd, which verifies servers: the private one's certificate comes from no root
    /// that a daemon knows.
    pub fn url_without_tls(&self) -> Url {
        let mut url = self.url.clone();
        url.query_pairs_mut().append_pair("sslmode", "disable");
        url
    }

    /// The database's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same database for another role, which the test has created.
    pub fn url_as(&self, role: &str, password: &str) -> Url {
        let mut url = self.url.clone();
        // Fails only for URLs without a host.
        let _ = url.set_username(role);
        let _ = url.set_password(Some(password));
        url
    }

    /// The certificate authority of the server, whose certificate is for `localhost` and
    /// `127.0.0.1`; no root of the operating system's.
    pub fn authority(&self) -> Result<PathBuf, Error> {
        file("LABD_TEST_POSTGRES_CA")
    }

    /// Certificate and key of a client that may sign in as `cert_user`.
    pub fn client_certificate(&self) -> Result<(PathBuf, PathBuf), Error> {
        Ok((
            file("LABD_TEST_POSTGRES_CLIENT_CERT")?,
            file("LABD_TEST_POSTGRES_CLIENT_KEY")?,
        ))
    }

    /// The folder of the server's Unix socket.
    pub fn socket_folder(&self) -> Result<PathBuf, Error> {
        file("LABD_TEST_POSTGRES_SOCKET_DIR")
    }

    /// A native connection as superuser, without TLS.
    pub async fn client(&self) -> Result<Client, Error> {
        connect(&self.url).await
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        // A thread, because the test's runtime may be the one that is ending. What goes wrong does
        // not matter: the server goes away after the run.
        let removal = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .ok()?;
            runtime.block_on(async {
                let client = connect(&server).await.ok()?;
                let drop = format!("DROP DATABASE {name} WITH (FORCE)");
                client.batch_execute(&drop).await.ok()
            })
        });
        let _ = removal.join();
    }
}

fn file(variable: &'static str) -> Result<PathBuf, Error> {
    env::var_os(variable)
        .map(PathBuf::from)
        .ok_or(Error::NotStarted(variable))
}

async fn connect(url: &Url) -> Result<Client, Error> {
    let (client, connection) = tokio_postgres::connect(url.as_str(), NoTls).await?;
    // Ends with the client.
    tokio::spawn(connection);
    Ok(client)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_test_has_a_database_of_its_own_that_goes_with_it() {
        let (one, other) = (postgres().await.unwrap(), postgres().await.unwrap());
        let client = one.client().await.unwrap();
        client
            .batch_execute("CREATE TABLE t (a int)")
            .await
            .unwrap();
        let query = "SELECT 1 FROM pg_class WHERE relname = 't'";
        let there = other
            .client()
            .await
            .unwrap()
            .query(query, &[])
            .await
            .unwrap();
        assert!(there.is_empty());
        let name = one.name().to_owned();
        // The client is still connected.
        drop(one);
        let left = other
            .client()
            .await
            .unwrap()
            .query("SELECT 1 FROM pg_database WHERE datname = $1", &[&name])
            .await
            .unwrap();
        assert!(left.is_empty());
    }

    #[tokio::test]
    async fn the_server_speaks_tls_and_can_insist_on_it() {
        let database = postgres().await.unwrap();
        let client = database.client().await.unwrap();
        let row = client.query_one("SHOW ssl", &[]).await.unwrap();
        assert_eq!(row.get::<_, &str>(0), "on");
        client
            .batch_execute(
                "DO $$ BEGIN CREATE ROLE tls_only LOGIN PASSWORD 'x';
                 EXCEPTION WHEN duplicate_object THEN END $$",
            )
            .await
            .unwrap();
        let refused = connect(&database.url_as("tls_only", "x"))
            .await
            .unwrap_err();
        assert!(
            format!("{refused:?}").contains("pg_hba.conf"),
            "{refused:?}"
        );
        assert!(database.authority().unwrap().exists());
    }
}
