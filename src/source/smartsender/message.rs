//! From a message's JSON to its rows: the message, its attachments, the gate it went through.

use chrono_tz::Tz;
use serde_json::{Map, Value};

use super::super::drift::{cut, noted};
use super::chat;
use super::content;
use super::fields::Fields;
use crate::clock::Timestamp;
use crate::model::{Channel, Direction, Drift, Gate, Json, ListedMessage, Message};

/// What is known of a message before its own object is read.
#[derive(Clone, Copy)]
pub(super) struct Around {
    /// The chat whose list it stands in.
    pub chat_id: i64,
    /// The zone of times that carry none.
    pub zone: Tz,
    /// The server's clock when it showed the list.
    pub date: Timestamp,
}

/// The gate of the message before: most messages of a page came through one, and each shows it whole.
#[derive(Default)]
pub(super) struct LastGate(Option<(Map<String, Value>, ReadGate)>);

/// What a message's gate says.
#[derive(Clone)]
struct ReadGate {
    gate: Gate,
    channel: Option<Channel>,
    /// What its columns and its channel's did not take.
    unknown: Map<String, Value>,
    drift: Vec<Drift>,
}

struct Sender {
    kind: Option<String>,
    name: Option<String>,
    image_url: Option<String>,
}

/// The rows of one message. A usable `id` is all it needs.
///
/// # Errors
///
/// What is wrong with it, for a person.
pub(super) fn read(
    object: Map<String, Value>,
    around: Around,
    last_gate: &mut LastGate,
    drift: &mut Vec<Drift>,
) -> Result<ListedMessage, String> {
    let Around {
        chat_id,
        zone,
        date,
    } = around;
    let mut fields = Fields::new("message", object);
    let id = fields.take_id("id").ok_or("it has no usable id")?;
    let mut left = Map::new();
    let content = fields.take_any("content");
    let reading = read_content(content.as_ref(), id, zone, drift);
    let sender = read_sender(&mut fields, &mut left, drift);
    let (state, state_message) = read_state(&mut fields, &mut left, drift);
    let (gate, channel) = match read_gate(&mut fields, around, last_gate) {
        None => (None, None),
        Some(mut found) => {
            drift.append(&mut found.drift);
            keep(&mut left, "gate", found.unknown);
            (Some(found.gate), found.channel)
        }
    };
    let edited_at = fields.take_time("editedAt", zone);
    let deleted_at = reading
        .deleted
        .then(|| reading.deleted_at.or(edited_at).unwrap_or(date));
    let mut message = Message {
        id,
        chat_id,
        gate_id: gate.as_ref().map(|gate| gate.id),
        channel_id: channel.as_ref().map(|channel| channel.id),
        direction: sender.kind.as_deref().and_then(direction),
        kind: reading.kind,
        text: reading.text,
        sender_type: sender.kind,
        sender_name: sender.name,
        sender_image_url: sender.image_url,
        operator_id: None,
        internal: fields.take_flag("internal"),
        state,
        state_message,
        created_at: fields.take_time("createdAt", zone),
        delivered_at: fields.take_time("deliveredAt", zone),
        seen_at: fields.take_time("seenAt", zone),
        edited_at,
        deleted_at,
        content: content.as_ref().map_or_else(Json::empty_object, Json::new),
        extra: Json::empty_object(),
    };
    let mut extra = fields.leave(drift);
    extra.extend(left);
    message.extra = extra.into();
    Ok(ListedMessage {
        message,
        attachments: reading.attachments,
        gate,
        channel,
    })
}

fn read_content(
    content: Option<&Value>,
    message_id: i64,
    zone: Tz,
    drift: &mut Vec<Drift>,
) -> content::Reading {
    let Some(value) = content else {
        return content::Reading::default();
    };
    let Some(object) = value.as_object() else {
        if value.as_array().is_none_or(|list| !list.is_empty()) {
            drift.push(noted("message.content".to_owned(), value));
        }
        return content::Reading::default();
    };
    let reading = content::read(object, message_id, zone);
    if !reading.known && !object.is_empty() {
        let kind = reading.kind.as_deref().unwrap_or_default();
        drift.push(unknown_word("message.content.type", kind));
    }
    reading
}

fn read_sender(
    fields: &mut Fields,
    left: &mut Map<String, Value>,
    drift: &mut Vec<Drift>,
) -> Sender {
    let object = fields.take_object("sender").unwrap_or_default();
    let mut inner = Fields::new("message.sender", object);
    let sender = Sender {
        kind: inner.take_text("type"),
        name: inner.take_text("fullName"),
        image_url: inner.take_text("image"),
    };
    if let Some(kind) = sender.kind.as_deref()
        && direction(kind).is_none()
    {
        drift.push(unknown_word("message.sender.type", kind));
    }
    keep(left, "sender", inner.leave(drift));
    sender
}

fn read_state(
    fields: &mut Fields,
    left: &mut Map<String, Value>,
    drift: &mut Vec<Drift>,
) -> (Option<String>, Option<String>) {
    let object = fields.take_object("state").unwrap_or_default();
    let mut inner = Fields::new("message.state", object);
    let state = (inner.take_text("type"), inner.take_text("message"));
    keep(left, "state", inner.leave(drift));
    state
}

/// The message's gate. Its row may never be written, so what its columns do not take is kept with
/// the message as well; a gate without a usable id stays whole.
fn read_gate(fields: &mut Fields, around: Around, last: &mut LastGate) -> Option<ReadGate> {
    let object = fields.take_object("gate")?;
    if let Some((same, read)) = &last.0
        && *same == object
    {
        return Some(read.clone());
    }
    if object.is_empty() {
        return None;
    }
    let mut drift = Vec::new();
    let value = Value::Object(object.clone());
    let paths = &chat::IN_MESSAGE;
    let Some(found) = chat::read_gate(&value, around.chat_id, paths, around.zone, &mut drift)
    else {
        fields.put_back("gate", value);
        return None;
    };
    let mut unknown = found.extra.clone();
    keep(&mut unknown, "channel", found.channel_extra);
    let read = ReadGate {
        gate: Gate {
            extra: found.extra.into(),
            ..found.gate
        },
        channel: found.channel.map(|(channel, _)| channel),
        unknown,
        drift,
    };
    last.0 = Some((object, read.clone()));
    Some(read)
}

fn keep(left: &mut Map<String, Value>, key: &str, object: Map<String, Value>) {
    if !object.is_empty() {
        left.insert(key.to_owned(), Value::Object(object));
    }
}

fn direction(sender_type: &str) -> Option<Direction> {
    match sender_type {
        "contact" => Some(Direction::Inbound),
        "operator" | "project" | "bot" | "system" => Some(Direction::Outbound),
        _ => None,
    }
}

/// Notes a word of the platform's that is not known, by its name if it looks like one.
fn unknown_word(path: &str, word: &str) -> Drift {
    let is_name = |char: char| char.is_ascii_alphanumeric() || "_-.".contains(char);
    let name = if word.chars().all(is_name) {
        cut(word, 40)
    } else {
        "?".to_owned()
    };
    noted(format!("{path}={name}"), &Value::from(word))
}

#[cfg(test)]
mod tests;
