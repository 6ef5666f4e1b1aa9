//! labd's side: the public path of a daemon, with the limits that a daemon has.

use crate::{Result, guests::Guests};
use async_trait::async_trait;
use bytes::Bytes;
use labd_plugin_host::{
    EmbeddedFile, Limits, PluginError, PluginHost, PluginOptions,
    kinds::{
        ai::{AiProvider, ProviderAccess, Request},
        connector::{Connection, Connector, ConnectorConfig, SourceAccess, TlsMode},
        sandbox::{AppRequest, AppServer, AppServices},
    },
};
use std::{
    collections::BTreeMap,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// A host with the three guests, and something open in each.
pub struct Labd {
    connector: Arc<dyn Connector>,
    connection: Box<dyn Connection>,
    provider: Arc<dyn AiProvider>,
    server: Box<dyn AppServer>,
    services: Arc<dyn AppServices>,
    _folder: TempDir,
}

impl Labd {
    /// Starts it.
    pub async fn start(guests: &Guests) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let host = PluginHost::start(PluginOptions {
            data_dir: folder.path().to_owned(),
            embedded: [
                package("connector", CONNECTOR, &guests.connector),
                package("ai-provider", "", &guests.provider),
                package("sandbox", "", &guests.sandbox),
            ]
            .concat(),
            ..PluginOptions::default()
        })?;
        let connector = host.connector("bench.connector").ok_or("no connector")?;
        let sandbox = host.sandbox("bench.sandbox").ok_or("no sandbox")?;
        Ok(Self {
            connection: connector.open(source("kept")).await?,
            connector,
            provider: host.ai_provider("bench.ai-provider").ok_or("no provider")?,
            server: sandbox.load("project", Bytes::new()).await?,
            services: Arc::new(NoServices),
            _folder: folder,
        })
    }

    /// Calls that do nothing, of one instance.
    pub async fn pings(&mut self, times: u32) -> Result<Duration> {
        let start = Instant::now();
        for _ in 0..times {
            self.connection.ping().await?;
        }
        Ok(start.elapsed())
    }

    /// Calls that do nothing, each by an instance that is taken from the idle ones and given back.
    pub async fn takes(&self, times: u32) -> Result<Duration> {
        let access = ProviderAccess::default();
        let start = Instant::now();
        for _ in 0..times {
            self.provider.models(&access).await?;
        }
        Ok(start.elapsed())
    }

    /// Calls with so many bytes there and back.
    pub async fn echoes(&mut self, size: usize, times: u32) -> Result<Duration> {
        let requests: Vec<_> = (0..times)
            .map(|_| AppRequest {
                method: "POST".into(),
                url: "/api/echo".into(),
                headers: Vec::new(),
                body: vec![b'x'; size].into(),
            })
            .collect();
        let start = Instant::now();
        for request in requests {
            let response = self.server.handle(request, Arc::clone(&self.services));
            if response.await?.body.len() != size {
                return Err("another body came back".into());
            }
        }
        Ok(start.elapsed())
    }

    /// New instances, each called once and dropped.
    pub async fn instances(&self, times: u32) -> Result<Duration> {
        let start = Instant::now();
        for _ in 0..times {
            self.connector.open(source("new")).await?;
        }
        Ok(start.elapsed())
    }

    /// A stream of so many events, at most `batch` a call.
    pub async fn stream(&self, events: u32, batch: u32) -> Result<Duration> {
        let request = Request {
            max_tokens: Some(events),
            ..Request::default()
        };
        let start = Instant::now();
        let mut completion = self
            .provider
            .complete(&ProviderAccess::default(), request)
            .await?;
        let mut seen = 0;
        loop {
            let more = completion.next(batch).await?;
            if more.is_empty() {
                break;
            }
            seen += more.len();
        }
        let took = start.elapsed();
        if seen != events as usize {
            return Err(format!("{seen} events of {events} came").into());
        }
        Ok(took)
    }

    /// Calls that do nothing, by so many callers at once.
    pub async fn callers(&self, callers: u32, times: u32) -> Result<Duration> {
        let start = Instant::now();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..callers {
            let provider = Arc::clone(&self.provider);
            tasks.spawn(async move {
                let access = ProviderAccess::default();
                for _ in 0..times {
                    provider.models(&access).await?;
                    tokio::task::yield_now().await;
                }
                Ok::<_, PluginError>(())
            });
        }
        while let Some(ended) = tasks.join_next().await {
            ended??;
        }
        Ok(start.elapsed())
    }
}

