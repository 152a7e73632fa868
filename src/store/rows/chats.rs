//! The table `chats`.

use std::collections::HashMap;

use serde::Serialize;
use sqlx::SqliteConnection;

use super::{Row, Write, as_json, by_key, keys_json};
use crate::clock::Timestamp;
use crate::model::{Chat, ChatState, Json};
use crate::store::StoreError;

/// A chat as it is stored: what the source lists, and what the mirror knows beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChatRow {
    /// As the source lists it.
    #[serde(flatten)]
    pub chat: Chat,
    /// Told by the lists it stands in.
    pub state: Option<ChatState>,
    /// When the source no longer listed it.
    pub missing_since: Option<Timestamp>,
    /// When it was certain that it is gone.
    pub deleted_at: Option<Timestamp>,
}

impl Row for ChatRow {
    const TABLE: &'static str = "chats";
    type Key = i64;

    fn key(&self) -> i64 {
        self.chat.id
    }

    fn row_id(&self) -> String {
        self.chat.id.to_string()
    }

    fn is_gone(&self) -> bool {
        self.deleted_at.is_some()
    }
}

/// The stored chats among `ids`.
pub(in crate::store) async fn load(
    connection: &mut SqliteConnection,
    ids: impl IntoIterator<Item = i64>,
) -> Result<HashMap<i64, ChatRow>, StoreError> {
    let Some(ids) = keys_json(ids)? else {
        return Ok(HashMap::new());
    };
    let rows = sqlx::query!(
        r#"select id, contact_id, name, image_url, state as "state: ChatState", project_id,
                  created_at as "created_at: Timestamp", updated_at as "updated_at: Timestamp",
                  missing_since as "missing_since: Timestamp", deleted_at as "deleted_at: Timestamp",
                  extra as "extra: Json"
           from chats
           where id in (select value from json_each(?1))"#,
        ids
    )
    .map(|row| ChatRow {
        chat: Chat {
            id: row.id,
            contact_id: row.contact_id,
            name: row.name,
            image_url: row.image_url,
            project_id: row.project_id,
            created_at: row.created_at,
            updated_at: row.updated_at,
            extra: row.extra,
        },
        state: row.state,
        missing_since: row.missing_since,
        deleted_at: row.deleted_at,
    })
    .fetch_all(connection)
    .await?;
    Ok(by_key(rows))
}

/// Writes chats, whole.
pub(in crate::store) async fn write(
    connection: &mut SqliteConnection,
    writes: &[Write<ChatRow>],
) -> Result<(), StoreError> {
    let rows = as_json(writes)?;
    sqlx::query!(
        "insert into chats (id, contact_id, name, image_url, state, project_id, created_at, updated_at,
                            missing_since, deleted_at, extra)
         select value->>'id', value->>'contact_id', value->>'name', value->>'image_url', value->>'state',
                value->>'project_id', value->>'created_at', value->>'updated_at',
                value->>'missing_since', value->>'deleted_at', value->>'extra'
         from jsonb_each(?1)
         where true
         on conflict (id) do update set
             contact_id = excluded.contact_id, name = excluded.name, image_url = excluded.image_url,
             state = excluded.state, project_id = excluded.project_id, created_at = excluded.created_at,
             updated_at = excluded.updated_at, missing_since = excluded.missing_since,
             deleted_at = excluded.deleted_at, extra = excluded.extra",
        rows
    )
    .execute(connection)
    .await?;
    Ok(())
}
