//! What the mirror holds, as the oracle reads it.

use std::collections::BTreeMap;

use chatmirror::clock::Timestamp;
use chatmirror::simulator::{Chat, Message};
use sqlx::SqliteConnection;

use crate::support::dump::{self, Columns};
use crate::support::truth;

/// What the mirror holds, by its own tables.
pub struct Mirrored {
    pub chats: BTreeMap<i64, Columns>,
    pub messages: BTreeMap<i64, Columns>,
    rejects: Vec<Columns>,
    /// What `freshness` claims.
    pub complete_through: Option<Timestamp>,
    /// Chat to the moment at which its list stood as it is stored.
    pub claimed: BTreeMap<i64, Timestamp>,
}

impl Mirrored {
    /// As the file says just now.
    pub async fn read(connection: &mut SqliteConnection) -> Self {
        let by_id = |rows: Vec<Columns>| {
            rows.into_iter()
                .map(|row| (row["id"].as_i64().unwrap(), row))
                .collect()
        };
        let freshness = "select complete_through from freshness";
        let freshness = dump::rows(connection, freshness).await;
        let claimed = "select chat_id, claimed_at from chat_sync where claimed_at is not null";
        let claimed = dump::rows(connection, claimed).await;
        let claimed = claimed.iter().map(|row| {
            let moment = row["claimed_at"].as_str().unwrap().parse().unwrap();
            (row["chat_id"].as_i64().unwrap(), moment)
        });
        let unread = "select stream, item_id from rejects where resolved_at is null";
        Self {
            chats: by_id(dump::rows(connection, "select * from chats").await),
            messages: by_id(dump::rows(connection, "select * from messages").await),
            rejects: dump::rows(connection, unread).await,
            complete_through: freshness[0]["complete_through"]
                .as_str()
                .map(|text| text.parse().unwrap()),
            claimed: claimed.collect(),
        }
    }

    /// A message far down in its chat whose change moved `updatedAt` last, with nothing newer to hide behind, is stored as it is.
    pub fn shows(&self, chat: &Chat, message: &Message) -> Result<(), String> {
        let Some(row) = self.messages.get(&message.id) else {
            return Ok(());
        };
        let expected = truth::expected_message(chat, message);
        let stale = expected
            .iter()
            .find(|(column, value)| row[**column] != **value);
        match stale {
            Some((column, value)) if !self.is_set_aside(chat.id, Some(message.id)) => Err(format!(
                "I2: {column} of message {}, which moved chat {}, is {}, not {value}",
                message.id, chat.id, row[*column]
            )),
            _ => Ok(()),
        }
    }

    /// Whether the message is stored under this chat, and not missing from it.
    pub fn has(&self, message: i64, chat: i64) -> bool {
        self.messages
            .get(&message)
            .is_some_and(|row| row["chat_id"] == chat && row["missing_since"].is_null())
    }

    /// Whether an item that could not be read may be this one, or the chat that it is in.
    pub fn is_set_aside(&self, chat: i64, message: Option<i64>) -> bool {
        let messages = format!("messages/{chat}");
        self.rejects.iter().any(|reject| {
            let stream = reject["stream"].as_str().unwrap();
            let id = reject["item_id"].as_i64();
            let in_list = stream.starts_with("chats") && (id.is_none() || id == Some(chat));
            let in_chat = stream == messages && (id.is_none() || id == message);
            in_list || in_chat
        })
    }
}
