//! OpenAI: Responses, Chat Completions, embeddings and models; and servers that speak its Chat
//! Completions.

mod chat;
mod chat_render;
mod responses;
mod responses_render;
mod rules;

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    Asked, Broken, Call, Operation, Provider, Wire, bearer, from_body, gateway_page, named,
    retry_headers, texts, unnamed,
};
use crate::{
    answer::{Answer, embed},
    clock::{span, unix},
    record::Received,
    refusal::{Refusal, Wait},
    reply::Rendered,
};

/// One of OpenAI's APIs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Api {
    Chat,
    Responses,
}

pub fn route(method: &str, path: &str, asked: &mut Asked) -> (Operation, &'static dyn Wire) {
    from_body(asked);
    let operation = match (method, path) {
        ("POST", "/v1/responses") if asked.provider == Provider::OpenAi => {
            return (Operation::Generate, &Api::Responses);
        }
        ("POST", "/v1/chat/completions") => Operation::Generate,
        ("POST", "/v1/embeddings") => Operation::Embed,
        ("GET", "/v1/models") => Operation::Models,
        ("GET", path) => match path.strip_prefix("/v1/models/") {
            Some(model) => {
                asked.model = model.to_owned();
                Operation::Model
            }
            None => Operation::Other,
        },
        _ => Operation::Other,
    };
    (operation, &Api::Chat)
}

impl Wire for Api {
    fn credential(&self, received: &Received, _query: &str) -> Result<Option<String>, Broken> {
        match bearer(received) {
            Some(key) if !key.is_empty() => Ok(Some(key.to_owned())),
            _ => Err(Broken::new("You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY), or as the password field (with blank username) if you're accessing the API from your browser and are prompted for a username and password. You can obtain an API key from https://platform.openai.com/account/api-keys.").status(401)),
        }
    }

    fn check(&self, call: &mut Call<'_>) -> Result<(), Broken> {
        let body = &call.asked.body;
        match (call.asked.operation, self) {
            (Operation::Generate | Operation::Embed, _) if !body.is_object() => Err(Broken::new(
                "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON. If you have trouble figuring out how to fix this, please contact us through our help center at help.openai.com.)",
            )),
            (Operation::Generate, Self::Chat) => chat::check(body, call.asked.provider),
            (Operation::Generate, Self::Responses) => responses::check(body),
            (Operation::Embed, _) => rules::embeddings(body),
            _ => Ok(()),
        }
    }

    fn render(&self, answer: &Answer, asked: &Asked) -> Rendered {
        let rendered = match (asked.operation, self) {
            (Operation::Embed, _) => Rendered::json(200, &embeddings(answer, asked)),
            (_, Self::Chat) if asked.stream => chat_render::stream(answer, asked),
            (_, Self::Chat) => Rendered::json(200, &chat_render::whole(answer, asked)),
            (_, Self::Responses) if asked.stream => responses_render::stream(answer, asked),
            (_, Self::Responses) => Rendered::json(200, &responses_render::whole(answer, asked)),
        };
        headers(rendered, asked, None)
    }

    fn models(&self, names: &[String], asked: &Asked) -> Rendered {
        let model = |name: &String| json!({ "id": name, "object": "model", "created": 1_767_225_600, "owned_by": "system" });
        let body = if asked.operation == Operation::Model {
            model(&asked.model)
        } else {
            json!({ "object": "list", "data": names.iter().map(model).collect::<Vec<_>>() })
        };
        headers(Rendered::json(200, &body), asked, None)
    }

    fn refuse(&self, refusal: &Refusal, asked: &Asked) -> Rendered {
        let rendered = match refusal {
            Refusal::Gateway => return gateway_page(),
            Refusal::PlainKey => {
                Rendered::document(401, "text/plain; charset=utf-8", "Unauthorized")
            }
            other => Rendered::json(other.status(), &json!({ "error": error(other, asked) })),
        };
        let wait = match refusal {
            Refusal::Limit(wait) => Some(*wait),
            _ => None,
        };
        headers(retry_headers(rendered, refusal.wait()), asked, wait)
    }

    fn object(&self, broken: &Broken, asked: &Asked) -> Rendered {
        let kind = "invalid_request_error";
        let error = json!({
            "message": broken.message, "type": kind, "param": broken.param, "code": broken.code,
        });
        headers(
            Rendered::json(broken.status, &json!({ "error": error })),
            asked,
            None,
        )
    }

    fn error_event(&self, refusal: &Refusal, asked: &Asked) -> Bytes {
        let error = error(refusal, asked);
        match self {
            Self::Chat => unnamed(&json!({ "error": error })),
            Self::Responses => {
                let event = json!({ "type": "error", "sequence_number": 2, "error": error });
                let failed = responses_render::failed(asked, &error);
                [named("error", &event), named("response.failed", &failed)]
                    .concat()
                    .into()
            }
        }
    }

    fn unknown_event(&self, bytes: usize) -> Bytes {
        let padding = "x".repeat(bytes);
        match self {
            Self::Chat => unnamed(
                &json!({ "object": "chat.completion.hint", "choices": [], "hint": padding }),
            ),
            Self::Responses => {
                let kind = "response.hint.delta";
                named(
                    kind,
                    &json!({ "type": kind, "sequence_number": 3, "hint": padding }),
                )
            }
        }
    }
}

