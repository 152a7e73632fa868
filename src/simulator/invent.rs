//! Invents single things: people, lines, messages and the oddities of the wire.

use std::time::Duration;

use fastrand::Rng;
use serde_json::json;

use super::account::{
    Chat, Contact, ContactIds, Delivery, Extra, Gate, GateIds, Message, Operator, Sender,
    SenderKind,
};
use super::content::{Content, Template};
use super::phrases::{self, Language, Line, Speaker};
use super::showcase;
use crate::clock::Timestamp;

/// One message in so many is something else than bare words.
const WORDS_BETWEEN_OTHERS: usize = 9;

/// The source of everything invented: the same seed invents the same things.
#[derive(Clone, Debug)]
pub(super) struct Inventor {
    pub(super) rng: Rng,
    pub(super) oddities: bool,
    told: usize,
}

impl Inventor {
    /// An inventor that, with `oddities`, also makes what a careful client must survive.
    pub(super) fn new(seed: u64, oddities: bool) -> Self {
        Self {
            rng: Rng::with_seed(seed),
            oddities,
            told: 0,
        }
    }

    /// Whether a thing that happens to one in `among` happens now.
    pub(super) fn one_in(&mut self, among: u32) -> bool {
        self.rng.u32(0..among) == 0
    }

    /// One of `things`.
    pub(super) fn pick<T: Copy>(&mut self, things: &[T]) -> T {
        things[self.rng.usize(0..things.len())]
    }

    /// Somebody's name.
    pub(super) fn name(&mut self) -> String {
        if self.one_in(12) {
            return self.pick(phrases::NICKNAMES).to_owned();
        }
        let first = self.pick(phrases::FIRST_NAMES);
        format!("{first} {}", self.pick(phrases::SURNAMES))
    }

    /// The language that a customer speaks.
    pub(super) fn language(&mut self) -> Language {
        self.pick(&phrases::LANGUAGES)
    }

