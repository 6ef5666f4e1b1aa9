//! The API's list of models → labd's. It tells limits and capabilities; older servers with this API
//! tell names only.

use labd_plugin::ai::{Capabilities, Model};
use serde::Deserialize;
use serde_json::Value;

/// A page, newest models first.
#[derive(Debug, Deserialize)]
pub struct Page {
    data: Vec<Entry>,
    #[serde(default)]
    has_more: bool,
    last_id: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    id: String,
    display_name: Option<String>,
    max_input_tokens: Option<u32>,
    max_tokens: Option<u32>,
    capabilities: Option<Value>,
}

/// Path and query of the page after a model.
pub fn path(after: Option<&str>) -> String {
    // Ids are of letters, digits, `-` and `.`; anything else would not be one.
    let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '@' | ':');
    match after {
        None => "/v1/models?limit=1000".into(),
        Some(id) => {
            let id: String = id.chars().filter(plain).collect();
            format!("/v1/models?limit=1000&after_id={id}")
        }
    }
}

impl Page {
    /// The model after which the next page begins; none when there is none.
    pub fn next(&self) -> Option<String> {
        let last = self.last_id.clone();
        self.has_more
            .then(|| last.or_else(|| self.data.last().map(|model| model.id.clone())))?
    }

    /// Its models, in the API's order.
    pub fn models(self) -> impl Iterator<Item = Model> {
        self.data.into_iter().map(|one| Model {
            name: one.display_name.unwrap_or_else(|| one.id.clone()),
            context_window: one.max_input_tokens.filter(|count| *count > 0),
            output_limit: one.max_tokens.filter(|count| *count > 0),
            capabilities: one.capabilities.as_ref().map(capabilities),
            id: one.id,
        })
    }
}

fn capabilities(told: &Value) -> Capabilities {
    let has = |name: &str| {
        let place = format!("/{name}/supported");
        told.pointer(&place).and_then(Value::as_bool) == Some(true)
    };
    let structured = has("structured_outputs");
    // Every Claude calls tools, and reads texts.
    let flags = [
        (Capabilities::TOOLS, true),
        (Capabilities::STRICT_TOOLS, structured),
        (Capabilities::STRUCTURED_OUTPUT, structured),
        (Capabilities::IMAGES, has("image_input")),
        (Capabilities::FILES, has("pdf_input")),
        (Capabilities::REASONING, has("thinking")),
    ];
    let known = flags.into_iter().filter(|(_, has)| *has);
    known.fold(Capabilities::empty(), |all, (flag, _)| all | flag)
}
