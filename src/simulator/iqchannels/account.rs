//! What an installation holds: every object as the platform would show it now, and everything that happened.

use std::collections::BTreeMap;

use serde_json::{Value, json};

pub(super) const OPERATORS: [&str; 4] = ["Анна Белова", "Игорь Ким", "Мария Орлова", "Олег Серов"];

pub(super) const FIRST_NAMES: [&str; 8] = [
    "Альфред",
    "Вера",
    "Глеб",
    "Дарья",
    "Ева",
    "Захар",
    "Инна",
    "Лев",
];

pub(super) const LAST_NAMES: [&str; 8] = [
    "Хичкок",
    "Громова",
    "Ушаков",
    "Зорина",
    "Ким",
    "Лебедев",
    "Маркова",
    "Носов",
];

pub(super) const CHANNELS: [&str; 2] = ["Внутренний чат", "Мобильное приложение"];

/// An installation's data. Objects stand under their ids, in the platform's own shape; times are milliseconds since 1970.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// `Projects`.
    pub projects: BTreeMap<i64, Value>,
    /// `Channels`.
    pub channels: BTreeMap<i64, Value>,
    /// `Users`.
    pub operators: BTreeMap<i64, Value>,
    /// `Clients`.
    pub clients: BTreeMap<i64, Value>,
    /// `Chats`; whether one is open stands in `open`, for no object says it.
    pub chats: BTreeMap<i64, Value>,
    /// `ChatMessages`, those that were deleted included; the platform does not show these any more.
    pub messages: BTreeMap<i64, Value>,
    /// `Files`.
    pub files: BTreeMap<String, Value>,
    /// Whether each chat is open.
    pub open: BTreeMap<i64, bool>,
    /// Requests of clients, by `TicketId`; no object shows more of one than its number.
    pub tickets: BTreeMap<i64, Ticket>,
    /// When messages were last edited.
    pub edited: BTreeMap<i64, i64>,
    /// When messages were deleted.
    pub deleted: BTreeMap<i64, i64>,
    /// What happened, in its order.
    pub events: Vec<Event>,
}

/// A client's request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The chat it was made in.
    pub chat_id: i64,
    /// When it was closed.
    pub closed_at: Option<i64>,
    /// The event that closed it.
    pub closed_by: Option<i64>,
}

/// A thing that happened.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its id: one sequence for the whole server, with gaps.
    pub id: i64,
    /// The chat it happened in.
    pub chat_id: i64,
    /// The message that is shown beside it.
    pub message_id: Option<i64>,
    /// The event object.
    pub value: Value,
}

impl Account {
    /// The number under `key` of an object.
    pub(super) fn number(object: &Value, key: &str) -> Option<i64> {
        object.get(key)?.as_i64()
    }

    /// The channel of a chat.
    pub(super) fn channel_of(&self, chat_id: i64) -> Option<i64> {
        Self::number(self.chats.get(&chat_id)?, "ChannelId")
    }

    /// Messages of a chat that the platform shows, by id.
    pub(super) fn listed(&self, chat_id: i64) -> impl DoubleEndedIterator<Item = (i64, &Value)> {
        let of_chat = move |message: &Value| Self::number(message, "ChatId") == Some(chat_id);
        let messages = self.messages.iter();
        messages
            .filter(move |(id, message)| of_chat(message) && !self.deleted.contains_key(id))
            .map(|(id, message)| (*id, message))
    }

    /// The last event's id.
    #[must_use]
    pub fn last_event(&self) -> i64 {
        self.events.last().map_or(0, |event| event.id)
    }

    pub(super) fn add_event(&mut self, event: Event) {
        self.events.push(event);
    }
}

pub(super) fn project(at: i64) -> Value {
    json!({
        "Id": 1, "Name": "Физические лица", "Slug": "retail", "Description": "Поддержка клиентов", "State": "active",
        "TotalTickets": 0, "TotalOpenTickets": 0, "TotalAssignedTickets": 0, "CreatedAt": at, "UpdatedAt": at,
        "ArchivedAt": null, "DeletedAt": null, "RestoredAt": null, "Options": null, "Permissions": null,
    })
}

