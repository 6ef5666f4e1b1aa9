//! Who is asked: the upstream itself, labd, LiteLLM's proxy, Portkey's gateway.

use super::upstream::Upstream;
use crate::{Result, daemon::all_compiled};
use labd_tests::{daemon::Daemon, repository};
use serde_json::{Value, json};
use std::{
    env, fs,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::{
    net::TcpStream,
    process::{Child, Command},
    time::sleep,
};

/// How long a gateway may take to start: LiteLLM reads the prices of some thousand models.
const START: Duration = Duration::from_secs(120);

/// The key that the upstream is asked with, whoever asks.
pub const KEY: &str = "sk-bench-5d1f";

/// The upstream's model.
const MODEL: &str = "gpt-4o";

/// One that answers `/v1/chat/completions`.
pub struct Party {
    /// What it is called in the table.
    pub name: &'static str,
    /// Where it listens.
    pub address: SocketAddr,
    /// The path of Chat Completions.
    pub path: &'static str,
    /// What proves that the client may ask.
    pub authorization: String,
    /// Further headers.
    pub headers: Vec<(&'static str, String)>,
    /// What the model is called there.
    pub model: String,
    /// Its process.
    pub pid: u32,
}

impl Party {
    /// The body of a request with so many bytes of text.
    pub fn body(&self, bytes: usize, stream: bool) -> bytes::Bytes {
        let text: String = "Count the orders of March. "
            .chars()
            .cycle()
            .take(bytes)
            .collect();
        let mut body = json!({
            "model": self.model,
            "messages": [{ "role": "user", "content": text }],
        });
        if let (true, Value::Object(fields)) = (stream, &mut body) {
            fields.insert("stream".to_owned(), true.into());
        }
        body.to_string().into()
    }

    /// The upstream without anything between.
    pub fn direct(upstream: &Upstream) -> Self {
        Self {
            name: "direct",
            address: upstream.address,
            path: "/openai/v1/chat/completions",
            authorization: format!("Bearer {KEY}"),
            headers: Vec::new(),
            model: MODEL.to_owned(),
            pid: upstream.pid,
        }
    }
}

/// A daemon with upstreams as its providers.
pub struct Labd {
    daemon: Daemon,
}

impl Labd {
    /// Starts it, for the second time, as it is for most of its life: the first start compiles the plugins.
    pub async fn start() -> Result<Self> {
        let mut daemon = Daemon::start_empty().await?;
        all_compiled(&daemon).await?;
        daemon.stop().await?;
        daemon.restart().await?;
        Ok(Self { daemon })
    }

    /// It before an upstream, which it knows by this name.
    pub async fn party(&self, name: &str, base_url: &str) -> Result<Party> {
        let create = json!({
            "name": name, "plugin": "labd.openai-compatible", "api_key": KEY,
            "config": { "base-url": base_url },
        });
        let made = self.daemon.post("/providers", create).await?;
        if made.status != 201 {
            return Err(format!("labd has no provider: {}", made.text()).into());
        }
        Ok(Party {
            name: "labd",
            address: (Ipv4Addr::LOCALHOST, self.daemon.port()).into(),
            path: "/v1/chat/completions",
            authorization: format!("Bearer {}", self.daemon.token()),
            headers: Vec::new(),
            model: format!("{name}/{MODEL}"),
            pid: self.daemon.pid(),
        })
    }

    /// How many requests it has written down.
    pub async fn counted(&self) -> Result<u64> {
        let status = self.daemon.get("/gateway/status").await?.json();
        let requests = status.pointer("/today/requests").and_then(Value::as_u64);
        requests.ok_or_else(|| format!("labd does not tell what was used: {status}").into())
    }
}

/// Another gateway, as its own process.
pub struct Rival {
    process: Child,
    port: u16,
    /// Its configuration and its log.
    folder: TempDir,
}

impl Rival {
    /// LiteLLM's proxy with one worker, which checks its key.
    pub async fn litellm(upstream: &Upstream) -> Result<Self> {
        let program = installed("LABD_BENCH_LITELLM")?;
        let folder = tempfile::tempdir()?;
        let config = folder.path().join("config.yaml");
        // JSON is YAML.
        let text = json!({
            "model_list": [{
                "model_name": MODEL,
                "litellm_params": {
                    "model": format!("openai/{MODEL}"),
                    "api_base": upstream.base_url(),
                    "api_key": KEY,
                },
            }],
            "general_settings": { "master_key": KEY },
        });
        fs::write(&config, text.to_string())?;
        let port = free_port()?;
        let mut command = Command::new(program);
        command
            .arg("--config")
            .arg(&config)
            .args(["--host", "127.0.0.1", "--port", &port.to_string()])
            .args(["--num_workers", "1", "--telemetry", "False"])
            .env("LITELLM_LOG", "ERROR")
            // It takes a model that says the same often for one that will not end.
            .env("REPEATED_STREAMING_CHUNK_LIMIT", "1000000")
            // Its table of prices comes from the network otherwise.
            .env("LITELLM_LOCAL_MODEL_COST_MAP", "True");
        Self::start(command, port, folder).await
    }

    /// Portkey's gateway.
    pub async fn portkey() -> Result<Self> {
        let script = installed("LABD_BENCH_PORTKEY")?;
        let port = free_port()?;
        let mut command = Command::new("node");
        command
            .arg(script)
            .args([&format!("--port={port}"), "--headless"])
            .env("NODE_ENV", "production");
        Self::start(command, port, tempfile::tempdir()?).await
    }

    async fn start(mut command: Command, port: u16, folder: TempDir) -> Result<Self> {
        let log = fs::File::create(folder.path().join("log"))?;
        let mut process = command
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()?;
        let begun = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port))
            .await
            .is_err()
        {
            if begun.elapsed() > START || process.try_wait()?.is_some() {
                return Err(format!("it does not start: {}", log_of(&folder)).into());
            }
            sleep(Duration::from_millis(100)).await;
        }
        Ok(Self {
            process,
            port,
            folder,
        })
    }

    /// The end of its log.
    pub fn last_words(&self) -> String {
        log_of(&self.folder)
    }

    /// LiteLLM as one that is asked.
    pub fn as_litellm(&self) -> Party {
        Party {
            name: "LiteLLM",
            address: (Ipv4Addr::LOCALHOST, self.port).into(),
            path: "/v1/chat/completions",
            authorization: format!("Bearer {KEY}"),
            headers: Vec::new(),
            model: MODEL.to_owned(),
            pid: self.process.id().unwrap_or_default(),
        }
    }

    /// Portkey as one that is asked: the client tells it whom to ask, and nothing is checked.
    pub fn as_portkey(&self, upstream: &Upstream) -> Party {
        Party {
            name: "Portkey",
            headers: vec![
                ("x-portkey-provider", "openai".to_owned()),
                ("x-portkey-custom-host", upstream.base_url()),
            ],
            ..self.as_litellm()
        }
    }
}

/// The last lines of the log in a rival's folder.
fn log_of(folder: &TempDir) -> String {
    let log = fs::read(folder.path().join("log")).unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    let lines: Vec<_> = log.lines().rev().take(20).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}

/// What the task that starts this has installed.
fn installed(variable: &str) -> Result<PathBuf> {
    let path = env::var_os(variable).ok_or_else(|| {
        format!("{variable} is not set: start this by `cargo xtask bench -- gateway`")
    })?;
    Ok(repository::root().join(path))
}

/// A port that nobody has now.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}
