//! Tokens, however a server counts them.

use labd_plugin::ai::Usage;
use serde_json::Value;

/// The `usage` of a chunk; none when it is none.
///
/// `prompt_tokens` includes the cached. `completion_tokens` includes the reasoning, except with xAI,
/// whose total shows it.
pub fn of(value: &Value) -> Option<Usage> {
    let count = |key: &str| value.get(key).and_then(tokens);
    // Looked up as they stand: a JSON Pointer would be taken apart anew for each chunk.
    let detail = |of: &str, key: &str| value.get(of)?.get(key).and_then(tokens);
    let (input, output) = (count("prompt_tokens"), count("completion_tokens"));
    let reasoning = detail("completion_tokens_details", "reasoning_tokens");
    let beside = match (input, output, reasoning, count("total_tokens")) {
        (Some(input), Some(output), Some(reasoning), Some(total))
            if u64::from(total) == u64::from(input) + u64::from(output) + u64::from(reasoning) =>
        {
            reasoning
        }
        _ => 0,
    };
    value.is_object().then(|| Usage {
        input,
        cached_input: detail("prompt_tokens_details", "cached_tokens")
            // DeepSeek.
            .or_else(|| count("prompt_cache_hit_tokens")),
        cache_writes: detail("prompt_tokens_details", "cache_write_tokens")
            .or_else(|| count("cache_creation_input_tokens")),
        output: output.map(|output| output.saturating_add(beside)),
        reasoning,
    })
}

/// What a chunk tells of tokens, and whether it is the last word: Groq repeats it under `x_groq`, and
/// llama.cpp counts in `timings` when it was not asked.
pub(crate) fn of_chunk(chunk: &Value) -> Option<(Usage, bool)> {
    let told = |chunk: &Value| chunk.get("usage").and_then(of);
    if let Some(usage) = told(chunk).or_else(|| told(chunk.get("x_groq")?)) {
        return Some((usage, true));
    }
    let timings = chunk.get("timings")?;
    let count = |key: &str| timings.get(key).and_then(tokens);
    let cached = count("cache_n");
    let input = count("prompt_n").map(|read| read.saturating_add(cached.unwrap_or(0)));
    let usage = Usage {
        input,
        cached_input: cached,
        cache_writes: None,
        output: count("predicted_n"),
        reasoning: None,
    };
    Some((usage, false))
}

fn tokens(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|count| u32::try_from(count).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reasoning_that_stands_beside_the_answer_is_counted_in() {
        let of = |total: u32| {
            of(&json!({
                "prompt_tokens": 10, "completion_tokens": 5, "total_tokens": total,
                "completion_tokens_details": { "reasoning_tokens": 30 }
            }))
            .map(|usage| (usage.output, usage.reasoning))
        };
        // xAI.
        assert_eq!(of(45), Some((Some(35), Some(30))));
        assert_eq!(of(15), Some((Some(5), Some(30))));
        assert_eq!(super::of(&json!(null)), None);
    }

    #[test]
    fn each_place_of_a_chunk_is_known() {
        let deepseek = json!({"usage": {"prompt_tokens": 9, "prompt_cache_hit_tokens": 4, "prompt_cache_miss_tokens": 5}});
        assert!(
            of_chunk(&deepseek).is_some_and(|(usage, last)| last && usage.cached_input == Some(4))
        );
        let groq = json!({"usage": null, "x_groq": {"id": "req_1", "usage": {"prompt_tokens": 9}}});
        assert!(of_chunk(&groq).is_some_and(|(usage, last)| last && usage.input == Some(9)));
        let llama = json!({"timings": {"cache_n": 3, "prompt_n": 4, "predicted_n": 5, "predicted_ms": 1.5}});
        let (usage, last) = of_chunk(&llama).unwrap();
        assert_eq!(
            (usage.input, usage.cached_input, usage.output, last),
            (Some(7), Some(3), Some(5), false)
        );
        assert_eq!(of_chunk(&json!({"x_groq": {"id": "req_1"}})), None);
    }
}
