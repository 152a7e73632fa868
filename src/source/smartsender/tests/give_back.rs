//! The way back: an object's values put together again from the rows, and held against the object.

use chrono_tz::Tz;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::super::super::raw;
use super::super::times;
use crate::model::{Channel, Contact, Gate, Json, ListedChat, ListedMessage};

pub fn parsed(json: &Json) -> Value {
    let text = format!("{{\"it\": {}}}", json.as_str());
    let raw: &RawValue = serde_json::from_str(&text).unwrap();
    raw::object(raw).unwrap().remove("it").unwrap()
}

fn object(json: &Json) -> Map<String, Value> {
    parsed(json).as_object().unwrap().clone()
}

/// `extra` with the columns beside it; where both speak, `extra` has the fuller word.
fn whole(mut extra: Map<String, Value>, columns: Value) -> Value {
    let Value::Object(columns) = columns else {
        unreachable!("columns are an object");
    };
    for (key, value) in columns {
        match extra.get_mut(&key) {
            None => drop(extra.insert(key, value)),
            Some(Value::Object(inner)) if value.is_object() => {
                *inner = whole(inner.clone(), value).as_object().unwrap().clone();
            }
            Some(_) => {}
        }
    }
    Value::Object(extra)
}

fn text(value: impl Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}

fn channel(row: &Channel) -> Value {
    whole(
        object(&row.extra),
        json!({
            "id": row.id, "type": row.kind, "name": row.name, "title": row.title, "active": row.active,
            "occupied": row.occupied, "referrer": row.referrer, "link": row.link, "app": row.app,
            "createdAt": text(row.created_at), "updatedAt": text(row.updated_at),
        }),
    )
}

fn gate(row: &Gate, channels: &[Channel]) -> Value {
    let mut extra = object(&row.extra);
    let known = channels
        .iter()
        .find(|known| Some(known.id) == row.channel_id);
    if let Some(known) = known {
        extra
            .entry("channel".to_owned())
            .or_insert_with(|| channel(known));
    }
    let columns =
        json!({"id": row.id, "subscribed": row.subscribed, "unreadMessages": row.unread_messages});
    whole(extra, columns)
}

fn contact(row: &Contact) -> Value {
    whole(
        object(&row.extra),
        json!({
            "id": row.id, "originalId": row.original_id, "name": row.name, "phone": row.phone, "email": row.email,
            "createdAt": text(row.created_at), "updatedAt": text(row.updated_at),
        }),
    )
}

/// The chat that these rows came from.
pub fn chat(listed: &ListedChat) -> Value {
    let row = &listed.chat;
    let mut extra = object(&row.extra);
    let mut gates: Vec<Value> = listed
        .gates
        .iter()
        .map(|row| gate(row, &listed.channels))
        .collect();
    match extra.remove("gates") {
        Some(Value::Array(odd)) => gates.extend(odd),
        Some(other) => drop(extra.insert("gates".to_owned(), other)),
        None => {}
    }
    let columns = json!({
        "id": row.id, "name": row.name, "image": row.image_url, "contact": listed.contact.as_ref().map(contact),
        "gates": gates, "createdAt": text(row.created_at), "updatedAt": text(row.updated_at),
    });
    whole(extra, columns)
}

/// The message that these rows came from.
pub fn message(listed: &ListedMessage) -> Value {
    let row = &listed.message;
    let mut extra = object(&row.extra);
    let channels: Vec<Channel> = listed.channel.iter().cloned().collect();
    if let Some(row) = &listed.gate {
        // Its copy in the message is for the case that the row is never written.
        extra.insert("gate".to_owned(), gate(row, &channels));
    }
    let columns = json!({
        "id": row.id, "content": parsed(&row.content), "internal": row.internal,
        "sender": {"type": row.sender_type, "fullName": row.sender_name, "image": row.sender_image_url},
        "state": {"type": row.state, "message": row.state_message},
        "createdAt": text(row.created_at), "deliveredAt": text(row.delivered_at), "seenAt": text(row.seen_at),
        "editedAt": text(row.edited_at),
    });
    whole(extra, columns)
}

/// The paths in `source` whose values are not found again in `back`.
pub fn missing(source: &Value, back: &Value, path: &str, zone: Tz) -> Vec<String> {
    match (source, back) {
        (Value::Null, _) => Vec::new(),
        _ if is_empty(source) => Vec::new(),
        (_, Value::Array(items)) if path == "/gates" => in_some(source, items, zone),
        (Value::Object(object), Value::Object(_)) => object
            .iter()
            .flat_map(|(key, value)| {
                let back = back.get(key).unwrap_or(&Value::Null);
                missing(value, back, &format!("{path}/{key}"), zone)
            })
            .collect(),
        _ if is_same(source, back, path, zone) => Vec::new(),
        _ => vec![format!("{path}: {source} came back as {back}")],
    }
}

fn is_empty(value: &Value) -> bool {
    *value == json!([]) || *value == json!({})
}

fn in_some(source: &Value, items: &[Value], zone: Tz) -> Vec<String> {
    let gates: Vec<&Value> = match source {
        Value::Array(list) => list.iter().collect(),
        Value::Object(object) => object.values().collect(),
        _ => return vec![format!("/gates: {source} came back as {items:?}")],
    };
    let lost = gates.into_iter().filter(|gate| {
        !items
            .iter()
            .any(|item| missing(gate, item, "/gate", zone).is_empty())
    });
    lost.map(|gate| format!("/gates: {gate} is not in {items:?}"))
        .collect()
}

fn is_same(source: &Value, back: &Value, path: &str, zone: Tz) -> bool {
    if source == back {
        return true;
    }
    let key = path.rsplit('/').next().unwrap_or_default();
    if key.ends_with("At") {
        let says_none = |text: &str| text.chars().all(|char| "0-: T.Z".contains(char));
        return match times::read(source, zone).filter(|moment| moment.exact) {
            Some(moment) if moment.at.is_none() => source.as_str().is_some_and(says_none),
            Some(moment) => text(moment.at) == *back,
            None => false,
        };
    }
    let written = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    match back {
        Value::Bool(flag) => {
            written(source).is_some_and(|text| text == u8::from(*flag).to_string())
        }
        _ => written(source).is_some() && written(source) == written(back),
    }
}
