//! Projects, their files, snapshots and previews.

use crate::{ProjectId, ProviderId, SnapshotId, SourceId, TurnId};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// A project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Project {
    /// Its id.
    pub id: ProjectId,
    /// Its name.
    pub name: String,
    /// The source its queries run on; none when that was removed.
    pub source: Option<SourceId>,
    /// The provider to ask; none for the default one.
    pub provider: Option<ProviderId>,
    /// The model to ask; none for the provider's default.
    pub model: Option<String>,
    /// The present state of its files; none while it is empty.
    pub head: Option<SnapshotId>,
    /// The turn that is running.
    pub running_turn: Option<TurnId>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When its files or settings last changed.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

/// A new project.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectCreate {
    /// The id, when the client chooses it; making it again then gives the same project.
    #[serde(default)]
    pub id: Option<ProjectId>,
    /// Its name.
    pub name: String,
    /// The source its queries run on.
    pub source: Option<SourceId>,
}

/// A change of a project's settings. What is absent stays as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectUpdate {
    /// A new name.
    #[serde(default)]
    pub name: Option<String>,
    /// Another source.
    #[serde(default)]
    pub source: Option<SourceId>,
    /// Another provider; `null` for the default one. The model is then the provider's default,
    /// unless `model` says otherwise.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<ProviderId>)]
    pub provider: Option<Option<ProviderId>>,
    /// Another model; `null` for the provider's default.
    #[serde(
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    #[schema(value_type = Option<String>)]
    pub model: Option<Option<String>>,
}

/// A field that is there, be it `null`; one that is absent is the default.
fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Who made a state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Author {
    /// A person, by hand.
    Person,
    /// A model, in a turn.
    Model {
        /// The provider's name.
        provider: String,
        /// The model.
        model: String,
    },
}

/// A state of a project's files. Snapshots are never changed or removed while the project lives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Snapshot {
    /// Its id.
    pub id: SnapshotId,
    /// The state it was made from.
    pub parent: Option<SnapshotId>,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// By whom.
    pub author: Author,
    /// What it is about, in one line.
    pub message: String,
    /// The turn it ended.
    pub turn: Option<TurnId>,
    /// Paths that differ from the parent.
    pub changed: Vec<String>,
    /// It is an attempt that did not pass its checks and was never the project's state.
    pub draft: bool,
}

/// A snapshot with its files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SnapshotDetail {
    /// The snapshot.
    pub snapshot: Snapshot,
    /// Its files.
    pub files: Vec<FileEntry>,
}

/// A file of a state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FileEntry {
    /// Its path.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
    /// Changes when its content does; the base of an edit.
    pub hash: String,
}

/// A file with its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FileContent {
    /// Its path.
    pub path: String,
    /// Its text; base64 when `binary`.
    pub content: String,
    /// The content is not UTF-8.
    pub binary: bool,
    /// The base of an edit.
    pub hash: String,
}

/// A file saved by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FileSave {
    /// The path.
    pub path: String,
    /// The new text; absent removes the file.
    pub content: Option<String>,
    /// The hash of what the edit was based on; absent for a new file. Another one now is a
    /// `conflict`, and nothing is overwritten.
    #[serde(default)]
    pub base: Option<String>,
}

/// What saving did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FileSaved {
    /// The snapshot it made. With errors among `problems` it is a draft, and the preview keeps
    /// the last good state.
    pub snapshot: Snapshot,
    /// What the checks found.
    pub problems: Vec<Problem>,
}

/// Where to go back, or forward, to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rewind {
    /// The state to become the head again.
    pub snapshot: SnapshotId,
}

/// Where a problem was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProblemSource {
    /// Compiling the app.
    Compile,
    /// Checking or running a query.
    Query,
    /// The app's server code.
    Server,
    /// The browser that shows the app.
    Browser,
}

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// It does not work.
    Error,
    /// It works.
    Warning,
}

/// A fault of an app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Where it was found.
    pub source: ProblemSource,
    /// How bad.
    pub severity: Severity,
    /// Stable and short: `syntax`, `unknown-query`, …
    pub code: String,
    /// For the app's author.
    pub message: String,
    /// The file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The line, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The column in UTF-16 code units, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// What would help.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// More for those who want it: a stack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// A running preview.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PreviewInfo {
    /// An address that opens the preview once, within 30 seconds; it then lives in a cookie.
    pub url: String,
    /// The preview's origin.
    pub origin: String,
    /// The state that is shown; none while the project is empty.
    pub revision: Option<String>,
    /// What is wrong with it.
    pub problems: Vec<Problem>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_absent_setting_stays_and_null_sets_it_back() {
        let provider = ProviderId::generate();
        for (text, update) in [
            (json!({}), ProjectUpdate::default()),
            (
                json!({ "provider": null, "model": null }),
                ProjectUpdate {
                    provider: Some(None),
                    model: Some(None),
                    ..ProjectUpdate::default()
                },
            ),
            (
                json!({ "provider": provider, "model": "m" }),
                ProjectUpdate {
                    provider: Some(Some(provider)),
                    model: Some(Some("m".into())),
                    ..ProjectUpdate::default()
                },
            ),
        ] {
            let read: ProjectUpdate = serde_json::from_value(text).unwrap();
            assert_eq!(read, update);
            // As the RPC sends it.
            let sent = serde_json::to_string(&update).unwrap();
            let back: ProjectUpdate = serde_json::from_str(&sent).unwrap();
            assert_eq!(back, update, "{sent}");
        }
    }
}
