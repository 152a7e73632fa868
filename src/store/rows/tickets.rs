//! The table `tickets`.

use std::collections::HashMap;

use sqlx::SqliteConnection;

use super::{Write, as_json, by_key, keyed_by_id, keys_json};
use crate::clock::Timestamp;
use crate::model::Ticket;
use crate::store::StoreError;

keyed_by_id!(Ticket, "tickets");

/// The stored tickets among `ids`.
pub(in crate::store) async fn load(
    connection: &mut SqliteConnection,
    ids: impl IntoIterator<Item = i64>,
) -> Result<HashMap<i64, Ticket>, StoreError> {
    let Some(ids) = keys_json(ids)? else {
        return Ok(HashMap::new());
    };
    let rows = sqlx::query_as!(
        Ticket,
        r#"select id, chat_id, closed_at as "closed_at: Timestamp", closing_event_id
           from tickets
           where id in (select value from json_each(?1))"#,
        ids
    )
    .fetch_all(connection)
    .await?;
    Ok(by_key(rows))
}

/// Writes tickets, whole.
pub(in crate::store) async fn write(
    connection: &mut SqliteConnection,
    writes: &[Write<Ticket>],
) -> Result<(), StoreError> {
    let rows = as_json(writes)?;
    sqlx::query!(
        "insert into tickets (id, chat_id, closed_at, closing_event_id)
         select value->>'id', value->>'chat_id', value->>'closed_at', value->>'closing_event_id'
         from jsonb_each(?1)
         where true
         on conflict (id) do update set
             chat_id = excluded.chat_id, closed_at = excluded.closed_at,
             closing_event_id = excluded.closing_event_id",
        rows
    )
    .execute(connection)
    .await?;
    Ok(())
}
