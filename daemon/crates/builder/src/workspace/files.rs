//! The files of a state in memory, and the limits that hold for them.

use crate::{
    limits::{FILE_BYTES, PROJECT_BYTES, PROJECT_FILES},
    path::ProjectPath,
};
use bytes::Bytes;
use std::collections::BTreeMap;

/// All files of a state. Contents are shared, not copied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Files {
    files: BTreeMap<String, Bytes>,
    bytes: u64,
}

/// Why a file cannot be taken in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FilesFault {
    #[error("{0} is larger than the {FILE_BYTES} bytes that a file may have")]
    FileTooLarge(String),
    #[error("a project has at most {PROJECT_FILES} files")]
    TooManyFiles,
    #[error("the files of a project take at most {PROJECT_BYTES} bytes together")]
    TooLarge,
    #[error("{path} cannot be a file, since {other} is one")]
    FileAndFolder { path: String, other: String },
}

impl Files {
    pub(crate) fn map(&self) -> &BTreeMap<String, Bytes> {
        &self.files
    }

    pub(crate) fn get(&self, path: &ProjectPath) -> Option<&Bytes> {
        self.files.get(path.as_str())
    }

    /// Writes a file.
    pub(crate) fn put(&mut self, path: &ProjectPath, content: Bytes) -> Result<(), FilesFault> {
        if content.len() > FILE_BYTES {
            return Err(FilesFault::FileTooLarge(path.to_string()));
        }
        let old = self.get(path).map(|old| old.len() as u64);
        let bytes = self.bytes - old.unwrap_or(0) + content.len() as u64;
        if old.is_none() {
            if self.files.len() >= PROJECT_FILES {
                return Err(FilesFault::TooManyFiles);
            }
            if let Some(other) = self.in_the_way(path.as_str()) {
                return Err(FilesFault::FileAndFolder {
                    path: path.to_string(),
                    other,
                });
            }
        }
        if bytes > PROJECT_BYTES {
            return Err(FilesFault::TooLarge);
        }
        self.bytes = bytes;
        self.files.insert(path.as_str().to_owned(), content);
        Ok(())
    }

    /// Removes a file; false when there was none.
    pub(crate) fn remove(&mut self, path: &ProjectPath) -> bool {
        let removed = self.files.remove(path.as_str());
        self.bytes -= removed.as_ref().map_or(0, |content| content.len() as u64);
        removed.is_some()
    }

    /// A file where the path needs a folder, or one below the path.
    fn in_the_way(&self, path: &str) -> Option<String> {
        let folders = path.match_indices('/').filter_map(|(at, _)| path.get(..at));
        let above = folders
            .filter(|folder| self.files.contains_key(*folder))
            .map(str::to_owned);
        let below = format!("{path}/");
        above.into_iter().next().or_else(|| {
            let next = self.files.range(below.clone()..).next();
            next.map(|(next, _)| next.clone())
                .filter(|next| next.starts_with(&below))
        })
    }

    /// Paths whose content differs between the two, in order.
    pub(crate) fn changed(&self, other: &Self) -> Vec<String> {
        let mut paths: Vec<String> = self
            .files
            .iter()
            .filter(|(path, content)| other.files.get(*path) != Some(content))
            .map(|(path, _)| path.clone())
            .chain(
                other
                    .files
                    .keys()
                    .filter(|path| !self.files.contains_key(*path))
                    .cloned(),
            )
            .collect();
        paths.sort();
        paths
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> ProjectPath {
        ProjectPath::parse(text).unwrap()
    }

    #[test]
    fn a_file_is_no_folder_and_limits_hold() {
        let mut files = Files::default();
        files.put(&path("src/a"), Bytes::from_static(b"x")).unwrap();
        for wrong in ["src/a/b", "src"] {
            assert!(
                matches!(
                    files.put(&path(wrong), Bytes::new()),
                    Err(FilesFault::FileAndFolder { .. })
                ),
                "{wrong}"
            );
        }
        files.put(&path("src/a.ts"), Bytes::new()).unwrap();
        files
            .put(&path("src/a"), Bytes::from_static(b"yy"))
            .unwrap();
        let large = Bytes::from(vec![0; FILE_BYTES]);
        for n in 0..63 {
            files
                .put(&path(&format!("large/{n}")), large.clone())
                .unwrap();
        }
        assert_eq!(
            files.put(&path("large/63"), large.clone()),
            Err(FilesFault::TooLarge)
        );
        assert!(files.remove(&path("large/0")));
        files.put(&path("large/63"), large).unwrap();
        let too_large = Bytes::from(vec![0; FILE_BYTES + 1]);
        assert!(matches!(
            files.put(&path("b"), too_large),
            Err(FilesFault::FileTooLarge(_))
        ));
        for n in files.map().len()..PROJECT_FILES {
            files
                .put(&path(&format!("many/{n}")), Bytes::new())
                .unwrap();
        }
        assert_eq!(
            files.put(&path("one-more"), Bytes::new()),
            Err(FilesFault::TooManyFiles)
        );
    }

    #[test]
    fn what_changed_is_what_differs_either_way() {
        let mut a = Files::default();
        a.put(&path("a"), Bytes::from_static(b"1")).unwrap();
        a.put(&path("b"), Bytes::from_static(b"1")).unwrap();
        a.put(&path("c"), Bytes::from_static(b"1")).unwrap();
        let mut b = a.clone();
        b.put(&path("b"), Bytes::from_static(b"2")).unwrap();
        b.remove(&path("a"));
        b.put(&path("d"), Bytes::new()).unwrap();
        assert_eq!(b.changed(&a), ["a", "b", "d"]);
        assert_eq!(a.changed(&b), ["a", "b", "d"]);
    }
}
