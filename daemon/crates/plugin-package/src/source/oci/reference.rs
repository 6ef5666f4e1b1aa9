//! `registry[:port]/repository[:tag][@sha256:…]`, as the distribution specification writes it.

use super::super::{FetchError, http};
use crate::digest::Digest;
use std::fmt;
use url::Url;

/// What is asked of a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    registry: String,
    repository: String,
    tag: Option<String>,
    digest: Option<Digest>,
}

impl Reference {
    /// Reads a reference, without `oci://`. A tag or a digest has to be there: what `latest` is
    /// changes under one's feet.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, FetchError> {
        let wrong = |reason| FetchError::NoReference(text.to_owned(), reason);
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => {
                let digest = digest
                    .parse()
                    .map_err(|_| wrong("after @ comes sha256:…"))?;
                (name, Some(digest))
            }
            None => (text, None),
        };
        let (registry, path) = name
            .split_once('/')
            .ok_or_else(|| wrong("there is no repository"))?;
        let (repository, tag) = match path.split_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (path, None),
        };
        let part = |part: &str| {
            part.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
                && part
                    .chars()
                    .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c))
        };
        if !repository.split('/').all(part) || repository.len() > 255 {
            return Err(wrong(
                "a repository is lower-case letters, digits, `.`, `_`, `-` and `/`",
            ));
        }
        let is_tag = |tag: &str| {
            !tag.is_empty()
                && tag.len() <= 128
                && !tag.starts_with(['.', '-'])
                && tag
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
        };
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err(wrong("a tag is letters, digits, `.`, `_` and `-`"));
        }
        if tag.is_none() && digest.is_none() {
            return Err(wrong("it needs a :tag or an @sha256:…"));
        }
        let reference = Self {
            registry: registry.to_owned(),
            repository: repository.to_owned(),
            tag: tag.map(str::to_owned),
            digest,
        };
        let base = reference.base()?;
        // Nothing but a host and a port.
        if base.path() != "/" || !base.username().is_empty() || registry.contains(['?', '#', '\\'])
        {
            return Err(wrong("a registry is a host, and maybe a port"));
        }
        Ok(reference)
    }

    /// The registry: a host, and maybe a port.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// The repository.
    pub(super) fn repository(&self) -> &str {
        &self.repository
    }

    /// The digest, where one is asked for.
    pub(super) fn digest(&self) -> Option<Digest> {
        self.digest
    }

    /// What is asked for in the repository: the digest comes before the tag.
    pub(super) fn what(&self) -> String {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => digest.to_string(),
            (None, Some(tag)) => tag.clone(),
            // `parse` wants one of the two.
            (None, None) => "latest".to_owned(),
        }
    }

    /// Under which name a manifest is put.
    pub(super) fn name_to_put(&self, digest: Digest) -> String {
        self.tag.clone().unwrap_or_else(|| digest.to_string())
    }

    /// The same repository, and exactly this manifest.
    pub(super) fn exactly(&self, digest: Digest) -> Self {
        Self {
            registry: self.registry.clone(),
            repository: self.repository.clone(),
            tag: None,
            digest: Some(digest),
        }
    }

    /// The registry's address. Plain HTTP with this machine itself only, whose registries have no
    /// certificate.
    pub(super) fn base(&self) -> Result<Url, FetchError> {
        let wrong =
            || FetchError::NoReference(self.to_string(), "a registry is a host, and maybe a port");
        let plain = Url::parse(&format!("http://{}/", self.registry)).map_err(|_| wrong())?;
        if http::is_loopback(&plain) {
            return Ok(plain);
        }
        Url::parse(&format!("https://{}/", self.registry)).map_err(|_| wrong())
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_as_they_are_written() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        for text in [
            "registry.example/gateway:1.0.0".to_owned(),
            "localhost:5000/acme/gateway:v1".to_owned(),
            format!("[::1]:5000/acme/gateway@{digest}"),
            format!("registry.example:443/acme/gate-way_2:1.0@{digest}"),
        ] {
            assert_eq!(Reference::parse(&text).unwrap().to_string(), text);
        }
        for wrong in [
            "gateway:1.0",
            "registry.example/gateway",
            "registry.example/Gateway:1",
            "registry.example/../x:1",
            "registry.example/a//b:1",
            "registry.example/a:b:c",
            "registry.example/a@sha256:00",
            "user@registry.example/a:1",
            "registry.example?x/a:1",
            "/a:1",
            "regi stry/a:1",
        ] {
            assert!(Reference::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn plain_http_is_for_this_machine_only() {
        let base = |text: &str| Reference::parse(text).unwrap().base().unwrap();
        assert_eq!(base("127.0.0.1:5000/a:1").scheme(), "http");
        assert_eq!(base("localhost/a:1").scheme(), "http");
        assert_eq!(base("localhost.example/a:1").scheme(), "https");
        assert_eq!(base("10.0.0.1:5000/a:1").scheme(), "https");
    }
}
