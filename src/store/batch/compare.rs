//! A page held against the stored rows: what is new, what differs, what is known.

use std::collections::{HashMap, HashSet};

use super::Rows;
use crate::clock::Timestamp;
use crate::model::{Attachment, Channel, ChatState, Contact, ListedChat, ListedMessage};
use crate::store::rows::{self, Attachments, ChatRow, GateRow, MessageRow, Write, differing};
use crate::store::{StoreError, Stored, Transaction};

/// How a page of chats differs from what is stored.
#[derive(Clone, Debug, Default)]
pub struct ChatComparison {
    /// The rows to write.
    pub rows: Rows,
    /// Chats as they were stored before the page.
    pub stored: HashMap<i64, ChatRow>,
    /// Chats that stand in the page just as they are stored.
    pub known: HashSet<i64>,
}

/// How a page of messages differs from what is stored.
#[derive(Clone, Debug, Default)]
pub struct MessageComparison {
    /// The rows to write.
    pub rows: Rows,
    /// Messages that stand in the page just as they are stored.
    pub known: HashSet<i64>,
    /// Messages that this page adds to those that the mirror counts as listed in the chat.
    pub gained: i64,
    /// Other chats that held one of these messages before.
    pub left: HashSet<i64>,
}

impl Transaction {
    /// Compares a page of chats, read at `at`, with the file. `state`: what the list tells of their state.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn compare_chats(
        &mut self,
        listed: &[&ListedChat],
        state: Option<ChatState>,
        at: Timestamp,
    ) -> Result<ChatComparison, StoreError> {
        let ids: Vec<i64> = listed.iter().map(|listed| listed.chat.id).collect();
        let stored = rows::load_chats(self.connection().await?, ids.iter().copied()).await?;
        let chats = listed.iter().map(|listed| ChatRow {
            chat: listed.chat.clone(),
            state: state.or_else(|| stored.get(&listed.chat.id).and_then(|row| row.state)),
            missing_since: None,
            deleted_at: None,
        });
        let chats = differing(chats, stored.clone());
        let changed: HashSet<i64> = chats.iter().map(|write| write.row.chat.id).collect();
        let gates = rows::load_gates(self.connection().await?, ids.iter().copied()).await?;
        let channels = listed.iter().flat_map(|listed| &listed.channels);
        let referred = listed
            .iter()
            .flat_map(|listed| listed.gates.iter().filter_map(|gate| gate.channel_id));
        Ok(ChatComparison {
            rows: Rows {
                channels: self.compare_channels(channels, referred).await?,
                contacts: self
                    .compare_contacts(listed.iter().filter_map(|listed| listed.contact.as_ref()))
                    .await?,
                chats,
                gates: differing(gates_as_listed(listed, &gates, at), gates),
                ..Rows::default()
            },
            stored,
            known: ids.into_iter().filter(|id| !changed.contains(id)).collect(),
        })
    }

    /// Compares a page of one chat's messages, read at `at`, with what is stored of it.
    ///
    /// # Errors
    /// Whatever SQLite says.
    pub async fn compare_messages(
        &mut self,
        chat_id: i64,
        stored: &Stored,
        listed: &[&ListedMessage],
        at: Timestamp,
    ) -> Result<MessageComparison, StoreError> {
        let ids: Vec<i64> = listed.iter().map(|listed| listed.message.id).collect();
        let rows = listed
            .iter()
            .map(|listed| message_row(listed, &stored.messages));
        let messages = differing(rows, stored.messages.clone());
        let (attachments, gone_attachments) =
            compare_attachments(listed, stored.attachments.clone());
        let channels = listed.iter().filter_map(|listed| listed.channel.as_ref());
        let referred = listed.iter().filter_map(|listed| listed.message.channel_id);
        let mut comparison = MessageComparison {
            rows: Rows {
                channels: self.compare_channels(channels, referred).await?,
                gates: former_gates(&stored.gates, listed, at),
                messages,
                attachments,
                gone_attachments,
                ..Rows::default()
            },
            ..MessageComparison::default()
        };
        comparison.count(chat_id, &ids);
        Ok(comparison)
    }

    /// Channels come with every gate, and a gate may carry an older copy: the latest counts. A channel
    /// that is only referred to gets a row that says no more than that it exists.
    async fn compare_channels<'a>(
        &mut self,
        arrived: impl Iterator<Item = &'a Channel>,
        referred: impl Iterator<Item = i64>,
    ) -> Result<Vec<Write<Channel>>, StoreError> {
        let mut latest: HashMap<i64, Channel> = HashMap::new();
        for channel in arrived {
            match latest.get(&channel.id) {
                Some(other) if other.updated_at > channel.updated_at => {}
                _ => {
                    latest.insert(channel.id, channel.clone());
                }
            }
        }
        let referred: HashSet<i64> = referred.chain(latest.keys().copied()).collect();
        let stored = self.stored_channels(&referred).await?;
        for id in referred {
            if !stored.contains_key(&id) {
                latest.entry(id).or_insert_with(|| Channel::bare(id));
            }
        }
        latest.retain(|id, channel| {
            stored
                .get(id)
                .is_none_or(|stored| stored.updated_at <= channel.updated_at)
        });
        let mut latest: Vec<Channel> = latest.into_values().collect();
        latest.sort_unstable_by_key(|channel| channel.id);
        Ok(differing(latest, stored))
    }

    /// A chat shows little of its contact: what it does not say stays as it is stored.
    async fn compare_contacts<'a>(
        &mut self,
        arrived: impl Iterator<Item = &'a Contact>,
    ) -> Result<Vec<Write<Contact>>, StoreError> {
        let arrived: Vec<&Contact> = arrived.collect();
        let ids = arrived.iter().map(|contact| contact.id);
        let stored = rows::load_contacts(self.connection().await?, ids).await?;
        let merged: Vec<Contact> = arrived
            .into_iter()
            .map(|contact| match stored.get(&contact.id) {
                Some(stored) => completed(contact, stored),
                None => contact.clone(),
            })
            .collect();
        Ok(differing(merged, stored))
    }

    /// These channels as they are stored. There are few and every page names some, so they are kept at hand.
    async fn stored_channels(
        &mut self,
        ids: &HashSet<i64>,
    ) -> Result<HashMap<i64, Channel>, StoreError> {
        let at_hand = self.channels();
        let unknown: Vec<i64> = ids
            .iter()
            .copied()
            .filter(|id| !at_hand.contains_key(id))
            .collect();
        if !unknown.is_empty() {
            // Those of the pages that are still to be written are at hand.
            let loaded = rows::load_channels(self.aside()?, unknown).await?;
            self.channels().extend(loaded);
        }
        let at_hand = self.channels();
        let stored = ids
            .iter()
            .filter_map(|id| Some((*id, at_hand.get(id)?.clone())));
        Ok(stored.collect())
    }
}

