//! Talking with one repository of a registry, and logging in when it asks for that.
//!
//! A challenge is answered once. `Basic` sends user name and password to the registry; `Bearer` asks
//! the token server that the registry names, over HTTPS unless all of it is on this machine.

use super::{Login, Reference};
use crate::{
    digest::Digest,
    limits,
    source::{
        FetchError, Report,
        http::{self, Answer, Http, UNWATCHED, Watch},
    },
};
use ::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use bytes::Bytes;
use reqwest::Method;
use serde::Deserialize;
use std::collections::BTreeMap;
use url::Url;
use zeroize::Zeroizing;

pub(super) struct Session<'a> {
    http: &'a Http,
    reference: &'a Reference,
    login: Option<&'a Login>,
    report: Report<'a>,
    base: Url,
    actions: &'static str,
    authorization: Option<HeaderValue>,
}

impl<'a> Session<'a> {
    pub fn new(
        http: &'a Http,
        reference: &'a Reference,
        login: Option<&'a Login>,
        report: Report<'a>,
    ) -> Result<Self, FetchError> {
        Ok(Self {
            http,
            reference,
            login,
            report,
            base: reference.base()?,
            actions: "pull",
            authorization: None,
        })
    }

    pub fn for_pushing(mut self) -> Self {
        self.actions = "pull,push";
        self
    }

    /// The manifest's media type and bytes.
    pub async fn manifest(&mut self) -> Result<(String, Bytes), FetchError> {
        let url = self.url(&format!("manifests/{}", self.reference.what()))?;
        // Others are asked for too, so that the message can say what is there instead.
        let accept = [
            super::MANIFEST_TYPE,
            "application/vnd.oci.image.index.v1+json",
            "application/vnd.docker.distribution.manifest.v2+json",
        ];
        let accept = (header::ACCEPT, accept.join(", "));
        let limit = limits::RECORD_BYTES;
        let answer = self.get(&url, &[accept], limit, "manifest").await?;
        let media_type = answer.headers.get(header::CONTENT_TYPE);
        let media_type = media_type
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let media_type = media_type.split(';').next().unwrap_or_default().trim();
        Ok((media_type.to_owned(), answer.body))
    }

    /// A blob of this digest and size.
    pub async fn blob(
        &mut self,
        digest: Digest,
        size: u64,
        what: &str,
    ) -> Result<Bytes, FetchError> {
        let url = self.url(&format!("blobs/{digest}"))?;
        let answer = self.get(&url, &[], size, what).await?;
        let found = answer.body.len() as u64;
        if found != size {
            return Err(FetchError::Cut {
                url,
                announced: size,
                found,
            });
        }
        let found = Digest::of(&answer.body);
        if found != digest {
            return Err(FetchError::OtherDigest {
                place: url.to_string(),
                expected: digest,
                found,
            });
        }
        Ok(answer.body)
    }

    /// Uploads a blob, unless it is there already.
    pub async fn upload(&mut self, bytes: &Bytes, what: &str) -> Result<(), FetchError> {
        let digest = Digest::of(bytes);
        let there = self.url(&format!("blobs/{digest}"))?;
        let answer = self.send(Method::HEAD, &there, &[], None).await?;
        if answer.status == StatusCode::OK {
            return Ok(());
        }
        let start = self.url("blobs/uploads/")?;
        let answer = self
            .send(Method::POST, &start, &[], Some(Bytes::new()))
            .await?;
        if answer.status != StatusCode::ACCEPTED {
            return Err(self.refused(&answer));
        }
        let mut place = http::target(&answer)?;
        if place.origin() != self.base.origin() {
            return Err(FetchError::Redirect {
                from: start,
                to: place.to_string(),
                reason: "an upload stays with its registry",
            });
        }
        place
            .query_pairs_mut()
            .append_pair("digest", &digest.to_string());
        let octets = (header::CONTENT_TYPE, "application/octet-stream".to_owned());
        let answer = self
            .send(Method::PUT, &place, &[octets], Some(bytes.clone()))
            .await?;
        if answer.status != StatusCode::CREATED {
            return Err(self.refused(&answer));
        }
        let size = bytes.len() as u64;
        (self.report)(what, size, Some(size));
        Ok(())
    }

    pub async fn put_manifest(
        &mut self,
        manifest: &Bytes,
        media_type: &str,
        digest: Digest,
    ) -> Result<(), FetchError> {
        let url = self.url(&format!("manifests/{}", self.reference.name_to_put(digest)))?;
        let of = (header::CONTENT_TYPE, media_type.to_owned());
        let answer = self
            .send(Method::PUT, &url, &[of], Some(manifest.clone()))
            .await?;
        if answer.status != StatusCode::CREATED {
            return Err(self.refused(&answer));
        }
        Ok(())
    }

    fn url(&self, path: &str) -> Result<Url, FetchError> {
        let path = format!("/v2/{}/{path}", self.reference.repository());
        self.base
            .join(&path)
            .map_err(|error| FetchError::Failed(error.to_string()))
    }

    async fn get(
        &mut self,
        url: &Url,
        headers: &[(HeaderName, String)],
        limit: u64,
        what: &str,
    ) -> Result<Answer, FetchError> {
        loop {
            let headers = self.headers(headers);
            let watch = Watch {
                report: self.report,
                what,
            };
            let answer = self.http.get(url, headers, limit, watch).await?;
            match answer.status {
                StatusCode::OK => return Ok(answer),
                StatusCode::UNAUTHORIZED if self.authorization.is_none() => {
                    self.authenticate(&answer).await?;
                }
                _ => return Err(self.refused(&answer)),
            }
        }
    }

