//! What a model takes, by its name: the API tells it in its list of models, which is not at hand
//! when a request is made.
//!
//! | version | thinking | temperature and top-p | most tokens of an answer |
//! | --- | --- | --- | --- |
//! | until 3.5 | none | yes | 4 096; 3.5: 8 192 |
//! | 3.7 to 4.5 | with a budget | yes, not while thinking | 64 000; Opus 4 and 4.1: 32 000 |
//! | 4.6 | adaptive, with an effort | yes, not while thinking | 64 000, or more |
//! | 4.7, 4.8 | adaptive, off unless asked for | refused | the same |
//! | 5 and later | adaptive, on unless refused | refused | the same |
//! | Fable, Mythos, all from 5.5 on | adaptive, always on | refused | the same |
//!
//! From 4.6 on they refuse to go on with an answer that was begun for them.
//!
//! A newer name than these is taken for the newest, and told to reason little rather than not at all,
//! which it may refuse. One that is not Claude's, on another server with this API, is taken for a model
//! that does not think and answers with up to 8 192 tokens.

/// How a model thinks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thinking {
    /// It does not.
    Never,
    /// `enabled`, with a budget of tokens.
    Budget,
    /// `adaptive`, off unless asked for.
    Adaptive,
    /// `adaptive`, on unless `disabled`.
    Default,
    /// `adaptive`, and refuses to be without.
    Always,
}

/// What a model takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generation {
    /// How it thinks.
    pub thinking: Thinking,
    /// It takes `temperature` and `top_p`.
    pub samples: bool,
    /// It goes on with an answer that was begun for it: the last message may be the assistant's.
    pub goes_on: bool,
    /// It is Claude, which takes one of `temperature` and `top_p`, and temperatures up to 1.
    pub is_claude: bool,
    /// The most tokens that are sure to be taken for `max_tokens`.
    pub output_limit: u32,
}

impl Generation {
    /// Of a model.
    pub fn of(model: &str) -> Self {
        let model = model.to_ascii_lowercase();
        let Some((_, name)) = model.split_once("claude-") else {
            return Self {
                thinking: Thinking::Never,
                samples: true,
                goes_on: true,
                is_claude: false,
                output_limit: 8192,
            };
        };
        // `3-5-sonnet-20241022`, `opus-4-1`, `sonnet-4@20250514`, `opus-4.6`.
        let words: Vec<&str> = name.split(['-', '.', '@', ':', '_', '[']).collect();
        let is = |family: &str| words.contains(&family);
        let mut numbers = words.iter().filter_map(|word| word.parse::<u32>().ok());
        let mut small = || numbers.next().filter(|number| *number < 100);
        // 407 is 4.7.
        let version = match small() {
            Some(major) => major * 100 + small().unwrap_or(0),
            None => u32::MAX,
        };
        let thinking = match version {
            ..307 => Thinking::Never,
            307..406 => Thinking::Budget,
            406..500 => Thinking::Adaptive,
            505.. => Thinking::Always,
            _ if is("fable") || is("mythos") => Thinking::Always,
            _ => Thinking::Default,
        };
        let output_limit = match version {
            ..305 => 4096,
            305..307 => 8192,
            400 | 401 if is("opus") => 32_000,
            _ => 64_000,
        };
        Self {
            thinking,
            samples: version < 407,
            goes_on: version < 406,
            is_claude: true,
            output_limit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_ones_do_not_go_on_with_what_was_begun() {
        for (model, goes_on) in [
            ("claude-3-haiku-20240307", true),
            ("claude-haiku-4-5-20251001", true),
            ("claude-sonnet-4-6", false),
            ("claude-opus-5", false),
            ("claude-future", false),
            ("MiniMax-M2", true),
        ] {
            assert_eq!(Generation::of(model).goes_on, goes_on, "{model}");
        }
    }

    #[test]
    fn each_name_has_its_generation() {
        use Thinking::{Adaptive, Always, Budget, Default, Never};
        for (model, thinking, samples, limit) in [
            ("claude-3-haiku-20240307", Never, true, 4096),
            ("claude-3-5-sonnet-20241022", Never, true, 8192),
            ("claude-3-7-sonnet-20250219", Budget, true, 64_000),
            ("claude-sonnet-4-20250514", Budget, true, 64_000),
            ("claude-opus-4-1-20250805", Budget, true, 32_000),
            ("claude-opus-4@20250514", Budget, true, 32_000),
            ("claude-haiku-4-5-20251001", Budget, true, 64_000),
            ("claude-opus-4-6", Adaptive, true, 64_000),
            ("us.anthropic.claude-opus-4-7-v1:0", Adaptive, false, 64_000),
            ("anthropic/claude-opus-4.8", Adaptive, false, 64_000),
            ("claude-sonnet-5", Default, false, 64_000),
            ("claude-opus-5", Default, false, 64_000),
            ("claude-opus-5-5", Always, false, 64_000),
            ("claude-fable-5", Always, false, 64_000),
            ("claude-mythos-preview", Always, false, 64_000),
            ("claude-sonnet-5-1", Default, false, 64_000),
            ("claude-future-9", Always, false, 64_000),
            ("claude-latest", Always, false, 64_000),
            ("MiniMax-M2", Never, true, 8192),
        ] {
            let found = Generation::of(model);
            assert_eq!(
                (found.thinking, found.samples, found.output_limit),
                (thinking, samples, limit),
                "{model}"
            );
        }
    }
}
