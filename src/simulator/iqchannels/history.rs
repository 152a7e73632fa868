//! A history made from a seed: clients write, operators answer, messages are read, edited and deleted, requests are closed and reopened.

use fastrand::Rng;
use serde_json::{Map, Value, json};

use super::super::phrases::{LANGUAGES, Speaker};
use super::account::{self, Account, CHANNELS, Event, FIRST_NAMES, LAST_NAMES, OPERATORS, Ticket};
use crate::clock::Timestamp;

/// The language of the account.
const RUSSIAN: usize = 1;

/// What a history is made from.
#[derive(Clone, Copy, Debug)]
pub struct Recipe {
    /// The same seed, the same history.
    pub seed: u64,
    /// How many chats there may be.
    pub chats: i64,
    /// When it begins.
    pub began: Timestamp,
    /// The longest time between two things that happen, in milliseconds.
    pub pause_ms: i64,
}

/// An account to which things happen.
#[derive(Clone, Debug)]
pub struct History {
    account: Account,
    rng: Rng,
    recipe: Recipe,
    now: i64,
    next_event: i64,
    next_message: i64,
    next_ticket: i64,
}

impl History {
    /// An account in which nobody has written yet.
    #[must_use]
    pub fn new(recipe: Recipe) -> Self {
        let began = recipe.began.millis();
        let mut account = Account::default();
        account.projects.insert(1, account::project(began));
        for (id, title) in (1..).zip(CHANNELS) {
            account
                .channels
                .insert(id, account::channel(id, title, began));
        }
        for (id, name) in (1..).zip(OPERATORS) {
            account
                .operators
                .insert(id, account::operator(id, name, began));
        }
        Self {
            account,
            rng: Rng::with_seed(recipe.seed),
            recipe,
            now: began,
            next_event: 600,
            next_message: 300,
            next_ticket: 80,
        }
    }

    /// The account as it is.
    #[must_use]
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// Lets so many things happen. Some of them are more than one event.
    pub fn go_on(&mut self, steps: usize) {
        for _ in 0..steps {
            self.step();
        }
    }

    /// The moment of the last thing that happened, in milliseconds since 1970.
    pub(super) fn now(&self) -> i64 {
        self.now
    }

    pub(super) fn rng(&mut self) -> &mut Rng {
        &mut self.rng
    }

    /// Lets one thing happen.
    pub(super) fn step(&mut self) {
        self.now += self.rng.i64(1..=self.recipe.pause_ms);
        let chats = i64::try_from(self.account.chats.len()).unwrap_or(i64::MAX);
        let wanted = chats == 0 || (chats < self.recipe.chats && self.rng.u8(0..6) == 0);
        if wanted {
            return self.begin_chat(chats + 1);
        }
        let chat = self.rng.i64(1..=chats);
        if !self.account.open[&chat] {
            return self.reopen(chat);
        }
        let message = self.some_message();
        match (self.rng.u8(0..24), message) {
            (0, _) => self.rename_operator(),
            (1, _) => self.rename_client(chat),
            (2, _) => self.close(chat),
            (3..=6, Some(id)) => self.mark(id, "message_received", "Received", "ReceivedAt"),
            (7..=10, Some(id)) => self.mark(id, "message_read", "Read", "ReadAt"),
            (11, Some(id)) => self.edit(id),
            (12, Some(id)) => self.delete(id),
            _ => self.say(chat),
        }
    }

    /// An id from 1 to `count`.
    fn one_of(&mut self, count: usize) -> i64 {
        self.rng.i64(1..=i64::try_from(count).unwrap_or(i64::MAX))
    }

    /// One of the latest messages that the platform shows.
    fn some_message(&mut self) -> Option<i64> {
        let shown = self.account.messages.keys().rev();
        let shown = shown.filter(|id| !self.account.deleted.contains_key(id));
        let latest: Vec<i64> = shown.take(40).copied().collect();
        self.rng.choice(latest)
    }

