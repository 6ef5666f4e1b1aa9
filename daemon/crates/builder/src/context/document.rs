//! The context document: everything that an answer may depend on, in one typed value.
//!
//! A provider with the capability `document` (labd's own template generator) receives it as JSON
//! in `request.document` and is a pure function of it; for a model it is rendered to text (see
//! `context::render`). Either way the answer is written in tags (see `answer`).
//!
//! It never holds rows, connection details or anything secret. Lists have a fixed order: relations
//! by schema and name, files by path, problems as the checks found them, the conversation from the
//! oldest to the latest turn. Unknown fields must be ignored by readers; `version` is raised when a
//! field changes its meaning.
//!
//! An example, with every field (the conversation's `outcome` is one of `done`, `stopped`,
//! `failed`, `interrupted`; a field that is absent here as there means "none"):
//!
//! ```json
#![doc = include_str!("document.example.json")]
//! ```

use labd_protocol::{Problem, RelationSchema, TurnState};
use serde::{Deserialize, Serialize};

/// The version of [`Document`] that this code writes.
pub const DOCUMENT_VERSION: u32 = 1;

/// The version of the app format that answers must follow.
pub const APP_FORMAT: u32 = 1;

/// Everything that an answer may depend on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// The version of this document: 1.
    pub version: u32,
    /// The version of the app format: 1.
    pub app_format: u32,
    /// The project's name, as the user wrote it.
    pub project: String,
    /// What is wanted now, in the user's words.
    pub request: String,
    /// The data source; none when the project has none (queries cannot run then).
    pub source: Option<DocumentSource>,
    /// What the source holds; none without a source, or when it could not be read.
    pub schema: Option<DocumentSchema>,
    /// The parsed `app.json` of the present state; none when there is none or it does not parse.
    pub app: Option<serde_json::Value>,
    /// All files of the present state, by path.
    pub files: Vec<DocumentFile>,
    /// What is wrong with the present state.
    pub problems: Vec<Problem>,
    /// Former turns of this project, the oldest first.
    pub conversation: Vec<DocumentTurn>,
}

/// The data source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentSource {
    /// Its name, as the user wrote it.
    pub name: String,
    /// `postgresql`, `sqlite`, `mysql`, `generic`.
    pub dialect: String,
    /// For people: `PostgreSQL`, `SQLite`.
    pub product: String,
    /// IANA time zone of its sessions.
    pub time_zone: String,
}

/// The schema, made relevant to the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentSchema {
    /// The schema that unqualified names mean.
    pub default_schema: String,
    /// Tables and views in full, by schema and name. A document provider gets all of them; a model
    /// gets those that matter to the request.
    pub relations: Vec<RelationSchema>,
    /// The others in short, by schema and name.
    #[serde(default)]
    pub others: Vec<RelationSummary>,
}

/// A relation that is only mentioned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RelationSummary {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// The names of its columns.
    pub columns: Vec<String>,
    /// Approximate number of rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row_estimate: Option<u64>,
}

/// A file of the present state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentFile {
    /// Its path.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its text; none when it is binary, or left out because it does not matter to the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
}

/// A former turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DocumentTurn {
    /// What was asked.
    pub request: String,
    /// The prose of the answer, shortened when long.
    pub answer: String,
    /// Paths that it changed.
    pub changed: Vec<String>,
    /// How it ended. What did not end `done` or `stopped` is not part of the present state.
    pub outcome: TurnState,
    /// Why its answer did not become the project's state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

impl Document {
    /// As a document provider gets it.
    ///
    /// # Errors
    /// Never for a document made here: its maps have text keys.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_example_is_a_document_with_every_field() {
        let text = include_str!("document.example.json");
        let document: Document = serde_json::from_str(text).unwrap();
        assert_eq!(document.version, DOCUMENT_VERSION);
        assert_eq!(document.app_format, APP_FORMAT);
        let written: serde_json::Value =
            serde_json::from_str(&document.to_json().unwrap()).unwrap();
        let example: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(written, example);
    }
}
