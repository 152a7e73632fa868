//! The table `chat_sync`: per chat, what is covered and what is owed.

use serde::Serialize;
use sqlx::SqliteConnection;

use crate::clock::Timestamp;
use crate::model::ChatState;
use crate::plan::{ChatSync, Owed, Walk};
use crate::store::rows::{self, ChatRow, MessageRow};
use crate::store::{Store, StoreError, Transaction};

use super::due::DueChat;

/// A row as the writing statement takes it.
#[derive(Serialize)]
struct ChatSyncRow<'a> {
    chat_id: i64,
    owed: Option<Owed>,
    whole: bool,
    due_at: Option<Timestamp>,
    covered_through: Option<Timestamp>,
    claimed_at: Option<Timestamp>,
    expected_count: Option<i64>,
    stored_count: Option<i64>,
    proven_at: Option<Timestamp>,
    read_at: Option<Timestamp>,
    lost_at: Option<Timestamp>,
    walk: Option<String>,
    failures: i64,
    last_error: Option<&'a str>,
}

impl<'a> ChatSyncRow<'a> {
    fn of(chat: &'a ChatSync) -> Result<Self, serde_json::Error> {
        let ChatSync {
            chat_id,
            owed,
            whole,
            due_at,
            covered_through,
            claimed_at,
            expected_count,
            stored_count,
            proven_at,
            read_at,
            lost_at,
            walk,
            failures,
            last_error,
        } = chat;
        Ok(Self {
            chat_id: *chat_id,
            owed: *owed,
            whole: *whole,
            due_at: *due_at,
            covered_through: *covered_through,
            claimed_at: *claimed_at,
            expected_count: *expected_count,
            stored_count: *stored_count,
            proven_at: *proven_at,
            read_at: *read_at,
            lost_at: *lost_at,
            walk: walk.as_ref().map(serde_json::to_string).transpose()?,
            failures: *failures,
            last_error: last_error.as_deref(),
        })
    }
}

/// Writes these rows, whole.
pub(in crate::store) async fn save(
    connection: &mut SqliteConnection,
    chats: &[ChatSync],
) -> Result<(), StoreError> {
    let rows: Vec<ChatSyncRow> = chats
        .iter()
        .map(ChatSyncRow::of)
        .collect::<Result<_, _>>()?;
    let rows = serde_json::to_string(&rows)?;
    sqlx::query!(
        "insert into chat_sync (chat_id, owed, whole, due_at, covered_through, claimed_at, expected_count,
                                stored_count, proven_at, read_at, lost_at, walk, failures, last_error)
         select value->>'chat_id', value->>'owed', value->>'whole', value->>'due_at', value->>'covered_through',
                value->>'claimed_at', value->>'expected_count', value->>'stored_count', value->>'proven_at',
                value->>'read_at', value->>'lost_at', value->>'walk', value->>'failures', value->>'last_error'
         from jsonb_each(?1)
         where true
         on conflict (chat_id) do update set
             owed = excluded.owed, whole = excluded.whole, due_at = excluded.due_at,
             covered_through = excluded.covered_through, claimed_at = excluded.claimed_at,
             expected_count = excluded.expected_count, stored_count = excluded.stored_count,
             proven_at = excluded.proven_at, read_at = excluded.read_at, lost_at = excluded.lost_at,
             walk = excluded.walk, failures = excluded.failures, last_error = excluded.last_error",
        rows
    )
    .execute(connection)
    .await?;
    Ok(())
}

