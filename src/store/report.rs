//! What the mirror says of itself: read-only questions for people and scripts.

use std::path::PathBuf;

use serde::Serialize;
use sqlx::sqlite::SqlitePool;

use super::StoreError;
use crate::clock::Timestamp;
use crate::model::Account;

/// The mirror, open to be read.
#[derive(Clone, Debug)]
pub struct Reader {
    pub(super) pool: SqlitePool,
    pub(super) path: PathBuf,
}

/// Through when the mirror is complete, and what holds it back.
#[derive(Clone, Debug, Serialize)]
pub struct Freshness {
    /// Everything that the source had by then is stored; nothing while that cannot be said of any moment.
    pub complete_through: Option<Timestamp>,
    /// Through when the lists of chats have been seen.
    pub lists_seen_through: Option<Timestamp>,
    /// Chats that keep the first from reaching the second.
    pub owed_chats: i64,
    /// The chat that holds it back most.
    pub held_by_chat: Option<i64>,
    /// Why that chat is owed.
    pub held_because: Option<String>,
    /// The last backfill that met everything.
    pub last_backfill_at: Option<Timestamp>,
    /// The last incremental pass that did.
    pub last_incremental_at: Option<Timestamp>,
    /// The last reconcile pass that did.
    pub last_reconcile_at: Option<Timestamp>,
    /// Items that could not be read.
    pub rejects: i64,
}

/// A table and the number of its rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TableCount {
    /// The table.
    pub table: String,
    /// Its rows.
    pub rows: i64,
    /// Of those, rows that are gone at the source.
    pub gone: i64,
}

/// How large the mirrored account is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Sizes {
    /// Chats the source lists.
    pub chats: u64,
    /// Of those, open ones.
    pub open_chats: u64,
    /// Messages stored.
    pub messages: u64,
    /// Pages of 20 that these make, chat by chat.
    pub pages: u64,
}

/// How many chats are proven to be whole.
#[derive(Clone, Debug, Serialize)]
pub struct Coverage {
    /// Chats the source has.
    pub chats: i64,
    /// Of those, chats whose count was found equal and of which nothing was owed since.
    pub proven: i64,
    /// Chats that are owed a reading, by reason.
    pub owed: Vec<OwedCount>,
}

/// How many chats are owed a reading for a reason.
#[derive(Clone, Debug, Serialize)]
pub struct OwedCount {
    /// The reason.
    pub reason: String,
    /// How many.
    pub chats: i64,
}

/// A chat that is owed a reading.
#[derive(Clone, Debug, Serialize)]
pub struct OwedChat {
    /// The chat.
    pub chat_id: i64,
    /// Why.
    pub owed: String,
    /// Messages stored of it.
    pub stored: Option<i64>,
    /// Messages that the source had when they were last counted.
    pub expected: Option<i64>,
    /// Through when it is known to be whole.
    pub covered_through: Option<Timestamp>,
    /// Not before this.
    pub due_at: Option<Timestamp>,
    /// Passes in a row that could not read it.
    pub failures: i64,
    /// What the last of them met.
    pub last_error: Option<String>,
}

/// A pass, as its row tells.
#[derive(Clone, Debug, Serialize)]
pub struct RunLine {
    /// Its number.
    pub id: i64,
    /// What it was for.
    pub mode: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// How.
    pub status: String,
    /// Requests made.
    pub requests: i64,
    /// Rows that were new.
    pub rows_inserted: i64,
    /// Rows that had changed.
    pub rows_updated: i64,
    /// Rows that are gone at the source.
    pub rows_deleted: i64,
    /// Items that could not be read.
    pub rejects: i64,
    /// What went wrong.
    pub error: Option<String>,
}

/// What re-reading has found of late, and what it takes.
#[derive(Clone, Debug, Serialize)]
pub struct AuditSummary {
    /// Chats re-read although nothing was owed of them.
    pub chats: i64,
    /// Rows of theirs that had changed without a sign.
    pub findings: i64,
    /// The oldest full reading of a chat that the source still has; nothing while one was never read.
    pub oldest_reading_at: Option<Timestamp>,
    /// Requests that reading every message once takes, about.
    pub requests_for_all: i64,
    /// Kinds of values that the source sends and no column is meant for.
    pub drift: i64,
}

/// An item that could not be read.
#[derive(Clone, Debug, Serialize)]
pub struct RejectLine {
    /// The list it stood in.
    pub stream: String,
    /// Its id, if that could be read.
    pub item_id: Option<i64>,
    /// Why.
    pub why: String,
    /// When it was last met.
    pub last_seen_at: Timestamp,
}

impl Reader {
    /// Through when the mirror is complete.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn freshness(&self) -> Result<Freshness, StoreError> {
        let freshness = sqlx::query_as!(
            Freshness,
            r#"select complete_through as "complete_through: Timestamp",
                      lists_seen_through as "lists_seen_through: Timestamp",
                      owed_chats as "owed_chats!: i64", held_by_chat as "held_by_chat?: i64",
                      held_because as "held_because?: String",
                      last_backfill_at as "last_backfill_at: Timestamp",
                      last_incremental_at as "last_incremental_at: Timestamp",
                      last_reconcile_at as "last_reconcile_at: Timestamp",
                      rejects as "rejects!: i64"
               from freshness"#
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(freshness)
    }

