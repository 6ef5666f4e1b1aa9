//! Registries that speak the OCI distribution specification 1.1.
//!
//! A plugin is an image manifest of artifact type `application/vnd.labd.plugin.v1`:
//!
//! | part | media type |
//! | --- | --- |
//! | config | `application/vnd.wasm.config.v0+json`, as other WebAssembly artifacts have it |
//! | first layer, `plugin.wasm` | `application/wasm` |
//! | `plugin.toml` | `application/vnd.labd.plugin.manifest.v1+toml` |
//! | `plugin.sig` | `application/vnd.labd.plugin.signature.v1+toml` |
//! | `assets/…` | what the manifest says |
//! | `README.md`, `LICENSE`, … | `text/markdown`, `text/plain` |
//!
//! Each layer is one file, and `org.opencontainers.image.title` is its path: `oras pull` lays out the
//! same folder. The same package always gives the same manifest, and so the same digest.
//!
//! This speaks the protocol itself, on the bounded requests of [`super`], because the usual client
//! library reads manifests and error texts without a bound and follows redirects unseen.

mod layout;
mod login;
mod reference;
mod session;

pub use login::{Login, docker_login};
pub use reference::Reference;

use super::{FetchError, Report, http::Http};
use crate::{
    digest::Digest,
    files::{Collector, Files, Role},
    limits,
};
use layout::{ImageManifest, MANIFEST_TYPE};
use session::Session;

/// Pulls a package; gives it with the reference under which exactly this one is found.
pub(super) async fn pull(
    http: &Http,
    reference: &Reference,
    login: Option<&Login>,
    report: Report<'_>,
) -> Result<(Files, Reference), FetchError> {
    let no_plugin = |reason: String| FetchError::NoPlugin {
        reference: format!("oci://{reference}"),
        reason,
    };
    let mut session = Session::new(http, reference, login, report)?;
    let (media_type, body) = session.manifest().await?;
    let digest = Digest::of(&body);
    if let Some(expected) = reference.digest().filter(|expected| *expected != digest) {
        return Err(FetchError::OtherDigest {
            place: format!("oci://{reference}"),
            expected,
            found: digest,
        });
    }
    let manifest = ImageManifest::parse(&media_type, &body).map_err(no_plugin)?;
    if manifest.layers.len() > limits::FILES {
        return Err(no_plugin(format!(
            "it has more than {} layers",
            limits::FILES
        )));
    }
    let mut collector = Collector::default();
    for layer in &manifest.layers {
        let title = layer.title().map_err(no_plugin)?;
        let role = Role::of(title)
            .ok_or_else(|| no_plugin(format!("{title:?} is no part of a plugin's package")))?;
        if role == Role::Component && layer.media_type != layout::WASM_TYPE {
            return Err(no_plugin(format!(
                "{title} is of media type {:?}, and not {}",
                layer.media_type,
                layout::WASM_TYPE
            )));
        }
        if layer.size > role.limit() {
            return Err(no_plugin(format!(
                "{title} is larger than {} bytes",
                role.limit()
            )));
        }
        let bytes = session.blob(layer.digest, layer.size, title).await?;
        collector.add(title, &bytes[..])?;
    }
    Ok((collector.finish()?, reference.exactly(digest)))
}

/// Pushes a package; gives the reference under which exactly this one is found.
pub(super) async fn push(
    http: &Http,
    files: &Files,
    to: &Reference,
    login: Option<&Login>,
    report: Report<'_>,
) -> Result<Reference, FetchError> {
    let mut session = Session::new(http, to, login, report)?.for_pushing();
    let artifact =
        layout::artifact(files).map_err(|error| FetchError::Failed(error.to_string()))?;
    for (title, bytes) in &artifact.blobs {
        session.upload(bytes, title).await?;
    }
    let digest = Digest::of(&artifact.manifest);
    if let Some(expected) = to.digest().filter(|expected| *expected != digest) {
        return Err(FetchError::OtherDigest {
            place: format!("oci://{to}"),
            expected,
            found: digest,
        });
    }
    session
        .put_manifest(&artifact.manifest, MANIFEST_TYPE, digest)
        .await?;
    Ok(to.exactly(digest))
}
