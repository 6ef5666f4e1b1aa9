//! What a failure before an answer's first piece means for the attempts to come.

use labd_plugin_host::PluginError;
use labd_protocol::RetryRules;
use std::time::Duration;

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The same target may answer when it is asked again.
    Again,
    /// The provider asks for a pause: another key or target first.
    Wait(Option<Duration>),
    /// This key cannot pay any more; another may.
    Spent,
    /// This key is refused; another may not be.
    Refused,
    /// This target does not know the model, or its plugin failed, as it would again; another may do
    /// better.
    Elsewhere,
    /// The request itself is at fault, or was withdrawn: nobody is asked again.
    Over,
}

/// The verdict on a failure. The code decides before the kind does: an account without credit is
/// reported as too many requests by some.
pub(crate) fn of(error: &PluginError) -> Verdict {
    let code = match error {
        PluginError::InvalidRequest(fault)
        | PluginError::Unauthenticated(fault)
        | PluginError::Unavailable(fault)
        | PluginError::NotFound(fault)
        | PluginError::Conflict(fault) => fault.code.as_deref(),
        _ => None,
    };
    if code.is_some_and(is_spent) {
        return Verdict::Spent;
    }
    match error {
        PluginError::RateLimited(delay) => Verdict::Wait(*delay),
        PluginError::Overloaded
        | PluginError::Timeout
        | PluginError::Unavailable(_)
        // A lock that another request holds (409).
        | PluginError::Conflict(_)
        | PluginError::StateLost(_) => Verdict::Again,
        PluginError::Unauthenticated(_) => Verdict::Refused,
        PluginError::NotFound(_) | PluginError::Internal(_) => Verdict::Elsewhere,
        PluginError::InvalidRequest(_)
        | PluginError::Denied(_)
        | PluginError::Cancelled => Verdict::Over,
    }
}

/// Codes of accounts that cannot pay, as OpenAI, Anthropic, Google and others write them.
fn is_spent(code: &str) -> bool {
    matches!(
        code,
        "insufficient_quota"
            | "credit_balance_exhausted"
            | "billing_error"
            | "billing_hard_limit_reached"
            | "billing_not_active"
            | "organization_usage_limit_exceeded"
            | "quota_limit_zero"
    ) || code.contains("_spend_limit_")
}

/// The pause before a repetition, the first of which is 0: any time up to one that doubles. `random`
/// is from 0 to 1.
pub(crate) fn pause(rules: &RetryRules, repetition: u32, random: f64) -> Duration {
    let longest = rules
        .base_ms
        .saturating_mul(1_u64.checked_shl(repetition).unwrap_or(u64::MAX))
        .min(rules.max_ms);
    Duration::from_millis(longest).mul_f64(random.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use labd_plugin_host::Fault;

    #[test]
    fn an_account_without_credit_is_never_asked_again() {
        for code in ["insufficient_quota", "monthly_spend_limit_reached"] {
            let fault = Fault {
                code: Some(code.into()),
                ..Fault::new("no credit")
            };
            for error in [
                PluginError::InvalidRequest(fault.clone()),
                PluginError::Unavailable(fault.clone()),
            ] {
                assert_eq!(of(&error), Verdict::Spent, "{error:?}");
            }
        }
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        let fault = || Fault::new("x");
        let wait = Some(Duration::from_secs(3));
        for (error, verdict) in [
            (PluginError::RateLimited(wait), Verdict::Wait(wait)),
            (PluginError::Overloaded, Verdict::Again),
            (PluginError::Timeout, Verdict::Again),
            (PluginError::Unavailable(fault()), Verdict::Again),
            (PluginError::Conflict(fault()), Verdict::Again),
            (PluginError::StateLost("it was idle".into()), Verdict::Again),
            (
                PluginError::Internal("it trapped".into()),
                Verdict::Elsewhere,
            ),
            (PluginError::Unauthenticated(fault()), Verdict::Refused),
            (PluginError::NotFound(fault()), Verdict::Elsewhere),
            (PluginError::InvalidRequest(fault()), Verdict::Over),
            (PluginError::Cancelled, Verdict::Over),
        ] {
            assert_eq!(of(&error), verdict, "{error:?}");
        }
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let rules = RetryRules::default();
        let longest: Vec<_> = (0..6).map(|n| pause(&rules, n, 1.0).as_millis()).collect();
        assert_eq!(longest, [500, 1_000, 2_000, 4_000, 8_000, 8_000]);
        assert_eq!(pause(&rules, 70, 0.5), Duration::from_secs(4));
        assert_eq!(pause(&rules, 3, 0.0), Duration::ZERO);
    }
}
