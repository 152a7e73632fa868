//! From the account's state to the platform's JSON.

use std::fmt::Write;

use chrono::{DateTime, SecondsFormat};
use serde_json::{Map, Value, json};

use super::account::{
    Account, Channel, Chat, Contact, Delivery, Extra, Message, Operator, Project, Sender,
};
use super::content::{Content, Media, Template};
use super::options::{Options, TimeFormat};
use crate::clock::Timestamp;

/// Renders objects of one account under one set of options.
#[derive(Clone, Copy)]
pub(super) struct Wire<'a> {
    pub(super) account: &'a Account,
    pub(super) options: &'a Options,
}

impl Wire<'_> {
    pub(super) fn contact(self, contact: &Contact) -> Value {
        json!({
            "id": contact.original_id,
            "fullName": contact.name,
            "phone": contact.phone,
            "email": contact.email,
            "createdAt": self.time(contact.created_at),
        })
    }

    pub(super) fn channel(self, channel: &Channel) -> Value {
        let fields = json!({
            "id": channel.id,
            "active": channel.active,
            "occupied": channel.occupied,
            "type": channel.kind,
            "name": channel.name,
            "referrer": channel.referrer,
            "link": channel.link,
            "app": channel.app,
            "createdAt": self.time(channel.created_at),
            "updatedAt": self.time(channel.updated_at),
        });
        with(fields, &channel.extra)
    }

    pub(super) fn chat(self, chat: &Chat) -> Value {
        let gates = chat.gates.iter().map(|gate| {
            let shown = (gate.subscribed, gate.unread_messages);
            self.gate(gate.id, gate.channel_id, shown, &gate.extra)
        });
        let contact = json!({
            "id": id(chat.contact.id, chat.ids_as_text),
            "originalId": id(chat.contact.original_id, chat.ids_as_text),
        });
        let fields = json!({
            "id": id(chat.id, chat.ids_as_text),
            "name": chat.name,
            "image": chat.image,
            "contact": with(contact, &chat.contact_extra),
            "gates": gates.collect::<Vec<_>>(),
            "createdAt": self.time(chat.created_at),
            "updatedAt": self.time(chat.updated_at),
        });
        with(fields, &chat.extra)
    }

    /// A message shows its gate as the chat has it now; of a gate that the chat lost, only the ids are known.
    pub(super) fn message(self, chat: &Chat, message: &Message) -> Value {
        let listed = chat.gates.iter().find(|gate| gate.id == message.gate.id);
        let shown = listed.map_or((false, 0), |gate| (gate.subscribed, gate.unread_messages));
        let gate = self.gate(
            message.gate.id,
            message.gate.channel_id,
            shown,
            &Extra::new(),
        );
        let fields = json!({
            "id": id(message.id, message.ids_as_text),
            "content": self.content(&message.content),
            "internal": message.internal,
            "state": delivery(&message.state),
            "sender": sender(&message.sender),
            "gate": gate,
            "createdAt": self.time(message.created_at),
            "deliveredAt": message.delivered_at.map(|at| self.time(at)),
            "seenAt": message.seen_at.map(|at| self.time(at)),
            "editedAt": message.edited_at.map(|at| self.time(at)),
        });
        with(fields, &message.extra)
    }

    fn gate(
        self,
        id: i64,
        channel: i64,
        (subscribed, unread): (bool, i64),
        extra: &Extra,
    ) -> Value {
        let channel = self.account.channels.get(&channel);
        let fields = json!({
            "id": id,
            "subscribed": subscribed,
            "unreadMessages": unread,
            "channel": channel.map(|channel| self.channel(channel)),
        });
        with(fields, extra)
    }

    fn content(self, content: &Content) -> Value {
        let parameters = with(self.parameters(&content.template), &content.extra);
        let mut resource = json!({ "parameters": or_list(parameters) });
        if !content.buttons.is_empty() {
            let button = |text: &String| json!({ "parameters": { "text": text } });
            resource["buttons"] = content.buttons.iter().map(button).collect();
        }
        json!({ "type": content.template.kind(), "resource": resource })
    }

    fn parameters(self, template: &Template) -> Value {
        match template {
            Template::Text(text) | Template::Input(text) | Template::Action(text) => {
                json!({ "content": text })
            }
            Template::PendingText {
                content,
                replacement,
            } => {
                json!({ "content": content, "replacement": or_list(json!(replacement)) })
            }
            Template::File { url, .. } => json!({ "url": url }),
            Template::Picture { url, caption, .. } => captioned(url, caption.as_deref()),
            Template::MediaGroup(media) => {
                json!({ "media": media.iter().map(medium).collect::<Vec<_>>() })
            }
            Template::Contact { name, phone_number } => {
                json!({ "name": name, "phoneNumber": phone_number })
            }
            Template::Location {
                latitude,
                longitude,
            } => {
                json!({ "latitude": latitude, "longitude": longitude })
            }
            Template::TelegramInvoice { title, description } => {
                json!({ "receipt": { "title": title, "description": description } })
            }
            Template::Transient {
                original,
                deleted_at,
            } => json!({
                "original": self.content(original),
                "context": { "timestamp": self.time(*deleted_at) },
            }),
            Template::Unknown { parameters, .. } => Value::Object(parameters.clone()),
        }
    }

    /// A time as the options want it written.
    pub(super) fn time(self, at: Timestamp) -> Value {
        let seconds = at.millis().div_euclid(1000);
        let utc = DateTime::from_timestamp(seconds, 0).unwrap_or_default();
        let local = utc.with_timezone(&self.options.time_zone);
        match self.options.time_format {
            TimeFormat::Plain => json!(local.format("%Y-%m-%d %H:%M:%S").to_string()),
            TimeFormat::Rfc3339 => json!(local.to_rfc3339_opts(SecondsFormat::Secs, false)),
            TimeFormat::EpochSeconds => json!(seconds),
            TimeFormat::EpochMillis => json!(seconds * 1000),
        }
    }
}

