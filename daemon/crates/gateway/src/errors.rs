//! What a provider's error means to whoever asked: a sentence, and what to do about it.
//!
//! | error | code | what to do |
//! | --- | --- | --- |
//! | denied | `permission_denied` | the sentence itself names the command |
//! | unauthenticated | `credential_refused` | enter the key again |
//! | rate limited, overloaded | the same | wait, as long as the provider says |
//! | unavailable | `unreachable` | look after the provider or its address, ask again |
//! | not found, invalid request, conflict | the same | choose another model, look at the settings |
//! | internal, state lost | `plugin_failed` | ask again, look at the log |
//!
//! What the other side proposes comes before what is proposed here, but for a refused key: where to
//! enter it only labd knows.

use labd_plugin_host::{Fault, PluginError};
use labd_protocol::{ApiError, ErrorCode};

/// An error of a provider of this name.
pub(crate) fn of_provider(name: &str, error: PluginError) -> ApiError {
    match error {
        PluginError::Denied(denial) => ApiError::new(ErrorCode::PermissionDenied, denial.message),
        PluginError::InvalidRequest(fault) => told(
            ErrorCode::InvalidRequest,
            format!("{name} refuses the request"),
            fault,
            "Choose another model, or look at the provider's settings: console, Settings, AI providers.",
        ),
        PluginError::Unauthenticated(fault) => {
            let fault = Fault {
                hint: None,
                ..fault
            };
            told(
                ErrorCode::CredentialRefused,
                format!("{name} refuses the API key"),
                fault,
                "Enter the API key again: console, Settings, AI providers.",
            )
        }
        PluginError::RateLimited(delay) => {
            let wait = delay.map_or_else(
                || "a while".to_owned(),
                |delay| match delay.as_secs_f64().ceil() {
                    seconds if seconds <= 1.0 => "a second".to_owned(),
                    seconds => format!("{seconds} seconds"),
                },
            );
            ApiError {
                retry_after_ms: delay.and_then(|delay| u64::try_from(delay.as_millis()).ok()),
                ..ApiError::new(
                    ErrorCode::RateLimited,
                    format!("{name} asks to slow down. Try again in {wait}."),
                )
            }
        }
        PluginError::Overloaded => ApiError::new(
            ErrorCode::Overloaded,
            format!("{name} has too much to do right now. Try again in a moment."),
        ),
        PluginError::Timeout => ApiError::new(
            ErrorCode::Timeout,
            format!("{name} did not answer in time. Try again, or choose another model."),
        ),
        PluginError::Cancelled => ApiError::new(ErrorCode::Cancelled, "The request was withdrawn."),
        PluginError::Unavailable(fault) => told(
            ErrorCode::Unreachable,
            format!("No whole answer came from {name}"),
            fault,
            "Check that it runs and that its address is right, then ask again.",
        ),
        PluginError::NotFound(fault) => told(
            ErrorCode::NotFound,
            format!("{name} does not know what was asked for"),
            fault,
            "Choose another model: console, Settings, AI providers.",
        ),
        PluginError::Conflict(fault) => told(
            ErrorCode::Conflict,
            format!("{name} refuses the request"),
            fault,
            "Ask again.",
        ),
        error @ (PluginError::Internal(_) | PluginError::StateLost(_)) => told(
            ErrorCode::PluginFailed,
            format!("The plugin of {name} failed"),
            Fault::new(error.to_string()),
            "Ask again; if it happens again, look at labd's log.",
        ),
    }
}

/// A sentence of what happened and what the other side says, with what to do.
fn told(code: ErrorCode, what: String, fault: Fault, hint: &str) -> ApiError {
    let reason = fault.message.trim().trim_end_matches('.');
    ApiError {
        upstream_code: fault.code,
        hint: Some(fault.hint.unwrap_or_else(|| hint.to_owned())),
        ..ApiError::new(code, format!("{what}: {reason}."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn every_error_says_what_to_do() {
        let fault = || Fault::new("it says so.");
        for error in [
            PluginError::InvalidRequest(fault()),
            PluginError::Unauthenticated(fault()),
            PluginError::RateLimited(None),
            PluginError::Overloaded,
            PluginError::Timeout,
            PluginError::Unavailable(fault()),
            PluginError::NotFound(fault()),
            PluginError::Conflict(fault()),
            PluginError::Internal("it trapped".into()),
            PluginError::StateLost("it was idle".into()),
        ] {
            let told = of_provider("Acme", error);
            assert!(told.message.contains("Acme"), "{told:?}");
            assert!(told.message.ends_with('.') && !told.message.contains(".."));
            assert!(
                told.hint.is_some() || told.message.contains("Try again"),
                "{told:?}"
            );
        }
    }

    #[test]
    fn a_wait_is_told_to_people_and_to_programs() {
        let told = of_provider(
            "Acme",
            PluginError::RateLimited(Some(Duration::from_millis(6_500))),
        );
        assert!(told.message.contains("in 7 seconds"), "{}", told.message);
        assert_eq!(told.retry_after_ms, Some(6_500));
    }

    #[test]
    fn the_other_sides_advice_comes_first_but_for_a_refused_key() {
        let fault = || Fault {
            hint: Some("see our page".into()),
            code: Some("E7".into()),
            ..Fault::new("no")
        };
        let told = of_provider("Acme", PluginError::Unavailable(fault()));
        assert_eq!(told.hint.as_deref(), Some("see our page"));
        assert_eq!(told.upstream_code.as_deref(), Some("E7"));
        let told = of_provider("Acme", PluginError::Unauthenticated(fault()));
        assert!(told.hint.unwrap().contains("Enter the API key again"));
    }
}
