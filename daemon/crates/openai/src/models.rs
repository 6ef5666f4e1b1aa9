//! `GET /v1/models` and `GET /v1/models/{id}`.
//!
//! An id may hold slashes and blanks; it is taken percent-encoded, as OpenAI's libraries send it, and
//! as it is.

use crate::errors::Fault;
use crate::{Body, Entry, Models, json};
use http::{Response, StatusCode};
use percent_encoding::percent_decode_str;
use serde::Serialize;

#[derive(Serialize)]
struct List<'a> {
    object: &'static str,
    data: Vec<ModelOut<'a>>,
}

#[derive(Serialize)]
struct ModelOut<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    owned_by: &'a str,
}

impl<'a> From<&'a Entry> for ModelOut<'a> {
    fn from(entry: &'a Entry) -> Self {
        Self {
            id: &entry.id,
            object: "model",
            created: entry.created,
            owned_by: &entry.owner,
        }
    }
}

pub(crate) async fn all(models: &dyn Models) -> Result<Response<Body>, Fault> {
    let entries = models.list().await?;
    let list = List {
        object: "list",
        data: entries.iter().map(ModelOut::from).collect(),
    };
    Ok(json(
        StatusCode::OK,
        serde_json::to_vec(&list).unwrap_or_default(),
    ))
}

pub(crate) async fn one(models: &dyn Models, id: &str) -> Result<Response<Body>, Fault> {
    let id = percent_decode_str(id).decode_utf8_lossy();
    let entries = models.list().await?;
    let entry = entries
        .iter()
        .find(|entry| entry.id == id)
        .ok_or_else(|| Fault::no_such_model(&id))?;
    let model = ModelOut::from(entry);
    Ok(json(
        StatusCode::OK,
        serde_json::to_vec(&model).unwrap_or_default(),
    ))
}

#[cfg(test)]
mod tests {
    use crate::testing::{Script, ask};
    use serde_json::{Value, json};

    async fn get(path: &str) -> (u16, Value) {
        let (status, text) = ask(&Script::of([]), "GET", path, "").await;
        (status, serde_json::from_str(&text).unwrap())
    }

    #[tokio::test]
    async fn models_are_listed() {
        let one = |id: &str| json!({"id": id, "object": "model", "created": 1_700_000_000, "owned_by": "Acme AI"});
        let all = json!({"object": "list", "data": [one("Acme AI/parrot/1"), one("parrot")]});
        assert_eq!(get("/v1/models").await, (200, all));
    }

    #[tokio::test]
    async fn a_model_is_found_encoded_and_as_it_is() {
        for path in ["Acme%20AI%2Fparrot%2F1", "Acme%20AI/parrot/1"] {
            let (status, model) = get(&format!("/v1/models/{path}")).await;
            assert_eq!((status, &model["id"]), (200, &json!("Acme AI/parrot/1")));
        }
        let (status, error) = get("/v1/models/cat").await;
        assert_eq!(
            (status, &error["error"]["code"]),
            (404, &json!("model_not_found"))
        );
        assert_eq!(error["error"]["param"], "model");
    }

    #[tokio::test]
    async fn other_addresses_and_methods_are_refused_in_openais_shape() {
        for (method, path, status, code) in [
            ("POST", "/v1/models", 405, "method_not_allowed"),
            ("GET", "/v1/chat/completions", 405, "method_not_allowed"),
            ("DELETE", "/v1/models/parrot", 405, "method_not_allowed"),
            ("GET", "/v1/models/", 404, "unknown_url"),
            ("POST", "/v1/completions", 404, "unknown_url"),
            ("GET", "/v1/responses/resp_1", 404, "unknown_url"),
            ("GET", "/v1/", 404, "unknown_url"),
        ] {
            let (found, text) = ask(&Script::of([]), method, path, "").await;
            let error: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(
                (found, &error["error"]["code"]),
                (status, &json!(code)),
                "{method} {path}"
            );
        }
    }
}
