//! What happened, and what that does by itself.

use serde_json::{Map, Value, json};

use super::super::drift::noted;
use super::object::{self, id_number, moment};
use super::shapes::MESSAGE;
use crate::clock::Timestamp;
use crate::model::{
    ChatState, Delivery, Drift, Event, Happening, How, Json, Reject, Sighting, Thing,
};

/// The id of an event that is told once and for all. One in passing, such as that somebody is typing, has none.
pub(super) fn lasting_id(event: &Value) -> Option<i64> {
    let in_passing = event.get("Transitive") == Some(&Value::Bool(true));
    event.get("Id").and_then(id_number).filter(|_| !in_passing)
}

/// Reads the events of a delivery, with what was shown beside them. `unknown`: what was shown and nobody expects.
pub(super) fn read_all(
    events: Vec<Value>,
    mut shown: Vec<Sighting>,
    unknown: &Map<String, Value>,
    delivery: &mut Delivery,
) {
    for event in events {
        let raw = event.to_string();
        let id = lasting_id(&event);
        let Value::Object(mut object) = event else {
            delivery.rejects.push(Reject {
                item_id: None,
                raw,
                why: "the event is no object".to_owned(),
            });
            continue;
        };
        if let Some(id) = id {
            if !unknown.is_empty() {
                object.insert("Rels".to_owned(), Value::Object(unknown.clone()));
            }
            let happening = read(id, object, &mut shown, &mut delivery.drift);
            delivery.happenings.push(happening);
        }
    }
    delivery.sightings.append(&mut shown);
}

fn read(
    id: i64,
    mut object: Map<String, Value>,
    shown: &mut Vec<Sighting>,
    drift: &mut Vec<Drift>,
) -> Happening {
    let told = |key: &str| object.get(key).and_then(id_number);
    let mut event = Event {
        id,
        kind: None,
        chat_id: told("ChatId"),
        message_id: told("MessageId"),
        actor: None,
        contact_id: told("ClientId"),
        operator_id: told("UserId"),
        ticket_id: None,
        chat_state: None,
        created_at: object.get("CreatedAt").and_then(moment),
        extra: Json::empty_object(),
    };
    object.remove("Id");
    event.kind = take_text(&mut object, "Type");
    event.chat_state = chat_state(event.kind.as_deref()).filter(|_| event.chat_id.is_some());
    event.actor = take_text(&mut object, "Actor");
    for (key, taken) in [
        ("ChatId", event.chat_id.is_some()),
        ("MessageId", event.message_id.is_some()),
        ("ClientId", event.contact_id.is_some()),
        ("UserId", event.operator_id.is_some()),
        ("CreatedAt", event.created_at.is_some()),
    ] {
        if taken || object.get(key) == Some(&Value::Null) {
            object.remove(key);
        }
    }
    let deeds = deeds(&event, object.get("Messages"), shown, drift);
    for (key, value) in &object {
        if !["Transitive", "Messages", "Rels"].contains(&key.as_str()) {
            drift.push(noted(format!("ChatEvent.{key}"), value));
        }
    }
    event.extra = object.into();
    Happening {
        names: names(&event),
        event,
        deeds,
    }
}

/// A text that is not empty; whatever else stands there stays.
fn take_text(object: &mut Map<String, Value>, key: &str) -> Option<String> {
    match object.remove(key)? {
        Value::Null => None,
        Value::String(text) if !text.is_empty() => Some(text),
        other => {
            object.insert(key.to_owned(), other);
            None
        }
    }
}

fn names(event: &Event) -> Vec<(Thing, String)> {
    let named = [
        (Thing::Chat, event.chat_id),
        (Thing::Contact, event.contact_id),
        (Thing::Operator, event.operator_id),
    ];
    let named = named.into_iter();
    named
        .filter_map(|(thing, id)| Some((thing, id?.to_string())))
        .collect()
}

/// What the event does by itself.
fn deeds(
    event: &Event,
    messages: Option<&Value>,
    shown: &mut Vec<Sighting>,
    drift: &mut Vec<Drift>,
) -> Vec<Sighting> {
    match plain(event.kind.as_deref()).as_str() {
        "chat_closed" => closing(event, shown).into_iter().collect(),
        "message_edited" => {
            let edits = touched(event, messages, How::Edited, drift);
            if edits.is_empty() {
                take_edited(event, shown)
            } else {
                edits
            }
        }
        "delete_messages" => touched(event, messages, How::Deleted, drift),
        _ => Vec::new(),
    }
}

