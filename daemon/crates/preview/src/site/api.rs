//! Calls of the app's server code.

use super::{PreviewBody, headers, not_found, respond, text};
use crate::{Candidate, Previews, problems};
use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use labd_plugin_host::{
    Fault, PluginError,
    kinds::sandbox::{AppRequest, AppResponse, AppServer, AppServices},
};
use labd_protocol::{ApiError, ErrorCode, ProjectId};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Runs the handler of a request.
pub(super) async fn call(
    previews: &Previews,
    project: ProjectId,
    viewer: &str,
    request: Request<Bytes>,
) -> Response<PreviewBody> {
    let running = previews.running(project);
    let Some(shown) = running.shown() else {
        return not_found();
    };
    let Ok(_slot) = running.server_slots.acquire().await else {
        return text(StatusCode::SERVICE_UNAVAILABLE, "The preview is closing.");
    };
    let outcome = run(previews, project, viewer, &shown, request).await;
    match outcome {
        Ok(response) => {
            if let Some((_, message)) = response
                .headers
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case("x-labd-error"))
            {
                let text = percent_decode_str(message).decode_utf8_lossy();
                let (message, stack) = text.split_once('\n').unwrap_or((&text, ""));
                let stack = (!stack.is_empty()).then_some(stack);
                if running.add_problem(|_| problems::of_server(message, stack)) {
                    previews.notify(project);
                }
            }
            answer(response)
        }
        Err(None) => not_found(),
        Err(Some(message)) => {
            if running.add_problem(|_| problems::of_server(&message, None)) {
                previews.notify(project);
            }
            text(StatusCode::INTERNAL_SERVER_ERROR, &message)
        }
    }
}

/// The answer of the handler; none when the app has no server code, a message when it failed.
async fn run(
    previews: &Previews,
    project: ProjectId,
    viewer: &str,
    shown: &Candidate,
    request: Request<Bytes>,
) -> Result<AppResponse, Option<String>> {
    let running = previews.running(project);
    let mut server = match running.take_server(&shown.revision) {
        Some(server) => server,
        None => load(previews, project, shown).await?,
    };
    let services = Arc::new(Services {
        previews: previews.clone(),
        project,
        viewer: viewer.to_owned(),
    });
    let response = server
        .handle(to_app(request), services)
        .await
        .map_err(|error| Some(explain(&error)))?;
    running.keep_server(&shown.revision, server);
    Ok(response)
}

async fn load(
    previews: &Previews,
    project: ProjectId,
    shown: &Candidate,
) -> Result<Box<dyn AppServer>, Option<String>> {
    let bundle = shown.state.server_bundle.clone().ok_or(None)?;
    let sandbox = previews
        .inner
        .sandboxes
        .get()
        .map_err(|error| Some(error.message))?;
    sandbox
        .load(&project.to_string(), bundle)
        .await
        .map_err(|error| Some(explain(&error)))
}

/// QuickJS sets no stack limit in the sandbox: too deep a recursion ends the instance.
fn explain(error: &PluginError) -> String {
    match error {
        PluginError::StateLost(reason) if reason.contains("stack") => {
            "Maximum call stack size exceeded in the app's server code.".to_owned()
        }
        PluginError::Timeout => "The app's server code took too long.".to_owned(),
        error => format!("The app's server code failed: {error}"),
    }
}

fn to_app(request: Request<Bytes>) -> AppRequest {
    let (parts, body) = request.into_parts();
    AppRequest {
        method: parts.method.to_string(),
        url: parts
            .uri
            .path_and_query()
            .map_or_else(|| "/".to_owned(), ToString::to_string),
        headers: parts
            .headers
            .iter()
            .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
            .collect(),
        body,
    }
}

fn answer(response: AppResponse) -> Response<PreviewBody> {
    let status = StatusCode::from_u16(response.status).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut answer = respond(
        status,
        "application/octet-stream",
        "no-store",
        response.body,
    );
    for (name, value) in response.headers {
        let name = name.to_ascii_lowercase();
        if !headers::may_be_set_by_app(&name) {
            continue;
        }
        if let (Ok(name), Ok(value)) = (
            HeaderName::try_from(name.as_str()),
            HeaderValue::try_from(value.as_str()),
        ) {
            answer.headers_mut().insert(name, value);
        }
    }
    answer
}

/// What a handler may reach: the app's own queries, with the viewer's rights.
struct Services {
    previews: Previews,
    project: ProjectId,
    viewer: String,
}

#[async_trait]
impl AppServices for Services {
    async fn query(&self, name: &str, parameters: &str) -> Result<String, PluginError> {
        let params: Map<String, Value> = serde_json::from_str(parameters).map_err(|error| {
            PluginError::InvalidRequest(Fault::new(format!(
                "The parameters must be an object: {error}."
            )))
        })?;
        let rows = self
            .previews
            .run_query(self.project, &self.viewer, name, params)
            .await
            .map_err(to_plugin)?;
        String::from_utf8(rows.into()).map_err(|error| PluginError::Internal(error.to_string()))
    }

    fn user(&self) -> String {
        json!({ "name": self.viewer }).to_string()
    }

    fn log(&self, level: &str, message: &str) {
        tracing::info!(project = %self.project, level, message, "server code");
    }
}

fn to_plugin(error: ApiError) -> PluginError {
    let fault = Fault {
        message: error.message,
        code: Some(error.code.as_str().to_owned()),
        position: error.position,
        hint: error.hint,
    };
    match error.code {
        ErrorCode::NotFound => PluginError::NotFound(fault),
        ErrorCode::Timeout => PluginError::Timeout,
        ErrorCode::Overloaded => PluginError::Overloaded,
        ErrorCode::Unreachable => PluginError::Unavailable(fault),
        _ => PluginError::InvalidRequest(fault),
    }
}
