//! `[permissions]`: what a plugin asks for, and the lines in which grants write it.

use super::{Kind, ManifestError};
use serde::Deserialize;
use std::collections::BTreeSet;

/// A place that a plugin may send requests to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HttpTarget {
    /// This origin: `https://api.acme.example`.
    Origin(String),
    /// The origin of the URL under this key of the configuration: `from-config:base-url`.
    FromConfig(String),
}

impl HttpTarget {
    /// Reads an origin, or `from-config:<key>`.
    ///
    /// # Errors
    /// What is neither.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        if let Some(key) = text.strip_prefix("from-config:") {
            if key.is_empty() {
                return Err(ManifestError::Invalid(
                    "`from-config:` needs the name of a configuration key".into(),
                ));
            }
            return Ok(Self::FromConfig(key.to_owned()));
        }
        let url = url::Url::parse(text)
            .map_err(|e| ManifestError::Invalid(format!("`{text}` is not an origin: {e}")))?;
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        if !matches!(url.scheme(), "http" | "https") || !bare || !url.username().is_empty() {
            return Err(ManifestError::Invalid(format!(
                "`{text}` is not an origin; write it like `https://api.acme.example`"
            )));
        }
        Ok(Self::Origin(url.origin().ascii_serialization()))
    }
}

impl std::fmt::Display for HttpTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Origin(origin) => f.write_str(origin),
            Self::FromConfig(key) => write!(f, "from-config:{key}"),
        }
    }
}

/// What a plugin asks for, or what it was granted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permissions {
    /// Where it may send requests to.
    pub http: BTreeSet<HttpTarget>,
    /// It may connect to the servers of the data source.
    pub net: bool,
    /// It may open the file of the data source.
    pub sqlite: bool,
    /// Credentials whose value it may read.
    pub reveal: BTreeSet<String>,
}

impl Permissions {
    /// Nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self == &Self::default()
    }

    /// What both allow.
    pub fn intersection(&self, other: &Self) -> Self {
        Self {
            http: self.http.intersection(&other.http).cloned().collect(),
            net: self.net && other.net,
            sqlite: self.sqlite && other.sqlite,
            reveal: self.reveal.intersection(&other.reveal).cloned().collect(),
        }
    }

    /// Whether all of this is covered by `other`.
    pub fn is_within(&self, other: &Self) -> bool {
        self.intersection(other) == *self
    }

    /// One line per permission, as grants and the command line write them: `http=https://…`,
    /// `net=from-config`, `reveal=password`.
    pub fn to_lines(&self) -> Vec<String> {
        let mut lines: Vec<_> = self.http.iter().map(|t| format!("http={t}")).collect();
        if self.net {
            lines.push("net=from-config".into());
        }
        if self.sqlite {
            lines.push("sqlite=from-config".into());
        }
        lines.extend(self.reveal.iter().map(|name| format!("reveal={name}")));
        lines
    }

    /// Reads what [`Permissions::to_lines`] writes.
    pub fn from_lines<'a>(lines: impl IntoIterator<Item = &'a str>) -> Result<Self, ManifestError> {
        let mut permissions = Self::default();
        for line in lines {
            match line.split_once('=') {
                Some(("http", target)) => {
                    permissions.http.insert(HttpTarget::parse(target)?);
                }
                Some(("net", "from-config")) => permissions.net = true,
                Some(("sqlite", "from-config")) => permissions.sqlite = true,
                Some(("reveal", name)) if !name.is_empty() => {
                    permissions.reveal.insert(name.to_owned());
                }
                _ => {
                    return Err(ManifestError::Invalid(format!(
                        "`{line}` is not a permission; write `http=<origin>`, `net=from-config`, \
                         `sqlite=from-config` or `reveal=<credential>`"
                    )));
                }
            }
        }
        Ok(permissions)
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawPermissions {
    #[serde(default)]
    http: Vec<String>,
    #[serde(default)]
    net: Source,
    #[serde(default)]
    sqlite: Source,
    #[serde(default)]
    reveal: BTreeSet<String>,
}

#[derive(Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Source {
    #[default]
    None,
    FromConfig,
}

impl RawPermissions {
    pub(super) fn parse(self, kind: Kind) -> Result<Permissions, ManifestError> {
        let permissions = Permissions {
            http: self
                .http
                .iter()
                .map(|target| HttpTarget::parse(target))
                .collect::<Result<_, _>>()?,
            net: self.net == Source::FromConfig,
            sqlite: self.sqlite == Source::FromConfig,
            reveal: self.reveal,
        };
        check_kind(kind, &permissions)?;
        Ok(permissions)
    }
}

/// Permissions that make no sense for a kind are refused, so that an operator is never asked for
/// them: a provider or a deployer has no data source, and a sandbox reaches nothing at all.
fn check_kind(kind: Kind, permissions: &Permissions) -> Result<(), ManifestError> {
    let source = permissions.net || permissions.sqlite || !permissions.reveal.is_empty();
    let wrong = match kind {
        Kind::AiProvider | Kind::Deployer => source,
        Kind::Sandbox => !permissions.is_empty(),
        Kind::Connector => false,
    };
    if wrong {
        return Err(ManifestError::Invalid(format!(
            "[permissions] asks for what a plugin of kind {kind} never gets"
        )));
    }
    Ok(())
}