    /// A line that `speaker` might say at any time.
    pub(super) fn line(&mut self, speaker: Speaker) -> &'static str {
        let language = self.language();
        let dialogue = self.pick(language);
        let theirs: Vec<&Line> = dialogue.iter().filter(|line| line.0 == speaker).collect();
        if theirs.is_empty() {
            dialogue[0].1
        } else {
            self.pick(&theirs).1
        }
    }

    /// A picture's address; null now and then.
    pub(super) fn portrait(&mut self) -> Option<String> {
        let number = self.rng.u32(1..5000);
        (!self.one_in(5))
            .then(|| format!("https://cdn.example.com/storage/projects/1/{number}.jpeg"))
    }

    /// A customer.
    pub(super) fn contact(&mut self, ids: ContactIds, created_at: Timestamp) -> Contact {
        let number = self.rng.u32(1_000_000..10_000_000);
        Contact {
            id: ids.id,
            original_id: ids.original_id,
            name: self.name(),
            phone: (!self.one_in(3)).then(|| format!("+38050{number}")),
            email: self
                .one_in(4)
                .then(|| format!("customer{number}@example.com")),
            created_at,
        }
    }

    /// A gate to `channel_id`.
    pub(super) fn gate(&mut self, id: i64, channel_id: i64) -> Gate {
        let unread = if self.one_in(8) {
            self.rng.i64(1..9)
        } else {
            0
        };
        Gate {
            id,
            subscribed: !self.one_in(10),
            unread_messages: unread,
            channel_id,
            extra: self.extra("muted", 60),
        }
    }

    /// What `speaker` says: mostly `words`, now and then something else instead.
    pub(super) fn content(&mut self, speaker: Speaker, words: &str, at: Timestamp) -> Content {
        self.told += 1;
        if self.told.is_multiple_of(WORDS_BETWEEN_OTHERS) {
            let number = self.told / WORDS_BETWEEN_OTHERS;
            return showcase::exhibit(self, number, words, at);
        }
        let mut content = Content::text(words);
        if speaker == Speaker::Bot && self.one_in(2) {
            content.buttons = ["Так", "Ні", "Поговорити з людиною 🙋"]
                .map(str::to_owned)
                .into();
        }
        if speaker == Speaker::Contact && self.one_in(20) {
            content.template = Template::Input(words.to_owned());
        }
        content.extra = self.extra("entities", 50);
        content
    }

    /// A message of `chat`, complete but for its place in it.
    pub(super) fn message(
        &mut self,
        chat: &Chat,
        operators: &[Operator],
        (id, at): (i64, Timestamp),
        speaker: Speaker,
        content: Content,
    ) -> Message {
        let failed = speaker != Speaker::Contact && self.one_in(80);
        let mut message = Message {
            id,
            internal: false,
            state: delivery(failed),
            sender: self.sender(chat, operators, speaker),
            gate: self.gate_of(chat),
            created_at: at,
            delivered_at: (!failed).then(|| self.soon(at, 3)),
            seen_at: None,
            edited_at: None,
            arrived_at: at,
            extra: self.extra("trace", 60),
            ids_as_text: self.oddities && self.one_in(70),
            content,
        };
        if message.content.template.is_activity() {
            message.sender.kind = SenderKind::Project;
        }
        message
    }

    /// Turns an operator's words into a note among operators now and then.
    pub(super) fn whisper(&mut self, message: &mut Message) {
        let words = matches!(message.content.template, Template::Text(_));
        if words && message.sender.kind == SenderKind::Operator && self.one_in(30) {
            message.internal = true;
            message.content = Content::text(self.pick(phrases::INTERNAL_NOTES));
        }
    }

    /// Gives an old message the marks that time leaves: seen, edited.
    pub(super) fn age(&mut self, message: &mut Message, until: Timestamp) {
        let seen_at = self.soon(message.created_at, 7200).min(until);
        message.seen_at = (!self.one_in(5)).then_some(seen_at);
        let edited_at = self.soon(message.created_at, 600).min(until);
        message.edited_at = self.one_in(33).then_some(edited_at);
    }

    /// Fields that no document mentions, for one object in `among`.
    pub(super) fn extra(&mut self, key: &str, among: u32) -> Extra {
        let mut extra = Extra::new();
        if self.oddities && self.one_in(among) {
            let value = match self.rng.u8(0..5) {
                0 => json!([]),
                1 => json!({ "since": 1_700_000_000, "by": "система" }),
                2 => json!(12.50),
                3 => json!(null),
                _ => json!("так"),
            };
            extra.insert(key.to_owned(), value);
        }
        extra
    }

    /// Whether an object's ids go as strings.
    pub(super) fn ids_as_text(&mut self) -> bool {
        self.oddities && self.one_in(40)
    }

    fn sender(&mut self, chat: &Chat, operators: &[Operator], speaker: Speaker) -> Sender {
        let mut kind = SenderKind::from(speaker);
        let (full_name, image) = match speaker {
            Speaker::Contact => (chat.name.clone(), chat.image.clone()),
            Speaker::Bot => ("Сонячний глек".to_owned(), None),
            Speaker::Operator => self.desk(operators),
        };
        if self.oddities && speaker == Speaker::Bot && self.one_in(30) {
            kind = SenderKind::Other("integration".to_owned());
        }
        Sender {
            kind,
            image,
            full_name,
            extra: self.extra("online", 60),
        }
    }

    fn desk(&mut self, operators: &[Operator]) -> (String, Option<String>) {
        if operators.is_empty() {
            return ("Operator".to_owned(), None);
        }
        let operator = &operators[self.rng.usize(0..operators.len())];
        (operator.full_name.clone(), operator.image.clone())
    }

    fn gate_of(&mut self, chat: &Chat) -> GateIds {
        if chat.gates.is_empty() {
            return GateIds {
                id: chat.id,
                channel_id: 1,
            };
        }
        let gate = &chat.gates[self.rng.usize(0..chat.gates.len())];
        GateIds {
            id: gate.id,
            channel_id: gate.channel_id,
        }
    }

    fn soon(&mut self, at: Timestamp, within: u64) -> Timestamp {
        at.plus(Duration::from_secs(self.rng.u64(0..=within)))
    }
}

fn delivery(failed: bool) -> Delivery {
    let kind = if failed { "failed" } else { "sent" };
    Delivery {
        kind: kind.to_owned(),
        message: failed.then(|| "The user has blocked the bot".to_owned()),
    }
}
