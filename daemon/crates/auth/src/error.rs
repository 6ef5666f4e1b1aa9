//! Why something was refused.

use labd_protocol::{ApiError, ErrorCode, TokenId};
use labd_store::StoreError;

/// Why a call of [`crate::Auth`] failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthError {
    /// A link or ticket that is unknown, spent or expired; which, is not told.
    #[error("This link is not good any more. Get a new one with `labd open`.")]
    Refused,
    /// There is no such token.
    #[error("There is no token {0}.")]
    NoToken(TokenId),
    /// A field of the request is wrong.
    #[error("{message}")]
    Invalid {
        /// Which.
        field: &'static str,
        /// What is wrong, and what would be right.
        message: &'static str,
    },
    /// A stored record makes no sense.
    #[error("The stored {0} of the sign-in cannot be read; restore a backup.")]
    Damaged(&'static str),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl AuthError {
    pub(crate) fn invalid(field: &'static str, message: &'static str) -> Self {
        Self::Invalid { field, message }
    }
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        let message = error.to_string();
        match error {
            AuthError::Refused => Self::new(ErrorCode::Unauthenticated, message),
            AuthError::NoToken(id) => Self::not_found("token", id),
            AuthError::Invalid { field, message } => Self::invalid(field, message),
            AuthError::Damaged(_) => Self::new(ErrorCode::Internal, message),
            AuthError::Store(_) => Self::new(ErrorCode::StorageFailed, message),
        }
    }
}
