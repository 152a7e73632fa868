//! `turns`: what a contact asked in one go, and what was answered. A change among messages changes only the turns around it.

use std::collections::BTreeMap;

use sqlx::SqliteConnection;

use crate::store::StoreError;
use crate::store::rows::{MessageRow, Write};

/// Where a message stands in its chat: its time, then its id.
type Place = (String, i64);

/// Makes the turns again that these messages may have changed.
pub(super) async fn follow(
    connection: &mut SqliteConnection,
    writes: &[&Write<MessageRow>],
) -> Result<(), StoreError> {
    for (chat_id, (first, last)) in touched(writes) {
        let from = turn_before(connection, chat_id, &first).await?;
        let to = second_turn_after(connection, chat_id, &last).await?;
        make(connection, chat_id, &from, &to).await?;
    }
    Ok(())
}

/// The first and the last place, chat by chat, where a message stands or stood that is written.
fn touched(writes: &[&Write<MessageRow>]) -> BTreeMap<i64, (Place, Place)> {
    let mut chats: BTreeMap<i64, (Place, Place)> = BTreeMap::new();
    for row in writes
        .iter()
        .flat_map(|write| write.before.iter().chain([&write.row]))
    {
        let Some(at) = row.message.created_at else {
            continue;
        };
        let place = (at.to_string(), row.message.id);
        chats
            .entry(row.message.chat_id)
            .and_modify(|(first, last)| {
                if place < *first {
                    first.clone_from(&place);
                }
                if place > *last {
                    last.clone_from(&place);
                }
            })
            .or_insert_with(|| (place.clone(), place));
    }
    chats
}

/// The last turn that begins before `place`: what is changed there may belong to it. Else the beginning of the chat.
async fn turn_before(
    connection: &mut SqliteConnection,
    chat_id: i64,
    place: &Place,
) -> Result<Place, StoreError> {
    let turn = sqlx::query!(
        r#"select asked_at as "at: String", asked_id as id from turns
         where chat_id = ?1 and (asked_at, asked_id) < (?2, ?3)
         order by asked_at desc, asked_id desc
         limit 1"#,
        chat_id,
        place.0,
        place.1
    )
    .fetch_optional(connection)
    .await?;
    Ok(turn.map_or_else(|| (String::new(), 0), |turn| (turn.at, turn.id)))
}

/// The second turn that begins after `place`. The first may no longer be one of its own: a question before it takes it in. Else the
/// end of the chat.
async fn second_turn_after(
    connection: &mut SqliteConnection,
    chat_id: i64,
    place: &Place,
) -> Result<Place, StoreError> {
    let turn = sqlx::query!(
        r#"select asked_at as "at: String", asked_id as id from turns
         where chat_id = ?1 and (asked_at, asked_id) > (?2, ?3)
         order by asked_at, asked_id
         limit 1 offset 1"#,
        chat_id,
        place.0,
        place.1
    )
    .fetch_optional(connection)
    .await?;
    Ok(turn.map_or_else(|| ("~".to_owned(), 0), |turn| (turn.at, turn.id)))
}

/// Makes the chat's turns again from the place `from` up to, and without, the place `to`.
async fn make(
    connection: &mut SqliteConnection,
    chat_id: i64,
    from: &Place,
    to: &Place,
) -> Result<(), StoreError> {
    sqlx::query!(
        "delete from turns
         where chat_id = ?1 and (asked_at, asked_id) >= (?2, ?3) and (asked_at, asked_id) < (?4, ?5)",
        chat_id,
        from.0,
        from.1,
        to.0,
        to.1
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "with said as (
             select message_id as id, created_at as at, channel_id, author, operator,
                 lag(author, 1, '') over (order by created_at, message_id) as before
             from conversation
             where chat_id = ?1 and created_at >= ?2 and created_at <= ?4
                 and (created_at, message_id) >= (?2, ?3) and (created_at, message_id) < (?4, ?5)
         ),
         numbered as (
             select *, sum(author = 'contact' and before <> 'contact') over (order by at, id) as turn
             from said
         ),
         placed as (
             select *, row_number() over (partition by turn, author order by at, id) as place
             from numbered
             where turn > 0
         ),
         gathered as (
             select
                 max(at) filter (where author = 'contact' and place = 1) as asked_at,
                 max(id) filter (where author = 'contact' and place = 1) as asked_id,
                 max(channel_id) filter (where author = 'contact' and place = 1) as channel_id,
                 count(*) filter (where author = 'contact') as asked_messages,
                 max(at) filter (where author <> 'contact' and before = 'contact') as answered_at,
                 max(id) filter (where author <> 'contact' and before = 'contact') as answered_id,
                 max(author) filter (where author <> 'contact' and before = 'contact') as answered_by,
                 max(at) filter (where author = 'human' and place = 1) as human_at,
                 max(id) filter (where author = 'human' and place = 1) as human_id,
                 max(operator) filter (where author = 'human' and place = 1) as operator
             from placed
             group by turn
         )
         insert into turns (chat_id, asked_at, asked_id, day, channel_id, asked_messages, answered_at, answered_id,
                            answered_by, answered_after, human_at, human_id, human_day, human_after, operator)
         select ?1, asked_at, asked_id,
                (
                    select coalesce(date(asked_at, minutes || ' minutes'), substr(asked_at, 1, 10))
                    from report_offsets
                    where starts_at <= asked_at
                    order by starts_at desc
                    limit 1
                ),
                channel_id, asked_messages, answered_at, answered_id, answered_by,
                strftime('%s', answered_at) - strftime('%s', asked_at), human_at, human_id,
                (
                    select coalesce(date(human_at, minutes || ' minutes'), substr(human_at, 1, 10))
                    from report_offsets
                    where starts_at <= human_at
                    order by starts_at desc
                    limit 1
                ),
                strftime('%s', human_at) - strftime('%s', asked_at), operator
         from gathered",
        chat_id,
        from.0,
        from.1,
        to.0,
        to.1
    )
    .execute(connection)
    .await?;
    Ok(())
}
