//! Beginning a plugin: a small one of its kind that works, is tested, and builds anywhere.
//!
//! A template is an example of `examples/plugin-*` with another id and name. Beside it lie the SDK of
//! its language and the contracts (`.labd/`), so that it needs no labd source tree and stays with
//! the versions that it was written for.

use crate::embedded;
use labd_plugin_host::Kind;
use labd_plugin_package::manifest::Manifest;
use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    str::FromStr,
};

const README: &str = include_str!("README.md");

/// What is built, fetched or made, and not written.
const IGNORED: &str = "/build\n/dist\n/node_modules\n/target\n/.venv\n__pycache__\n";

/// The folder with the SDK and the contracts.
pub(crate) const SUPPORT: &str = ".labd";

/// A language that plugins are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Rust.
    Rust,
    /// JavaScript, with componentize-qjs.
    JavaScript,
    /// Python, with componentize-py.
    Python,
}

impl Language {
    /// As it is typed.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::JavaScript => "javascript",
            Self::Python => "python",
        }
    }

    /// For people.
    fn name(self) -> &'static str {
        match self {
            Self::Rust => "Rust",
            Self::JavaScript => "JavaScript",
            Self::Python => "Python",
        }
    }

    fn templates(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Rust => embedded::RUST_TEMPLATES,
            Self::JavaScript => embedded::JAVASCRIPT_TEMPLATES,
            Self::Python => embedded::PYTHON_TEMPLATES,
        }
    }

    /// The command that runs a plugin's own tests.
    fn test(self) -> &'static str {
        match self {
            Self::Rust => "cargo test              # natively, with a fake of the host",
            Self::JavaScript => "npm ci && npm test      # natively, with a fake of the host",
            Self::Python => {
                "python3 -m unittest discover --start-directory test   # natively, with a fake of the host"
            }
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Language {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "rust" => Ok(Self::Rust),
            "javascript" | "js" => Ok(Self::JavaScript),
            "python" => Ok(Self::Python),
            other => Err(format!(
                "`{other}` is none of rust, javascript, python; any language that makes \
                 components can be used, see the contracts in wit/"
            )),
        }
    }
}

/// What is to be begun.
#[derive(Clone, Debug)]
pub struct Options {
    /// The folder to make. It may exist, empty.
    pub folder: PathBuf,
    /// The kind of plugin.
    pub kind: Kind,
    /// The language to write it in.
    pub language: Language,
    /// The plugin's id; `local.` and the folder's name without.
    pub id: Option<String>,
    /// Its name for people; the folder's name without.
    pub name: Option<String>,
}

/// What was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// The folder.
    pub folder: PathBuf,
    /// The plugin's id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// Why nothing was begun. Nothing is written then.
#[derive(Debug, thiserror::Error)]
pub enum ScaffoldError {
    /// There is something in the folder.
    #[error("{0} is not empty")]
    NotEmpty(PathBuf),
    /// Such templates are for other kinds.
    #[error("there is no template for a plugin of kind {kind} in {language}; there is one in rust")]
    NoTemplate {
        /// The kind that was asked for.
        kind: Kind,
        /// The language.
        language: Language,
    },
    /// The id cannot be one.
    #[error("`{id}` cannot be a plugin's id: {reason}")]
    Id {
        /// The id.
        id: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The name cannot be one.
    #[error("a plugin's name has 1 to 80 characters, without quotes, backslashes and line ends")]
    Name,
    /// A file cannot be written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Makes a folder with a plugin that works.
///
/// # Errors
/// See [`ScaffoldError`].
pub fn new(options: &Options) -> Result<Begun, ScaffoldError> {
    let Options {
        kind,
        language,
        ref folder,
        ..
    } = *options;
    let entries = fs::read_dir(folder).map(|mut entries| entries.next().is_some());
    if entries.unwrap_or(false) || folder.is_file() {
        return Err(ScaffoldError::NotEmpty(folder.clone()));
    }
    let title = folder.file_name().unwrap_or_default().to_string_lossy();
    let id = options.id.clone().unwrap_or_else(|| default_id(&title));
    let name = options.name.clone().unwrap_or_else(|| title.into_owned());
    let plain = |c: char| c != '"' && c != '\\' && !c.is_control();
    if !(1..=80).contains(&name.chars().count()) || !name.chars().all(plain) {
        return Err(ScaffoldError::Name);
    }
    let place = format!("{}/", kind.as_str());
    let template: Vec<_> = language
        .templates()
        .iter()
        .filter_map(|(path, text)| Some((path.strip_prefix(&place)?, *text)))
        .filter(|(path, _)| *path != "README.md")
        .collect();
    let manifest = template.iter().find(|(path, _)| *path == "plugin.toml");
    let before = manifest.and_then(|(_, text)| Manifest::parse(text).ok());
    let Some(before) = before else {
        return Err(ScaffoldError::NoTemplate { kind, language });
    };
    let mut files: Vec<(PathBuf, String)> = template
        .iter()
        .map(|(path, text)| (path.into(), renamed(text, &before, &id, &name)))
        .collect();
    for (path, text) in &files {
        if path.as_path() == Path::new("plugin.toml")
            && let Err(error) = Manifest::parse(text)
        {
            return Err(ScaffoldError::Id {
                id,
                reason: error.to_string(),
            });
        }
    }
    let article = match kind {
        Kind::AiProvider => "An AI provider",
        Kind::Connector => "A connector",
        Kind::Deployer => "A deployer",
        Kind::Sandbox => "A sandbox",
    };
    let readme = README
        .replace("{name}", &name)
        .replace("{id}", &id)
        .replace("{article}", article)
        .replace("{language}", language.name())
        .replace("{test}", language.test());
    files.push(("README.md".into(), readme));
    files.push((".gitignore".into(), IGNORED.into()));
    if language == Language::Rust {
        // The versions that labd's own plugins are built and tested with.
        files.push(("Cargo.lock".into(), embedded::PLUGINS_LOCK.into()));
    }
    for (path, text) in files {
        write(&folder.join(path), &text)?;
    }
    support(folder, language)?;
    Ok(Begun {
        folder: folder.clone(),
        id,
        name,
    })
}

/// Writes the SDK and the contracts into a plugin's folder.
pub(crate) fn support(folder: &Path, language: Language) -> Result<(), ScaffoldError> {
    let base = folder.join(SUPPORT);
    let sdk = match language {
        Language::Rust => embedded::RUST_SDK,
        Language::JavaScript => embedded::JAVASCRIPT_SDK,
        Language::Python => embedded::PYTHON_SDK,
    };
    for (path, text) in sdk {
        write(&base.join("sdk").join(path), text)?;
    }
    match language {
        Language::Rust => write(&base.join("sdk/Cargo.toml"), embedded::RUST_SDK_MANIFEST)?,
        Language::JavaScript => write(
            &base.join("sdk/package.json"),
            embedded::JAVASCRIPT_SDK_PACKAGE,
        )?,
        Language::Python => {}
    }
    for (path, text) in embedded::WIT {
        write(&base.join("wit").join(path), text)?;
    }
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), ScaffoldError> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(path, text))
        .map_err(|source| ScaffoldError::Io {
            path: path.to_owned(),
            source,
        })
}