pub(super) fn channel(id: i64, title: &str, at: i64) -> Value {
    json!({
        "Id": id, "ProjectId": 1, "Type": "iqchat", "Name": format!("support{id}"), "Title": title,
        "Description": "Виджет и приложение", "Deleted": false, "TotalClients": 0, "TotalTickets": 0, "TotalOpenTickets": 0,
        "CreatedAt": at, "UpdatedAt": at,
        "IQChat": {
            "ChannelId": id, "Deleted": false, "CreatedAt": at, "UpdatedAt": at, "DeletedAt": null, "RestoredAt": null, "APNS": null,
        },
    })
}

pub(super) fn operator(id: i64, name: &str, at: i64) -> Value {
    json!({
        "Id": id, "Type": "user", "Name": name, "Email": format!("operator{id}@bank.example"), "Login": null, "Position": "Оператор",
        "Department": "", "RoleId": 1, "AvatarId": null, "Online": true, "Active": true, "Deleted": false, "TotalAssignedTickets": 0,
        "CreatedAt": at, "UpdatedAt": at, "LastSeenAt": at, "LastActiveAt": at, "LastMessageAt": at, "AssignedAt": null,
        "DisplayName": name, "Permissions": null,
    })
}

pub(super) fn client(id: i64, name: &str, at: i64) -> Value {
    let (first, last) = name.split_once(' ').unwrap_or((name, ""));
    json!({
        "Id": id, "ProjectId": 1, "ParentId": null, "Type": "crm", "Name": name, "ShortName": "", "Online": false, "CRMId": 1,
        "CRMClientId": id.to_string(), "ChannelId": null, "TelegramId": null, "FacebookId": null, "InfobipId": null, "VKId": null,
        "TotalTickets": 1, "TotalOpenTickets": 1, "CreatedAt": at, "UpdatedAt": at, "SeenAt": at, "MessagedAt": null,
        "Details": {
            "ClientId": id, "CRMURL": "", "FirstName": first, "MiddleName": "", "LastName": last, "Sex": "",
            "Birthday": "13.08.1979", "Cellphone": format!("+7 999 {id:07}"), "Email": format!("client{id}@mail.example"),
            "INN": "", "ExtRef": "", "CardRef": "", "BranchId": "", "BranchName": "", "BranchExtRef": "", "BranchBik": "",
            "CreatedAt": at, "UpdatedAt": at, "Fields": [],
        },
    })
}

pub(super) fn chat(id: i64, client_id: i64, channel_id: i64, ticket_id: i64, at: i64) -> Value {
    json!({
        "Id": id, "ProjectId": 1, "ClientId": client_id, "ChannelId": channel_id, "TicketId": ticket_id, "EventId": null,
        "ClientUnread": 0, "CreatedAt": at, "ChangedAt": at,
    })
}

pub(super) fn message(id: i64, chat_id: i64, at: i64) -> Value {
    json!({
        "Id": id, "ChatId": chat_id, "LocalId": at, "EventId": null, "TicketMessageId": id + 600, "Author": "system", "ClientId": null,
        "UserId": null, "Payload": "text", "Text": "", "FileId": null, "Received": false, "Read": false, "Pushed": false,
        "CreatedAt": at, "ReceivedAt": null, "ReadAt": null, "My": false,
    })
}

pub(super) fn file(id: &str, client_id: i64, operator_id: Option<i64>, at: i64) -> Value {
    json!({
        "Id": id, "Type": "file", "Owner": "client", "OwnerClientId": client_id,
        "ClientId": if operator_id.is_none() { Some(client_id) } else { None }, "UserId": operator_id, "Name": "выписка.pdf",
        "Path": format!("clients/{client_id}/{id}"), "Size": 2493, "ImageWidth": null, "ImageHeight": null,
        "ContentType": "application/pdf", "CreatedAt": at,
    })
}
