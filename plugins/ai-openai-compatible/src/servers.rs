//! Servers that are known. The manifest proposes those of [`PRESETS`] for `base-url`; a server
//! that speaks a dialect of its own is known by its host.

use labd_chat_completions::dialect::Dialect;

/// A server that is proposed.
#[derive(Clone, Copy, Debug)]
pub struct Preset {
    /// Its name.
    pub title: &'static str,
    /// Its usual address.
    pub base_url: &'static str,
}

/// The servers that are proposed, as the manifest's JSON Schema lists them.
pub const PRESETS: [Preset; 8] = [
    Preset {
        title: "Groq",
        base_url: "https://api.groq.com/openai/v1",
    },
    Preset {
        title: "DeepSeek",
        base_url: "https://api.deepseek.com/v1",
    },
    Preset {
        title: "OpenRouter",
        base_url: "https://openrouter.ai/api/v1",
    },
    Preset {
        title: "xAI",
        base_url: "https://api.x.ai/v1",
    },
    Preset {
        title: "Together",
        base_url: "https://api.together.xyz/v1",
    },
    Preset {
        title: "LM Studio",
        base_url: "http://127.0.0.1:1234/v1",
    },
    Preset {
        title: "vLLM",
        base_url: "http://127.0.0.1:8000/v1",
    },
    Preset {
        title: "llama.cpp",
        base_url: "http://127.0.0.1:8080/v1",
    },
];

/// Domains whose servers speak a dialect of their own.
const DOMAINS: [(&str, Dialect); 9] = [
    ("openai.com", Dialect::OPENAI),
    ("openai.azure.com", Dialect::OPENAI),
    ("mistral.ai", Dialect::MISTRAL),
    ("groq.com", Dialect::GROQ),
    ("deepseek.com", Dialect::DEEPSEEK),
    ("openrouter.ai", Dialect::OPENROUTER),
    ("x.ai", Dialect::XAI),
    ("together.xyz", Dialect::TOGETHER),
    ("together.ai", Dialect::TOGETHER),
];

/// The dialect of the server at an address.
pub fn dialect_of(url: &str) -> Dialect {
    let host = url
        .trim()
        .split_once("://")
        .map_or(url, |(_, rest)| rest)
        .split(['/', ':'])
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let within = |domain: &str| {
        host.strip_suffix(domain)
            .is_some_and(|before| before.is_empty() || before.ends_with('.'))
    };
    DOMAINS
        .iter()
        .find(|(domain, _)| within(domain))
        .map_or(Dialect::COMMON, |(_, dialect)| *dialect)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_known_by_its_domain_and_not_by_a_name_that_ends_like_it() {
        for (url, dialect) in [
            ("https://api.openai.com/v1", Dialect::OPENAI),
            ("https://acme.openai.azure.com/openai/v1", Dialect::OPENAI),
            ("https://API.X.AI/v1", Dialect::XAI),
            ("https://openrouter.ai:443/api/v1", Dialect::OPENROUTER),
            ("https://notx.ai/v1", Dialect::COMMON),
            ("http://127.0.0.1:1234/v1", Dialect::COMMON),
        ] {
            assert_eq!(dialect_of(url), dialect, "{url}");
        }
    }

    #[test]
    fn the_manifest_proposes_each_preset() {
        let manifest = include_str!("../plugin.toml");
        for preset in PRESETS {
            let line = format!(
                "const = \"{}\", title = \"{}\"",
                preset.base_url, preset.title
            );
            assert!(manifest.contains(&line), "{line}");
        }
        assert_eq!(manifest.matches("const = ").count(), PRESETS.len());
    }
}
