//! From a seed to a whole account: a small shop's support desk with all the oddities of the wire.

use std::time::Duration;

use super::account::{Account, Chat, ChatState, ContactIds, GateIds, NextIds};
use super::invent::Inventor;
use super::shop;
use crate::clock::Timestamp;

/// What account to make; the same recipe always makes the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// Where its chance comes from.
    pub seed: u64,
    /// How many chats.
    pub chats: usize,
    /// How many messages in all of them together.
    pub messages: usize,
    /// The moment at which the history ends.
    pub until: Timestamp,
    /// How many days before that the chats were last active at the earliest.
    pub days: u64,
    /// Whether ids come as strings now and then, undocumented fields stand about, and the like.
    pub oddities: bool,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            seed: 1,
            chats: 200,
            messages: 3000,
            until: shop::moment(1_772_000_000),
            days: 540,
            oddities: true,
        }
    }
}

impl Recipe {
    /// Makes the account.
    #[must_use]
    pub fn account(&self) -> Account {
        let mut inventor = Inventor::new(self.seed, self.oddities);
        let mut account = shop::open(&mut inventor);
        // Another seed, another account.
        account.project.id = 730 + self.seed.cast_signed().rem_euclid(1_000_000);
        let lengths = self.lengths(&mut inventor);
        let mut histories = self.histories(&mut inventor, &lengths);
        number_messages(&mut inventor, &mut histories, &mut account.next_ids);
        for history in &histories {
            let chat = self.chat(&mut inventor, &mut account, history);
            account.chats.insert(chat.id, chat);
        }
        if self.oddities {
            share_a_gate(&mut account);
        }
        account
    }

    /// How many messages each chat has: a few have none or exactly one or two pages, most have some, some have hundreds.
    fn lengths(&self, inventor: &mut Inventor) -> Vec<usize> {
        let mut lengths = self.fixed_lengths();
        let rest = self.chats - lengths.len();
        let left = self.messages - lengths.iter().sum::<usize>();
        let weights: Vec<usize> = (0..rest).map(|_| weight(inventor)).collect();
        let total: usize = weights.iter().sum::<usize>().max(1);
        let mut others: Vec<usize> = weights.iter().map(|weight| weight * left / total).collect();
        settle(&mut others, left);
        lengths.extend(others);
        inventor.rng.shuffle(&mut lengths);
        lengths
    }

    fn fixed_lengths(&self) -> Vec<usize> {
        if self.chats < 12 || self.messages < self.chats + 200 {
            return Vec::new();
        }
        let mut lengths = vec![20, 20, 40, 40];
        lengths.resize(4 + (self.chats / 100).max(2), 0);
        lengths
    }

    /// When the messages of each chat were written; chats in the order of their beginning.
    fn histories(&self, inventor: &mut Inventor, lengths: &[usize]) -> Vec<History> {
        let span = (self.days * 86_400).max(1);
        let mut end = self.until.second();
        let mut histories: Vec<History> = Vec::with_capacity(lengths.len());
        for &length in lengths {
            // Now and then the end stays: chats that tie in the very second they are sorted by.
            if !inventor.one_in(25) {
                let age = inventor.rng.u64(0..=span) * inventor.rng.u64(0..=span) / span;
                end = self.until.second().minus(Duration::from_secs(age));
            }
            histories.push(History::before(inventor, end, length));
        }
        histories.sort_by_key(History::begins);
        histories
    }

    fn chat(&self, inventor: &mut Inventor, account: &mut Account, history: &History) -> Chat {
        let mut chat = new_chat(inventor, account, history.begins());
        chat.updated_at = history.end;
        chat.state = if inventor.one_in(3) {
            ChatState::Open
        } else {
            ChatState::Closed
        };
        if inventor.one_in(2) && !account.operators.is_empty() {
            let operator = inventor.rng.usize(0..account.operators.len());
            chat.operator_id = Some(account.operators[operator].id);
        }
        self.tell(inventor, account, &mut chat, history);
        if self.oddities && inventor.one_in(6) {
            forget_a_gate(inventor, &mut chat, &mut account.next_ids);
        }
        chat
    }

    /// Fills a chat with conversations in its customer's language, one after the other.
    fn tell(&self, inventor: &mut Inventor, account: &Account, chat: &mut Chat, history: &History) {
        let language = inventor.language();
        let mut number = inventor.rng.usize(0..language.len());
        let mut dialogue = language[number].iter();
        for &(at, id) in &history.messages {
            let (speaker, words) = loop {
                if let Some(line) = dialogue.next() {
                    break *line;
                }
                // Never the same conversation twice in a row.
                number += inventor.rng.usize(1..language.len());
                dialogue = language[number % language.len()].iter();
            };
            let content = inventor.content(speaker, words, at);
            let mut message =
                inventor.message(chat, &account.operators, (id, at), speaker, content);
            inventor.whisper(&mut message);
            inventor.age(&mut message, self.until.second());
            chat.insert(message);
        }
    }
}

