//! `POST /v1/embeddings`.
//!
//! | parameter | what becomes of it |
//! | --- | --- |
//! | `model` | the model |
//! | `input` | a text, or a list of at most [`MAX_TEXTS`]; none empty. Tokens are refused: they are one model's own |
//! | `encoding_format` | `float` (the default) or `base64`: little-endian 32-bit floats |
//! | `dimensions` | asked of the model |
//! | `user` | a pseudonym |
//! | any other | refused |

use crate::errors::Fault;
use crate::{Body, Models, input, json};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http::{Response, StatusCode};
use labd_plugin_host::kinds::ai::EmbedRequest;
use serde::{Deserialize, Deserializer, Serialize, de};
use std::fmt;

/// Texts of one request, as OpenAI has it.
const MAX_TEXTS: usize = 2048;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EmbeddingsIn {
    model: String,
    input: Input,
    #[serde(default)]
    encoding_format: Option<Format>,
    dimensions: Option<u32>,
    user: Option<String>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    Float,
    Base64,
}

/// Texts, or tokens.
enum Input {
    Texts(Vec<String>),
    Tokens,
}

impl<'de> Deserialize<'de> for Input {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Item {
            Text(String),
            Token(#[expect(dead_code, reason = "only that it is one")] u64),
            Tokens(#[expect(dead_code, reason = "only that they are some")] Vec<u64>),
        }
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Input;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a list of strings")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Input, E> {
                Ok(Input::Texts(vec![text.to_owned()]))
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Input, A::Error> {
                let (mut texts, mut tokens) = (Vec::new(), false);
                while let Some(item) = list.next_element()? {
                    match item {
                        Item::Text(text) => texts.push(text),
                        Item::Token(_) | Item::Tokens(_) => tokens = true,
                    }
                }
                Ok(if tokens {
                    Input::Tokens
                } else {
                    Input::Texts(texts)
                })
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

#[derive(Serialize)]
struct EmbeddingsOut<'a> {
    object: &'static str,
    data: Vec<EmbeddingOut<'a>>,
    model: &'a str,
    usage: UsageOut,
}

#[derive(Serialize)]
struct EmbeddingOut<'a> {
    object: &'static str,
    index: usize,
    embedding: VectorOut<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum VectorOut<'a> {
    Float(&'a [f32]),
    Base64(String),
}

#[derive(Serialize)]
struct UsageOut {
    prompt_tokens: u32,
    total_tokens: u32,
}

pub(crate) async fn answer(
    models: &dyn Models,
    caller: &str,
    body: &Bytes,
) -> Result<Response<Body>, Fault> {
    let asked: EmbeddingsIn = input::parse(body)?;
    let texts = match asked.input {
        Input::Texts(texts) => texts,
        Input::Tokens => {
            return Err(Fault::unsupported(
                "input",
                "labd takes texts and no tokens, which mean something to one model only. Send the \
                 text itself.",
            ));
        }
    };
    if texts.is_empty() || texts.iter().any(String::is_empty) {
        return Err(Fault::invalid(
            "input",
            "Send at least one text, and none that is empty.",
        ));
    }
    if texts.len() > MAX_TEXTS {
        let message = format!("Send at most {MAX_TEXTS} texts at once.");
        return Err(Fault::invalid("input", message));
    }
    if asked.dimensions == Some(0) {
        return Err(Fault::invalid("dimensions", "dimensions is at least 1."));
    }
    let request = EmbedRequest {
        texts,
        dimensions: asked.dimensions,
        user: asked.user.map(|user| input::pseudonym(caller, &user)),
        ..EmbedRequest::default()
    };
    let made = models.embed(caller, &asked.model, request).await?;
    let format = asked.encoding_format.unwrap_or_default();
    let data = made.vectors.iter().enumerate();
    let input = made.usage.input.unwrap_or_default();
    let out = EmbeddingsOut {
        object: "list",
        data: data
            .map(|(index, vector)| EmbeddingOut {
                object: "embedding",
                index,
                embedding: match format {
                    Format::Float => VectorOut::Float(vector),
                    Format::Base64 => VectorOut::Base64(base64(vector)),
                },
            })
            .collect(),
        model: &made.model,
        usage: UsageOut {
            prompt_tokens: input,
            total_tokens: input,
        },
    };
    Ok(json(
        StatusCode::OK,
        serde_json::to_vec(&out).unwrap_or_default(),
    ))
}

fn base64(vector: &[f32]) -> String {
    let mut bytes = Vec::with_capacity(vector.len() * 4);
    for number in vector {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    BASE64_STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use crate::testing::{Script, ask_json};
    use serde_json::json;

    const PATH: &str = "/v1/embeddings";

    #[tokio::test]
    async fn texts_become_vectors_as_numbers() {
        let script = Script::of([]);
        let asked =
            json!({"model": "Acme/embed", "input": ["a", "bcd"], "dimensions": 3, "user": "ada"});
        let (status, told) = ask_json(&script, PATH, asked).await;
        assert_eq!(status, 200, "{told}");
        assert_eq!(
            told,
            json!({
                "object": "list",
                "data": [
                    {"object": "embedding", "index": 0, "embedding": [1.0, -0.5, 1.0]},
                    {"object": "embedding", "index": 1, "embedding": [1.0, -0.5, 3.0]}
                ],
                "model": "parrot-embed",
                "usage": {"prompt_tokens": 7, "total_tokens": 7}
            })
        );
        let (caller, model, request) = script.embeds.lock().unwrap().pop().unwrap();
        assert_eq!((caller.as_str(), model.as_str()), ("me", "Acme/embed"));
        assert_eq!(
            (request.texts, request.dimensions),
            (vec!["a".into(), "bcd".into()], Some(3))
        );
        assert_ne!(request.user.unwrap(), "ada");
    }

    #[tokio::test]
    async fn the_libraries_get_base64_when_they_ask_for_it() {
        let asked = json!({"model": "m", "input": "a", "encoding_format": "base64"});
        let (status, told) = ask_json(&Script::of([]), PATH, asked).await;
        // 1.0, -0.5, 1.0
        assert_eq!(
            (status, &told["data"][0]["embedding"]),
            (200, &json!("AACAPwAAAL8AAIA/"))
        );
    }

    #[tokio::test]
    async fn tokens_empty_texts_and_too_many_are_refused() {
        for (asked, param, words) in [
            (
                json!({"model": "m", "input": [1, 2]}),
                "input",
                "texts and no tokens",
            ),
            (
                json!({"model": "m", "input": [[1], [2]]}),
                "input",
                "texts and no tokens",
            ),
            (json!({"model": "m", "input": []}), "input", "at least one"),
            (
                json!({"model": "m", "input": ["a", ""]}),
                "input",
                "none that is empty",
            ),
            (
                json!({"model": "m", "input": vec!["a"; 2049]}),
                "input",
                "at most 2048",
            ),
            (
                json!({"model": "m", "input": "a", "dimensions": 0}),
                "dimensions",
                "at least 1",
            ),
            (
                json!({"model": "m", "input": "a", "encoding_format": "int8"}),
                "encoding_format",
                "float",
            ),
            (json!({"model": "m"}), "input", "missing"),
            (
                json!({"model": "m", "input": "a", "truncate": true}),
                "truncate",
                "does not know",
            ),
        ] {
            let (status, told) = ask_json(&Script::of([]), PATH, asked).await;
            assert_eq!(
                (status, &told["error"]["param"]),
                (400, &json!(param)),
                "{told}"
            );
            let message = told["error"]["message"].as_str().unwrap();
            assert!(message.contains(words), "{message}");
        }
    }
}
