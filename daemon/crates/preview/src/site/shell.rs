//! The shell: the page that every state of an app is shown in.

use super::{PreviewBody, events::Load, headers, respond};
use crate::Previews;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{Response, StatusCode, header};
use labd_protocol::ProjectId;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

const SCRIPT: &str = include_str!("shell.js");
const STYLE: &str = include_str!("shell.css");

/// What the sandbox says of its vendor modules, in its asset `vendor.json`.
#[derive(Debug, Default, Deserialize)]
struct Vendor {
    /// Bare import → asset.
    imports: BTreeMap<String, String>,
    /// Bare import → all assets that it loads.
    preloads: BTreeMap<String, Vec<String>>,
}

/// The module that makes React roots: the shell stands in for it, so that it can take down what an
/// older state has mounted.
const ROOTS: &str = "react-dom/client";

/// The page.
pub(super) fn page(previews: &Previews, project: ProjectId) -> Response<PreviewBody> {
    let vendor: Vendor = previews
        .inner
        .sandboxes
        .asset("vendor.json")
        .and_then(|asset| serde_json::from_slice(&asset.content).ok())
        .unwrap_or_default();
    let shown = previews.running(project).shown();
    let load = shown.as_ref().and_then(Load::of);
    let mut imports: BTreeMap<&str, String> = vendor
        .imports
        .iter()
        .map(|(name, path)| (name.as_str(), format!("/_lab/v/{path}")))
        .collect();
    if let Some(real) = imports.insert(ROOTS, "/_lab/shell.js".to_owned()) {
        imports.insert("labd:react-dom-client", real);
    }
    let import_map = json!({ "imports": imports }).to_string();
    let hash = STANDARD.encode(Sha256::digest(import_map.as_bytes()));
    let used = shown
        .as_ref()
        .and_then(|shown| shown.state.manifest.as_ref())
        .map(|manifest| manifest.vendor.as_slice())
        .unwrap_or_default();
    let mut preloads: Vec<String> = used
        .iter()
        .filter_map(|name| vendor.preloads.get(name))
        .flatten()
        .map(|path| format!("/_lab/v/{path}"))
        .collect();
    if let Some(load) = &load {
        preloads.extend(load.modules.iter().cloned());
    }
    preloads.sort();
    preloads.dedup();
    let preloads: String = preloads
        .iter()
        .map(|address| format!("<link rel=modulepreload href=\"{}\">", escape(address)))
        .collect();
    // What other apps may import is loaded when the browser has nothing else to do.
    let warm: Vec<&String> = vendor.imports.keys().collect();
    let console = &previews.inner.options.console_origin;
    let data = json!({ "show": load, "warm": warm, "console": console }).to_string();
    let title = escape(load.as_ref().map_or("App", |load| load.title));
    let page = format!(
        "<!doctype html><html lang=en><head><meta charset=utf-8>\
         <meta name=viewport content=\"width=device-width, initial-scale=1\">\
         <title>{title}</title><style>{STYLE}</style>\
         <script type=importmap>{import_map}</script>{preloads}\
         <meta id=labd-shell content=\"{}\"></head>\
         <body><div id=root></div><script type=module src=/_lab/shell.js></script></body></html>",
        escape(&data)
    );
    let mut response = respond(
        StatusCode::OK,
        "text/html; charset=utf-8",
        "no-store",
        Bytes::from(page),
    );
    if let Ok(policy) = headers::policy(console, Some(&hash)).parse() {
        response
            .headers_mut()
            .insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// The shell's script.
pub(super) fn script() -> Response<PreviewBody> {
    respond(
        StatusCode::OK,
        "text/javascript; charset=utf-8",
        "no-cache",
        Bytes::from_static(SCRIPT.as_bytes()),
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
}