    async fn send(
        &mut self,
        method: Method,
        url: &Url,
        headers: &[(HeaderName, String)],
        body: Option<Bytes>,
    ) -> Result<Answer, FetchError> {
        loop {
            let answer = self
                .http
                .send(
                    method.clone(),
                    url,
                    self.headers(headers),
                    body.clone(),
                    limits::RECORD_BYTES,
                    UNWATCHED,
                )
                .await?;
            if answer.status != StatusCode::UNAUTHORIZED || self.authorization.is_some() {
                return Ok(answer);
            }
            self.authenticate(&answer).await?;
        }
    }

    fn headers(&self, more: &[(HeaderName, String)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in more {
            if let Ok(value) = HeaderValue::from_str(value) {
                headers.insert(name.clone(), value);
            }
        }
        if let Some(authorization) = &self.authorization {
            headers.insert(header::AUTHORIZATION, authorization.clone());
        }
        headers
    }

    /// Answers a challenge, so that the request can be sent again.
    async fn authenticate(&mut self, answer: &Answer) -> Result<(), FetchError> {
        let needs_login = || FetchError::NeedsLogin(self.reference.registry().to_owned());
        let challenges = answer.headers.get_all(header::WWW_AUTHENTICATE);
        let mut challenges = challenges.iter().filter_map(|value| value.to_str().ok());
        let challenge = challenges
            .find_map(Challenge::parse)
            .ok_or_else(|| answer.refused())?;
        let authorization = match challenge {
            Challenge::Basic => self.login.ok_or_else(needs_login)?.basic(),
            Challenge::Bearer { realm, service } => Zeroizing::new(format!(
                "Bearer {}",
                *self.token(&realm, service.as_deref()).await?
            )),
        };
        let mut value = HeaderValue::from_str(&authorization).map_err(|_| needs_login())?;
        value.set_sensitive(true);
        self.authorization = Some(value);
        Ok(())
    }

    /// A token for this repository.
    async fn token(
        &self,
        realm: &str,
        service: Option<&str>,
    ) -> Result<Zeroizing<String>, FetchError> {
        let mut url = self.base.join(realm).map_err(|_| {
            FetchError::Unsafe(
                realm.escape_debug().to_string(),
                "it is no address of a token server",
            )
        })?;
        http::check(&url)?;
        if http::is_loopback(&url) && !http::is_loopback(&self.base) {
            let reason = "a registry elsewhere must not make this machine ask itself";
            return Err(FetchError::Unsafe(url.to_string(), reason));
        }
        let scope = format!(
            "repository:{}:{}",
            self.reference.repository(),
            self.actions
        );
        url.query_pairs_mut().append_pair("scope", &scope);
        if let Some(service) = service {
            url.query_pairs_mut().append_pair("service", service);
        }
        let mut headers = HeaderMap::new();
        if let Some(login) = self.login
            && let Ok(mut value) = HeaderValue::from_str(&login.basic())
        {
            value.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, value);
        }
        let answer = self
            .http
            .send(
                Method::GET,
                &url,
                headers,
                None,
                limits::RECORD_BYTES,
                UNWATCHED,
            )
            .await?;
        if answer.status != StatusCode::OK {
            return Err(self.refused(&answer));
        }
        let token: Token = serde_json::from_slice(&answer.body).map_err(|_| answer.refused())?;
        let token = token.token.or(token.access_token);
        token.map(Zeroizing::new).ok_or_else(|| answer.refused())
    }

    fn refused(&self, answer: &Answer) -> FetchError {
        let registry = self.reference.registry().to_owned();
        match answer.status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if self.login.is_none() => {
                FetchError::NeedsLogin(registry)
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => FetchError::Forbidden(registry),
            StatusCode::NOT_FOUND => FetchError::NoPlugin {
                reference: format!("oci://{}", self.reference),
                reason: "the registry does not have it".into(),
            },
            _ => answer.refused(),
        }
    }
}

#[derive(Deserialize)]
struct Token {
    token: Option<String>,
    access_token: Option<String>,
}

/// What a registry asks for (RFC 9110, section 11.6.1).
#[derive(Debug, PartialEq, Eq)]
enum Challenge {
    Basic,
    Bearer {
        realm: String,
        service: Option<String>,
    },
}

impl Challenge {
    fn parse(text: &str) -> Option<Self> {
        let (scheme, parameters) = text.split_once(' ').unwrap_or((text, ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Self::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let mut given = parameters_of(parameters);
        Some(Self::Bearer {
            realm: given.remove("realm")?,
            service: given.remove("service"),
        })
    }
}

/// `name="value",…`; a scope's value holds commas.
fn parameters_of(mut text: &str) -> BTreeMap<String, String> {
    let mut given = BTreeMap::new();
    while let Some((name, rest)) = text.split_once("=\"") {
        let Some((value, rest)) = rest.split_once('"') else {
            break;
        };
        let name = name.trim_start_matches([',', ' ']).to_ascii_lowercase();
        given.insert(name, value.to_owned());
        text = rest;
    }
    given
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read() {
        let bearer = r#"Bearer realm="https://auth.example/token",service="registry.example",scope="repository:acme/gateway:pull,push""#;
        assert_eq!(
            Challenge::parse(bearer),
            Some(Challenge::Bearer {
                realm: "https://auth.example/token".into(),
                service: Some("registry.example".into()),
            })
        );
        assert_eq!(
            Challenge::parse(r#"Basic realm="x""#),
            Some(Challenge::Basic)
        );
        assert_eq!(Challenge::parse("Negotiate"), None);
        assert_eq!(Challenge::parse("Bearer service=\"x\""), None);
    }
}
