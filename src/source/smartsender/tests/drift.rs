//! What stands in `extra` is noted as drift, and nothing else is.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::give_back::parsed;
use crate::model::{Json, ListedChat, ListedMessage};

type Paths = BTreeSet<String>;

/// How the path of a word begins that is not known.
const WORDS: [&str; 2] = ["message.content.type=", "message.sender.type="];

fn keys(path: &str, extra: &Value) -> Paths {
    let object = extra.as_object().into_iter().flat_map(Map::keys);
    object.map(|key| format!("{path}.{key}")).collect()
}

/// Asserts that all of `musts` were noted, and of others only those of `mays`.
#[track_caller]
fn assert_noted(noted: &Paths, musts: &Paths, mays: &Paths) {
    let unsaid: Vec<_> = musts.difference(noted).collect();
    assert!(unsaid.is_empty(), "kept and not noted: {unsaid:?}");
    let surplus = noted.iter().filter(|path| !musts.contains(*path));
    let surplus: Vec<_> = surplus.filter(|path| !mays.contains(*path)).collect();
    assert!(surplus.is_empty(), "noted and not kept: {surplus:?}");
}

/// Holds what was noted of a chat against its rows.
#[track_caller]
pub fn assert_of_chat(listed: &ListedChat, noted: &Paths) {
    let (mut musts, mut mays) = (Paths::new(), Paths::new());
    let extra = parsed(&listed.chat.extra);
    musts.extend(keys("chat", &extra));
    if let Some(Value::Array(odd)) = extra.get("gates") {
        musts.remove("chat.gates");
        musts.insert("chat.gates[]".to_owned());
        // What was read of a gate before it proved to contradict another.
        for gate in odd {
            mays.extend(keys("chat.gates[]", gate));
            let channel = gate.get("channel").unwrap_or(&Value::Null);
            mays.extend(keys("chat.gates[].channel", channel));
        }
    }
    if let Some(contact) = &listed.contact {
        musts.extend(keys("chat.contact", &parsed(&contact.extra)));
    }
    for gate in &listed.gates {
        let extra = parsed(&gate.extra);
        musts.extend(keys("chat.gates[]", &extra));
        let channel = extra.get("channel").unwrap_or(&Value::Null);
        mays.extend(keys("chat.gates[].channel", channel));
    }
    for channel in &listed.channels {
        musts.extend(keys("chat.gates[].channel", &parsed(&channel.extra)));
    }
    assert_noted(noted, &musts, &mays);
}

/// Holds what was noted of a message against its rows.
#[track_caller]
pub fn assert_of_message(listed: &ListedMessage, noted: &Paths) {
    let mut musts = Paths::new();
    let extra = parsed(&listed.message.extra);
    for (key, value) in extra.as_object().unwrap() {
        let path = format!("message.{key}");
        match (key.as_str(), value) {
            ("sender" | "state", Value::Object(_)) => musts.extend(keys(&path, value)),
            ("gate", Value::Object(_)) if listed.gate.is_some() => {}
            _ => drop(musts.insert(path)),
        }
    }
    if let Some(gate) = &listed.gate {
        musts.extend(keys("message.gate", &parsed(&gate.extra)));
    }
    if let Some(channel) = &listed.channel {
        musts.extend(keys("message.gate.channel", &parsed(&channel.extra)));
    }
    let of_words = |path: &&String| {
        WORDS.iter().any(|word| path.starts_with(word)) || *path == "message.content"
    };
    let (words, others): (Vec<_>, Vec<_>) = noted.iter().partition(of_words);
    assert_noted(
        &others.into_iter().cloned().collect(),
        &musts,
        &Paths::new(),
    );
    let strange_content = is_strange(&listed.message.content);
    let said = |start: &str| words.iter().any(|path| path.starts_with(start));
    assert_eq!(said("message.content"), strange_content, "{words:?}");
    let sender = listed.message.sender_type.as_deref();
    let strange_sender = sender.is_some() && listed.message.direction.is_none();
    assert_eq!(said("message.sender.type="), strange_sender, "{words:?}");
}

/// Whether a content is of no known type.
fn is_strange(content: &Json) -> bool {
    let content = parsed(content);
    let Some(object) = content.as_object() else {
        return content.as_array().is_none_or(|list| !list.is_empty());
    };
    let kind = |value: &Value| value.get("type").and_then(Value::as_str).map(str::to_owned);
    let mut kind_read = kind(&content);
    if kind_read.as_deref() == Some("transient") {
        let places = ["/resource/parameters", "/resource", ""];
        let originals = places
            .iter()
            .filter_map(|place| content.pointer(place)?.get("original"));
        match originals.into_iter().find(|value| !value.is_null()) {
            Some(original) if original.is_object() => kind_read = kind(original),
            _ => return false,
        }
    }
    let known = "text input action pendingText link file video telegramVideoNote audio voice picture \
                 telegramCaptionedPicture animation mediaGroup contact location telegramInvoice transient";
    let kind_read = kind_read.as_deref();
    !object.is_empty()
        && !kind_read.is_some_and(|kind| known.split_whitespace().any(|word| word == kind))
}
