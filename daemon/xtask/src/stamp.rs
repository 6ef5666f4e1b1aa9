//! Stamps: the digest of what a step was made from, kept under `target/xtask`, so that the step is
//! left out while nothing changed.
//!
//! Digests are of contents, not of modification times: a fresh clone, a `git checkout` and
//! `touch` do not matter, and equal content is never written again, because rust-embed and cargo
//! would take it for a change.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use crate::step::{Context, Failure, Result};

/// Folders that are never an input: made by tools.
const TOOLS_OWN: [&str; 4] = [".git", "node_modules", "target", ".vite"];

/// All files below `folder`, sorted, without what `leave_out` names (by their path from `folder`)
/// and without links.
pub fn files(folder: &Path, leave_out: &dyn Fn(&Path) -> bool) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(current) = open.pop() {
        let entries =
            fs::read_dir(&current).context(|| format!("listing {}", current.display()))?;
        for entry in entries {
            let entry = entry.context(|| format!("listing {}", current.display()))?;
            let path = entry.path();
            let kind = entry
                .file_type()
                .context(|| format!("looking at {}", path.display()))?;
            let relative = path.strip_prefix(folder).unwrap_or(&path);
            if leave_out(relative) || TOOLS_OWN.iter().any(|name| *name == entry.file_name()) {
                continue;
            }
            if kind.is_dir() {
                open.push(path);
            } else if kind.is_file() {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// SHA-256 in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// One digest of the names and contents of `paths`.
pub fn digest(paths: &[PathBuf]) -> Result<String> {
    let mut all = Sha256::new();
    for path in paths {
        let content = fs::read(path).context(|| format!("reading {}", path.display()))?;
        all.update(path.to_string_lossy().as_bytes());
        all.update([0]);
        all.update(Sha256::digest(&content));
    }
    Ok(hex(&all.finalize()))
}

/// The remembered digest of one step.
pub struct Stamp {
    path: PathBuf,
    digest: String,
}

impl Stamp {
    /// The stamp at `path` for inputs with this digest.
    pub fn new(path: PathBuf, digest: String) -> Self {
        Self { path, digest }
    }

    /// Whether the step was last done with the same inputs.
    pub fn holds(&self) -> bool {
        fs::read_to_string(&self.path).is_ok_and(|text| text == self.digest)
    }

    /// Remembers that the step is done.
    pub fn set(&self) -> Result<()> {
        write_if_changed(&self.path, self.digest.as_bytes()).map(|_| ())
    }
}

/// Writes `content` unless the file has it already; says whether it wrote. The file is never seen
/// half written.
pub fn write_if_changed(path: &Path, content: &[u8]) -> Result<bool> {
    match fs::read(path) {
        Ok(present) if present == content => return Ok(false),
        Ok(_) => (),
        Err(error) if error.kind() == io::ErrorKind::NotFound => (),
        Err(error) => {
            return Err(Failure::new(format!(
                "while reading {}: {error}",
                path.display()
            )));
        }
    }
    let doing = || format!("writing {}", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).context(doing)?;
    }
    let temporary = path.with_added_extension("new");
    fs::write(&temporary, content).context(doing)?;
    fs::rename(&temporary, path).context(doing)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_content_is_not_written_again() {
        let folder = std::env::temp_dir().join(format!("xtask-stamp-{}", std::process::id()));
        let file = folder.join("a/b");
        assert!(write_if_changed(&file, b"one").unwrap());
        assert!(!write_if_changed(&file, b"one").unwrap());
        assert!(write_if_changed(&file, b"two").unwrap());
        assert_eq!(fs::read(&file).unwrap(), b"two");
        assert_eq!(files(&folder, &|_| false).unwrap(), [file]);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_stamp_holds_for_its_own_inputs_only() {
        let folder = std::env::temp_dir().join(format!("xtask-stamp-2-{}", std::process::id()));
        let stamp = |digest: &str| Stamp::new(folder.join("stamp"), digest.to_owned());
        assert!(!stamp("a").holds());
        stamp("a").set().unwrap();
        assert!(stamp("a").holds());
        assert!(!stamp("b").holds());
        fs::remove_dir_all(folder).unwrap();
    }
}
