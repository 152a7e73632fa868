//! What the file says of a page of a chat's messages, at one glance: a page is held against it, so it must cost one
//! question and not eight; and pages that arrive together are looked up together.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde::Serialize;
use sqlx::SqliteConnection;

use super::StoreError;
use super::rows::{self, Attachments, MessageRow};
use crate::clock::Timestamp;
use crate::model::ChatList;

/// A page of a chat's messages that is to be looked up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lookup {
    /// The chat.
    pub chat_id: i64,
    /// The name of its list.
    pub stream: String,
    /// The messages in the page.
    #[serde(skip)]
    pub ids: Vec<i64>,
}

/// What is stored of a page of messages, and of the chat beside it.
#[derive(Clone, Debug, Default)]
pub struct Stored {
    /// When the chat last changed, by the list of chats.
    pub updated_at: Option<Timestamp>,
    /// Messages that the mirror counts as listed in it.
    pub listed: i64,
    /// Its gates, those that it no longer lists included.
    pub gates: HashSet<i64>,
    /// Whether it has messages that are missing, and not yet known to be deleted.
    pub has_missing: bool,
    /// Whether items of its list could not be read, and have not been since.
    pub has_rejects: bool,
    /// Through when the lists of chats have been seen.
    pub watermark: Option<Timestamp>,
    /// The messages of the page that are stored, in whatever chat.
    pub(super) messages: HashMap<i64, MessageRow>,
    /// Their attachments.
    pub(super) attachments: Attachments,
}

/// Lookups that were answered for pages whose turn is still to come, by chat.
#[derive(Debug, Default)]
pub(super) struct Answers(HashMap<i64, (Arc<Lookup>, Stored)>);

impl Answers {
    /// The answer to this very lookup, if it is at hand.
    pub(super) fn take(&mut self, lookup: &Lookup) -> Option<Stored> {
        let (asked, stored) = self.0.remove(&lookup.chat_id)?;
        (*asked == *lookup).then_some(stored)
    }

    /// Drops what is no longer true after something was written of these chats and these messages.
    pub(super) fn forget(&mut self, chats: &HashSet<i64>, messages: &HashSet<i64>) {
        self.0.retain(|chat_id, (lookup, _)| {
            !chats.contains(chat_id)
                && (messages.is_empty() || !lookup.ids.iter().any(|id| messages.contains(id)))
        });
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Answers `first`, and those of the `others` that have neither its chat nor a message with it or each other in common:
    /// what is written of the one page cannot change what was looked up for the next.
    pub(super) async fn look_up(
        connection: &mut SqliteConnection,
        first: Arc<Lookup>,
        others: Vec<Arc<Lookup>>,
    ) -> Result<Self, StoreError> {
        let lookups = apart(first, others);
        let mut answers = chats(connection, &lookups).await?;
        let ids = lookups.iter().flat_map(|lookup| &lookup.ids);
        let mut messages = rows::load_messages(connection, ids.copied()).await?;
        let stored: Vec<i64> = messages.keys().copied().collect();
        // A message that is not stored has no attachments there.
        let mut attachments = rows::load_attachments(connection, stored).await?;
        for (lookup, answer) in answers.values_mut() {
            for id in &lookup.ids {
                answer.messages.extend(messages.remove_entry(id));
            }
            let here = |message_id: &i64| answer.messages.contains_key(message_id);
            let theirs = attachments.extract_if(|(message_id, _), _| here(message_id));
            answer.attachments = theirs.collect();
        }
        Ok(Self(answers))
    }
}

fn apart(first: Arc<Lookup>, others: Vec<Arc<Lookup>>) -> Vec<Arc<Lookup>> {
    let mut chats = HashSet::from([first.chat_id]);
    let mut messages: HashSet<i64> = first.ids.iter().copied().collect();
    let mut lookups = vec![first];
    for other in others {
        if chats.contains(&other.chat_id) || other.ids.iter().any(|id| messages.contains(id)) {
            continue;
        }
        chats.insert(other.chat_id);
        messages.extend(&other.ids);
        lookups.push(other);
    }
    lookups
}

/// What is stored of these chats beside their messages.
async fn chats(
    connection: &mut SqliteConnection,
    lookups: &[Arc<Lookup>],
) -> Result<HashMap<i64, (Arc<Lookup>, Stored)>, StoreError> {
    let pages =
        serde_json::to_string(&lookups.iter().map(AsRef::as_ref).collect::<Vec<&Lookup>>())?;
    let lists = ChatList::All.to_string();
    let rows = sqlx::query!(
        r#"select page.chat_id as "chat_id!: i64",
                  (select updated_at from chats where id = page.chat_id) as "updated_at?: Timestamp",
                  (
                      select count(*) from messages where chat_id = page.chat_id and missing_since is null
                  ) as "listed!: i64",
                  (select json_group_array(id) from gates where chat_id = page.chat_id) as "gates!: String",
                  exists (
                      select 1 from messages
                      where chat_id = page.chat_id and missing_since is not null and deleted_at is null
                  ) as "has_missing!: bool",
                  exists (
                      select 1 from rejects where stream = page.stream and resolved_at is null
                  ) as "has_rejects!: bool",
                  (select watermark from checkpoints where stream = ?2) as "watermark?: Timestamp"
           from (select value->>'chat_id' as chat_id, value->>'stream' as stream from jsonb_each(?1)) as page"#,
        pages,
        lists
    )
    .fetch_all(connection)
    .await?;
    let mut found = HashMap::with_capacity(rows.len());
    for row in rows {
        let stored = Stored {
            updated_at: row.updated_at,
            listed: row.listed,
            gates: serde_json::from_str(&row.gates)?,
            has_missing: row.has_missing,
            has_rejects: row.has_rejects,
            watermark: row.watermark,
            ..Stored::default()
        };
        found.insert(row.chat_id, stored);
    }
    let answered = lookups.iter().filter_map(|lookup| {
        let stored = found.remove(&lookup.chat_id)?;
        Some((lookup.chat_id, (Arc::clone(lookup), stored)))
    });
    Ok(answered.collect())
}
