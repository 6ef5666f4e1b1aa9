//! The configuration file, and where things lie.
//!
//! `labd.toml` is read from `--config`, or else from `$XDG_CONFIG_HOME/labd/labd.toml`
//! (`~/.config/labd/labd.toml`) when that exists. `docs/labd.toml` documents every key; unknown keys
//! are refused.
//!
//! The environment variable `LABD_DATA_DIR` and the option `--data-dir` come before the file.
//! With a data directory of one's own, the socket lies in it unless `socket` says otherwise.

use crate::{cli::GlobalOptions, failure::Failure};
use labd_builder::limits::{FIRST_EVENT, NEXT_EVENT};
use labd_plugin_host::{Ceiling, manifest::HttpTarget};
use serde::Deserialize;
use std::{
    env,
    net::SocketAddr,
    num::NonZeroU16,
    path::{Path, PathBuf},
    time::Duration,
};
use url::Url;

/// Everything that can be configured.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Address and port of HTTP.
    pub listen: SocketAddr,
    /// The console's address behind a proxy, and the previews'.
    pub public: Option<(String, String)>,
    /// Addresses or ranges whose forwarded headers count.
    pub trusted_proxies: Vec<String>,
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// The socket of the RPC.
    pub socket: PathBuf,
    /// Further plugin packages.
    pub plugin_dirs: Vec<PathBuf>,
    /// The folder that packages are installed from by their ids.
    pub plugin_mirror: Option<PathBuf>,
    /// The log's filter.
    pub log: String,
    /// The log is written as JSON.
    pub log_json: bool,
    /// Further certificate authorities, PEM.
    pub extra_roots: Option<PathBuf>,
    /// Where spans are sent.
    pub telemetry: TelemetryAt,
    /// How long AI providers may be silent.
    pub ai: AiWaits,
    /// The most that any plugin may be granted.
    pub ceiling: Ceiling,
    /// Offer the sample database at the first start.
    pub sample: bool,
}

/// Where spans are sent; the environment comes before it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TelemetryAt {
    /// A collector's address, without `/v1/traces`.
    pub endpoint: Option<Url>,
    /// A file of headers for it.
    pub headers_file: Option<PathBuf>,
}

/// How long AI providers may be silent; a turn that waits longer fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AiWaits {
    /// Before the answer begins: models that reason, or are loaded first, are slow.
    pub first_event: Duration,
    /// Within the answer.
    pub next_event: Duration,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    listen: Option<SocketAddr>,
    public_url: Option<String>,
    preview_url: Option<String>,
    trusted_proxies: Vec<String>,
    data_dir: Option<PathBuf>,
    socket: Option<PathBuf>,
    plugin_dirs: Vec<PathBuf>,
    log: Option<String>,
    log_format: Option<LogFormat>,
    tls: Tls,
    telemetry: TelemetryAt,
    ai: Ai,
    ceiling: RawCeiling,
    plugins: Plugins,
    sample: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawCeiling {
    http: Option<Vec<String>>,
    net: Option<bool>,
    sqlite: Option<bool>,
    reveal: Option<bool>,
}

