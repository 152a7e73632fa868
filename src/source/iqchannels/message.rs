//! What is particular to messages: words that only an edit changes, marks that are only ever set, and content of many kinds.

use serde_json::{Map, Value};

use super::object::escaped;

/// Marks that are never taken back.
const MARKS: [&str; 3] = ["Received", "Read", "Pushed"];

/// Takes what is particular to a message out of `object`.
pub(super) fn take(object: &mut Map<String, Value>, keys: &mut Map<String, Value>) {
    if let Some(text) = object.remove("Text") {
        keys.insert("text".to_owned(), said(&text));
        keys.insert("words/Text".to_owned(), text);
    }
    for (key, column) in [("Payload", "kind"), ("FileId", "file_id")] {
        if let Some(value) = object.remove(key) {
            keys.insert(column.to_owned(), said(&value));
            keys.insert(format!("content/{key}"), value);
        }
    }
    if let Some(author) = object.get("Author") {
        keys.insert("direction".to_owned(), direction(author));
    }
    for key in MARKS {
        if let Some(value) = object.remove(key) {
            keys.insert(format!("mark/{key}"), value);
        }
    }
    // What a rating, a choice, a card or a product consists of.
    let structured = |value: &Value| value.is_object() || value.is_array();
    let names: Vec<String> = object
        .iter()
        .filter(|(_, value)| structured(value))
        .map(|(key, _)| key.clone())
        .collect();
    for key in names {
        if let Some(value) = object.remove(&key) {
            keys.insert(format!("content/{}", escaped(&key)), value);
        }
    }
}

/// A text that says something.
fn said(value: &Value) -> Value {
    match value {
        Value::String(text) if !text.is_empty() => value.clone(),
        _ => Value::Null,
    }
}

/// Which way a message of this author's goes: what is not the client's and not nobody's is the company's.
fn direction(author: &Value) -> Value {
    match author.as_str() {
        Some("client") => "inbound".into(),
        Some("") | None => Value::Null,
        Some(_) => "outbound".into(),
    }
}
