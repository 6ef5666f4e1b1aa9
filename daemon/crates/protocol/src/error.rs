//! Errors as clients see them: the same over RPC and, as RFC 9457 problem documents, over HTTP.

use serde::{Deserialize, Serialize};

/// A stable, machine-readable reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The request is wrong as it stands; `fields` may say where.
    InvalidRequest,
    /// No session, no token, or one that is unknown or has expired.
    Unauthenticated,
    /// The caller may not do this.
    Forbidden,
    /// There is no such thing, or the caller may not know of it.
    NotFound,
    /// RPC only: there is no such method.
    UnknownMethod,
    /// The request contradicts the present state: a running turn, a changed file, a used source.
    Conflict,
    /// A cursor or ticket that is no longer held.
    Expired,
    /// The request is larger than allowed.
    TooLarge,
    /// A host name, port or network of a data source or provider cannot be reached.
    Unreachable,
    /// A data source or provider refuses the credential.
    CredentialRefused,
    /// A data source does not know the database that was named.
    UnknownDatabase,
    /// TLS with a data source or provider failed, or is set otherwise than it demands.
    TlsFailed,
    /// The database refuses the statement.
    QueryFailed,
    /// The statement would write, or cannot be shown to only read.
    WriteRefused,
    /// A plugin may not do what it tried.
    PermissionDenied,
    /// Too many requests; try again after `retry_after_ms`.
    RateLimited,
    /// Too much to do right now.
    Overloaded,
    /// A limit of time ran out.
    Timeout,
    /// The caller withdrew the request.
    Cancelled,
    /// The disk is full, or the store cannot write.
    StorageFailed,
    /// A plugin failed.
    PluginFailed,
    /// A fault of labd; the log has more.
    Internal,
}

impl ErrorCode {
    /// The HTTP status that goes with it.
    pub fn http_status(self) -> u16 {
        match self {
            Self::InvalidRequest => 400,
            Self::Unauthenticated => 401,
            Self::Forbidden | Self::PermissionDenied | Self::WriteRefused => 403,
            Self::NotFound | Self::UnknownMethod => 404,
            Self::Conflict => 409,
            Self::Expired => 410,
            Self::TooLarge => 413,
            Self::Unreachable
            | Self::CredentialRefused
            | Self::UnknownDatabase
            | Self::TlsFailed
            | Self::QueryFailed => 422,
            Self::RateLimited => 429,
            Self::Cancelled => 499,
            Self::Internal | Self::PluginFailed => 500,
            Self::Overloaded => 503,
            Self::Timeout => 504,
            Self::StorageFailed => 507,
        }
    }

    /// As it stands in JSON: `not_found`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::UnknownMethod => "unknown_method",
            Self::Conflict => "conflict",
            Self::Expired => "expired",
            Self::TooLarge => "too_large",
            Self::Unreachable => "unreachable",
            Self::CredentialRefused => "credential_refused",
            Self::UnknownDatabase => "unknown_database",
            Self::TlsFailed => "tls_failed",
            Self::QueryFailed => "query_failed",
            Self::WriteRefused => "write_refused",
            Self::PermissionDenied => "permission_denied",
            Self::RateLimited => "rate_limited",
            Self::Overloaded => "overloaded",
            Self::Timeout => "timeout",
            Self::Cancelled => "cancelled",
            Self::StorageFailed => "storage_failed",
            Self::PluginFailed => "plugin_failed",
            Self::Internal => "internal",
        }
    }
}

/// A part of the request that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FieldError {
    /// Its name, with dots for nesting: `config.base_url`.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

/// Why a request was not done.
#[derive(
    Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error, utoipa::ToSchema,
)]
#[error("{message}")]
pub struct ApiError {
    /// The stable reason.
    pub code: ErrorCode,
    /// A sentence for a person, that says what to do where something can be done.
    pub message: String,
    /// Parts of the request that are wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldError>,
    /// The other side's own code: an SQLSTATE, a provider's error code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream_code: Option<String>,
    /// Where in the statement the fault lies, in characters from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u32>,
    /// What would help.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Milliseconds after which to try again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl ApiError {
    /// An error with a code and a sentence.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            fields: Vec::new(),
            upstream_code: None,
            position: None,
            hint: None,
            retry_after_ms: None,
        }
    }

    /// The request is wrong in one field.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            fields: vec![FieldError {
                field: field.into(),
                message: message.clone(),
            }],
            ..Self::new(ErrorCode::InvalidRequest, message)
        }
    }

    /// There is no such thing.
    pub fn not_found(what: &str, id: impl std::fmt::Display) -> Self {
        Self::new(ErrorCode::NotFound, format!("There is no {what} {id}."))
    }

    /// Adds what would help.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
