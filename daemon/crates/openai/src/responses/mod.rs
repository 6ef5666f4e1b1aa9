//! `POST /v1/responses`.
//!
//! | parameter | what becomes of it |
//! | --- | --- |
//! | `model`, `input`, `instructions` | see [`request`] |
//! | `stream` | a stream of named, numbered events |
//! | `max_output_tokens`, `temperature`, `top_p`, `parallel_tool_calls`, `reasoning.effort` | the same |
//! | `tools`, `tool_choice` | functions; the tools that OpenAI runs itself are refused |
//! | `text.format` | `json_schema`: the schema, or an instruction where `strict` is not asked for and providers cannot enforce it; `json_object`: an instruction, since providers know answers with a schema only |
//! | `prompt_cache_key`, `prompt_cache_retention` | hints for the provider's cache |
//! | `safety_identifier`, `user` | a pseudonym of it; the first counts where both are |
//! | `include` | `reasoning.encrypted_content` is there anyway; any other is refused |
//! | `metadata` | comes back with the answer |
//! | `reasoning.summary`, `service_tier`, `truncation`, `max_tool_calls`, `stream_options`, `prompt_cache_options` | passed over: reasoning comes as the provider shows it, and nothing is cut from a conversation |
//! | `store`, `background`, `top_logprobs`, `text.verbosity` | taken where they say what holds anyway (`store: false`, …), else refused |
//! | `previous_response_id`, `conversation`, `prompt`, `context_management`, `moderation`, `image`, any other | refused: nothing is kept, the conversation comes in `input` |
//!
//! # What only its provider reads
//! Signatures and encrypted reasoning come in `encrypted_content` of a `reasoning` item, whether asked
//! for or not, since some models refuse a conversation without them. Where they belong to a text or a
//! call, that item is followed by a `reasoning` item without a summary. Sent back in its place, what is
//! in it goes to the provider unchanged; with another `model` than it came from it is left out.

mod items;
mod output;
mod request;
mod sealed;

use crate::errors::{Fault, cut_off};
use crate::{Body, Models, json, stream};
use bytes::Bytes;
use http::{Response, StatusCode};
use output::Output;
use std::sync::Arc;

pub(crate) async fn answer(
    models: &Arc<dyn Models>,
    caller: &str,
    body: &Bytes,
) -> Result<Response<Body>, Fault> {
    let asked = request::read(caller, body)?;
    let model = asked.echo.model.clone();
    if asked.stream {
        let output = Output::streamed(asked.echo);
        return stream::stream(models, caller, &model, asked.request, output).await;
    }
    let mut output = Output::whole(asked.echo);
    stream::whole(models, caller, &model, asked.request, |event| {
        output.take(event, &mut Vec::new());
    })
    .await?;
    let body = output.body().ok_or_else(cut_off)?;
    Ok(json(StatusCode::OK, body))
}
