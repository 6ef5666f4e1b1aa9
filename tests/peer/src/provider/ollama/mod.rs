//! Ollama: chat, embeddings, models.

mod check;
mod render;

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Asked, Broken, Call, Operation, Wire, bearer, gateway_page, retry_headers, texts};
use crate::{
    answer::{Answer, embed},
    record::Received,
    refusal::Refusal,
    reply::Rendered,
    shape::text,
};

struct Ollama;

pub fn route(method: &str, path: &str, asked: &mut Asked) -> (Operation, &'static dyn Wire) {
    asked.model = text(&asked.body, "model").to_owned();
    // It streams unless told not to.
    asked.stream = asked.body.get("stream") != Some(&Value::Bool(false));
    let operation = match (method, path) {
        ("POST", "/api/chat") => Operation::Generate,
        ("POST", "/api/embed") => Operation::Embed,
        ("GET", "/api/tags") => Operation::Models,
        ("POST", "/api/show") => Operation::Model,
        _ => Operation::Other,
    };
    (operation, &Ollama)
}

impl Wire for Ollama {
    /// None is asked for.
    fn credential(&self, received: &Received, _query: &str) -> Result<Option<String>, Broken> {
        Ok(bearer(received).map(str::to_owned))
    }

    fn check(&self, call: &mut Call<'_>) -> Result<(), Broken> {
        check::request(call)
    }

    fn render(&self, answer: &Answer, asked: &Asked) -> Rendered {
        if asked.operation == Operation::Embed {
            return json_document(200, &embeddings(answer, asked));
        }
        if asked.stream {
            render::stream(answer, asked)
        } else {
            json_document(200, &render::whole(answer, asked))
        }
    }

    fn models(&self, names: &[String], asked: &Asked) -> Rendered {
        let details = json!({
            "parent_model": "", "format": "gguf", "family": "peer", "families": ["peer"],
            "parameter_size": "4B", "quantization_level": "Q4_K_M",
        });
        let can = |name: &str| {
            if name.contains("embed") {
                json!(["embedding"])
            } else {
                json!(["completion", "tools", "thinking", "vision"])
            }
        };
        if asked.operation == Operation::Model {
            return json_document(
                200,
                &json!({
                    "details": details, "capabilities": can(&asked.model),
                    "model_info": { "general.architecture": "peer", "peer.context_length": 131_072 },
                    "modified_at": "2026-01-01T00:00:00Z",
                }),
            );
        }
        let models: Vec<_> = names
            .iter()
            .map(|name| {
                json!({
                    "name": name, "model": name, "modified_at": "2026-01-01T00:00:00Z",
                    "size": 3_338_801_804_u64, "digest": format!("{:064}", name.len()),
                    "details": details, "capabilities": can(name),
                })
            })
            .collect();
        json_document(200, &json!({ "models": models }))
    }

    fn refuse(&self, refusal: &Refusal, asked: &Asked) -> Rendered {
        if let Refusal::Gateway = refusal {
            return gateway_page();
        }
        let body = json!({ "error": words(refusal, asked) });
        retry_headers(json_document(refusal.status(), &body), refusal.wait())
    }

    fn object(&self, broken: &Broken, _asked: &Asked) -> Rendered {
        json_document(broken.status, &json!({ "error": broken.message }))
    }

    fn error_event(&self, refusal: &Refusal, asked: &Asked) -> Bytes {
        format!("{}\n", json!({ "error": words(refusal, asked) })).into()
    }

    fn unknown_event(&self, bytes: usize) -> Bytes {
        format!("{}\n", json!({ "hint": "x".repeat(bytes), "done": false })).into()
    }

    fn comment(&self) -> &'static [u8] {
        b"\n"
    }
}

fn json_document(status: u16, body: &Value) -> Rendered {
    Rendered::document(status, "application/json; charset=utf-8", body.to_string())
}

fn embeddings(answer: &Answer, asked: &Asked) -> Value {
    let texts = texts(&asked.body, "input");
    let dimensions = asked
        .body
        .get("dimensions")
        .and_then(Value::as_u64)
        .filter(|d| *d > 0);
    let vectors = answer
        .vectors
        .clone()
        .unwrap_or_else(|| embed(&texts, dimensions.unwrap_or(8) as usize));
    json!({
        "model": asked.served(answer), "embeddings": vectors, "total_duration": 14_143_917,
        "load_duration": 1_019_500, "prompt_eval_count": answer.usage.input,
    })
}

fn words(refusal: &Refusal, asked: &Asked) -> String {
    match refusal {
        Refusal::Invalid(message) => message.clone(),
        Refusal::Key | Refusal::PlainKey => "unauthorized".into(),
        Refusal::Forbidden => "forbidden".into(),
        Refusal::Model => format!("model '{}' not found", asked.model),
        Refusal::Late | Refusal::Timeout => "timed out waiting for llama runner to start".into(),
        Refusal::Conflict => "conflict".into(),
        Refusal::TooLarge => "http: request body too large".into(),
        Refusal::Limit(_) => "too many requests".into(),
        Refusal::Quota => "you have reached your usage limit, upgrade to continue".into(),
        Refusal::Internal | Refusal::Gateway => {
            "llama runner process has terminated: exit status 2".into()
        }
        Refusal::Unavailable(_) | Refusal::Overloaded(_) => {
            "server busy, please try again.  maximum pending requests exceeded".into()
        }
    }
}
