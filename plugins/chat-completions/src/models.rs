//! The API's lists of models → labd's. OpenAI tells names only; others tell more, each in its way.

use labd_plugin::ai::{Capabilities, Model};
use serde_json::Value;

/// The models of a list, in any of the shapes that servers give, by id.
pub fn of(answer: &Value) -> Vec<Model> {
    let list = ["data", "models"]
        .iter()
        .find_map(|key| answer.get(key))
        .unwrap_or(answer)
        .as_array();
    let mut all: Vec<Model> = list.into_iter().flatten().filter_map(model).collect();
    all.sort_by(|one, other| one.id.cmp(&other.id));
    all.dedup_by(|one, other| one.id == other.id);
    all
}

fn model(one: &Value) -> Option<Model> {
    let text = |key: &str| {
        one.get(key)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    };
    let tokens = |places: &[&str]| {
        let count = places.iter().find_map(|place| one.pointer(place)?.as_u64());
        count.and_then(|count| u32::try_from(count).ok())
    };
    // Groq lists what it has switched off, Together what draws or speaks.
    let kind = text("type").unwrap_or_default();
    if one.get("active").and_then(Value::as_bool) == Some(false)
        || matches!(
            kind,
            "image" | "audio" | "video" | "transcribe" | "moderation" | "rerank"
        )
    {
        return None;
    }
    let id = text("id")
        .or_else(|| text("model"))
        .or_else(|| text("name"))
        .or_else(|| one.as_str())?;
    Some(Model {
        name: text("name").unwrap_or(id).to_owned(),
        context_window: tokens(&[
            "/context_window",
            "/context_length",
            "/max_model_len",
            "/max_context_length",
            // llama.cpp.
            "/meta/n_ctx",
            "/meta/n_ctx_train",
        ]),
        output_limit: tokens(&[
            "/top_provider/max_completion_tokens",
            "/max_completion_tokens",
            "/max_output_tokens",
        ]),
        capabilities: capabilities(one),
        ..Model::new(id)
    })
}

/// What an entry tells of the model: Mistral's `capabilities`, OpenRouter's `architecture` and
/// `supported_parameters`, the `type` of LM Studio and Together; none when it tells nothing.
fn capabilities(one: &Value) -> Option<Capabilities> {
    let listed = |place: &str, word: &str| {
        one.pointer(place)
            .and_then(Value::as_array)
            .is_some_and(|all| all.iter().any(|each| each.as_str() == Some(word)))
    };
    let has = |place: &str| one.pointer(place).and_then(Value::as_bool) == Some(true);
    let kind = one.get("type").and_then(Value::as_str);
    if matches!(kind, Some("embedding" | "embeddings")) {
        return Some(Capabilities::EMBEDDINGS);
    }
    if one.get("capabilities").is_some_and(Value::is_object) {
        if !has("/capabilities/completion_chat") {
            return None;
        }
        return Some(only(&[
            (Capabilities::TOOLS, has("/capabilities/function_calling")),
            (
                Capabilities::STRICT_TOOLS,
                has("/capabilities/function_calling"),
            ),
            (Capabilities::IMAGES, has("/capabilities/vision")),
            (Capabilities::REASONING, has("/capabilities/reasoning")),
            (Capabilities::STRUCTURED_OUTPUT, true),
        ]));
    }
    one.get("supported_parameters")
        .filter(|all| all.is_array())?;
    let takes = |word: &str| listed("/supported_parameters", word);
    let reads = |word: &str| listed("/architecture/input_modalities", word);
    Some(only(&[
        (Capabilities::TOOLS, takes("tools")),
        (
            Capabilities::STRICT_TOOLS,
            takes("tools") && takes("structured_outputs"),
        ),
        (Capabilities::STRUCTURED_OUTPUT, takes("structured_outputs")),
        (Capabilities::REASONING, takes("reasoning")),
        (Capabilities::IMAGES, reads("image")),
        (Capabilities::FILES, reads("file")),
    ]))
}

/// The flags that are set.
pub fn only(flags: &[(Capabilities, bool)]) -> Capabilities {
    flags
        .iter()
        .filter(|(_, has)| *has)
        .fold(Capabilities::empty(), |all, (flag, _)| all | *flag)
}