impl MessageComparison {
    fn count(&mut self, chat_id: i64, ids: &[i64]) {
        self.known = ids.iter().copied().collect();
        for Write { row, before } in &self.rows.messages {
            self.known.remove(&row.message.id);
            match before {
                None => self.gained += 1,
                Some(before) if before.message.chat_id != chat_id => {
                    self.left.insert(before.message.chat_id);
                    self.gained += 1;
                }
                Some(before) if before.missing_since.is_some() => self.gained += 1,
                Some(_) => {}
            }
        }
    }
}

/// The attachments that differ, and those that their messages no longer have.
fn compare_attachments(
    listed: &[&ListedMessage],
    mut stored: Attachments,
) -> (Vec<Write<Attachment>>, Vec<Attachment>) {
    // What a deleted message no longer shows is kept, as its text is.
    for listed in listed
        .iter()
        .filter(|listed| listed.message.deleted_at.is_some())
    {
        if listed.attachments.is_empty() {
            stored.retain(|(message_id, _), _| *message_id != listed.message.id);
        }
    }
    let arrived: Vec<Attachment> = listed
        .iter()
        .flat_map(|listed| listed.attachments.clone())
        .collect();
    let kept: HashSet<(i64, i64)> = arrived
        .iter()
        .map(|row| (row.message_id, row.position))
        .collect();
    let mut gone: Vec<Attachment> = stored
        .values()
        .filter(|row| !kept.contains(&(row.message_id, row.position)))
        .cloned()
        .collect();
    gone.sort_unstable_by_key(|row| (row.message_id, row.position));
    (differing(arrived, stored), gone)
}

/// A message may have come through a gate that its chat no longer lists: that gate is kept as removed. Of a gate that is
/// `stored`, the chat's own word counts.
fn former_gates(
    stored: &HashSet<i64>,
    listed: &[&ListedMessage],
    at: Timestamp,
) -> Vec<Write<GateRow>> {
    let former = listed
        .iter()
        .filter_map(|listed| listed.gate.as_ref())
        .filter(|gate| !stored.contains(&gate.id))
        .map(|gate| GateRow {
            gate: gate.clone(),
            removed_at: Some(at),
        });
    differing(former, HashMap::new())
}

/// The gates of the listed chats as they are to be stored: those no longer listed are removed as of `at`.
fn gates_as_listed(
    listed: &[&ListedChat],
    stored: &HashMap<(i64, i64), GateRow>,
    at: Timestamp,
) -> Vec<GateRow> {
    let mut gates: Vec<GateRow> = listed
        .iter()
        .flat_map(|listed| &listed.gates)
        .map(|gate| GateRow {
            gate: gate.clone(),
            removed_at: None,
        })
        .collect();
    let present: HashSet<(i64, i64)> = gates
        .iter()
        .map(|row| (row.gate.chat_id, row.gate.id))
        .collect();
    let mut gone: Vec<GateRow> = stored
        .iter()
        .filter(|(key, row)| !present.contains(key) && row.removed_at.is_none())
        .map(|(_, row)| GateRow {
            removed_at: Some(at),
            ..row.clone()
        })
        .collect();
    gone.sort_unstable_by_key(|row| (row.gate.chat_id, row.gate.id));
    gates.append(&mut gone);
    gates
}

/// A message as it is to be stored. A deleted one keeps the text that is known of it, and the moment at which it was
/// first known to be deleted: a source that does not tell it gives another at each reading.
fn message_row(listed: &ListedMessage, stored: &HashMap<i64, MessageRow>) -> MessageRow {
    let mut message = listed.message.clone();
    if message.deleted_at.is_some()
        && let Some(before) = stored.get(&message.id)
    {
        // Of a message that was missing, the stored moment is only when the mirror was sure: the source's word counts.
        if before.missing_since.is_none() {
            message.deleted_at = before.message.deleted_at.or(message.deleted_at);
        }
        message.text = message.text.or_else(|| before.message.text.clone());
    }
    MessageRow {
        message,
        missing_since: None,
    }
}

fn completed(contact: &Contact, stored: &Contact) -> Contact {
    Contact {
        id: contact.id,
        original_id: contact.original_id.or(stored.original_id),
        name: contact.name.clone().or_else(|| stored.name.clone()),
        phone: contact.phone.clone().or_else(|| stored.phone.clone()),
        email: contact.email.clone().or_else(|| stored.email.clone()),
        project_id: contact.project_id.or(stored.project_id),
        created_at: contact.created_at.or(stored.created_at),
        updated_at: contact.updated_at.or(stored.updated_at),
        extra: contact.extra.clone(),
    }
}