/// The platform writes some names of events with hyphens.
fn plain(kind: Option<&str>) -> String {
    kind.unwrap_or_default().replace('-', "_")
}

fn chat_state(kind: Option<&str>) -> Option<ChatState> {
    match plain(kind).as_str() {
        "chat_closed" => Some(ChatState::Closed),
        "chat_opened" => Some(ChatState::Open),
        _ => None,
    }
}

fn deed(event: &Event, thing: Thing, id: i64, keys: Value) -> Sighting {
    let keys = match keys {
        Value::Object(keys) => keys,
        _ => Map::new(),
    };
    Sighting {
        thing,
        id: id.to_string(),
        version: 0,
        event_id: event.id,
        digest: object::digest(&keys),
        how: How::Shown,
        at: None,
        keys,
        names: Vec::new(),
        ticket_id: None,
    }
}

/// How much later than the event a chat may have changed that was shown with it at the time, in milliseconds.
const AT_ONCE: i64 = 1000;

/// The ticket that was closed: the one that its chat showed. Beside an event that is told late the chat may show a later one: one that
/// has changed since tells nothing, and of the others the oldest showing counts.
fn closing(event: &Event, shown: &[Sighting]) -> Option<Sighting> {
    let chat_id = event.chat_id?.to_string();
    let chats = shown
        .iter()
        .filter(|seen| seen.thing == Thing::Chat && seen.id == chat_id)
        .filter(|seen| {
            event
                .created_at
                .is_none_or(|at| seen.version <= at.millis() + AT_ONCE)
        });
    let chat = chats
        .filter(|seen| seen.ticket_id.is_some())
        .min_by_key(|seen| (seen.version, seen.digest))?;
    let keys = json!({ "ticket_id": chat.ticket_id });
    Some(Sighting {
        version: chat.version,
        ..deed(event, Thing::Deed, event.id, keys)
    })
}

/// The messages that the event names as edited or deleted.
fn touched(
    event: &Event,
    messages: Option<&Value>,
    how: How,
    drift: &mut Vec<Drift>,
) -> Vec<Sighting> {
    let mut objects: Vec<Map<String, Value>> = Vec::new();
    for message in messages.and_then(Value::as_array).into_iter().flatten() {
        match message {
            Value::Object(object) => objects.push(object.clone()),
            id => objects
                .extend(id_number(id).map(|id| Map::from_iter([("Id".to_owned(), id.into())]))),
        }
    }
    if objects.is_empty() && how == How::Deleted {
        let named = event.message_id.into_iter();
        objects.extend(named.map(|id| Map::from_iter([("Id".to_owned(), id.into())])));
    }
    let mut deeds = Vec::new();
    let ids = objects
        .iter()
        .filter_map(|object| id_number(object.get("Id")?));
    let touched: Map<String, Value> = ids
        .map(|id| (format!("message/{id}"), true.into()))
        .collect();
    if !touched.is_empty() {
        deeds.push(deed(event, Thing::Deed, event.id, touched.into()));
    }
    for mut object in objects {
        if let Some(chat_id) = event.chat_id {
            object.entry("ChatId").or_insert_with(|| chat_id.into());
        }
        // What cannot be told apart does nothing; the event keeps it.
        let seen = object::sightings(&MESSAGE, object, event.id, drift).unwrap_or_default();
        deeds.extend(seen.into_iter().map(|seen| Sighting {
            how,
            at: at(event),
            ..seen
        }));
    }
    deeds
}

/// An edit that comes without the message in it: the message stands beside it.
fn take_edited(event: &Event, shown: &mut Vec<Sighting>) -> Vec<Sighting> {
    let Some(id) = event.message_id.map(|id| id.to_string()) else {
        return Vec::new();
    };
    let touched = json!({ (format!("message/{id}")): true });
    let is_edited = |seen: &mut Sighting| seen.thing == Thing::Message && seen.id == id;
    let edited = shown.extract_if(.., is_edited).collect::<Vec<_>>();
    if edited.is_empty() {
        return Vec::new();
    }
    let touched = deed(event, Thing::Deed, event.id, touched);
    let edited = edited.into_iter();
    edited
        .map(|seen| Sighting {
            how: How::Edited,
            event_id: event.id,
            at: at(event),
            ..seen
        })
        .chain([touched])
        .collect()
}

/// When it happened; an event that does not tell is no reason to forget that it did.
fn at(event: &Event) -> Option<Timestamp> {
    event.created_at.or_else(|| Timestamp::from_millis(0))
}
