//! `turns`: what a contact asked in one go, and what was answered. A change among messages changes only the turns around it.

use std::collections::BTreeMap;

use serde::Serialize;
use sqlx::SqliteConnection;

use crate::store::StoreError;
use crate::store::rows::{MessageRow, Write};

/// Where a message stands in its chat: its time, then its id.
type Place = (String, i64);

/// A stretch of a chat, from the place `from` up to the place `to`.
#[derive(Serialize)]
struct Stretch {
    chat_id: i64,
    from: Place,
    to: Place,
}

/// Makes the turns again that these messages may have changed.
pub(super) async fn follow(
    connection: &mut SqliteConnection,
    writes: &[&Write<MessageRow>],
) -> Result<(), StoreError> {
    let touched = touched(writes);
    if touched.is_empty() {
        return Ok(());
    }
    let stretches = around(connection, touched).await?;
    let stretches = serde_json::to_string(&stretches)?;
    remove(connection, &stretches).await?;
    make(connection, &stretches).await
}

/// The stretch of each chat where messages stand or stood that are written, both ends included.
fn touched(writes: &[&Write<MessageRow>]) -> Vec<Stretch> {
    let mut chats: BTreeMap<i64, Stretch> = BTreeMap::new();
    for row in writes
        .iter()
        .flat_map(|write| write.before.iter().chain([&write.row]))
    {
        let chat_id = row.message.chat_id;
        let Some(at) = row.message.created_at else {
            continue;
        };
        let place = (at.to_string(), row.message.id);
        let stretch = chats.entry(chat_id).or_insert_with(|| Stretch {
            chat_id,
            from: place.clone(),
            to: place.clone(),
        });
        if place < stretch.from {
            stretch.from = place;
        } else if place > stretch.to {
            stretch.to = place;
        }
    }
    chats.into_values().collect()
}

/// The stretches whose turns may change. Each begins with the last turn before the place that is touched first: what is changed
/// there may belong to it; else with the chat. It ends before the second turn after the place that is touched last: the first may
/// no longer be one of its own, because a question before it takes it in; else with the chat.
async fn around(
    connection: &mut SqliteConnection,
    touched: Vec<Stretch>,
) -> Result<Vec<Stretch>, StoreError> {
    let json = serde_json::to_string(&touched)?;
    let found = sqlx::query!(
        r#"select chat_id as "chat_id!: i64",
                  (
                      select json_array(asked_at, asked_id) from turns
                      where turns.chat_id = touched.chat_id and (asked_at, asked_id) < (from_at, from_id)
                      order by asked_at desc, asked_id desc
                      limit 1
                  ) as "from: String",
                  (
                      select json_array(asked_at, asked_id) from turns
                      where turns.chat_id = touched.chat_id and (asked_at, asked_id) > (to_at, to_id)
                      order by asked_at, asked_id
                      limit 1 offset 1
                  ) as "to: String"
           from (
               select value->>'chat_id' as chat_id, value->>'$.from[0]' as from_at, value->>'$.from[1]' as from_id,
                      value->>'$.to[0]' as to_at, value->>'$.to[1]' as to_id
               from jsonb_each(?1)
           ) as touched"#,
        json
    )
    .fetch_all(connection)
    .await?;
    let place = |found: Option<String>| found.map(|place| serde_json::from_str(&place)).transpose();
    found
        .into_iter()
        .map(|row| {
            Ok(Stretch {
                chat_id: row.chat_id,
                from: place(row.from)?.unwrap_or_default(),
                to: place(row.to)?.unwrap_or_else(|| ("~".to_owned(), 0)),
            })
        })
        .collect()
}

async fn remove(connection: &mut SqliteConnection, stretches: &str) -> Result<(), StoreError> {
    sqlx::query!(
        "delete from turns
         where (chat_id, asked_at, asked_id) in (
             select turns.chat_id, asked_at, asked_id
             from jsonb_each(?1) as stretch
             cross join turns on turns.chat_id = stretch.value->>'chat_id'
                 and (asked_at, asked_id) >= (stretch.value->>'$.from[0]', stretch.value->>'$.from[1]')
                 and (asked_at, asked_id) < (stretch.value->>'$.to[0]', stretch.value->>'$.to[1]')
         )",
        stretches
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Makes the turns of the stretches again. In the conversation each turn begins where the contact writes after somebody else, so all it asked
/// stands first; the first word of a human, wherever it stands, is the least by time and id, found in one text with what else is told of it. (A text
/// with a NUL in it is cut as bytes: as text it would end there.)
async fn make(connection: &mut SqliteConnection, stretches: &str) -> Result<(), StoreError> {
    sqlx::query!(
        "with stretches as materialized (
             select value->>'chat_id' as chat_id, value->>'$.from[0]' as from_at, value->>'$.from[1]' as from_id,
                    value->>'$.to[0]' as to_at, value->>'$.to[1]' as to_id
             from jsonb_each(?1)
         ),
         said as (
             select conversation.chat_id, message_id as id, created_at as at, channel_id, author, operator,
                 lag(author, 1, '') over (
                     partition by conversation.chat_id order by created_at, message_id
                 ) as before
             from stretches
             cross join conversation on conversation.chat_id = stretches.chat_id
                 and created_at >= from_at and created_at <= to_at
                 and (created_at, message_id) >= (from_at, from_id) and (created_at, message_id) < (to_at, to_id)
         ),
         numbered as (
             select *,
                 sum(author = 'contact' and before <> 'contact') over (
                     partition by chat_id order by at, id rows unbounded preceding
                 ) as turn
             from said
         ),
         gathered as (
             select
                 chat_id,
                 max(at) filter (where author = 'contact' and before <> 'contact') as asked_at,
                 max(id) filter (where author = 'contact' and before <> 'contact') as asked_id,
                 max(channel_id) filter (where author = 'contact' and before <> 'contact') as channel_id,
                 count(*) filter (where author = 'contact') as asked_messages,
                 max(at) filter (where author <> 'contact' and before = 'contact') as answered_at,
                 max(id) filter (where author <> 'contact' and before = 'contact') as answered_id,
                 max(author) filter (where author <> 'contact' and before = 'contact') as answered_by,
                 min(at || format('%020d', id) || operator) filter (where author = 'human') as human
             from numbered
             where turn > 0
             group by chat_id, turn
         ),
         answered as (
             select *, substr(human, 1, 23) as human_at, cast(substr(human, 24, 20) as integer) as human_id,
                 cast(substr(cast(human as blob), 44) as text) as operator
             from gathered
         )
         insert into turns (chat_id, asked_at, asked_id, day, channel_id, asked_messages, answered_at, answered_id,
                            answered_by, answered_after, human_at, human_id, human_day, human_after, operator)
         select chat_id, asked_at, asked_id,
                (
                    select coalesce(date(asked_at, minutes || ' minutes'), substr(asked_at, 1, 10))
                    from report_offsets
                    where starts_at <= asked_at
                    order by starts_at desc
                    limit 1
                ),
                channel_id, asked_messages, answered_at, answered_id, answered_by,
                unixepoch(answered_at) - unixepoch(asked_at), human_at, human_id,
                (
                    select coalesce(date(human_at, minutes || ' minutes'), substr(human_at, 1, 10))
                    from report_offsets
                    where starts_at <= human_at
                    order by starts_at desc
                    limit 1
                ),
                unixepoch(human_at) - unixepoch(asked_at), operator
         from answered",
        stretches
    )
    .execute(connection)
    .await?;
    Ok(())
}
