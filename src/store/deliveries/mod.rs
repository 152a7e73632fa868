//! Deliveries on their way into the file: pushed, in any order, any number of times. Many may be taken in together; the rows are the same.

mod books;
mod columns;
mod events;
mod listed;
mod objects;
mod rows_of;
mod versions;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use sqlx::SqliteConnection;

use self::events::Settled;
pub use self::listed::{ListedPage, Place, Span};
use self::objects::{Name, Objects};
use self::rows_of::{Made, Moments};
use super::changes::{self, Change};
use super::rows::{self, Write};
use super::runs::{self, Gains};
use super::{Store, StoreError, ledger};
use crate::clock::Timestamp;
use crate::model::{Delivery, Event, Reject, Thing, Ticket};

/// Under this name the books have what could not be read of deliveries.
const STREAM: &str = "events";

/// Bodies, and what they bring.
#[derive(Clone, Debug)]
pub struct Intake {
    /// The row of the time in which they are taken in.
    pub run_id: i64,
    /// When they came.
    pub at: Timestamp,
    /// What they bring, together.
    pub delivery: Delivery,
    /// Bodies that are to be kept as they came.
    pub bodies: Vec<Body>,
}

/// A body as it came.
#[derive(Clone, Debug, Serialize)]
pub struct Body {
    /// The last event that it carries.
    pub event_id: Option<i64>,
    /// The text.
    pub body: String,
}

/// What deliveries have changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TakenIn {
    /// Events that were new.
    pub events: i64,
    /// Rows that were new.
    pub inserted: i64,
    /// Rows that had changed.
    pub updated: i64,
    /// Rows that are gone at the source.
    pub deleted: i64,
    /// What could not be read or is not believed.
    pub rejects: i64,
}

impl TakenIn {
    /// Both together.
    #[must_use]
    pub fn and(self, more: Self) -> Self {
        Self {
            events: self.events + more.events,
            inserted: self.inserted + more.inserted,
            updated: self.updated + more.updated,
            deleted: self.deleted + more.deleted,
            rejects: self.rejects + more.rejects,
        }
    }
}

impl Store {
    /// Takes deliveries in. When this returns, all of it is in the file; if it fails, nothing of it is.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn take_in(&self, intake: Intake) -> Result<TakenIn, StoreError> {
        let mut transaction = self.begin().await?;
        // Others of the desk keep channels at hand, and these may be among those that change.
        transaction.channels().clear();
        let taken = take_in(transaction.connection().await?, intake).await?;
        transaction.keep().await?;
        Ok(taken)
    }
}

async fn take_in(connection: &mut SqliteConnection, intake: Intake) -> Result<TakenIn, StoreError> {
    let Intake {
        run_id,
        at,
        delivery,
        bodies,
    } = intake;
    let Delivery {
        happenings,
        mut sightings,
        mut rejects,
        drift,
    } = delivery;
    // Parents may come after their children within the transaction.
    sqlx::query!("pragma defer_foreign_keys = on")
        .execute(&mut *connection)
        .await?;
    let moments = Moments::of(&happenings, &sightings);
    let mut named = moments.named(&happenings, &sightings);
    let Settled {
        mut events,
        deeds,
        shown,
        withdrawn,
        rejects: disbelieved,
    } = events::settle(connection, happenings).await?;
    rejects.extend(disbelieved);
    for deed in &deeds {
        named.extend(deed.names.iter().cloned());
    }
    let tickets = tickets_named(&sightings);
    sightings.extend(deeds);
    sightings.extend(shown);
    let withdrawn = withdraw(&withdrawn, &mut named);
    let chats = named.iter().filter(|(thing, _)| *thing == Thing::Chat);
    let closings = events.keys().map(|id| (Thing::Deed, id.to_string()));
    let at_hand: BTreeSet<Name> = chats.cloned().chain(closings).collect();
    let objects = Objects::see(connection, sightings, &at_hand, &withdrawn).await?;
    let touched = close_tickets(&mut events, &objects);
    let events: Vec<Write<Event>> = events
        .into_values()
        .filter(|write| write.before.as_ref() != Some(&write.row))
        .collect();
    if !events.is_empty() {
        rows::write_events(connection, &events).await?;
    }
    let made = Made::of(connection, &objects, &named, &moments).await?;
    let mut changes = made.write(connection).await?;
    changes.extend(write_tickets(connection, tickets, touched).await?);
    changes.extend(written(&events)?);
    objects.save(connection).await?;
    let tally = changes::tally(&changes);
    if !changes.is_empty() {
        let drift: Vec<_> = drift.into_iter().map(|drift| (drift, at)).collect();
        ledger::note_drift(connection, &drift).await?;
    }
    let lines = changes.into_iter().map(|change| change.at(at, run_id));
    changes::write(connection, &lines.collect::<Vec<_>>()).await?;
    note(connection, &rejects, &bodies, at).await?;
    let set_aside = i64::try_from(rejects.len()).unwrap_or(i64::MAX);
    let gains = Gains {
        run_id,
        tally,
        rejects: set_aside,
        findings: 0,
    };
    if tally.all() + set_aside > 0 {
        runs::add(connection, gains).await?;
    }
    Ok(TakenIn {
        events: new(&events),
        inserted: tally.inserted,
        updated: tally.updated,
        deleted: tally.deleted,
        rejects: set_aside,
    })
}

