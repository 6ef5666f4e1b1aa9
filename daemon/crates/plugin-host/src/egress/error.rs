//! Why a request did not get its answer, in words for a person.

use super::{policy::denied, resolver::ResolveError};
use crate::{Fault, PluginError, tls};
use std::{error::Error, io};
use url::Url;

/// Explains an error of the HTTP client.
pub(super) fn explain(error: &reqwest::Error, url: &Url, plugin: &str) -> PluginError {
    let host = url.host_str().unwrap_or_default();
    let unavailable = |message: String| PluginError::Unavailable(Fault::new(message));
    if let Some(cause) = find::<ResolveError>(error) {
        return match cause {
            ResolveError::Lookup(cause) => unavailable(cause.to_string()),
            ResolveError::Forbidden { .. } => {
                let origin = url.origin().ascii_serialization();
                denied(
                    &origin,
                    format!(
                        "{cause}, which the plugin {plugin} may not reach by that name; if that \
                         server is yours, configure its URL for the plugin yourself"
                    ),
                )
            }
        };
    }
    if let Some(cause) = find::<rustls::Error>(error) {
        let remedy = "if it is yours, add the authority to `tls.extra_roots`";
        return unavailable(tls::explain(cause, host, remedy));
    }
    let peer = match url.port_or_known_default() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    };
    if let Some(cause) = find::<io::Error>(error) {
        let message = match cause.kind() {
            io::ErrorKind::ConnectionRefused => format!("connection refused by {peer}"),
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof => format!("{peer} closed the connection"),
            io::ErrorKind::TimedOut => format!("{peer} does not answer"),
            io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
                format!("no route to {peer}; check this machine's network")
            }
            _ => format!("the connection to {peer} failed: {cause}"),
        };
        return unavailable(message);
    }
    if error.is_timeout() {
        return unavailable(format!("{peer} does not answer"));
    }
    let mut deepest: &dyn Error = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    unavailable(format!("the exchange with {peer} failed: {deepest}"))
}

/// The first error of this type in the chain of causes. An [`io::Error`] hides the error inside it
/// from `source`, so it is opened.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        let inner = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        next = match inner {
            Some(inner) => Some(inner as &(dyn Error + 'static)),
            None => error.source(),
        };
    }
    None
}
