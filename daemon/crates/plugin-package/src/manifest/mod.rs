//! `plugin.toml`: what a plugin is and what it asks for. Parsed once, into types; unknown keys
//! are refused.
//!
//! | key | meaning |
//! | --- | --- |
//! | `schema` | 1 |
//! | `id`, `version` | reverse name, unique; semantic version |
//! | `kind` | `ai-provider`, `connector`, `deployer`, `sandbox` |
//! | `host` | contract versions it works with, as a semver range |
//! | `wasm` | the component's file, `plugin.wasm` |
//! | `name`, `description`, `license` | for people |
//! | `[config]` | JSON Schema of its configuration |
//! | `[[credentials]]` | what the host injects into requests |
//! | `[permissions]` | everything else is denied |
//! | `[limits]` | wishes; the host caps them |
//! | `[connector]` | URL schemes, default port, whether it reads a file |
//! | `[[assets]]` | files that the host serves |

mod credential;
mod names;
mod permissions;

pub use credential::{Credential, CredentialHost};
pub use names::is_file_name;
pub(crate) use names::is_id;
pub use permissions::{HttpTarget, Permissions};

use crate::{
    limits,
    text::{defuse_line, is_hostile},
};
use credential::RawCredential;
use permissions::RawPermissions;
use semver::{Version, VersionReq};
use serde::Deserialize;

/// The version of the contracts that this host links.
pub const CONTRACT: Version = Version::new(0, 1, 0);

/// What a plugin is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An AI provider.
    AiProvider,
    /// A database connector.
    Connector,
    /// A deployer.
    Deployer,
    /// A sandbox runtime.
    Sandbox,
}

impl Kind {
    /// As the manifest writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AiProvider => "ai-provider",
            Self::Connector => "connector",
            Self::Deployer => "deployer",
            Self::Sandbox => "sandbox",
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a connector tells about its URLs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ConnectorSpec {
    /// URL schemes, in lower case: `postgres`, `postgresql`.
    pub schemes: Vec<String>,
    /// The port when the URL has none.
    #[serde(default)]
    pub default_port: Option<u16>,
    /// The URL names a file and not a server.
    #[serde(default)]
    pub file: bool,
}

/// A file that the host serves.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AssetSpec {
    /// Below `assets/`, with `/`.
    pub path: String,
    /// Lower-case hexadecimal.
    pub sha256: String,
    /// `text/javascript`, …
    pub media_type: String,
}

/// A parsed `plugin.toml`.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// Reverse name, unique.
    pub id: String,
    /// Its version.
    pub version: Version,
    /// What it is.
    pub kind: Kind,
    /// Contract versions it works with.
    pub host: VersionReq,
    /// The component's file name.
    pub wasm: String,
    /// For people; the id when the manifest gives none.
    pub name: String,
    /// One sentence.
    pub description: String,
    /// SPDX expression.
    pub license: Option<String>,
    /// JSON Schema of its configuration, for a form; `null` when it has none.
    pub config: serde_json::Value,
    /// What the host injects.
    pub credentials: Vec<Credential>,
    /// What it asks for.
    pub permissions: Permissions,
    /// Bytes of memory per instance that it asks for, already capped.
    pub memory: Option<usize>,
    /// Set exactly for connectors.
    pub connector: Option<ConnectorSpec>,
    /// Files that the host serves.
    pub assets: Vec<AssetSpec>,
}

/// Why a manifest is refused.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Not TOML, a key that does not exist, a value of another type.
    #[error("plugin.toml: {}", brief(.0))]
    Syntax(#[from] Box<toml::de::Error>),
    /// A value that cannot be.
    #[error("plugin.toml: {0}")]
    Invalid(String),
    /// Made for another version of the contracts.
    #[error("the plugin needs contract version {needs}, and this daemon offers {CONTRACT}")]
    Contract {
        /// What it asks for.
        needs: VersionReq,
    },
}

