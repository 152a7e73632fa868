//! The table `events`.

use std::collections::HashMap;

use sqlx::SqliteConnection;

use super::{Write, as_json, by_key, keyed_by_id, keys_json};
use crate::clock::Timestamp;
use crate::model::{ChatState, Event, Json};
use crate::store::StoreError;

keyed_by_id!(Event, "events");

/// The stored events among `ids`.
pub(in crate::store) async fn load(
    connection: &mut SqliteConnection,
    ids: impl IntoIterator<Item = i64>,
) -> Result<HashMap<i64, Event>, StoreError> {
    let Some(ids) = keys_json(ids)? else {
        return Ok(HashMap::new());
    };
    let rows = sqlx::query_as!(
        Event,
        r#"select id, type as kind, chat_id, message_id, actor, contact_id, operator_id, ticket_id,
                  chat_state as "chat_state: ChatState", created_at as "created_at: Timestamp",
                  extra as "extra: Json"
           from events
           where id in (select value from json_each(?1))"#,
        ids
    )
    .fetch_all(connection)
    .await?;
    Ok(by_key(rows))
}

/// Writes events, whole.
pub(in crate::store) async fn write(
    connection: &mut SqliteConnection,
    writes: &[Write<Event>],
) -> Result<(), StoreError> {
    let rows = as_json(writes)?;
    sqlx::query!(
        "insert into events (id, type, chat_id, message_id, actor, contact_id, operator_id, ticket_id,
                            chat_state, created_at, extra)
         select value->>'id', value->>'type', value->>'chat_id', value->>'message_id', value->>'actor',
                value->>'contact_id', value->>'operator_id', value->>'ticket_id', value->>'chat_state',
                value->>'created_at', value->>'extra'
         from jsonb_each(?1)
         where true
         on conflict (id) do update set
             type = excluded.type, chat_id = excluded.chat_id, message_id = excluded.message_id,
             actor = excluded.actor, contact_id = excluded.contact_id,
             operator_id = excluded.operator_id, ticket_id = excluded.ticket_id,
             chat_state = excluded.chat_state, created_at = excluded.created_at, extra = excluded.extra",
        rows
    )
    .execute(connection)
    .await?;
    Ok(())
}
