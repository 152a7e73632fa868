//! `messages_fts`: the index follows the messages, unless it is switched off.

use sqlx::SqliteConnection;

use super::ids;
use crate::store::StoreError;
use crate::store::rows::{MessageRow, Write};

/// Takes the messages out of the index whose text is about to change. The index must be told what it holds of them.
pub(super) async fn take_out(
    connection: &mut SqliteConnection,
    writes: &[Write<MessageRow>],
) -> Result<(), StoreError> {
    let stored = writes
        .iter()
        .filter(|write| write.before.is_some() && reads_differently(write));
    let Some(ids) = ids(stored)? else {
        return Ok(());
    };
    sqlx::query!(
        "insert into messages_fts (messages_fts, rowid, text, digits)
         select 'delete', message_id, text, digits from searchable
         where message_id in (select value from json_each(?1)) and (select search from report_settings)
         order by message_id",
        ids
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Puts the messages into the index whose text is new.
pub(super) async fn put_in(
    connection: &mut SqliteConnection,
    writes: &[Write<MessageRow>],
) -> Result<(), StoreError> {
    let Some(ids) = ids(writes.iter().filter(|write| reads_differently(write)))? else {
        return Ok(());
    };
    sqlx::query!(
        "insert into messages_fts (rowid, text, digits)
         select message_id, text, digits from searchable
         where message_id in (select value from json_each(?1)) and (select search from report_settings)
         order by message_id",
        ids
    )
    .execute(connection)
    .await?;
    Ok(())
}

fn reads_differently(write: &Write<MessageRow>) -> bool {
    let read = |row: &MessageRow| {
        let listed = row.message.deleted_at.is_none();
        row.message.text.clone().filter(|_| listed)
    };
    write.before.as_ref().and_then(read) != read(&write.row)
}
