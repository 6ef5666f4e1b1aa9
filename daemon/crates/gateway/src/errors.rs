//! What a provider's error means to whoever asked.

use labd_plugin_host::{Fault, PluginError};
use labd_protocol::{ApiError, ErrorCode};

/// An error of a provider of this name.
pub(crate) fn of_provider(name: &str, error: PluginError) -> ApiError {
    match error {
        PluginError::Denied(denial) => ApiError::new(ErrorCode::PermissionDenied, denial.message),
        PluginError::InvalidRequest(fault) => with(
            ErrorCode::InvalidRequest,
            name,
            "refuses the request",
            fault,
        ),
        PluginError::Unauthenticated(fault) => with(
            ErrorCode::CredentialRefused,
            name,
            "refuses the API key",
            fault,
        )
        .with_hint("Enter the API key again: console, Settings, AI providers."),
        PluginError::RateLimited(delay) => ApiError {
            retry_after_ms: delay.and_then(|delay| u64::try_from(delay.as_millis()).ok()),
            ..ApiError::new(
                ErrorCode::RateLimited,
                format!("{name} asks to slow down; try again in a moment."),
            )
        },
        PluginError::Overloaded => ApiError::new(
            ErrorCode::Overloaded,
            format!("{name} has too much to do right now; try again in a moment."),
        ),
        PluginError::Timeout => ApiError::new(
            ErrorCode::Timeout,
            format!("{name} did not answer in time."),
        ),
        PluginError::Cancelled => ApiError::new(ErrorCode::Cancelled, "The request was withdrawn."),
        PluginError::Unavailable(fault) => with(
            ErrorCode::Unreachable,
            name,
            "cannot be reached, or broke off",
            fault,
        ),
        PluginError::NotFound(fault) => with(
            ErrorCode::NotFound,
            name,
            "does not know what was asked for",
            fault,
        )
        .with_hint("Choose another model: console, Settings, AI providers."),
        PluginError::Conflict(fault) => {
            with(ErrorCode::Conflict, name, "refuses the request", fault)
        }
        error @ (PluginError::Internal(_) | PluginError::StateLost(_)) => ApiError::new(
            ErrorCode::PluginFailed,
            format!("The plugin of {name} failed: {error}"),
        ),
    }
}

fn with(code: ErrorCode, name: &str, what: &str, fault: Fault) -> ApiError {
    ApiError {
        upstream_code: fault.code,
        hint: fault.hint,
        ..ApiError::new(code, format!("{name} {what}: {}", fault.message))
    }
}