impl Transaction {
    /// The ledger's rows of the chats `ids`, in no order; a chat that has none is left out.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn chat_syncs(&mut self, ids: &[i64]) -> Result<Vec<ChatSync>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids = serde_json::to_string(ids)?;
        let rows = sqlx::query!(
            r#"select chat_id, owed as "owed: Owed", whole, due_at as "due_at: Timestamp",
                      covered_through as "covered_through: Timestamp", claimed_at as "claimed_at: Timestamp",
                      expected_count, stored_count, proven_at as "proven_at: Timestamp",
                      read_at as "read_at: Timestamp", lost_at as "lost_at: Timestamp",
                      walk as "walk: String", failures, last_error
               from chat_sync
               where chat_id in (select value from json_each(?1))"#,
            ids
        )
        .fetch_all(self.connection().await?)
        .await?;
        rows.into_iter()
            .map(|row| {
                let walk = row
                    .walk
                    .as_deref()
                    .map(serde_json::from_str::<Walk>)
                    .transpose()?;
                Ok(ChatSync {
                    chat_id: row.chat_id,
                    owed: row.owed,
                    whole: row.whole,
                    due_at: row.due_at,
                    covered_through: row.covered_through,
                    claimed_at: row.claimed_at,
                    expected_count: row.expected_count,
                    stored_count: row.stored_count,
                    proven_at: row.proven_at,
                    read_at: row.read_at,
                    lost_at: row.lost_at,
                    walk,
                    failures: row.failures,
                    last_error: row.last_error,
                })
            })
            .collect()
    }

    /// How many messages of the chat the source lists, by what is stored.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn listed_messages(&mut self, chat_id: i64) -> Result<i64, StoreError> {
        let count = sqlx::query_scalar!(
            "select count(*) from messages where chat_id = ?1 and missing_since is null",
            chat_id
        )
        .fetch_one(self.connection().await?)
        .await?;
        Ok(count)
    }

    /// Whether a chat that the source has is owed a reading, and was not whole at `moment` or later.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn owes_since(&mut self, moment: Timestamp) -> Result<bool, StoreError> {
        let owes = sqlx::query_scalar!(
            r#"select exists (
                   select 1 from chat_sync
                   where owed in ('new', 'changed', 'unsettled', 'count', 'unexplained', 'moved', 'reject')
                     and (claimed_at is null or claimed_at < ?1)
                     and (owed not in ('changed', 'unsettled') or covered_through is null or covered_through < ?1)
               ) as "owes!: bool""#,
            moment
        )
        .fetch_one(self.connection().await?)
        .await?;
        Ok(owes)
    }

    /// When the last of the chats vanished that were not read since `moment` and are not known to be deleted; nothing if there is none.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn last_vanished(
        &mut self,
        moment: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let last = sqlx::query_scalar!(
            r#"select max(chats.missing_since) as "last?: Timestamp"
               from chat_sync
               join chats on chats.id = chat_sync.chat_id
               where chat_sync.owed = 'vanished' and (claimed_at is null or claimed_at < ?1)"#,
            moment
        )
        .fetch_one(self.connection().await?)
        .await?;
        Ok(last)
    }

    /// The ids of the chat's messages that the source lists, by what is stored.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn listed_ids(&mut self, chat_id: i64) -> Result<Vec<i64>, StoreError> {
        let ids = sqlx::query_scalar!(
            "select id from messages where chat_id = ?1 and missing_since is null order by id",
            chat_id
        )
        .fetch_all(self.connection_about(chat_id).await?)
        .await?;
        Ok(ids)
    }

    /// The chat's messages that are missing and not yet known to be deleted.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn missing_messages(&mut self, chat_id: i64) -> Result<Vec<MessageRow>, StoreError> {
        let ids = sqlx::query_scalar!(
            "select id from messages where chat_id = ?1 and missing_since is not null and deleted_at is null order by id",
            chat_id
        )
        .fetch_all(self.connection().await?)
        .await?;
        self.messages(&ids).await
    }

    /// These messages as they are stored, by id.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn messages(&mut self, ids: &[i64]) -> Result<Vec<MessageRow>, StoreError> {
        let rows = rows::load_messages(self.connection().await?, ids.iter().copied()).await?;
        let mut rows: Vec<MessageRow> = rows.into_values().collect();
        rows.sort_unstable_by_key(|row| row.message.id);
        Ok(rows)
    }

    /// These chats as they are stored, by id.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn chats(&mut self, ids: &[i64]) -> Result<Vec<ChatRow>, StoreError> {
        let rows = rows::load_chats(self.connection().await?, ids.iter().copied()).await?;
        let mut rows: Vec<ChatRow> = rows.into_values().collect();
        rows.sort_unstable_by_key(|row| row.chat.id);
        Ok(rows)
    }

    /// How many chats the source lists, by what is stored; of one state, those whose state is not known counted in.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn listed_chats(&mut self, state: Option<ChatState>) -> Result<i64, StoreError> {
        let count = sqlx::query_scalar!(
            "select count(*) from chats where missing_since is null and (?1 is null or state is null or state = ?1)",
            state
        )
        .fetch_one(self.connection().await?)
        .await?;
        Ok(count)
    }
}

impl Store {
    /// The ledger's rows of these chats, in no order; a chat that has none is left out.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn chat_syncs(&self, due: &[DueChat]) -> Result<Vec<ChatSync>, StoreError> {
        let ids: Vec<i64> = due.iter().map(|due| due.chat_id).collect();
        let mut transaction = self.begin().await?;
        let rows = transaction.chat_syncs(&ids).await?;
        transaction.leave().await?;
        Ok(rows)
    }

    /// How many messages of the chat the source lists, by what is stored.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn listed_messages(&self, chat_id: i64) -> Result<i64, StoreError> {
        let mut transaction = self.begin().await?;
        let listed = transaction.listed_messages(chat_id).await?;
        transaction.leave().await?;
        Ok(listed)
    }

    /// Owes every chat a full re-read, and forgets where walks stood.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn owe_every_chat(&self) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        transaction.end_list_walks().await?;
        sqlx::query!(
            "update chat_sync
             set owed = coalesce(owed, 'reread'), whole = 1, due_at = null, walk = null
             where chat_id in (select id from chats where deleted_at is null)"
        )
        .execute(transaction.connection().await?)
        .await?;
        transaction.keep().await
    }
}
