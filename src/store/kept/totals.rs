//! `chat_totals` and `daily_counts`: how many messages.

use std::collections::BTreeSet;

use sqlx::SqliteConnection;

use crate::store::StoreError;
use crate::store::rows::{MessageRow, Write};

/// Counts the stored messages of `ids`, a JSON array, `times` times.
pub(super) async fn add(
    connection: &mut SqliteConnection,
    ids: &str,
    times: i64,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into chat_totals (chat_id, messages, inbound, outbound)
         select messages.chat_id, ?2 * count(*), ?2 * sum(conversation.direction is 'inbound'),
                ?2 * sum(conversation.direction is 'outbound')
         from messages
         left join conversation on conversation.message_id = messages.id
         where messages.id in (select value from json_each(?1)) and messages.deleted_at is null
         group by messages.chat_id
         on conflict (chat_id) do update set
             messages = messages + excluded.messages, inbound = inbound + excluded.inbound,
             outbound = outbound + excluded.outbound",
        ids,
        times
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "insert into daily_counts (day, channel_id, author, operator, messages)
         select (
                    select coalesce(date(conversation.created_at, minutes || ' minutes'), substr(conversation.created_at, 1, 10))
                    from report_offsets
                    where starts_at <= conversation.created_at
                    order by starts_at desc
                    limit 1
                ) as report_day,
                coalesce(channel_id, 0), author, coalesce(operator, ''), ?2 * count(*)
         from conversation
         where message_id in (select value from json_each(?1))
         group by 1, 2, 3, 4
         on conflict (day, channel_id, author, operator) do update set messages = messages + excluded.messages",
        ids,
        times
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Looks up the first and the last moment of the chats that these messages are in, and were in.
pub(super) async fn first_and_last(
    connection: &mut SqliteConnection,
    writes: &[&Write<MessageRow>],
) -> Result<(), StoreError> {
    let chats: BTreeSet<i64> = writes
        .iter()
        .flat_map(|write| write.before.iter().chain([&write.row]))
        .map(|row| row.message.chat_id)
        .collect();
    let chats = serde_json::to_string(&chats)?;
    sqlx::query!(
        "update chat_totals set
             first_message_at = (
                 select min(created_at) from messages
                 where messages.chat_id = chat_totals.chat_id and deleted_at is null
             ),
             last_message_at = (
                 select max(created_at) from messages
                 where messages.chat_id = chat_totals.chat_id and deleted_at is null
             )
         where chat_id in (select value from json_each(?1))",
        chats
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Counts all days again: they begin at another hour now.
pub(in crate::store) async fn count_days_again(
    connection: &mut SqliteConnection,
) -> Result<(), StoreError> {
    sqlx::query!("delete from daily_counts")
        .execute(&mut *connection)
        .await?;
    sqlx::query!(
        "insert into daily_counts (day, channel_id, author, operator, messages)
         select (
                    select coalesce(date(conversation.created_at, minutes || ' minutes'), substr(conversation.created_at, 1, 10))
                    from report_offsets
                    where starts_at <= conversation.created_at
                    order by starts_at desc
                    limit 1
                ) as report_day,
                coalesce(channel_id, 0), author, coalesce(operator, ''), count(*)
         from conversation
         group by 1, 2, 3, 4"
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "update turns set day = (
             select coalesce(date(asked_at, minutes || ' minutes'), substr(asked_at, 1, 10))
             from report_offsets
             where starts_at <= asked_at
             order by starts_at desc
             limit 1
         ),
         human_day = (
             select coalesce(date(human_at, minutes || ' minutes'), substr(human_at, 1, 10))
             from report_offsets
             where starts_at <= human_at
             order by starts_at desc
             limit 1
         )"
    )
    .execute(connection)
    .await?;
    Ok(())
}
