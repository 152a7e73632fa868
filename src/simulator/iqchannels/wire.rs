//! How the platform writes: envelopes, and the objects beside what they are about.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::account::{Account, Event};

/// Objects that are to stand beside others, by what they are.
#[derive(Debug, Default)]
pub(super) struct Beside {
    chats: BTreeSet<i64>,
    messages: BTreeSet<i64>,
    clients: BTreeSet<i64>,
    operators: BTreeSet<i64>,
    files: BTreeSet<String>,
}

impl Beside {
    /// What an event is shown with.
    pub(super) fn of_event(account: &Account, event: &Event) -> Self {
        let mut beside = Self::default();
        beside.chats.insert(event.chat_id);
        let shown = event
            .message_id
            .filter(|id| !account.deleted.contains_key(id));
        beside.messages.extend(shown);
        beside
            .operators
            .extend(Account::number(&event.value, "UserId"));
        beside.gather(account);
        beside
    }

    /// What a list of chats is shown with.
    pub(super) fn of_chats(account: &Account, chats: &[&Value]) -> Self {
        let mut beside = Self::default();
        let ids = chats.iter().filter_map(|chat| Account::number(chat, "Id"));
        beside.chats.extend(ids);
        beside.gather(account);
        beside
    }

    /// What a list of messages is shown with.
    pub(super) fn of_messages(account: &Account, messages: &[&Value]) -> Self {
        let mut beside = Self::default();
        let ids = messages
            .iter()
            .filter_map(|message| Account::number(message, "Id"));
        beside.messages.extend(ids);
        beside.gather(account);
        beside
    }

    /// Adds what is named by what is there.
    fn gather(&mut self, account: &Account) {
        for message in self
            .messages
            .iter()
            .filter_map(|id| account.messages.get(id))
        {
            self.chats.extend(Account::number(message, "ChatId"));
            self.operators.extend(Account::number(message, "UserId"));
            self.files
                .extend(message["FileId"].as_str().map(str::to_owned));
        }
        let chats = self.chats.iter().filter_map(|id| account.chats.get(id));
        self.clients
            .extend(chats.filter_map(|chat| Account::number(chat, "ClientId")));
    }

    /// `Rels`, but for the lists that `left_out` names.
    pub(super) fn rels(&self, account: &Account, mut left_out: impl FnMut(&str) -> bool) -> Value {
        let mut rels = Map::new();
        let mut add = |name: &str, objects: Vec<&Value>| {
            if !objects.is_empty() && !left_out(name) {
                rels.insert(name.to_owned(), json!(objects));
            }
        };
        let channels: BTreeSet<i64> = self
            .chats
            .iter()
            .filter_map(|id| account.channel_of(*id))
            .collect();
        add(
            "Chats",
            self.chats
                .iter()
                .filter_map(|id| account.chats.get(id))
                .collect(),
        );
        add(
            "ChatMessages",
            self.messages
                .iter()
                .filter_map(|id| account.messages.get(id))
                .collect(),
        );
        add(
            "Files",
            self.files
                .iter()
                .filter_map(|id| account.files.get(id))
                .collect(),
        );
        add(
            "Clients",
            self.clients
                .iter()
                .filter_map(|id| account.clients.get(id))
                .collect(),
        );
        add(
            "Users",
            self.operators
                .iter()
                .filter_map(|id| account.operators.get(id))
                .collect(),
        );
        add(
            "Channels",
            channels
                .iter()
                .filter_map(|id| account.channels.get(id))
                .collect(),
        );
        add("Projects", account.projects.values().collect());
        Value::Object(rels)
    }
}

/// A body as it is pushed.
pub(super) fn pushed(event: &Event, rels: &Value) -> String {
    json!({ "ChatEvent": event.value, "Rels": rels }).to_string()
}

/// What happens and is gone: no id, nothing to be kept.
pub(super) fn typing(chat_id: i64) -> String {
    json!({ "ChatEvent": { "Type": "typing", "ChatId": chat_id, "Transitive": true }, "Rels": {} })
        .to_string()
}

/// An answer that is a success.
pub(super) fn answer(result: &Value, rels: &Value) -> String {
    json!({ "OK": true, "Error": null, "Result": result, "Rels": rels }).to_string()
}

/// The platform's own refusal, which comes as a success of HTTP.
pub(super) fn refusal(code: &str) -> String {
    json!({ "OK": false, "Error": { "Code": code, "Text": "Ошибка" }, "Result": null, "Rels": null }).to_string()
}
