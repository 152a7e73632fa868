//! Chats that have lost much of what they held: how many there are decides whether it is believed.

use crate::clock::Timestamp;
use crate::store::{Store, StoreError, Transaction};

impl Transaction {
    /// How many chats but `chat_id` were found to have lost much since `moment`; `most` at most are counted.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn other_losses(
        &mut self,
        chat_id: i64,
        moment: Timestamp,
        most: u32,
    ) -> Result<u32, StoreError> {
        let chats = sqlx::query_scalar!(
            r#"select count(*) as "chats: u32"
               from (select 1 from chat_sync where lost_at > ?1 and chat_id <> ?2 limit ?3)"#,
            moment,
            chat_id,
            most
        )
        .fetch_one(self.connection().await?)
        .await?;
        Ok(chats)
    }

    /// The chat's messages that were missing since `moment` or later, and are called deleted for it.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn believed(
        &mut self,
        chat_id: i64,
        moment: Timestamp,
    ) -> Result<Vec<i64>, StoreError> {
        let ids = sqlx::query_scalar!(
            "select id from messages where chat_id = ?1 and missing_since >= ?2 and deleted_at >= missing_since",
            chat_id,
            moment
        )
        .fetch_all(self.connection().await?)
        .await?;
        Ok(ids)
    }

    /// Of the chats that were found to have lost much since `moment`, owes those another look at `due_at` whose loss was believed.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn doubt_believed(
        &mut self,
        moment: Timestamp,
        due_at: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "update chat_sync set owed = 'doubted', due_at = ?2
             where lost_at > ?1 and owed is null and chat_id in (select id from chats where missing_since is null)",
            moment,
            due_at
        )
        .execute(self.connection().await?)
        .await?;
        Ok(())
    }
}

impl Store {
    /// Believes all losses that were found: what is missing is deleted if the next look misses it still.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn believe_losses(&self) -> Result<(), StoreError> {
        sqlx::query!(
            "update chat_sync
             set lost_at = null, due_at = iif(owed = 'doubted', null, due_at), owed = iif(owed = 'doubted', 'missing', owed)
             where lost_at is not null or owed = 'doubted'"
        )
        .execute(self.writer.alone().await?.pool)
        .await?;
        Ok(())
    }
}
