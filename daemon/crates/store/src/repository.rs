//! Records that people tell apart by their names.
//!
//! - Names are unique: they are checked and saved under one lock.
//! - A record that was removed meanwhile is not written again.

use crate::{Batch, Record, Store, StoreError};
use labd_protocol::{ApiError, ErrorCode};
use std::{fmt::Display, marker::PhantomData, sync::Arc};
use tokio::sync::Mutex;

/// A record with an id and a name.
pub trait Named: Record {
    /// What people call such a thing: `source`.
    const WHAT: &'static str;

    /// Its id.
    type Id: Copy + Display + PartialEq;

    /// Its id.
    fn id(&self) -> Self::Id;

    /// Its name.
    fn name(&self) -> &str;
}

/// All records of a kind. Cheap to clone; clones share the lock under which names are checked.
#[derive(Clone)]
pub struct Repository<R> {
    store: Store,
    saving: Arc<Mutex<()>>,
    kind: PhantomData<fn() -> R>,
}

impl<R: Named> Repository<R> {
    /// Those of a store. One per kind, since it holds the lock.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self {
            store,
            saving: Arc::default(),
            kind: PhantomData,
        }
    }

    /// All of them, in the order of their ids, which is that of their making, to the millisecond.
    ///
    /// # Errors
    /// When the store fails.
    pub fn all(&self) -> Result<Vec<R>, ApiError> {
        let all = self.store.list("")?;
        Ok(all.into_iter().map(|(_, record)| record).collect())
    }

    /// One of them.
    ///
    /// # Errors
    /// `not_found`, or when the store fails.
    pub fn get(&self, id: R::Id) -> Result<R, ApiError> {
        let found = self.store.get(&id.to_string())?;
        found.ok_or_else(|| ApiError::not_found(R::WHAT, id))
    }

    /// Saves a new one.
    ///
    /// # Errors
    /// `conflict` when the name is taken, or when the store fails.
    pub async fn add(&self, record: &R) -> Result<(), ApiError> {
        let _saving = self.saving.lock().await;
        self.expect_free_name(record)?;
        let mut batch = Batch::new();
        batch.put(&record.id().to_string(), record)?;
        Ok(self.store.commit(batch).await?)
    }

    /// Changes one as it is now.
    ///
    /// # Errors
    /// `not_found`, `conflict` when the new name is taken, what `change` gives, or when the store
    /// fails.
    pub async fn change(
        &self,
        id: R::Id,
        change: impl FnOnce(&mut R) -> Result<(), ApiError>,
    ) -> Result<R, ApiError> {
        self.change_with(id, |record, _| change(record)).await
    }

    /// Changes one as it is now, and with it what belongs to it, in one batch.
    ///
    /// # Errors
    /// As [`change`](Self::change).
    pub async fn change_with(
        &self,
        id: R::Id,
        change: impl FnOnce(&mut R, &mut Batch) -> Result<(), ApiError>,
    ) -> Result<R, ApiError> {
        let _saving = self.saving.lock().await;
        let mut record = self.get(id)?;
        let mut batch = Batch::new();
        change(&mut record, &mut batch)?;
        self.expect_free_name(&record)?;
        batch.put(&id.to_string(), &record)?;
        self.store.commit(batch).await?;
        Ok(record)
    }

    /// Removes one, and with it what belongs to it, in one batch.
    ///
    /// # Errors
    /// `not_found`, what `with` gives, or when the store fails.
    pub async fn remove_with(
        &self,
        id: R::Id,
        with: impl FnOnce(&mut Batch) -> Result<(), ApiError>,
    ) -> Result<(), ApiError> {
        let _saving = self.saving.lock().await;
        self.get(id)?;
        let mut batch = Batch::new();
        batch.delete::<R>(&id.to_string());
        with(&mut batch)?;
        Ok(self.store.commit(batch).await?)
    }

    /// Whether a record may be saved under its name. Said early, to spare the work before it is
    /// saved; saving asks again.
    ///
    /// # Errors
    /// `conflict` when another one has the name, or when the store fails.
    pub fn expect_free_name(&self, record: &R) -> Result<(), ApiError> {
        let taken = self
            .all()?
            .iter()
            .any(|other| other.id() != record.id() && other.name() == record.name());
        if taken {
            let (what, name) = (R::WHAT, record.name());
            return Err(ApiError::new(
                ErrorCode::Conflict,
                format!("There is a {what} named {name} already."),
            ));
        }
        Ok(())
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let code = match &error {
            StoreError::Conflict { .. } => ErrorCode::Conflict,
            StoreError::TooLarge { .. } => ErrorCode::TooLarge,
            StoreError::InvalidId { .. } => ErrorCode::InvalidRequest,
            _ => ErrorCode::StorageFailed,
        };
        if code == ErrorCode::StorageFailed {
            tracing::error!(%error, "the store failed");
        }
        Self::new(code, format!("{error}."))
    }
}
