//! Care of the file: its statistics kept good, its write-ahead log kept short, its room given back.

use super::{FileSizes, Store, StoreError};

impl Store {
    /// Rewrites the file without the room of deleted rows, and renews the planner's statistics. Needs as much room again
    /// for as long as it takes; readers go on reading.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`] where there is not that much room, asked for before anything is written; or whatever SQLite says.
    pub async fn compact(&self) -> Result<(), StoreError> {
        let files = FileSizes::of(self.path());
        // The new file is written into the write-ahead log first, and from there into the old one.
        let wanted = files.database * 2;
        if files.free.is_some_and(|free| free < wanted) {
            return Err(StoreError::DiskFull(format!(
                "rewriting the file takes up to {wanted} bytes, {} are left",
                files.free.unwrap_or_default()
            )));
        }
        for statement in ["analyze", "vacuum", "pragma wal_checkpoint(truncate)"] {
            sqlx::query(statement)
                .execute(self.writer.alone().await?.pool)
                .await?;
        }
        Ok(())
    }

    /// What SQLite itself suggests to do now and then, and the log brought into the file as far as readers let it.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn optimise(&self) -> Result<(), StoreError> {
        for statement in ["pragma optimize", "pragma wal_checkpoint(truncate)"] {
            sqlx::query(statement)
                .execute(self.writer.alone().await?.pool)
                .await?;
        }
        Ok(())
    }
}
