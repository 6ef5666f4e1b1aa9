//! Gemini: `generateContent`, `streamGenerateContent`, `interactions`, `batchEmbedContents`,
//! `embedContent`, models.

mod check;
mod interactions;
mod pieces;
mod render;
mod tables;

use bytes::Bytes;
use serde_json::{Value, json};

use super::{Asked, Broken, Call, Operation, Wire, from_body, gateway_page, retry_headers};
use crate::{
    answer::{Answer, embed},
    record::Received,
    refusal::{Refusal, Wait},
    reply::Rendered,
    shape::{items, text},
};

struct Gemini;

/// Models that take no first words of their answer, and no sampling: all since 3.6, and the small
/// one of 3.5.
fn newest(model: &str) -> bool {
    let Some((_, name)) = model.split_once("gemini-") else {
        return false;
    };
    let version = name.split('-').next().unwrap_or_default();
    match version.parse::<f64>() {
        Ok(version) => version >= 3.6 || (version >= 3.5 && name.contains("flash-lite")),
        Err(_) => false,
    }
}

pub fn route(method: &str, path: &str, asked: &mut Asked) -> (Operation, &'static dyn Wire) {
    if (method, path) == ("POST", "/v1beta/interactions") {
        from_body(asked);
        return (Operation::Generate, &interactions::Interactions);
    }
    let operation = match (method, path.strip_prefix("/v1beta/models")) {
        ("GET", Some("")) => Operation::Models,
        ("GET", Some(rest)) => {
            asked.model = rest.trim_start_matches('/').to_owned();
            Operation::Model
        }
        ("POST", Some(rest)) => {
            let (model, verb) = rest
                .trim_start_matches('/')
                .split_once(':')
                .unwrap_or((rest, ""));
            asked.model = model.to_owned();
            asked.stream = verb == "streamGenerateContent";
            match verb {
                "generateContent" | "streamGenerateContent" => Operation::Generate,
                "batchEmbedContents" | "embedContent" => Operation::Embed,
                _ => Operation::Other,
            }
        }
        _ => Operation::Other,
    };
    (operation, &Gemini)
}

/// The value of a name in a query.
fn query<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

fn credential(received: &Received, asked: &str) -> Result<Option<String>, Broken> {
    let key = received
        .header("x-goog-api-key")
        .or_else(|| query(asked, "key"));
    match key {
        Some(key) if !key.is_empty() => Ok(Some(key.to_owned())),
        _ => Err(Broken::new("Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form of API consumer identity to call this API.")
            .status(403)
            .code("PERMISSION_DENIED")),
    }
}

impl Wire for Gemini {
    fn credential(&self, received: &Received, asked: &str) -> Result<Option<String>, Broken> {
        credential(received, asked)
    }

    fn check(&self, call: &mut Call<'_>) -> Result<(), Broken> {
        check::request(call)
    }

    fn render(&self, answer: &Answer, asked: &Asked) -> Rendered {
        if asked.operation == Operation::Embed {
            return headers(Rendered::json(200, &embeddings(answer, asked)));
        }
        let rendered = if !asked.stream {
            Rendered::json(200, &render::whole(answer, asked))
        } else if query(&asked.query, "alt") == Some("sse") {
            render::events(answer, asked)
        } else {
            render::array(answer, asked)
        };
        headers(rendered)
    }

    fn models(&self, names: &[String], asked: &Asked) -> Rendered {
        let model = |name: &String| {
            let embeds = name.contains("embedding");
            let verbs: &[_] = if embeds {
                &["embedContent", "batchEmbedContents"]
            } else {
                &["generateContent", "countTokens"]
            };
            json!({
                "name": format!("models/{name}"), "version": "001", "displayName": name,
                "description": name, "inputTokenLimit": 1_048_576, "outputTokenLimit": 65_536,
                "supportedGenerationMethods": verbs,
                "temperature": 1, "topP": 0.95, "topK": 64, "maxTemperature": 2, "thinking": !embeds,
            })
        };
        if asked.operation == Operation::Model {
            return headers(Rendered::json(200, &model(&asked.model)));
        }
        let models: Vec<_> = names.iter().map(model).collect();
        headers(Rendered::json(200, &json!({ "models": models })))
    }

    fn refuse(&self, refusal: &Refusal, asked: &Asked) -> Rendered {
        if let Refusal::Gateway = refusal {
            return gateway_page();
        }
        let (code, body) = error(refusal, asked);
        let rendered = headers(Rendered::json(code, &body));
        match refusal.wait() {
            // Said in the body alone.
            Wait::RetryInfo(_) | Wait::Reset(_) => rendered,
            wait => retry_headers(rendered, wait),
        }
    }

