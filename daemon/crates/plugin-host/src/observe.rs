//! What the outgoing capabilities report while they work.

/// Hears of bytes and of secrets that were read. All methods are called on the path of the data and
/// must return at once.
pub trait Observer: Send + Sync {
    /// So many bytes came in.
    fn received(&self, _bytes: u64) {}
    /// So many bytes went out.
    fn sent(&self, _bytes: u64) {}
    /// A plugin read the value of the credential with this name.
    fn revealed(&self, _name: &str) {}
}

/// Hears and forgets.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl Observer for Unobserved {}
