//! What lists tell beside the objects in them: a chat's state, and which messages are not there any more.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use sqlx::SqliteConnection;

use super::versions::Whole;
use super::{Intake, TakenIn, take_in};
use crate::clock::Timestamp;
use crate::model::{ChatState, How, Sighting, Thing};
use crate::store::{Reader, Store, StoreError, rows};

/// A chat's state, with the last event that was known before the list was asked for.
const STATE: &str = "listed/state";

/// Since when a message is not listed, and since when it is certain that it is gone.
const MISSING: &str = "listed/missing";

/// So many messages may be gone beside a page however few it shows; where more are, the list is not what it is taken for.
const FEW: usize = 5;

/// A page of a list, and where reading it has come to.
#[derive(Clone, Debug)]
pub struct ListedPage {
    /// What it brings.
    pub intake: Intake,
    /// Which messages it would show, if they were there.
    pub span: Option<Span>,
    /// Where reading goes on, if it is interrupted.
    pub place: Option<Place>,
}

/// Numbers between which a page shows every message of a chat.
#[derive(Clone, Debug)]
pub struct Span {
    /// The chat.
    pub chat_id: i64,
    /// The least.
    pub from: i64,
    /// The greatest.
    pub to: i64,
    /// The messages that the page shows.
    pub shown: BTreeSet<i64>,
    /// The last event that was known before the page was asked for.
    pub as_of: i64,
    /// When the walk began: who was missing before that is missing for the second time.
    pub walk_began_at: Timestamp,
}

/// Where reading has come to.
#[derive(Clone, Debug)]
pub struct Place {
    /// What is read, such as `lists`.
    pub stream: String,
    /// Where it goes on, as JSON; nothing: it is at its end.
    pub position: Option<String>,
    /// What had changed by then has been read; nothing: as before.
    pub watermark: Option<Timestamp>,
}

/// What is known of a message that its chat's list does not show.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Missing {
    pub(super) since: Option<Timestamp>,
    pub(super) gone: Option<Timestamp>,
}

impl Whole {
    /// The state of a chat: by the last `event` that tells of it, or by a list that was asked for after that was known.
    pub(super) fn state(&self, event: Option<(i64, ChatState)>) -> Option<ChatState> {
        let told = self.keys.get(STATE);
        let listed = told.and_then(|told| {
            let state = serde_json::from_value(told.get("state")?.clone()).ok()?;
            Some((told.get("as_of")?.as_i64()?, state))
        });
        match (event, listed) {
            (Some((id, state)), Some((as_of, _))) if id > as_of => Some(state),
            (_, Some((_, state))) => Some(state),
            (event, None) => event.map(|(_, state)| state),
        }
    }

    /// Whether a message is missing in its list.
    pub(super) fn missing(&self) -> Missing {
        let told = self.keys.get(MISSING);
        let at = |key| told.and_then(|told| told.get(key)?.as_str()?.parse().ok());
        Missing {
            since: at("since"),
            gone: at("gone"),
        }
    }
}

impl Store {
    /// Takes in a page of a list, with the place that it brings reading to. When this returns, all of it is in the file; if it
    /// fails, nothing of it is.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn take_listed(&self, page: ListedPage) -> Result<TakenIn, StoreError> {
        let ListedPage {
            mut intake,
            span,
            place,
        } = page;
        let at = intake.at;
        let mut transaction = self.begin().await?;
        transaction.channels().clear();
        let connection = transaction.connection().await?;
        drop_known_states(connection, &mut intake.delivery.sightings).await?;
        if let Some(span) = span {
            let told = told_of(connection, &span, at).await?;
            intake.delivery.sightings.extend(told);
        }
        let taken = take_in(connection, intake).await?;
        if let Some(place) = place {
            save(connection, &place, at).await?;
        }
        transaction.keep().await?;
        Ok(taken)
    }
}

