//! The table `contacts`.

use std::collections::HashMap;

use sqlx::SqliteConnection;

use super::{Write, as_json, by_key, keyed_by_id, keys_json};
use crate::clock::Timestamp;
use crate::model::{Contact, Json};
use crate::store::StoreError;

keyed_by_id!(Contact, "contacts");

/// The stored contacts among `ids`.
pub(in crate::store) async fn load(
    connection: &mut SqliteConnection,
    ids: impl IntoIterator<Item = i64>,
) -> Result<HashMap<i64, Contact>, StoreError> {
    let Some(ids) = keys_json(ids)? else {
        return Ok(HashMap::new());
    };
    let rows = sqlx::query_as!(
        Contact,
        r#"select id, original_id, name, phone, email, project_id,
                  created_at as "created_at: Timestamp", updated_at as "updated_at: Timestamp", extra as "extra: Json"
           from contacts
           where id in (select value from json_each(?1))"#,
        ids
    )
    .fetch_all(connection)
    .await?;
    Ok(by_key(rows))
}

/// Writes contacts, whole.
pub(in crate::store) async fn write(
    connection: &mut SqliteConnection,
    writes: &[Write<Contact>],
) -> Result<(), StoreError> {
    let rows = as_json(writes)?;
    sqlx::query!(
        "insert into contacts (id, original_id, name, phone, email, project_id, created_at, updated_at, extra)
         select value->>'id', value->>'original_id', value->>'name', value->>'phone', value->>'email',
                value->>'project_id', value->>'created_at', value->>'updated_at', value->>'extra'
         from jsonb_each(?1)
         where true
         on conflict (id) do update set
             original_id = excluded.original_id, name = excluded.name, phone = excluded.phone, email = excluded.email,
             project_id = excluded.project_id, created_at = excluded.created_at, updated_at = excluded.updated_at,
             extra = excluded.extra",
        rows
    )
    .execute(connection)
    .await?;
    Ok(())
}
