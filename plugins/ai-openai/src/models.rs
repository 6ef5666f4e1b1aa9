//! What is known of OpenAI's models by their names: its list tells nothing else.

use labd_chat_completions::effort::openai_reasons;
use labd_chat_completions::models::only;
use labd_plugin::ai::{Capabilities, Model};

/// Words in the names of models that neither chat nor embed.
const OTHERS: [&str; 15] = [
    "whisper",
    "tts",
    "dall-e",
    "gpt-image",
    "chatgpt-image",
    "sora",
    "moderation",
    "realtime",
    "transcribe",
    "translate",
    "audio",
    "babbage",
    "davinci",
    "-instruct",
    "computer-use",
];

/// Names up to their end or a `-`, the longer first, with the tokens of context and of an answer. Of
/// a name that is not here, such as that of a newer model, nothing is said.
const LIMITS: [(&str, u32, u32); 13] = [
    ("gpt-5.1", 400_000, 128_000),
    ("gpt-5.2", 400_000, 128_000),
    ("gpt-5", 400_000, 128_000),
    ("gpt-4.1", 1_047_576, 32_768),
    ("gpt-4o-2024-05-13", 128_000, 4096),
    ("gpt-4o", 128_000, 16_384),
    ("gpt-4-turbo", 128_000, 4096),
    ("gpt-3.5-turbo", 16_385, 4096),
    ("o1-mini", 128_000, 65_536),
    ("o1-preview", 128_000, 32_768),
    ("o1", 200_000, 100_000),
    ("o3", 200_000, 100_000),
    ("o4-mini", 200_000, 100_000),
];

/// The models that can be asked for something, with what is known of them.
pub fn known(list: Vec<Model>) -> Vec<Model> {
    let of_use = |model: &Model| !OTHERS.iter().any(|word| model.id.contains(word));
    list.into_iter()
        .filter(of_use)
        .map(|model| {
            let limits = LIMITS
                .iter()
                .find(|(name, ..)| is(&model.id, name))
                .filter(|_| !model.id.contains("-chat-latest"));
            Model {
                context_window: model.context_window.or(limits.map(|limits| limits.1)),
                output_limit: model.output_limit.or(limits.map(|limits| limits.2)),
                capabilities: model.capabilities.or_else(|| capabilities(&model.id)),
                ..model
            }
        })
        .collect()
}

/// Whether a model is of this name, up to its end or a `-`: `o1-mini` is an `o1`, and `o10` is none.
fn is(id: &str, name: &str) -> bool {
    let rest = id.strip_prefix(name);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

fn capabilities(id: &str) -> Option<Capabilities> {
    let id = id.strip_prefix("ft:").unwrap_or(id);
    if id.starts_with("text-embedding-") {
        return Some(Capabilities::EMBEDDINGS);
    }
    let reasons = openai_reasons(id)?;
    let sees = !["gpt-3.5", "gpt-4-0", "o1-mini", "o3-mini"]
        .iter()
        .any(|name| id.starts_with(name))
        && id != "gpt-4";
    let old = id == "gpt-4"
        || ["gpt-3.5", "gpt-4-"]
            .iter()
            .any(|name| id.starts_with(name));
    Some(only(&[
        (Capabilities::TOOLS, true),
        (Capabilities::IMAGES, sees),
        (Capabilities::STRICT_TOOLS, !old),
        (Capabilities::STRUCTURED_OUTPUT, !old),
        (Capabilities::FILES, sees && !old),
        (Capabilities::REASONING, reasons),
    ]))
}

/// Whether a model's cache can be asked to last for a day: since 5.6 it has one term of its own.
pub fn caches_long(model: &str) -> bool {
    let small = model.contains("-mini") || model.contains("-nano");
    let known = [
        "gpt-4.1", "gpt-5", "gpt-5.1", "gpt-5.2", "gpt-5.3", "gpt-5.4", "gpt-5.5",
    ];
    known.iter().any(|name| is(model, name)) && (!small || model.contains("codex-mini"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_known_by_its_name() {
        let list = [
            "gpt-5.4",
            "gpt-5-mini",
            "o3-mini",
            "gpt-4",
            "gpt-4o-2024-11-20",
            "text-embedding-3-small",
            "whisper-1",
            "gpt-4o-realtime-preview",
            "acme-1",
        ];
        let known = known(list.iter().map(|id| Model::new(*id)).collect());
        let base =
            Capabilities::TOOLS | Capabilities::STRICT_TOOLS | Capabilities::STRUCTURED_OUTPUT;
        let sees = Capabilities::IMAGES | Capabilities::FILES;
        let told: Vec<_> = known
            .iter()
            .map(|model| (model.id.as_str(), model.context_window, model.capabilities))
            .collect();
        assert_eq!(
            told,
            [
                ("gpt-5.4", None, Some(base | sees | Capabilities::REASONING)),
                (
                    "gpt-5-mini",
                    Some(400_000),
                    Some(base | sees | Capabilities::REASONING)
                ),
                (
                    "o3-mini",
                    Some(200_000),
                    Some(base | Capabilities::REASONING)
                ),
                ("gpt-4", None, Some(Capabilities::TOOLS)),
                ("gpt-4o-2024-11-20", Some(128_000), Some(base | sees)),
                (
                    "text-embedding-3-small",
                    None,
                    Some(Capabilities::EMBEDDINGS)
                ),
                ("acme-1", None, None),
            ]
        );
        assert!(caches_long("gpt-5.4") && caches_long("gpt-5.1-codex-mini"));
        assert!(!caches_long("gpt-5-mini") && !caches_long("gpt-4o"));
        assert!(!caches_long("gpt-5.6") && !caches_long("gpt-6"));
    }

    #[test]
    fn of_a_newer_model_no_limit_is_told_that_is_anothers() {
        for (id, limits) in [
            ("gpt-5", Some((400_000, 128_000))),
            ("gpt-5-pro", Some((400_000, 128_000))),
            ("gpt-4o-2024-05-13", Some((128_000, 4096))),
            ("o1-mini-2024-09-12", Some((128_000, 65_536))),
            ("o1-2024-12-17", Some((200_000, 100_000))),
            ("gpt-5.10", None),
            ("gpt-50", None),
            ("gpt-6-mini", None),
            ("o10", None),
            ("o5-mini", None),
        ] {
            let found = known(vec![Model::new(id)]);
            let told = found[0].context_window.zip(found[0].output_limit);
            assert_eq!(told, limits, "{id}");
        }
    }
}
