//! Where a plugin may send requests, and with which credentials.

use super::{SealedSetting, scrub::Secrets};
use crate::{
    Denial, Fault, PluginError,
    address::{Reach, is_loopback_host, literal},
    kinds::ai::{BoundCredential, ProviderAccess},
    manifest::{Credential, CredentialHost, HttpTarget, Permissions},
    observe::{Observer, Unobserved},
};
use http::{HeaderName, HeaderValue};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use url::Url;
use zeroize::Zeroizing;

/// What one plugin may send, for one configured provider.
#[derive(Clone)]
pub struct HttpPolicy {
    pub(super) plugin: String,
    origins: BTreeSet<String>,
    /// How far each host may lead; the same for all origins on it.
    pub(super) hosts: Arc<BTreeMap<String, Reach>>,
    credentials: Vec<HeaderCredential>,
    pub(super) settings: Arc<[SealedSetting]>,
    /// What must not come back.
    pub(super) secrets: Arc<Secrets>,
    pub(super) observer: Arc<dyn Observer>,
}

/// A credential that the host writes into a header.
#[derive(Clone, Debug)]
pub struct HeaderCredential {
    /// Its name in the manifest.
    pub name: String,
    /// The header. The plugin may never set it itself, whether or not there is a value.
    pub header: HeaderName,
    /// The header's value, with `{}` for the secret.
    pub scheme: String,
    /// The origins that the manifest allows it to go to.
    pub origins: BTreeSet<String>,
    /// The secret and the one origin it was given for; none while nobody has entered one.
    pub bound: Option<BoundCredential>,
}

impl HttpPolicy {
    /// A plugin that may send nothing.
    pub fn new(plugin: impl Into<String>) -> Self {
        Self {
            plugin: plugin.into(),
            origins: BTreeSet::new(),
            hosts: Arc::default(),
            credentials: Vec::new(),
            settings: Arc::default(),
            secrets: Arc::default(),
            observer: Arc::new(Unobserved),
        }
    }

    /// What a manifest's permissions and credentials mean for a configured provider.
    /// `within_ceiling` tells whether the operator's ceiling allows an origin.
    ///
    /// # Errors
    /// `invalid-request` when a configured URL cannot be used.
    pub fn from_manifest(
        plugin: &str,
        permissions: &Permissions,
        credentials: &[Credential],
        access: &ProviderAccess,
        within_ceiling: impl Fn(&str) -> bool,
    ) -> Result<Self, PluginError> {
        let configured = |key: &str| {
            let url = access.config.get(key).and_then(serde_json::Value::as_str);
            let url = url.filter(|url| !url.is_empty());
            match url.map(parse_url) {
                Some(Err(error)) => Err(in_setting(key, error)),
                _ => Ok(url),
            }
        };
        let mut policy = Self::new(plugin);
        for target in &permissions.http {
            let (url, by_operator) = match target {
                HttpTarget::Origin(origin) => (Some(origin.as_str()), false),
                HttpTarget::FromConfig(key) => (configured(key)?, true),
            };
            let Some(url) = url else { continue };
            if within_ceiling(&origin_of(url)?) {
                policy = if by_operator {
                    policy.allow_configured(url)?
                } else {
                    policy.allow(url)?
                };
            }
        }
        for credential in credentials {
            let mut origins = BTreeSet::new();
            for host in &credential.hosts {
                match host {
                    CredentialHost::Exact(host) => {
                        origins.insert(origin_of(&format!("https://{host}"))?);
                    }
                    CredentialHost::FromConfig(key) => {
                        origins.extend(configured(key)?.map(origin_of).transpose()?);
                    }
                }
            }
            policy = policy.credential(HeaderCredential {
                name: credential.name.clone(),
                header: HeaderName::try_from(&credential.header)
                    .map_err(|error| PluginError::Internal(error.to_string()))?,
                scheme: credential.scheme.clone(),
                origins,
                bound: access.credentials.get(&credential.name).cloned(),
            });
        }
        Ok(policy)
    }

    /// Allows an origin that a granted permission names. Its host must have public addresses,
    /// unless the permission itself spells out the address or `localhost`.
    ///
    /// # Errors
    /// `invalid-request` when it is not an `http:` or `https:` URL.
    pub fn allow(self, url: &str) -> Result<Self, PluginError> {
        self.allow_within(url, Reach::Public)
    }

    /// Allows the origin of a URL that the operator configured, on private addresses too.
    ///
    /// # Errors
    /// `invalid-request` when it is not an `http:` or `https:` URL.
    pub fn allow_configured(self, url: &str) -> Result<Self, PluginError> {
        self.allow_within(url, Reach::Private)
    }

    /// Adds a credential.
    #[must_use]
    pub fn credential(mut self, credential: HeaderCredential) -> Self {
        self.credentials.push(credential);
        self.knowing_secrets()
    }

    /// Fills in the values of an app's settings where the plugin writes placeholders.
    #[must_use]
    pub fn filling_in(mut self, settings: Vec<SealedSetting>) -> Self {
        self.settings = settings.into();
        self.knowing_secrets()
    }

