//! The table `channels`.

use std::collections::HashMap;

use sqlx::SqliteConnection;

use super::{Write, as_json, by_key, keyed_by_id, keys_json};
use crate::clock::Timestamp;
use crate::model::{Channel, Json};
use crate::store::StoreError;

keyed_by_id!(Channel, "channels");

/// The stored channels among `ids`.
pub(in crate::store) async fn load(
    connection: &mut SqliteConnection,
    ids: impl IntoIterator<Item = i64>,
) -> Result<HashMap<i64, Channel>, StoreError> {
    let Some(ids) = keys_json(ids)? else {
        return Ok(HashMap::new());
    };
    let rows = sqlx::query_as!(
        Channel,
        r#"select id, type as kind, name, title, active, occupied, referrer, link, app, project_id,
                  created_at as "created_at: Timestamp", updated_at as "updated_at: Timestamp", extra as "extra: Json"
           from channels
           where id in (select value from json_each(?1))"#,
        ids
    )
    .fetch_all(connection)
    .await?;
    Ok(by_key(rows))
}

/// Writes channels, whole.
pub(in crate::store) async fn write(
    connection: &mut SqliteConnection,
    writes: &[Write<Channel>],
) -> Result<(), StoreError> {
    let rows = as_json(writes)?;
    sqlx::query!(
        "insert into channels (id, type, name, title, active, occupied, referrer, link, app, project_id,
                               created_at, updated_at, extra)
         select value->>'id', value->>'type', value->>'name', value->>'title', value->>'active', value->>'occupied',
                value->>'referrer', value->>'link', value->>'app', value->>'project_id',
                value->>'created_at', value->>'updated_at', value->>'extra'
         from jsonb_each(?1)
         where true
         on conflict (id) do update set
             type = excluded.type, name = excluded.name, title = excluded.title, active = excluded.active,
             occupied = excluded.occupied, referrer = excluded.referrer, link = excluded.link, app = excluded.app,
             project_id = excluded.project_id, created_at = excluded.created_at, updated_at = excluded.updated_at,
             extra = excluded.extra",
        rows
    )
    .execute(connection)
    .await?;
    Ok(())
}
