//! Headers on their way out and back.

use super::{
    policy::{HttpPolicy, denied},
    scrub::Secrets,
};
use crate::{Fault, PluginError};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

/// Headers about the connection, which belongs to the host (RFC 9110, section 7.6.1).
const OF_THE_CONNECTION: &[HeaderName] = &[
    header::CONNECTION,
    header::EXPECT,
    header::HOST,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];
const OLD_NAMES: &[&str] = &["keep-alive", "proxy-connection", "http2-settings"];
/// Headers by which a response comes in a form, or in parts, in which no credential is found.
const UNSEARCHABLE: &[HeaderName] = &[header::ACCEPT_ENCODING, header::IF_RANGE, header::RANGE];

/// Checks the headers of a plugin and adds the credentials.
pub(super) fn outgoing(
    policy: &HttpPolicy,
    given: &[(String, String)],
    body_length: Option<usize>,
    credentials: Vec<(HeaderName, HeaderValue)>,
    limit: usize,
) -> Result<HeaderMap, PluginError> {
    let invalid = |message: String| Err(PluginError::InvalidRequest(Fault::new(message)));
    let size: usize = given
        .iter()
        .map(|(name, value)| name.len() + value.len() + 4)
        .sum();
    if size > limit {
        return invalid(format!("the request's headers exceed {} KiB", limit / 1024));
    }
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else {
            return invalid(format!("`{}` is not a header name", name.escape_debug()));
        };
        if policy.reserves(&name) {
            return Err(denied(
                name.as_str(),
                format!(
                    "the host writes the credential into `{name}`; leave it out of the request"
                ),
            ));
        }
        if OF_THE_CONNECTION.contains(&name) || OLD_NAMES.contains(&name.as_str()) {
            return invalid(format!(
                "the host writes `{name}` itself; leave it out of the request"
            ));
        }
        if UNSEARCHABLE.contains(&name) && policy.searches() && value.trim() != "identity" {
            return invalid(format!(
                "`{name}` cannot be used here: the host looks for the credential in what comes back, \
                 and can do so only when it comes whole and as it is"
            ));
        }
        if name == header::CONTENT_LENGTH {
            if value.trim().parse().ok() != Some(body_length.unwrap_or(0)) {
                return invalid("`content-length` differs from the length of the body".to_owned());
            }
            continue;
        }
        let Ok(value) = HeaderValue::from_str(value) else {
            return invalid(format!(
                "the value of `{name}` holds characters that are not allowed"
            ));
        };
        headers.append(name, value);
    }
    for (name, value) in credentials {
        headers.insert(name, value);
    }
    Ok(headers)
}

/// The bytes that headers take, about as they are counted on the wire.
pub(super) fn size(headers: &HeaderMap) -> usize {
    headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum()
}

/// Why a response cannot be searched for credentials; none when it can.
pub(super) fn unsearchable(status: StatusCode, headers: &HeaderMap) -> Option<String> {
    if status == StatusCode::PARTIAL_CONTENT {
        return Some("only a part of it came (206)".to_owned());
    }
    let encodings = headers.get_all(header::CONTENT_ENCODING).iter();
    let mut encodings = encodings.map(|value| String::from_utf8_lossy(value.as_bytes()));
    encodings
        .find(|one| !one.trim().eq_ignore_ascii_case("identity"))
        .map(|encoding| format!("it is encoded ({})", encoding.escape_debug()))
}

/// The headers of a response as the plugin sees them.
pub(super) fn incoming(headers: &HeaderMap, secrets: &Secrets) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| {
            let mut value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            secrets.scrub(&mut value);
            (name.as_str().to_owned(), value)
        })
        .collect()
}
