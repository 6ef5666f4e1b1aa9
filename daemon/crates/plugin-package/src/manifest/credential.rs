//! `[[credentials]]`: what the host writes into requests, and where it may go.

use super::ManifestError;
use serde::Deserialize;

/// Where a credential may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialHost {
    /// Exactly this host, over HTTPS on its usual port.
    Exact(String),
    /// The origin of the URL under this key of the configuration.
    FromConfig(String),
}

/// A credential that the host writes into requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// Its name.
    pub name: String,
    /// Where it may go.
    pub hosts: Vec<CredentialHost>,
    /// The header, in lower case.
    pub header: String,
    /// The header's value with `{}` for the secret.
    pub scheme: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawCredential {
    name: String,
    hosts: Vec<String>,
    header: String,
    #[serde(default = "bare_scheme")]
    scheme: String,
}

fn bare_scheme() -> String {
    "{}".into()
}

impl RawCredential {
    pub(super) fn parse(self) -> Result<Credential, ManifestError> {
        let hosts = self
            .hosts
            .iter()
            .map(|host| match host.strip_prefix("from-config:") {
                Some(key) if !key.is_empty() => Ok(CredentialHost::FromConfig(key.to_owned())),
                None if url::Host::parse(host).is_ok() => {
                    Ok(CredentialHost::Exact(host.to_ascii_lowercase()))
                }
                _ => Err(ManifestError::Invalid(format!(
                    "credential `{}`: `{host}` is not a host name",
                    self.name
                ))),
            })
            .collect::<Result<Vec<_>, _>>()?;
        let header = http::HeaderName::from_bytes(self.header.as_bytes()).map_err(|_| {
            ManifestError::Invalid(format!(
                "credential `{}`: `{}` is not a header name",
                self.name, self.header
            ))
        })?;
        if hosts.is_empty() || self.scheme.matches("{}").count() != 1 {
            return Err(ManifestError::Invalid(format!(
                "credential `{}` needs `hosts`, and a `scheme` with `{{}}` exactly once",
                self.name
            )));
        }
        Ok(Credential {
            name: self.name,
            hosts,
            header: header.as_str().to_owned(),
            scheme: self.scheme,
        })
    }
}
