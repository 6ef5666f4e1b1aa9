//! The files of an app as a deployer sees them (`wit/host/bundle.wit`).

use bytes::Bytes;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// A file of a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleFile {
    /// Relative, with `/`.
    pub path: String,
    /// Its content.
    pub content: Bytes,
    /// SHA-256 in lower-case hexadecimal.
    pub sha256: String,
    /// SHA-1 in lower-case hexadecimal: a name that targets ask for, never a proof.
    pub sha1: String,
    /// `text/javascript`, …
    pub media_type: String,
}

/// What is deployed: files that never change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    files: Vec<BundleFile>,
    revision: String,
}

impl Bundle {
    /// Takes files by their paths, with the function that tells a path's media type. Hashes them
    /// all: some 3 ms a megabyte.
    pub fn new(files: BTreeMap<String, Bytes>, media_type: impl Fn(&str) -> String) -> Self {
        let mut revision = Sha256::new();
        let files: Vec<_> = files
            .into_iter()
            .map(|(path, content)| {
                let sha256 = hex::encode(Sha256::digest(&content));
                // No path holds a line feed, and every hash is of the same length.
                revision.update(format!("{sha256} {path}\n"));
                BundleFile {
                    media_type: media_type(&path),
                    sha1: hex::encode(Sha1::digest(&content)),
                    sha256,
                    content,
                    path,
                }
            })
            .collect();
        Self {
            files,
            revision: hex::encode(revision.finalize()),
        }
    }

    /// The files, ordered by path.
    pub fn files(&self) -> &[BundleFile] {
        &self.files
    }

    /// The file at exactly this path.
    pub fn file(&self, path: &str) -> Option<&BundleFile> {
        let index = self
            .files
            .binary_search_by(|file| file.path.as_str().cmp(path))
            .ok()?;
        self.files.get(index)
    }

    /// Names this state: the same files have the same revision.
    pub fn revision(&self) -> &str {
        &self.revision
    }

    /// Bytes of all files together.
    pub fn bytes(&self) -> u64 {
        self.files
            .iter()
            .map(|file| file.content.len() as u64)
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle(files: &[(&str, &'static str)]) -> Bundle {
        let files = files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), Bytes::from_static(text.as_bytes())));
        Bundle::new(files.collect(), |_| "text/plain".into())
    }

    #[test]
    fn a_revision_names_paths_and_contents() {
        let one = bundle(&[("b", "2"), ("a", "1")]);
        assert_eq!(one.revision(), bundle(&[("a", "1"), ("b", "2")]).revision());
        for other in [
            bundle(&[("a", "1")]),
            bundle(&[("a", "2"), ("b", "1")]),
            bundle(&[("a", "1"), ("c", "2")]),
        ] {
            assert_ne!(one.revision(), other.revision());
        }
    }

    #[test]
    fn a_file_has_the_hashes_that_targets_ask_for() {
        let bundle = bundle(&[("hello", "hello")]);
        let file = bundle.file("hello").unwrap();
        assert_eq!(file.sha1, "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d");
        assert!(file.sha256.starts_with("2cf24dba5fb0a30e"));
        assert_eq!(bundle.file("hell"), None);
    }
}
