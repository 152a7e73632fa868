//! Which chats are to be read next, by what the table `chat_sync` says is owed of them and when they were read.

use futures_util::StreamExt;

use crate::clock::Timestamp;
use crate::plan::Owed;
use crate::store::{Reader, StoreError};

/// A chat whose messages are to be read now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueChat {
    /// The chat.
    pub chat_id: i64,
    /// Why.
    pub owed: Owed,
}

/// How many chats are to be read now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueCounts {
    /// All of them.
    pub chats: i64,
    /// Those of which every page must be read.
    pub whole: i64,
    /// Those that were never read.
    pub new: i64,
}

impl Reader {
    /// Chats of which nothing is owed and whose last full reading is too old: of those that changed since `recent`, older than
    /// `recent_horizon`, of the others, older than `horizon`. The recently active come first.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn stale_chats(
        &self,
        recent: Timestamp,
        recent_horizon: Timestamp,
        horizon: Timestamp,
        most: u32,
    ) -> Result<Vec<i64>, StoreError> {
        let stale = sqlx::query_scalar!(
            r#"select id as "id!: i64" from (
                   select chats.id, 0 as rank, chats.updated_at as moment
                   from chats
                   join chat_sync on chat_sync.chat_id = chats.id
                   where chats.updated_at >= ?1 and chats.missing_since is null
                     and chat_sync.owed is null and chat_sync.read_at < ?2
                   union
                   select chat_id, 1, read_at from chat_sync
                   join chats on chats.id = chat_id
                   where owed is null and read_at < ?3 and missing_since is null
               )
               group by id order by min(rank), moment limit ?4"#,
            recent,
            recent_horizon,
            horizon,
            most
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(stale)
    }

    /// How many chats are to be read at `now`, by the source's clock.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn due_counts(&self, now: Timestamp) -> Result<DueCounts, StoreError> {
        let counts = sqlx::query_as!(
            DueCounts,
            r#"select count(*) as "chats!",
                      count(*) filter (where whole or owed not in ('changed', 'unsettled')) as "whole!",
                      count(*) filter (where owed = 'new') as "new!"
               from chat_sync
               where owed is not null and (due_at is null or due_at <= ?1)"#,
            now
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(counts)
    }

    /// Shows the chats to be read at the server's `now`, one by one, for they may be very many: changes first, the latest before the
    /// others, then history, then re-reads; of each kind those last that could not be read before.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn each_due(
        &self,
        now: Timestamp,
        mut see: impl FnMut(DueChat),
    ) -> Result<(), StoreError> {
        let mut due = sqlx::query_as!(
            DueChat,
            r#"select chat_sync.chat_id, chat_sync.owed as "owed!: Owed"
               from chat_sync
               join chats on chats.id = chat_sync.chat_id
               where chat_sync.owed is not null and (chat_sync.due_at is null or chat_sync.due_at <= ?1)
               order by case chat_sync.owed
                            when 'changed' then 0
                            when 'unsettled' then 0
                            when 'vanished' then 3
                            when 'missing' then 4
                            when 'reread' then 5
                            when 'doubted' then 6
                            else iif(chat_sync.whole, 2, 1)
                        end,
                        chat_sync.failures > 0,
                        chats.updated_at desc,
                        chats.id"#,
            now
        )
        .fetch(&self.pool);
        while let Some(next) = due.next().await {
            see(next?);
        }
        Ok(())
    }

    /// Of the chats to be read at the server's `now` the `most` that have been owed for longest, those that never were whole before all. What is only
    /// looked at again, and what could not be read several times, comes behind all debts.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn longest_due(&self, now: Timestamp, most: u32) -> Result<Vec<DueChat>, StoreError> {
        let due = sqlx::query_as!(
            DueChat,
            r#"select chat_sync.chat_id, chat_sync.owed as "owed!: Owed"
               from chat_sync
               join chats on chats.id = chat_sync.chat_id
               where chat_sync.owed is not null and (chat_sync.due_at is null or chat_sync.due_at <= ?1)
               order by chat_sync.failures > 2,
                        chat_sync.owed in ('reread', 'missing', 'doubted'),
                        iif(
                            chat_sync.owed = 'vanished',
                            chats.missing_since,
                            coalesce(chat_sync.covered_through, chat_sync.claimed_at)
                        ),
                        chat_sync.chat_id
               limit ?2"#,
            now,
            most
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(due)
    }
}