/// A list that tells what is known tells nothing.
async fn drop_known_states(
    connection: &mut SqliteConnection,
    sightings: &mut Vec<Sighting>,
) -> Result<(), StoreError> {
    let told = |seen: &Sighting| -> Option<(i64, ChatState)> {
        let state = seen.keys.get(STATE)?.get("state")?;
        Some((
            seen.id.parse().ok()?,
            serde_json::from_value(state.clone()).ok()?,
        ))
    };
    let chats: Vec<i64> = sightings
        .iter()
        .filter_map(told)
        .map(|(id, _)| id)
        .collect();
    if chats.is_empty() {
        return Ok(());
    }
    let stored = rows::load_chats(connection, chats).await?;
    sightings.retain(|seen| {
        told(seen).is_none_or(|(id, state)| {
            let known = stored.get(&id).and_then(|row| row.state);
            known != Some(state)
        })
    });
    Ok(())
}

/// What a page tells of messages by showing them or not.
async fn told_of(
    connection: &mut SqliteConnection,
    span: &Span,
    at: Timestamp,
) -> Result<Vec<Sighting>, StoreError> {
    let stored = sqlx::query!(
        r#"select id as "id!: i64", missing_since as "missing_since: Timestamp", deleted_at is not null as "gone!: bool"
           from messages
           where chat_id = ?1 and id between ?2 and ?3"#,
        span.chat_id,
        span.from,
        span.to
    )
    .fetch_all(connection)
    .await?;
    let (shown, others): (Vec<_>, Vec<_>) = stored
        .into_iter()
        .partition(|row| span.shown.contains(&row.id));
    let mut told = Vec::new();
    for row in shown.iter().filter(|row| row.missing_since.is_some()) {
        told.push(seen(row.id, span, at, Value::Null));
    }
    let absent: Vec<_> = others.into_iter().filter(|row| !row.gone).collect();
    if absent.len() > FEW + span.shown.len() {
        tracing::warn!(
            chat.id = span.chat_id,
            absent = absent.len(),
            shown = span.shown.len(),
            "more messages are absent from a page than it shows: nothing is concluded from that"
        );
        return Ok(told);
    }
    for row in absent {
        let since = row.missing_since.unwrap_or(at);
        let again = row
            .missing_since
            .is_some_and(|since| since < span.walk_began_at);
        let gone = again.then(|| at.to_string());
        let missing = json!({ "since": since.to_string(), "gone": gone });
        told.push(seen(row.id, span, at, missing));
    }
    Ok(told)
}

fn seen(id: i64, span: &Span, at: Timestamp, missing: Value) -> Sighting {
    Sighting {
        thing: Thing::Message,
        id: id.to_string(),
        version: 0,
        event_id: span.as_of,
        digest: 0,
        how: How::Listed,
        at: Some(at),
        keys: Map::from_iter([(MISSING.to_owned(), missing)]),
        names: Vec::new(),
        ticket_id: None,
    }
}

async fn save(
    connection: &mut SqliteConnection,
    place: &Place,
    at: Timestamp,
) -> Result<(), StoreError> {
    sqlx::query!(
        "insert into checkpoints (stream, watermark, walk, saved_at) values (?1, ?2, ?3, ?4)
         on conflict (stream) do update set
             watermark = coalesce(excluded.watermark, watermark), walk = excluded.walk, saved_at = excluded.saved_at",
        place.stream,
        place.watermark,
        place.position,
        at
    )
    .execute(connection)
    .await?;
    Ok(())
}

impl Reader {
    /// Where reading has come to; nothing of what was never read.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn place(&self, stream: &str) -> Result<Option<Place>, StoreError> {
        let row = sqlx::query!(
            r#"select stream, watermark as "watermark: Timestamp", walk as "position: String" from checkpoints where stream = ?1"#,
            stream
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|row| Place {
            stream: row.stream,
            position: row.position,
            watermark: row.watermark,
        }))
    }

    /// The last event that is known; 0 if there is none.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn last_event(&self) -> Result<i64, StoreError> {
        let last =
            sqlx::query_scalar!(r#"select coalesce(max(id), 0) as "last!: i64" from events"#)
                .fetch_one(&self.pool)
                .await?;
        Ok(last)
    }

    /// The last message of a chat that is known; 0 if there is none.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn last_message(&self, chat_id: i64) -> Result<i64, StoreError> {
        let last = sqlx::query_scalar!(
            r#"select coalesce(max(id), 0) as "last!: i64" from messages where chat_id = ?1"#,
            chat_id
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(last)
    }
}
