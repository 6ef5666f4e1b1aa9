//! `conformance.toml`: what is particular to a plugin's upstream. Unknown keys are refused; files
//! are named from its folder; `{peer}` stands for the scripted peer's origin.
//!
//! | key | for | meaning |
//! | --- | --- | --- |
//! | `config` | all | the plugin's configuration |
//! | `[[wrong-config]]` | AI providers | a configuration that must be refused, and the key to be named |
//! | `model`, `[models]` | AI providers | the model to ask for; the list of models |
//! | `[[answer]]` | AI providers | a recorded answer, and what must come of it |
//! | `[large]` | AI providers | a frame of a stream that can be repeated |
//! | `[[refusal]]` | AI providers | what the upstream says to a status, and the error it must become |
//! | `[[reply]]` | all | what else the upstream answers: the first by method and path, and to whoever signs in by another `authorization` than `unless-authorization`; `silent` is never answered |
//! | `[source]` | connectors | the database: a URL in the environment, or a script for SQLite |
//! | `[[query]]`, `[[wrong-query]]` | connectors | statements with their rows, or their error |
//! | `[large-query]`, `writing`, `slow-query` | connectors | a statement with many rows; one that writes; one that takes half a minute |
//! | `[app]`, `[[request]]` | sandboxes | an app, requests to its server code |

use super::{
    ConformError,
    peer::{End, Received, Reply},
};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// A parsed `conformance.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Spec {
    #[serde(skip)]
    pub folder: PathBuf,
    #[serde(default)]
    pub config: Value,
    #[serde(default)]
    pub wrong_config: Vec<WrongConfig>,
    pub model: Option<String>,
    pub models: Option<Models>,
    #[serde(default)]
    pub answer: Vec<Answer>,
    pub large: Option<Large>,
    #[serde(default)]
    pub refusal: Vec<Refusal>,
    #[serde(default)]
    pub reply: Vec<Recorded>,
    pub source: Option<Source>,
    #[serde(default)]
    pub query: Vec<Query>,
    #[serde(default)]
    pub wrong_query: Vec<WrongQuery>,
    pub large_query: Option<LargeQuery>,
    pub writing: Option<String>,
    pub slow_query: Option<String>,
    pub app: Option<App>,
    #[serde(default)]
    pub request: Vec<AppCall>,
}

/// A configuration that must be refused.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WrongConfig {
    pub config: Value,
    /// What the message must name.
    pub names: String,
}

/// The list of models.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Models {
    /// None for a plugin that asks nobody.
    pub reply: Option<Recorded>,
    /// Ids that must be among them.
    pub ids: Vec<String>,
}

/// A recorded answer.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Answer {
    pub name: String,
    /// What the user says.
    #[serde(default = "hello")]
    pub prompt: String,
    /// The builder's context, for providers with the capability `document`.
    pub document_file: Option<PathBuf>,
    /// None for a plugin that asks nobody.
    pub reply: Option<Recorded>,
    /// JSON that must be in the request's body: objects may have further keys.
    pub sends: Option<String>,
    /// The whole text.
    pub text: Option<String>,
    /// Parts of the text.
    #[serde(default)]
    pub text_contains: Vec<String>,
    pub reasoning: Option<String>,
    /// `stop`, `length`, `tool-use`, …
    pub finish: Option<String>,
    #[serde(default)]
    pub tool_calls: Vec<ToolCall>,
    pub input_tokens: Option<u32>,
    pub output_tokens: Option<u32>,
}

fn hello() -> String {
    "Hello".into()
}

/// A tool call that must come of an answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ToolCall {
    pub name: String,
    /// JSON, compared as such.
    pub arguments: String,
}

/// A stream of many events: `head`, `frame` again and again, `tail`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Large {
    #[serde(default)]
    pub head: String,
    pub frame: String,
    #[serde(default)]
    pub tail: String,
    /// The text of one frame.
    pub text: String,
}

/// What the upstream says to a status.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Refusal {
    pub status: u16,
    #[serde(default)]
    pub body: String,
    /// The contract's name of the error: `unauthenticated`, …
    pub error: String,
}