impl RawCeiling {
    fn parse(self) -> Result<Ceiling, Failure> {
        let http = self.http.map(|origins| {
            let origins = origins.iter().map(|origin| match HttpTarget::parse(origin) {
                Ok(HttpTarget::Origin(origin)) => Ok(origin),
                Ok(HttpTarget::FromConfig(_)) => Err(Failure::new(format!(
                    "ceiling.http: `{origin}` is not an origin; write it like `https://api.acme.example`."
                ))),
                Err(error) => Err(Failure::new(format!("ceiling.http: {error}."))),
            });
            origins.collect::<Result<Vec<_>, _>>()
        });
        Ok(Ceiling {
            http: http.transpose()?,
            net: self.net.unwrap_or(true),
            sqlite: self.sqlite.unwrap_or(true),
            reveal: self.reveal.unwrap_or(true),
        })
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Ai {
    first_event_seconds: Option<NonZeroU16>,
    next_event_seconds: Option<NonZeroU16>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Plugins {
    mirror: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Tls {
    extra_roots: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum LogFormat {
    Text,
    Json,
}

impl Config {
    /// Reads the file and applies what the command line says.
    pub fn load(options: &GlobalOptions) -> Result<Self, Failure> {
        let file = match &options.config {
            Some(path) => read(path)?,
            None => match usual_file().filter(|path| path.exists()) {
                Some(path) => read(&path)?,
                None => File::default(),
            },
        };
        let chosen = options
            .data_dir
            .clone()
            .or_else(|| env::var_os("LABD_DATA_DIR").map(PathBuf::from))
            .or(file.data_dir);
        let socket = options.socket.clone().or(file.socket).or_else(|| {
            match (&chosen, env::var_os("XDG_RUNTIME_DIR")) {
                (None, Some(dir)) => Some(PathBuf::from(dir).join("labd/labd.sock")),
                _ => None,
            }
        });
        let data_dir = match chosen {
            Some(dir) => dir,
            None => usual_data_dir()?,
        };
        let data_dir = std::path::absolute(&data_dir)?;
        let public = match (file.public_url, file.preview_url) {
            (Some(public), Some(preview)) => Some((public, preview)),
            (None, None) => None,
            _ => {
                return Err(Failure::new(
                    "public_url and preview_url go together: set both, or none.",
                ));
            }
        };
        Ok(Self {
            listen: file.listen.unwrap_or_else(|| ([127, 0, 0, 1], 4400).into()),
            public,
            trusted_proxies: file.trusted_proxies,
            socket: socket.unwrap_or_else(|| data_dir.join("run/labd.sock")),
            data_dir,
            plugin_dirs: file.plugin_dirs,
            plugin_mirror: file.plugins.mirror,
            log: file.log.unwrap_or_else(|| "info".to_owned()),
            log_json: file.log_format == Some(LogFormat::Json),
            extra_roots: file.tls.extra_roots,
            telemetry: file.telemetry,
            ai: AiWaits {
                first_event: seconds(file.ai.first_event_seconds, FIRST_EVENT),
                next_event: seconds(file.ai.next_event_seconds, NEXT_EVENT),
            },
            ceiling: file.ceiling.parse()?,
            sample: file.sample.unwrap_or(true),
        })
    }
}

impl Config {
    /// The keys under which this differs from another configuration.
    pub fn differences(&self, other: &Self) -> Vec<&'static str> {
        [
            ("listen", self.listen == other.listen),
            ("public_url, preview_url", self.public == other.public),
            (
                "trusted_proxies",
                self.trusted_proxies == other.trusted_proxies,
            ),
            ("data_dir", self.data_dir == other.data_dir),
            ("socket", self.socket == other.socket),
            ("plugin_dirs", self.plugin_dirs == other.plugin_dirs),
            ("plugins.mirror", self.plugin_mirror == other.plugin_mirror),
            ("log", self.log == other.log),
            ("log_format", self.log_json == other.log_json),
            ("tls.extra_roots", self.extra_roots == other.extra_roots),
            ("telemetry", self.telemetry == other.telemetry),
            ("ai", self.ai == other.ai),
            ("ceiling", self.ceiling == other.ceiling),
            ("sample", self.sample == other.sample),
        ]
        .into_iter()
        .filter_map(|(key, same)| (!same).then_some(key))
        .collect()
    }
}

fn seconds(configured: Option<NonZeroU16>, usual: Duration) -> Duration {
    configured.map_or(usual, |seconds| Duration::from_secs(seconds.get().into()))
}

fn read(path: &Path) -> Result<File, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::new(format!("{} cannot be read: {error}.", path.display())))?;
    toml::from_str(&text).map_err(|error| {
        Failure::with_hint(
            format!("{}: {error}", path.display()),
            "Every key is explained in daemon/docs/labd.toml of labd's source.",
        )
    })
}

fn usual_file() -> Option<PathBuf> {
    env::var_os("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| env::home_dir().map(|home| home.join(".config")))
        .map(|dir| dir.join("labd/labd.toml"))
}

fn usual_data_dir() -> Result<PathBuf, Failure> {
    env::var_os("XDG_DATA_HOME")
        .map(PathBuf::from)
        .or_else(|| env::home_dir().map(|home| home.join(".local/share")))
        .map(|dir| dir.join("labd"))
        .ok_or_else(|| {
            Failure::with_hint(
                "There is no home directory to keep data in.",
                "Say where with --data-dir or LABD_DATA_DIR.",
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<Config, Failure> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("labd.toml");
        std::fs::write(&path, text).unwrap();
        Config::load(&GlobalOptions {
            config: Some(path),
            data_dir: Some(folder.path().into()),
            socket: None,
            json: false,
        })
    }

    #[test]
    fn an_unknown_key_or_a_string_for_a_switch_is_refused() {
        assert!(load("listen = '127.0.0.1:1'\nlisten_port = 3").is_err());
        assert!(load("sample = 'false'").is_err());
        assert!(load("[tls]\nverify = false").is_err());
        assert!(load("public_url = 'https://labd.example'").is_err());
        assert!(!load("sample = false").unwrap().sample);
    }

    #[test]
    fn the_ceiling_holds_origins_only() {
        let ceiling = load("[ceiling]\nhttp = ['https://API.acme.example/']\nreveal = false");
        let ceiling = ceiling.unwrap().ceiling;
        assert!(ceiling.allows_origin("https://api.acme.example"));
        assert!(!ceiling.allows_origin("https://other.example"));
        assert!(ceiling.net && !ceiling.reveal);
        assert!(load("[ceiling]\nhttp = ['from-config:base-url']").is_err());
        assert!(load("[ceiling]\nhttp = ['https://acme.example/path']").is_err());
        assert!(load("[ceiling]\nnet = 'false'").is_err());
    }

    #[test]
    fn with_a_data_directory_of_its_own_the_socket_lies_in_it() {
        let config = load("").unwrap();
        assert_eq!(config.socket, config.data_dir.join("run/labd.sock"));
    }

    const REFERENCE: &str = include_str!("../docs/labd.toml");

    /// The reference with its keys in force.
    fn in_force() -> String {
        let line = |line: &'static str| match line.strip_prefix("# ") {
            Some(rest)
                if rest.starts_with('[')
                    || rest.split_once(" = ").is_some_and(|(key, _)| {
                        key.chars().all(|c| c.is_ascii_lowercase() || c == '_')
                    }) =>
            {
                rest
            }
            _ => line,
        };
        REFERENCE.lines().map(line).collect::<Vec<_>>().join("\n")
    }

    /// The fields that a refusal of an unknown key names.
    fn known(text: &str) -> Vec<String> {
        let error = toml::from_str::<File>(text).unwrap_err().to_string();
        let (_, fields) = error.split_once("expected ").unwrap();
        let fields = fields.split('`').skip(1).step_by(2);
        fields.map(str::to_owned).collect()
    }

    #[test]
    fn the_reference_documents_every_key_and_no_other() {
        let text = in_force();
        assert!(toml::from_str::<File>(&text).is_ok(), "{text}");
        let given: toml::Table = toml::from_str(&text).unwrap();
        let mut documented: Vec<_> = given.keys().cloned().collect();
        let mut fields = known("no_such_key = 1");
        documented.sort();
        fields.sort();
        assert_eq!(documented, fields);
        for part in ["ai", "ceiling", "plugins", "telemetry", "tls"] {
            let keys = given[part].as_table().unwrap();
            let documented: Vec<_> = keys.keys().cloned().collect();
            let mut fields = known(&format!("[{part}]\nno_such_key = 1"));
            fields.sort();
            assert_eq!(documented, fields);
        }
    }

    #[test]
    fn defaults_are_as_the_reference_says() {
        let (given, usual) = (load(&in_force()).unwrap(), load("").unwrap());
        // The others have no default, or one that depends on the machine.
        for key in ["listen", "log", "log_format", "ai", "sample"] {
            assert!(!given.differences(&usual).contains(&key), "{key}");
        }
    }

    #[test]
    fn what_differs_is_named() {
        let (usual, other) = (
            load("").unwrap(),
            load("log = 'debug'\nsample = false").unwrap(),
        );
        let changed = usual.differences(&other);
        assert!(
            changed.contains(&"log") && changed.contains(&"sample"),
            "{changed:?}"
        );
        assert!(!changed.contains(&"listen"), "{changed:?}");
        assert!(usual.differences(&usual).is_empty());
    }
}
