//! Paths of project files.
//!
//! A path is relative, uses `/`, and stays inside the project. Refused are:
//!
//! | what | example |
//! | --- | --- |
//! | nothing | `` |
//! | absolute paths, drive letters | `/etc/passwd`, `C:/x` |
//! | `.` and `..` as a part (a leading `./` is dropped) | `../x`, `src/./x` |
//! | empty parts | `src//x`, `src/` |
//! | backslashes, control characters, NUL | `src\x` |
//! | parts that begin or end with a space, or end with a dot | `src /x` |
//! | `.git`, `.labd`, `node_modules` as a part, in any case | `.git/config` |
//! | `.env` and what is named after it, but not `.env.example`: secrets have no place in an app | `.env.local` |
//! | more than 240 bytes, or a part of more than 120 | |

use crate::limits::{PATH_BYTES, PATH_SEGMENT_BYTES};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr, sync::Arc};

/// The checked path of a project file.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProjectPath(Arc<str>);

/// Why a path is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathFault {
    /// There is none.
    #[error("the path is empty")]
    Empty,
    /// It begins at the root of a file system.
    #[error("{0:?} is not relative to the project; write it like src/App.tsx")]
    Absolute(String),
    /// It leaves the project, or says nothing.
    #[error("{0:?} has a part that is empty, `.` or `..`; paths stay inside the project")]
    Outside(String),
    /// It has characters that no path here has.
    #[error("{0:?} has a backslash, a control character or a colon; write it like src/App.tsx")]
    Characters(String),
    /// It is not for an app to write.
    #[error("{0:?} is reserved: an app has no files of this name")]
    Reserved(String),
    /// It is too long.
    #[error(
        "the path {0:?} is too long: at most {PATH_BYTES} bytes, and {PATH_SEGMENT_BYTES} for each part"
    )]
    TooLong(String),
}

impl ProjectPath {
    /// Checks a path.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, PathFault> {
        let path = text.trim();
        let path = path.strip_prefix("./").unwrap_or(path);
        if path.is_empty() {
            return Err(PathFault::Empty);
        }
        if path.starts_with('/') || path.starts_with('~') || is_drive(path) {
            return Err(PathFault::Absolute(shorten(path)));
        }
        if path
            .chars()
            .any(|c| c.is_control() || c == '\\' || c == ':')
        {
            return Err(PathFault::Characters(shorten(path)));
        }
        if path.len() > PATH_BYTES || path.split('/').any(|part| part.len() > PATH_SEGMENT_BYTES) {
            return Err(PathFault::TooLong(shorten(path)));
        }
        for part in path.split('/') {
            if part.is_empty() || part == "." || part == ".." {
                return Err(PathFault::Outside(shorten(path)));
            }
            if part.starts_with(' ') || part.ends_with([' ', '.']) {
                return Err(PathFault::Characters(shorten(path)));
            }
            if is_reserved(part) {
                return Err(PathFault::Reserved(shorten(path)));
            }
        }
        Ok(Self(path.into()))
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part after the last dot of the name; empty when there is none.
    pub fn extension(&self) -> &str {
        let name = self.0.rsplit('/').next().unwrap_or_default();
        name.rsplit_once('.').map_or("", |(_, extension)| extension)
    }
}

fn is_drive(path: &str) -> bool {
    let mut chars = path.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic()) && chars.next() == Some(':')
}

fn is_reserved(part: &str) -> bool {
    let part = part.to_ascii_lowercase();
    matches!(part.as_str(), ".git" | ".labd" | "node_modules" | ".env")
        || (part.starts_with(".env.") && part != ".env.example")
}

/// A path for a message: what a model writes may be long.
pub(crate) fn shorten(path: &str) -> String {
    if path.chars().count() <= 80 {
        return path.to_owned();
    }
    let mut short: String = path.chars().take(80).collect();
    short.push('…');
    short
}

impl FromStr for ProjectPath {
    type Err = PathFault;

    fn from_str(text: &str) -> Result<Self, PathFault> {
        Self::parse(text)
    }
}

impl TryFrom<String> for ProjectPath {
    type Error = PathFault;

    fn try_from(text: String) -> Result<Self, PathFault> {
        Self::parse(&text)
    }
}

impl From<ProjectPath> for String {
    fn from(path: ProjectPath) -> Self {
        path.0.as_ref().to_owned()
    }
}

impl fmt::Display for ProjectPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ProjectPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl AsRef<str> for ProjectPath {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for ProjectPath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_paths_are_taken_as_they_are() {
        for path in [
            "app.json",
            "src/App.tsx",
            "queries/a_b.sql",
            "public/Größe 1.png",
            ".env.example",
            "src/...x",
        ] {
            assert_eq!(ProjectPath::parse(path).unwrap().as_str(), path);
        }
        assert_eq!(
            ProjectPath::parse(" ./src/App.tsx ").unwrap().as_str(),
            "src/App.tsx"
        );
    }

    #[test]
    fn nothing_leaves_the_project() {
        for path in [
            "",
            " ",
            "./",
            "/etc/passwd",
            "../../etc/passwd",
            "src/../../x",
            "src/..",
            "..",
            ".",
            "src/./x",
            "src//x",
            "src/",
            "C:/x",
            "c:\\x",
            "src\\x",
            "..\\x",
            "a\0b",
            "a\nb",
            "~/x",
            ".git/config",
            "src/.GIT/hooks/x",
            "node_modules/x/y.js",
            ".env",
            "src/.env.local",
            "a. /b",
            "a /b",
            "x.",
            "file:///etc/passwd",
        ] {
            assert!(ProjectPath::parse(path).is_err(), "{path:?}");
        }
        assert!(ProjectPath::parse(&"a/".repeat(200)).is_err());
        assert!(ProjectPath::parse(&format!("{}/b", "a".repeat(121))).is_err());
    }
}