/// How long it took from nothing.
pub struct Load {
    /// Until there is a host, or an engine.
    pub host_started: Duration,
    /// Until all was done.
    pub all: Duration,
}

impl Load {
    /// What came after the host's start.
    pub fn rest(&self) -> Duration {
        self.all.saturating_sub(self.host_started)
    }
}

/// From nothing to the first call's answer. What the folder holds of compiled code is used.
pub async fn first_load(guests: &Guests, folder: &Path) -> Result<Load> {
    let embedded = package("connector", CONNECTOR, &guests.connector);
    let start = Instant::now();
    let host = PluginHost::start(PluginOptions {
        data_dir: folder.to_owned(),
        embedded,
        ..PluginOptions::default()
    })?;
    let host_started = start.elapsed();
    let connector = host.connector("bench.connector").ok_or("no connector")?;
    connector.open(source("first")).await?.ping().await?;
    Ok(Load {
        host_started,
        all: start.elapsed(),
    })
}

/// All first-party plugins, until each of them is ready to be instantiated. What the folder holds of
/// compiled code is used.
pub async fn first_party(folder: &Path, embedded: Vec<EmbeddedFile>) -> Result<(Load, usize)> {
    let start = Instant::now();
    let host = PluginHost::start(PluginOptions {
        data_dir: folder.to_owned(),
        embedded,
        ..PluginOptions::default()
    })?;
    let host_started = start.elapsed();
    host.precompile_all().await;
    let took = Load {
        host_started,
        all: start.elapsed(),
    };
    let plugins = host.list();
    if let Some(bad) = plugins
        .iter()
        .find(|plugin| !matches!(plugin.state, labd_plugin_host::PluginState::Ready))
    {
        return Err(format!("{} is {:?}", bad.id, bad.state).into());
    }
    Ok((took, plugins.len()))
}

/// Holds so many instances and measures with `resident` what they take.
pub async fn hold(
    guests: &Guests,
    count: usize,
    resident: impl Fn() -> Result<u64>,
) -> Result<u64> {
    let folder = tempfile::tempdir()?;
    let limits = Limits::default();
    let host = PluginHost::start(PluginOptions {
        data_dir: folder.path().to_owned(),
        embedded: package("connector", CONNECTOR, &guests.connector),
        limits: Limits {
            // A daemon has several plugins, which share the engine's places; here is one.
            connections: limits.connections.max(count),
            ..limits
        },
        ..PluginOptions::default()
    })?;
    let connector = host.connector("bench.connector").ok_or("no connector")?;
    connector.open(source("warm-up")).await?.ping().await?;
    let before = resident()?;
    let mut held = Vec::new();
    for _ in 0..count {
        let mut connection = connector.open(source("held")).await?;
        connection.ping().await?;
        held.push(connection);
    }
    Ok(resident()?.saturating_sub(before))
}

const CONNECTOR: &str = "[connector]\nschemes = [\"bench\"]";

/// The files of a package.
fn package(kind: &str, more: &str, wasm: &[u8]) -> Vec<EmbeddedFile> {
    let manifest = format!(
        "schema = 1\nid = \"bench.{kind}\"\nversion = \"0.1.0\"\nkind = \"{kind}\"\nhost = \">=0.1\"\n\
         wasm = \"plugin.wasm\"\n{more}\n"
    );
    let file = |name: &str, bytes: &[u8]| EmbeddedFile {
        path: format!("bench.{kind}-0.1.0/{name}").into(),
        bytes: bytes.to_vec().into(),
    };
    vec![
        file("plugin.toml", manifest.as_bytes()),
        file("plugin.wasm", wasm),
    ]
}

/// A data source without servers.
fn source(id: &str) -> Arc<SourceAccess> {
    Arc::new(SourceAccess {
        source_id: id.into(),
        targets: Vec::new(),
        tls: TlsMode::Disable,
        ca: None,
        client: None,
        sqlite: None,
        config: ConnectorConfig::default(),
        secrets: BTreeMap::new(),
    })
}

/// What an echo asks of its app.
struct NoServices;

#[async_trait]
impl AppServices for NoServices {
    async fn query(&self, _: &str, _: &str) -> std::result::Result<String, PluginError> {
        Ok(String::new())
    }

    fn user(&self) -> String {
        String::new()
    }

    fn log(&self, _: &str, _: &str) {}
}
