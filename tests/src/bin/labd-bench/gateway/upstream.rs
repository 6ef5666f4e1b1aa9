//! The upstream: a process of its own that plays OpenAI with one fast answer.

use crate::Result;
use serde_json::Value;
use std::{env, net::SocketAddr, path::Path, process::Stdio};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
};

/// A running one.
pub struct Upstream {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its process.
    pub pid: u32,
    _process: Child,
}

impl Upstream {
    /// Starts one whose answers have so many pieces of text of 16 bytes, which come one after another.
    pub async fn start(pieces: usize) -> Result<Self> {
        Self::start_with(pieces, &[]).await
    }

    /// The same, and they come at once, as a whole answer does.
    pub async fn start_at_once(pieces: usize) -> Result<Self> {
        Self::start_with(pieces, &["--at-once"]).await
    }

    async fn start_with(pieces: usize, options: &[&str]) -> Result<Self> {
        let labd = env::var_os("LABD_BIN").ok_or("LABD_BIN is not set")?;
        let program = Path::new(&labd).with_file_name("labd-ai-peer");
        let mut process = Command::new(&program)
            .args(["--events", &pieces.to_string()])
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("{}: {error}", program.display()))?;
        let out = process.stdout.take().ok_or("no output")?;
        let line = BufReader::new(out).lines().next_line().await?;
        let told: Value = serde_json::from_str(&line.ok_or("the upstream ended")?)?;
        let address = told.get("address").and_then(Value::as_str);
        Ok(Self {
            address: address.ok_or("the upstream has no address")?.parse()?,
            pid: process.id().unwrap_or_default(),
            _process: process,
        })
    }

    /// Where its version of OpenAI's API is.
    pub fn base_url(&self) -> String {
        format!("http://{}/openai/v1", self.address)
    }
}
