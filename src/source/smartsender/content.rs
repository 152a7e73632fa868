//! What a person would see of a message: its words and its attachments, by content type.

use chrono_tz::Tz;
use serde_json::{Map, Value};

use super::fields::items;
use super::times;
use crate::clock::Timestamp;
use crate::model::{Attachment, Json};

/// What the content of a message comes to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Reading {
    /// The content type; of a deleted message, what it was.
    pub kind: Option<String>,
    /// The words a person would read.
    pub text: Option<String>,
    /// What hangs on it, in order.
    pub attachments: Vec<Attachment>,
    /// The message is listed as a deleted one.
    pub deleted: bool,
    /// When it was deleted, if the content tells.
    pub deleted_at: Option<Timestamp>,
    /// Whether its type is one of those known.
    pub known: bool,
}

/// Reads `content`, the object `{type, resource: {parameters}}`, of message `message_id`.
pub(super) fn read(content: &Map<String, Value>, message_id: i64, zone: Tz) -> Reading {
    let outer = Template(content);
    if outer.kind() != Some("transient") {
        return outer.read(message_id);
    }
    let original = outer.get("original").and_then(Value::as_object);
    let reading = original.map_or_else(
        || Reading {
            kind: Some("transient".to_owned()),
            known: true,
            ..Reading::default()
        },
        |original| Template(original).read(message_id),
    );
    let circumstances = outer.get("context").and_then(Value::as_object);
    let timestamp = circumstances.and_then(|known| known.get("timestamp"));
    Reading {
        deleted: true,
        deleted_at: timestamp
            .and_then(|value| times::read(value, zone))
            .and_then(|moment| moment.at),
        ..reading
    }
}

/// A template: `{type, resource: {parameters: {…}}}`.
#[derive(Clone, Copy)]
struct Template<'a>(&'a Map<String, Value>);

impl<'a> Template<'a> {
    fn kind(self) -> Option<&'a str> {
        self.0.get("type")?.as_str()
    }

    fn resource(self) -> Option<&'a Map<String, Value>> {
        self.0.get("resource")?.as_object()
    }

    fn parameters(self) -> Option<&'a Map<String, Value>> {
        self.resource()?.get("parameters")?.as_object()
    }

    /// The value of `key` in the parameters, else in the resource, else in the template itself.
    fn get(self, key: &str) -> Option<&'a Value> {
        [self.parameters(), self.resource(), Some(self.0)]
            .into_iter()
            .flatten()
            .find_map(|place| place.get(key).filter(|value| !value.is_null()))
    }

    fn words(self, key: &str) -> Option<String> {
        self.get(key).and_then(words)
    }

    fn read(self, message_id: i64) -> Reading {
        let kind = self.kind();
        let (text, known) = self.text(kind.unwrap_or_default());
        let mut attachments = self.attachments(kind.unwrap_or_default());
        for (position, attachment) in (0..).zip(&mut attachments) {
            attachment.message_id = message_id;
            attachment.position = position;
        }
        Reading {
            kind: kind.map(str::to_owned),
            text: text.filter(|text| !text.is_empty()),
            attachments,
            known,
            ..Reading::default()
        }
    }

    /// The words of a content of type `kind`, and whether that type is known.
    fn text(self, kind: &str) -> (Option<String>, bool) {
        let text = match kind {
            "text" | "input" | "action" => self.words("content"),
            "pendingText" => self.words("content").map(|text| self.filled_in(&text)),
            "link"
            | "file"
            | "video"
            | "telegramVideoNote"
            | "audio"
            | "voice"
            | "picture"
            | "telegramCaptionedPicture"
            | "animation" => self.words("caption"),
            "mediaGroup" => self.captions(),
            "contact" => joined([self.words("name"), self.words("phoneNumber")], " "),
            "location" => joined([self.words("latitude"), self.words("longitude")], ", "),
            "telegramInvoice" => self.receipt(),
            // A transient that wraps a transient: there is nothing more to read.
            "transient" => None,
            _ => return (self.guessed(), false),
        };
        (text, true)
    }

    /// An unknown type's words, where it has any under a name that others use for words.
    fn guessed(self) -> Option<String> {
        ["content", "text", "caption", "title"]
            .iter()
            .find_map(|key| self.get(key)?.as_str())
            .map(str::to_owned)
    }

    fn receipt(self) -> Option<String> {
        let receipt = self.get("receipt")?.as_object()?;
        let line = |key| receipt.get(key).and_then(words);
        joined([line("title"), line("description")], "\n")
    }

    fn captions(self) -> Option<String> {
        let own = self.words("caption");
        let media = self.media().map(|medium| medium.words("caption"));
        joined(std::iter::once(own).chain(media), "\n")
    }

    fn media(self) -> impl Iterator<Item = Template<'a>> {
        let media = self.get("media").and_then(items).unwrap_or_default();
        let media = media.into_iter();
        media.filter_map(Value::as_object).map(Template)
    }

    /// Replaces each key of the `replacement` map by its value, longest keys first; what was put in
    /// is not looked at again. Keys count as they stand, with the marks around them or without.
    fn filled_in(self, text: &str) -> String {
        let map = self.get("replacement").and_then(Value::as_object);
        let mut pairs: Vec<(&str, String)> = map
            .into_iter()
            .flatten()
            .filter(|(key, _)| !key.is_empty())
            .filter_map(|(key, value)| Some((key.as_str(), replacing(value)?)))
            .collect();
        pairs.sort_by_key(|(key, _)| std::cmp::Reverse(key.len()));
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            if let Some((key, value)) = pairs.iter().find(|(key, _)| rest.starts_with(key)) {
                filled.push_str(value);
                rest = &rest[key.len()..];
            } else {
                filled.push(next);
                rest = &rest[next.len_utf8()..];
            }
        }
        filled
    }

    fn attachments(self, kind: &str) -> Vec<Attachment> {
        match kind {
            "text" | "input" | "action" | "pendingText" | "contact" | "location"
            | "telegramInvoice" | "transient" => Vec::new(),
            "mediaGroup" => self
                .media()
                .map(|medium| medium.attachment(medium.kind().unwrap_or("media")))
                .collect(),
            // Of an unknown type, too: an address is an address.
            _ if self.get("url").is_some_and(Value::is_string) => vec![self.attachment(kind)],
            _ => Vec::new(),
        }
    }

    /// The attachment that this template is; its `extra` is what else stands in the parameters.
    fn attachment(self, kind: &str) -> Attachment {
        let mut extra = self.parameters().cloned().unwrap_or_default();
        let mut take = |key| {
            let taken = self.words(key);
            if taken.is_some() || extra.get(key).is_some_and(Value::is_null) {
                extra.remove(key);
            }
            taken
        };
        let url = take("url");
        let caption = take("caption");
        Attachment {
            message_id: 0,
            position: 0,
            kind: Some(kind.to_owned()).filter(|kind| !kind.is_empty()),
            url,
            caption,
            file_id: None,
            extra: Json::from(extra),
        }
    }
}

/// A text, or a number's digits.
fn words(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// What a key is replaced by: nothing at all if its value is null; no replacing by lists and objects.
fn replacing(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::Bool(flag) => Some(flag.to_string()),
        other => words(other),
    }
}

fn joined(parts: impl IntoIterator<Item = Option<String>>, between: &str) -> Option<String> {
    let parts: Vec<String> = parts
        .into_iter()
        .flatten()
        .filter(|part| !part.is_empty())
        .collect();
    (!parts.is_empty()).then(|| parts.join(between))
}

#[cfg(test)]
mod tests;
