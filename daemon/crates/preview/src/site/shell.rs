//! The shell: the page that every state of an app is shown in.

use super::{PreviewBody, events::Load, headers, immutable, not_found, respond};
use crate::Previews;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{Response, StatusCode, header};
use labd_protocol::ProjectId;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock, PoisonError},
};

const SCRIPT: &str = include_str!("shell.js");

/// The address of the shell's script, which changes with it.
static SCRIPT_ADDRESS: LazyLock<String> = LazyLock::new(|| {
    let hash = hex::encode(Sha256::digest(SCRIPT.as_bytes()));
    format!("{SCRIPTS}{}.js", hash.get(..16).unwrap_or(&hash))
});

/// Where the script is, of whichever edition.
pub(super) const SCRIPTS: &str = "/_lab/shell-";
const STYLE: &str = include_str!("shell.css");

/// What the sandbox says of its vendor modules, in its asset `vendor.json`.
#[derive(Debug, Default, Deserialize)]
struct Listed {
    /// Bare import → asset.
    imports: BTreeMap<String, String>,
    /// Bare import → all assets that it loads.
    preloads: BTreeMap<String, Vec<String>>,
}

/// The module that makes React roots: the shell stands in for it, so that it can take down what an
/// older state has mounted.
const ROOTS: &str = "react-dom/client";

/// What the pages of all projects have in common.
#[derive(Debug)]
pub(crate) struct Vendor {
    /// The asset that it was read from; another one when the sandbox is another.
    source: Bytes,
    import_map: String,
    /// SHA-256 of the import map, for the page's policy.
    hash: String,
    /// Bare imports.
    names: Vec<String>,
    /// Bare import → addresses of all that it loads.
    preloads: BTreeMap<String, Vec<String>>,
}

impl Vendor {
    fn read(source: Bytes) -> Self {
        let listed: Listed = serde_json::from_slice(&source).unwrap_or_default();
        let address = |path: &String| format!("/_lab/v/{path}");
        let mut imports: BTreeMap<&str, String> = listed
            .imports
            .iter()
            .map(|(name, path)| (name.as_str(), address(path)))
            .collect();
        if let Some(real) = imports.insert(ROOTS, SCRIPT_ADDRESS.clone()) {
            imports.insert("labd:react-dom-client", real);
        }
        let import_map = json!({ "imports": imports }).to_string();
        Self {
            source,
            hash: STANDARD.encode(Sha256::digest(import_map.as_bytes())),
            import_map,
            names: listed.imports.keys().cloned().collect(),
            preloads: listed
                .preloads
                .iter()
                .map(|(name, paths)| (name.clone(), paths.iter().map(address).collect()))
                .collect(),
        }
    }

    /// That of the sandbox as it is now, read anew only when it changed.
    fn of(previews: &Previews) -> Arc<Self> {
        let source = previews.inner.sandboxes.asset("vendor.json");
        let source = source.map(|asset| asset.content).unwrap_or_default();
        let mut kept = previews
            .inner
            .vendor
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match kept.as_ref() {
            Some(vendor) if vendor.source == source => vendor.clone(),
            _ => kept.insert(Arc::new(Self::read(source))).clone(),
        }
    }
}

/// The page.
pub(super) fn page(previews: &Previews, project: ProjectId) -> Response<PreviewBody> {
    let vendor = Vendor::of(previews);
    let shown = previews.running(project).shown();
    let load = shown.as_ref().and_then(Load::of);
    let used = shown
        .as_ref()
        .and_then(|shown| shown.state.manifest.as_ref())
        .map(|manifest| manifest.vendor.as_slice())
        .unwrap_or_default();
    let mut preloads: Vec<String> = used
        .iter()
        .filter_map(|name| vendor.preloads.get(name))
        .flatten()
        .cloned()
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
    let console = &previews.inner.options.console_origin;
    let data = json!({ "show": load, "warm": vendor.names, "console": console }).to_string();
    let title = escape(load.as_ref().map_or("App", |load| load.title));
    let page = format!(
        "<!doctype html><html lang=en><head><meta charset=utf-8>\
         <meta name=viewport content=\"width=device-width, initial-scale=1\">\
         <title>{title}</title><style>{STYLE}</style>\
         <script type=importmap>{}</script>{preloads}\
         <meta id=labd-shell content=\"{}\"></head>\
         <body><div id=root></div><script type=module src={}></script></body></html>",
        vendor.import_map,
        escape(&data),
        *SCRIPT_ADDRESS
    );
    let mut response = respond(
        StatusCode::OK,
        "text/html; charset=utf-8",
        "no-store",
        Bytes::from(page),
    );
    if let Ok(policy) = headers::policy(console, Some(&vendor.hash)).parse() {
        response
            .headers_mut()
            .insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// The shell's script, under the address of this edition only.
pub(super) fn script(path: &str) -> Response<PreviewBody> {
    if path != *SCRIPT_ADDRESS {
        return not_found();
    }
    immutable(
        "text/javascript; charset=utf-8",
        Bytes::from_static(SCRIPT.as_bytes()),
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
}