/// A file of the template, for another plugin.
fn renamed(text: &str, before: &Manifest, id: &str, name: &str) -> String {
    let crate_of = |id: &str| id.replace('.', "-");
    text.replace(&before.id, id)
        .replace(&crate_of(&before.id), &crate_of(id))
        .replace(&before.name, name)
        .replace("../../../plugin-sdk", &format!("{SUPPORT}/sdk"))
}

/// An id made of a folder's name.
fn default_id(folder: &str) -> String {
    let mut id = String::new();
    for c in folder.to_lowercase().chars() {
        match c {
            'a'..='z' | '0'..='9' => id.push(c),
            _ if id.ends_with('-') || id.is_empty() => {}
            _ => id.push('-'),
        }
    }
    format!("local.{}", id.trim_end_matches('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(folder: &Path, kind: Kind, language: Language) -> Options {
        Options {
            folder: folder.join("My plugin"),
            kind,
            language,
            id: None,
            name: None,
        }
    }

    #[test]
    fn every_template_becomes_a_plugin_of_its_own() {
        for (kind, language) in [
            (Kind::AiProvider, Language::Rust),
            (Kind::Connector, Language::Rust),
            (Kind::Deployer, Language::Rust),
            (Kind::Sandbox, Language::Rust),
            (Kind::AiProvider, Language::JavaScript),
            (Kind::Connector, Language::JavaScript),
            (Kind::AiProvider, Language::Python),
            (Kind::Connector, Language::Python),
        ] {
            let place = tempfile::tempdir().unwrap();
            let begun = new(&options(place.path(), kind, language)).unwrap();
            assert_eq!(begun.id, "local.my-plugin");
            let text = fs::read_to_string(begun.folder.join("plugin.toml")).unwrap();
            let manifest = Manifest::parse(&text).unwrap();
            assert_eq!((manifest.kind, &*manifest.name), (kind, "My plugin"));
            let mut folders = vec![begun.folder.clone()];
            while let Some(folder) = folders.pop() {
                for entry in fs::read_dir(folder).unwrap() {
                    let path = entry.unwrap().path();
                    if path.is_dir() {
                        folders.push(path);
                        continue;
                    }
                    let text = fs::read_to_string(&path).unwrap();
                    let own = !path.starts_with(begun.folder.join(SUPPORT));
                    assert!(
                        !(own && text.contains("example.") && text.contains("-rust")),
                        "{} tells of the template",
                        path.display()
                    );
                }
            }
            assert!(begun.folder.join(".labd/wit/common").exists());
        }
    }

    #[test]
    fn what_lies_there_is_left_alone() {
        let place = tempfile::tempdir().unwrap();
        let options = options(place.path(), Kind::Connector, Language::Rust);
        write(&options.folder.join("notes.txt"), "mine").unwrap();
        assert!(matches!(new(&options), Err(ScaffoldError::NotEmpty(_))));
        assert_eq!(fs::read_dir(&options.folder).unwrap().count(), 1);
    }

    #[test]
    fn what_cannot_be_is_refused_before_anything_is_written() {
        let place = tempfile::tempdir().unwrap();
        let good = options(place.path(), Kind::AiProvider, Language::Rust);
        let wrong_id = Options {
            id: Some("No Id".into()),
            ..good.clone()
        };
        let wrong_name = Options {
            name: Some("a \"name\"".into()),
            ..good.clone()
        };
        let none = Options {
            kind: Kind::Sandbox,
            language: Language::Python,
            ..good.clone()
        };
        assert!(matches!(new(&wrong_id), Err(ScaffoldError::Id { .. })));
        assert!(matches!(new(&wrong_name), Err(ScaffoldError::Name)));
        assert!(matches!(new(&none), Err(ScaffoldError::NoTemplate { .. })));
        assert!(!good.folder.exists());
    }
}
