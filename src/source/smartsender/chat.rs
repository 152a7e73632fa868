//! From a chat's JSON to its rows: the chat, its contact, its gates and their channels.

use chrono_tz::Tz;
use serde_json::{Map, Value};

use super::super::drift::noted;
use super::fields::Fields;
use crate::model::{Channel, Chat, Contact, Drift, Gate, Json, ListedChat};

/// Paths of a gate and of its channel, by where the gate stands.
pub(super) struct GatePaths {
    gate: &'static str,
    channel: &'static str,
}

const IN_CHAT: GatePaths = GatePaths {
    gate: "chat.gates[]",
    channel: "chat.gates[].channel",
};

/// Those of a gate that stands in a message.
pub(super) const IN_MESSAGE: GatePaths = GatePaths {
    gate: "message.gate",
    channel: "message.gate.channel",
};

/// A gate before it is known whose word on the channel counts.
pub(super) struct FoundGate {
    /// The gate, its `extra` not yet filled in.
    pub gate: Gate,
    /// What the gate's columns did not take.
    pub extra: Map<String, Value>,
    /// Its channel, and the channel's object as it came.
    pub channel: Option<(Channel, Map<String, Value>)>,
    /// What the channel's columns did not take.
    pub channel_extra: Map<String, Value>,
}

/// The rows of one chat. A usable `id` and `updatedAt` are all it needs.
///
/// # Errors
///
/// What is wrong with it, for a person.
pub(super) fn read(
    object: Map<String, Value>,
    zone: Tz,
    drift: &mut Vec<Drift>,
) -> Result<ListedChat, String> {
    let mut fields = Fields::new("chat", object);
    let id = fields.take_id("id").ok_or("it has no usable id")?;
    let updated_at = fields.take_time("updatedAt", zone);
    let updated_at = updated_at.ok_or("it has no usable updatedAt")?;
    let contact = read_contact(&mut fields, zone, drift);
    let list = fields.take_list("gates").unwrap_or_default();
    let (found, odd) = read_gates(list, id, zone, drift);
    let (gates, channels) = settle_channels(found, drift);
    let mut chat = Chat {
        id,
        contact_id: contact.as_ref().map(|contact| contact.id),
        name: fields.take_text("name"),
        image_url: fields.take_text("image"),
        project_id: None,
        created_at: fields.take_time("createdAt", zone),
        updated_at,
        extra: Json::empty_object(),
    };
    let mut extra = fields.leave(drift);
    if !odd.is_empty() {
        extra.insert("gates".to_owned(), Value::Array(odd));
    }
    chat.extra = extra.into();
    Ok(ListedChat {
        chat,
        contact,
        gates,
        channels,
    })
}

/// The chat's contact; one without a usable id stays whole in the chat.
fn read_contact(fields: &mut Fields, zone: Tz, drift: &mut Vec<Drift>) -> Option<Contact> {
    let object = fields.take_object("contact")?;
    let mut contact = Fields::new("chat.contact", object.clone());
    let Some(id) = contact.take_id("id") else {
        if !object.is_empty() {
            fields.put_back("contact", Value::Object(object));
        }
        return None;
    };
    Some(Contact {
        id,
        original_id: contact.take_id("originalId"),
        name: contact.take_text("name"),
        phone: contact.take_text("phone"),
        email: contact.take_text("email"),
        project_id: None,
        created_at: contact.take_time("createdAt", zone),
        updated_at: contact.take_time("updatedAt", zone),
        extra: contact.leave(drift).into(),
    })
}

