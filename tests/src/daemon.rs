//! A real daemon: the program that users run, on a free port, with a data directory of its own.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let daemon = labd_tests::daemon::Daemon::start().await?;
//! let status = daemon.get("/status").await?;
//! assert_eq!(status.status, 200);
//! # Ok(())
//! # }
//! ```
//!
//! `cargo xtask test` builds the program and says in `LABD_BIN` where it is. A daemon is killed,
//! and its folder removed, when it is dropped.

use std::{
    env, fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::{ExitStatus, Output, Stdio},
    time::{Duration, Instant},
};

use labd_protocol::{GatewayConfig, LabdClient, answer, connect, within};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::AsyncWriteExt,
    process::{Child, Command},
    time::{sleep, timeout},
};

/// Long enough for a machine that compiles all plugins for the first time while it does much else.
const READY: Duration = Duration::from_secs(60);

/// The longest that a command of the command line may take.
const COMMAND: Duration = Duration::from_secs(120);

/// How often something is looked at that has to come.
const POLL: Duration = Duration::from_millis(20);

/// Why there is no daemon, or no answer of it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The tests were not started by the task that builds the program.
    #[error("LABD_BIN is not set: start tests by `cargo xtask test`")]
    NotBuilt,
    /// A file or process.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A request over HTTP.
    #[error(transparent)]
    Http(#[from] reqwest::Error),
    /// An answer that is no JSON.
    #[error("{0}: {1}")]
    Json(serde_json::Error, String),
    /// The daemon ended, or was not ready in time.
    #[error("the daemon is not ready:\n{0}")]
    NotReady(String),
    /// A command failed that had to succeed.
    #[error("labd {0}")]
    Command(String),
    /// The system does not let this user mount anything.
    #[error(
        "no small disk can be made: this test needs Linux, `unshare` (util-linux), and either root or user namespaces"
    )]
    NoSmallDisk,
    /// Something did not come in time.
    #[error("{0} did not come in time")]
    Late(&'static str),
}

/// An answer over HTTP.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: reqwest::header::HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; `null` when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// A header, empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }
}

/// What a command printed, and how it ended.
#[derive(Debug)]
pub struct Printed {
    /// 0 for success.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl From<Output> for Printed {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// A folder in which daemons live, one after the other.
#[derive(Debug)]
pub struct Home {
    folder: TempDir,
    data: PathBuf,
    /// The size of the disk that the daemon's data lies on, where it has one of its own.
    disk: Option<u64>,
    /// What its programs find in their environment besides.
    variables: Vec<(String, String)>,
}

/// Runs a program with a disk of its own at its data directory, which nobody else sees but for the
/// folder of the socket: `size data aside program…`.
const ON_A_DISK: &str = "set -e
    size=$1 data=$2 aside=$3; shift 3
    mkdir -p -m 700 \"$data\" \"$data/run\" \"$aside\"
    mount --bind \"$data/run\" \"$aside\"
    mount -t tmpfs -o size=$size,mode=700 labd \"$data\"
    mkdir -m 700 \"$data/run\"
    mount --bind \"$aside\" \"$data/run\"
    exec \"$@\"";

impl Home {
    /// An empty one.
    ///
    /// # Errors
    /// When no folder can be made.
    pub fn new() -> Result<Self, Error> {
        let folder = tempfile::Builder::new().prefix("labd-test-").tempdir()?;
        let data = folder.path().join("data");
        Ok(Self {
            folder,
            data,
            disk: None,
            variables: Vec::new(),
        })
    }

    /// An empty one whose daemon has a disk of so many bytes for its data.
    ///
    /// # Errors
    /// [`Error::NoSmallDisk`] where that is not possible.
    pub async fn on_a_disk_of(bytes: u64) -> Result<Self, Error> {
        let mut home = Self::new()?;
        let place = home.path().join("probe");
        fs::create_dir(&place)?;
        let mounted = home
            .unshare()?
            .args(["mount", "-t", "tmpfs", "probe"])
            .arg(&place)
            .stderr(Stdio::null())
            .status()
            .await;
        if !mounted.is_ok_and(|status| status.success()) {
            return Err(Error::NoSmallDisk);
        }
        home.disk = Some(bytes);
        Ok(home)
    }

    /// The command that gives what follows a mount namespace of its own.
    fn unshare(&self) -> Result<Command, Error> {
        let mut command = Command::new("unshare");
        // What this process makes is root's when it is root's.
        if fs::metadata(self.path())?.uid() != 0 {
            command.arg("--map-root-user");
        }
        command.arg("--mount");
        Ok(command)
    }

    /// Its programs find this in their environment.
    #[must_use]
    pub fn with_variable(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    /// The folder that holds all of it: data, configuration and log.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The data directory.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Everything that all daemons of this home have logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path().join("log")).unwrap_or_default()
    }

