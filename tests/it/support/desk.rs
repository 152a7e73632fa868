//! A mirror whose messages are written by hand, straight through the store: for answers that can be reckoned by hand.

use std::collections::BTreeMap;
use std::path::PathBuf;

use chatmirror::clock::Timestamp;
use chatmirror::model::{Channel, Chat, ChatState, Direction, Json, ListedMessage, Message};
use chatmirror::plan::Mode;
use chatmirror::store::{Batch, ChatRow, Lookup, MessageRow, Rows, Store, Write};
use tempfile::TempDir;

use super::noon;

/// The mirror, open for writing.
pub struct Desk {
    pub store: Store,
    run_id: i64,
    dir: PathBuf,
    /// The directory's end, where it is to end with the mirror.
    temporary: Option<TempDir>,
}

impl Desk {
    /// An empty mirror.
    pub async fn open() -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let desk = Self::open_in(temporary.path().to_owned()).await;
        Self {
            temporary: Some(temporary),
            ..desk
        }
    }

    /// The mirror in this directory, which stays.
    pub async fn open_in(dir: PathBuf) -> Self {
        let store = Store::open(&dir.join("mirror.db")).await.unwrap();
        let run_id = store.begin_run(Mode::Backfill, noon()).await.unwrap();
        Self {
            store,
            run_id,
            dir,
            temporary: None,
        }
    }

    pub fn path(&self) -> PathBuf {
        self.dir.join("mirror.db")
    }

    /// Closes the mirror, and gives the directory for as long as it is held.
    pub async fn into_dir(self) -> Option<TempDir> {
        self.store.close().await;
        self.temporary
    }

    /// A channel with this number, of this type.
    pub async fn channel(&self, id: i64, kind: &str) {
        let row = Channel {
            kind: Some(kind.to_owned()),
            name: Some(format!("our {kind}")),
            ..Channel::bare(id)
        };
        let channels = vec![Write { row, before: None }];
        self.write(Rows {
            channels,
            ..Rows::default()
        })
        .await;
    }

    /// Chats with these numbers, in this state.
    pub async fn chats(&self, ids: impl IntoIterator<Item = i64>, state: ChatState) {
        let row = |id| ChatRow {
            chat: Chat {
                id,
                contact_id: None,
                name: Some(format!("chat {id}")),
                image_url: None,
                project_id: None,
                created_at: None,
                updated_at: noon(),
                extra: Json::empty_object(),
            },
            state: Some(state),
            missing_since: None,
            deleted_at: None,
        };
        let writes = ids.into_iter().map(|id| Write {
            row: row(id),
            before: None,
        });
        self.write(Rows {
            chats: writes.collect(),
            ..Rows::default()
        })
        .await;
    }

    /// Writes messages, new ones and changed ones.
    pub async fn say(&self, messages: Vec<Message>) {
        let mut transaction = self.store.begin().await.unwrap();
        let ids: Vec<i64> = messages.iter().map(|message| message.id).collect();
        let stored = transaction.messages(&ids).await.unwrap();
        let mut stored: BTreeMap<i64, MessageRow> = stored
            .into_iter()
            .map(|row| (row.message.id, row))
            .collect();
        let writes = messages.into_iter().map(|message| Write {
            before: stored.remove(&message.id),
            row: MessageRow {
                message,
                missing_since: None,
            },
        });
        let rows = Rows {
            messages: writes.collect(),
            ..Rows::default()
        };
        transaction.commit(self.batch(rows)).await.unwrap();
    }

    /// Writes a page of a chat's messages, which have nothing attached, as a pass does: pages of several chats at a time share
    /// their transactions.
    pub async fn page(&self, messages: Vec<Message>) {
        let chat_id = messages[0].chat_id;
        let lookup = Lookup {
            chat_id,
            stream: format!("messages/{chat_id}"),
            ids: messages.iter().map(|message| message.id).collect(),
        };
        let listed: Vec<ListedMessage> = messages
            .into_iter()
            .map(|message| ListedMessage {
                message,
                attachments: Vec::new(),
                gate: None,
                channel: None,
            })
            .collect();
        let listed: Vec<&ListedMessage> = listed.iter().collect();
        let (mut transaction, stored) = self.store.begin_page(lookup).await.unwrap();
        let comparison = transaction
            .compare_messages(chat_id, &stored, &listed, noon())
            .await
            .unwrap();
        let batch = self.batch(comparison.rows);
        transaction.commit(batch).await.unwrap();
    }

    async fn write(&self, rows: Rows) {
        let transaction = self.store.begin().await.unwrap();
        transaction.commit(self.batch(rows)).await.unwrap();
    }

    fn batch(&self, rows: Rows) -> Batch {
        Batch {
            rows,
            ..Batch::new(self.run_id, "by hand".to_owned(), None, noon())
        }
    }
}

/// A message of `chat`, said by `sender_type` at `at`, which is the start of a moment's text: `2026-03-02 09:00`.
pub fn said(id: i64, chat: i64, at: &str, sender_type: &str, text: &str) -> Message {
    let direction = match sender_type {
        "contact" => Some(Direction::Inbound),
        "integration" => None,
        _ => Some(Direction::Outbound),
    };
    Message {
        id,
        chat_id: chat,
        gate_id: None,
        channel_id: None,
        direction,
        kind: Some("text".to_owned()),
        text: Some(text.to_owned()),
        sender_type: Some(sender_type.to_owned()),
        sender_name: (sender_type == "operator").then(|| "Olha".to_owned()),
        sender_image_url: None,
        operator_id: None,
        internal: Some(false),
        state: None,
        state_message: None,
        created_at: moment(at),
        delivered_at: None,
        seen_at: None,
        edited_at: None,
        deleted_at: None,
        content: Json::empty_object(),
        extra: Json::empty_object(),
    }
}

/// The moment that begins like this; nothing for the empty text.
pub fn moment(at: &str) -> Option<Timestamp> {
    const WHOLE: &str = "0000-00-00 00:00:00.000";
    (!at.is_empty()).then(|| format!("{at}{}", &WHOLE[at.len()..]).parse().unwrap())
}
