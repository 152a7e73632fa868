//! The judge: holds a mirror against the installation's own account, by nothing but what both of them say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chatmirror::clock::Timestamp;
use chatmirror::simulator::iqchannels::Account;
use serde_json::{Value, json};

use crate::support::dump::{self, Columns};

/// Where the mirror is not what the installation is. `lost`: events that were never told as they happened; of what nothing else than an event
/// tells, the mirror then may know nothing, but nothing wrong.
pub async fn differences(path: &Path, account: &Account, lost: &BTreeSet<i64>) -> Vec<String> {
    let mut judge = Judge {
        account,
        lost,
        found: Vec::new(),
    };
    judge.of_events(path).await;
    judge.of_people(path).await;
    judge.of_chats(path).await;
    judge.of_messages(path).await;
    judge.found
}

struct Judge<'a> {
    account: &'a Account,
    lost: &'a BTreeSet<i64>,
    found: Vec<String>,
}

fn text(at: i64) -> String {
    Timestamp::from_millis(at).unwrap().to_string()
}

fn at(value: &Value) -> Value {
    value.as_i64().map_or(Value::Null, |at| text(at).into())
}

impl Judge<'_> {
    fn compare(&mut self, what: &str, id: i64, is: &Value, should: impl Into<Value>) {
        let should = should.into();
        if *is != should {
            let found = format!("{what} of {id} is {is} and should be {should}");
            self.found.push(found);
        }
    }

    async fn of_events(&mut self, path: &Path) {
        let stored = dump::table(path, "events", &["id"]).await;
        let stored: BTreeSet<i64> = stored.keys().map(|key| key[0]).collect();
        let all: BTreeSet<i64> = self.account.events.iter().map(|event| event.id).collect();
        let told = all.difference(self.lost).copied().collect();
        if !stored.is_subset(&all) || !stored.is_superset(&told) {
            self.found.push(format!("events are {stored:?} of {all:?}"));
        }
    }

    async fn of_people(&mut self, path: &Path) {
        let contacts = dump::table(path, "contacts", &["id"]).await;
        for (id, client) in &self.account.clients {
            let Some(row) = contacts.get(&vec![*id]) else {
                self.found.push(format!("there is no contact {id}"));
                continue;
            };
            self.compare("name", *id, &row["name"], client["Name"].clone());
            let details = &client["Details"];
            self.compare("phone", *id, &row["phone"], details["Cellphone"].clone());
        }
        for (id, row) in dump::table(path, "operators", &["id"]).await {
            let operator = &self.account.operators[&id[0]];
            // One that has not been shown since it was renamed has the name it had.
            if row["updated_at"] == at(&operator["UpdatedAt"]) {
                self.compare("name", id[0], &row["name"], operator["Name"].clone());
            }
        }
    }

    async fn of_chats(&mut self, path: &Path) {
        let chats = dump::table(path, "chats", &["id"]).await;
        for (id, chat) in &self.account.chats {
            let Some(row) = chats.get(&vec![*id]) else {
                self.found.push(format!("there is no chat {id}"));
                continue;
            };
            self.compare(
                "updated_at",
                *id,
                &row["updated_at"],
                at(&chat["ChangedAt"]),
            );
            self.compare("contact", *id, &row["contact_id"], chat["ClientId"].clone());
            let extra = &row["extra"];
            for key in ["TicketId", "ClientUnread"] {
                self.compare(key, *id, &extra[key], chat[key].clone());
            }
            let state = if self.account.open[id] {
                "open"
            } else {
                "closed"
            };
            self.compare("state", *id, &row["state"], state);
        }
        let tickets = dump::table(path, "tickets", &["id"]).await;
        for (id, row) in tickets {
            let ticket = self.account.tickets[&id[0]];
            let told = ticket
                .closed_by
                .is_some_and(|event| !self.lost.contains(&event));
            if told || !row["closed_at"].is_null() {
                let closed_at = json!(ticket.closed_at.map(text));
                self.compare("closed_at of ticket", id[0], &row["closed_at"], closed_at);
            }
        }
    }

    /// Events of this kind about messages that were lost.
    fn lost_about(&self, kind: &str) -> BTreeSet<i64> {
        let events = self.account.events.iter();
        let lost =
            events.filter(|event| event.value["Type"] == kind && self.lost.contains(&event.id));
        let messages = lost.filter_map(|event| event.value["Messages"].as_array());
        messages
            .flatten()
            .filter_map(|message| message["Id"].as_i64())
            .collect()
    }

    async fn of_messages(&mut self, path: &Path) {
        let messages = dump::table(path, "messages", &["id"]).await;
        let lost_edits = self.lost_about("message_edited");
        let lost_deletions = self.lost_about("delete-messages");
        let mut listed: BTreeMap<i64, usize> = BTreeMap::new();
        for (id, message) in &self.account.messages {
            if !self.account.deleted.contains_key(id) {
                *listed
                    .entry(message["ChatId"].as_i64().unwrap())
                    .or_default() += 1;
            }
        }
        for (id, message) in &self.account.messages {
            let row = messages.get(&vec![*id]);
            match (row, self.account.deleted.get(id)) {
                (Some(row), None) => {
                    self.of_message(*id, row, message);
                    if !lost_edits.contains(id) {
                        let edited_at = json!(self.account.edited.get(id).map(|at| text(*at)));
                        self.compare("edited_at", *id, &row["edited_at"], edited_at);
                    }
                    self.compare("deleted_at", *id, &row["deleted_at"], Value::Null);
                    self.compare("missing_since", *id, &row["missing_since"], Value::Null);
                }
                (None, None) => self.found.push(format!("there is no message {id}")),
                (Some(row), Some(deleted)) if !lost_deletions.contains(id) => {
                    self.compare("deleted_at", *id, &row["deleted_at"], text(*deleted));
                }
                // Of a chat that shows no message at all nothing is concluded.
                (Some(row), Some(_))
                    if listed.contains_key(&message["ChatId"].as_i64().unwrap())
                        && row["deleted_at"].is_null() =>
                {
                    self.found.push(format!("message {id} should be gone"));
                }
                _ => {}
            }
        }
        if messages
            .keys()
            .any(|id| !self.account.messages.contains_key(&id[0]))
        {
            self.found
                .push("there are messages that nobody wrote".to_owned());
        }
    }

    fn of_message(&mut self, id: i64, row: &Columns, message: &Value) {
        let said = &message["Text"];
        let said = if *said == "" {
            Value::Null
        } else {
            said.clone()
        };
        self.compare("text", id, &row["text"], said);
        for (column, key) in [
            ("chat_id", "ChatId"),
            ("operator_id", "UserId"),
            ("sender_type", "Author"),
            ("kind", "Payload"),
        ] {
            self.compare(column, id, &row[column], message[key].clone());
        }
        for (column, key) in [
            ("created_at", "CreatedAt"),
            ("delivered_at", "ReceivedAt"),
            ("seen_at", "ReadAt"),
        ] {
            self.compare(column, id, &row[column], at(&message[key]));
        }
        self.compare("mark", id, &row["extra"]["Read"], message["Read"].clone());
        let content = &row["content"];
        for key in ["FileId", "Rating"]
            .into_iter()
            .filter(|key| message.get(key).is_some())
        {
            self.compare(key, id, &content[key], message[key].clone());
        }
        let chat = &self.account.chats[&message["ChatId"].as_i64().unwrap()];
        self.compare("channel", id, &row["channel_id"], chat["ChannelId"].clone());
    }
}
