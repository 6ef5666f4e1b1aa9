//! Where packages come from.
//!
//! | written | what |
//! | --- | --- |
//! | `./folder`, `/srv/gateway` | the folder of a package on this machine |
//! | `./gateway-1.2.0.labd-plugin` | an archive on this machine |
//! | `https://acme.example/gateway.labd-plugin` | an archive; its digest must be given |
//! | `oci://registry.example/acme/gateway:1.2.0`, `…@sha256:…` | an artifact of a registry |
//! | `acme.gateway`, `acme.gateway@1.2.0` | from the mirror folder; the newest version without one |
//!
//! Plain HTTP is only spoken with this machine itself. A redirect keeps the scheme and takes no
//! credential to another origin. Every answer is bounded in size and time, and whatever has a digest is
//! compared with it. What comes back is a whole package whose signature nobody has looked at yet.

mod error;
mod http;
pub mod mirror;
pub mod oci;

pub use error::FetchError;

use crate::{archive, digest::Digest, files::Files, limits, manifest::is_id};
use oci::{Login, Reference};
use semver::Version;
use std::{
    fmt,
    path::{Path, PathBuf},
};
use url::Url;

/// A place that packages come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A folder or an archive on this machine.
    Local(PathBuf),
    /// An archive.
    Url(Url),
    /// An artifact of a registry.
    Oci(Reference),
    /// The mirror folder.
    Mirror {
        /// The plugin.
        id: String,
        /// Its version; the newest one without.
        version: Option<Version>,
    },
}

impl Source {
    /// Reads what a user wrote.
    ///
    /// # Errors
    /// What is none of the table of this module.
    pub fn parse(text: &str) -> Result<Self, FetchError> {
        let unknown = || FetchError::NoSource(text.to_owned());
        if let Some(reference) = text.strip_prefix("oci://") {
            return Ok(Self::Oci(Reference::parse(reference)?));
        }
        if text.contains("://") {
            let url = Url::parse(text).map_err(|_| unknown())?;
            http::check(&url)?;
            return Ok(Self::Url(url));
        }
        let archive = Path::new(text)
            .extension()
            .is_some_and(|e| e == archive::EXTENSION);
        if text.contains('/') || archive || matches!(text, "." | "..") {
            return Ok(Self::Local(text.into()));
        }
        let (id, version) = match text.split_once('@') {
            Some((id, version)) => (id, Some(Version::parse(version).map_err(|_| unknown())?)),
            None => (text, None),
        };
        if !is_id(id) {
            return Err(unknown());
        }
        Ok(Self::Mirror {
            id: id.to_owned(),
            version,
        })
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(path) => write!(f, "{}", path.display()),
            Self::Url(url) => write!(f, "{url}"),
            Self::Oci(reference) => write!(f, "oci://{reference}"),
            Self::Mirror { id, version: None } => f.write_str(id),
            Self::Mirror {
                id,
                version: Some(version),
            } => write!(f, "{id}@{version}"),
        }
    }
}

/// A package that was fetched, and is not verified yet.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// The package.
    pub files: Files,
    /// Where it came from, for the lock file: a tag has become a digest.
    pub source: String,
    /// It came from this machine.
    pub local: bool,
}

/// Whatever a fetch may need.
#[derive(Clone, Debug, Default)]
pub struct FetchOptions {
    /// Certificate authorities besides the operating system's, PEM.
    pub extra_roots: Option<String>,
    /// The mirror folder.
    pub mirror: Option<PathBuf>,
}

/// Is told how far a transfer is: what is transferred, bytes so far, and how many it will be, where
/// that is known.
pub type Report<'a> = &'a (dyn Fn(&str, u64, Option<u64>) + Send + Sync);

/// A [`Report`] to nobody.
pub fn quiet(_: &str, _: u64, _: Option<u64>) {}

/// Fetches packages. Cloning it is cheap.
#[derive(Clone, Debug)]
pub struct Fetcher {
    http: http::Http,
    mirror: Option<PathBuf>,
}

impl Fetcher {
    /// Sets up fetching.
    ///
    /// # Errors
    /// Certificate authorities that are none.
    pub fn new(options: FetchOptions) -> Result<Self, FetchError> {
        Ok(Self {
            http: http::Http::new(options.extra_roots.as_deref())?,
            mirror: options.mirror,
        })
    }

    /// Fetches a package. `expected` is its digest, or that of the archive it comes in; an address
    /// needs one.
    ///
    /// # Errors
    /// Why there is no package, or that it is another one.
    pub async fn fetch(
        &self,
        source: &Source,
        expected: Option<Digest>,
        login: Option<&Login>,
        report: Report<'_>,
    ) -> Result<Fetched, FetchError> {
        let fetch = self.fetch_any(source, expected, login, report);
        match tokio::time::timeout(limits::TRANSFER, fetch).await {
            Ok(fetched) => fetched,
            Err(_) => Err(FetchError::Timeout(source.to_string())),
        }
    }

