//! HTTP: a request finds its site by its `Host`, its caller by token or cookie, and then its
//! handler.
//!
//! | site | path | what |
//! | --- | --- | --- |
//! | console, loopback | `/api/v1/…` | the API, see [`routes`] |
//! | console, loopback | `/v1/…` | models, as OpenAI's API offers them; only by a token, errors in its shape |
//! | console | any other | the console's files |
//! | loopback | any other | a pointer to the console |
//! | preview | [`ENTER`] | makes a cookie of a ticket, once |
//! | preview | any other | the preview |
//!
//! `/v1` is not in the OpenAPI document: OpenAI describes that API, and the crate `labd-openai` what of
//! it there is.

mod console;
mod cookies;
mod extract;
mod guard;
mod listen;
mod openapi;
mod problem;
mod routes;
mod sse;

pub(crate) use listen::serve;

use crate::addresses::{IpRange, Site};
use crate::api::Api;
use crate::backend::{Assets, ModelSite, PreviewSite};
use crate::limits::{BODY_TIME, MAX_ANONYMOUS_BODY, MAX_BODY, MAX_MODEL_BODY};
use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Redirect, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, header, request::Parts};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use labd_protocol::{ErrorCode, ProjectId};
use problem::ProblemDocument;
use std::net::IpAddr;
use std::sync::Arc;
use tower::ServiceExt;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

/// Where a browser brings its ticket for a preview.
pub(crate) const ENTER: &str = "/_lab/enter";

const API: &str = "/api/v1";

/// Before every path of the API that is OpenAI's.
const MODELS: &str = "/v1/";

/// The HTTP side of the server.
#[derive(Clone)]
pub(crate) struct Http(Arc<Inner>);

struct Inner {
    api: Api,
    previews: Arc<dyn PreviewSite>,
    models: Arc<dyn ModelSite>,
    assets: Arc<dyn Assets>,
    trusted_proxies: Vec<IpRange>,
    router: Router,
    document: Bytes,
}

impl Http {
    pub(crate) fn new(
        api: Api,
        previews: Arc<dyn PreviewSite>,
        models: Arc<dyn ModelSite>,
        assets: Arc<dyn Assets>,
        trusted_proxies: Vec<IpRange>,
    ) -> Result<Self, serde_json::Error> {
        let (router, document) = OpenApiRouter::with_openapi(openapi::Frame::openapi())
            .nest(API, routes::all())
            .split_for_parts();
        let document = openapi::document(&document)?;
        let router = router
            .fallback(no_route)
            .method_not_allowed_fallback(no_method);
        let router = router.with_state(api.clone());
        Ok(Self(Arc::new(Inner {
            api,
            previews,
            models,
            assets,
            trusted_proxies,
            router,
            document,
        })))
    }

    pub(crate) fn api(&self) -> &Api {
        &self.0.api
    }

