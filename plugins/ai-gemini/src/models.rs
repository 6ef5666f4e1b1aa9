//! The API's list of models → labd's: those that answer, and those that embed.

use labd_plugin::ai::{Capabilities, Model};
use serde::Deserialize;

/// A page.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Page {
    #[serde(default)]
    models: Vec<Entry>,
    next_page_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    name: String,
    display_name: Option<String>,
    input_token_limit: Option<u32>,
    output_token_limit: Option<u32>,
    #[serde(default)]
    supported_generation_methods: Vec<String>,
    #[serde(default)]
    thinking: bool,
}

/// Path and query of the page that a token names.
pub fn path(token: Option<&str>) -> String {
    let mut path = "/models?pageSize=1000".to_owned();
    if let Some(token) = token {
        path.push_str("&pageToken=");
        for byte in token.bytes() {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
                path.push(char::from(byte));
            } else {
                path.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    path
}

impl Page {
    /// The token of the next page; none when there is none.
    pub fn next(&self) -> Option<String> {
        self.next_page_token
            .clone()
            .filter(|token| !token.is_empty())
    }

    /// Its models, but for those that only draw, speak, or answer live.
    pub fn models(self) -> impl Iterator<Item = Model> {
        self.models.into_iter().filter_map(model)
    }
}

fn model(one: Entry) -> Option<Model> {
    let can = |method: &str| {
        let mut methods = one.supported_generation_methods.iter();
        methods.any(|known| known == method)
    };
    let id = one.name.strip_prefix("models/").unwrap_or(&one.name);
    let capabilities = if can("generateContent") {
        let special = [
            "-image",
            "-tts",
            "-audio",
            "-live",
            "-robotics",
            "-computer",
        ];
        let is_general = id.starts_with("gemini-") && !special.iter().any(|word| id.contains(word));
        // Of others, such as Gemma, the list does not tell enough.
        is_general.then(|| {
            let known = Capabilities::TOOLS
                | Capabilities::STRICT_TOOLS
                | Capabilities::IMAGES
                | Capabilities::FILES
                | Capabilities::STRUCTURED_OUTPUT;
            match one.thinking {
                true => known | Capabilities::REASONING,
                false => known,
            }
        })
    } else if can("embedContent") || can("batchEmbedContents") {
        Some(Capabilities::EMBEDDINGS)
    } else {
        return None;
    };
    let some = |count: Option<u32>| count.filter(|count| *count > 0);
    Some(Model {
        name: one.display_name.unwrap_or_else(|| id.to_owned()),
        context_window: some(one.input_token_limit),
        // An embedding has no tokens.
        output_limit: some(one.output_token_limit)
            .filter(|_| capabilities != Some(Capabilities::EMBEDDINGS)),
        capabilities,
        id: id.to_owned(),
    })
}
