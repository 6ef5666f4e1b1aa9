//! The description of the API, and that it tells the truth.

use crate::world::{World, world};
use serde_json::Value;
use std::collections::BTreeSet;

/// Every route there is: what clients were promised.
const ROUTES: &str = "
    get /status
    get /session, post /session, delete /session
    get /tokens, post /tokens, delete /tokens/{id}
    post /backup
    get /events
    get /sources, post /sources, post /sources/test
    get /sources/{id}, patch /sources/{id}, delete /sources/{id}
    post /sources/{id}/test, get /sources/{id}/schema, post /sources/{id}/query
    get /queries/{cursor}, delete /queries/{cursor}
    get /projects, post /projects
    get /projects/{id}, patch /projects/{id}, delete /projects/{id}
    get /projects/{id}/export, get /projects/{id}/history, get /projects/{id}/snapshots/{snapshot}
    post /projects/{id}/rewind, post /projects/{id}/preview, get /projects/{id}/problems
    get /projects/{id}/files
    get /projects/{id}/files/{path}, put /projects/{id}/files/{path}, delete /projects/{id}/files/{path}
    get /projects/{id}/turns, post /projects/{id}/turns, get /projects/{id}/turns/{turn}
    post /projects/{id}/turns/{turn}/stop, get /projects/{id}/turns/{turn}/events
    get /projects/{id}/turns/{turn}/prompt
    get /targets, post /targets, patch /targets/{id}, delete /targets/{id}, post /targets/{id}/test
    get /projects/{id}/deploy-plan, get /projects/{id}/deployments, post /projects/{id}/deployments
    post /projects/{id}/rollback, post /projects/{id}/destroy
    get /projects/{id}/deployments/{deployment}, post /projects/{id}/deployments/{deployment}/stop
    post /projects/{id}/deployments/{deployment}/resume
    get /projects/{id}/deployments/{deployment}/events
    get /projects/{id}/deployments/{deployment}/status
    get /projects/{id}/deployments/{deployment}/artifact
    get /plugins, post /plugins, post /plugins/reload, get /plugins/{id}, delete /plugins/{id}, get /plugins/{id}/log
    post /plugins/{id}/grant, post /plugins/{id}/revoke, post /plugins/{id}/reload
    post /plugins/{id}/enable, post /plugins/{id}/disable
    get /providers, post /providers, patch /providers/{id}, delete /providers/{id}
    get /providers/{id}/models, put /providers/{id}/keys/{key}, delete /providers/{id}/keys/{key}
    get /gateway/config, put /gateway/config, get /gateway/status, get /gateway/usage
    get /settings, patch /settings
";

async fn document(world: &World) -> Value {
    let reply = world.request("GET", "/api/v1/openapi.json").send().await;
    assert_eq!(reply.status, 200);
    reply.json()
}

/// Method, path and description of each operation.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let of = |(path, item): (&String, &Value)| {
        let item = item.as_object().unwrap().clone();
        let path = path.clone();
        item.into_iter()
            .map(move |(method, operation)| (method, path.clone(), operation))
    };
    paths.iter().flat_map(of).collect()
}

#[tokio::test]
async fn every_route_is_described_and_no_other() {
    let world = world().await;
    let described: BTreeSet<String> = operations(&document(&world).await)
        .into_iter()
        .map(|(method, path, _)| format!("{method} {}", path.strip_prefix("/api/v1").unwrap()))
        .collect();
    let promised: BTreeSet<String> = ROUTES
        .split(['\n', ','])
        .map(|route| route.trim().to_owned())
        .filter(|route| !route.is_empty())
        .collect();
    assert_eq!(described, promised);
}

/// `routes!` takes handlers that carry their description; anything else would go in without one.
#[test]
fn no_handler_goes_in_without_a_description() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/http/routes");
    let mut handlers = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        handlers += text.matches("routes!(").count();
        for way in [".route(", ".route_service(", ".nest_service(", ".fallback"] {
            assert!(!text.contains(way), "{} calls {way}", path.display());
        }
    }
    assert!(handlers > 20, "{handlers}");
}