fn new(events: &[Write<Event>]) -> i64 {
    let new = events.iter().filter(|write| write.before.is_none()).count();
    i64::try_from(new).unwrap_or(i64::MAX)
}

/// Gives the ids of events that are not believed any more; their chats are to be looked at again.
fn withdraw(events: &[Event], named: &mut BTreeSet<Name>) -> Vec<i64> {
    let chats = events.iter().filter_map(|event| event.chat_id);
    named.extend(chats.map(|id| (Thing::Chat, id.to_string())));
    events.iter().map(|event| event.id).collect()
}

/// Which chat each ticket was shown in; of several the least.
fn tickets_named(sightings: &[crate::model::Sighting]) -> BTreeMap<i64, i64> {
    let mut tickets = BTreeMap::new();
    for sighting in sightings {
        if let (Some(ticket), Ok(chat)) = (sighting.ticket_id, sighting.id.parse::<i64>()) {
            let least: &mut i64 = tickets.entry(ticket).or_insert(chat);
            *least = chat.min(*least);
        }
    }
    tickets
}

/// Tells each event which ticket it has closed, and gives the tickets whose closing may be another one now.
fn close_tickets(events: &mut BTreeMap<i64, Write<Event>>, objects: &Objects) -> BTreeSet<i64> {
    let mut touched = BTreeSet::new();
    for (id, Write { row, before }) in events {
        let closing = objects.whole(Thing::Deed, &id.to_string());
        row.ticket_id = closing.and_then(|whole| whole.keys.get("ticket_id")?.as_i64());
        if before.as_ref() != Some(row) {
            touched.extend(row.ticket_id);
            touched.extend(before.as_ref().and_then(|before| before.ticket_id));
        }
    }
    touched
}

/// Writes the tickets that were `named`, each with its chat, and those whose closing was `touched`.
async fn write_tickets(
    connection: &mut SqliteConnection,
    named: BTreeMap<i64, i64>,
    touched: BTreeSet<i64>,
) -> Result<Vec<Change>, StoreError> {
    let ids: BTreeSet<i64> = named.keys().copied().chain(touched).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let stored = rows::load_tickets(connection, ids.iter().copied()).await?;
    let ids: Vec<i64> = ids.into_iter().collect();
    let closings = events::closings(connection, &ids).await?;
    let tickets = ids.into_iter().filter_map(|id| {
        let chats = [
            stored.get(&id).map(|ticket| ticket.chat_id),
            named.get(&id).copied(),
        ];
        let closing = closings.get(&id);
        Some(Ticket {
            id,
            chat_id: chats.into_iter().flatten().min()?,
            closed_at: closing.and_then(|(_, at)| *at),
            closing_event_id: closing.map(|(event, _)| *event),
        })
    });
    let tickets: Vec<Ticket> = tickets.collect();
    let writes = rows::differing(tickets, stored);
    if !writes.is_empty() {
        rows::write_tickets(connection, &writes).await?;
    }
    written(&writes)
}

fn written<T: rows::Row>(writes: &[Write<T>]) -> Result<Vec<Change>, StoreError> {
    let changes = writes.iter().map(changes::written);
    Ok(changes.collect::<Result<_, _>>()?)
}

/// Writes down what could not be read, and the bodies.
async fn note(
    connection: &mut SqliteConnection,
    rejects: &[Reject],
    bodies: &[Body],
    at: Timestamp,
) -> Result<(), StoreError> {
    ledger::note_rejects(connection, STREAM, None, rejects, at).await?;
    if bodies.is_empty() {
        return Ok(());
    }
    let bodies = serde_json::to_string(bodies)?;
    sqlx::query!(
        "insert into deliveries (received_at, applied_at, event_id, body)
         select ?1, ?1, value->>'event_id', value->>'body' from json_each(?2)",
        at,
        bodies
    )
    .execute(connection)
    .await?;
    Ok(())
}
