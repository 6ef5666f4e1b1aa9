//! The daemon itself: status, session, tokens, backup.

use crate::api::Api;
use crate::http::cookies;
use crate::http::extract::{Answer, Body, Nothing, Params};
use crate::http::problem::ProblemDocument;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use http::{HeaderValue, StatusCode, header};
use jiff::Timestamp;
use labd_auth::{Auth, Caller};
use labd_protocol::{ErrorCode, Secret, Status, TokenCreate, TokenCreated, TokenId, TokenInfo};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

pub(super) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(status))
        .routes(routes!(session, sign_in, sign_out))
        .routes(routes!(tokens, token_create))
        .routes(routes!(token_remove))
        .routes(routes!(backup))
}

/// How the daemon stands
#[utoipa::path(get, path = "/status", tag = "daemon", responses((status = 200, body = Status)))]
async fn status(State(api): State<Api>) -> Answer<Status> {
    Ok(Json(api.status().await?))
}

/// The token of a sign-in link.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignIn {
    /// What stands after `#sign-in=` in the link.
    token: Secret,
}

/// Who is signed in.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionInfo {
    /// What the caller uses.
    kind: SessionKind,
    /// When it ends; a session's end moves when it is used. None for a token without an end.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

/// What lets a caller in.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum SessionKind {
    /// The cookie of a signed-in browser.
    Session,
    /// A token.
    Token,
}

/// Who is signed in
#[utoipa::path(get, path = "/session", tag = "daemon", responses((status = 200, body = SessionInfo)))]
async fn session(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
) -> Answer<SessionInfo> {
    let info = match caller {
        Caller::Token(id) => SessionInfo {
            kind: SessionKind::Token,
            expires_at: token_end(api.auth(), id),
        },
        Caller::Session(id) => SessionInfo {
            kind: SessionKind::Session,
            expires_at: api.auth().session_end(id),
        },
        Caller::Socket => SessionInfo {
            kind: SessionKind::Session,
            expires_at: None,
        },
    };
    Ok(Json(info))
}

fn token_end(auth: &Auth, id: TokenId) -> Option<Timestamp> {
    auth.tokens()
        .into_iter()
        .find(|token| token.id == id)?
        .expires_at
}

/// Sign in with a link's token
///
/// Only from the console's own page. The session comes as a cookie.
#[utoipa::path(
    post, path = "/session", tag = "daemon", request_body = SignIn, security(()),
    responses((status = 200, body = SessionInfo))
)]
async fn sign_in(
    State(api): State<Api>,
    Body(request): Body<SignIn>,
) -> Result<Response, ProblemDocument> {
    let (_, cookie) = api
        .auth()
        .sign_in(request.token.expose())
        .await
        .map_err(labd_protocol::ApiError::from)?;
    let info = SessionInfo {
        kind: SessionKind::Session,
        expires_at: Some(cookie.expires_at),
    };
    let mut response = Json(info).into_response();
    cookies::set_session(
        &mut response,
        api.addresses(),
        &cookie.value,
        cookie.expires_at,
    );
    Ok(response)
}

/// Sign out
#[utoipa::path(delete, path = "/session", tag = "daemon", responses((status = 204)))]
async fn sign_out(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, ProblemDocument> {
    let Caller::Session(session) = caller else {
        let detail = "A token is not a session; remove it with DELETE /api/v1/tokens/{id}.";
        return Err(ProblemDocument::new(ErrorCode::InvalidRequest, detail));
    };
    api.auth()
        .sign_out(session)
        .await
        .map_err(labd_protocol::ApiError::from)?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    cookies::clear_session(&mut response, api.addresses());
    // The browser forgets what it kept of the console's data.
    let forget = HeaderValue::from_static("\"cache\", \"storage\"");
    response.headers_mut().insert("clear-site-data", forget);
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// All tokens
#[utoipa::path(get, path = "/tokens", tag = "daemon", responses((status = 200, body = Vec<TokenInfo>)))]
async fn tokens(State(api): State<Api>) -> Answer<Vec<TokenInfo>> {
    Ok(Json(api.tokens()))
}

/// Make a token
///
/// Its secret is in the answer, this once.
#[utoipa::path(
    post, path = "/tokens", tag = "daemon", request_body = TokenCreate,
    responses((status = 201, body = TokenCreated))
)]
async fn token_create(
    State(api): State<Api>,
    Body(create): Body<TokenCreate>,
) -> Result<(StatusCode, Json<TokenCreated>), ProblemDocument> {
    Ok((StatusCode::CREATED, Json(api.token_create(create).await?)))
}

/// Revoke a token
#[utoipa::path(
    delete, path = "/tokens/{id}", tag = "daemon", params(("id" = String, Path, description = "The token's id")),
    responses((status = 204))
)]
async fn token_remove(State(api): State<Api>, Params(id): Params<TokenId>) -> Nothing {
    api.token_remove(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Where to write a backup.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BackupRequest {
    /// A path on the daemon's machine, where nothing is yet.
    path: String,
}

/// A backup that was written.
#[derive(Serialize, ToSchema)]
pub(crate) struct BackupDone {
    /// Its size.
    bytes: u64,
}

/// Write a backup to one file on the daemon's machine
#[utoipa::path(
    post, path = "/backup", tag = "daemon", request_body = BackupRequest,
    responses((status = 200, body = BackupDone))
)]
async fn backup(State(api): State<Api>, Body(request): Body<BackupRequest>) -> Answer<BackupDone> {
    Ok(Json(BackupDone {
        bytes: api.backend().backup(request.path).await?,
    }))
}
