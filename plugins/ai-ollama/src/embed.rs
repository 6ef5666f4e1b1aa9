//! Embeddings: labd's request → the API's body, and its answer → labd's. Models make no difference
//! by purpose that the API could be told.

use crate::Config;
use crate::request::keep_alive;
use labd_plugin::ai::{EmbedRequest, Embeddings, Usage};
use labd_plugin::{Error, Result};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The body of a request.
///
/// # Errors
/// `invalid-request` when there is nothing to embed.
pub fn body(request: &EmbedRequest, config: &Config) -> Result<Value> {
    if request.texts.is_empty() || request.texts.iter().any(String::is_empty) {
        return Err(Error::invalid(
            "there is an empty text among those to embed, or none at all",
        ));
    }
    let mut body = Map::new();
    body.insert("model".into(), request.model.clone().into());
    body.insert("input".into(), json!(request.texts));
    // What does not fit is refused, not cut off.
    body.insert("truncate".into(), false.into());
    if let Some(dimensions) = request.dimensions {
        body.insert("dimensions".into(), dimensions.into());
    }
    if let Some(term) = keep_alive(config) {
        body.insert("keep_alive".into(), term);
    }
    Ok(body.into())
}

/// What the API answers.
#[derive(Deserialize)]
pub struct Answer {
    model: Option<String>,
    #[serde(default)]
    embeddings: Vec<Vec<f32>>,
    prompt_eval_count: Option<u32>,
}

/// The embeddings of an answer, in the order of the texts.
///
/// # Errors
/// `unavailable` when there is not one for each text.
pub fn answer(request: &EmbedRequest, answer: Answer) -> Result<Embeddings> {
    let all = answer.embeddings;
    let length = all.first().map_or(0, Vec::len);
    let alike = all.iter().all(|one| one.len() == length);
    if all.len() != request.texts.len() || !alike || length == 0 {
        return Err(Error::unavailable(format!(
            "the server answered with {} embeddings for {} texts, or with some that do not belong together",
            all.len(),
            request.texts.len()
        )));
    }
    Ok(Embeddings {
        model: answer.model.unwrap_or_else(|| request.model.clone()),
        vectors: all,
        usage: Usage {
            input: answer.prompt_eval_count,
            cached_input: None,
            cache_writes: None,
            output: None,
            reasoning: None,
        },
    })
}
