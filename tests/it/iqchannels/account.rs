//! An installation as it really is: chats go on, and each thing that happens is told with a part of what there is at that moment, or later.

use std::collections::BTreeMap;

use fastrand::Rng;
use serde_json::{Map, Value, json};

const BEGAN: i64 = 1_600_000_000_000;
const CHATS: i64 = 3;

/// An event, and the messages that only it touches.
#[derive(Clone)]
struct Told {
    event: Value,
    chat: i64,
    message: Option<i64>,
}

/// The installation.
pub struct Installation {
    rng: Rng,
    now: i64,
    pub events: i64,
    pub operators: BTreeMap<i64, Value>,
    pub clients: BTreeMap<i64, Value>,
    pub channel: Value,
    pub chats: BTreeMap<i64, Value>,
    /// As the platform shows them now; deleted ones too.
    pub messages: BTreeMap<i64, Value>,
    pub edited: BTreeMap<i64, i64>,
    pub deleted: BTreeMap<i64, i64>,
    /// `true`: open, `false`: closed.
    pub states: BTreeMap<i64, bool>,
    /// When each ticket was closed.
    pub tickets: BTreeMap<i64, Option<i64>>,
    told: Vec<Told>,
    /// Bodies as they were pushed.
    pub pushed: Vec<String>,
}

impl Installation {
    /// One to which `steps` things have happened.
    pub fn after(seed: u64, steps: usize) -> Self {
        let mut installation = Self::new(seed);
        for _ in 0..steps {
            installation.step();
        }
        // So that everything was shown as it is at last.
        for chat in 1..=CHATS {
            installation.tell("chat_changed", chat, None, &json!({}), true);
        }
        let messages: Vec<i64> = installation.messages.keys().copied().collect();
        for id in messages {
            let chat = installation.messages[&id]["ChatId"].as_i64().unwrap();
            installation.tell("message_read", chat, Some(id), &json!({}), true);
        }
        installation
    }

    fn new(seed: u64) -> Self {
        let people = |kind: &str| -> BTreeMap<i64, Value> {
            (1..=CHATS)
                .map(|id| (id, json!({ "Id": id, "Name": format!("{kind} {id}"), "Email": format!("{id}@x.example"), "UpdatedAt": BEGAN })))
                .collect()
        };
        let mut clients = people("client");
        for (id, client) in &mut clients {
            client["Details"] = json!({ "ClientId": id, "Cellphone": "+7 1", "UpdatedAt": BEGAN });
        }
        Self {
            rng: Rng::with_seed(seed),
            now: BEGAN,
            events: 0,
            operators: people("operator"),
            clients,
            channel: json!({ "Id": 1, "ProjectId": 1, "Type": "iqchat", "Name": "support", "UpdatedAt": BEGAN }),
            chats: (1..=CHATS)
                .map(|id| (id, json!({ "Id": id, "ClientId": id, "ChannelId": 1, "ProjectId": 1, "TicketId": id * 100, "ChangedAt": BEGAN })))
                .collect(),
            messages: BTreeMap::new(),
            edited: BTreeMap::new(),
            deleted: BTreeMap::new(),
            states: BTreeMap::new(),
            tickets: (1..=CHATS).map(|id| (id * 100, None)).collect(),
            told: Vec::new(),
            pushed: Vec::new(),
        }
    }

    fn step(&mut self) {
        self.now += self.rng.i64(1..5000);
        let chat = self.rng.i64(1..=CHATS);
        let message = self
            .rng
            .choice(self.messages.keys().copied().collect::<Vec<_>>());
        match (self.rng.u8(0..12), message) {
            (0, _) => self.rename(),
            (1, _) if self.states.get(&chat) != Some(&false) => self.close(chat),
            (2, _) if self.states.get(&chat) == Some(&false) => self.open(chat),
            (3 | 4, Some(id)) => self.mark(id, "message_received", "Received", "ReceivedAt"),
            (5 | 6, Some(id)) => self.mark(id, "message_read", "Read", "ReadAt"),
            (7, Some(id)) => self.edit(id),
            (8, Some(id)) => self.delete(id),
            (9, _) => {
                // In passing: no id, and nothing of it stays.
                let body = json!({ "ChatEvent": { "Type": "typing", "ChatId": chat, "Transitive": true } });
                self.pushed.push(body.to_string());
            }
            _ => self.say(chat),
        }
    }

    fn rename(&mut self) {
        let id = self.rng.i64(1..=CHATS);
        let name = format!("name {}", self.now);
        if self.rng.bool() {
            let operator = self.operators.get_mut(&id).unwrap();
            operator["Name"] = name.into();
            operator["UpdatedAt"] = self.now.into();
        } else {
            let client = self.clients.get_mut(&id).unwrap();
            client["Name"] = name.into();
            client["UpdatedAt"] = self.now.into();
            client["Details"]["Cellphone"] = self.now.to_string().into();
            client["Details"]["UpdatedAt"] = self.now.into();
        }
        self.tell("client_changed", id, None, &json!({}), true);
    }

