//! The tables `checkpoints`, `walk_unmet` and `source_traits`: where walks stand, and what was learned on the way.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::SqliteConnection;

use crate::clock::Timestamp;
use crate::plan::Walk;
use crate::store::batch::Unmet;
use crate::store::{Reader, Store, StoreError, Transaction};

/// Where a list of chats stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredCheckpoint {
    /// Through when the list has been seen.
    pub watermark: Option<Timestamp>,
    /// A walk under way.
    pub walk: Option<Walk>,
}

/// Saves where a list stands; a watermark that is not given stays.
pub(in crate::store) async fn save_checkpoint(
    connection: &mut SqliteConnection,
    stream: &str,
    walk: Option<&Walk>,
    watermark: Option<Timestamp>,
    at: Timestamp,
) -> Result<(), StoreError> {
    let walk = walk.map(serde_json::to_string).transpose()?;
    sqlx::query!(
        "insert into checkpoints (stream, watermark, walk, saved_at) values (?1, ?2, ?3, ?4)
         on conflict (stream) do update set
             watermark = coalesce(excluded.watermark, watermark), walk = excluded.walk, saved_at = excluded.saved_at",
        stream,
        watermark,
        walk,
        at
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Keeps the books of a whole walk: which stored rows it has not met yet.
pub(in crate::store) async fn track(
    connection: &mut SqliteConnection,
    stream: &str,
    chat_id: Option<i64>,
    unmet: &Unmet,
) -> Result<(), StoreError> {
    match unmet {
        Unmet::Untracked => Ok(()),
        Unmet::Begin(met) => {
            clear(connection, stream).await?;
            fill(connection, stream, chat_id).await?;
            strike(connection, stream, met).await
        }
        Unmet::Met(met) => strike(connection, stream, met).await,
        Unmet::Clear => clear(connection, stream).await,
    }
}

async fn fill(
    connection: &mut SqliteConnection,
    stream: &str,
    chat_id: Option<i64>,
) -> Result<(), StoreError> {
    if let Some(chat_id) = chat_id {
        sqlx::query!(
            "insert into walk_unmet (stream, id)
             select ?1, id from messages where chat_id = ?2 and missing_since is null",
            stream,
            chat_id
        )
        .execute(connection)
        .await?;
    } else {
        sqlx::query!(
            "insert into walk_unmet (stream, id) select ?1, id from chats where missing_since is null",
            stream
        )
        .execute(connection)
        .await?;
    }
    Ok(())
}

async fn strike(
    connection: &mut SqliteConnection,
    stream: &str,
    met: &[i64],
) -> Result<(), StoreError> {
    let met = serde_json::to_string(met)?;
    sqlx::query!(
        "delete from walk_unmet where stream = ?1 and id in (select value from json_each(?2))",
        stream,
        met
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn clear(connection: &mut SqliteConnection, stream: &str) -> Result<(), StoreError> {
    sqlx::query!("delete from walk_unmet where stream = ?1", stream)
        .execute(connection)
        .await?;
    Ok(())
}

impl Transaction {
    /// The stored rows that the whole walk under way has not met, in order.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn unmet(&mut self, stream: &str) -> Result<Vec<i64>, StoreError> {
        let ids = sqlx::query_scalar!(
            "select id from walk_unmet where stream = ?1 order by id",
            stream
        )
        .fetch_all(self.connection()?)
        .await?;
        Ok(ids)
    }
}

impl Transaction {
    /// Forgets where the walks of the lists of chats stood: they are over.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn end_list_walks(&mut self) -> Result<(), StoreError> {
        sqlx::query!(
            "update checkpoints set walk = null where walk is not null and stream like 'chats%'"
        )
        .execute(self.connection()?)
        .await?;
        sqlx::query!("delete from walk_unmet where stream like 'chats%'")
            .execute(self.connection()?)
            .await?;
        Ok(())
    }
}

impl Reader {
    /// Where a list of chats stands.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn checkpoint(&self, stream: &str) -> Result<StoredCheckpoint, StoreError> {
        let row = sqlx::query!(
            r#"select watermark as "watermark: Timestamp", walk as "walk: String" from checkpoints where stream = ?1"#,
            stream
        )
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else {
            return Ok(StoredCheckpoint::default());
        };
        Ok(StoredCheckpoint {
            watermark: row.watermark,
            walk: row.walk.as_deref().map(serde_json::from_str).transpose()?,
        })
    }

    /// What was learned of the source under this name.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn learned<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, StoreError> {
        let value = sqlx::query_scalar!(
            r#"select value as "value: String" from source_traits where name = ?1"#,
            name
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(value.as_deref().map(serde_json::from_str).transpose()?)
    }
}

impl Store {
    /// Forgets where the walk of one list stood.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn forget_walk(&self, stream: &str) -> Result<(), StoreError> {
        sqlx::query!(
            "update checkpoints set walk = null where stream = ?1",
            stream
        )
        .execute(self.writer.alone().await?.pool)
        .await?;
        Ok(())
    }

    /// Remembers what was learned of the source; the same again is not written.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn learn<T: Serialize>(
        &self,
        name: &str,
        value: &T,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let value = serde_json::to_string(value)?;
        sqlx::query!(
            "insert into source_traits (name, value, learned_at) values (?1, ?2, ?3)
             on conflict (name) do update set value = excluded.value, learned_at = excluded.learned_at
             where value is not excluded.value",
            name,
            value,
            at
        )
        .execute(self.writer.alone().await?.pool)
        .await?;
        Ok(())
    }
}
