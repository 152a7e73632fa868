//! What the books have of deliveries: when they were taken in, and the bodies for as long as they are kept.

use crate::clock::Timestamp;
use crate::store::{Store, StoreError};

impl Store {
    /// Opens the row of a time in which deliveries are taken in, and gives its id. [`Store::finish_run`] closes it.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn begin_intake(&self, at: Timestamp) -> Result<i64, StoreError> {
        let row = sqlx::query!(
            "insert into sync_runs (mode, started_at, status) values ('events', ?1, 'running')",
            at
        )
        .execute(self.writer.alone().await?.pool)
        .await?;
        Ok(row.last_insert_rowid())
    }

    /// Drops bodies that came before `before` and are in the tables.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn drop_deliveries(&self, before: Timestamp) -> Result<(), StoreError> {
        sqlx::query!(
            "delete from deliveries where received_at < ?1 and applied_at is not null",
            before
        )
        .execute(self.writer.alone().await?.pool)
        .await?;
        Ok(())
    }
}
