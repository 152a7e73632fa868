//! The small tables that answer what would take long to ask of all messages, kept in the transaction that writes these.

mod search;
mod totals;
mod turns;

use sqlx::SqliteConnection;

pub(super) use totals::count_days_again;

use super::StoreError;
use super::rows::{MessageRow, Write};

/// Takes what is stored of these messages out of the kept tables, before the messages are written.
///
/// # Errors
/// Whatever SQLite says.
pub(super) async fn take_out(
    connection: &mut SqliteConnection,
    writes: &[Write<MessageRow>],
) -> Result<(), StoreError> {
    search::take_out(connection, writes).await?;
    let telling = telling(writes);
    let stored = telling.iter().filter(|write| write.before.is_some());
    if let Some(ids) = ids(stored.copied())? {
        totals::add(connection, &ids, -1).await?;
    }
    Ok(())
}

/// Puts what is stored of these messages into the kept tables, after the messages have been written.
///
/// # Errors
/// Whatever SQLite says.
pub(super) async fn put_in(
    connection: &mut SqliteConnection,
    writes: &[Write<MessageRow>],
) -> Result<(), StoreError> {
    search::put_in(connection, writes).await?;
    let telling = telling(writes);
    if let Some(ids) = ids(telling.iter().copied())? {
        totals::add(connection, &ids, 1).await?;
        totals::first_and_last(connection, &telling).await?;
        turns::follow(connection, &telling).await?;
    }
    Ok(())
}

/// The writes that change more than marks of delivery: on most days most of them do not.
fn telling(writes: &[Write<MessageRow>]) -> Vec<&Write<MessageRow>> {
    writes.iter().filter(|write| tells(write)).collect()
}

fn tells(write: &Write<MessageRow>) -> bool {
    let Some(before) = &write.before else {
        return true;
    };
    let told = |row: &MessageRow| {
        let message = &row.message;
        (
            (message.chat_id, message.channel_id, message.operator_id),
            (message.direction, message.internal),
            (message.created_at, message.deleted_at),
            message.kind.clone(),
            message.sender_type.clone(),
            message.sender_name.clone(),
        )
    };
    told(before) != told(&write.row)
}

fn ids<'a>(
    writes: impl Iterator<Item = &'a Write<MessageRow>>,
) -> Result<Option<String>, serde_json::Error> {
    let ids: Vec<i64> = writes.map(|write| write.row.message.id).collect();
    (!ids.is_empty())
        .then(|| serde_json::to_string(&ids))
        .transpose()
}
