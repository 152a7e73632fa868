//! The tables `rejects` and `schema_drift`: what could not be read, and what nobody expected.

use std::collections::BTreeMap;

use serde::Serialize;
use sqlx::SqliteConnection;

use crate::clock::Timestamp;
use crate::model::{Drift, Reject};
use crate::store::{Store, StoreError, Transaction};

#[derive(Serialize)]
struct RejectRow<'a> {
    item_id: Option<i64>,
    raw: &'a str,
    why: &'a str,
}

/// Writes down what could not be read; the same item met again is counted, not repeated.
pub(in crate::store) async fn note_rejects(
    connection: &mut SqliteConnection,
    stream: &str,
    chat_id: Option<i64>,
    rejects: &[Reject],
    at: Timestamp,
) -> Result<(), StoreError> {
    if rejects.is_empty() {
        return Ok(());
    }
    let rows: Vec<RejectRow> = rejects
        .iter()
        .map(|Reject { item_id, raw, why }| RejectRow {
            item_id: *item_id,
            raw,
            why,
        })
        .collect();
    let rows = serde_json::to_string(&rows)?;
    sqlx::query!(
        "insert into rejects (stream, chat_id, item_id, raw, why, first_seen_at, last_seen_at)
         select ?1, ?2, value->>'item_id', value->>'raw', value->>'why', ?3, ?3
         from jsonb_each(?4)
         where true
         on conflict (stream, raw) do update set
             why = excluded.why, times_seen = times_seen + 1, last_seen_at = excluded.last_seen_at, resolved_at = null",
        stream,
        chat_id,
        at,
        rows
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Settles rejects whose items have been read since.
pub(in crate::store) async fn settle_rejects(
    connection: &mut SqliteConnection,
    stream: &str,
    read: &[i64],
    at: Timestamp,
) -> Result<(), StoreError> {
    let read = serde_json::to_string(read)?;
    sqlx::query!(
        "update rejects set resolved_at = ?1
         where stream = ?2 and resolved_at is null and item_id in (select value from json_each(?3))",
        at,
        stream,
        read
    )
    .execute(connection)
    .await?;
    Ok(())
}

#[derive(Serialize)]
struct DriftRow<'a> {
    path: &'a str,
    json_type: &'a str,
    count: u64,
    example: &'a str,
    first_seen_at: Timestamp,
    last_seen_at: Timestamp,
}

/// Counts values that no column is meant for, each met at a moment, and logs each kind of them once: the first time it is
/// met.
pub(in crate::store) async fn note_drift(
    connection: &mut SqliteConnection,
    drift: &[(Drift, Timestamp)],
) -> Result<(), StoreError> {
    if drift.is_empty() {
        return Ok(());
    }
    let mut rows: BTreeMap<(&str, &str), DriftRow> = BTreeMap::new();
    for (drift, at) in drift {
        let Drift {
            path,
            json_type,
            example,
        } = drift;
        let row = rows.entry((path, json_type)).or_insert(DriftRow {
            path,
            json_type,
            count: 0,
            example,
            first_seen_at: *at,
            last_seen_at: *at,
        });
        row.count += 1;
        row.last_seen_at = row.last_seen_at.max(*at);
    }
    let json = serde_json::to_string(&rows.values().collect::<Vec<_>>())?;
    let counts = sqlx::query!(
        "insert into schema_drift (path, json_type, first_seen_at, last_seen_at, count, example)
         select value->>'path', value->>'json_type', value->>'first_seen_at', value->>'last_seen_at', value->>'count',
                value->>'example'
         from jsonb_each(?1)
         where true
         on conflict (path, json_type) do update set
             last_seen_at = excluded.last_seen_at, count = count + excluded.count
         returning path, json_type, count",
        json
    )
    .fetch_all(connection)
    .await?;
    for stored in counts {
        let met = rows.get(&(stored.path.as_str(), stored.json_type.as_str()));
        if met.is_some_and(|met| met.count.cast_signed() == stored.count) {
            tracing::info!(
                path = stored.path,
                json_type = stored.json_type,
                "the source sends what no column is meant for"
            );
        }
    }
    Ok(())
}

impl Store {
    /// Owes a reading to every chat with a message that could not be read; says whether there are unreadable chats as well.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn owe_rejects(&self) -> Result<bool, StoreError> {
        sqlx::query!(
            "update chat_sync
             set owed = coalesce(owed, 'reread'), whole = 1, due_at = null, walk = null
             where chat_id in (select chat_id from rejects where resolved_at is null)"
        )
        .execute(self.writer.alone().await?.pool)
        .await?;
        let chats = sqlx::query_scalar!(
            "select count(*) from rejects where resolved_at is null and chat_id is null"
        )
        .fetch_one(self.writer.alone().await?.pool)
        .await?;
        Ok(chats > 0)
    }
}

impl Transaction {
    /// Of the rejects, those that this stream has never shown before.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn unheard_rejects(
        &mut self,
        stream: &str,
        rejects: &[Reject],
    ) -> Result<usize, StoreError> {
        if rejects.is_empty() {
            return Ok(0);
        }
        let raw: Vec<&str> = rejects.iter().map(|reject| reject.raw.as_str()).collect();
        let raw = serde_json::to_string(&raw)?;
        let heard = sqlx::query_scalar!(
            "select count(*) from rejects where stream = ?1 and raw in (select value from json_each(?2))",
            stream,
            raw
        )
        .fetch_one(self.connection().await?)
        .await?;
        Ok(rejects
            .len()
            .saturating_sub(usize::try_from(heard).unwrap_or(usize::MAX)))
    }

    /// Unreadable items of the stream that were met since `since`.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn open_rejects(
        &mut self,
        stream: &str,
        since: Option<Timestamp>,
    ) -> Result<i64, StoreError> {
        let count = sqlx::query_scalar!(
            "select count(*) from rejects
             where stream = ?1 and resolved_at is null and (?2 is null or last_seen_at >= ?2)",
            stream,
            since
        )
        .fetch_one(self.connection().await?)
        .await?;
        Ok(count)
    }

    /// The ids, where they could be read, of the unreadable items that the stream has shown since `since`.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn rejected_items(
        &mut self,
        stream: &str,
        since: Timestamp,
    ) -> Result<Vec<Option<i64>>, StoreError> {
        let ids = sqlx::query_scalar!(
            "select item_id from rejects
             where stream = ?1 and resolved_at is null and last_seen_at >= ?2",
            stream,
            since
        )
        .fetch_all(self.connection().await?)
        .await?;
        Ok(ids)
    }

    /// Unreadable items of the stream that were met since `since`, those of the page at hand left out.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn other_open_rejects(
        &mut self,
        stream: &str,
        since: Timestamp,
        here: &[Reject],
    ) -> Result<i64, StoreError> {
        let raw: Vec<&str> = here.iter().map(|reject| reject.raw.as_str()).collect();
        let raw = serde_json::to_string(&raw)?;
        let count = sqlx::query_scalar!(
            "select count(*) from rejects
             where stream = ?1 and resolved_at is null and last_seen_at >= ?2
               and raw not in (select value from json_each(?3))",
            stream,
            since,
            raw
        )
        .fetch_one(self.connection().await?)
        .await?;
        Ok(count)
    }

    /// Settles the unreadable items of the stream that a closed walk begun at `since` no longer met.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn forget_rejects(
        &mut self,
        stream: &str,
        since: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query!(
            "update rejects set resolved_at = ?2
             where stream = ?1 and resolved_at is null and last_seen_at < ?2",
            stream,
            since
        )
        .execute(self.connection().await?)
        .await?;
        Ok(())
    }
}
