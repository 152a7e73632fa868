//! The table `gates`.

use std::collections::HashMap;

use serde::Serialize;
use sqlx::SqliteConnection;

use super::{Row, Write, as_json, by_key, keys_json};
use crate::clock::Timestamp;
use crate::model::{Gate, Json};
use crate::store::StoreError;

/// A gate as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GateRow {
    /// As the source lists it.
    #[serde(flatten)]
    pub gate: Gate,
    /// When its chat no longer listed it.
    pub removed_at: Option<Timestamp>,
}

impl Row for GateRow {
    const TABLE: &'static str = "gates";
    type Key = (i64, i64);

    fn key(&self) -> (i64, i64) {
        (self.gate.chat_id, self.gate.id)
    }

    fn row_id(&self) -> String {
        format!("{}/{}", self.gate.chat_id, self.gate.id)
    }

    fn is_gone(&self) -> bool {
        self.removed_at.is_some()
    }
}

/// The stored gates of the chats `chat_ids`.
pub(in crate::store) async fn load(
    connection: &mut SqliteConnection,
    chat_ids: impl IntoIterator<Item = i64>,
) -> Result<HashMap<(i64, i64), GateRow>, StoreError> {
    let Some(chat_ids) = keys_json(chat_ids)? else {
        return Ok(HashMap::new());
    };
    let rows = sqlx::query!(
        r#"select chat_id, id, channel_id, subscribed, unread_messages, removed_at as "removed_at: Timestamp",
                  extra as "extra: Json"
           from gates
           where chat_id in (select value from json_each(?1))"#,
        chat_ids
    )
    .map(|row| GateRow {
        gate: Gate {
            chat_id: row.chat_id,
            id: row.id,
            channel_id: row.channel_id,
            subscribed: row.subscribed,
            unread_messages: row.unread_messages,
            extra: row.extra,
        },
        removed_at: row.removed_at,
    })
    .fetch_all(connection)
    .await?;
    Ok(by_key(rows))
}

/// Writes gates, whole.
pub(in crate::store) async fn write(
    connection: &mut SqliteConnection,
    writes: &[Write<GateRow>],
) -> Result<(), StoreError> {
    let rows = as_json(writes)?;
    sqlx::query!(
        "insert into gates (chat_id, id, channel_id, subscribed, unread_messages, removed_at, extra)
         select value->>'chat_id', value->>'id', value->>'channel_id', value->>'subscribed',
                value->>'unread_messages', value->>'removed_at', value->>'extra'
         from jsonb_each(?1)
         where true
         on conflict (chat_id, id) do update set
             channel_id = excluded.channel_id, subscribed = excluded.subscribed,
             unread_messages = excluded.unread_messages, removed_at = excluded.removed_at, extra = excluded.extra",
        rows
    )
    .execute(connection)
    .await?;
    Ok(())
}