    fn object(&self, broken: &Broken, _asked: &Asked) -> Rendered {
        let mut error = json!({
            "code": broken.status, "message": broken.message,
            "status": broken.code.unwrap_or("INVALID_ARGUMENT"),
        });
        if let (Some(error), Some(field)) = (error.as_object_mut(), &broken.param) {
            let violation = json!({ "field": field, "description": broken.message });
            let violation = json!({ "@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [violation] });
            error.insert("details".into(), json!([violation]));
        }
        headers(Rendered::json(broken.status, &json!({ "error": error })))
    }

    fn error_event(&self, refusal: &Refusal, asked: &Asked) -> Bytes {
        let (_, body) = error(refusal, asked);
        format!("data: {body}\r\n\r\n").into()
    }

    fn unknown_event(&self, bytes: usize) -> Bytes {
        format!("data: {}\r\n\r\n", json!({ "hint": "x".repeat(bytes) })).into()
    }

    fn comment(&self) -> &'static [u8] {
        b": keep-alive\r\n\r\n"
    }
}

fn embeddings(answer: &Answer, asked: &Asked) -> Value {
    let one = std::slice::from_ref(&asked.body);
    let batch = asked.path.ends_with(":batchEmbedContents");
    let requests = if batch {
        items(&asked.body, "requests")
    } else {
        one
    };
    let vectors = answer.vectors.clone().unwrap_or_else(|| {
        let vectors = requests.iter().map(|request| {
            let parts = request.pointer("/content/parts").and_then(Value::as_array);
            let words: String = parts
                .into_iter()
                .flatten()
                .map(|part| text(part, "text"))
                .collect();
            let dimensions = request.get("outputDimensionality").and_then(Value::as_u64);
            embed(&[words], dimensions.unwrap_or(8) as usize).concat()
        });
        vectors.collect()
    });
    let vectors: Vec<_> = vectors
        .into_iter()
        .map(|vector| json!({ "values": vector }))
        .collect();
    match vectors.first() {
        Some(first) if !batch => json!({ "embedding": first }),
        _ => json!({ "embeddings": vectors }),
    }
}

/// The status and body of a refusal.
fn error(refusal: &Refusal, asked: &Asked) -> (u16, Value) {
    let (code, status, message) = match refusal {
        Refusal::Invalid(message) => (400, "INVALID_ARGUMENT", message.clone()),
        Refusal::Key | Refusal::PlainKey => (400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.".into()),
        Refusal::Forbidden => (403, "PERMISSION_DENIED", "The caller does not have permission".into()),
        Refusal::Model => (
            404,
            "NOT_FOUND",
            format!("models/{} is not found for API version v1beta, or is not supported for generateContent. Call ListModels to see the list of available models and their supported methods.", asked.model),
        ),
        Refusal::Late => (408, "DEADLINE_EXCEEDED", "Request timed out.".into()),
        Refusal::Conflict => (409, "ABORTED", "The operation was aborted.".into()),
        Refusal::TooLarge => (413, "INVALID_ARGUMENT", "Request payload size exceeds the limit: 20971520 bytes.".into()),
        Refusal::Limit(_) => (429, "RESOURCE_EXHAUSTED", "You exceeded your current quota, please check your plan and billing details. For more information on this error, head to: https://ai.google.dev/gemini-api/docs/rate-limits.".into()),
        Refusal::Quota => (
            429,
            "RESOURCE_EXHAUSTED",
            format!("You exceeded your current quota, please check your plan and billing details.\n* Quota exceeded for metric: generativelanguage.googleapis.com/generate_content_free_tier_requests, limit: 0, model: {}", asked.model),
        ),
        Refusal::Internal | Refusal::Gateway => (500, "INTERNAL", "An internal error has occurred. Please retry or report in https://developers.generativeai.google/guide/troubleshooting".into()),
        Refusal::Unavailable(_) | Refusal::Overloaded(_) => (503, "UNAVAILABLE", "The model is overloaded. Please try again later.".into()),
        Refusal::Timeout => (504, "DEADLINE_EXCEEDED", "Deadline expired before operation could complete.".into()),
    };
    let mut details = Vec::new();
    match refusal {
        Refusal::Key | Refusal::PlainKey => details.push(json!({
            "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID",
            "domain": "googleapis.com", "metadata": { "service": "generativelanguage.googleapis.com" },
        })),
        Refusal::Limit(_) | Refusal::Quota => details.push(json!({
            "@type": "type.googleapis.com/google.rpc.QuotaFailure",
            "violations": [{ "quotaId": "GenerateRequestsPerMinutePerProjectPerModel-FreeTier" }],
        })),
        _ => {}
    }
    if let Wait::RetryInfo(wait) | Wait::Reset(wait) = refusal.wait() {
        details.push(json!({
            "@type": "type.googleapis.com/google.rpc.RetryInfo",
            "retryDelay": format!("{}s", wait.as_secs_f64()),
        }));
    }
    let mut error = json!({ "code": code, "message": message, "status": status });
    if let Some(error) = error.as_object_mut().filter(|_| !details.is_empty()) {
        error.insert("details".into(), details.into());
    }
    (code, json!({ "error": error }))
}

/// The headers of every answer; there are none about limits.
fn headers(mut rendered: Rendered) -> Rendered {
    for (_, value) in rendered
        .headers
        .iter_mut()
        .filter(|(name, value)| name == "content-type" && value == "application/json")
    {
        *value = "application/json; charset=UTF-8".to_owned();
    }
    rendered
        .header("vary", "Origin, X-Origin, Referer")
        .header("server", "scaffolding on HTTPServer2")
        .header("server-timing", "gfet4t7; dur=5")
}