pub(super) fn project(project: &Project) -> Value {
    json!({
        "id": project.id,
        "name": project.name,
        "photo": project.photo,
        "timezone": project.timezone,
        "identifier": project.identifier,
    })
}

pub(super) fn operator(operator: &Operator) -> Value {
    json!({ "id": operator.id, "fullName": operator.full_name, "image": operator.image })
}

/// The text of `value`, with everything beyond ASCII and every slash escaped if PHP's habit is wanted.
pub(super) fn text(value: &Value, escaped: bool) -> String {
    let text = value.to_string();
    if !escaped {
        return text;
    }
    let mut ascii = String::with_capacity(text.len() * 2);
    for letter in text.chars() {
        match letter {
            '/' => ascii.push_str("\\/"),
            _ if letter.is_ascii() => ascii.push(letter),
            _ => {
                for unit in letter.encode_utf16(&mut [0; 2]) {
                    let _ = write!(ascii, "\\u{unit:04x}");
                }
            }
        }
    }
    ascii
}

fn id(id: i64, as_text: bool) -> Value {
    if as_text {
        json!(id.to_string())
    } else {
        json!(id)
    }
}

fn delivery(state: &Delivery) -> Value {
    json!({ "type": state.kind, "message": state.message })
}

fn sender(sender: &Sender) -> Value {
    let fields = json!({
        "type": sender.kind.as_str(),
        "image": sender.image,
        "fullName": sender.full_name,
    });
    with(fields, &sender.extra)
}

fn medium(media: &Media) -> Value {
    json!({
        "type": "picture",
        "resource": { "parameters": captioned(&media.url, media.caption.as_deref()) },
    })
}

/// A missing caption is not written at all.
fn captioned(url: &str, caption: Option<&str>) -> Value {
    let mut parameters = json!({ "url": url });
    if let Some(caption) = caption {
        parameters["caption"] = json!(caption);
    }
    parameters
}

/// PHP cannot tell an empty map from an empty list, and writes the latter.
fn or_list(map: Value) -> Value {
    if map.as_object().is_some_and(Map::is_empty) {
        json!([])
    } else {
        map
    }
}

fn with(mut fields: Value, extra: &Extra) -> Value {
    if let Value::Object(object) = &mut fields {
        object.extend(extra.clone());
    }
    fields
}