/// Something that the upstream answers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Recorded {
    /// Any when absent.
    pub method: Option<String>,
    /// Path, with the query where it matters; any when absent.
    pub path: Option<String>,
    /// Whoever sends this header `authorization` is not meant.
    pub unless_authorization: Option<String>,
    /// Nothing is answered, and the connection stays open.
    #[serde(default)]
    pub silent: bool,
    #[serde(default = "ok")]
    pub status: u16,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    pub body: Option<String>,
    pub body_file: Option<PathBuf>,
    /// The file's content, once read.
    #[serde(skip)]
    pub bytes: Bytes,
}

fn ok() -> u16 {
    200
}

impl Recorded {
    fn load(&mut self, folder: &Path) -> Result<(), String> {
        self.bytes = match (&self.body, &self.body_file) {
            (Some(text), None) => Bytes::copy_from_slice(text.as_bytes()),
            (None, Some(file)) => {
                let path = folder.join(file);
                let content = fs::read(&path);
                content
                    .map_err(|error| format!("{}: {error}", path.display()))?
                    .into()
            }
            (None, None) => Bytes::new(),
            (Some(_), Some(_)) => return Err("a reply has `body` or `body-file`, not both".into()),
        };
        Ok(())
    }

    /// Whether this is what was asked for.
    pub fn answers(&self, request: &Received) -> bool {
        let without_query = request.path.split('?').next().unwrap_or_default();
        let mut headers = request.headers.iter();
        let authorization = headers.find(|(name, _)| name == "authorization");
        let meant = match (&self.unless_authorization, authorization) {
            (Some(known), Some((_, given))) => known != given,
            _ => true,
        };
        meant
            && self
                .method
                .as_ref()
                .is_none_or(|method| *method == request.method)
            && self
                .path
                .as_ref()
                .is_none_or(|path| *path == request.path || path == without_query)
    }

    /// The reply, whole and in one piece.
    pub fn reply(&self) -> Reply {
        if self.silent {
            return Reply::silence();
        }
        self.in_pieces(vec![self.bytes.clone()], End::Whole)
    }

    /// The reply in these pieces.
    pub fn in_pieces(&self, pieces: Vec<Bytes>, end: End) -> Reply {
        let headers = self.headers.iter();
        Reply {
            status: self.status,
            headers: headers.map(|(k, v)| (k.clone(), v.clone())).collect(),
            pieces,
            end,
        }
    }
}

/// A database.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Source {
    /// The variable with its URL: `scheme://user:password@host:port/database?sslmode=disable`.
    pub url_env: Option<String>,
    /// The URL itself, where it holds no secret; `{peer}` is host and port of the scripted peer.
    pub url: Option<String>,
    /// Statements that make the SQLite file.
    pub sqlite_script: Option<PathBuf>,
    /// Parameters of the URL that are handed to the plugin.
    #[serde(default)]
    pub options: BTreeMap<String, String>,
}

/// A statement and its rows.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Query {
    pub sql: String,
    /// Bound as texts.
    #[serde(default)]
    pub params: Vec<String>,
    pub columns: Option<Vec<String>>,
    /// Kinds of the columns: `integer`, `decimal`, …
    pub kinds: Option<Vec<String>>,
    /// JSON: a list of rows, each a list of values. Decimals are texts, bytes are hexadecimal
    /// text, dates are days and times microseconds, as in the contract.
    pub rows: String,
}

/// A statement that must be refused.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct WrongQuery {
    pub sql: String,
    /// The contract's name of the error.
    pub error: String,
}

/// A statement with many rows.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct LargeQuery {
    pub sql: String,
    pub rows: u64,
}

/// An app.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct App {
    /// Its folder.
    pub folder: PathBuf,
    /// Queries that it must declare.
    #[serde(default)]
    pub queries: Vec<String>,
    /// A file to break, and the text to put into it.
    pub break_file: String,
    pub broken: String,
}

/// A request to an app's server code.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct AppCall {
    #[serde(default = "get")]
    pub method: String,
    pub url: String,
    #[serde(default)]
    pub body: String,
    /// What the broker answers to every query, JSON.
    pub query_answer: Option<String>,
    #[serde(default = "ok")]
    pub status: u16,
    /// Parts of the response's body.
    #[serde(default)]
    pub contains: Vec<String>,
}

