//! How much to reason, in each server's words. A model that knows fewer steps gets the nearest.

use crate::dialect::EffortWords;
use labd_plugin::ai::Effort;
use serde_json::{Map, Value, json};

/// Writes the effort into a body.
pub fn write(body: &mut Map<String, Value>, words: EffortWords, model: &str, effort: Effort) {
    let mut set = |key: &str, value: Value| {
        body.insert(key.to_owned(), value);
    };
    match words {
        EffortWords::All => set("reasoning_effort", word(effort).into()),
        EffortWords::OpenAi => {
            if let Some(word) = openai(model, effort) {
                set("reasoning_effort", word.into());
            }
        }
        EffortWords::Three => {
            if effort != Effort::Off {
                set("reasoning_effort", three(effort).into());
            }
        }
        EffortWords::Groq if model.contains("qwen") => {
            let word = if effort == Effort::Off {
                "none"
            } else {
                "default"
            };
            set("reasoning_effort", word.into());
            // Else the reasoning stands in the text, between tags.
            set("reasoning_format", "parsed".into());
        }
        EffortWords::Groq => {
            if model.contains("gpt-oss") {
                set("reasoning_effort", three(effort).into());
            }
        }
        EffortWords::Xai => {
            if let Some(word) = xai(model, effort) {
                set("reasoning_effort", word.into());
            }
        }
        EffortWords::OpenRouter => set("reasoning", json!({ "effort": word(effort) })),
        EffortWords::DeepSeek if effort == Effort::Off => {
            set("thinking", json!({ "type": "disabled" }));
        }
        EffortWords::DeepSeek => {
            set("thinking", json!({ "type": "enabled" }));
            let word = match effort {
                Effort::Off | Effort::Minimal | Effort::Low => "low",
                Effort::Medium | Effort::High => "high",
                Effort::Highest => "max",
            };
            set("reasoning_effort", word.into());
        }
        // Magistral always reasons; without the mode it does so without being told how.
        EffortWords::Mistral if model.contains("magistral") => {
            let mode = (effort != Effort::Off).then_some("reasoning");
            set("prompt_mode", mode.into());
        }
        EffortWords::Mistral if mistral_reasons(model) => {
            let word = if effort == Effort::Off {
                "none"
            } else {
                "high"
            };
            set("reasoning_effort", word.into());
        }
        EffortWords::Mistral => {}
    }
}

/// xAI's word; none for a model that takes none. 4.20 came before 4.3.
fn xai(model: &str, effort: Effort) -> Option<&'static str> {
    let name = model.rsplit('/').next().unwrap_or(model);
    let version = name.strip_prefix("grok-")?.split('-').next()?;
    match (version, version.parse::<f64>()) {
        _ if name.starts_with("grok-3-mini") => Some(match effort {
            Effort::Off | Effort::Minimal | Effort::Low => "low",
            Effort::Medium | Effort::High | Effort::Highest => "high",
        }),
        ("latest", _) => Some(none_to_high(effort)),
        (_, Ok(version)) if version >= 4.3 => Some(none_to_high(effort)),
        _ => None,
    }
}

fn none_to_high(effort: Effort) -> &'static str {
    match effort {
        Effort::Off => "none",
        other => three(other),
    }
}

/// Whether a model of Mistral that is no Magistral can be told to reason: Small since March 2026,
/// Medium since 3.5. The others refuse to be told.
fn mistral_reasons(model: &str) -> bool {
    let first = if model.contains("mistral-small") {
        2603
    } else if model.contains("mistral-medium") {
        2604
    } else {
        return false;
    };
    // `mistral-small-2603`, `mistral-medium-3-5`, `mistral-medium-3.5`, `mistral-small-latest`.
    let words = model.split(['-', '.']).collect::<Vec<_>>();
    let month = words.iter().filter_map(|word| word.parse::<u32>().ok());
    words.contains(&"latest")
        || words.windows(2).any(|pair| pair == ["3", "5"])
        || month.max().is_some_and(|month| month >= first)
}

/// OpenAI's words.
fn word(effort: Effort) -> &'static str {
    match effort {
        Effort::Off => "none",
        Effort::Minimal => "minimal",
        Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High => "high",
        Effort::Highest => "xhigh",
    }
}

fn three(effort: Effort) -> &'static str {
    match effort {
        Effort::Off | Effort::Minimal | Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High | Effort::Highest => "high",
    }
}

