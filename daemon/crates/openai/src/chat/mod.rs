//! `POST /v1/chat/completions`.
//!
//! | parameter | what becomes of it |
//! | --- | --- |
//! | `model`, `messages` | see [`request`] |
//! | `stream`, `stream_options.include_usage` | a stream, and its last chunk with the tokens |
//! | `max_completion_tokens`, `max_tokens` | the most tokens; the first counts where both are |
//! | `temperature`, `top_p`, `stop`, `parallel_tool_calls`, `reasoning_effort` | the same |
//! | `tools`, `tool_choice` | functions; `custom` tools and `allowed_tools` are refused |
//! | `response_format` | `json_schema`: the schema, or an instruction where `strict` is not asked for and providers cannot enforce it; `json_object`: an instruction, since providers know answers with a schema only |
//! | `prompt_cache_key`, `prompt_cache_retention` | hints for the provider's cache |
//! | `safety_identifier`, `user` | a pseudonym of it; the first counts where both are |
//! | `metadata`, `service_tier`, `seed`, `prediction`, `stream_options.include_obfuscation`, `prompt_cache_options` | passed over: they do not change what is asked for (OpenAI promises no more of a `seed` than to try) |
//! | `n`, `store`, `logprobs`, `top_logprobs`, `frequency_penalty`, `presence_penalty`, `logit_bias`, `modalities`, `verbosity` | taken where they say what holds anyway (`n: 1`, `store: false`, …), else refused |
//! | `audio`, `functions`, `function_call`, `web_search_options`, `moderation`, any other | refused |
//!
//! An answer's reasoning is in `reasoning_content`, as with other providers that show it, and is taken
//! back from there. Opaque bytes of a provider (signatures of reasoning) have no place in this API and
//! are left out: where they matter, use `/v1/responses`.
//!
//! | finish | `finish_reason` |
//! | --- | --- |
//! | stop, other | `stop`, or `tool_calls` when there are some |
//! | tool use | `tool_calls` |
//! | length, pause | `length` |
//! | content filter, refusal | `content_filter` |
//! | refusal with words, in a whole answer | `stop`, and the words are in `refusal`; a stream has told them as `content` by then |

mod answer;
mod request;

use crate::errors::{Fault, cut_off};
use crate::{Body, Models, json, stream};
use answer::{Chunks, Whole};
use bytes::Bytes;
use http::{Response, StatusCode};
use std::sync::Arc;

pub(crate) async fn answer(
    models: &Arc<dyn Models>,
    caller: &str,
    body: &Bytes,
) -> Result<Response<Body>, Fault> {
    let asked = request::read(caller, body)?;
    if asked.stream {
        let chunks = Chunks::new(asked.model.clone(), asked.include_usage);
        return stream::stream(models, caller, &asked.model, asked.request, chunks).await;
    }
    let mut whole = Whole::default();
    stream::whole(models, caller, &asked.model, asked.request, |event| {
        whole.take(event);
    })
    .await?;
    let body = whole.body(&asked.model).ok_or_else(cut_off)?;
    Ok(json(StatusCode::OK, body))
}
