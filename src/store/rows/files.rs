//! The table `files`.

use std::collections::HashMap;

use sqlx::SqliteConnection;

use super::{Row, Write, as_json, by_key};
use crate::clock::Timestamp;
use crate::model::{File, Json};
use crate::store::StoreError;

impl Row for File {
    const TABLE: &'static str = "files";
    type Key = String;

    fn key(&self) -> String {
        self.id.clone()
    }

    fn row_id(&self) -> String {
        self.id.clone()
    }
}

/// The stored files among `ids`.
pub(in crate::store) async fn load(
    connection: &mut SqliteConnection,
    ids: impl IntoIterator<Item = String>,
) -> Result<HashMap<String, File>, StoreError> {
    let ids: Vec<String> = ids.into_iter().collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let ids = serde_json::to_string(&ids)?;
    let rows = sqlx::query_as!(
        File,
        r#"select id, type as kind, name, content_type, size, image_width, image_height, path, owner,
                  owner_contact_id, contact_id, operator_id, created_at as "created_at: Timestamp",
                  extra as "extra: Json"
           from files
           where id in (select value from json_each(?1))"#,
        ids
    )
    .fetch_all(connection)
    .await?;
    Ok(by_key(rows))
}

/// Writes files, whole.
pub(in crate::store) async fn write(
    connection: &mut SqliteConnection,
    writes: &[Write<File>],
) -> Result<(), StoreError> {
    let rows = as_json(writes)?;
    sqlx::query!(
        "insert into files (id, type, name, content_type, size, image_width, image_height, path, owner,
                           owner_contact_id, contact_id, operator_id, created_at, extra)
         select value->>'id', value->>'type', value->>'name', value->>'content_type', value->>'size',
                value->>'image_width', value->>'image_height', value->>'path', value->>'owner',
                value->>'owner_contact_id', value->>'contact_id', value->>'operator_id',
                value->>'created_at', value->>'extra'
         from jsonb_each(?1)
         where true
         on conflict (id) do update set
             type = excluded.type, name = excluded.name, content_type = excluded.content_type,
             size = excluded.size, image_width = excluded.image_width,
             image_height = excluded.image_height, path = excluded.path, owner = excluded.owner,
             owner_contact_id = excluded.owner_contact_id, contact_id = excluded.contact_id,
             operator_id = excluded.operator_id, created_at = excluded.created_at,
             extra = excluded.extra",
        rows
    )
    .execute(connection)
    .await?;
    Ok(())
}