    /// Whatever a request is, its answer may tell a credential or a setting of an earlier one.
    fn knowing_secrets(mut self) -> Self {
        let bound = self.credentials.iter().filter_map(|c| c.bound.as_ref());
        let bound = bound.map(|bound| bound.value.as_str());
        let settings = self.settings.iter().map(|setting| setting.value.as_str());
        self.secrets = Arc::new(Secrets::new(bound.chain(settings)));
        self
    }

    /// Reports bytes to this observer.
    #[must_use]
    pub fn observed_by(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = observer;
        self
    }

    fn allow_within(mut self, url: &str, reach: Reach) -> Result<Self, PluginError> {
        let url = parse_url(url)?;
        let host = url.host_str().unwrap_or_default();
        let reach = match literal(host) {
            Some(_) => Reach::Any,
            None if is_loopback_host(host) => Reach::Private,
            None => reach,
        };
        let known = Arc::make_mut(&mut self.hosts)
            .entry(host.to_owned())
            .or_insert(reach);
        *known = reach.max(*known);
        self.origins.insert(url.origin().ascii_serialization());
        Ok(self)
    }

    /// Checks a URL of the plugin; the URL and its origin.
    pub(super) fn check_url(&self, text: &str) -> Result<(Url, String), PluginError> {
        let url = parse_url(text)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(PluginError::InvalidRequest(Fault::new(
                "a URL must not carry a user name or password",
            )));
        }
        let origin = url.origin().ascii_serialization();
        if !self.origins.contains(&origin) {
            let plugin = &self.plugin;
            return Err(denied(
                &origin,
                format!(
                    "the plugin {plugin} may not send requests to {origin}; if its manifest asks \
                     for it, allow it with: labd plugin grant {plugin}"
                ),
            ));
        }
        // The policy names literal addresses only as themselves, so this holds by construction.
        let host = url.host_str().unwrap_or_default();
        let reach = self.hosts.get(host).copied().unwrap_or(Reach::Public);
        match literal(host) {
            Some(address) if !reach.allows(address) => Err(denied(
                &origin,
                format!("{address} may not be reached by the plugin {}", self.plugin),
            )),
            _ => Ok((url, origin)),
        }
    }

    /// Whether something secret is looked for in what comes back.
    pub(super) fn searches(&self) -> bool {
        !self.secrets.is_empty()
    }

    /// Whether the host writes this header itself.
    pub(super) fn reserves(&self, header: &HeaderName) -> bool {
        self.credentials.iter().any(|c| c.header == header)
    }

    /// The headers with credentials that go along with a request to this URL.
    pub(super) fn inject(
        &self,
        url: &Url,
        origin: &str,
    ) -> Result<Vec<(HeaderName, HeaderValue)>, PluginError> {
        let mut headers = Vec::new();
        for credential in &self.credentials {
            let Some(bound) = &credential.bound else {
                continue;
            };
            if !credential.origins.contains(origin) {
                continue;
            }
            if bound.origin != origin {
                return Err(PluginError::Unauthenticated(Fault {
                    hint: Some("enter it again for the new address".to_owned()),
                    ..Fault::new(format!(
                        "the credential `{}` was given for {} and is not sent to {origin}",
                        credential.name, bound.origin
                    ))
                }));
            }
            let host = url.host_str().unwrap_or_default();
            if url.scheme() != "https" && !is_loopback_host(host) {
                return Err(denied(
                    origin,
                    format!(
                        "the credential `{}` is not sent over plain HTTP to another machine; \
                         configure {} as an https:// URL",
                        credential.name, host
                    ),
                ));
            }
            let text = Zeroizing::new(credential.scheme.replace("{}", &bound.value));
            let mut value = HeaderValue::from_str(&text).map_err(|_| {
                PluginError::Unauthenticated(Fault {
                    hint: Some("enter it again, without line breaks".to_owned()),
                    ..Fault::new(format!(
                        "the credential `{}` holds characters that no header can carry",
                        credential.name
                    ))
                })
            })?;
            value.set_sensitive(true);
            headers.push((credential.header.clone(), value));
        }
        Ok(headers)
    }
}

impl std::fmt::Debug for HttpPolicy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpPolicy")
            .field("plugin", &self.plugin)
            .field("origins", &self.origins)
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}

pub(super) fn denied(target: &str, message: String) -> PluginError {
    PluginError::Denied(Denial {
        capability: "http".to_owned(),
        target: target.to_owned(),
        message,
    })
}

/// What is wrong with the URL in a setting.
fn in_setting(key: &str, error: PluginError) -> PluginError {
    match error {
        PluginError::InvalidRequest(fault) => PluginError::InvalidRequest(Fault {
            message: format!("configuration: `{key}`: {}", fault.message),
            ..fault
        }),
        other => other,
    }
}

fn parse_url(text: &str) -> Result<Url, PluginError> {
    let invalid = |reason: &str| {
        // A URL may carry a secret in its query, so it is not repeated.
        PluginError::InvalidRequest(Fault::new(format!("the URL cannot be used: {reason}")))
    };
    let url = Url::parse(text).map_err(|error| invalid(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(invalid("it must begin with https:// or http://"));
    }
    Ok(url)
}

fn origin_of(text: &str) -> Result<String, PluginError> {
    Ok(parse_url(text)?.origin().ascii_serialization())
}