/// A chat without messages, for a customer who is new to the account.
pub(super) fn new_chat(inventor: &mut Inventor, account: &mut Account, at: Timestamp) -> Chat {
    let ids = &mut account.next_ids;
    let contact = ContactIds {
        id: take(&mut ids.contact, inventor.rng.i64(1..4)),
        original_id: take(&mut ids.original_contact, inventor.rng.i64(1..4)),
    };
    let customer = inventor.contact(contact, at);
    let name = customer.name.clone();
    account.contacts.insert(contact.original_id, customer);
    let id = take(&mut account.next_ids.chat, inventor.rng.i64(1..5));
    let mut chat = Chat {
        id,
        name,
        image: inventor.portrait(),
        contact,
        contact_extra: inventor.extra("source", 50),
        gates: Vec::new(),
        state: ChatState::Open,
        operator_id: None,
        created_at: at,
        updated_at: at,
        messages: Vec::new(),
        extra: inventor.extra("labels", 30),
        ids_as_text: inventor.ids_as_text(),
    };
    let gates = [1, 1, 1, 1, 2, 2, 3][inventor.rng.usize(0..7)];
    for _ in 0..gates {
        add_gate(inventor, account, &mut chat);
    }
    chat
}

/// Gives the chat a gate through a channel that it has none through yet.
pub(super) fn add_gate(
    inventor: &mut Inventor,
    account: &mut Account,
    chat: &mut Chat,
) -> Option<i64> {
    let taken = |channel: &i64| chat.gates.iter().any(|gate| gate.channel_id == *channel);
    let free: Vec<i64> = account
        .channels
        .keys()
        .copied()
        .filter(|id| !taken(id))
        .collect();
    if free.is_empty() {
        return None;
    }
    let id = take(&mut account.next_ids.gate, inventor.rng.i64(1..3));
    let channel = inventor.pick(&free);
    chat.gates.push(inventor.gate(id, channel));
    Some(id)
}

/// When the messages of a chat were written.
struct History {
    /// Time and id, oldest first.
    messages: Vec<(Timestamp, i64)>,
    end: Timestamp,
}

impl History {
    /// A history that ends at `end` and goes back as people write: in bursts.
    fn before(inventor: &mut Inventor, end: Timestamp, length: usize) -> Self {
        let mut at = end;
        let mut messages = Vec::with_capacity(length);
        for _ in 0..length {
            messages.push((at, 0));
            let pause = match inventor.rng.u8(0..100) {
                0..7 => 0,
                7..70 => inventor.rng.u64(4..150),
                70..92 => inventor.rng.u64(150..4000),
                _ => inventor.rng.u64(4000..300_000),
            };
            at = at.minus(Duration::from_secs(pause));
        }
        messages.reverse();
        Self { messages, end }
    }

    fn begins(&self) -> Timestamp {
        self.messages.first().map_or(self.end, |(at, _)| *at)
    }
}

/// Message ids grow with time over the whole account.
fn number_messages(inventor: &mut Inventor, histories: &mut [History], ids: &mut NextIds) {
    let all = histories
        .iter_mut()
        .flat_map(|history| &mut history.messages);
    let mut all: Vec<&mut (Timestamp, i64)> = all.collect();
    all.sort_by_key(|message| message.0);
    for message in all {
        message.1 = take(&mut ids.message, inventor.rng.i64(1..4));
    }
}

/// A number to share the messages out by.
fn weight(inventor: &mut Inventor) -> usize {
    match inventor.rng.u8(0..100) {
        0..72 => inventor.rng.usize(1..20).min(inventor.rng.usize(1..20)),
        72..92 => inventor.rng.usize(20..60),
        92..98 => inventor.rng.usize(60..150),
        _ => inventor.rng.usize(200..900),
    }
}

/// Adds to the small and takes from the large until the sum is `wanted`.
fn settle(lengths: &mut [usize], wanted: usize) {
    if lengths.is_empty() {
        return;
    }
    let mut missing = wanted - lengths.iter().sum::<usize>();
    lengths.sort_unstable();
    // Whoever has none gets one first; what is still missing is spread over all.
    for length in lengths.iter_mut().filter(|length| **length == 0) {
        if missing > 0 {
            *length = 1;
            missing -= 1;
        }
    }
    let count = lengths.len();
    for (place, length) in lengths.iter_mut().enumerate() {
        *length += missing / count + usize::from(place < missing % count);
    }
}

/// A message may have gone through a gate that its chat does not list any more.
fn forget_a_gate(inventor: &mut Inventor, chat: &mut Chat, ids: &mut NextIds) {
    let gone = GateIds {
        id: take(&mut ids.gate, 1),
        channel_id: 1,
    };
    let old = chat.messages.len() / 2;
    for message in &mut chat.messages[..old] {
        if inventor.one_in(2) {
            message.gate = gone;
        }
    }
}

/// The vendor's own sample shows one gate id in two chats.
fn share_a_gate(account: &mut Account) {
    let mut chats = account
        .chats
        .values_mut()
        .filter(|chat| chat.gates.len() == 1);
    if let (Some(one), Some(other)) = (chats.next(), chats.next()) {
        let shared = one.gates[0].clone();
        for message in &mut other.messages {
            if message.gate.id == other.gates[0].id {
                message.gate = GateIds {
                    id: shared.id,
                    channel_id: shared.channel_id,
                };
            }
        }
        other.gates[0] = shared;
    }
}

/// Gives out the next id and leaves a gap of `step - 1` behind it.
pub(super) fn take(next: &mut i64, step: i64) -> i64 {
    let id = *next;
    *next += step;
    id
}