    /// The program with this home's data directory, and nothing of the user's own configuration.
    ///
    /// # Errors
    /// [`Error::NotBuilt`] outside of `cargo xtask test`.
    pub fn labd(&self, arguments: &[&str]) -> Result<Command, Error> {
        let program = env::var_os("LABD_BIN").ok_or(Error::NotBuilt)?;
        let mut command = match self.disk {
            Some(bytes) if arguments.first() == Some(&"serve") => {
                let mut command = self.unshare()?;
                command
                    .args(["sh", "-c", ON_A_DISK, "sh", &bytes.to_string()])
                    .args([&self.data, &self.path().join("aside")])
                    .arg(program);
                command
            }
            _ => Command::new(program),
        };
        command
            .arg("--data-dir")
            .arg(&self.data)
            .args(arguments)
            .env("XDG_CONFIG_HOME", self.path().join("config"))
            .env("HOME", self.path())
            .env_remove("LABD_DATA_DIR")
            .env_remove("XDG_RUNTIME_DIR")
            .env_remove("PGPASSWORD")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        Ok(command)
    }

    /// Runs a command to its end.
    ///
    /// # Errors
    /// When it cannot be started or does not end.
    pub async fn run(&self, arguments: &[&str]) -> Result<Printed, Error> {
        self.run_with_input(arguments, "").await
    }

    /// Runs a command that reads standard input.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn run_with_input(&self, arguments: &[&str], input: &str) -> Result<Printed, Error> {
        let mut child = self.labd(arguments)?.stdin(Stdio::piped()).spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            // A command that does not read it may have ended already.
            let _ = stdin.write_all(input.as_bytes()).await;
        }
        let output = timeout(COMMAND, child.wait_with_output())
            .await
            .map_err(|_| Error::Late("the end of the command"))??;
        Ok(output.into())
    }

    /// Runs a command with `--json`; its answer.
    ///
    /// # Errors
    /// When it fails too.
    pub async fn run_json(&self, arguments: &[&str]) -> Result<Value, Error> {
        let mut all = vec!["--json"];
        all.extend(arguments);
        let printed = self.run(&all).await?;
        if printed.code != 0 {
            return Err(Error::Command(format!(
                "{}: {}",
                arguments.join(" "),
                printed.err
            )));
        }
        serde_json::from_str(&printed.out).map_err(|error| Error::Json(error, printed.out))
    }
}

/// A running daemon.
#[derive(Debug)]
pub struct Daemon {
    /// Where it lives.
    pub home: Home,
    child: Child,
    arguments: Vec<String>,
    port: u16,
    token: String,
    http: reqwest::Client,
}

impl Daemon {
    /// Starts one with the sample database.
    ///
    /// # Errors
    /// When it is not ready in time.
    pub async fn start() -> Result<Self, Error> {
        Self::start_in(Home::new()?, &[]).await
    }

    /// Starts one without the sample database.
    ///
    /// # Errors
    /// When it is not ready in time.
    pub async fn start_empty() -> Result<Self, Error> {
        Self::start_in(Home::new()?, &["--no-sample"]).await
    }

    /// Starts one in a home, with further arguments of `labd serve`.
    ///
    /// # Errors
    /// When it is not ready in time.
    pub async fn start_in(home: Home, arguments: &[&str]) -> Result<Self, Error> {
        // Another test of this process may have installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        let arguments: Vec<String> = arguments.iter().map(|&text| text.to_owned()).collect();
        let (child, port) = launch(&home, &arguments).await?;
        let token = home.run_json(&["token", "create", "tests"]).await?;
        let token = token
            .get("token")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        Ok(Self {
            home,
            child,
            arguments,
            port,
            token,
            http,
        })
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id().unwrap_or_default()
    }

    /// The data directory as the daemon sees it, which may lie on a disk of its own.
    pub fn seen_data(&self) -> PathBuf {
        let data = self.home.data();
        let below = data.strip_prefix("/").unwrap_or(data);
        Path::new("/proc")
            .join(self.pid().to_string())
            .join("root")
            .join(below)
    }

    /// A token for HTTP.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// A link that signs in at the console, once.
    ///
    /// # Errors
    /// When the command fails.
    pub async fn sign_in_link(&self) -> Result<String, Error> {
        let link = self.home.run_json(&["open", "--print"]).await?;
        let url = link.get("url").and_then(Value::as_str).unwrap_or_default();
        Ok(url.to_owned())
    }

    /// The socket of the RPC.
    pub fn socket(&self) -> PathBuf {
        self.home.data().join("run/labd.sock")
    }

    /// A client over the socket.
    ///
    /// # Errors
    /// When the daemon does not listen.
    pub async fn rpc(&self) -> Result<LabdClient, Error> {
        Ok(connect(self.socket()).await?)
    }

    /// Has the gateway send no request a second time, for tests of what one failure says.
    ///
    /// # Errors
    /// When the daemon refuses it.
    pub async fn repeat_nothing(&self) -> Result<(), Error> {
        let mut config = GatewayConfig::default();
        config.retry.retries = 0;
        let labd = self.rpc().await?;
        let configured = answer(labd.gateway_configure(within(COMMAND), config).await);
        configured
            .map(drop)
            .map_err(|error| Error::Command(error.message))
    }

