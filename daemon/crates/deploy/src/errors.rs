//! What a deployer's error means to whoever asked.

use labd_plugin_host::{Fault, PluginError};
use labd_protocol::{ApiError, ErrorCode};

/// An error of the target of this name.
pub(crate) fn of_target(name: &str, error: PluginError) -> ApiError {
    match error {
        PluginError::Denied(denial) => ApiError::new(ErrorCode::PermissionDenied, denial.message),
        PluginError::InvalidRequest(fault) => told(
            ErrorCode::InvalidRequest,
            format!("{name} refuses this"),
            fault,
            "Look at the target's configuration: labd deploy targets list",
        ),
        PluginError::Unauthenticated(fault) => told(
            ErrorCode::CredentialRefused,
            format!("{name} refuses the credential"),
            Fault {
                hint: None,
                ..fault
            },
            "Enter it again: labd deploy targets update",
        ),
        PluginError::RateLimited(delay) => ApiError {
            retry_after_ms: delay.and_then(|delay| u64::try_from(delay.as_millis()).ok()),
            ..ApiError::new(
                ErrorCode::RateLimited,
                format!("{name} asks to slow down. Try again in a while."),
            )
        },
        PluginError::Overloaded => ApiError::new(
            ErrorCode::Overloaded,
            format!("{name} has too much to do right now. Try again in a moment."),
        ),
        PluginError::Timeout => ApiError::new(
            ErrorCode::Timeout,
            format!("{name} did not answer in time. Try again."),
        ),
        PluginError::Cancelled => ApiError::new(ErrorCode::Cancelled, "The request was withdrawn."),
        PluginError::Unavailable(fault) => told(
            ErrorCode::Unreachable,
            format!("{name} cannot be reached, or broke off"),
            fault,
            "Try again: what was begun goes on with `labd deploy resume`.",
        ),
        PluginError::NotFound(fault) => told(
            ErrorCode::NotFound,
            format!("{name} does not know what was asked for"),
            fault,
            "Look at the releases: labd deploy releases",
        ),
        PluginError::Conflict(fault) => told(
            ErrorCode::Conflict,
            format!("{name} is in another state than the plan says"),
            fault,
            "Make a new plan.",
        ),
        error @ (PluginError::Internal(_) | PluginError::StateLost(_)) => told(
            ErrorCode::PluginFailed,
            format!("The plugin of {name} failed"),
            Fault::new(error.to_string()),
            "Try again; if it happens again, look at labd's log.",
        ),
    }
}

fn told(code: ErrorCode, what: String, fault: Fault, hint: &str) -> ApiError {
    let reason = fault.message.trim().trim_end_matches('.');
    ApiError {
        upstream_code: fault.code,
        hint: Some(fault.hint.unwrap_or_else(|| hint.to_owned())),
        ..ApiError::new(code, format!("{what}: {reason}."))
    }
}