/// The gates that can be read, and as they came those that cannot, or that contradict one before them.
fn read_gates(
    list: Vec<Value>,
    chat_id: i64,
    zone: Tz,
    drift: &mut Vec<Drift>,
) -> (Vec<FoundGate>, Vec<Value>) {
    let mut found: Vec<FoundGate> = Vec::new();
    let mut odd = Vec::new();
    let mut seen: Vec<(i64, Value)> = Vec::new();
    for value in list {
        let Some(gate) = read_gate(&value, chat_id, &IN_CHAT, zone, drift) else {
            drift.push(noted(IN_CHAT.gate.to_owned(), &value));
            odd.push(value);
            continue;
        };
        let id = gate.gate.id;
        match seen.iter().find(|(known, _)| *known == id) {
            None => {
                seen.push((id, value));
                found.push(gate);
            }
            Some((_, same)) if *same == value => {}
            Some(_) => {
                drift.push(noted(IN_CHAT.gate.to_owned(), &value));
                odd.push(value);
            }
        }
    }
    (found, odd)
}

/// A gate, if `value` is an object with a usable id.
pub(super) fn read_gate(
    value: &Value,
    chat_id: i64,
    paths: &GatePaths,
    zone: Tz,
    drift: &mut Vec<Drift>,
) -> Option<FoundGate> {
    let mut fields = Fields::new(paths.gate, value.as_object()?.clone());
    let id = fields.take_id("id")?;
    let mut channel_extra = Map::new();
    let channel = fields.take_object("channel").and_then(|object| {
        let read = read_channel(object.clone(), paths, zone, drift);
        match read {
            Some((channel, extra)) => {
                channel_extra = extra;
                Some((channel, object))
            }
            None if object.is_empty() => None,
            None => {
                fields.put_back("channel", Value::Object(object));
                None
            }
        }
    });
    let gate = Gate {
        chat_id,
        id,
        channel_id: channel.as_ref().map(|(channel, _)| channel.id),
        subscribed: fields.take_flag("subscribed"),
        unread_messages: fields.take_id("unreadMessages"),
        extra: Json::empty_object(),
    };
    Some(FoundGate {
        gate,
        extra: fields.leave(drift),
        channel,
        channel_extra,
    })
}

/// A channel and what its columns did not take, if it has a usable id.
fn read_channel(
    object: Map<String, Value>,
    paths: &GatePaths,
    zone: Tz,
    drift: &mut Vec<Drift>,
) -> Option<(Channel, Map<String, Value>)> {
    let mut fields = Fields::new(paths.channel, object);
    let mut channel = Channel {
        id: fields.take_id("id")?,
        kind: fields.take_text("type"),
        name: fields.take_text("name"),
        title: fields.take_text("title"),
        active: fields.take_flag("active"),
        occupied: fields.take_flag("occupied"),
        referrer: fields.take_id("referrer"),
        link: fields.take_text("link"),
        app: fields.take_text("app"),
        project_id: None,
        created_at: fields.take_time("createdAt", zone),
        updated_at: fields.take_time("updatedAt", zone),
        extra: Json::empty_object(),
    };
    let extra = fields.leave(drift);
    channel.extra = extra.clone().into();
    Some((channel, extra))
}

/// One row for each channel, the latest by its `updatedAt`; a gate that told otherwise keeps its
/// channel's object in its own `extra`, so that no word is lost.
fn settle_channels(found: Vec<FoundGate>, drift: &mut Vec<Drift>) -> (Vec<Gate>, Vec<Channel>) {
    let mut channels: Vec<Channel> = Vec::new();
    for (channel, _) in found.iter().filter_map(|found| found.channel.as_ref()) {
        match channels.iter_mut().find(|known| known.id == channel.id) {
            None => channels.push(channel.clone()),
            Some(known) if known.updated_at < channel.updated_at => *known = channel.clone(),
            Some(_) => {}
        }
    }
    let gates = found.into_iter().map(|found| {
        let mut extra = found.extra;
        if let Some((channel, object)) = found.channel
            && !channels.contains(&channel)
        {
            let object = Value::Object(object);
            drift.push(noted(IN_CHAT.channel.to_owned(), &object));
            extra.insert("channel".to_owned(), object);
        }
        Gate {
            extra: extra.into(),
            ..found.gate
        }
    });
    (gates.collect(), channels)
}

#[cfg(test)]
mod tests;
