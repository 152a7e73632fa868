//! What the file says of one chat, at one glance: a page is held against it, so it must cost one question and not eight.

use std::collections::HashSet;

use super::{StoreError, Transaction};
use crate::clock::Timestamp;
use crate::model::ChatList;

/// A chat beside its messages.
#[derive(Clone, Debug, Default)]
pub struct Glance {
    /// When it last changed, by the list of chats.
    pub updated_at: Option<Timestamp>,
    /// Messages that the mirror counts as listed in it.
    pub listed: i64,
    /// Its gates, those that it no longer lists included.
    pub gates: HashSet<i64>,
    /// Whether it has messages that are missing, and not yet known to be deleted.
    pub has_missing: bool,
    /// Whether items of its list could not be read, and have not been since.
    pub has_rejects: bool,
    /// Through when the lists of chats have been seen.
    pub watermark: Option<Timestamp>,
}

impl Transaction {
    /// Looks at a chat; `stream` is the name of its list.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn glance(&mut self, chat_id: i64, stream: &str) -> Result<Glance, StoreError> {
        let lists = ChatList::All.to_string();
        let row = sqlx::query!(
            r#"select (select updated_at from chats where id = ?1) as "updated_at: Timestamp",
                      (select count(*) from messages where chat_id = ?1 and missing_since is null) as "listed!: i64",
                      (select json_group_array(id) from gates where chat_id = ?1) as "gates!: String",
                      exists (
                          select 1 from messages
                          where chat_id = ?1 and missing_since is not null and deleted_at is null
                      ) as "has_missing!: bool",
                      exists (
                          select 1 from rejects where stream = ?2 and resolved_at is null
                      ) as "has_rejects!: bool",
                      (select watermark from checkpoints where stream = ?3) as "watermark: Timestamp""#,
            chat_id,
            stream,
            lists
        )
        .fetch_one(self.connection()?)
        .await?;
        Ok(Glance {
            updated_at: row.updated_at,
            listed: row.listed,
            gates: serde_json::from_str(&row.gates)?,
            has_missing: row.has_missing,
            has_rejects: row.has_rejects,
            watermark: row.watermark,
        })
    }
}
