//! What answers on a preview's origin, once the server has let the caller in.
//!
//! | address | answer |
//! | --- | --- |
//! | `/` | the shell: a page that holds the vendor modules and imports the app |
//! | `/_lab/shell-<hash>.js` | its script; never changes |
//! | `/_lab/m/<name>` | a module or style sheet of the app; never changes |
//! | `/_lab/v/<path>` | a vendor module; never changes |
//! | `/_lab/events` | server-sent events: what to show |
//! | `POST /_lab/q/<name>` | runs a named query: `{"params": {…}}` |
//! | `POST /_lab/problems` | faults that the browser found |
//! | `/api/…` | the app's server code |
//! | else | a file of `public/` |
//!
//! The app may run only inside a page of the console: by `frame-ancestors`, and because a preview
//! that is opened as a page of its own is sent there. In the console's page the app can neither
//! navigate away nor open windows, so what it reads stays here.

mod api;
mod events;
mod headers;
mod shell;

use crate::{
    Previews,
    problems::{self, Report},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use labd_protocol::{ApiError, ErrorCode, ProjectId, packed};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::{Map, Value};

pub(crate) use shell::Vendor;

/// The body of an answer; that of `/_lab/events` goes on for as long as the browser stays.
pub type PreviewBody = UnsyncBoxBody<Bytes, Box<dyn std::error::Error + Send + Sync>>;

/// The largest report of a fault, in bytes.
const MOST_REPORT: usize = 64 * 1024;

impl Previews {
    /// Answers a request on a project's origin. `viewer` names the caller.
    pub async fn handle(
        &self,
        project: ProjectId,
        viewer: &str,
        request: Request<Bytes>,
    ) -> Response<PreviewBody> {
        let mut response = self.route(project, viewer, request).await;
        headers::protect(&mut response, &self.inner.options.console_origin);
        response
    }

    async fn route(
        &self,
        project: ProjectId,
        viewer: &str,
        request: Request<Bytes>,
    ) -> Response<PreviewBody> {
        if headers::is_service_worker(request.headers()) {
            return text(StatusCode::FORBIDDEN, "Previews have no service workers.");
        }
        let path = request.uri().path().to_owned();
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        match path.as_str() {
            "/" | "/index.html" if reads => {
                if headers::is_page_of_its_own(request.headers()) {
                    return self.to_console(project);
                }
                shell::page(self, project)
            }
            path if reads && path.starts_with(shell::SCRIPTS) => shell::script(path),
            "/_lab/events" if reads => events::stream(self, project),
            "/_lab/problems" if request.method() == Method::POST => {
                self.report(project, request.body())
            }
            _ => {
                self.file_or_call(project, viewer, &path, reads, request)
                    .await
            }
        }
    }

    async fn file_or_call(
        &self,
        project: ProjectId,
        viewer: &str,
        path: &str,
        reads: bool,
        request: Request<Bytes>,
    ) -> Response<PreviewBody> {
        if let Some(name) = path.strip_prefix("/_lab/m/") {
            return match self.running(project).asset(name) {
                Some(asset) => immutable(&asset.media_type, asset.content.clone()),
                None => not_found(),
            };
        }
        if let Some(path) = path.strip_prefix("/_lab/v/") {
            return self.vendor_module(path, request.headers());
        }
        if let Some(name) = path.strip_prefix("/_lab/q/") {
            if request.method() != Method::POST {
                return text(StatusCode::METHOD_NOT_ALLOWED, "Queries are run with POST.");
            }
            let name = percent_decode_str(name).decode_utf8_lossy();
            return match self.query(project, viewer, &name, request.body()).await {
                Ok(rows) => json(StatusCode::OK, rows),
                Err(error) => problem(&error),
            };
        }
        if path.starts_with("/api/") || path == "/api" {
            return api::call(self, project, viewer, request).await;
        }
        if reads && !path.starts_with("/_lab/") {
            return self.public_file(project, path);
        }
        not_found()
    }

    /// A vendor module, in the smallest form that the browser understands.
    fn vendor_module(&self, path: &str, headers: &HeaderMap) -> Response<PreviewBody> {
        let sandboxes = &self.inner.sandboxes;
        let Some(asset) = sandboxes.asset(path) else {
            return not_found();
        };
        let offers = headers.get_all(header::ACCEPT_ENCODING).iter();
        let packed = packed(offers.filter_map(|value| value.to_str().ok()), |ending| {
            sandboxes.asset(&format!("{path}{ending}"))
        });
        let (coding, content) = match packed {
            Some((coding, twin)) => (Some(coding), twin.content),
            None => (None, asset.content),
        };
        let mut response = immutable(&asset.media_type, content);
        let to = response.headers_mut();
        to.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        if let Some(coding) = coding {
            to.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
        }
        response
    }

    async fn query(
        &self,
        project: ProjectId,
        viewer: &str,
        name: &str,
        body: &Bytes,
    ) -> Result<Bytes, ApiError> {
        #[derive(Deserialize)]
        struct Call {
            #[serde(default)]
            params: Map<String, Value>,
        }
        let call: Call = serde_json::from_slice(body).map_err(|error| {
            ApiError::new(
                ErrorCode::InvalidRequest,
                format!("The body must be JSON such as {{\"params\": {{}}}}: {error}."),
            )
        })?;
        self.run_query(project, viewer, name, call.params).await
    }

    /// Runs a query of the shown state, for the browser or for server code, and records its failure.
    pub(crate) async fn run_query(
        &self,
        project: ProjectId,
        viewer: &str,
        name: &str,
        params: Map<String, Value>,
    ) -> Result<Bytes, ApiError> {
        let running = self.running(project);
        let shown = running.shown();
        let query = shown.as_ref().and_then(|shown| shown.query(name));
        let Some(query) = query else {
            return Err(ApiError::not_found("query", name));
        };
        let outcome = self.inner.queries.run(project, query, params, viewer).await;
        if let Err(error) = &outcome
            && error.code != ErrorCode::Cancelled
            && running.add_problem(|_| problems::of_query(&query.path, name, error))
        {
            self.notify(project);
        }
        outcome
    }

    fn report(&self, project: ProjectId, body: &Bytes) -> Response<PreviewBody> {
        if body.len() > MOST_REPORT {
            return text(StatusCode::PAYLOAD_TOO_LARGE, "The report is too large.");
        }
        let Ok(report) = serde_json::from_slice::<Report>(body) else {
            return text(StatusCode::BAD_REQUEST, "The report cannot be read.");
        };
        if !report.is_of_query()
            && self
                .running(project)
                .add_problem(|assets| report.into_problem(assets))
        {
            self.notify(project);
        }
        let mut response = Response::new(empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        response
    }

    fn public_file(&self, project: ProjectId, path: &str) -> Response<PreviewBody> {
        let path = percent_decode_str(path.trim_start_matches('/')).decode_utf8_lossy();
        let content = self
            .running(project)
            .shown()
            .and_then(|shown| shown.state.public.get(path.as_ref()).cloned());
        match content {
            Some(content) => {
                let media_type = mime_guess::from_path(path.as_ref()).first_or_octet_stream();
                respond(StatusCode::OK, media_type.as_ref(), "no-cache", content)
            }
            None => not_found(),
        }
    }

    fn to_console(&self, project: ProjectId) -> Response<PreviewBody> {
        let address = format!("{}/preview/{project}", self.inner.options.console_origin);
        let mut response = text(StatusCode::SEE_OTHER, "Open the preview in the console.");
        if let Ok(address) = address.parse() {
            response.headers_mut().insert(header::LOCATION, address);
        }
        response
    }
}

fn respond(
    status: StatusCode,
    media_type: &str,
    cache: &'static str,
    body: Bytes,
) -> Response<PreviewBody> {
    let body = Full::new(body)
        .map_err(|never| match never {})
        .boxed_unsync();
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if let Ok(media_type) = media_type.parse() {
        headers.insert(header::CONTENT_TYPE, media_type);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    response
}

fn immutable(media_type: &str, body: Bytes) -> Response<PreviewBody> {
    let cache = "private, max-age=31536000, immutable";
    respond(StatusCode::OK, media_type, cache, body)
}

fn text(status: StatusCode, text: &str) -> Response<PreviewBody> {
    let body = Bytes::copy_from_slice(text.as_bytes());
    respond(status, "text/plain; charset=utf-8", "no-store", body)
}

fn json(status: StatusCode, body: Bytes) -> Response<PreviewBody> {
    respond(status, "application/json", "no-store", body)
}

fn problem(error: &ApiError) -> Response<PreviewBody> {
    let status =
        StatusCode::from_u16(error.code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = serde_json::to_vec(error).unwrap_or_default();
    respond(status, "application/problem+json", "no-store", body.into())
}

fn not_found() -> Response<PreviewBody> {
    text(StatusCode::NOT_FOUND, "There is nothing at this address.")
}

fn empty() -> PreviewBody {
    Full::new(Bytes::new())
        .map_err(|never| match never {})
        .boxed_unsync()
}
