//! The one error type of all contracts, and how to make one.

pub use crate::bindings::base::labd::common::errors::{Denial, Error, Fault};

/// What every fallible function of a plugin returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Fault {
    /// A fault with nothing but a message: a sentence for a person, never a secret.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            code: None,
            position: None,
            hint: None,
        }
    }

    /// With the other side's own code: an SQLSTATE, an API's error code.
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// With the place in the request's text, in characters from 1.
    pub fn position(mut self, position: u32) -> Self {
        self.position = Some(position);
        self
    }

    /// With what to do about it.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<&str> for Fault {
    fn from(message: &str) -> Self {
        Self::new(message)
    }
}

impl From<String> for Fault {
    fn from(message: String) -> Self {
        Self::new(message)
    }
}

/// Constructors that take a message, or a [`Fault`] with more to tell.
///
/// ```
/// use labd_plugin::{Error, Fault};
///
/// let plain = Error::not_found("there is no table \"ordrs\"");
/// let rich = Error::invalid(Fault::new("syntax error at or near \"form\"").code("42601").position(10));
/// assert_eq!(plain.message(), "there is no table \"ordrs\"");
/// assert_eq!(rich.fault().and_then(|fault| fault.position), Some(10));
/// ```
impl Error {
    /// `invalid-request`: the request is wrong as it stands.
    pub fn invalid(fault: impl Into<Fault>) -> Self {
        Self::InvalidRequest(fault.into())
    }

    /// `unauthenticated`: the credential is missing, wrong or expired.
    pub fn unauthenticated(fault: impl Into<Fault>) -> Self {
        Self::Unauthenticated(fault.into())
    }

    /// `unavailable`: the other side cannot be reached, or the connection to it broke.
    pub fn unavailable(fault: impl Into<Fault>) -> Self {
        Self::Unavailable(fault.into())
    }

    /// `not-found`: what was named does not exist.
    pub fn not_found(fault: impl Into<Fault>) -> Self {
        Self::NotFound(fault.into())
    }

    /// `conflict`: the request contradicts the state of the other side.
    pub fn conflict(fault: impl Into<Fault>) -> Self {
        Self::Conflict(fault.into())
    }

    /// `internal`: a fault of the plugin itself.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::Internal(message.into())
    }

    /// `denied` by the plugin itself, as the host would.
    pub fn denied(
        capability: impl Into<String>,
        target: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self::Denied(Denial {
            capability: capability.into(),
            target: target.into(),
            message: message.into(),
        })
    }

    /// The sentence for a person.
    pub fn message(&self) -> &str {
        match self {
            Self::Denied(denial) => &denial.message,
            Self::InvalidRequest(fault)
            | Self::Unauthenticated(fault)
            | Self::Unavailable(fault)
            | Self::NotFound(fault)
            | Self::Conflict(fault) => &fault.message,
            Self::RateLimited(_) => "the other side asks to wait",
            Self::Overloaded => "too much to do right now",
            Self::Timeout => "a limit of time ran out",
            Self::Cancelled => "the request was withdrawn",
            Self::Internal(message) => message,
        }
    }

    /// The fault inside, where this kind of error has one.
    pub fn fault(&self) -> Option<&Fault> {
        match self {
            Self::InvalidRequest(fault)
            | Self::Unauthenticated(fault)
            | Self::Unavailable(fault)
            | Self::NotFound(fault)
            | Self::Conflict(fault) => Some(fault),
            _ => None,
        }
    }

    /// The same error with a message in front of its own, where it has one: `what: message`.
    pub fn context(mut self, what: &str) -> Self {
        match &mut self {
            Self::InvalidRequest(fault)
            | Self::Unauthenticated(fault)
            | Self::Unavailable(fault)
            | Self::NotFound(fault)
            | Self::Conflict(fault) => fault.message = format!("{what}: {}", fault.message),
            Self::Internal(message) => *message = format!("{what}: {message}"),
            _ => {}
        }
        self
    }
}