    fn begin_chat(&mut self, id: i64) {
        let first = self.rng.choice(FIRST_NAMES).unwrap_or_default();
        let last = self.rng.choice(LAST_NAMES).unwrap_or_default();
        let client = account::client(id, &format!("{first} {last}"), self.now);
        self.account.clients.insert(id, client);
        let channel = self.one_of(self.account.channels.len());
        let ticket = self.open_ticket(id);
        let chat = account::chat(id, id, channel, ticket, self.now);
        self.account.chats.insert(id, chat);
        self.account.open.insert(id, true);
        self.tell(
            "chat_created",
            id,
            None,
            json!({ "Actor": "client", "ClientId": id }),
        );
        self.tell(
            "chat_opened",
            id,
            None,
            json!({ "Actor": "client", "ClientId": id }),
        );
        self.say(id);
    }

    fn open_ticket(&mut self, chat_id: i64) -> i64 {
        self.next_ticket += 1;
        let ticket = Ticket {
            chat_id,
            closed_at: None,
            closed_by: None,
        };
        self.account.tickets.insert(self.next_ticket, ticket);
        self.next_ticket
    }

    fn touch(&mut self, chat: i64, values: Value) {
        let now = self.now;
        if let Some(chat) = self.account.chats.get_mut(&chat) {
            set(chat, values);
            set(chat, json!({ "ChangedAt": now }));
        }
    }

    fn close(&mut self, chat: i64) {
        self.touch(chat, json!({}));
        self.account.open.insert(chat, false);
        let operator = self.operator();
        let ticket = Account::number(&self.account.chats[&chat], "TicketId");
        self.tell(
            "chat_closed",
            chat,
            None,
            json!({ "Actor": "user", "ClientId": chat, "UserId": operator }),
        );
        let closed_by = Some(self.account.last_event());
        let (now, tickets) = (self.now, &mut self.account.tickets);
        if let Some(ticket) = ticket.and_then(|id| tickets.get_mut(&id)) {
            ticket.closed_at = Some(now);
            ticket.closed_by = closed_by;
        }
    }

    fn reopen(&mut self, chat: i64) {
        // A request that follows at once upon another would be hard to tell from it.
        self.now += 5000;
        let ticket = self.open_ticket(chat);
        self.touch(chat, json!({ "TicketId": ticket }));
        self.account.open.insert(chat, true);
        self.tell(
            "chat_opened",
            chat,
            None,
            json!({ "Actor": "client", "ClientId": chat }),
        );
        self.say(chat);
    }

    fn operator(&mut self) -> i64 {
        self.one_of(OPERATORS.len())
    }

    fn say(&mut self, chat: i64) {
        let answers = self.client_spoke_last(chat) && self.rng.u8(0..4) > 0;
        let author = match self.rng.u8(0..20) {
            0 => "system",
            _ if answers => "user",
            _ => "client",
        };
        self.next_message += self.rng.i64(1..=2);
        let id = self.next_message;
        let operator = (author == "user").then(|| self.operator());
        let client = (author == "client").then_some(chat);
        let mut message = account::message(id, chat, self.now);
        set(
            &mut message,
            json!({ "Author": author, "UserId": operator, "ClientId": client }),
        );
        match self.rng.u8(0..24) {
            0 => {
                let file = format!("{:08x}-file.pdf", self.rng.u32(..));
                let object = account::file(&file, chat, operator, self.now);
                self.account.files.insert(file.clone(), object);
                set(&mut message, json!({ "Payload": "file", "FileId": file }));
            }
            1 if author == "system" => {
                let rating = json!({ "Id": id, "State": "pending", "Value": null });
                set(
                    &mut message,
                    json!({ "Payload": "rating", "Rating": rating }),
                );
            }
            _ => set(&mut message, json!({ "Text": self.words(author) })),
        }
        self.account.messages.insert(id, message);
        let unread = match author {
            "client" => 0,
            _ => Account::number(&self.account.chats[&chat], "ClientUnread").unwrap_or(0) + 1,
        };
        self.touch(chat, json!({ "ClientUnread": unread }));
        self.tell(
            "message_created",
            chat,
            Some(id),
            json!({ "Actor": author, "ClientId": client, "UserId": operator }),
        );
    }

