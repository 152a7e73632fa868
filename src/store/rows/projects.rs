//! The table `projects`.

use std::collections::HashMap;

use sqlx::SqliteConnection;

use super::{Write, as_json, by_key, keyed_by_id, keys_json};
use crate::clock::Timestamp;
use crate::model::{Json, Project};
use crate::store::StoreError;

keyed_by_id!(Project, "projects");

/// The stored projects among `ids`.
pub(in crate::store) async fn load(
    connection: &mut SqliteConnection,
    ids: impl IntoIterator<Item = i64>,
) -> Result<HashMap<i64, Project>, StoreError> {
    let Some(ids) = keys_json(ids)? else {
        return Ok(HashMap::new());
    };
    let rows = sqlx::query_as!(
        Project,
        r#"select id, name, slug, description, state, created_at as "created_at: Timestamp",
                  updated_at as "updated_at: Timestamp", archived_at as "archived_at: Timestamp",
                  deleted_at as "deleted_at: Timestamp", extra as "extra: Json"
           from projects
           where id in (select value from json_each(?1))"#,
        ids
    )
    .fetch_all(connection)
    .await?;
    Ok(by_key(rows))
}

/// Writes projects, whole.
pub(in crate::store) async fn write(
    connection: &mut SqliteConnection,
    writes: &[Write<Project>],
) -> Result<(), StoreError> {
    let rows = as_json(writes)?;
    sqlx::query!(
        "insert into projects (id, name, slug, description, state, created_at, updated_at, archived_at,
                              deleted_at, extra)
         select value->>'id', value->>'name', value->>'slug', value->>'description', value->>'state',
                value->>'created_at', value->>'updated_at', value->>'archived_at', value->>'deleted_at',
                value->>'extra'
         from jsonb_each(?1)
         where true
         on conflict (id) do update set
             name = excluded.name, slug = excluded.slug, description = excluded.description,
             state = excluded.state, created_at = excluded.created_at, updated_at = excluded.updated_at,
             archived_at = excluded.archived_at, deleted_at = excluded.deleted_at,
             extra = excluded.extra",
        rows
    )
    .execute(connection)
    .await?;
    Ok(())
}
