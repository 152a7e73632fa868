//! What happened, once each: a repetition adds nothing, and of two that tell different things under one id a fixed rule believes one.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde_json::{Map, Value};
use sqlx::SqliteConnection;

use super::versions::outranks;
use crate::clock::Timestamp;
use crate::model::{ChatState, Event, Happening, How, Json, Reject, Sighting, Thing};
use crate::store::StoreError;
use crate::store::rows::{self, Write};

/// Events held against those that are stored.
#[derive(Debug, Default)]
pub(super) struct Settled {
    /// All that were delivered, as they are to be.
    pub events: BTreeMap<i64, Write<Event>>,
    /// What the believed ones do.
    pub deeds: Vec<Sighting>,
    /// The messages that the others show: that much is so, whatever has happened.
    pub shown: Vec<Sighting>,
    /// Stored ones that are not believed any more.
    pub withdrawn: Vec<Event>,
    /// Those that are not believed.
    pub rejects: Vec<Reject>,
}

/// Holds what happened against what is stored.
pub(super) async fn settle(
    connection: &mut SqliteConnection,
    happenings: Vec<Happening>,
) -> Result<Settled, StoreError> {
    let ids = happenings.iter().map(|happening| happening.event.id);
    let stored = rows::load_events(connection, ids).await?;
    let mut settled = Settled::default();
    let mut deeds: BTreeMap<i64, Vec<Sighting>> = BTreeMap::new();
    for Happening {
        event,
        deeds: done,
        names: _,
    } in happenings
    {
        let id = event.id;
        let before = stored.get(&id);
        let known = settled.events.get(&id).map(|write| &write.row).or(before);
        let Some(known) = known else {
            settled.events.insert(
                id,
                Write {
                    row: event,
                    before: None,
                },
            );
            deeds.entry(id).or_default().extend(done);
            continue;
        };
        let row = match told(known).cmp(&told(&event)) {
            Ordering::Equal => {
                deeds.entry(id).or_default().extend(done);
                joined(known.clone(), event)?
            }
            Ordering::Less => {
                settled.rejects.push(disbelieved(&event)?);
                settled.shown.extend(only_shown(done));
                known.clone()
            }
            Ordering::Greater => {
                settled.rejects.push(disbelieved(known)?);
                settled.withdrawn.push(known.clone());
                let undone = deeds.insert(id, done).unwrap_or_default();
                settled.shown.extend(only_shown(undone));
                event
            }
        };
        let before = before.cloned();
        settled.events.insert(id, Write { row, before });
    }
    settled.deeds = deeds.into_values().flatten().collect();
    Ok(settled)
}

/// What one event cannot tell in two ways.
fn told(event: &Event) -> (Option<&str>, Option<i64>) {
    (event.kind.as_deref(), event.chat_id)
}

/// What an event that is not believed shows of messages all the same.
fn only_shown(deeds: Vec<Sighting>) -> impl Iterator<Item = Sighting> {
    let messages = deeds
        .into_iter()
        .filter(|deed| deed.thing == Thing::Message);
    messages.map(|message| Sighting {
        how: How::Shown,
        at: None,
        ..message
    })
}

/// The one that is not believed, as it would have been stored: the same whichever came first.
fn disbelieved(event: &Event) -> Result<Reject, StoreError> {
    let event = Event {
        ticket_id: None,
        ..event.clone()
    };
    Ok(Reject {
        item_id: Some(event.id),
        raw: serde_json::to_string(&event)?,
        why: "another event has this id, of another type or in another chat".to_owned(),
    })
}

/// One event told twice: what only one of them says is added, and of two values the greater counts.
fn joined(one: Event, other: Event) -> Result<Event, StoreError> {
    let mut extra: Map<String, Value> = serde_json::from_str(one.extra.as_str())?;
    let more: Map<String, Value> = serde_json::from_str(other.extra.as_str())?;
    for (key, value) in more {
        match extra.get(&key) {
            Some(known) if outranks(known, &value) => {}
            _ => drop(extra.insert(key, value)),
        }
    }
    Ok(Event {
        id: one.id,
        kind: one.kind,
        chat_id: one.chat_id,
        message_id: one.message_id.max(other.message_id),
        actor: one.actor.max(other.actor),
        contact_id: one.contact_id.max(other.contact_id),
        operator_id: one.operator_id.max(other.operator_id),
        ticket_id: one.ticket_id,
        chat_state: one.chat_state,
        created_at: one.created_at.max(other.created_at),
        extra: Json::from(extra),
    })
}

/// The last event that tells of the state of each of these chats, and which it is.
pub(super) async fn states(
    connection: &mut SqliteConnection,
    chats: &[i64],
) -> Result<BTreeMap<i64, (i64, ChatState)>, StoreError> {
    let chats = serde_json::to_string(chats)?;
    let rows = sqlx::query!(
        r#"select chat_id as "chat_id!: i64", max(id) as "last!: i64", chat_state as "state!: ChatState"
           from events
           where chat_state is not null and chat_id in (select value from json_each(?1))
           group by chat_id"#,
        chats
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.chat_id, (row.last, row.state)))
        .collect())
}

/// The last event that closed each of these tickets, and when.
pub(super) async fn closings(
    connection: &mut SqliteConnection,
    tickets: &[i64],
) -> Result<BTreeMap<i64, (i64, Option<Timestamp>)>, StoreError> {
    let tickets = serde_json::to_string(tickets)?;
    let rows = sqlx::query!(
        r#"select ticket_id as "ticket_id!: i64", max(id) as "last!: i64", created_at as "at: Timestamp"
           from events
           where ticket_id in (select value from json_each(?1))
           group by ticket_id"#,
        tickets
    )
    .fetch_all(connection)
    .await?;
    let closing = rows
        .into_iter()
        .map(|row| (row.ticket_id, (row.last, row.at)));
    Ok(closing.collect())
}
