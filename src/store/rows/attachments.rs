//! The table `attachments`.

use std::collections::HashMap;

use sqlx::SqliteConnection;

use super::{Row, Write, as_json, by_key, keys_json};
use crate::model::{Attachment, Json};
use crate::store::StoreError;

/// Attachments by message and position.
pub type Attachments = HashMap<(i64, i64), Attachment>;

impl Row for Attachment {
    const TABLE: &'static str = "attachments";
    type Key = (i64, i64);

    fn key(&self) -> (i64, i64) {
        (self.message_id, self.position)
    }

    fn row_id(&self) -> String {
        format!("{}/{}", self.message_id, self.position)
    }
}

/// The stored attachments of the messages `message_ids`.
pub(in crate::store) async fn load(
    connection: &mut SqliteConnection,
    message_ids: impl IntoIterator<Item = i64>,
) -> Result<Attachments, StoreError> {
    let Some(message_ids) = keys_json(message_ids)? else {
        return Ok(HashMap::new());
    };
    let rows = sqlx::query_as!(
        Attachment,
        r#"select message_id, position, kind, url, caption, file_id, extra as "extra: Json"
           from attachments
           where message_id in (select value from json_each(?1))"#,
        message_ids
    )
    .fetch_all(connection)
    .await?;
    Ok(by_key(rows))
}

/// Writes attachments, whole.
pub(in crate::store) async fn write(
    connection: &mut SqliteConnection,
    writes: &[Write<Attachment>],
) -> Result<(), StoreError> {
    let rows = as_json(writes)?;
    sqlx::query!(
        "insert into attachments (message_id, position, kind, url, caption, file_id, extra)
         select value->>'message_id', value->>'position', value->>'kind', value->>'url', value->>'caption',
                value->>'file_id', value->>'extra'
         from jsonb_each(?1)
         where true
         on conflict (message_id, position) do update set
             kind = excluded.kind, url = excluded.url, caption = excluded.caption, file_id = excluded.file_id,
             extra = excluded.extra",
        rows
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Removes attachments that their messages no longer have.
pub(in crate::store) async fn remove(
    connection: &mut SqliteConnection,
    gone: &[Attachment],
) -> Result<(), StoreError> {
    let gone = serde_json::to_string(gone)?;
    sqlx::query!(
        "delete from attachments
         where (message_id, position) in (select value->>'message_id', value->>'position' from jsonb_each(?1))",
        gone
    )
    .execute(connection)
    .await?;
    Ok(())
}
