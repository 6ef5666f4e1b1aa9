//! The value of a revealed credential.

use crate::observe::Observer;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A credential that a plugin may read. Each reading is recorded, without the value.
pub struct Secret {
    pub(super) source_id: String,
    pub(super) name: String,
    pub(super) value: Zeroizing<String>,
    pub(super) observer: Arc<dyn Observer>,
}

impl Secret {
    /// The value.
    pub fn read(&self) -> Zeroizing<Vec<u8>> {
        tracing::info!(
            target: "labd::audit",
            source = %self.source_id,
            credential = %self.name,
            "a plugin read a credential"
        );
        self.observer.revealed(&self.name);
        Zeroizing::new(self.value.as_bytes().to_vec())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secret({}, [sealed])", self.name)
    }
}
