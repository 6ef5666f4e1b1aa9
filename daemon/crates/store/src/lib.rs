//! Durable state: sealed records, journals, blobs and backup.
//!
//! The store knows nothing of what is kept in it. What must hold:
//!
//! - **Acknowledged is durable.** When a call that writes returns, the change survives a crash and a
//!   loss of power. A [`Batch`] is written as a whole or not at all.
//! - **A copy tells nothing.** Records, journal entries and blobs are sealed; without the master key
//!   only ids, sizes, counts and times can be learnt. Put no secret into an id, a kind or a stream's
//!   name. With the master key on the same disk ([`StoreInfo::master_key`]) only copies without it
//!   are protected.
//! - **Damage is told, not overwritten.** A store that lost acknowledged commits does not open, and
//!   its files stay as they are.
//! - **One owner.** A lock file keeps a second process out.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use labd_store::{Batch, Options, Record, Store};
//!
//! #[derive(serde::Serialize, serde::Deserialize)]
//! struct Project { title: String }
//!
//! impl Record for Project {
//!     const KIND: &'static str = "project";
//! }
//!
//! # let dir = tempfile::tempdir()?;
//! # let data_dir = dir.path();
//! let store = Store::open(data_dir, Options::default()).await?;
//! let mut batch = Batch::new();
//! batch.put("01hx", &Project { title: "Invoices".into() })?;
//! store.commit(batch).await?;
//! let found: Option<Project> = store.get("01hx")?;
//! assert_eq!(found.map(|project| project.title).as_deref(), Some("Invoices"));
//! store.close().await?;
//! # Ok(())
//! # }
//! ```
//!
//! Only this crate names sled.

mod backup;
mod batch;
mod blobs;
mod commit;
mod disk;
mod error;
mod files;
mod journal;
mod keys;
mod limits;
mod lock;
mod queue;
mod record;
mod recovery;
mod repository;
mod seal;
mod secret;
mod shared;
mod store;
mod tree;
mod writer;

#[cfg(test)]
mod tests;

pub use backup::BackupSummary;
pub use batch::Batch;
pub use blobs::{BlobId, NotABlobId};
pub use error::{OpenError, StoreError};
pub use journal::{Journal, JournalEntry};
pub use keys::{MasterKeyInfo, MasterKeySource};
pub use record::Record;
pub use repository::{Named, Repository};
pub use secret::Secret;
pub use store::{Options, Store, StoreInfo, restore};