fn embeddings(answer: &Answer, asked: &Asked) -> Value {
    let texts = texts(&asked.body, "input");
    let dimensions = asked
        .body
        .get("dimensions")
        .and_then(Value::as_u64)
        .unwrap_or(8);
    let vectors = answer
        .vectors
        .clone()
        .unwrap_or_else(|| embed(&texts, dimensions as usize));
    let coded = crate::shape::text(&asked.body, "encoding_format") == "base64";
    let data: Vec<Value> = vectors
        .iter()
        .enumerate()
        .map(|(index, vector)| {
            let embedding = if coded {
                json!(rules::base64(vector))
            } else {
                json!(vector)
            };
            json!({ "object": "embedding", "index": index, "embedding": embedding })
        })
        .collect();
    let tokens = answer.usage.input;
    json!({
        "object": "list", "data": data, "model": asked.served(answer),
        "usage": { "prompt_tokens": tokens, "total_tokens": tokens },
    })
}

/// The error of a refusal.
fn error(refusal: &Refusal, asked: &Asked) -> Value {
    let (kind, code, message): (&str, Option<&str>, String) = match refusal {
        Refusal::Invalid(message) => ("invalid_request_error", None, message.clone()),
        Refusal::Key | Refusal::PlainKey => (
            "invalid_request_error",
            Some("invalid_api_key"),
            "Incorrect API key provided: sk-*****. You can find your API key at https://platform.openai.com/account/api-keys.".into(),
        ),
        Refusal::Forbidden => (
            "invalid_request_error",
            Some("insufficient_permissions"),
            "You have insufficient permissions for this operation.".into(),
        ),
        Refusal::Model => (
            "invalid_request_error",
            Some("model_not_found"),
            format!("The model `{}` does not exist or you do not have access to it.", asked.model),
        ),
        Refusal::Late => ("server_error", None, "Request timed out.".into()),
        Refusal::Conflict => ("invalid_request_error", None, "Conflict: another request is changing this.".into()),
        Refusal::TooLarge => (
            "invalid_request_error",
            Some("request_too_large"),
            "Request too large.".into(),
        ),
        Refusal::Limit(wait) => {
            let again = match wait {
                Wait::Reset(time) | Wait::RetryInfo(time) => format!(" Please try again in {}.", span(*time)),
                Wait::Seconds(seconds) => format!(" Please try again in {seconds}s."),
                Wait::Milliseconds(millis) => format!(" Please try again in {millis}ms."),
                Wait::Date(_) | Wait::Unsaid => String::new(),
            };
            (
                "requests",
                Some("rate_limit_exceeded"),
                format!("Rate limit reached for {} in organization org-peer on requests per min (RPM): Limit 500, Used 500, Requested 1.{again}", asked.model),
            )
        }
        Refusal::Quota => (
            "insufficient_quota",
            Some("insufficient_quota"),
            "You exceeded your current quota, please check your plan and billing details. For more information on this error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors.".into(),
        ),
        Refusal::Internal | Refusal::Gateway | Refusal::Timeout => (
            "server_error",
            None,
            "The server had an error while processing your request. Sorry about that!".into(),
        ),
        Refusal::Unavailable(_) | Refusal::Overloaded(_) => (
            "service_unavailable_error",
            Some("server_is_overloaded"),
            "Our servers are currently overloaded. Please try again later.".into(),
        ),
    };
    json!({ "message": message, "type": kind, "param": null, "code": code })
}

/// The headers of every answer.
fn headers(rendered: Rendered, asked: &Asked, spent: Option<Wait>) -> Rendered {
    let left = |all: u64| if spent.is_some() { 0 } else { all - 1 };
    let reset = match spent {
        Some(Wait::Reset(wait) | Wait::RetryInfo(wait)) => wait,
        Some(Wait::Seconds(seconds)) => Duration::from_secs(seconds),
        Some(Wait::Milliseconds(millis)) => Duration::from_millis(millis),
        _ => Duration::from_millis(120),
    };
    let rendered = rendered
        .header("x-request-id", asked.id("req_", 32, 0))
        .header("openai-organization", "org-peer")
        .header("openai-version", "2020-10-01")
        .header("openai-processing-ms", "5");
    [("requests", 500), ("tokens", 200_000)]
        .into_iter()
        .fold(rendered, |rendered, (of, all)| {
            rendered
                .header(&format!("x-ratelimit-limit-{of}"), all.to_string())
                .header(
                    &format!("x-ratelimit-remaining-{of}"),
                    left(all).to_string(),
                )
                .header(&format!("x-ratelimit-reset-{of}"), span(reset))
        })
}

fn now() -> u64 {
    unix(SystemTime::now())
}

/// The padding by which OpenAI hides the lengths of pieces.
fn obfuscation(asked: &Asked, which: usize) -> Option<String> {
    let off =
        asked.body.pointer("/stream_options/include_obfuscation") == Some(&Value::Bool(false));
    (!off).then(|| "peerPadding"[..which % 11].to_owned())
}
