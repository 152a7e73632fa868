//! What can happen to an account while it is being mirrored.

use fastrand::Rng;

use super::account::{Account, Chat, ChatState, Message};
use super::content::Content;
use super::phrases::Speaker;
use crate::clock::Timestamp;

/// One change of the account. What is given as nothing is invented, from the simulator's seed.
#[derive(Clone, Debug, PartialEq)]
pub enum Mutation {
    /// Somebody writes.
    NewMessage {
        /// In which chat.
        chat: i64,
        /// Who.
        from: Speaker,
        /// What.
        content: Option<Content>,
    },
    /// A further message with the newest one's `createdAt`; `updatedAt` moves to the present second as for any message.
    SameSecondMessage {
        /// In which chat.
        chat: i64,
    },
    /// A message comes in that was written long ago, under a new id.
    ImportMessage {
        /// In which chat.
        chat: i64,
        /// When it was written.
        created_at: Timestamp,
    },
    /// A message is rewritten.
    EditMessage {
        /// In which chat.
        chat: i64,
        /// Which.
        message: i64,
        /// The new words.
        text: Option<String>,
    },
    /// A message becomes a `transient`.
    DeleteMessage {
        /// In which chat.
        chat: i64,
        /// Which.
        message: i64,
    },
    /// A message vanishes without a trace.
    EraseMessage {
        /// In which chat.
        chat: i64,
        /// Which.
        message: i64,
    },
    /// A message is marked as seen.
    MarkSeen {
        /// In which chat.
        chat: i64,
        /// Which.
        message: i64,
    },
    /// A chat begins, with one message.
    CreateChat,
    /// A chat is closed.
    Close {
        /// Which.
        chat: i64,
    },
    /// A chat is opened again.
    Reopen {
        /// Which.
        chat: i64,
    },
    /// A chat vanishes with all its messages.
    DeleteChat {
        /// Which.
        chat: i64,
    },
    /// Two customers turn out to be one: a chat vanishes, its messages and gates go on in another.
    Merge {
        /// Which vanishes.
        from: i64,
        /// Which stays.
        into: i64,
    },
    /// A customer writes from one more messenger.
    AddGate {
        /// In which chat.
        chat: i64,
    },
    /// A messenger of a customer is gone.
    RemoveGate {
        /// In which chat.
        chat: i64,
        /// Which gate.
        gate: i64,
    },
    /// The unread count of a gate changes.
    SetUnread {
        /// In which chat.
        chat: i64,
        /// Which gate.
        gate: i64,
        /// The new count.
        unread: i64,
    },
    /// A customer's name changes.
    Rename {
        /// In which chat.
        chat: i64,
        /// The new name.
        name: Option<String>,
    },
}

impl Mutation {
    /// Somebody writes these words.
    #[must_use]
    pub fn say(chat: i64, from: Speaker, words: &str) -> Self {
        let content = Some(Content::text(words));
        Self::NewMessage {
            chat,
            from,
            content,
        }
    }

    /// Something that may well happen to `account`, with the frequent things the likelier.
    pub fn random(rng: &mut Rng, account: &Account) -> Self {
        match any_chat(rng, account) {
            Some(chat) if rng.u8(0..100) < 95 => to_chat(rng, account, chat),
            _ => Self::CreateChat,
        }
    }

    /// The chats that it touches, new ones aside.
    pub(super) fn chats(&self) -> [Option<i64>; 2] {
        match self {
            Self::CreateChat => [None, None],
            Self::Merge { from, into } => [Some(*from), Some(*into)],
            Self::NewMessage { chat, .. }
            | Self::SameSecondMessage { chat }
            | Self::ImportMessage { chat, .. }
            | Self::EditMessage { chat, .. }
            | Self::DeleteMessage { chat, .. }
            | Self::EraseMessage { chat, .. }
            | Self::MarkSeen { chat, .. }
            | Self::Close { chat }
            | Self::Reopen { chat }
            | Self::DeleteChat { chat }
            | Self::AddGate { chat }
            | Self::RemoveGate { chat, .. }
            | Self::SetUnread { chat, .. }
            | Self::Rename { chat, .. } => [Some(*chat), None],
        }
    }
}

fn to_chat(rng: &mut Rng, account: &Account, chat: &Chat) -> Mutation {
    let id = chat.id;
    match rng.u8(0..90) {
        0..42 => new_message(rng, id),
        42..50 => Mutation::SameSecondMessage { chat: id },
        50..72 => to_message(rng, chat).unwrap_or_else(|| new_message(rng, id)),
        72..81 if chat.state == ChatState::Open => Mutation::Close { chat: id },
        72..81 => Mutation::Reopen { chat: id },
        81 => Mutation::DeleteChat { chat: id },
        82 => match any_chat(rng, account) {
            Some(other) if other.id != id => Mutation::Merge {
                from: id,
                into: other.id,
            },
            _ => new_message(rng, id),
        },
        83 => Mutation::ImportMessage {
            chat: id,
            created_at: long_ago(rng, chat),
        },
        84 => Mutation::AddGate { chat: id },
        85 => Mutation::Rename {
            chat: id,
            name: None,
        },
        _ => to_gate(rng, chat).unwrap_or(Mutation::AddGate { chat: id }),
    }
}

fn new_message(rng: &mut Rng, chat: i64) -> Mutation {
    let from = match rng.u8(0..10) {
        0..6 => Speaker::Contact,
        6..9 => Speaker::Operator,
        _ => Speaker::Bot,
    };
    Mutation::NewMessage {
        chat,
        from,
        content: None,
    }
}

fn to_message(rng: &mut Rng, chat: &Chat) -> Option<Mutation> {
    let message: &Message = rng.choice(&chat.messages)?;
    let (chat, message) = (chat.id, message.id);
    Some(match rng.u8(0..22) {
        0..8 => Mutation::EditMessage {
            chat,
            message,
            text: None,
        },
        8..13 => Mutation::DeleteMessage { chat, message },
        13..15 => Mutation::EraseMessage { chat, message },
        _ => Mutation::MarkSeen { chat, message },
    })
}

fn to_gate(rng: &mut Rng, chat: &Chat) -> Option<Mutation> {
    let gate = rng.choice(&chat.gates)?.id;
    let chat = chat.id;
    Some(match rng.u8(0..4) {
        0 => Mutation::RemoveGate { chat, gate },
        _ => Mutation::SetUnread {
            chat,
            gate,
            unread: rng.i64(0..12),
        },
    })
}

fn long_ago(rng: &mut Rng, chat: &Chat) -> Timestamp {
    let days = std::time::Duration::from_secs(86_400 * rng.u64(1..900));
    chat.created_at.minus(days)
}

/// Not quite evenly drawn: a chat after a gap in the ids is a little likelier. What matters is that it is quick.
fn any_chat<'a>(rng: &mut Rng, account: &'a Account) -> Option<&'a Chat> {
    let first = *account.chats.first_key_value()?.0;
    let last = *account.chats.last_key_value()?.0;
    account
        .chats
        .range(rng.i64(first..=last)..)
        .next()
        .map(|(_, chat)| chat)
}
