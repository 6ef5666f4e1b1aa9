//! Errors of the store and of providers, in words for the user.

use labd_plugin_host::PluginError;
use labd_protocol::{ApiError, ErrorCode};
use labd_store::StoreError;

/// What a failure of the store means to a client.
pub(crate) fn storage(error: StoreError) -> ApiError {
    let code = match &error {
        StoreError::Conflict { .. } => ErrorCode::Conflict,
        StoreError::TooLarge { .. } => ErrorCode::TooLarge,
        StoreError::InvalidId { .. } => ErrorCode::InvalidRequest,
        _ => ErrorCode::StorageFailed,
    };
    if code == ErrorCode::StorageFailed {
        tracing::error!(%error, "the store failed");
    }
    ApiError::new(code, format!("{error}."))
}

/// What a broken answer means to the user, with what to do.
pub(crate) fn provider(name: &str, error: PluginError) -> ApiError {
    let with = |code, message: String, fault: Option<labd_plugin_host::Fault>| {
        let mut api = ApiError::new(code, message);
        if let Some(fault) = fault {
            api.upstream_code = fault.code;
            api.hint = fault.hint;
        }
        api
    };
    match error {
        PluginError::Denied(denial) => with(ErrorCode::PermissionDenied, denial.message, None),
        PluginError::InvalidRequest(fault) => with(
            ErrorCode::InvalidRequest,
            format!(
                "{name} refuses the request: {}. Choose another model, or check the provider's settings.",
                fault.message
            ),
            Some(fault),
        ),
        PluginError::Unauthenticated(fault) => with(
            ErrorCode::CredentialRefused,
            format!(
                "{name} refuses the key: {}. Enter a valid key in Settings → AI providers.",
                fault.message
            ),
            Some(fault),
        ),
        PluginError::RateLimited(after) => {
            let wait = after.map_or_else(
                || "a while".to_owned(),
                |after| format!("{} seconds", after.as_secs().max(1)),
            );
            let mut api = ApiError::new(
                ErrorCode::RateLimited,
                format!("{name} asks to slow down. Try again in {wait}."),
            );
            api.retry_after_ms =
                after.map(|after| after.as_millis().try_into().unwrap_or(u64::MAX));
            api
        }
        PluginError::Overloaded => with(
            ErrorCode::Overloaded,
            format!("{name} has too much to do right now. Try again in a moment."),
            None,
        ),
        PluginError::Timeout => with(
            ErrorCode::Timeout,
            format!("{name} did not answer in time. Try again, or choose another model."),
            None,
        ),
        PluginError::Cancelled => with(
            ErrorCode::Cancelled,
            "The request was withdrawn.".to_owned(),
            None,
        ),
        PluginError::Unavailable(fault) => with(
            ErrorCode::Unreachable,
            format!(
                "The connection to {name} failed: {}. Check that it is reachable, then ask again.",
                fault.message
            ),
            Some(fault),
        ),
        PluginError::NotFound(fault) => with(
            ErrorCode::NotFound,
            format!(
                "{name} does not know what was asked for: {}. Choose a model that it offers.",
                fault.message
            ),
            Some(fault),
        ),
        PluginError::Conflict(fault) => with(
            ErrorCode::Conflict,
            format!("{name}: {}.", fault.message),
            Some(fault),
        ),
        PluginError::Internal(message) => with(
            ErrorCode::PluginFailed,
            format!(
                "The plugin for {name} failed: {message}. Ask again; if it happens again, look at the plugin's log."
            ),
            None,
        ),
        PluginError::StateLost(reason) => with(
            ErrorCode::PluginFailed,
            format!("The plugin for {name} was restarted ({reason}). Ask again."),
            None,
        ),
    }
}
