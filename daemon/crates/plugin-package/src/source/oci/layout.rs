//! A package as a manifest with layers.

use crate::{
    digest::Digest,
    files::{Files, Role},
};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub(super) const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
pub(super) const WASM_TYPE: &str = "application/wasm";
const CONFIG_TYPE: &str = "application/vnd.wasm.config.v0+json";
const ARTIFACT_TYPE: &str = "application/vnd.labd.plugin.v1";
const TOML_TYPE: &str = "application/vnd.labd.plugin.manifest.v1+toml";
const SIGNATURE_TYPE: &str = "application/vnd.labd.plugin.signature.v1+toml";
const TITLE: &str = "org.opencontainers.image.title";
const VERSION: &str = "org.opencontainers.image.version";
const LICENSES: &str = "org.opencontainers.image.licenses";

/// An image manifest, as far as plugins go.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ImageManifest {
    schema_version: u32,
    #[serde(default)]
    media_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    artifact_type: Option<String>,
    config: Descriptor,
    pub layers: Vec<Descriptor>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
}

/// A blob.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    pub media_type: String,
    pub digest: Digest,
    pub size: u64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WasmConfig {
    architecture: &'static str,
    os: &'static str,
    layer_digests: Vec<Digest>,
}

impl ImageManifest {
    /// Reads a manifest; says in words why it is no plugin's.
    pub fn parse(media_type: &str, body: &[u8]) -> Result<Self, String> {
        if media_type != MANIFEST_TYPE {
            return Err(format!(
                "its media type is {media_type:?}, and a plugin's is {MANIFEST_TYPE}"
            ));
        }
        let manifest: Self = serde_json::from_slice(body).map_err(|e| e.to_string())?;
        let stated = manifest.media_type.as_deref();
        if manifest.schema_version != 2 || stated.is_some_and(|stated| stated != MANIFEST_TYPE) {
            return Err(format!(
                "it calls itself {stated:?} of schema {}",
                manifest.schema_version
            ));
        }
        if manifest.config.media_type != CONFIG_TYPE {
            return Err(format!(
                "its configuration is of media type {:?}, and a plugin's is {CONFIG_TYPE}",
                manifest.config.media_type
            ));
        }
        Ok(manifest)
    }
}

impl Descriptor {
    fn of(bytes: &[u8], media_type: &str) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest: Digest::of(bytes),
            size: bytes.len() as u64,
            annotations: BTreeMap::new(),
        }
    }

    /// The path of the file.
    pub fn title(&self) -> Result<&str, String> {
        let title = self.annotations.get(TITLE).map(String::as_str);
        title.ok_or_else(|| format!("the layer {} has no {TITLE}", self.digest))
    }
}

/// What is pushed: blobs with their names, and the manifest that holds them together.
pub(super) struct Artifact {
    pub blobs: Vec<(String, Bytes)>,
    pub manifest: Bytes,
}

pub(super) fn artifact(files: &Files) -> Result<Artifact, serde_json::Error> {
    let package = files.manifest();
    let media_type = |path: &str| match Role::of(path) {
        Some(Role::Component) => WASM_TYPE,
        Some(Role::Manifest) => TOML_TYPE,
        Some(Role::Signature) => SIGNATURE_TYPE,
        Some(Role::Asset) => package
            .assets
            .iter()
            .find(|asset| path.strip_prefix("assets/") == Some(&asset.path))
            .map_or("application/octet-stream", |asset| &asset.media_type),
        _ if path.ends_with(".md") => "text/markdown",
        _ => "text/plain",
    };
    let mut parts: Vec<_> = files.iter().collect();
    // Whoever knows WebAssembly artifacts expects the component first.
    parts.sort_by_key(|(path, _)| *path != package.wasm);
    let layers: Vec<_> = parts
        .iter()
        .map(|(path, bytes)| Descriptor {
            annotations: BTreeMap::from([(TITLE.to_owned(), (*path).to_owned())]),
            ..Descriptor::of(bytes, media_type(path))
        })
        .collect();
    let config = serde_json::to_vec(&WasmConfig {
        architecture: "wasm",
        os: "wasip2",
        layer_digests: layers.first().map(|wasm| wasm.digest).into_iter().collect(),
    })?;
    let mut annotations = BTreeMap::from([
        (TITLE.to_owned(), package.id.clone()),
        (VERSION.to_owned(), package.version.to_string()),
    ]);
    if let Some(license) = &package.license {
        annotations.insert(LICENSES.to_owned(), license.clone());
    }
    let manifest = serde_json::to_vec_pretty(&ImageManifest {
        schema_version: 2,
        media_type: Some(MANIFEST_TYPE.to_owned()),
        artifact_type: Some(ARTIFACT_TYPE.to_owned()),
        config: Descriptor::of(&config, CONFIG_TYPE),
        layers,
        annotations,
    })?;
    let mut blobs: Vec<_> = parts
        .into_iter()
        .map(|(path, bytes)| (path.to_owned(), bytes.clone()))
        .collect();
    blobs.push(("config".to_owned(), config.into()));
    Ok(Artifact {
        blobs,
        manifest: manifest.into(),
    })
}