    /// Answers a request that came from `peer`.
    pub(crate) async fn handle<B>(&self, peer: IpAddr, request: Request<B>) -> Response
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (parts, body) = request.into_parts();
        let body = Body::new(body);
        let host = self.host(peer, &parts.headers, &parts.uri);
        let Some(site) = self.0.api.addresses().site(&host) else {
            let problem =
                ProblemDocument::new(ErrorCode::Forbidden, "labd is not reached by this name.")
                    .status(StatusCode::MISDIRECTED_REQUEST)
                    .hint(self.0.api.addresses().console_url());
            return with_common_headers(problem.into_response());
        };
        let answered = match site {
            Site::Preview(project) => self.preview(project, parts, body).await,
            _ if parts.uri.path().starts_with("/api/") => {
                self.api_call(site, &host, parts, body).await
            }
            _ if parts.uri.path().starts_with(MODELS) => {
                Ok(self.model_call(site, &host, parts, body).await)
            }
            Site::Console => Ok(console::serve(
                self.0.assets.as_ref(),
                self.0.api.addresses(),
                &parts.method,
                parts.uri.path(),
                &parts.headers,
            )),
            Site::Loopback => Ok(self.point_to_console(&parts)),
        };
        with_common_headers(answered.unwrap_or_else(IntoResponse::into_response))
    }

    /// The name by which the client reached labd. A proxy may have replaced `Host`; only one that
    /// is trusted is asked for the name before.
    fn host(&self, peer: IpAddr, headers: &HeaderMap, uri: &Uri) -> String {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let trusted = self
            .0
            .trusted_proxies
            .iter()
            .any(|range| range.contains(peer));
        let forwarded = if trusted {
            text("x-forwarded-host")
        } else {
            None
        };
        // One request line may carry a whole address (HTTP/1.1 to a proxy); it counts before Host.
        let addressed = uri.authority().map(|authority| authority.as_str());
        forwarded
            .or(addressed)
            .or_else(|| text("host"))
            .unwrap_or_default()
            .to_owned()
    }

    async fn api_call(
        &self,
        site: Site,
        host: &str,
        parts: Parts,
        body: Body,
    ) -> Result<Response, ProblemDocument> {
        if parts.uri.path() == openapi::PATH && parts.method == Method::GET {
            let media_type = [(header::CONTENT_TYPE, "application/json")];
            return Ok((media_type, self.0.document.clone()).into_response());
        }
        if parts.uri.path() == "/api/v1/session" && parts.method == Method::POST {
            guard::may_sign_in(&self.0.api, site, host, &parts)?;
            let body = whole(body, MAX_ANONYMOUS_BODY).await?;
            return Ok(self.route(Request::from_parts(parts, body)).await);
        }
        let admitted = guard::admit(&self.0.api, site, host, &parts)?;
        let body = whole(body, MAX_BODY).await?;
        let mut request = Request::from_parts(parts, body);
        request.extensions_mut().insert(admitted.caller);
        let mut response = self.route(request).await;
        if !response.headers().contains_key(header::CACHE_CONTROL) {
            let no_store = HeaderValue::from_static("no-store");
            response
                .headers_mut()
                .insert(header::CACHE_CONTROL, no_store);
        }
        if let Some((value, session)) = admitted.prolonged
            && !response.headers().contains_key(header::SET_COOKIE)
        {
            let value = labd_protocol::Secret::new(value);
            cookies::set_session(
                &mut response,
                self.0.api.addresses(),
                &value,
                session.expires_at,
            );
        }
        Ok(response)
    }

    /// A call of a model. Whatever goes wrong is told in the shape of that API.
    async fn model_call(&self, site: Site, host: &str, parts: Parts, body: Body) -> Response {
        let models = &self.0.models;
        let admitted = guard::admit_program(&self.0.api, site, host, &parts);
        let asked = match admitted {
            Ok(caller) => whole(body, MAX_MODEL_BODY).await.map(|body| (caller, body)),
            Err(problem) => Err(problem),
        };
        let response = match asked {
            Ok((caller, body)) => {
                let mut request = Request::from_parts(parts, body);
                request.headers_mut().remove(header::AUTHORIZATION);
                models.handle(&caller.to_string(), request).await
            }
            Err(problem) => models.refuse(problem.http_status(), problem.into()),
        };
        response.map(Body::new)
    }

    async fn route(&self, request: Request<Bytes>) -> Response {
        let request = request.map(Body::from);
        self.0
            .router
            .clone()
            .oneshot(request)
            .await
            .unwrap_or_else(|never| match never {})
    }

    async fn preview(
        &self,
        project: ProjectId,
        parts: Parts,
        body: Body,
    ) -> Result<Response, ProblemDocument> {
        if parts.uri.path() == ENTER {
            return self.enter(project, &parts);
        }
        let viewer = guard::admit_viewer(&self.0.api, project, &parts)?;
        let body = whole(body, MAX_BODY).await?;
        let mut request = Request::from_parts(parts, body);
        // The app's own code may see the request; its viewer's credentials it may not.
        request.headers_mut().remove(header::COOKIE);
        request.headers_mut().remove(header::AUTHORIZATION);
        let response = self
            .0
            .previews
            .handle(project, &viewer.to_string(), request)
            .await;
        let mut response = response.map(Body::new);
        // An app sets no cookies: one for the whole domain would reach the console.
        response.headers_mut().remove(header::SET_COOKIE);
        Ok(response)
    }

    fn enter(&self, project: ProjectId, parts: &Parts) -> Result<Response, ProblemDocument> {
        if parts.method != Method::GET {
            return Err(ProblemDocument::new(
                ErrorCode::InvalidRequest,
                "Open this address in a browser.",
            )
            .status(StatusCode::METHOD_NOT_ALLOWED));
        }
        let ticket = parts
            .uri
            .query()
            .and_then(|query| {
                query
                    .split('&')
                    .find_map(|pair| pair.strip_prefix("ticket="))
            })
            .unwrap_or_default();
        let pass = self
            .0
            .api
            .auth()
            .preview_enter(ticket, project)
            .map_err(|_| {
                ProblemDocument::new(
                    ErrorCode::Unauthenticated,
                    "This ticket is not good any more. Open the preview from the console again.",
                )
                .hint(self.0.api.addresses().console_url())
            })?;
        let mut response = Redirect::to("/").into_response();
        let addresses = self.0.api.addresses();
        cookies::set_preview(&mut response, addresses, &pass.value, pass.expires_at);
        let no_store = HeaderValue::from_static("no-store");
        response
            .headers_mut()
            .insert(header::CACHE_CONTROL, no_store);
        Ok(response)
    }

    fn point_to_console(&self, parts: &Parts) -> Response {
        let console = self.0.api.addresses().console_url();
        if parts.uri.path() == "/" && matches!(parts.method, Method::GET | Method::HEAD) {
            return Redirect::temporary(&console).into_response();
        }
        ProblemDocument::new(ErrorCode::NotFound, "Only the API is at this address.")
            .hint(console)
            .into_response()
    }
}

/// The whole body, of a bounded size and within a bounded time.
async fn whole(body: Body, most: usize) -> Result<Bytes, ProblemDocument> {
    let collected = tokio::time::timeout(BODY_TIME, Limited::new(body, most).collect()).await;
    match collected {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(ProblemDocument::new(
            ErrorCode::TooLarge,
            format!("The body is larger than {most} bytes."),
        )),
        Ok(Err(error)) => Err(ProblemDocument::new(
            ErrorCode::InvalidRequest,
            format!("The body did not arrive: {error}."),
        )),
        Err(_) => Err(
            ProblemDocument::new(ErrorCode::Timeout, "The body did not arrive in time.")
                .status(StatusCode::REQUEST_TIMEOUT),
        ),
    }
}

async fn no_route() -> ProblemDocument {
    ProblemDocument::new(ErrorCode::NotFound, "There is no such address in the API.")
        .hint(openapi::PATH)
}

async fn no_method() -> ProblemDocument {
    ProblemDocument::new(
        ErrorCode::InvalidRequest,
        "This address does not know this method.",
    )
    .status(StatusCode::METHOD_NOT_ALLOWED)
}

/// What holds for every answer, unless a preview said something stricter.
fn with_common_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        if !headers.contains_key(name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    response
}
