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

/// A row that a walk has met, or is still to meet.
#[derive(Serialize)]
struct Met<'a> {
    stream: &'a str,
    id: i64,
}

/// Keeps the books of whole walks, each by its stream and its chat: which stored rows it has not met yet.
pub(in crate::store) async fn track<'a>(
    connection: &mut SqliteConnection,
    walks: impl Iterator<Item = (&'a str, Option<i64>, &'a Unmet)>,
) -> Result<(), StoreError> {
    let mut over = Vec::new();
    let mut begun = Vec::new();
    let mut met = Vec::new();
    let mut late = Vec::new();
    for (stream, chat_id, unmet) in walks {
        if matches!(unmet, Unmet::Begin(_) | Unmet::Clear) {
            over.push(stream);
        }
        if matches!(unmet, Unmet::Begin(_)) {
            begun.push((stream, chat_id));
        }
        if let Unmet::Late { walk, ids } = unmet {
            late.extend(ids.iter().map(|id| Met {
                stream: walk,
                id: *id,
            }));
        }
        if let Unmet::Begin(ids) | Unmet::Met(ids) = unmet {
            met.extend(ids.iter().map(|id| Met { stream, id: *id }));
        }
    }
    clear(connection, &over).await?;
    for (stream, _) in begun.iter().filter(|(_, chat_id)| chat_id.is_none()) {
        fill_with_chats(connection, stream).await?;
    }
    begun.retain(|(_, chat_id)| chat_id.is_some());
    fill_with_messages(connection, &begun).await?;
    add(connection, &late).await?;
    strike(connection, &met).await
}

async fn add(connection: &mut SqliteConnection, late: &[Met<'_>]) -> Result<(), StoreError> {
    if late.is_empty() {
        return Ok(());
    }
    let late = serde_json::to_string(late)?;
    sqlx::query!(
        "insert or ignore into walk_unmet (stream, id)
         select value->>'stream', value->>'id' from jsonb_each(?1)",
        late
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn clear(connection: &mut SqliteConnection, streams: &[&str]) -> Result<(), StoreError> {
    if streams.is_empty() {
        return Ok(());
    }
    let streams = serde_json::to_string(streams)?;
    sqlx::query!(
        "delete from walk_unmet where stream in (select value from json_each(?1))",
        streams
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn fill_with_chats(
    connection: &mut SqliteConnection,
    stream: &str,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into walk_unmet (stream, id) select ?1, id from chats where missing_since is null",
        stream
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn fill_with_messages(
    connection: &mut SqliteConnection,
    chats: &[(&str, Option<i64>)],
) -> Result<(), StoreError> {
    if chats.is_empty() {
        return Ok(());
    }
    let chats = serde_json::to_string(chats)?;
    sqlx::query!(
        "insert into walk_unmet (stream, id)
         select chat.value->>0, messages.id
         from jsonb_each(?1) as chat
         join messages on messages.chat_id = chat.value->>1 and messages.missing_since is null",
        chats
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn strike(connection: &mut SqliteConnection, met: &[Met<'_>]) -> Result<(), StoreError> {
    if met.is_empty() {
        return Ok(());
    }
    let met = serde_json::to_string(met)?;
    sqlx::query!(
        "delete from walk_unmet
         where (stream, id) in (select value->>'stream', value->>'id' from jsonb_each(?1))",
        met
    )
    .execute(connection)
    .await?;
    Ok(())
}

impl Transaction {
    /// The stored messages of this chat that the whole walk under way through `stream`, its list, has not met, in order.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn unmet_messages(
        &mut self,
        stream: &str,
        chat_id: i64,
    ) -> Result<Vec<i64>, StoreError> {
        let ids = sqlx::query_scalar!(
            "select id from walk_unmet where stream = ?1 order by id",
            stream
        )
        .fetch_all(self.connection_about(chat_id).await?)
        .await?;
        Ok(ids)
    }

    /// Chats that the whole walk through the list `met` has met and that through `unmet` has not: in order the first `most` behind the
    /// number `after`.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn met_only_by(
        &mut self,
        met: &str,
        unmet: &str,
        after: i64,
        most: u32,
    ) -> Result<Vec<i64>, StoreError> {
        let ids = sqlx::query_scalar!(
            "select id from walk_unmet as here
             where stream = ?1 and id > ?2
               and not exists (select 1 from walk_unmet as there where there.stream = ?3 and there.id = here.id)
             order by id limit ?4",
            unmet,
            after,
            met,
            most
        )
        .fetch_all(self.connection().await?)
        .await?;
        Ok(ids)
    }

    /// Chats that the whole walks through neither of these lists have met, in order.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn met_by_neither(
        &mut self,
        stream: &str,
        other: &str,
    ) -> Result<Vec<i64>, StoreError> {
        let ids = sqlx::query_scalar!(
            "select id from walk_unmet as here
             where stream = ?1
               and exists (select 1 from walk_unmet as there where there.stream = ?2 and there.id = here.id)
             order by id",
            stream,
            other
        )
        .fetch_all(self.connection().await?)
        .await?;
        Ok(ids)
    }

    /// How many chats the whole walk through a list of them has not met.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn count_unmet(&mut self, stream: &str) -> Result<i64, StoreError> {
        let count = sqlx::query_scalar!(
            r#"select count(*) as "count!" from walk_unmet where stream = ?1"#,
            stream
        )
        .fetch_one(self.connection().await?)
        .await?;
        Ok(count)
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
        .execute(self.connection().await?)
        .await?;
        sqlx::query!("delete from walk_unmet where stream like 'chats%'")
            .execute(self.connection().await?)
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

    /// Forgets where the walks of all lists stood, and what they had not met.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn end_list_walks(&self) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        transaction.end_list_walks().await?;
        transaction.keep().await
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
