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
