//! What holds for every answer of a preview.

use http::{HeaderMap, HeaderValue, Response, header};

/// What an app's page may do. Everything comes from its own origin; it is framed by the console
/// only, and frames nothing. `'unsafe-inline'` for styles: charts set them on elements.
pub(super) fn policy(console_origin: &str, script_hash: Option<&str>) -> String {
    let script = script_hash
        .map(|hash| format!(" 'sha256-{hash}'"))
        .unwrap_or_default();
    format!(
        "default-src 'self'; script-src 'self'{script}; style-src 'self' 'unsafe-inline'; \
         img-src 'self' data: blob:; font-src 'self' data:; media-src 'self' data: blob:; \
         connect-src 'self'; worker-src 'none'; object-src 'none'; frame-src 'none'; \
         base-uri 'none'; form-action 'self'; frame-ancestors {console_origin}"
    )
}

/// Adds what every answer has.
pub(super) fn protect<B>(response: &mut Response<B>, console_origin: &str) {
    let headers = response.headers_mut();
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY)
        && let Ok(policy) = policy(console_origin, None).parse()
    {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"),
        (
            "permissions-policy",
            "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// The client understands a content coding.
pub(super) fn accepts(headers: &HeaderMap, coding: &str) -> bool {
    headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|offer| {
            let mut parts = offer.split(';').map(str::trim);
            parts.next() == Some(coding) && !parts.any(|part| part == "q=0")
        })
}

/// A browser asks for the script of a service worker.
pub(super) fn is_service_worker(headers: &HeaderMap) -> bool {
    headers.contains_key("service-worker")
        || headers
            .get("sec-fetch-dest")
            .is_some_and(|destination| destination == "serviceworker")
}

/// A browser opens the preview in a window of its own, not in a frame.
pub(super) fn is_page_of_its_own(headers: &HeaderMap) -> bool {
    headers
        .get("sec-fetch-dest")
        .is_some_and(|destination| destination == "document")
}

/// Headers that server code may set. What would change how labd protects the page is not among them.
pub(super) fn may_be_set_by_app(name: &str) -> bool {
    matches!(
        name,
        "content-type"
            | "content-disposition"
            | "content-language"
            | "cache-control"
            | "etag"
            | "last-modified"
            | "retry-after"
            | "vary"
    ) || (name.starts_with("x-") && !name.starts_with("x-labd-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coding_is_used_only_where_it_is_accepted() {
        let accepts = |offer: &'static str, coding| {
            let headers =
                HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(offer))]);
            accepts(&headers, coding)
        };
        assert!(accepts("gzip, deflate, br, zstd", "br"));
        assert!(accepts("br;q=0.5", "br"));
        assert!(!accepts("gzip;q=0", "gzip"));
        assert!(!accepts("brotli", "br"));
        assert!(!super::accepts(&HeaderMap::new(), "gzip"));
    }
}