/// Whether a model of OpenAI reasons; none when its name says nothing.
pub fn openai_reasons(model: &str) -> Option<bool> {
    // A fine-tuned model is named `ft:<model>:…`.
    let model = model.strip_prefix("ft:").unwrap_or(model);
    let begins = |names: &[&str]| names.iter().any(|name| model.starts_with(name));
    if model.contains("-chat-latest") || begins(&["gpt-3.5", "gpt-4", "chatgpt-4o"]) {
        return Some(false);
    }
    // `o3-mini`, `gpt-5.4`, and those that come after them.
    let number = |prefix: &str| {
        let rest = model.strip_prefix(prefix)?;
        let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
        digits.parse::<u32>().ok()
    };
    let new = number("gpt-").is_some_and(|major| major >= 5);
    (new || number("o").is_some() || begins(&["codex"])).then_some(true)
}

/// Whether a model of OpenAI takes temperature, top-p and stop texts: not while it reasons. From
/// GPT-5.1 to 5.4 models do that only when they are told to; of newer ones it is not known what they
/// do unasked.
pub fn openai_samples(model: &str, effort: Option<Effort>) -> bool {
    if openai_reasons(model) != Some(true) {
        return true;
    }
    let word = effort.and_then(|effort| openai(model, effort));
    let plain = !model.contains("-pro") && !model.contains("codex");
    let unasked = ["gpt-5.1", "gpt-5.2", "gpt-5.3", "gpt-5.4"]
        .iter()
        .any(|name| model.starts_with(name) && plain);
    word.map_or(unasked, |word| word == "none")
}

/// OpenAI's word for an effort, as near as the model knows it; none for a model that does not reason.
/// A name that says nothing, such as that of a deployment, gets the words that all know, and none for
/// not reasoning, which it may not know.
pub fn openai(model: &str, effort: Effort) -> Option<&'static str> {
    let wanted = word(effort);
    match openai_reasons(model) {
        Some(true) => {}
        Some(false) => return None,
        None => return (effort != Effort::Off).then(|| three(effort)),
    }
    let begins = |names: &[&str]| names.iter().any(|name| model.starts_with(name));
    let known: &[&str] = if begins(&["gpt-5-pro"]) {
        &["high"]
    } else if model.starts_with("gpt-5.") && model.contains("-pro") {
        &["medium", "high", "xhigh"]
    } else if begins(&["o", "codex"]) || is_early_codex(model) {
        &["low", "medium", "high"]
    } else if model.contains("-codex") {
        &["low", "medium", "high", "xhigh"]
    } else if begins(&["gpt-5.1"]) {
        &["none", "low", "medium", "high"]
    } else if model == "gpt-5" || begins(&["gpt-5-"]) {
        &["minimal", "low", "medium", "high"]
    } else {
        // Since 5.2, and what comes after it.
        &["none", "low", "medium", "high", "xhigh"]
    };
    const ORDER: [&str; 6] = ["none", "minimal", "low", "medium", "high", "xhigh"];
    let place = |word: &str| {
        ORDER
            .iter()
            .position(|one| *one == word)
            .unwrap_or_default()
    };
    known
        .iter()
        .min_by_key(|word| place(word).abs_diff(place(wanted)))
        .copied()
}

