//! How a mutation changes the account.

use std::collections::BTreeSet;

use super::account::{Account, Chat, ChatState, Message};
use super::content::{Content, Template};
use super::invent::Inventor;
use super::mutation::Mutation;
use super::options::Cause;
use super::phrases::{self, Speaker};
use super::recipe::{add_gate, new_chat};
use crate::clock::Timestamp;

/// A change about to be made: the account, the present second, and what moves a chat.
pub(super) struct Change<'a> {
    pub(super) account: &'a mut Account,
    pub(super) inventor: &'a mut Inventor,
    pub(super) moved_by: &'a BTreeSet<Cause>,
    pub(super) now: Timestamp,
}

impl Change<'_> {
    /// Makes the change; the id of the message, gate or chat that it was about, or nothing if there was
    /// nothing to change.
    pub(super) fn make(&mut self, mutation: Mutation) -> Option<i64> {
        match mutation {
            Mutation::NewMessage {
                chat,
                from,
                content,
            } => self.write(chat, from, content, self.now),
            Mutation::SameSecondMessage { chat } => {
                let newest = self.account.chats.get(&chat)?.messages.last();
                let at = newest.map_or(self.now, |message| message.created_at);
                self.write(chat, Speaker::Contact, None, at)
            }
            Mutation::ImportMessage { chat, created_at } => {
                self.write(chat, Speaker::Contact, None, created_at.second())
            }
            Mutation::EditMessage {
                chat,
                message,
                text,
            } => self.edit(chat, message, text),
            Mutation::DeleteMessage { chat, message } => self.delete(chat, message),
            Mutation::EraseMessage { chat, message } => self.erase(chat, message),
            Mutation::MarkSeen { chat, message } => self.mark_seen(chat, message),
            Mutation::CreateChat => Some(self.create()),
            Mutation::Close { chat } => self.turn(chat, ChatState::Closed),
            Mutation::Reopen { chat } => self.turn(chat, ChatState::Open),
            Mutation::DeleteChat { chat } => self.remove(chat).map(|chat| chat.id),
            Mutation::Merge { from, into } => self.merge(from, into),
            Mutation::AddGate { chat } => self.add_gate(chat),
            Mutation::RemoveGate { chat, gate } => self.remove_gate(chat, gate),
            Mutation::SetUnread { chat, gate, unread } => self.set_unread(chat, gate, unread),
            Mutation::Rename { chat, name } => self.rename(chat, name),
        }
    }

    fn write(
        &mut self,
        chat: i64,
        from: Speaker,
        content: Option<Content>,
        at: Timestamp,
    ) -> Option<i64> {
        let id = self.account.next_ids.message;
        let chat = self.account.chats.get_mut(&chat)?;
        let invented = content.is_none();
        let content = content.unwrap_or_else(|| {
            let words = self.inventor.line(from);
            self.inventor.content(from, words, self.now)
        });
        let operators = &self.account.operators;
        let mut message = self
            .inventor
            .message(chat, operators, (id, at), from, content);
        if invented {
            self.inventor.whisper(&mut message);
        }
        message.arrived_at = self.now;
        if from == Speaker::Contact
            && let Some(gate) = chat
                .gates
                .iter_mut()
                .find(|gate| gate.id == message.gate.id)
        {
            gate.unread_messages += 1;
        }
        chat.insert(message);
        self.account.next_ids.message += 1;
        let chat = chat.id;
        self.moved(chat, Cause::Message);
        Some(id)
    }

    fn edit(&mut self, chat: i64, message: i64, text: Option<String>) -> Option<i64> {
        let words = text.unwrap_or_else(|| self.inventor.pick(phrases::CORRECTIONS).to_owned());
        let now = self.now;
        let message = self.message(chat, message)?;
        if message.content.template.is_deleted() {
            return None;
        }
        message.content.template.rewrite(words);
        message.edited_at = Some(now);
        let id = message.id;
        self.moved(chat, Cause::Edit);
        Some(id)
    }

    fn delete(&mut self, chat: i64, message: i64) -> Option<i64> {
        let deleted_at = self.now;
        let message = self.message(chat, message)?;
        if message.content.template.is_deleted() {
            return None;
        }
        let original = Box::new(message.content.clone());
        message.content = Template::Transient {
            original,
            deleted_at,
        }
        .into();
        let id = message.id;
        self.moved(chat, Cause::Deletion);
        Some(id)
    }

    fn erase(&mut self, chat: i64, message: i64) -> Option<i64> {
        let messages = &mut self.account.chats.get_mut(&chat)?.messages;
        let place = messages.iter().position(|other| other.id == message)?;
        messages.remove(place);
        self.moved(chat, Cause::Deletion);
        Some(message)
    }

    fn mark_seen(&mut self, chat: i64, message: i64) -> Option<i64> {
        let now = self.now;
        let message = self.message(chat, message)?;
        message.seen_at = Some(now);
        let id = message.id;
        self.moved(chat, Cause::Seen);
        Some(id)
    }

    fn create(&mut self) -> i64 {
        let chat = new_chat(self.inventor, self.account, self.now);
        let id = chat.id;
        self.account.chats.insert(id, chat);
        self.write(id, Speaker::Contact, None, self.now);
        id
    }

    fn turn(&mut self, chat: i64, state: ChatState) -> Option<i64> {
        let turned = self.account.chats.get_mut(&chat)?;
        if turned.state == state {
            return None;
        }
        turned.state = state;
        self.moved(chat, Cause::State);
        Some(chat)
    }

    fn remove(&mut self, chat: i64) -> Option<Chat> {
        let chat = self.account.chats.remove(&chat)?;
        self.account.contacts.remove(&chat.contact.original_id);
        Some(chat)
    }

    fn merge(&mut self, from: i64, into: i64) -> Option<i64> {
        if from == into || !self.account.chats.contains_key(&into) {
            return None;
        }
        let gone = self.remove(from)?;
        let stays = self.account.chats.get_mut(&into)?;
        for message in gone.messages {
            stays.insert(message);
        }
        for gate in gone.gates {
            if stays.gates.iter().all(|other| other.id != gate.id) {
                stays.gates.push(gate);
            }
        }
        self.moved(into, Cause::Message);
        Some(into)
    }

    fn add_gate(&mut self, chat: i64) -> Option<i64> {
        let mut changed = self.account.chats.remove(&chat)?;
        let gate = add_gate(self.inventor, self.account, &mut changed);
        self.account.chats.insert(chat, changed);
        self.moved(chat, Cause::Details);
        gate
    }

    fn remove_gate(&mut self, chat: i64, gate: i64) -> Option<i64> {
        let gates = &mut self.account.chats.get_mut(&chat)?.gates;
        let place = gates.iter().position(|other| other.id == gate)?;
        gates.remove(place);
        self.moved(chat, Cause::Details);
        Some(gate)
    }

    fn set_unread(&mut self, chat: i64, gate: i64, unread: i64) -> Option<i64> {
        let gates = &mut self.account.chats.get_mut(&chat)?.gates;
        let changed = gates.iter_mut().find(|other| other.id == gate)?;
        changed.unread_messages = unread;
        self.moved(chat, Cause::Details);
        Some(gate)
    }

    fn rename(&mut self, chat: i64, name: Option<String>) -> Option<i64> {
        let name = name.unwrap_or_else(|| self.inventor.name());
        let renamed = self.account.chats.get_mut(&chat)?;
        renamed.name.clone_from(&name);
        let contact = renamed.contact.original_id;
        if let Some(contact) = self.account.contacts.get_mut(&contact) {
            contact.name = name;
        }
        self.moved(chat, Cause::Details);
        Some(chat)
    }

    fn message(&mut self, chat: i64, message: i64) -> Option<&mut Message> {
        let messages = &mut self.account.chats.get_mut(&chat)?.messages;
        messages.iter_mut().find(|other| other.id == message)
    }

    /// Moves the chat's `updatedAt` to the present second if `cause` is one of those that do.
    fn moved(&mut self, chat: i64, cause: Cause) {
        if self.moved_by.contains(&cause)
            && let Some(chat) = self.account.chats.get_mut(&chat)
        {
            chat.updated_at = chat.updated_at.max(self.now);
        }
    }
}