#[tokio::test]
async fn every_route_without_credentials_is_401() {
    let world = world().await;
    for (method, path, _) in operations(&document(&world).await) {
        if (method.as_str(), path.as_str()) == ("post", "/api/v1/session") {
            continue;
        }
        let path = path
            .replace("{path}", "src/main.tsx")
            .replace(['{', '}'], "");
        let method = method.to_uppercase();
        for host in [world.console(), format!("127.0.0.1:{}", world.port)] {
            let ask = world
                .request(&method, &path)
                .header("host", &host)
                .header("content-type", "application/json")
                .header("sec-fetch-site", "same-origin");
            let reply = ask.send().await;
            assert_eq!(reply.status, 401, "{method} {path}");
            assert_eq!(reply.problem(), "unauthenticated");
        }
    }
    assert_eq!(
        world.request("GET", "/api/v1/unknown").send().await.status,
        401
    );
}

#[tokio::test]
async fn every_described_route_has_a_handler() {
    let world = world().await;
    let token = world.token(None).await;
    let id = "01KABCDEFGHJKMNPQRSTVWXYZ0";
    world.fake.gate.add_permits(1);
    for (method, path, operation) in operations(&document(&world).await) {
        // These two do not end by themselves.
        let endless =
            ["events", "provider_models"].contains(&operation["operationId"].as_str().unwrap());
        if endless || path == "/api/v1/session" {
            continue;
        }
        let path = path.replace("{path}", "src/main.tsx");
        let path = ["{id}", "{cursor}", "{snapshot}", "{turn}", "{deployment}"]
            .iter()
            .fold(path, |path, parameter| path.replace(parameter, id));
        let ask = world.request(&method.to_uppercase(), &path).bearer(&token);
        let reply = ask.header("accept", "application/json").send().await;
        assert_ne!(reply.status, 405, "{method} {path}");
        assert!(!reply.text().contains("no such address"), "{method} {path}");
        // What needs a person is refused to a token before its body is looked at.
        if reply.status == 403 {
            continue;
        }
        // A body is wanted exactly where one is described.
        assert_eq!(
            reply.status == 415,
            operation.get("requestBody").is_some(),
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn the_document_holds_together() {
    let world = world().await;
    let document = document(&world).await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    references(&document, &document);
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap().to_owned();
        assert!(ids.insert(id.clone()), "{id} is there twice");
        assert!(
            !operation["summary"].as_str().unwrap_or_default().is_empty(),
            "{id}"
        );
        assert_eq!(operation["tags"].as_array().map(Vec::len), Some(1), "{id}");
        let named: BTreeSet<_> = path
            .split(['{', '}'])
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect();
        let none = Vec::new();
        let declared: BTreeSet<_> = operation["parameters"]
            .as_array()
            .unwrap_or(&none)
            .iter()
            .filter(|parameter| parameter["in"] == "path")
            .map(|parameter| {
                assert_eq!(parameter["required"], true, "{id}");
                parameter["name"].as_str().unwrap().to_owned()
            })
            .collect();
        assert_eq!(named, declared, "{method} {path}");
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.contains_key("default"), "{id}");
        assert!(
            responses.keys().any(|status| status.starts_with('2')),
            "{id}"
        );
    }
    // The names are those of the RPC.
    for method in [
        "source_create",
        "turn_start",
        "turn_events",
        "project_export",
    ] {
        assert!(ids.contains(method), "{method}");
    }
}

/// Every `$ref` leads somewhere.
fn references(document: &Value, value: &Value) {
    match value {
        Value::Object(members) => {
            if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
                let pointer = reference.strip_prefix('#').unwrap();
                assert!(
                    document.pointer(pointer).is_some(),
                    "{reference} leads nowhere"
                );
            }
            members
                .values()
                .for_each(|member| references(document, member));
        }
        Value::Array(items) => items.iter().for_each(|item| references(document, item)),
        _ => {}
    }
}
