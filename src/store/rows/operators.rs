//! The table `operators`.

use std::collections::HashMap;

use sqlx::SqliteConnection;

use super::{Write, as_json, by_key, keyed_by_id, keys_json};
use crate::clock::Timestamp;
use crate::model::{Json, Operator};
use crate::store::StoreError;

keyed_by_id!(Operator, "operators");

/// The stored operators among `ids`.
pub(in crate::store) async fn load(
    connection: &mut SqliteConnection,
    ids: impl IntoIterator<Item = i64>,
) -> Result<HashMap<i64, Operator>, StoreError> {
    let Some(ids) = keys_json(ids)? else {
        return Ok(HashMap::new());
    };
    let rows = sqlx::query_as!(
        Operator,
        r#"select id, type as kind, name, email, login, position, department, avatar_id, active, online,
                  deleted, created_at as "created_at: Timestamp", updated_at as "updated_at: Timestamp",
                  last_seen_at as "last_seen_at: Timestamp", extra as "extra: Json"
           from operators
           where id in (select value from json_each(?1))"#,
        ids
    )
    .fetch_all(connection)
    .await?;
    Ok(by_key(rows))
}

/// Writes operators, whole.
pub(in crate::store) async fn write(
    connection: &mut SqliteConnection,
    writes: &[Write<Operator>],
) -> Result<(), StoreError> {
    let rows = as_json(writes)?;
    sqlx::query!(
        "insert into operators (id, type, name, email, login, position, department, avatar_id, active,
                               online, deleted, created_at, updated_at, last_seen_at, extra)
         select value->>'id', value->>'type', value->>'name', value->>'email', value->>'login',
                value->>'position', value->>'department', value->>'avatar_id', value->>'active',
                value->>'online', value->>'deleted', value->>'created_at', value->>'updated_at',
                value->>'last_seen_at', value->>'extra'
         from jsonb_each(?1)
         where true
         on conflict (id) do update set
             type = excluded.type, name = excluded.name, email = excluded.email, login = excluded.login,
             position = excluded.position, department = excluded.department,
             avatar_id = excluded.avatar_id, active = excluded.active, online = excluded.online,
             deleted = excluded.deleted, created_at = excluded.created_at,
             updated_at = excluded.updated_at, last_seen_at = excluded.last_seen_at,
             extra = excluded.extra",
        rows
    )
    .execute(connection)
    .await?;
    Ok(())
}
