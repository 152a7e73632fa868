//! All states that the rows of an account ever had, oldest first.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chatmirror::clock::Timestamp;
use chatmirror::simulator::{Account, Chat, Message, Template};
use serde_json::{Value, json};

use crate::support::truth;

/// A state of a row, as the mirror would store it.
pub struct Version {
    pub columns: BTreeMap<&'static str, Value>,
}

/// The states of all rows.
pub struct Past {
    pub chats: BTreeMap<i64, Vec<Version>>,
    pub messages: BTreeMap<i64, Vec<Version>>,
    /// The chats that a message was in, each with the moment until which it was.
    stays: BTreeMap<i64, Vec<(Option<Timestamp>, i64)>>,
}

impl Past {
    /// Of the chats as they were before each change, and the account as it is now.
    pub fn of(before: &[(Timestamp, Chat)], now: &Account) -> Self {
        let mut past = Self {
            chats: BTreeMap::new(),
            messages: BTreeMap::new(),
            stays: BTreeMap::new(),
        };
        let mut last: BTreeMap<i64, (i64, Message)> = BTreeMap::new();
        for (until, chat) in before {
            past.add(chat, Some(*until), &mut last);
        }
        for chat in now.chats.values() {
            past.add(chat, None, &mut last);
        }
        past
    }

    fn add(
        &mut self,
        chat: &Chat,
        until: Option<Timestamp>,
        last: &mut BTreeMap<i64, (i64, Message)>,
    ) {
        let columns = chat_columns(chat);
        let versions = self.chats.entry(chat.id).or_default();
        if versions
            .last()
            .is_none_or(|version| version.columns != columns)
        {
            versions.push(Version { columns });
        }
        for message in &chat.messages {
            let stays = self.stays.entry(message.id).or_default();
            match stays.last_mut() {
                Some((known, home)) if *home == chat.id => *known = until,
                _ => stays.push((until, chat.id)),
            }
            let is_known = last
                .get(&message.id)
                .is_some_and(|(home, known)| *home == chat.id && known == message);
            if !is_known {
                last.insert(message.id, (chat.id, message.clone()));
                self.messages.entry(message.id).or_default().push(Version {
                    columns: truth::expected_message(chat, message),
                });
            }
        }
    }

    /// Whether the message came in below the newest ones of a chat that has lost others: then the chat's
    /// number of messages may tell nothing of it. That may have been a chat which was merged into this one since.
    pub fn may_be_balanced(&self, chat: &Chat, message: &Message) -> bool {
        let came_with_a_merge = self.stays[&message.id].len() > 1;
        let came_in_below = came_with_a_merge || message.created_at < message.arrived_at;
        let left =
            |stays: &Vec<(Option<Timestamp>, i64)>| stays.iter().any(|(_, home)| *home == chat.id);
        let vanished_from = |home: i64| {
            let mut stays = self.stays.values();
            stays.any(|stays| matches!(stays.last(), Some((Some(_), last)) if *last == home))
        };
        let mut homes = self.stays[&message.id].iter().map(|(_, home)| *home);
        let mut others = self.stays.iter();
        came_in_below
            && (others.any(|(id, stays)| chat.message(*id).is_none() && left(stays))
                || homes.any(vanished_from))
    }

    /// The states that a row ever had, oldest first.
    pub fn states(&self, table: &str, id: i64) -> &[Version] {
        let rows = match table {
            "chats" => &self.chats,
            _ => &self.messages,
        };
        rows.get(&id).map_or(&[], Vec::as_slice)
    }

    /// The chats that the message has been in since `moment`.
    pub fn homes(&self, message: i64, moment: Timestamp) -> BTreeSet<i64> {
        let stays = self.stays.get(&message).map_or(&[][..], Vec::as_slice);
        stays
            .iter()
            .filter(|(until, _)| until.is_none_or(|until| until > moment))
            .map(|(_, chat)| *chat)
            .collect()
    }
}

fn chat_columns(chat: &Chat) -> BTreeMap<&'static str, Value> {
    [
        ("contact_id", json!(chat.contact.id)),
        ("name", json!(chat.name)),
        ("image_url", json!(chat.image)),
        ("state", json!(chat.state.as_str())),
        ("created_at", json!(chat.created_at.to_string())),
        ("updated_at", json!(chat.updated_at.to_string())),
    ]
    .into_iter()
    .collect()
}

/// The message whose change is the only thing that tells of the chat's `updatedAt`, if it is not one of the newest
/// and nothing else moved the chat in that second.
pub fn last_changed<'a>(before: &[(Timestamp, Chat)], chat: &'a Chat) -> Option<&'a Message> {
    let same_second =
        |(_, past): &(Timestamp, Chat)| past.id == chat.id && past.updated_at == chat.updated_at;
    if before.iter().any(same_second) {
        return None;
    }
    // As far as any skew may grow here.
    let near = |moment: Timestamp| {
        let near = Duration::from_secs(8);
        moment.since(chat.updated_at) <= near && chat.updated_at.since(moment) <= near
    };
    let tells = |message: &&Message| {
        let deleted = match &message.content.template {
            Template::Transient { deleted_at, .. } => Some(*deleted_at),
            _ => None,
        };
        let moments = [
            message.delivered_at,
            message.seen_at,
            message.edited_at,
            deleted,
        ];
        near(message.created_at) || moments.into_iter().flatten().any(near)
    };
    let mut telling = chat.messages.iter().filter(tells);
    let only = telling.next().filter(|_| telling.next().is_none())?;
    let newer = chat.messages.iter().rev().take(20);
    (!newer.into_iter().any(|message| message.id == only.id)).then_some(only)
}
