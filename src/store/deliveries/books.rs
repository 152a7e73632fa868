//! What the books have of deliveries: when they were taken in, and the bodies for as long as they are kept.

use crate::clock::Timestamp;
use crate::store::{Reader, Store, StoreError, TableCount};

/// Bodies that are dropped in one transaction.
const AT_A_TIME: u32 = 1000;

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

    /// Drops bodies that came before `before` and are in the tables: so many at a time that those who come meanwhile need not wait.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn drop_deliveries(&self, before: Timestamp) -> Result<(), StoreError> {
        loop {
            let dropped = sqlx::query!(
                "delete from deliveries where rowid in (
                     select rowid from deliveries
                     where received_at < ?1 and applied_at is not null limit ?2
                 )",
                before,
                AT_A_TIME
            )
            .execute(self.writer.alone().await?.pool)
            .await?;
            if dropped.rows_affected() < u64::from(AT_A_TIME) {
                return Ok(());
            }
        }
    }
}

impl Reader {
    /// The number of the last line of `changes`; 0 if there is none.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn last_change(&self) -> Result<i64, StoreError> {
        let last =
            sqlx::query_scalar!(r#"select coalesce(max(seq), 0) as "last!: i64" from changes"#)
                .fetch_one(&self.pool)
                .await?;
        Ok(last)
    }

    /// The tables that only platforms which push fill, and their sizes.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn event_counts(&self) -> Result<Vec<TableCount>, StoreError> {
        let counts = sqlx::query_as!(
            TableCount,
            r#"select 'operators' as "table!: String", count(*) as "rows!: i64", 0 as "gone!: i64" from operators
               union all select 'projects', count(*), 0 from projects
               union all select 'tickets', count(*), 0 from tickets
               union all select 'files', count(*), 0 from files
               union all select 'events', count(*), 0 from events"#
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(counts)
    }
}