    fn client_spoke_last(&self, chat: i64) -> bool {
        let last = self.account.listed(chat).next_back();
        last.is_some_and(|(_, message)| message["Author"] == "client")
    }

    fn words(&mut self, author: &str) -> String {
        let wanted = if author == "client" {
            Speaker::Contact
        } else {
            Speaker::Operator
        };
        let lines = LANGUAGES[RUSSIAN].iter().flat_map(|talk| talk.iter());
        let lines: Vec<&str> = lines
            .filter(|(speaker, _)| *speaker == wanted)
            .map(|(_, words)| *words)
            .collect();
        self.rng.choice(lines).unwrap_or_default().to_owned()
    }

    fn mark(&mut self, id: i64, kind: &str, mark: &str, at: &str) {
        let now = self.now;
        let Some(message) = self.account.messages.get_mut(&id) else {
            return;
        };
        if message[at].is_null() {
            set(
                message,
                Value::Object(Map::from_iter([
                    (mark.to_owned(), true.into()),
                    (at.to_owned(), now.into()),
                ])),
            );
        }
        let chat = Account::number(message, "ChatId").unwrap_or_default();
        self.tell(
            kind,
            chat,
            Some(id),
            json!({ "Actor": "client", "ClientId": chat }),
        );
    }

    fn edit(&mut self, id: i64) {
        let now = self.now;
        let Some(message) = self.account.messages.get_mut(&id) else {
            return;
        };
        set(message, json!({ "Text": format!("Исправлено в {now}") }));
        let (message, chat) = (
            message.clone(),
            Account::number(message, "ChatId").unwrap_or_default(),
        );
        self.account.edited.insert(id, now);
        self.tell(
            "message_edited",
            chat,
            None,
            json!({ "Actor": "user", "Messages": [message] }),
        );
    }

    fn delete(&mut self, id: i64) {
        let chat = Account::number(&self.account.messages[&id], "ChatId").unwrap_or_default();
        self.account.deleted.insert(id, self.now);
        self.tell(
            "delete-messages",
            chat,
            None,
            json!({ "Actor": "user", "Messages": [{ "Id": id }] }),
        );
    }

    fn rename_operator(&mut self) {
        let (id, name) = (
            self.operator(),
            self.rng.choice(OPERATORS).unwrap_or_default(),
        );
        let now = self.now;
        if let Some(operator) = self.account.operators.get_mut(&id) {
            let name = format!("{name} {}", now % 100);
            set(
                operator,
                json!({ "Name": name, "DisplayName": name, "UpdatedAt": now }),
            );
        }
        // It is not told by itself, and shows beside what the operator does next.
        let chat = self.one_of(self.account.chats.len());
        if self.account.open[&chat] {
            self.say(chat);
        }
    }

    fn rename_client(&mut self, id: i64) {
        let now = self.now;
        if let Some(client) = self.account.clients.get_mut(&id) {
            set(
                client,
                json!({ "Name": format!("Клиент {now}"), "UpdatedAt": now }),
            );
            let details = json!({ "Cellphone": format!("+7 {now}"), "UpdatedAt": now });
            set(&mut client["Details"], details);
        }
        self.tell(
            "client_changed",
            id,
            None,
            json!({ "Actor": "client", "ClientId": id }),
        );
    }

    fn tell(&mut self, kind: &str, chat_id: i64, message_id: Option<i64>, more: Value) {
        self.next_event += self.rng.i64(1..=3);
        let mut value = json!({
            "Id": self.next_event, "Type": kind, "ChatId": chat_id, "MessageId": message_id, "Actor": "", "ClientId": null,
            "UserId": null, "CreatedAt": self.now, "Transitive": false,
        });
        set(&mut value, more);
        self.account.add_event(Event {
            id: self.next_event,
            chat_id,
            message_id,
            value,
        });
    }
}

/// Puts these values into the object.
fn set(object: &mut Value, values: Value) {
    if let (Some(object), Value::Object(values)) = (object.as_object_mut(), values) {
        object.extend(values);
    }
}
