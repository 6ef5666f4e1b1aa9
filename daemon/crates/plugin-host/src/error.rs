//! The one error type of all contracts, as the host sees it (`wit/common/errors.wit`), with what
//! only the host can add: an instance that is lost.

use std::time::Duration;

/// Something that the plugin's permissions do not cover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// `http`, `net`, `sqlite`, `reveal`.
    pub capability: String,
    /// What it was asked for: an origin, a server, a file, a credential's name.
    pub target: String,
    /// A sentence that ends with the command or setting that would allow it.
    pub message: String,
}

/// A fault that has something to tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fault {
    /// A sentence for a person.
    pub message: String,
    /// The other side's own code: an SQLSTATE, an API's error code.
    pub code: Option<String>,
    /// Where in the request's text the fault lies, in characters from 1.
    pub position: Option<u32>,
    /// What the other side proposes to do about it.
    pub hint: Option<String>,
}

impl Fault {
    /// A fault with nothing but a message.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            ..Self::default()
        }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)?;
        if let Some(code) = &self.code {
            write!(f, " ({code})")?;
        }
        if let Some(hint) = &self.hint {
            write!(f, " — {hint}")?;
        }
        Ok(())
    }
}

/// Why a call of a plugin did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PluginError {
    /// Not permitted; asking again is in vain.
    #[error("{}", .0.message)]
    Denied(Denial),
    /// The request is wrong as it stands.
    #[error("{0}")]
    InvalidRequest(Fault),
    /// The credential is missing, wrong or expired.
    #[error("{0}")]
    Unauthenticated(Fault),
    /// The other side asks to wait, for this long where it says so.
    #[error("the service asks to slow down")]
    RateLimited(Option<Duration>),
    /// Too much to do: the other side, or the queue of this plugin.
    #[error("too many requests are waiting; try again in a moment")]
    Overloaded,
    /// A limit of time ran out.
    #[error("no answer in time")]
    Timeout,
    /// The caller withdrew the request.
    #[error("cancelled")]
    Cancelled,
    /// The other side cannot be reached, or the connection broke.
    #[error("{0}")]
    Unavailable(Fault),
    /// What was named does not exist.
    #[error("{0}")]
    NotFound(Fault),
    /// The request contradicts the state of the other side.
    #[error("{0}")]
    Conflict(Fault),
    /// A fault of the plugin itself: its own report, a trap, a limit that it hit.
    #[error("{0}")]
    Internal(String),
    /// The instance that held the state of this call is gone; rebuild the state and call again.
    #[error("the plugin was restarted: {0}")]
    StateLost(String),
}

impl PluginError {
    /// Lets `change` see every text that came from the other side.
    pub(crate) fn each_text(&mut self, change: impl Fn(&mut String)) {
        match self {
            Self::Denied(denial) => {
                change(&mut denial.capability);
                change(&mut denial.target);
                change(&mut denial.message);
            }
            Self::InvalidRequest(fault)
            | Self::Unauthenticated(fault)
            | Self::Unavailable(fault)
            | Self::NotFound(fault)
            | Self::Conflict(fault) => {
                change(&mut fault.message);
                fault.code.iter_mut().for_each(&change);
                fault.hint.iter_mut().for_each(&change);
            }
            Self::Internal(message) | Self::StateLost(message) => change(message),
            Self::RateLimited(_) | Self::Overloaded | Self::Timeout | Self::Cancelled => {}
        }
    }
}