    fn touch(&mut self, chat: i64) {
        self.chats.get_mut(&chat).unwrap()["ChangedAt"] = self.now.into();
    }

    fn close(&mut self, chat: i64) {
        self.touch(chat);
        self.states.insert(chat, false);
        let ticket = self.chats[&chat]["TicketId"].as_i64().unwrap();
        self.tickets.insert(ticket, Some(self.now));
        self.tell("chat_closed", chat, None, &json!({}), true);
    }

    fn open(&mut self, chat: i64) {
        self.now += 1;
        self.touch(chat);
        self.states.insert(chat, true);
        let ticket = self.chats[&chat]["TicketId"].as_i64().unwrap() + 1;
        self.chats.get_mut(&chat).unwrap()["TicketId"] = ticket.into();
        self.tickets.insert(ticket, None);
        self.tell("chat_opened", chat, None, &json!({}), true);
    }

    fn say(&mut self, chat: i64) {
        self.touch(chat);
        let id = 1000 + self.now - BEGAN;
        let author = self.rng.choice(["client", "user", "system"]).unwrap();
        let message = json!({
            "Id": id, "ChatId": chat, "Author": author, "Payload": "text", "Text": format!("words {id}"), "FileId": null,
            "UserId": (author == "user").then_some(chat), "Received": false, "Read": false, "ReceivedAt": null, "ReadAt": null,
            "CreatedAt": self.now, "My": self.rng.bool(),
        });
        self.messages.insert(id, message);
        self.tell("message_created", chat, Some(id), &json!({}), true);
    }

    fn mark(&mut self, id: i64, kind: &str, mark: &str, at: &str) {
        let message = self.messages.get_mut(&id).unwrap();
        if message[at].is_null() {
            message[mark] = true.into();
            message[at] = self.now.into();
        }
        let chat = message["ChatId"].as_i64().unwrap();
        self.tell(kind, chat, Some(id), &json!({}), true);
    }

    fn edit(&mut self, id: i64) {
        let message = self.messages.get_mut(&id).unwrap();
        message["Text"] = format!("edited {}", self.now).into();
        let (message, chat) = (message.clone(), message["ChatId"].as_i64().unwrap());
        self.edited.insert(id, self.now);
        self.tell(
            "message_edited",
            chat,
            Some(id),
            &json!({ "Messages": [message] }),
            false,
        );
    }

    fn delete(&mut self, id: i64) {
        let chat = self.messages[&id]["ChatId"].as_i64().unwrap();
        self.deleted.entry(id).or_insert(self.now);
        self.tell(
            "delete-messages",
            chat,
            None,
            &json!({ "Messages": [{ "Id": id }] }),
            false,
        );
    }

    /// Tells of an event; `showing`: with the message it is about beside it.
    fn tell(&mut self, kind: &str, chat: i64, message: Option<i64>, more: &Value, showing: bool) {
        self.events += 1;
        let mut event = json!({
            "Id": self.events, "Type": kind, "ChatId": chat, "MessageId": message, "Actor": "user", "CreatedAt": self.now, "Transitive": false,
        });
        event
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let told = Told {
            event,
            chat,
            message: message.filter(|_| showing),
        };
        let body = self.body(&told, true);
        self.pushed.push(body);
        self.told.push(told);
    }

    /// Tells again of some event, with what there is now.
    pub fn tell_again(&mut self) -> String {
        let told = self.rng.choice(&self.told).unwrap().clone();
        self.body(&told, false)
    }

    /// `wholly`: nothing is left out that only this event shows.
    fn body(&mut self, told: &Told, wholly: bool) -> String {
        let mut rels = Map::new();
        let chat = &self.chats[&told.chat];
        let shown = |rng: &mut Rng, share: u8| wholly || rng.u8(0..10) < share;
        if shown(&mut self.rng, 7) {
            rels.insert("Chats".to_owned(), json!([chat]));
        }
        if shown(&mut self.rng, 5) {
            let mut operator = self.operators[&told.chat].clone();
            // What older servers did not send.
            if self.rng.bool() {
                operator.as_object_mut().unwrap().remove("Email");
            }
            rels.insert("Users".to_owned(), json!([operator]));
            rels.insert("Clients".to_owned(), json!([self.clients[&told.chat]]));
            rels.insert("Channels".to_owned(), json!([self.channel]));
        }
        if let Some(id) = told.message {
            rels.insert("ChatMessages".to_owned(), json!([self.messages[&id]]));
        }
        json!({ "ChatEvent": told.event, "Rels": rels }).to_string()
    }
}
