//! Embeddings: labd's request → the body of batchEmbedContents, and its answer → labd's. The API
//! takes at most 100 texts at once, and refuses more by itself.

use labd_plugin::ai::{EmbedRequest, Embeddings, Purpose, Usage};
use labd_plugin::{Error, Result};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The body of a request to a model, as addresses name it.
///
/// # Errors
/// `invalid-request` when there is nothing to embed.
pub fn body(request: &EmbedRequest, model: &str) -> Result<Value> {
    if request.texts.is_empty() || request.texts.iter().any(String::is_empty) {
        return Err(Error::invalid(
            "there is an empty text among those to embed, or none at all",
        ));
    }
    let one = |text: &String| {
        let mut one = Map::new();
        one.insert("model".into(), model.into());
        one.insert("content".into(), json!({ "parts": [{ "text": text }] }));
        if let Some(purpose) = request.purpose {
            let task = match purpose {
                Purpose::Document => "RETRIEVAL_DOCUMENT",
                Purpose::Query => "RETRIEVAL_QUERY",
            };
            one.insert("taskType".into(), task.into());
        }
        if let Some(dimensions) = request.dimensions {
            one.insert("outputDimensionality".into(), dimensions.into());
        }
        Value::from(one)
    };
    let requests: Vec<Value> = request.texts.iter().map(one).collect();
    Ok(json!({ "requests": requests }))
}

/// What the API answers.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    #[serde(default)]
    embeddings: Vec<Embedded>,
    usage_metadata: Option<Counts>,
}

#[derive(Deserialize)]
struct Embedded {
    #[serde(default)]
    values: Vec<f32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Counts {
    prompt_token_count: Option<u32>,
}

/// The embeddings of an answer, in the order of the texts.
///
/// # Errors
/// `unavailable` when there is not one for each text.
pub fn answer(request: &EmbedRequest, answer: Answer) -> Result<Embeddings> {
    let all = answer.embeddings;
    let length = all.first().map_or(0, |one| one.values.len());
    let alike = all.iter().all(|one| one.values.len() == length);
    if all.len() != request.texts.len() || !alike || length == 0 {
        return Err(Error::unavailable(format!(
            "the server answered with {} embeddings for {} texts, or with some that do not belong together",
            all.len(),
            request.texts.len()
        )));
    }
    Ok(Embeddings {
        model: request.model.clone(),
        vectors: all.into_iter().map(|one| one.values).collect(),
        usage: Usage {
            input: answer.usage_metadata.and_then(|one| one.prompt_token_count),
            cached_input: None,
            cache_writes: None,
            output: None,
            reasoning: None,
        },
    })
}
