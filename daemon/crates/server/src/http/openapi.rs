//! The OpenAPI document, made from the routes themselves.

use bytes::Bytes;
use serde_json::{Value, json};
use utoipa::OpenApi;

/// Where the document is; anyone may read it.
pub(crate) const PATH: &str = "/api/v1/openapi.json";

/// The frame that the routes are put into.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "labd",
        description = "Builds internal apps with AI on top of the databases that a team has. \
                       Ids are ULIDs, times RFC 3339 in UTC. A field that is absent means \"none\" \
                       or, in an update, \"as it was\"."
    ),
    tags(
        (name = "daemon", description = "The daemon itself: status, session, tokens, backup, notices"),
        (name = "sources", description = "Data sources and queries by hand"),
        (name = "projects", description = "Projects, their history and previews"),
        (name = "files", description = "A project's files"),
        (name = "turns", description = "Requests to the builder, and what comes of them"),
        (name = "deployments", description = "Deployment targets, deployments and releases"),
        (name = "plugins", description = "Plugins"),
        (name = "providers", description = "AI providers and settings"),
        (name = "gateway", description = "By which ways requests find a model, and what came of them")
    ),
    components(schemas(super::problem::ProblemDocument, labd_protocol::TurnEventRecord, labd_protocol::DeployEventRecord))
)]
pub(crate) struct Frame;

/// Completes the routes' document with what holds for all of them: how callers are known, and how
/// errors look.
pub(crate) fn document(routes: &utoipa::openapi::OpenApi) -> Result<Bytes, serde_json::Error> {
    let mut document = serde_json::to_value(routes)?;
    for path in members(&mut document, "paths") {
        for operation in path
            .as_object_mut()
            .into_iter()
            .flat_map(|path| path.values_mut())
        {
            if let Some(responses) = operation
                .get_mut("responses")
                .and_then(Value::as_object_mut)
            {
                let problem = json!({"$ref": "#/components/responses/Problem"});
                responses.insert("default".into(), problem);
            }
        }
    }
    rename_wildcards(&mut document);
    if let Some(document) = document.as_object_mut() {
        document.insert("security".into(), json!([{"token": []}, {"session": []}]));
        let components = document.entry("components").or_insert_with(|| json!({}));
        if let Some(components) = components.as_object_mut() {
            components.insert(
                "securitySchemes".into(),
                json!({
                    "token": {"type": "http", "scheme": "bearer", "description": "`labd_…`, made by `labd token create` or POST /tokens"},
                    "session": {"type": "apiKey", "in": "cookie", "name": super::guard::SESSION_COOKIE, "description": "The console's; only from its own pages"}
                }),
            );
            components.insert(
                "responses".into(),
                json!({"Problem": {
                    "description": "Why it was not done (RFC 9457)",
                    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDocument"}}}
                }}),
            );
        }
    }
    Ok(serde_json::to_vec(&document)?.into())
}

/// The router writes `{*path}` for a parameter that may hold slashes; OpenAPI knows `{path}`.
fn rename_wildcards(document: &mut Value) {
    if let Some(paths) = document.get_mut("paths").and_then(Value::as_object_mut) {
        let renamed = std::mem::take(paths)
            .into_iter()
            .map(|(path, item)| (path.replace("{*", "{"), item));
        paths.extend(renamed);
    }
}

fn members<'a>(value: &'a mut Value, name: &str) -> impl Iterator<Item = &'a mut Value> {
    value
        .get_mut(name)
        .and_then(Value::as_object_mut)
        .into_iter()
        .flat_map(|object| object.values_mut())
}
