//! Why a command failed, for a person at a terminal.

use labd_protocol::{ApiError, ErrorCode};
use std::fmt;

/// A failure of a command: a sentence, and what to do about it.
#[derive(Debug)]
pub struct Failure {
    /// The error as the daemon gave it, or one of the command itself.
    pub error: ApiError,
}

impl Failure {
    /// A failure of the command itself.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            error: ApiError::new(ErrorCode::Internal, message),
        }
    }

    /// A failure with what to do about it.
    pub fn with_hint(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            error: ApiError::new(ErrorCode::Internal, message).with_hint(hint),
        }
    }

    /// | code | meaning |
    /// | --- | --- |
    /// | 1 | it failed |
    /// | 2 | the command line or the request is wrong |
    /// | 3 | the daemon cannot be reached |
    /// | 4 | there is no such thing |
    pub fn exit_code(&self) -> u8 {
        match self.error.code {
            ErrorCode::InvalidRequest => 2,
            ErrorCode::Unreachable if self.error.message.contains("daemon") => 3,
            ErrorCode::NotFound => 4,
            _ => 1,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.error.message)
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        Self { error }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(error.to_string())
    }
}