/// What is wrong and where, without the line itself: whoever wrote the manifest wrote that too, at
/// whatever length.
fn brief(error: &toml::de::Error) -> String {
    let told = error.to_string();
    let place = told.lines().next().unwrap_or_default();
    let mut message = error.message().replace('\n', ", ");
    if let Some((end, _)) = message.char_indices().nth(300) {
        message.truncate(end);
        message.push('…');
    }
    defuse_line(&mut message);
    match place.strip_prefix("TOML parse error ") {
        Some(place) => format!("{message} ({place})"),
        None => message,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Raw {
    schema: u32,
    id: String,
    version: Version,
    kind: Kind,
    host: VersionReq,
    wasm: String,
    name: Option<String>,
    #[serde(default)]
    description: String,
    license: Option<String>,
    #[serde(default)]
    config: serde_json::Value,
    #[serde(default)]
    credentials: Vec<RawCredential>,
    #[serde(default)]
    permissions: RawPermissions,
    #[serde(default)]
    limits: RawLimits,
    connector: Option<ConnectorSpec>,
    #[serde(default)]
    assets: Vec<AssetSpec>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawLimits {
    memory: Option<String>,
}

impl Manifest {
    /// Reads a manifest.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let raw: Raw = toml::from_str(text).map_err(Box::new)?;
        let invalid = |message: String| Err(ManifestError::Invalid(message));
        let license = raw.license.as_deref().unwrap_or_default();
        for (key, text) in [
            ("name", raw.name.as_deref().unwrap_or_default()),
            ("description", &raw.description),
            ("license", license),
        ] {
            if text.contains(is_hostile) {
                return invalid(format!(
                    "{key} must be text of one line, without control characters"
                ));
            }
        }
        if raw.schema != 1 {
            return invalid(format!("schema {} is unknown; it must be 1", raw.schema));
        }
        if !is_id(&raw.id) {
            return invalid(format!(
                "id `{}` must be a reverse name such as `acme.gateway`: lower-case letters, \
                 digits and hyphens, with at least one dot",
                raw.id
            ));
        }
        if !raw.host.matches(&CONTRACT) {
            return Err(ManifestError::Contract { needs: raw.host });
        }
        if !is_file_name(&raw.wasm) || !raw.wasm.ends_with(".wasm") {
            return invalid(format!("wasm `{}` must be a file name `….wasm`", raw.wasm));
        }
        if !raw.config.is_null() && !raw.config.is_object() {
            return invalid("[config] must be a JSON Schema, a table".into());
        }
        match (&raw.connector, raw.kind) {
            (None, Kind::Connector) => {
                return invalid("a connector needs [connector] with its `schemes`".into());
            }
            (Some(_), Kind::AiProvider | Kind::Deployer | Kind::Sandbox) => {
                return invalid(format!(
                    "[connector] is not for a plugin of kind {}",
                    raw.kind
                ));
            }
            (Some(spec), Kind::Connector) => check_connector(spec)?,
            (None, _) => {}
        }
        let credentials = raw
            .credentials
            .into_iter()
            .map(RawCredential::parse)
            .collect::<Result<Vec<_>, _>>()?;
        let permissions = raw.permissions.parse(raw.kind)?;
        for asset in &raw.assets {
            check_asset(asset)?;
        }
        Ok(Self {
            name: raw.name.unwrap_or_else(|| raw.id.clone()),
            id: raw.id,
            version: raw.version,
            kind: raw.kind,
            host: raw.host,
            wasm: raw.wasm,
            description: raw.description,
            license: raw.license,
            config: raw.config,
            credentials,
            permissions,
            memory: raw.limits.memory.as_deref().map(parse_size).transpose()?,
            connector: raw.connector,
            assets: raw.assets,
        })
    }
}

fn check_connector(spec: &ConnectorSpec) -> Result<(), ManifestError> {
    let scheme = |s: &String| {
        s.starts_with(|c: char| c.is_ascii_lowercase())
            && s.chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(c))
    };
    if spec.schemes.is_empty() || !spec.schemes.iter().all(scheme) {
        return Err(ManifestError::Invalid(
            "[connector] `schemes` must name at least one URL scheme, in lower case".into(),
        ));
    }
    Ok(())
}

fn check_asset(asset: &AssetSpec) -> Result<(), ManifestError> {
    let path = !asset.path.is_empty() && asset.path.split('/').all(is_file_name);
    let hash = asset.sha256.len() == 64
        && asset
            .sha256
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if !path || !hash || !asset.media_type.contains('/') {
        return Err(ManifestError::Invalid(format!(
            "asset `{}` needs a relative path, a SHA-256 in lower-case hexadecimal and a media type",
            asset.path
        )));
    }
    Ok(())
}

/// `64 MiB` in bytes, capped.
fn parse_size(text: &str) -> Result<usize, ManifestError> {
    let (number, unit) = text.split_once(' ').unwrap_or((text, ""));
    let factor = match unit {
        "KiB" => 1024,
        "MiB" => 1024 * 1024,
        "GiB" => 1024 * 1024 * 1024,
        _ => 0,
    };
    match number.parse::<usize>() {
        Ok(number) if number > 0 && factor > 0 => {
            Ok(number.saturating_mul(factor).min(limits::MEMORY_CEILING))
        }
        _ => Err(ManifestError::Invalid(format!(
            "memory `{text}` must be written like `64 MiB`"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &str = r#"
        schema = 1
        id = "acme.gateway"
        version = "1.2.0"
        kind = "ai-provider"
        host = ">=0.1"
        wasm = "plugin.wasm"
        license = "Apache-2.0"
        [config]
        type = "object"
        [config.properties.base-url]
        type = "string"
        [[credentials]]
        name = "api-key"
        hosts = ["api.acme.example", "from-config:base-url"]
        header = "Authorization"
        scheme = "Bearer {}"
        [permissions]
        http = ["https://api.acme.example", "from-config:base-url"]
        [limits]
        memory = "64 MiB"
        [[assets]]
        path = "vendor/react.js"
        sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        media-type = "text/javascript"
    "#;

    #[test]
    fn a_full_manifest_is_read_into_types() {
        let manifest = Manifest::parse(FULL).unwrap();
        assert_eq!(manifest.memory, Some(64 << 20));
        assert_eq!(manifest.credentials[0].header, "authorization");
        assert_eq!(
            manifest.permissions.to_lines(),
            ["http=https://api.acme.example", "http=from-config:base-url"]
        );
        assert_eq!(manifest.config["properties"]["base-url"]["type"], "string");
        let lines = manifest.permissions.to_lines();
        let again = Permissions::from_lines(lines.iter().map(String::as_str)).unwrap();
        assert_eq!(again, manifest.permissions);
    }

    #[test]
    fn an_unknown_key_is_refused_and_named() {
        for (line, key) in [
            ("license = \"Apache-2.0\"", "licence"),
            ("memory = \"64 MiB\"", "cpu"),
        ] {
            let text = FULL.replace(line, &format!("{key} = \"x\""));
            let error = Manifest::parse(&text).unwrap_err().to_string();
            assert!(error.contains(key), "{error}");
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for (from, to) in [
            ("acme.gateway", "../gateway"),
            ("plugin.wasm", "../plugin.wasm"),
            ("vendor/react.js", "vendor/../../key"),
            (
                "https://api.acme.example\", \"from",
                "https://api.acme.example/v1\", \"from",
            ),
            ("Bearer {}", "Bearer"),
            ("64 MiB", "lots"),
            (">=0.1", ">=0.2"),
            ("ai-provider", "connector"),
            ("[limits]", "reveal = [\"password\"]\n[limits]"),
        ] {
            assert!(FULL.contains(from), "{from}");
            assert!(
                Manifest::parse(&FULL.replacen(from, to, 1)).is_err(),
                "{to}"
            );
        }
    }

    #[test]
    fn more_memory_than_the_ceiling_is_capped() {
        let manifest = Manifest::parse(&FULL.replace("64 MiB", "9000 GiB")).unwrap();
        assert_eq!(manifest.memory, Some(limits::MEMORY_CEILING));
    }
}