/// Codex before the first that knew `xhigh`, which was 5.1's Max.
fn is_early_codex(model: &str) -> bool {
    let begins = |name| model.starts_with(name);
    (begins("gpt-5-codex") || begins("gpt-5.1-codex")) && !begins("gpt-5.1-codex-max")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_of_openai_gets_the_nearest_step_that_it_knows() {
        for (model, effort, word) in [
            ("gpt-5", Effort::Off, Some("minimal")),
            ("gpt-5-mini-2025-08-07", Effort::Highest, Some("high")),
            ("gpt-5.1", Effort::Minimal, Some("none")),
            ("gpt-5.4-mini", Effort::Highest, Some("xhigh")),
            ("gpt-5.4-pro", Effort::Low, Some("medium")),
            ("gpt-5-pro", Effort::Low, Some("high")),
            ("o4-mini", Effort::Minimal, Some("low")),
            ("codex-mini-latest", Effort::Off, Some("low")),
            ("gpt-5-codex", Effort::Off, Some("low")),
            ("gpt-5-codex", Effort::Minimal, Some("low")),
            ("gpt-5-codex", Effort::Highest, Some("high")),
            ("gpt-5.1-codex", Effort::Off, Some("low")),
            ("gpt-5.1-codex-mini", Effort::Minimal, Some("low")),
            ("gpt-5.1-codex-mini", Effort::Highest, Some("high")),
            ("gpt-5.1-codex-max", Effort::Off, Some("low")),
            ("gpt-5.1-codex-max", Effort::Highest, Some("xhigh")),
            ("gpt-5.3-codex", Effort::Off, Some("low")),
            ("gpt-5.3-codex", Effort::Minimal, Some("low")),
            ("gpt-5.3-codex", Effort::Highest, Some("xhigh")),
            ("gpt-4.1", Effort::High, None),
            ("ft:gpt-4o:acme::1", Effort::High, None),
            ("gpt-5.1-chat-latest", Effort::High, None),
            ("gpt-7", Effort::Minimal, Some("none")),
            ("gpt-7", Effort::Highest, Some("xhigh")),
            ("o9-mini", Effort::Off, Some("low")),
            ("acme-deployment", Effort::Off, None),
            ("acme-deployment", Effort::Minimal, Some("low")),
            ("acme-deployment", Effort::Highest, Some("high")),
        ] {
            assert_eq!(openai(model, effort), word, "{model}");
        }
    }

    #[test]
    fn each_server_has_its_own_way_to_say_it() {
        let of = |words, model: &str, effort| {
            let mut body = Map::new();
            write(&mut body, words, model, effort);
            Value::Object(body)
        };
        for (words, model, effort, expected) in [
            (
                EffortWords::All,
                "m",
                Effort::Highest,
                json!({"reasoning_effort": "xhigh"}),
            ),
            (EffortWords::OpenAi, "gpt-4o", Effort::High, json!({})),
            (EffortWords::Three, "m", Effort::Off, json!({})),
            (
                EffortWords::Three,
                "m",
                Effort::Highest,
                json!({"reasoning_effort": "high"}),
            ),
            (EffortWords::Xai, "grok-4-fast", Effort::High, json!({})),
            (EffortWords::Xai, "grok-4.20", Effort::High, json!({})),
            (
                EffortWords::Xai,
                "grok-code-fast-1",
                Effort::High,
                json!({}),
            ),
            (
                EffortWords::Xai,
                "grok-4.3",
                Effort::Off,
                json!({"reasoning_effort": "none"}),
            ),
            (
                EffortWords::Xai,
                "grok-latest",
                Effort::Highest,
                json!({"reasoning_effort": "high"}),
            ),
            (
                EffortWords::Xai,
                "grok-3-mini",
                Effort::Medium,
                json!({"reasoning_effort": "high"}),
            ),
            (
                EffortWords::Groq,
                "llama-3.3-70b-versatile",
                Effort::High,
                json!({}),
            ),
            (
                EffortWords::Mistral,
                "mistral-small-2506",
                Effort::High,
                json!({}),
            ),
            (
                EffortWords::Mistral,
                "mistral-medium-3.5",
                Effort::High,
                json!({"reasoning_effort": "high"}),
            ),
            (
                EffortWords::Mistral,
                "codestral-latest",
                Effort::High,
                json!({}),
            ),
            (
                EffortWords::Groq,
                "openai/gpt-oss-120b",
                Effort::Off,
                json!({"reasoning_effort": "low"}),
            ),
            (
                EffortWords::Groq,
                "qwen/qwen3-32b",
                Effort::Off,
                json!({"reasoning_effort": "none", "reasoning_format": "parsed"}),
            ),
            (
                EffortWords::OpenRouter,
                "x/y",
                Effort::Off,
                json!({"reasoning": {"effort": "none"}}),
            ),
            (
                EffortWords::DeepSeek,
                "deepseek-v4-pro",
                Effort::Off,
                json!({"thinking": {"type": "disabled"}}),
            ),
            (
                EffortWords::DeepSeek,
                "deepseek-v4-pro",
                Effort::Highest,
                json!({"thinking": {"type": "enabled"}, "reasoning_effort": "max"}),
            ),
            (
                EffortWords::Mistral,
                "magistral-medium-latest",
                Effort::Low,
                json!({"prompt_mode": "reasoning"}),
            ),
            (
                EffortWords::Mistral,
                "magistral-medium-latest",
                Effort::Off,
                json!({"prompt_mode": null}),
            ),
            (
                EffortWords::Mistral,
                "mistral-small-latest",
                Effort::Low,
                json!({"reasoning_effort": "high"}),
            ),
            (
                EffortWords::Mistral,
                "mistral-small-latest",
                Effort::Off,
                json!({"reasoning_effort": "none"}),
            ),
        ] {
            assert_eq!(of(words, model, effort), expected, "{words:?} {effort:?}");
        }
    }
}
