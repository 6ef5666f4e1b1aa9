//! Where labd is reached, and which of its sites a request is for.
//!
//! | `Host` | site | who is let in |
//! | --- | --- | --- |
//! | `console.labd.localhost:<port>`, or `public_url`'s | console and API | a session's cookie or a token |
//! | `127.0.0.1`, `[::1]`, `localhost`, with any port | API | a token |
//! | `<project>.preview.labd.localhost:<port>`, or `preview_url`'s | that project's preview | a pass's cookie |
//! | any other | none: refused with 421 | nobody |
//!
//! Browsers resolve names under `localhost` to the machine itself. A name that an attacker points
//! at it (DNS rebinding) is in none of the rows.

use labd_protocol::ProjectId;
use std::{fmt, net::IpAddr, str::FromStr};
use url::Url;

/// Where the console and the previews are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    scheme: String,
    /// Host and port, as they stand in `Host`.
    console: String,
    preview_scheme: String,
    /// What follows the project in a preview's host: `.preview.labd.localhost:4400`.
    preview_suffix: String,
}

/// The site that a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Site {
    /// The console and its API.
    Console,
    /// The API for programs.
    Loopback,
    /// A project's preview.
    Preview(ProjectId),
}

/// Why a configured address cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: {reason}")]
pub struct AddressError {
    setting: &'static str,
    reason: String,
}

impl AddressError {
    fn new(setting: &'static str, reason: impl Into<String>) -> Self {
        Self {
            setting,
            reason: reason.into(),
        }
    }
}

impl Addresses {
    /// On a workstation: names under `labd.localhost`.
    pub fn local(port: u16) -> Self {
        Self {
            scheme: "http".into(),
            console: format!("console.labd.localhost:{port}"),
            preview_scheme: "http".into(),
            preview_suffix: format!(".preview.labd.localhost:{port}"),
        }
    }

    /// On a server: `https://labd.example.com` and `https://{project}.labd-preview.example.com`.
    ///
    /// # Errors
    /// When one of them is no http or https address without path, `{project}` is not the first
    /// label, or a preview could have the console's host.
    pub fn public(public_url: &str, preview_url: &str) -> Result<Self, AddressError> {
        let (scheme, console) = origin("public_url", public_url)?;
        let wrong = "write the project as the first label: https://{project}.preview.example.com";
        let (before, after) = preview_url
            .split_once("{project}")
            .ok_or_else(|| AddressError::new("preview_url", wrong))?;
        if !before.ends_with("://") || !after.starts_with('.') {
            return Err(AddressError::new("preview_url", wrong));
        }
        let (preview_scheme, host) = origin("preview_url", &format!("{before}project{after}"))?;
        let preview_suffix = host.strip_prefix("project").unwrap_or_default().to_owned();
        let project = console.strip_suffix(&preview_suffix);
        if project.is_some_and(|label| !label.contains('.')) {
            let reason = "public_url would be a preview's address; use another domain for one";
            return Err(AddressError::new("preview_url", reason));
        }
        if scheme != preview_scheme {
            let reason = "use the scheme of public_url, so that cookies reach the preview's frame";
            return Err(AddressError::new("preview_url", reason));
        }
        Ok(Self {
            scheme,
            console,
            preview_scheme,
            preview_suffix,
        })
    }

    /// The console's origin: `http://console.labd.localhost:4400`.
    pub fn console_url(&self) -> String {
        format!("{}://{}", self.scheme, self.console)
    }

    /// A preview's origin.
    pub fn preview_origin(&self, project: ProjectId) -> String {
        let project = project.to_string().to_ascii_lowercase();
        format!("{}://{project}{}", self.preview_scheme, self.preview_suffix)
    }

    /// All previews' origins, as a content security policy writes them.
    pub fn preview_sources(&self) -> String {
        format!("{}://*{}", self.preview_scheme, self.preview_suffix)
    }

    /// Cookies are sent over TLS only.
    pub(crate) fn secure(&self) -> bool {
        self.scheme == "https"
    }

    /// The site of a `Host` header.
    pub fn site(&self, host: &str) -> Option<Site> {
        let host = host.to_ascii_lowercase();
        if host == self.console {
            return Some(Site::Console);
        }
        if let Some(project) = host.strip_suffix(&self.preview_suffix) {
            return project.parse().ok().map(Site::Preview);
        }
        let name = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => &host,
        };
        matches!(name, "127.0.0.1" | "[::1]" | "localhost").then_some(Site::Loopback)
    }

    /// The origin of a site that was reached as `host`.
    pub(crate) fn origin(&self, site: Site, host: &str) -> String {
        match site {
            Site::Console => self.console_url(),
            Site::Loopback => format!("http://{}", host.to_ascii_lowercase()),
            Site::Preview(project) => self.preview_origin(project),
        }
    }
}

/// The scheme, and the host with its port, of an address.
fn origin(setting: &'static str, text: &str) -> Result<(String, String), AddressError> {
    let url = Url::parse(text).map_err(|error| AddressError::new(setting, error.to_string()))?;
    let plain = url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if !matches!(url.scheme(), "http" | "https") || !plain {
        return Err(AddressError::new(
            setting,
            "write scheme and host only: https://labd.example.com",
        ));
    }
    let host = url.host_str().unwrap_or_default();
    let host = url
        .port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    Ok((url.scheme().to_owned(), host))
}

/// A range of addresses, `10.0.0.0/8` or a single address: where a trusted proxy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpRange {
    network: IpAddr,
    bits: u32,
}

