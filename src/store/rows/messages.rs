//! The table `messages`.

use std::collections::HashMap;

use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};
use sqlx::SqliteConnection;

use super::{Row, Write, by_key, keys_json};
use crate::clock::Timestamp;
use crate::model::{Direction, Json, Message};
use crate::store::StoreError;

/// A message as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MessageRow {
    /// As the source lists it.
    #[serde(flatten)]
    pub message: Message,
    /// When its chat no longer listed it.
    pub missing_since: Option<Timestamp>,
}

impl Row for MessageRow {
    const TABLE: &'static str = "messages";
    type Key = i64;

    fn key(&self) -> i64 {
        self.message.id
    }

    fn row_id(&self) -> String {
        self.message.id.to_string()
    }

    fn is_gone(&self) -> bool {
        self.message.deleted_at.is_some()
    }
}

/// The stored messages among `ids`.
pub(in crate::store) async fn load(
    connection: &mut SqliteConnection,
    ids: impl IntoIterator<Item = i64>,
) -> Result<HashMap<i64, MessageRow>, StoreError> {
    let Some(ids) = keys_json(ids)? else {
        return Ok(HashMap::new());
    };
    let rows = sqlx::query!(
        r#"select id, chat_id, gate_id, channel_id, direction as "direction: Direction", kind, text,
                  sender_type, sender_name, sender_image_url, operator_id, internal, state, state_message,
                  created_at as "created_at: Timestamp", delivered_at as "delivered_at: Timestamp",
                  seen_at as "seen_at: Timestamp", edited_at as "edited_at: Timestamp",
                  missing_since as "missing_since: Timestamp", deleted_at as "deleted_at: Timestamp",
                  content as "content: Json", extra as "extra: Json"
           from messages
           where id in (select value from json_each(?1))"#,
        ids
    )
    .map(|row| MessageRow {
        message: Message {
            id: row.id,
            chat_id: row.chat_id,
            gate_id: row.gate_id,
            channel_id: row.channel_id,
            direction: row.direction,
            kind: row.kind,
            text: row.text,
            sender_type: row.sender_type,
            sender_name: row.sender_name,
            sender_image_url: row.sender_image_url,
            operator_id: row.operator_id,
            internal: row.internal,
            state: row.state,
            state_message: row.state_message,
            created_at: row.created_at,
            delivered_at: row.delivered_at,
            seen_at: row.seen_at,
            edited_at: row.edited_at,
            deleted_at: row.deleted_at,
            content: row.content,
            extra: row.extra,
        },
        missing_since: row.missing_since,
    })
    .fetch_all(connection)
    .await?;
    Ok(by_key(rows))
}

/// A row as the writing statement takes it: the values alone, in the order of its columns. There are many messages, and to look each value
/// up by its name took SQLite a fifth of the time.
struct Values<'a>(&'a MessageRow);

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let MessageRow {
            message,
            missing_since,
        } = self.0;
        let mut values = serializer.serialize_seq(Some(22))?;
        values.serialize_element(&message.id)?;
        values.serialize_element(&message.chat_id)?;
        values.serialize_element(&message.gate_id)?;
        values.serialize_element(&message.channel_id)?;
        values.serialize_element(&message.direction)?;
        values.serialize_element(&message.kind)?;
        values.serialize_element(&message.text)?;
        values.serialize_element(&message.sender_type)?;
        values.serialize_element(&message.sender_name)?;
        values.serialize_element(&message.sender_image_url)?;
        values.serialize_element(&message.operator_id)?;
        values.serialize_element(&message.internal)?;
        values.serialize_element(&message.state)?;
        values.serialize_element(&message.state_message)?;
        values.serialize_element(&message.created_at)?;
        values.serialize_element(&message.delivered_at)?;
        values.serialize_element(&message.seen_at)?;
        values.serialize_element(&message.edited_at)?;
        values.serialize_element(missing_since)?;
        values.serialize_element(&message.deleted_at)?;
        values.serialize_element(&message.content)?;
        values.serialize_element(&message.extra)?;
        values.end()
    }
}

/// Writes messages, whole.
pub(in crate::store) async fn write(
    connection: &mut SqliteConnection,
    writes: &[Write<MessageRow>],
) -> Result<(), StoreError> {
    let rows: Vec<Values<'_>> = writes.iter().map(|write| Values(&write.row)).collect();
    let rows = serde_json::to_string(&rows)?;
    sqlx::query!(
        "insert into messages (id, chat_id, gate_id, channel_id, direction, kind, text, sender_type, sender_name,
                               sender_image_url, operator_id, internal, state, state_message, created_at,
                               delivered_at, seen_at, edited_at, missing_since, deleted_at, content, extra)
         select value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6, value->>7, value->>8,
                value->>9, value->>10, value->>11, value->>12, value->>13, value->>14, value->>15, value->>16,
                value->>17, value->>18, value->>19, value->>20, value->>21
         from jsonb_each(?1)
         where true
         on conflict (id) do update set
             chat_id = excluded.chat_id, gate_id = excluded.gate_id, channel_id = excluded.channel_id,
             direction = excluded.direction, kind = excluded.kind, text = excluded.text,
             sender_type = excluded.sender_type, sender_name = excluded.sender_name,
             sender_image_url = excluded.sender_image_url, operator_id = excluded.operator_id,
             internal = excluded.internal, state = excluded.state, state_message = excluded.state_message,
             created_at = excluded.created_at, delivered_at = excluded.delivered_at, seen_at = excluded.seen_at,
             edited_at = excluded.edited_at, missing_since = excluded.missing_since,
             deleted_at = excluded.deleted_at, content = excluded.content, extra = excluded.extra",
        rows
    )
    .execute(connection)
    .await?;
    Ok(())
}
