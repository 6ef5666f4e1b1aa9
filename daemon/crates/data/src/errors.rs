//! What a connector's error means to whoever asked.

use crate::statement::{Effect, StatementError};
use labd_plugin_host::{Fault, PluginError};
use labd_protocol::{ApiError, ErrorCode};

/// An error while connecting.
pub(crate) fn connecting(error: PluginError) -> ApiError {
    match error {
        PluginError::Unavailable(fault) if is_tls(&fault) => with(ErrorCode::TlsFailed, fault),
        PluginError::Unavailable(fault) => with(ErrorCode::Unreachable, fault),
        PluginError::NotFound(fault) => with(ErrorCode::UnknownDatabase, fault),
        PluginError::Conflict(fault) => with(ErrorCode::TlsFailed, fault),
        PluginError::Timeout => ApiError::new(
            ErrorCode::Unreachable,
            "The server did not answer in time. Check host and port, and that a firewall lets this machine through.",
        ),
        other => general(other),
    }
}

/// An error while a statement was prepared or run. Positions are those of the text that the
/// database received.
pub(crate) fn running(error: PluginError) -> ApiError {
    match error {
        PluginError::InvalidRequest(fault)
        | PluginError::NotFound(fault)
        | PluginError::Conflict(fault) => with(ErrorCode::QueryFailed, fault),
        PluginError::Unavailable(fault) => with(ErrorCode::Unreachable, fault),
        PluginError::Timeout => ApiError::new(
            ErrorCode::Timeout,
            "The query took too long and was cancelled. Narrow it down, or add an index.",
        ),
        other => general(other),
    }
}

fn general(error: PluginError) -> ApiError {
    match error {
        PluginError::Denied(denial) => ApiError::new(ErrorCode::PermissionDenied, denial.message),
        PluginError::InvalidRequest(fault) => with(ErrorCode::InvalidRequest, fault),
        PluginError::Unauthenticated(fault) => with(ErrorCode::CredentialRefused, fault),
        PluginError::RateLimited(delay) => ApiError {
            retry_after_ms: delay.and_then(|delay| u64::try_from(delay.as_millis()).ok()),
            ..ApiError::new(ErrorCode::RateLimited, "The database asks to slow down.")
        },
        PluginError::Overloaded => overloaded(),
        PluginError::Timeout => {
            ApiError::new(ErrorCode::Timeout, "The database did not answer in time.")
        }
        PluginError::Cancelled => ApiError::new(ErrorCode::Cancelled, "The query was cancelled."),
        PluginError::Unavailable(fault) => with(ErrorCode::Unreachable, fault),
        PluginError::NotFound(fault) => with(ErrorCode::NotFound, fault),
        PluginError::Conflict(fault) => with(ErrorCode::Conflict, fault),
        error @ (PluginError::Internal(_) | PluginError::StateLost(_)) => ApiError::new(
            ErrorCode::PluginFailed,
            format!("The connector failed: {error}"),
        ),
    }
}

/// All connections are in use.
pub(crate) fn overloaded() -> ApiError {
    ApiError {
        retry_after_ms: Some(1_000),
        ..ApiError::new(
            ErrorCode::Overloaded,
            "All connections to this source are busy; try again in a moment.",
        )
    }
}

/// A text that is no statement.
pub(crate) fn statement(error: StatementError) -> ApiError {
    let position = match &error {
        StatementError::Syntax { position, .. } => *position,
        _ => None,
    };
    ApiError {
        position,
        ..ApiError::new(ErrorCode::QueryFailed, error.to_string())
    }
}

/// A statement that does more than reading.
pub(crate) fn not_reading(effect: Effect) -> ApiError {
    let message = match effect {
        Effect::Read | Effect::Write => {
            "This statement would change data. Only statements that read are run."
        }
        Effect::Admin => {
            "This statement cannot be shown to only read data. Only statements that read are run."
        }
    };
    ApiError::new(ErrorCode::WriteRefused, message)
}

fn is_tls(fault: &Fault) -> bool {
    fault
        .code
        .as_deref()
        .is_some_and(|code| code.starts_with("tls"))
}

fn with(code: ErrorCode, fault: Fault) -> ApiError {
    ApiError {
        upstream_code: fault.code,
        position: fault.position,
        hint: fault.hint,
        ..ApiError::new(code, fault.message)
    }
}