    async fn fetch_any(
        &self,
        source: &Source,
        expected: Option<Digest>,
        login: Option<&Login>,
        report: Report<'_>,
    ) -> Result<Fetched, FetchError> {
        let (files, archive, resolved) = match source {
            Source::Local(path) => {
                let path = path.clone();
                let (files, archive) = blocking(move || read_local(&path)).await?;
                (files, archive, source.to_string())
            }
            Source::Mirror { id, version } => {
                let mirror = self.mirror.as_deref().ok_or(FetchError::NoMirror)?;
                let path = mirror::find(mirror, id, version.as_ref())?;
                let (files, archive) = blocking(move || read_local(&path)).await?;
                let manifest = files.manifest();
                let asked = version.as_ref().unwrap_or(&manifest.version);
                if manifest.id != *id || manifest.version != *asked {
                    return Err(FetchError::Misnamed {
                        asked: source.to_string(),
                        found: format!("{}@{}", manifest.id, manifest.version),
                    });
                }
                let resolved = format!("{id}@{}", manifest.version);
                (files, archive, resolved)
            }
            Source::Url(url) => {
                if expected.is_none() {
                    return Err(FetchError::NeedsDigest(url.clone()));
                }
                let bytes = self.http.archive(url, report).await?;
                let (files, archive) = blocking(move || read_archive(&bytes)).await?;
                (files, Some(archive), source.to_string())
            }
            Source::Oci(reference) => {
                let (files, resolved) = oci::pull(&self.http, reference, login, report).await?;
                (files, None, format!("oci://{resolved}"))
            }
        };
        let found = files.digest();
        if let Some(expected) = expected.filter(|e| *e != found && Some(*e) != archive) {
            return Err(FetchError::OtherDigest {
                place: source.to_string(),
                expected,
                found: archive.unwrap_or(found),
            });
        }
        Ok(Fetched {
            files,
            source: resolved,
            local: matches!(source, Source::Local(_) | Source::Mirror { .. }),
        })
    }

    /// Pushes a package to a registry; gives the reference under which exactly this package is found.
    ///
    /// # Errors
    /// What the registry says.
    pub async fn push(
        &self,
        files: &Files,
        to: &Reference,
        login: Option<&Login>,
        report: Report<'_>,
    ) -> Result<Reference, FetchError> {
        let push = oci::push(&self.http, files, to, login, report);
        match tokio::time::timeout(limits::TRANSFER, push).await {
            Ok(pushed) => pushed,
            Err(_) => Err(FetchError::Timeout(to.to_string())),
        }
    }
}

/// The package in a folder or in an archive, with the archive's digest.
fn read_local(path: &Path) -> Result<(Files, Option<Digest>), FetchError> {
    if path.is_dir() {
        return Ok((Files::read_dir(path)?, None));
    }
    let (files, digest) = read_archive(&archive::read_bytes(path)?)?;
    Ok((files, Some(digest)))
}

fn read_archive(bytes: &[u8]) -> Result<(Files, Digest), FetchError> {
    Ok((archive::read(bytes)?, Digest::of(bytes)))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FetchError> + Send + 'static,
) -> Result<T, FetchError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(FetchError::Failed(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_as_what_it_is() {
        for text in [
            "./gateway",
            "/srv/gateway",
            "gateway-1.0.0.labd-plugin",
            "https://acme.example/gateway.labd-plugin",
            "http://127.0.0.1:8080/x",
            "oci://registry.example/acme/gateway:1.0",
            "acme.gateway",
            "acme.gateway@1.0.0",
        ] {
            assert_eq!(Source::parse(text).unwrap().to_string(), text);
        }
        let mirror = Source::parse("acme.gateway@1.0.0").unwrap();
        assert!(matches!(
            mirror,
            Source::Mirror {
                version: Some(_),
                ..
            }
        ));
    }

    #[test]
    fn what_is_no_source_or_not_safe_is_refused() {
        for text in [
            "",
            "gateway",
            "acme.gateway@new",
            "http://acme.example/x",
            "http://10.0.0.1/x",
            "http://127.0.0.1.acme.example/x",
            "https://user:password@acme.example/x",
            "ftp://acme.example/x",
            "file:///etc/passwd",
            "oci://registry.example/acme",
        ] {
            assert!(Source::parse(text).is_err(), "{text}");
        }
    }
}
