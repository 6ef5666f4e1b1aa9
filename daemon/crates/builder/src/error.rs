//! Errors of the store, in words for the user.

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
