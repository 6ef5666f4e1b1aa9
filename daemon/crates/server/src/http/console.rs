//! The console's files.
//!
//! Files under `assets/` have a hash in their name and are kept by browsers for a year; everything
//! else is asked for anew, with an `ETag`. A path without a file is the console's own address and
//! gets `index.html`.

use crate::addresses::Addresses;
use crate::backend::Assets;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use labd_protocol::packed;
use sha2::{Digest, Sha256};

const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");

/// What is shown when the console was not built. The API works all the same.
const NOT_BUILT: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>labd</title>\
<h1>labd is running</h1><p>Its console was not built into this program. Run <code>cargo xtask \
console</code>, build labd again and start it anew. The API is at <code>/api/v1</code>, described \
by <a href=\"/api/v1/openapi.json\">its OpenAPI document</a>.";

/// Answers a request for a file of the console.
pub(crate) fn serve(
    assets: &dyn Assets,
    addresses: &Addresses,
    method: &Method,
    path: &str,
    headers: &HeaderMap,
) -> Response {
    if !matches!(*method, Method::GET | Method::HEAD) {
        return (
            StatusCode::METHOD_NOT_ALLOWED,
            [(header::ALLOW, "GET, HEAD")],
        )
            .into_response();
    }
    let path = path.trim_start_matches('/');
    let name = if path.is_empty() { "index.html" } else { path };
    if let Some(response) = file(assets, addresses, name, headers) {
        return response;
    }
    // A missing script must not come as a page.
    let last = name.rsplit('/').next().unwrap_or_default();
    if name.starts_with("assets/") || last.contains('.') && name != "index.html" {
        return (StatusCode::NOT_FOUND, "There is no such file.\n").into_response();
    }
    file(assets, addresses, "index.html", headers).unwrap_or_else(|| {
        let mut response = NOT_BUILT.into_response();
        page_headers(response.headers_mut(), addresses);
        response
    })
}

fn file(
    assets: &dyn Assets,
    addresses: &Addresses,
    name: &str,
    headers: &HeaderMap,
) -> Option<Response> {
    // Compressed twins are found by content negotiation, never by their own names.
    if name.ends_with(".br") || name.ends_with(".gz") {
        return None;
    }
    let (content, encoding) = variant(assets, name, headers)?;
    let etag = etag(&content);
    let known = headers.get_all(header::IF_NONE_MATCH).iter().any(|value| {
        value.to_str().is_ok_and(|value| {
            value
                .split(',')
                .any(|tag| tag.trim().trim_start_matches("W/") == etag)
        })
    });
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Response::new(Body::from(content))
    };
    let to = response.headers_mut();
    to.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        to.insert(header::ETAG, etag);
    }
    if let Ok(media_type) = HeaderValue::from_str(&media_type(name)) {
        to.insert(header::CONTENT_TYPE, media_type);
    }
    if let Some(encoding) = encoding {
        to.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    if name.ends_with(".html") {
        page_headers(to, addresses);
    } else {
        let kept = if name.starts_with("assets/") {
            IMMUTABLE
        } else {
            NO_CACHE
        };
        to.insert(header::CACHE_CONTROL, kept);
    }
    Some(response)
}

/// The best form of a file that the client understands.
fn variant(
    assets: &dyn Assets,
    name: &str,
    headers: &HeaderMap,
) -> Option<(Bytes, Option<&'static str>)> {
    let offers = headers.get_all(header::ACCEPT_ENCODING).iter();
    let packed = packed(offers.filter_map(|value| value.to_str().ok()), |ending| {
        assets.get(&format!("{name}{ending}"))
    });
    match packed {
        Some((coding, content)) => Some((content, Some(coding))),
        None => assets.get(name).map(|content| (content, None)),
    }
}

fn media_type(name: &str) -> String {
    let media_type = mime_guess::from_path(name)
        .first_or_octet_stream()
        .to_string();
    if media_type.starts_with("text/") || media_type.ends_with("/javascript") {
        format!("{media_type}; charset=utf-8")
    } else {
        media_type
    }
}

fn etag(content: &[u8]) -> String {
    let digest = hex::encode(Sha256::digest(content));
    format!("\"{}\"", digest.get(..32).unwrap_or(&digest))
}

/// The console's pages: never framed, loading nothing from elsewhere, framing only previews.
fn page_headers(headers: &mut HeaderMap, addresses: &Addresses) {
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
         img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; \
         manifest-src 'self'; worker-src 'self'; frame-src {}; frame-ancestors 'none'; \
         base-uri 'none'; form-action 'none'",
        addresses.preview_sources()
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    let media_type = HeaderValue::from_static("text/html; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, media_type);
    headers.insert(header::CACHE_CONTROL, NO_CACHE);
}
