//! Embeddings: labd's request → the API's body, and its answer → labd's.

use crate::dialect::Dialect;
use crate::usage;
use labd_plugin::ai::{EmbedRequest, Embeddings, Usage};
use labd_plugin::{Error, Result};
use serde_json::{Map, Value, json};

/// The body of a request. What its vectors are for stays out: the API has no word for it.
///
/// # Errors
/// `invalid-request` when there is nothing to embed.
pub fn body(request: &EmbedRequest, dialect: &Dialect) -> Result<Value> {
    if request.texts.is_empty() || request.texts.iter().any(String::is_empty) {
        return Err(Error::invalid(
            "there is an empty text among those to embed, or none at all",
        ));
    }
    let mut body = Map::new();
    body.insert("model".into(), request.model.clone().into());
    body.insert("input".into(), json!(request.texts));
    if let Some(dimensions) = request.dimensions {
        body.insert(dialect.dimensions.into(), dimensions.into());
    }
    if let (Some(user), Some(key)) = (&request.user, dialect.embedding_user) {
        body.insert(key.into(), user.clone().into());
    }
    Ok(Value::Object(body))
}

/// What servers answer.
#[derive(serde::Deserialize)]
pub struct Answer {
    model: Option<String>,
    #[serde(default)]
    data: Vec<Embedded>,
    usage: Option<Value>,
}

#[derive(serde::Deserialize)]
struct Embedded {
    index: Option<usize>,
    embedding: Vec<f32>,
}

/// The embeddings of an answer, in the order of the texts.
///
/// # Errors
/// `unavailable` when there is not one for each text.
pub fn answer(request: &EmbedRequest, mut answer: Answer) -> Result<Embeddings> {
    // Those without a number stand where they belong; the sort keeps their order.
    answer.data.sort_by_key(|one| one.index);
    let numbered = answer.data.iter().enumerate();
    let in_place = numbered
        .clone()
        .all(|(at, one)| one.index.is_none_or(|index| index == at));
    let length = answer.data.first().map_or(0, |one| one.embedding.len());
    let alike = numbered
        .clone()
        .all(|(_, one)| one.embedding.len() == length);
    if answer.data.len() != request.texts.len() || !in_place || !alike || length == 0 {
        return Err(Error::unavailable(format!(
            "the server answered with {} embeddings for {} texts, or with some that do not belong together",
            answer.data.len(),
            request.texts.len()
        )));
    }
    let none = Usage {
        input: None,
        cached_input: None,
        cache_writes: None,
        output: None,
        reasoning: None,
    };
    Ok(Embeddings {
        model: answer.model.unwrap_or_else(|| request.model.clone()),
        vectors: answer.data.into_iter().map(|one| one.embedding).collect(),
        usage: answer.usage.as_ref().and_then(usage::of).unwrap_or(none),
    })
}