    /// Whose account it is, if it is bound to one.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn account(&self) -> Result<Option<Account>, StoreError> {
        let account = sqlx::query_as!(
            Account,
            "select account_id as id, name, time_zone from source_account"
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(account)
    }

    /// The chats that the source lists, by what is stored: all of them, or so many drawn by lot.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn listed_chats(&self, sample: Option<u32>) -> Result<Vec<i64>, StoreError> {
        let most = sample.map_or(-1, i64::from);
        let chats = sqlx::query_scalar!(
            "select id from chats where missing_since is null order by iif(?1 < 0, id, random()) limit ?1",
            most
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(chats)
    }

    /// What SQLite finds wrong with the file; nothing if it is sound.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn quick_check(&self) -> Result<Vec<String>, StoreError> {
        let mut lines: Vec<String> = sqlx::query_scalar("pragma quick_check")
            .fetch_all(&self.pool)
            .await?;
        lines.retain(|line| line != "ok");
        Ok(lines)
    }

    /// How large the account is, by what is stored.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn sizes(&self) -> Result<Sizes, StoreError> {
        let sizes = sqlx::query!(
            r#"select count(*) as "chats!: i64", count(*) filter (where state = 'open') as "open!: i64",
                      (select coalesce(sum(stored_count), 0) from chat_sync) as "messages!: i64",
                      (select coalesce(sum(max(1, (stored_count + 19) / 20)), 0) from chat_sync) as "pages!: i64"
               from chats where missing_since is null"#
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(Sizes {
            chats: sizes.chats.cast_unsigned(),
            open_chats: sizes.open.cast_unsigned(),
            messages: sizes.messages.cast_unsigned(),
            pages: sizes.pages.cast_unsigned(),
        })
    }

    /// The mirrored tables and their sizes.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn table_counts(&self) -> Result<Vec<TableCount>, StoreError> {
        let counts = sqlx::query_as!(
            TableCount,
            r#"select 'chats' as "table!: String", count(*) as "rows!: i64", count(deleted_at) as "gone!: i64" from chats
               union all select 'messages', count(*), count(deleted_at) from messages
               union all select 'attachments', count(*), 0 from attachments
               union all select 'contacts', count(*), count(deleted_at) from contacts
               union all select 'gates', count(*), count(removed_at) from gates
               union all select 'channels', count(*), count(deleted_at) from channels"#
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(counts)
    }

    /// How many chats are proven, and what is owed.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn coverage(&self) -> Result<Coverage, StoreError> {
        let total = sqlx::query!(
            r#"select count(*) as "chats!: i64",
                      count(*) filter (
                          where expected = stored and (owed is null or owed in ('missing', 'reread'))
                      ) as "proven!: i64"
               from coverage where deleted_at is null"#
        )
        .fetch_one(&self.pool)
        .await?;
        let owed = sqlx::query_as!(
            OwedCount,
            r#"select owed as "reason!: String", count(*) as "chats!: i64"
               from chat_sync where owed is not null group by owed order by 2 desc, 1"#
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(Coverage {
            chats: total.chats,
            proven: total.proven,
            owed,
        })
    }

    /// The chats that have been owed a reading for longest.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn owed_chats(&self, most: i64) -> Result<Vec<OwedChat>, StoreError> {
        let chats = sqlx::query_as!(
            OwedChat,
            r#"select chat_id, owed as "owed!", stored_count as stored, expected_count as expected,
                      covered_through as "covered_through: Timestamp", due_at as "due_at: Timestamp", failures, last_error
               from chat_sync where owed is not null
               order by owed in ('reread', 'missing', 'doubted'), covered_through nulls first, chat_id limit ?1"#,
            most
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(chats)
    }

    /// The last passes, the latest first.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn last_runs(&self, most: i64) -> Result<Vec<RunLine>, StoreError> {
        let runs = sqlx::query_as!(
            RunLine,
            r#"select id, mode, started_at as "started_at: Timestamp", finished_at as "finished_at: Timestamp", status,
                      requests, rows_inserted, rows_updated, rows_deleted, rejects, error
               from sync_runs order by id desc limit ?1"#,
            most
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(runs)
    }

    /// What re-reading has found since `since`, and what it takes.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn audit(&self, since: Timestamp) -> Result<AuditSummary, StoreError> {
        let summary = sqlx::query_as!(
            AuditSummary,
            r#"select
                   (select coalesce(sum(audited_chats), 0) from sync_runs where started_at >= ?1) as "chats!: i64",
                   (select coalesce(sum(audit_findings), 0) from sync_runs where started_at >= ?1) as "findings!: i64",
                   iif(count(*) = count(chat_sync.read_at), min(chat_sync.read_at), null) as "oldest_reading_at: Timestamp",
                   coalesce(sum(max(1, (coalesce(stored_count, 0) + 19) / 20)), 0) as "requests_for_all!: i64",
                   (select count(*) from schema_drift) as "drift!: i64"
               from chat_sync
               join chats on chats.id = chat_sync.chat_id
               where chats.missing_since is null"#,
            since
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(summary)
    }

    /// Items that could not be read, the latest first.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn rejects(&self, most: i64) -> Result<Vec<RejectLine>, StoreError> {
        let rejects = sqlx::query_as!(
            RejectLine,
            r#"select stream, item_id, why, last_seen_at as "last_seen_at: Timestamp"
               from rejects where resolved_at is null order by last_seen_at desc, id desc limit ?1"#,
            most
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(rejects)
    }
}