fn get() -> String {
    "GET".into()
}

impl Spec {
    /// Reads `conformance.toml` of a folder; without one there is nothing particular to know.
    pub fn read(folder: &Path) -> Result<Self, ConformError> {
        let path = folder.join("conformance.toml");
        let wrong = |reason: String| ConformError::Spec {
            path: path.clone(),
            reason,
        };
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error.into()),
        };
        let mut spec: Self = toml::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        folder.clone_into(&mut spec.folder);
        let models = spec
            .models
            .iter_mut()
            .filter_map(|models| models.reply.as_mut());
        let answers = spec.answer.iter_mut();
        let replies = answers.filter_map(|answer| answer.reply.as_mut());
        for reply in spec.reply.iter_mut().chain(models).chain(replies) {
            reply.load(folder).map_err(wrong)?;
        }
        Ok(spec)
    }

    /// The configuration, for a peer at this origin.
    pub fn config_for(&self, origin: &str) -> Value {
        for_peer(&self.config, origin)
    }
}

/// Puts the peer's origin in the place of `{peer}`. No configuration is an empty one.
pub(super) fn for_peer(config: &Value, origin: &str) -> Value {
    match config {
        Value::String(text) => text.replace("{peer}", origin).into(),
        Value::Array(items) => items.iter().map(|item| for_peer(item, origin)).collect(),
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| (key.clone(), for_peer(value, origin)))
            .collect(),
        Value::Null => Value::Object(serde_json::Map::new()),
        other => other.clone(),
    }
}

/// Whether `part` is in `whole`: objects may have further keys, lists further items at their end.
pub(super) fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => part
            .iter()
            .all(|(key, value)| whole.get(key).is_some_and(|found| contains(found, value))),
        (Value::Array(whole), Value::Array(part)) => {
            whole.len() >= part.len() && whole.iter().zip(part).all(|(a, b)| contains(a, b))
        }
        (whole, part) => whole == part,
    }
}

/// Whether a text is in a body: as it is, or in one of the strings of a JSON document.
pub(super) fn carries(body: &[u8], text: &str) -> bool {
    fn within(value: &Value, text: &str) -> bool {
        match value {
            Value::String(found) => found.contains(text),
            Value::Array(items) => items.iter().any(|item| within(item, text)),
            Value::Object(map) => map.values().any(|value| within(value, text)),
            _ => false,
        }
    }
    String::from_utf8_lossy(body).contains(text)
        || serde_json::from_slice(body).is_ok_and(|value| within(&value, text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_part_is_found_whatever_stands_beside_it() {
        let whole = json!({"a": 1, "b": {"c": [1, 2], "d": 3}});
        assert!(contains(&whole, &json!({"b": {"c": [1]}})));
        assert!(!contains(&whole, &json!({"b": {"c": [2]}})));
        assert!(!contains(&whole, &json!({"e": null})));
    }

    #[test]
    fn a_text_is_found_also_when_json_escapes_it() {
        assert!(carries(br#"{"a": ["Gr\u00fc\u00dfe"]}"#, "Grüße"));
        assert!(!carries(b"Gru?e", "Grüße"));
    }

    #[test]
    fn a_reply_is_for_whoever_signs_in_otherwise() {
        let request = |authorization: &str| Received {
            method: "GET".into(),
            path: "/v1?a=b".into(),
            headers: vec![("authorization".into(), authorization.into())],
            body: Bytes::new(),
        };
        let refusal = Recorded {
            path: Some("/v1".into()),
            unless_authorization: Some("Bearer a".into()),
            ..Recorded::default()
        };
        assert!(!refusal.answers(&request("Bearer a")));
        assert!(refusal.answers(&request("Bearer b")));
    }

    #[test]
    fn an_unknown_key_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("conformance.toml"), "modell = 1").unwrap();
        let error = Spec::read(dir.path()).unwrap_err().to_string();
        assert!(error.contains("modell"), "{error}");
    }
}
