//! The contracts' error type in both directions.

use crate::{Denial, Fault, PluginError, bindings::wire};
use std::time::Duration;

impl From<wire::Fault> for Fault {
    fn from(fault: wire::Fault) -> Self {
        Self {
            message: fault.message,
            code: fault.code,
            position: fault.position,
            hint: fault.hint,
        }
    }
}

impl From<Fault> for wire::Fault {
    fn from(fault: Fault) -> Self {
        Self {
            message: fault.message,
            code: fault.code,
            position: fault.position,
            hint: fault.hint,
        }
    }
}

impl From<wire::Error> for PluginError {
    fn from(error: wire::Error) -> Self {
        match error {
            wire::Error::Denied(denial) => Self::Denied(Denial {
                capability: denial.capability,
                target: denial.target,
                message: denial.message,
            }),
            wire::Error::InvalidRequest(fault) => Self::InvalidRequest(fault.into()),
            wire::Error::Unauthenticated(fault) => Self::Unauthenticated(fault.into()),
            wire::Error::RateLimited(wait) => {
                Self::RateLimited(wait.map(|ms| Duration::from_millis(ms.into())))
            }
            wire::Error::Overloaded => Self::Overloaded,
            wire::Error::Timeout => Self::Timeout,
            wire::Error::Cancelled => Self::Cancelled,
            wire::Error::Unavailable(fault) => Self::Unavailable(fault.into()),
            wire::Error::NotFound(fault) => Self::NotFound(fault.into()),
            wire::Error::Conflict(fault) => Self::Conflict(fault.into()),
            wire::Error::Internal(message) => Self::Internal(message),
        }
    }
}

impl From<PluginError> for wire::Error {
    fn from(error: PluginError) -> Self {
        match error {
            PluginError::Denied(denial) => Self::Denied(wire::Denial {
                capability: denial.capability,
                target: denial.target,
                message: denial.message,
            }),
            PluginError::InvalidRequest(fault) => Self::InvalidRequest(fault.into()),
            PluginError::Unauthenticated(fault) => Self::Unauthenticated(fault.into()),
            PluginError::RateLimited(wait) => {
                Self::RateLimited(wait.map(|w| u32::try_from(w.as_millis()).unwrap_or(u32::MAX)))
            }
            PluginError::Overloaded => Self::Overloaded,
            PluginError::Timeout => Self::Timeout,
            PluginError::Cancelled => Self::Cancelled,
            PluginError::Unavailable(fault) => Self::Unavailable(fault.into()),
            PluginError::NotFound(fault) => Self::NotFound(fault.into()),
            PluginError::Conflict(fault) => Self::Conflict(fault.into()),
            PluginError::Internal(message) => Self::Internal(message),
            PluginError::StateLost(reason) => Self::Unavailable(Fault::new(reason).into()),
        }
    }
}