impl IpRange {
    /// Whether an address is in the range.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.network, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                (network.to_bits() ^ address.to_bits()).leading_zeros() >= self.bits
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                (network.to_bits() ^ address.to_bits()).leading_zeros() >= self.bits
            }
            _ => false,
        }
    }
}

impl FromStr for IpRange {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let wrong = || {
            AddressError::new(
                "trusted_proxies",
                format!("{text} is no address or range (10.0.0.0/8)"),
            )
        };
        let (network, bits) = match text.split_once('/') {
            Some((network, bits)) => (network, Some(bits)),
            None => (text, None),
        };
        let network: IpAddr = network.parse().map_err(|_| wrong())?;
        let most = if network.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            None => most,
            Some(bits) => bits
                .parse()
                .ok()
                .filter(|bits| *bits <= most)
                .ok_or_else(wrong)?,
        };
        Ok(Self { network, bits })
    }
}

impl fmt::Display for IpRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.bits)
    }
}

/// Refuses an address that would send sessions and tokens over a network in the clear.
///
/// # Errors
/// When `listen` is no loopback address and no trusted proxy, which ends TLS, stands before it.
pub fn check_listen(listen: IpAddr, trusted_proxies: &[IpRange]) -> Result<(), AddressError> {
    if listen.is_loopback() || !trusted_proxies.is_empty() {
        return Ok(());
    }
    let reason = format!(
        "{listen} can be reached from other machines, and labd does not speak TLS itself. Put a proxy \
         that does before it and name it in trusted_proxies, or listen on 127.0.0.1."
    );
    Err(AddressError::new("listen", reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project() -> ProjectId {
        ProjectId::generate()
    }

    #[test]
    fn each_host_has_its_site() {
        let local = Addresses::local(4400);
        let id = project();
        let preview = format!(
            "{}.preview.labd.localhost:4400",
            id.to_string().to_lowercase()
        );
        for (host, site) in [
            ("console.labd.localhost:4400", Some(Site::Console)),
            ("CONSOLE.labd.localhost:4400", Some(Site::Console)),
            (preview.as_str(), Some(Site::Preview(id))),
            ("127.0.0.1:4400", Some(Site::Loopback)),
            ("localhost", Some(Site::Loopback)),
            ("[::1]:4400", Some(Site::Loopback)),
            ("console.labd.localhost:4401", None),
            ("console.labd.localhost", None),
            ("nonsense.preview.labd.localhost:4400", None),
            (".preview.labd.localhost:4400", None),
            ("rebound.attacker.example:4400", None),
            ("127.0.0.1.attacker.example:4400", None),
            ("console.labd.localhost:4400.attacker.example", None),
            ("192.168.1.7:4400", None),
            ("", None),
        ] {
            assert_eq!(local.site(host), site, "{host}");
        }
        assert_eq!(local.preview_origin(id), format!("http://{preview}"));
        assert_eq!(
            local.preview_sources(),
            "http://*.preview.labd.localhost:4400"
        );
    }

    #[test]
    fn public_addresses_are_checked() {
        let id = project();
        let public = Addresses::public(
            "https://labd.example.com/",
            "https://{project}.apps.example.com",
        )
        .unwrap();
        assert_eq!(public.console_url(), "https://labd.example.com");
        assert_eq!(public.site("labd.example.com"), Some(Site::Console));
        let preview = public.preview_origin(id);
        assert_eq!(
            public.site(preview.trim_start_matches("https://")),
            Some(Site::Preview(id))
        );
        assert!(public.secure());
        for (console, preview) in [
            ("labd.example.com", "https://{project}.apps.example.com"),
            (
                "https://labd.example.com/path",
                "https://{project}.apps.example.com",
            ),
            (
                "https://user@labd.example.com",
                "https://{project}.apps.example.com",
            ),
            (
                "ftp://labd.example.com",
                "https://{project}.apps.example.com",
            ),
            ("https://labd.example.com", "https://apps.example.com"),
            (
                "https://labd.example.com",
                "https://x-{project}.example.com",
            ),
            ("https://labd.example.com", "https://{project}.example.com"),
            (
                "https://labd.example.com",
                "http://{project}.apps.example.com",
            ),
        ] {
            assert!(
                Addresses::public(console, preview).is_err(),
                "{console} {preview}"
            );
        }
    }

    #[test]
    fn an_open_network_needs_a_trusted_proxy() {
        let any = "0.0.0.0".parse().unwrap();
        assert!(check_listen(any, &[]).is_err());
        assert!(check_listen(any, &["10.0.0.0/8".parse().unwrap()]).is_ok());
        assert!(check_listen("127.0.0.1".parse().unwrap(), &[]).is_ok());
        assert!(check_listen("::1".parse().unwrap(), &[]).is_ok());
    }

    #[test]
    fn ranges_hold_what_they_say() {
        let range: IpRange = "10.1.0.0/16".parse().unwrap();
        assert!(range.contains("10.1.255.1".parse().unwrap()));
        assert!(range.contains("::ffff:10.1.0.1".parse().unwrap()));
        assert!(!range.contains("10.2.0.1".parse().unwrap()));
        let one: IpRange = "fd00::1".parse().unwrap();
        assert!(one.contains("fd00::1".parse().unwrap()));
        assert!(!one.contains("fd00::2".parse().unwrap()));
        let all: IpRange = "0.0.0.0/0".parse().unwrap();
        assert!(all.contains("203.0.113.9".parse().unwrap()));
        for wrong in ["", "10.0.0.0/33", "10.0.0/8", "10.0.0.0/-1", "::/129"] {
            assert!(wrong.parse::<IpRange>().is_err(), "{wrong}");
        }
    }
}
