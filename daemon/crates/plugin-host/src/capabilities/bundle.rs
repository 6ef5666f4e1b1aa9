//! `labd:host/bundle`: the files of the app that a deployer plans or deploys, and placeholders for
//! the values of its settings. Paths are names in a list here; no file system is behind them.

use crate::{
    Fault, PluginError,
    bindings::{host::labd::host::bundle, wire::Error},
    egress::SealedSetting,
    kinds::deployer::{Bundle, SettingValues},
    limits,
    state::{Access, HostState},
};
use std::{collections::BTreeMap, sync::Arc};
use wasmtime::component::Linker;

/// The bundle of the call in hand, or of the running deployment; none otherwise.
#[derive(Default)]
pub(crate) struct BundleAccess(pub Option<OpenBundle>);

/// See [`BundleAccess`].
pub(crate) struct OpenBundle {
    pub bundle: Arc<Bundle>,
    placeholders: BTreeMap<(String, Encoding), String>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Encoding {
    Plain,
    Json,
    Form,
}

impl OpenBundle {
    /// A bundle with the placeholders of one deployment, and what they stand for.
    pub fn with_settings(
        bundle: Arc<Bundle>,
        values: &SettingValues,
    ) -> (Self, Vec<SealedSetting>) {
        let mut placeholders = BTreeMap::new();
        let mut sealed = Vec::new();
        for (name, value) in values {
            for encoding in [Encoding::Plain, Encoding::Json, Encoding::Form] {
                let setting = SealedSetting::new(value, |value| encoding.write(value));
                placeholders.insert((name.clone(), encoding), setting.placeholder.clone());
                sealed.push(setting);
            }
        }
        let open = Self {
            bundle,
            placeholders,
        };
        (open, sealed)
    }
}

impl Encoding {
    fn write(self, value: &str) -> String {
        match self {
            Self::Plain => value.to_owned(),
            Self::Json => {
                let quoted = serde_json::Value::from(value).to_string();
                quoted
                    .get(1..quoted.len() - 1)
                    .unwrap_or_default()
                    .to_owned()
            }
            Self::Form => url::form_urlencoded::byte_serialize(value.as_bytes()).collect(),
        }
    }
}

impl From<bundle::Encoding> for Encoding {
    fn from(encoding: bundle::Encoding) -> Self {
        match encoding {
            bundle::Encoding::Plain => Self::Plain,
            bundle::Encoding::Json => Self::Json,
            bundle::Encoding::Form => Self::Form,
        }
    }
}

pub(crate) fn link(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    bundle::add_to_linker::<_, Access>(linker, |state| state)
}

impl HostState {
    fn open_bundle(&self) -> Result<&OpenBundle, PluginError> {
        self.bundle.0.as_ref().ok_or_else(|| {
            PluginError::Conflict(Fault::new("there is no bundle outside of plan and deploy"))
        })
    }

    fn read_bundle(&self, path: &str, offset: u32, max: u32) -> Result<Vec<u8>, PluginError> {
        let file = self.open_bundle()?.bundle.file(path).ok_or_else(|| {
            PluginError::NotFound(Fault::new(format!(
                "the bundle has no file `{}`",
                path.escape_debug()
            )))
        })?;
        let index = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
        let start = index(offset).min(file.content.len());
        let most = index(max).clamp(1, limits::BUNDLE_READ);
        let end = start.saturating_add(most).min(file.content.len());
        Ok(file.content.slice(start..end).into())
    }
}

impl bundle::Host for HostState {
    async fn files(
        &mut self,
        first: u32,
        max: u32,
    ) -> wasmtime::Result<Result<Vec<bundle::File>, Error>> {
        let files = self.open_bundle().map(|open| {
            let index = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
            let rest = open.bundle.files().iter().skip(index(first));
            rest.take(index(max).clamp(1, limits::BUNDLE_FILES))
                .map(|file| bundle::File {
                    path: file.path.clone(),
                    size: u32::try_from(file.content.len()).unwrap_or(u32::MAX),
                    sha256: file.sha256.clone(),
                    sha1: file.sha1.clone(),
                    media_type: file.media_type.clone(),
                })
                .collect()
        });
        Ok(self.answer(files))
    }

    async fn read(
        &mut self,
        path: String,
        offset: u32,
        max: u32,
    ) -> wasmtime::Result<Result<Vec<u8>, Error>> {
        let bytes = self.read_bundle(&path, offset, max);
        Ok(self.answer(bytes))
    }

    async fn placeholder(
        &mut self,
        setting: String,
        encoding: bundle::Encoding,
    ) -> wasmtime::Result<Result<String, Error>> {
        let placeholder = self.open_bundle().and_then(|open| {
            let known = open.placeholders.get(&(setting.clone(), encoding.into()));
            known.cloned().ok_or_else(|| {
                PluginError::NotFound(Fault::new(format!(
                    "this deployment gives no setting `{}` to its target: its plan did not name \
                     it, or no value was entered",
                    setting.escape_debug()
                )))
            })
        });
        Ok(self.answer(placeholder))
    }
}