    /// A request to a route of the API (`/status`), with the token.
    pub fn request(&self, method: Method, route: &str) -> RequestBuilder {
        self.http
            .request(
                method,
                format!("http://127.0.0.1:{}/api/v1{route}", self.port),
            )
            .bearer_auth(&self.token)
    }

    /// A request to one of the other sites, by its origin, without token. No name is resolved.
    pub fn request_site(&self, method: Method, origin: &str, path: &str) -> RequestBuilder {
        let host = origin.split_once("://").map_or(origin, |(_, host)| host);
        self.http
            .request(method, format!("http://127.0.0.1:{}{path}", self.port))
            .header("host", host)
    }

    /// Reads.
    ///
    /// # Errors
    /// When there is no answer; one that says no is an answer.
    pub async fn get(&self, route: &str) -> Result<Answer, Error> {
        send(self.request(Method::GET, route)).await
    }

    /// Sends JSON.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn post(&self, route: &str, body: Value) -> Result<Answer, Error> {
        send(self.request(Method::POST, route).json(&body)).await
    }

    /// Puts JSON.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn put(&self, route: &str, body: Value) -> Result<Answer, Error> {
        send(self.request(Method::PUT, route).json(&body)).await
    }

    /// Deletes.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub async fn delete(&self, route: &str) -> Result<Answer, Error> {
        send(self.request(Method::DELETE, route)).await
    }

    /// Ends it as a power cut does: `kill -9`.
    ///
    /// # Errors
    /// When it does not end.
    pub async fn kill(&mut self) -> Result<(), Error> {
        Ok(self.child.kill().await?)
    }

    /// Ends it as an operator does: `kill`.
    ///
    /// # Errors
    /// When it does not end.
    pub async fn stop(&mut self) -> Result<ExitStatus, Error> {
        Command::new("kill")
            .arg(self.pid().to_string())
            .status()
            .await?;
        Ok(timeout(READY, self.child.wait())
            .await
            .map_err(|_| Error::Late("the daemon's end"))??)
    }

    /// Starts it again, on another port, with the same data and token.
    ///
    /// # Errors
    /// When it is not ready in time.
    pub async fn restart(&mut self) -> Result<(), Error> {
        (self.child, self.port) = launch(&self.home, &self.arguments).await?;
        Ok(())
    }

    /// Its memory.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn memory(&self) -> Result<Memory, Error> {
        Memory::of(self.pid())
    }
}

/// What a process has in memory, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// All, of which the program's own file is a part.
    pub all: u64,
    /// What only this process has.
    pub own: u64,
}

impl Memory {
    /// That of a process.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn of(pid: u32) -> Result<Self, Error> {
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let field = |name: &'static str| {
            status
                .lines()
                .find_map(|line| line.strip_prefix(name))
                .and_then(|rest| {
                    rest.trim()
                        .trim_end_matches("kB")
                        .trim()
                        .parse::<u64>()
                        .ok()
                })
                .map(|kib| kib * 1024)
                .ok_or_else(|| io::Error::other(format!("no {name}")))
        };
        Ok(Self {
            all: field("VmRSS:")?,
            own: field("RssAnon:")?,
        })
    }
}

/// Sends a request and reads the whole answer.
///
/// # Errors
/// When there is none.
pub async fn send(request: RequestBuilder) -> Result<Answer, Error> {
    let response = request.timeout(COMMAND).send().await?;
    Ok(Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        body: response.bytes().await?.to_vec(),
    })
}

/// Waits until something is there.
///
/// # Errors
/// [`Error::Late`] after a minute.
pub async fn until<T>(
    what: &'static str,
    mut look: impl AsyncFnMut() -> Option<T>,
) -> Result<T, Error> {
    let deadline = Instant::now() + READY;
    while Instant::now() < deadline {
        if let Some(found) = look().await {
            return Ok(found);
        }
        sleep(POLL).await;
    }
    Err(Error::Late(what))
}

async fn launch(home: &Home, arguments: &[String]) -> Result<(Child, u16), Error> {
    let said = home.path().join("said");
    let log = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(home.path().join("log"))?;
    let mut child = home
        .labd(&["serve", "--listen", "127.0.0.1:0"])?
        .args(arguments)
        .stdout(fs::File::create(&said)?)
        .stderr(log)
        .spawn()?;
    let deadline = Instant::now() + READY;
    loop {
        let text = fs::read_to_string(&said)?;
        // The socket's line is the last one.
        if text.contains("  socket  ")
            && let Some(port) = port(&text)
        {
            return Ok((child, port));
        }
        if child.try_wait()?.is_some() || Instant::now() > deadline {
            return Err(Error::NotReady(home.log()));
        }
        sleep(POLL).await;
    }
}

/// The port in the line of the console's address.
fn port(said: &str) -> Option<u16> {
    let line = said
        .lines()
        .find(|line| line.contains("console  http://"))?;
    line.rsplit(':').next()?.trim().parse().ok()
}
